//! Examples to a calibrated head: scores out of fold, calibration and thresholds from them, and the head itself from all.

use faer::Mat;

use super::{
    TrainingError, Watch,
    calibration::{Calibrator, Probabilities, Threshold, thresholds},
    examples::Examples,
    groups,
    head::{Head, Preset, select},
    onnx::Graph,
};

/// How a head is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Which head.
    pub preset: Preset,
    /// Of all random numbers.
    pub seed: u64,
    /// Parts in which scores out of fold are made.
    pub folds: usize,
}

/// A head with calibration, and what is known of it.
pub struct Fit {
    /// Trained on all examples.
    pub head: Head,
    /// Fitted out of fold.
    pub calibrator: Calibrator,
    /// Of each example, by a head that saw neither it nor a near-duplicate of it.
    pub out_of_fold: Probabilities,
    /// From the probabilities out of fold.
    pub thresholds: Vec<Threshold>,
}

impl Recipe {
    /// Trains. `groups` are near-duplicates.
    ///
    /// # Errors
    /// If the examples can't be trained on, the arithmetic fails, or the work is to stop.
    pub fn fit(&self, examples: &Examples, groups: &[usize], watch: &Watch) -> Result<Fit, TrainingError> {
        examples.select(&examples.unseen()).check()?;
        let folds = groups::folds(examples, groups, self.folds, self.seed);
        let mut scores = Mat::zeros(examples.len(), examples.classes.len());
        for fold in 0..self.folds {
            let (scored, trained): (Vec<usize>, Vec<usize>) = (0..examples.len()).partition(|row| folds[*row] == fold);
            if scored.is_empty() {
                continue;
            }
            let training = examples.select(&trained);
            training.select(&training.unseen()).check().map_err(|error| {
                TrainingError::Data(format!(
                    "{error} (in {} folds that keep near-duplicates and small sources together)",
                    self.folds
                ))
            })?;
            watch.note(format!("fold {} of {}", fold + 1, self.folds));
            let head = Head::train(self.preset, &training, self.seed, watch)?;
            let found = head.scores(&examples.select(&scored))?;
            for (place, row) in scored.into_iter().enumerate() {
                (0..found.ncols()).for_each(|class| scores[(row, class)] = found[(place, class)]);
            }
        }
        // What the backbone was tuned on is scored better than what it never saw.
        let unseen = examples.unseen();
        let labels: Vec<usize> = unseen.iter().map(|row| examples.labels[*row]).collect();
        let calibrator = Calibrator::fit(&select(scores.as_ref(), &unseen), &labels)?;
        let out_of_fold = calibrator.apply(&scores)?;
        let head = Head::train(self.preset, examples, self.seed, watch)?;
        let judged = unseen.iter().map(|row| out_of_fold[*row].clone()).collect();
        let thresholds = thresholds(&labels, &judged);
        Ok(Fit { head, calibrator, out_of_fold, thresholds })
    }
}

impl Fit {
    /// The probabilities of examples that the head was not trained on.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn probabilities(&self, examples: &Examples) -> Result<Probabilities, TrainingError> {
        self.calibrator.apply(&self.head.scores(examples)?)
    }

    /// `head.onnx`.
    ///
    /// # Errors
    /// If the weights can't be read.
    pub fn onnx(&self, features: usize, classes: usize) -> Result<Vec<u8>, TrainingError> {
        let mut graph = Graph::default();
        let scores = self.head.write(&mut graph, Graph::INPUT)?;
        self.calibrator.write(&mut graph, &scores);
        Ok(graph.finish(features, classes))
    }
}
