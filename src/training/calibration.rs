//! Scores to probabilities, and the thresholds that keep to a rate of false alarms.

use candle_core::{D, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, ops};
use faer::Mat;
use serde::Serialize;

use super::{
    TrainingError,
    metrics::{Rate, threshold_for},
    onnx,
};
use crate::model::{Finding, Thresholds};

/// Steps of the fit; it has converged long before for any number of classes.
const STEPS: usize = 1500;
const LEARNING_RATE: f64 = 0.05;

/// Named thresholds, and the share of ham that may reach them.
pub const TARGETS: [(&str, f64); 2] = [("tag", 0.001), ("reject", 0.0001)];
/// So many false alarms must be expected at a rate before a threshold for it is stated. With 3 and more the upper end of the
/// 95 % interval stays below about three times the rate (the "rule of three").
const EXPECTED_ALARMS: f64 = 3.0;

/// Probabilities of each row's classes, in the classes' order.
pub type Probabilities = Vec<Vec<f32>>;

/// `softmax(scores · matrix + bias)`: Platt's calibration (1999) for any number of classes, that is, multinomial logistic
/// regression on the scores of pictures that the head was not trained on. What is not ham is then divided anew between the other classes, as if
/// they were equally frequent: how many advertisements there are beside spam in the training set says nothing of a mailbox.
#[derive(Clone, Debug)]
pub struct Calibrator {
    classes: usize,
    /// Scores x classes, row by row.
    matrix: Vec<f32>,
    bias: Vec<f32>,
    /// Minus the logarithm of the frequency of each class but ham.
    rarity: Vec<f32>,
}

impl Calibrator {
    /// Fits to the scores (rows x classes) of labelled rows by maximum likelihood.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn fit(scores: &Mat<f32>, labels: &[usize]) -> Result<Self, TrainingError> {
        let (rows, classes) = (scores.nrows(), scores.ncols());
        let input = tensor(scores)?;
        let truth: Vec<f32> =
            labels.iter().flat_map(|label| (0..classes).map(move |class| f32::from(u8::from(class == *label)))).collect();
        let truth = Tensor::from_vec(truth, (rows, classes), &Device::Cpu)?;
        let identity: Vec<f32> = (0..classes * classes).map(|at| if at % (classes + 1) == 0 { 1.0 } else { 0.0 }).collect();
        let matrix = Var::from_vec(identity, (classes, classes), &Device::Cpu)?;
        let bias = Var::zeros(classes, candle_core::DType::F32, &Device::Cpu)?;
        let parameters = ParamsAdamW { lr: LEARNING_RATE, weight_decay: 0.0, ..ParamsAdamW::default() };
        let mut optimizer = AdamW::new(vec![matrix.clone(), bias.clone()], parameters)?;
        for step in 0..STEPS {
            // Slower and slower, so that it comes to rest.
            optimizer.set_learning_rate(LEARNING_RATE * (1.0 - step as f64 / STEPS as f64));
            let logs = ops::log_softmax(&input.matmul(&matrix)?.broadcast_add(&bias)?, D::Minus1)?;
            optimizer.backward_step(&(logs * &truth)?.sum_all()?.affine(-1.0 / rows as f64, 0.0)?)?;
        }
        // Examples without a class are refused before.
        let rows_of = |class| labels.iter().filter(|label| **label == class).count().max(1);
        let rarity = (1..classes).map(|class| (rows as f32 / rows_of(class) as f32).ln()).collect();
        Ok(Self { classes, matrix: matrix.flatten_all()?.to_vec1()?, bias: bias.to_vec1()?, rarity })
    }

    /// Probabilities of each row.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn apply(&self, scores: &Mat<f32>) -> Result<Probabilities, TrainingError> {
        let matrix = Tensor::from_slice(&self.matrix, (self.classes, self.classes), &Device::Cpu)?;
        let bias = Tensor::from_slice(&self.bias, self.classes, &Device::Cpu)?;
        let rarity = Tensor::from_slice(&self.rarity, self.classes - 1, &Device::Cpu)?;
        let logits = tensor(scores)?.matmul(&matrix)?.broadcast_add(&bias)?;
        let mixed = ops::softmax(&logits, D::Minus1)?;
        let rest = mixed.narrow(1, 1, self.classes - 1)?.sum_keepdim(1)?;
        let shares = ops::softmax(&logits.narrow(1, 1, self.classes - 1)?.broadcast_add(&rarity)?, D::Minus1)?;
        Ok(Tensor::cat(&[&mixed.narrow(1, 0, 1)?, &shares.broadcast_mul(&rest)?], 1)?.to_vec2()?)
    }

    /// The same in a graph.
    pub fn write(&self, graph: &mut onnx::Graph, scores: &str) -> onnx::Value {
        let matrix = graph.constant(&[self.classes, self.classes], &self.matrix);
        let bias = graph.constant(&[self.classes], &self.bias);
        let rarity = graph.constant(&[self.classes - 1], &self.rarity);
        let ham = graph.integers(&[0]);
        let others = graph.integers(&(1..self.classes as i64).collect::<Vec<_>>());
        let axis = graph.integers(&[1]);
        let columns = [("axis", 1)];
        let product = graph.apply("MatMul", &[scores, &matrix]);
        let logits = graph.apply("Add", &[&product, &bias]);
        let mixed = graph.apply_with("Softmax", &[&logits], &columns);
        let kept = graph.apply_with("Gather", &[&mixed, &ham], &columns);
        let divided = graph.apply_with("Gather", &[&mixed, &others], &columns);
        let rest = graph.apply("ReduceSum", &[&divided, &axis]);
        let rest_of_logits = graph.apply_with("Gather", &[&logits, &others], &columns);
        let rarer = graph.apply("Add", &[&rest_of_logits, &rarity]);
        let shares = graph.apply_with("Softmax", &[&rarer], &columns);
        let shared = graph.apply("Mul", &[&shares, &rest]);
        graph.apply_with("Concat", &[&kept, &shared], &columns)
    }
}

