//! A new head from a base set and what users reported. Reported pictures are put into groups of near-duplicates, each group gets
//! the label that its users agree on, weighted by how far they are believed; the head is trained on both sets, and judged on
//! parts that it was not trained on.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use faer::{Mat, MatRef, Scale};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    TrainingError, Watch,
    base::{BaseSet, matrix},
    calibration::{Calibrator, Probabilities, Threshold, thresholds},
    examples::Examples,
    groups,
    head::{self, COMPARED, Equations, HAM_WEIGHT, Kernel, Part, Shape, class_weights, scores, select, shapes},
    onnx::Graph,
};
use crate::{
    config::Quorum,
    feedback::{CLASSES, Opinion, Trust, Vote, opinion},
};

/// Parts in which scores out of fold are made.
const FOLDS: usize = 5;
/// Landmarks at most: fewer than `train` takes, for 1 GB of memory.
const LANDMARKS: usize = 5000;
/// How much more a reported picture weighs than one of the base set, at least. Chosen on challenge 1 (`cargo bench --bench learning --
/// curve`): after 100 reports 1, 4, 16 and 64 found 29, 38, 44 and 47 % of the other half, with the same false alarms.
const REPORT_WEIGHT: f64 = 16.0;
/// What all reported pictures weigh together, at least: the first few must be heard among 20,000 others, and a wrong label among many
/// must not be. In a prototype 5 and 20 reports that weighed 256 each found 19.4 and 29.4 instead of 18.4 and 28.1 % of challenge 1,
/// likewise.
const TOGETHER: f64 = 6400.0;

/// Pictures that were reported.
pub struct Reported {
    /// Projected vectors, of no class yet.
    pub examples: Examples,
    /// Reactions to each.
    pub votes: Vec<Vec<Vote>>,
    /// What the head in use says of each.
    pub current: Probabilities,
}

impl Reported {
    /// None yet.
    pub fn new(base: &BaseSet) -> Self {
        let mut examples = Examples::new(base.examples.classes.clone(), base.examples.dimension);
        examples.tuned.clone_from(&base.examples.tuned);
        Self { examples, votes: Vec::new(), current: Vec::new() }
    }

    /// Adds pictures: vectors as the backbone gives them, one behind the other.
    ///
    /// # Errors
    /// If a vector has another number of features, or one that is no number.
    pub fn add(
        &mut self,
        base: &BaseSet,
        features: Vec<f32>,
        pictures: Vec<(u64, Vec<Vote>)>,
        current: Probabilities,
    ) -> Result<(), TrainingError> {
        let mut raw = Examples::new(Vec::new(), base.projection.features());
        for (vector, (hash, _)) in features.chunks(raw.dimension).zip(&pictures) {
            raw.push(0, "reports".into(), String::new(), Some(*hash), vector)
                .map_err(|problem| TrainingError::Data(format!("a picture of the store {problem}")))?;
        }
        self.examples.append(base.projected(&raw)?);
        self.votes.extend(pictures.into_iter().map(|(_, votes)| votes));
        self.current.extend(current);
        Ok(())
    }

    /// The pictures on which users agree, labelled.
    ///
    /// # Errors
    /// If the work is to stop.
    pub fn lesson(&self, quorum: &Quorum, watch: &Watch) -> Result<Lesson, TrainingError> {
        let groups = groups::groups_of(compared(matrix(&self.examples).as_ref(), &self.examples), &self.examples.hashes, watch)?;
        let mut together: BTreeMap<usize, Vec<Vote>> = BTreeMap::new();
        groups.iter().zip(&self.votes).for_each(|(group, votes)| together.entry(*group).or_default().extend(votes));
        let trust = Trust::of(together.values().map(Vec::as_slice));
        let (mut rows, mut labels, mut weights, mut latest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, group) in groups.iter().enumerate() {
            let votes = &together[group];
            let Some(agreed) = opinion(votes, &trust).filter(|opinion| opinion.reaches(quorum)) else { continue };
            let class = self.examples.classes.iter().position(|class| class == CLASSES[agreed.class]);
            // A model without the class "ad" learns nothing from advertisements.
            let Some(class) = class else { continue };
            rows.push(row);
            labels.push(class);
            weights.push(belief(&agreed));
            latest.push(votes.iter().map(|vote| vote.at).max().unwrap_or(0));
        }
        let mut examples = self.examples.select(&rows);
        examples.labels = labels;
        let current = rows.iter().map(|row| self.current[*row].clone()).collect();
        Ok(Lesson { examples, weights, latest, current })
    }
}

/// Reported pictures with the labels that their users agree on.
pub struct Lesson {
    /// Projected vectors, labelled.
    pub examples: Examples,
    /// How far each label is to be believed, 0 to 1; see [`belief`].
    pub weights: Vec<f64>,
    /// When the last reaction to each came, in seconds since 1970.
    pub latest: Vec<i64>,
    /// What the head in use says of each.
    pub current: Probabilities,
}

