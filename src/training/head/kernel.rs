//! Kernel ridge regression on the classes: f(x) = sum over landmarks l of a_l exp(-gamma |x - l|^2), x being a projected
//! feature vector. The landmarks are training vectors (Nyström's method; Rudi, Camoriano, Rosasco, 2015), which bounds memory,
//! time and the head's size whatever the number of pictures.
//!
//! Of a backbone with tuned weights there are two such functions, and their sum is the score: one of the features that were not
//! tuned, trained on all pictures, and one of all features, trained on those that the backbone was not tuned on.

use std::borrow::Cow;

use faer::{Accum, Mat, MatRef, Scale, get_global_parallelism, linalg::matmul::matmul};

use super::{
    equations::{BLOCK, Equations},
    landmarks::landmarks,
    projection::{Projection, row_major},
};
use crate::training::{TrainingError, Watch, examples::Examples, onnx};

/// How one of the functions is trained.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Principal components.
    pub components: usize,
    /// Landmarks at most.
    pub landmarks: usize,
    /// What its scores are multiplied by in the sum.
    pub share: f32,
    /// Whether it is of all features and of unseen pictures, or of what is not tuned and of all pictures.
    pub tuned: bool,
}

/// 256 components lose 3 points of recall at 0.1 % false alarms, 5,000 landmarks 3 to 5; 10,000 gain nothing: see the model card.
const PLAIN: Shape = Shape { components: 512, landmarks: 8000, share: 1.0, tuned: false };
/// Twice as many of both gain nothing, and shares of 0.35 and 0.75 are as good: see the model card.
const TUNED: Shape = Shape { components: 256, landmarks: 4000, share: 0.5, tuned: true };
/// In units of the projected vectors' mean square length, which is 1.
const GAMMA: f32 = 1.0;
/// How much more a ham picture weighs than its class's share alone would have it: false alarms cost more than misses. Raised
/// recall at 0.1 % false alarms by 5 points on all spam.
pub const HAM_WEIGHT: f64 = 3.0;

/// The functions for vectors of which some numbers are tuned, or none are.
pub fn shapes(tuned: bool) -> &'static [Shape] {
    if tuned { &[PLAIN, TUNED] } else { &[PLAIN] }
}

/// What each function sees of the examples.
///
/// # Errors
/// If a decomposition does not converge.
pub fn projections(examples: &Examples, seed: u64) -> Result<Vec<Projection>, TrainingError> {
    shapes(examples.is_tuned())
        .iter()
        .map(|shape| Projection::fit(&examples_of(examples, *shape), shape.components, seed))
        .collect()
}

/// The examples that a function is trained on, with the features that it reads.
fn examples_of(examples: &Examples, shape: Shape) -> Cow<'_, Examples> {
    if shape.tuned { Cow::Owned(examples.select(&examples.unseen())) } else { examples.untuned() }
}

/// A trained head: the sum of one function or two.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The functions.
    pub parts: Vec<Part>,
}

/// One function.
#[derive(Clone, Debug)]
pub struct Part {
    /// From features.
    pub projection: Projection,
    /// Landmarks x components.
    pub landmarks: Mat<f32>,
    /// Landmarks x classes, with the function's share in them.
    pub weights: Mat<f32>,
}

impl Kernel {
    /// Trains on all examples. A class weighs by the square root of its share, so that a small one is heard, and ham by
    /// [`HAM_WEIGHT`] more.
    ///
    /// # Errors
    /// If the equations can't be solved, or the work is to stop.
    pub fn train(examples: &Examples, seed: u64, watch: &Watch) -> Result<Self, TrainingError> {
        let shapes = shapes(examples.is_tuned());
        watch.begin("training", shapes.len() as u64 * (2 + Equations::steps(examples.len())));
        let projections = projections(examples, seed)?;
        let parts = shapes.iter().zip(projections).map(|(shape, projection)| {
            watch.step(1)?;
            Part::train(&examples_of(examples, *shape), *shape, projection, seed, watch)
        });
        let parts = parts.collect::<Result<_, _>>()?;
        watch.end();
        Ok(Self { parts })
    }

    /// The score of each example: rows x classes; with one function about 1 for its class, -1 for the others.
    pub fn scores(&self, examples: &Examples) -> Mat<f32> {
        let of = |part: &Part| scores(part.projection.apply(examples).as_ref(), part.landmarks.as_ref(), part.weights.as_ref());
        let classes = self.parts.first().map_or(0, |part| part.weights.ncols());
        self.parts.iter().fold(Mat::zeros(examples.len(), classes), |sum, part| sum + of(part))
    }

    /// The same in a graph: N x features to N x classes.
    pub fn write(&self, graph: &mut onnx::Graph, features: &str) -> onnx::Value {
        let scores: Vec<onnx::Value> = self.parts.iter().map(|part| part.write(graph, features)).collect();
        scores.into_iter().reduce(|sum, scores| graph.apply("Add", &[&sum, &scores])).unwrap_or_default()
    }
}