fn tensor(scores: &Mat<f32>) -> candle_core::Result<Tensor> {
    let values: Vec<f32> =
        (0..scores.nrows()).flat_map(|row| (0..scores.ncols()).map(move |class| scores[(row, class)])).collect();
    Tensor::from_vec(values, (scores.nrows(), scores.ncols()), &Device::Cpu)
}

/// A threshold, or why there is none.
#[derive(Clone, Debug, Serialize)]
pub struct Threshold {
    /// `tag` or `reject`.
    pub name: &'static str,
    /// Share of ham that may reach it.
    pub allowed: f64,
    /// The least 1 - p(ham); `None` if there is too little ham to tell.
    pub score: Option<f32>,
    /// Ham that reaches it.
    pub false_alarms: Rate,
    /// Ham pictures that are needed to state it.
    pub ham_needed: usize,
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, allowed, total) = (self.name, 100.0 * self.allowed, self.false_alarms.total);
        match self.score {
            Some(score) => write!(f, "\"{name}\" from {score}: false alarms {} of {total} ham pictures", self.false_alarms),
            None => write!(
                f,
                "no threshold \"{name}\": {total} ham pictures are too few to measure {allowed} % of false alarms; {} are needed",
                self.ham_needed
            ),
        }
    }
}

/// The thresholds that there was enough ham to measure, as in `model.toml`.
pub fn named_scores(found: &[Threshold]) -> Thresholds {
    found.iter().filter_map(|threshold| Some((threshold.name.to_owned(), threshold.score?))).collect()
}

/// The thresholds, from probabilities of pictures that the head was not trained on. Class 0 is ham.
pub fn thresholds(labels: &[usize], probabilities: &Probabilities) -> Vec<Threshold> {
    let spam: Vec<bool> = labels.iter().map(|label| *label != 0).collect();
    let ham = spam.iter().filter(|spam| !**spam).count();
    let scores: Vec<f32> = probabilities.iter().map(|row| Finding::of(row, 0).score).collect();
    TARGETS
        .into_iter()
        .map(|(name, allowed)| {
            let ham_needed = (EXPECTED_ALARMS / allowed).ceil() as usize;
            let least = threshold_for(&scores, &spam, allowed).min(1.0);
            let alarms = scores.iter().zip(&spam).filter(|(score, spam)| !**spam && **score >= least).count();
            let score = (ham >= ham_needed).then_some(least);
            Threshold { name, allowed, score, false_alarms: Rate::new(alarms, ham), ham_needed }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ham_is_divided_as_if_the_other_classes_were_equally_frequent() {
        // Scores tell ham from the rest and nothing else; 9 of 10 of the rest are spam.
        let labels: Vec<usize> = (0..400).map(|row| if row < 200 { 0 } else { 1 + usize::from(row % 10 == 0) }).collect();
        // One of ten on the wrong side.
        let is_said = |row: usize| (row < 200) != (row / 10 % 10 == 3);
        let scores = Mat::from_fn(400, 3, |row, class| f32::from(u8::from((class == 0) == is_said(row))));
        let calibrator = Calibrator::fit(&scores, &labels).expect("fit");
        let found = calibrator.apply(&scores).expect("probabilities");
        for (row, probabilities) in found.iter().enumerate() {
            let rest = if is_said(row) { 0.1 } else { 0.9 };
            let expected = [1.0 - rest, rest / 2.0, rest / 2.0];
            let close = probabilities.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.005);
            assert!(close, "row {row}: {probabilities:?} instead of {expected:?}");
        }
    }
}