/// Weight of agreement beyond which a label is not believed more.
const SURE: f64 = 2.0;

/// How far a label is believed, 0 to 1: by the weight of the users who agree on it less that of those who don't, as a share of
/// [`SURE`].
pub fn belief(opinion: &Opinion) -> f64 {
    let against = opinion.weight * (1.0 / opinion.consistency.max(f64::MIN_POSITIVE) - 1.0);
    ((opinion.weight - against) / SURE).clamp(0.0, 1.0)
}

/// A head that was learned, and what is known of it.
pub struct Candidate {
    kernel: Kernel,
    calibrator: Calibrator,
    classes: usize,
    /// From the base set's ham.
    pub thresholds: Vec<Threshold>,
    /// Of each row of the base set, by a head that saw neither it nor a near-duplicate.
    pub base: Probabilities,
    /// The same of each reported picture.
    pub reported: Probabilities,
}

impl Candidate {
    /// Trains on the base set and a lesson.
    ///
    /// # Errors
    /// If the equations can't be solved, or the work is to stop.
    pub fn train(base: &BaseSet, lesson: &Lesson, seed: u64, watch: &Watch) -> Result<Self, TrainingError> {
        let (known, classes) = (base.examples.len(), base.examples.classes.len());
        let labels: Vec<usize> = base.examples.labels.iter().chain(&lesson.examples.labels).copied().collect();
        let rows = labels.len();
        let vectors = both(&base.examples, &lesson.examples);
        let folds = folds(base, lesson, vectors.as_ref(), seed, watch)?;
        let task = Task { vectors: vectors.as_ref(), labels: &labels, folds: &folds, lesson, known, classes, seed };
        let plain = plain(&base.examples);
        let shapes = shapes(base.examples.is_tuned());
        watch.begin("training", shapes.len() as u64 * (2 * Equations::steps(rows) + FOLDS as u64 + 1));
        let (mut parts, mut out_of_fold) = (Vec::new(), Mat::zeros(rows, classes));
        for shape in shapes {
            let columns = if shape.tuned { plain..base.examples.dimension } else { 0..plain };
            let learned: Vec<usize> =
                (0..rows).filter(|row| !shape.tuned || *row >= known || !base.examples.seen[*row]).collect();
            let (part, scores) = task.train(columns, base, &learned, shape, watch)?;
            out_of_fold += scores;
            parts.push(part);
        }
        watch.end();
        // What the backbone was tuned on is scored better than what it never saw.
        let unseen = base.examples.unseen();
        let judged: Vec<usize> = unseen.iter().copied().chain(known..rows).collect();
        let truth: Vec<usize> = judged.iter().map(|row| labels[*row]).collect();
        let calibrator = Calibrator::fit(&select(out_of_fold.as_ref(), &judged), &truth)?;
        let mut probabilities = calibrator.apply(&out_of_fold)?;
        let reported = probabilities.split_off(known);
        // Spam that users took for ham would count as so many false alarms, and raise the thresholds for all.
        let judged = unseen.iter().map(|row| probabilities[*row].clone()).collect();
        let thresholds = thresholds(&truth[..unseen.len()], &judged);
        Ok(Self { kernel: Kernel { parts }, calibrator, classes, thresholds, base: probabilities, reported })
    }

    /// `head.onnx`.
    pub fn onnx(&self, features: usize) -> Vec<u8> {
        let mut graph = Graph::default();
        let scores = self.kernel.write(&mut graph, Graph::INPUT);
        self.calibrator.write(&mut graph, &scores);
        graph.finish(features, self.classes)
    }

    /// What the head, trained on all, says of projected vectors that it was not trained on.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn probabilities(&self, vectors: &Examples) -> Result<Probabilities, TrainingError> {
        let vectors = matrix(vectors);
        let (mut sum, mut first) = (Mat::zeros(vectors.nrows(), self.classes), 0);
        for part in &self.kernel.parts {
            let block = vectors.as_ref().subcols(first, part.projection.width());
            sum += scores(block, part.landmarks.as_ref(), part.weights.as_ref());
            first += part.projection.width();
        }
        self.calibrator.apply(&sum)
    }
}

/// What all functions of a head are trained on: the base set and, behind it, the lesson.
struct Task<'a> {
    /// Rows x components.
    vectors: MatRef<'a, f32>,
    labels: &'a [usize],
    folds: &'a [usize],
    lesson: &'a Lesson,
    /// Rows of the base set.
    known: usize,
    classes: usize,
    seed: u64,
}

