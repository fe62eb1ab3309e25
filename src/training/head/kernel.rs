//! Kernel ridge regression on the classes: f(x) = sum over landmarks l of a_l exp(-gamma |x - l|^2), x being a projected
//! feature vector. The landmarks are training vectors drawn at random (Nyström's method; Rudi, Camoriano, Rosasco, 2015), which
//! bounds memory, time and the head's size whatever the number of pictures.

use faer::{
    Accum, Mat, MatRef, Side, get_global_parallelism,
    linalg::{matmul::matmul, solvers::Solve},
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::projection::{Projection, row_major};
use crate::training::{TrainingError, Watch, examples::Examples, onnx};

/// Principal components. 256 lose 3 points of recall at 0.1 % false alarms, see the model card.
const COMPONENTS: usize = 512;
/// Landmarks at most.
const LANDMARKS: usize = 5000;
/// In units of the projected vectors' mean square length, which is 1.
const GAMMA: f32 = 1.0;
/// Ridge, a share of the number of examples.
const RIDGE: f64 = 1e-5;
/// What keeps the equations positive though kernel values are rounded to single precision, likewise a share.
const JITTER: f64 = 1e-6;
/// How much more a ham picture weighs than its class's share alone would have it: false alarms cost more than misses. Raised
/// recall at 0.1 % false alarms by 5 points on all spam.
const HAM_WEIGHT: f64 = 3.0;
/// Examples whose kernel values are held at once.
const BLOCK: usize = 2048;

/// A trained head.
#[derive(Clone, Debug)]
pub struct Kernel {
    projection: Projection,
    /// Landmarks x components.
    landmarks: Mat<f32>,
    /// Landmarks x classes.
    weights: Mat<f32>,
}

impl Kernel {
    /// Trains on all examples. A class weighs by the square root of its share, so that a small one is heard, and ham by
    /// [`HAM_WEIGHT`] more.
    ///
    /// # Errors
    /// If the equations can't be solved, or the work is to stop.
    pub fn train(examples: &Examples, seed: u64, watch: &Watch) -> Result<Self, TrainingError> {
        let (rows, classes) = (examples.len(), examples.classes.len());
        watch.begin("training", 2 + rows.div_ceil(BLOCK) as u64);
        let projection = Projection::fit(examples, COMPONENTS, seed)?;
        let vectors = projection.apply(examples);
        watch.step(1)?;
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        order.truncate(LANDMARKS);
        let landmarks = Mat::from_fn(order.len(), vectors.ncols(), |row, column| vectors[(order[row], column)]);
        let counts = examples.counts();
        let weight_of = |(class, count): (usize, &usize)| {
            let balance = (rows as f64 / (*count).max(1) as f64 / classes as f64).sqrt();
            if class == 0 { HAM_WEIGHT * balance } else { balance }
        };
        let weights: Vec<f64> = counts.iter().enumerate().map(weight_of).collect();
        let weight = |row: usize| weights[examples.labels[row]];
        let mut left = Mat::<f64>::zeros(order.len(), order.len());
        let mut right = Mat::<f64>::zeros(order.len(), classes);
        for first in (0..rows).step_by(BLOCK) {
            let height = BLOCK.min(rows - first);
            let values = kernel(vectors.subrows(first, height), landmarks.as_ref());
            let values = Mat::<f64>::from_fn(height, order.len(), |row, column| values[(row, column)].into());
            let weighted = Mat::from_fn(height, order.len(), |row, column| weight(first + row) * values[(row, column)]);
            let truth =
                Mat::from_fn(height, classes, |row, class| if examples.labels[first + row] == class { 1.0 } else { -1.0 });
            matmul(left.as_mut(), Accum::Add, weighted.transpose(), values.as_ref(), 1.0, get_global_parallelism());
            matmul(right.as_mut(), Accum::Add, weighted.transpose(), truth.as_ref(), 1.0, get_global_parallelism());
            watch.step(1)?;
        }
        let ridge = kernel(landmarks.as_ref(), landmarks.as_ref());
        for column in 0..order.len() {
            for row in 0..order.len() {
                left[(row, column)] += RIDGE * rows as f64 * f64::from(ridge[(row, column)]);
            }
            left[(column, column)] += JITTER * rows as f64;
        }
        let solver = left.llt(Side::Lower).map_err(|error| TrainingError::Numbers(format!("{error:?}")))?;
        let solved = solver.solve(right);
        let weights = Mat::from_fn(order.len(), classes, |row, class| solved[(row, class)] as f32);
        watch.step(1)?;
        watch.end();
        Ok(Self { projection, landmarks, weights })
    }

    /// f of each example: rows x classes; about 1 for its class, -1 for the others.
    pub fn scores(&self, examples: &Examples) -> Mat<f32> {
        let vectors = self.projection.apply(examples);
        let mut scores = Mat::zeros(examples.len(), self.weights.ncols());
        for first in (0..examples.len()).step_by(BLOCK) {
            let height = BLOCK.min(examples.len() - first);
            let values = kernel(vectors.subrows(first, height), self.landmarks.as_ref());
            let target = scores.as_mut().subrows_mut(first, height);
            matmul(target, Accum::Replace, values.as_ref(), self.weights.as_ref(), 1.0, get_global_parallelism());
        }
        scores
    }

    /// The same in a graph: N x features to N x classes.
    pub fn write(&self, graph: &mut onnx::Graph, features: &str) -> onnx::Value {
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

/// Squared length of each row.
fn squares(rows: MatRef<'_, f32>) -> Vec<f32> {
    (0..rows.nrows()).map(|row| (0..rows.ncols()).map(|column| rows[(row, column)].powi(2)).sum()).collect()
}

/// exp(-gamma |a - b|^2) for each row a of `first` and b of `second`.
fn kernel(first: MatRef<'_, f32>, second: MatRef<'_, f32>) -> Mat<f32> {
    let (a, b) = (squares(first), squares(second));
    let mut values = Mat::zeros(first.nrows(), second.nrows());
    matmul(values.as_mut(), Accum::Replace, first, second.transpose(), -2.0, get_global_parallelism());
    for (column, b) in b.iter().enumerate() {
        let column = values.col_as_slice_mut(column);
        column.iter_mut().zip(&a).for_each(|(value, a)| *value = (-GAMMA * (*value + a + b).max(0.0)).exp());
    }
    values
}
