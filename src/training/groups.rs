//! Near-duplicate groups, and splits that keep a group together: variants of one campaign on both sides of a split would
//! flatter every figure.

use std::collections::{BTreeMap, HashMap, HashSet};

use faer::{Mat, linalg::matmul::matmul};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{TrainingError, Watch, examples::Examples, head::project};

/// Cosine of standardised, projected vectors from which two pictures are near-duplicates by themselves.
const NEAR: f32 = 0.98;
/// The same, if their perceptual hashes differ in at most [`HASH_DISTANCE`] bits too.
const NEAR_BY_HASH: f32 = 0.9;
const HASH_DISTANCE: u32 = 4;
/// Rows compared at once.
const BLOCK: usize = 512;
/// A source of one class with less than this share of the class is left out of training whole.
const SMALL_SOURCE: f64 = 0.1;

/// The group of each example: a number, equal for near-duplicates of each other, directly or through others.
///
/// # Errors
/// If the work is to stop.
pub fn near_duplicate_groups(examples: &Examples, watch: &Watch) -> Result<Vec<usize>, TrainingError> {
    groups_of(project(examples)?, &examples.hashes, watch)
}

/// The same of vectors that are projected already (rows x components), and the pictures' perceptual hashes.
///
/// # Errors
/// If the work is to stop.
pub fn groups_of(mut vectors: Mat<f32>, hashes: &[Option<u64>], watch: &Watch) -> Result<Vec<usize>, TrainingError> {
    let (rows, width) = (vectors.nrows(), vectors.ncols());
    for row in 0..rows {
        let length = (0..width).map(|column| vectors[(row, column)].powi(2)).sum::<f32>().sqrt().max(1e-9);
        (0..width).for_each(|column| vectors[(row, column)] /= length);
    }
    let mut parent: Vec<usize> = (0..rows).collect();
    watch.begin("near-duplicates", rows as u64);
    for first in (0..rows).step_by(BLOCK) {
        let height = BLOCK.min(rows - first);
        let mut cosines = Mat::<f32>::zeros(height, rows - first);
        let (block, rest) = (vectors.subrows(first, height), vectors.subrows(first, rows - first));
        matmul(cosines.as_mut(), faer::Accum::Replace, block, rest.transpose(), 1.0, faer::get_global_parallelism());
        for column in 0..rows - first {
            for row in 0..height.min(column) {
                let cosine = cosines[(row, column)];
                if cosine >= NEAR_BY_HASH {
                    let (a, b) = (first + row, first + column);
                    if cosine >= NEAR || hashes_near(hashes[a], hashes[b]) {
                        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
                        parent[a.max(b)] = a.min(b);
                    }
                }
            }
        }
        watch.step(height as u64)?;
    }
    watch.end();
    Ok((0..rows).map(|row| root(&mut parent, row)).collect())
}

fn root(parent: &mut [usize], mut row: usize) -> usize {
    while parent[row] != row {
        parent[row] = parent[parent[row]];
        row = parent[row];
    }
    row
}

fn hashes_near(first: Option<u64>, second: Option<u64>) -> bool {
    first.zip(second).is_some_and(|(first, second)| (first ^ second).count_ones() <= HASH_DISTANCE)
}

/// Whether each example, or one of its group, has one of the hashes `tuned_on`: those of the pictures that a backbone was tuned on.
/// Hashes that are merely near are no sign: two pages of text differ in a few bits.
pub fn seen(examples: &Examples, groups: &[usize], tuned_on: &HashSet<u64>) -> Vec<bool> {
    let listed = |row: &usize| examples.hashes[*row].is_some_and(|hash| tuned_on.contains(&hash));
    let known: HashSet<usize> = (0..examples.len()).filter(listed).map(|row| groups[row]).collect();
    groups.iter().map(|group| known.contains(group)).collect()
}

/// Number of groups, and members of the largest.
pub fn sizes(groups: &[usize]) -> (usize, usize) {
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    groups.iter().for_each(|group| *sizes.entry(*group).or_default() += 1);
    (sizes.len(), sizes.values().copied().max().unwrap_or(0))
}

/// Rows to train on, and rows to test on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    /// Not tested on.
    pub train: Vec<usize>,
    /// Not trained on.
    pub test: Vec<usize>,
}

/// Holds out about `share` of the groups of every source and class, at random by `seed`.
pub fn split(examples: &Examples, groups: &[usize], share: f64, seed: u64) -> Split {
    let mut split = Split::default();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut held_out = HashMap::new();
    for members in strata(groups, |row| (examples.labels[row], examples.sources[row].to_string())).into_values() {
        let mut members: Vec<usize> = members.into_iter().filter(|group| !held_out.contains_key(group)).collect();
        members.shuffle(&mut random);
        let count = (share * members.len() as f64).round() as usize;
        members.iter().enumerate().for_each(|(place, group)| {
            held_out.insert(*group, place < count);
        });
    }
    for (row, group) in groups.iter().enumerate() {
        if held_out[group] { split.test.push(row) } else { split.train.push(row) }
    }
    split
}

/// The groups with a member in each stratum, in the order of their first members.
fn strata<K: Ord>(groups: &[usize], key: impl Fn(usize) -> K) -> BTreeMap<K, Vec<usize>> {
    let mut strata: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        strata.entry(key(row)).or_default().push(*group);
    }
    for members in strata.values_mut() {
        let mut seen = HashSet::new();
        members.retain(|group| seen.insert(*group));
    }
    strata
}

/// The fold of each example, 0 to `folds` - 1, groups kept together. A small source of a single class lies in one fold
/// whole, so that its scores tell what becomes of a source that training never saw.
pub fn folds(examples: &Examples, groups: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let counts = examples.counts();
    // The outermost folder is the source: what lies below it was made alike.
    let source = |row: usize| examples.sources[row].split('/').next().unwrap_or_default();
    let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in 0..examples.len() {
        by_source.entry(source(row)).or_insert_with(|| vec![0; counts.len()])[examples.labels[row]] += 1;
    }
    let whole = |row: usize| {
        let of_source = &by_source[source(row)];
        let (label, count) = (examples.labels[row], of_source[examples.labels[row]]);
        count == of_source.iter().sum::<usize>() && (count as f64) < SMALL_SOURCE * counts[label] as f64
    };
    // Groups are dealt out one after the other, sources before single groups; a group that spans sources drags them along
    // only as far as its own members.
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut fold_of_group = HashMap::new();
    let key = |row: usize| (examples.labels[row], if whole(row) { source(row).to_owned() } else { String::new() });
    let mut next = 0;
    for ((_, source), mut members) in strata(groups, key) {
        members.shuffle(&mut random);
        for group in members {
            let fold = *fold_of_group.entry(group).or_insert(next % folds);
            if source.is_empty() {
                next = fold.max(next) + 1;
            }
        }
        next += 1;
    }
    groups.iter().map(|group| fold_of_group[group]).collect()
}

/// Refuses a test that shares a near-duplicate with training.
///
/// # Errors
/// Names one such pair.
pub fn check_leakage(examples: &Examples, groups: &[usize], split: &Split) -> Result<(), TrainingError> {
    let trained: HashMap<usize, usize> = split.train.iter().map(|row| (groups[*row], *row)).collect();
    match split.test.iter().find_map(|row| trained.get(&groups[*row]).map(|twin| (row, twin))) {
        Some((test, train)) => Err(TrainingError::Data(format!(
            "training and test share near-duplicates, such as {} and {}: figures would be flattered. Leave one of them out, or \
             let train hold out the test pictures itself (--test)",
            examples.names[*train], examples.names[*test]
        ))),
        None => Ok(()),
    }
}