impl Task<'_> {
    /// A function that reads these components and learns of the rows `learned`; and the scores of all rows by functions that learned
    /// of the other folds.
    fn train(
        &self,
        columns: Range<usize>,
        base: &BaseSet,
        learned: &[usize],
        shape: &Shape,
        watch: &Watch,
    ) -> Result<(Part, Mat<f32>), TrainingError> {
        let (vectors, classes) = (self.vectors.subcols(columns.start, columns.len()), self.classes);
        let mut counts = vec![0; classes];
        learned.iter().for_each(|row| counts[self.labels[*row]] += 1);
        let weights = class_weights(&counts);
        let report_weight = REPORT_WEIGHT.max(TOGETHER / self.lesson.examples.len().max(1) as f64);
        let label = |row: usize| self.labels[row];
        let weight = |row: usize| match row.checked_sub(self.known) {
            None => weights[label(row)],
            // Users call much spam ham: their ham has no more weight than its class's share gives it.
            Some(row) if self.lesson.examples.labels[row] == 0 => {
                weights[0] / HAM_WEIGHT * report_weight * self.lesson.weights[row]
            }
            Some(row) => weights[self.lesson.examples.labels[row]] * report_weight * self.lesson.weights[row],
        };
        let landmarks = select(vectors, &self.landmarks(vectors, learned, shape.landmarks.min(LANDMARKS))?);
        let mut total = Equations::new(landmarks.nrows(), classes);
        total.add(vectors, learned, landmarks.as_ref(), (&label, &weight), watch)?;
        let mut out_of_fold = Mat::zeros(vectors.nrows(), classes);
        for fold in 0..FOLDS {
            let held_out: Vec<usize> = learned.iter().copied().filter(|row| self.folds[*row] == fold).collect();
            let mut part = Equations::new(landmarks.nrows(), classes);
            part.add(vectors, &held_out, landmarks.as_ref(), (&label, &weight), watch)?;
            let found = total.without(part).solve(landmarks.as_ref())?;
            let scored: Vec<usize> = (0..vectors.nrows()).filter(|row| self.folds[*row] == fold).collect();
            let found = scores(select(vectors, &scored).as_ref(), landmarks.as_ref(), found.as_ref());
            for (place, row) in scored.into_iter().enumerate() {
                (0..classes).for_each(|class| out_of_fold[(row, class)] = shape.share * found[(place, class)]);
            }
            watch.step(1)?;
        }
        let weights = Scale(shape.share) * total.solve(landmarks.as_ref())?;
        watch.step(1)?;
        Ok((Part { projection: base.projection.components(columns), landmarks, weights }, out_of_fold))
    }

    /// Of the rows that are learned of every reported picture, as far as half of the landmarks go, and as many of the base set as
    /// there is room for.
    fn landmarks(&self, vectors: MatRef<'_, f32>, learned: &[usize], count: usize) -> Result<Vec<usize>, TrainingError> {
        let (base, mut chosen): (Vec<usize>, Vec<usize>) = learned.iter().partition(|row| **row < self.known);
        chosen.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed));
        chosen.truncate(count / 2);
        chosen.extend(head::landmarks(vectors, &base, |row| self.labels[row], count - chosen.len(), self.seed)?);
        Ok(chosen)
    }
}

/// How many components are not of tuned weights; they come first.
fn plain(projected: &Examples) -> usize {
    projected.tuned.iter().position(|tuned| *tuned).unwrap_or(projected.dimension)
}

/// The components of largest variance, which stand last, of what is not tuned.
fn compared(vectors: MatRef<'_, f32>, of: &Examples) -> Mat<f32> {
    let plain = plain(of);
    let width = plain.min(COMPARED);
    vectors.subcols(plain - width, width).to_owned()
}

/// The vectors of two sets as one matrix: rows x components.
fn both(first: &Examples, second: &Examples) -> Mat<f32> {
    let row = |row: usize| if row < first.len() { first.row(row) } else { second.row(row - first.len()) };
    Mat::from_fn(first.len() + second.len(), first.dimension, |at, column| row(at)[column])
}

/// The fold of each row: of the base set as `train` deals them out; a reported picture goes with its near-duplicates, or in turn.
fn folds(
    base: &BaseSet,
    lesson: &Lesson,
    vectors: MatRef<'_, f32>,
    seed: u64,
    watch: &Watch,
) -> Result<Vec<usize>, TrainingError> {
    let (known, reported) = (&base.examples, &lesson.examples);
    let hashes: Vec<Option<u64>> = known.hashes.iter().chain(&reported.hashes).copied().collect();
    let groups = groups::groups_of(compared(vectors, known), &hashes, watch)?;
    let mut folds = groups::folds(known, &groups[..known.len()], FOLDS, seed);
    let mut of_group: HashMap<usize, usize> = groups.iter().copied().zip(folds.iter().copied()).collect();
    let mut next = vec![0; known.classes.len()];
    for (label, group) in reported.labels.iter().zip(&groups[known.len()..]) {
        let turn = &mut next[*label];
        let fold = *of_group.entry(*group).or_insert_with(|| {
            *turn += 1;
            *turn % FOLDS
        });
        folds.push(fold);
    }
    Ok(folds)
}
