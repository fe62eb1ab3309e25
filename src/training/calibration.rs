//! Scores to probabilities, and the thresholds that keep to a rate of false alarms.

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, ops};
use faer::Mat;
use serde::Serialize;

use super::{
    TrainingError,
    metrics::{Rate, threshold_for},
    onnx,
};

/// Steps of the fit; it has converged long before for any number of classes.
const STEPS: usize = 1500;
const LEARNING_RATE: f64 = 0.05;

/// Named thresholds, and the share of ham that may reach them, of whatever class.
pub const TARGETS: [(&str, f64); 2] = [("tag", 0.001), ("reject", 0.0001)];
/// So many false alarms must be expected at a rate before a threshold for it is stated. With 3 and more the upper end of the
/// 95 % interval stays below about three times the rate (the "rule of three").
const EXPECTED_ALARMS: f64 = 3.0;

/// Probabilities of each row's classes, in the classes' order.
pub type Probabilities = Vec<Vec<f32>>;

/// `softmax(scores · matrix + bias)`: Platt's calibration (1999) for any number of classes, that is, multinomial logistic
/// regression on the scores of pictures that the head was not trained on.
#[derive(Clone, Debug)]
pub struct Calibrator {
    classes: usize,
    /// Scores x classes, row by row.
    matrix: Vec<f32>,
    bias: Vec<f32>,
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
        Ok(Self { classes, matrix: matrix.flatten_all()?.to_vec1()?, bias: bias.to_vec1()? })
    }

    /// Probabilities of each row.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn apply(&self, scores: &Mat<f32>) -> Result<Probabilities, TrainingError> {
        let matrix = Tensor::from_slice(&self.matrix, (self.classes, self.classes), &Device::Cpu)?;
        let bias = Tensor::from_slice(&self.bias, self.classes, &Device::Cpu)?;
        Ok(ops::softmax(&tensor(scores)?.matmul(&matrix)?.broadcast_add(&bias)?, D::Minus1)?.to_vec2()?)
    }

    /// The same in a graph, without the softmax.
    pub fn write(&self, graph: &mut onnx::Graph, scores: &str) -> onnx::Value {
        let matrix = graph.constant(&[self.classes, self.classes], &self.matrix);
        let bias = graph.constant(&[self.classes], &self.bias);
        let product = graph.apply("MatMul", &[scores, &matrix]);
        graph.apply("Add", &[&product, &bias])
    }
}

fn tensor(scores: &Mat<f32>) -> candle_core::Result<Tensor> {
    let values: Vec<f32> =
        (0..scores.nrows()).flat_map(|row| (0..scores.ncols()).map(move |class| scores[(row, class)])).collect();
    Tensor::from_vec(values, (scores.nrows(), scores.ncols()), &Device::Cpu)
}

/// A threshold for one class, or why there is none.
#[derive(Clone, Debug, Serialize)]
pub struct Threshold {
    /// The class.
    pub class: String,
    /// `tag` or `reject`.
    pub name: &'static str,
    /// Share of ham that may reach it: as much for each class, so that together they keep to the target.
    pub allowed: f64,
    /// The least probability of the class; `None` if there is too little ham to tell.
    pub score: Option<f32>,
    /// Ham that reaches it.
    pub false_alarms: Rate,
    /// Ham pictures that are needed to state it.
    pub ham_needed: usize,
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (class, name, allowed, total) = (&self.class, self.name, 100.0 * self.allowed, self.false_alarms.total);
        match self.score {
            Some(score) => {
                write!(f, "{class}: \"{name}\" from {score}: false alarms {} of {total} ham pictures", self.false_alarms)
            }
            None => write!(
                f,
                "{class}: no threshold \"{name}\": {total} ham pictures are too few to measure {allowed} % of false alarms; {} are needed",
                self.ham_needed
            ),
        }
    }
}

/// The scores of the thresholds that there was enough ham to measure, by class and name, as in `model.toml`.
pub fn scores_by_class(found: &[Threshold]) -> BTreeMap<String, BTreeMap<String, f32>> {
    let mut by_class: BTreeMap<String, BTreeMap<String, f32>> = BTreeMap::new();
    for threshold in found {
        if let Some(score) = threshold.score {
            by_class.entry(threshold.class.clone()).or_default().insert(threshold.name.to_owned(), score);
        }
    }
    by_class
}

/// The thresholds of every class but ham, from probabilities of pictures that the head was not trained on.
pub fn thresholds(classes: &[String], labels: &[usize], probabilities: &Probabilities) -> Vec<Threshold> {
    let spam: Vec<bool> = labels.iter().map(|label| *label != 0).collect();
    let ham = spam.iter().filter(|spam| !**spam).count();
    let mut found = Vec::new();
    for (class, name_of_class) in classes.iter().enumerate().skip(1) {
        let scores: Vec<f32> = probabilities.iter().map(|row| row[class]).collect();
        for (name, allowed) in TARGETS {
            let allowed = allowed / (classes.len() - 1) as f64;
            let ham_needed = (EXPECTED_ALARMS / allowed).ceil() as usize;
            let least = threshold_for(&scores, &spam, allowed).min(1.0);
            let alarms = scores.iter().zip(&spam).filter(|(score, spam)| !**spam && **score >= least).count();
            found.push(Threshold {
                class: name_of_class.clone(),
                name,
                allowed,
                score: (ham >= ham_needed).then_some(least),
                false_alarms: Rate::new(alarms, ham),
                ham_needed,
            });
        }
    }
    found
}