impl Part {
    fn train(examples: &Examples, shape: Shape, projection: Projection, seed: u64, watch: &Watch) -> Result<Self, TrainingError> {
        let vectors = projection.apply(examples);
        let all: Vec<usize> = (0..examples.len()).collect();
        let landmarks = landmarks(vectors.as_ref(), &all, |row| examples.labels[row], shape.landmarks, seed)?;
        let landmarks = select(vectors.as_ref(), &landmarks);
        let weights = class_weights(&examples.counts());
        let weight = |row: usize| weights[examples.labels[row]];
        let mut equations = Equations::new(landmarks.nrows(), examples.classes.len());
        equations.add(vectors.as_ref(), &all, landmarks.as_ref(), (&|row| examples.labels[row], &weight), watch)?;
        let weights = Scale(shape.share) * equations.solve(landmarks.as_ref())?;
        watch.step(1)?;
        Ok(Self { projection, landmarks, weights })
    }

    fn write(&self, graph: &mut onnx::Graph, features: &str) -> onnx::Value {
        let x = self.projection.write(graph, features);
        let (count, width) = (self.landmarks.nrows(), self.landmarks.ncols());
        let doubled: Vec<f32> = row_major(self.landmarks.transpose()).into_iter().map(|value| 2.0 * value).collect();
        let doubled = graph.constant(&[width, count], &doubled);
        let lengths = graph.constant(&[1, count], &squares(self.landmarks.as_ref()));
        let gamma = graph.constant(&[1], &[-GAMMA]);
        let weights = graph.constant(&[count, self.weights.ncols()], &row_major(self.weights.as_ref()));
        let axis = graph.integers(&[1]);
        let squared = graph.apply("Mul", &[&x, &x]);
        let length = graph.apply_with("ReduceSum", &[&squared, &axis], &[("keepdims", 1)]);
        let products = graph.apply("MatMul", &[&x, &doubled]);
        let sums = graph.apply("Add", &[&length, &lengths]);
        let distances = graph.apply("Sub", &[&sums, &products]);
        let exponents = graph.apply("Mul", &[&distances, &gamma]);
        let values = graph.apply("Exp", &[&exponents]);
        graph.apply("MatMul", &[&values, &weights])
    }
}

/// The given rows, in that order.
pub fn select(vectors: MatRef<'_, f32>, rows: &[usize]) -> Mat<f32> {
    Mat::from_fn(rows.len(), vectors.ncols(), |row, column| vectors[(rows[row], column)])
}

/// What a row of each class weighs: by the square root of its share, so that a small class is heard, and ham by [`HAM_WEIGHT`] more.
pub fn class_weights(counts: &[usize]) -> Vec<f64> {
    let (rows, classes) = (counts.iter().sum::<usize>() as f64, counts.len() as f64);
    let weight_of = |(class, count): (usize, &usize)| {
        let balance = (rows / (*count).max(1) as f64 / classes).sqrt();
        if class == 0 { HAM_WEIGHT * balance } else { balance }
    };
    counts.iter().enumerate().map(weight_of).collect()
}

/// f of each projected row: rows x classes.
pub fn scores(vectors: MatRef<'_, f32>, landmarks: MatRef<'_, f32>, weights: MatRef<'_, f32>) -> Mat<f32> {
    let rows = vectors.nrows();
    let mut scores = Mat::zeros(rows, weights.ncols());
    for first in (0..rows).step_by(BLOCK) {
        let height = BLOCK.min(rows - first);
        let values = kernel(vectors.subrows(first, height), landmarks);
        let target = scores.as_mut().subrows_mut(first, height);
        matmul(target, Accum::Replace, values.as_ref(), weights, 1.0, get_global_parallelism());
    }
    scores
}

/// Squared length of each row.
fn squares(rows: MatRef<'_, f32>) -> Vec<f32> {
    (0..rows.nrows()).map(|row| (0..rows.ncols()).map(|column| rows[(row, column)].powi(2)).sum()).collect()
}

/// exp(-gamma |a - b|^2) for each row a of `first` and b of `second`.
pub fn kernel(first: MatRef<'_, f32>, second: MatRef<'_, f32>) -> Mat<f32> {
    let (a, b) = (squares(first), squares(second));
    let mut values = Mat::zeros(first.nrows(), second.nrows());
    matmul(values.as_mut(), Accum::Replace, first, second.transpose(), -2.0, get_global_parallelism());
    for (column, b) in b.iter().enumerate() {
        let column = values.col_as_slice_mut(column);
        column.iter_mut().zip(&a).for_each(|(value, a)| *value = (-GAMMA * (*value + a + b).max(0.0)).exp());
    }
    values
}
