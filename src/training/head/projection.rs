//! Standardised principal components: what a kernel head sees of a feature vector, and what near-duplicates are compared by.

use std::ops::Range;

use faer::{Accum, Mat, MatRef, Side, get_global_parallelism, linalg::matmul::matmul};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::training::{TrainingError, examples::Examples, onnx};

/// Rows that are projected at once.
const BLOCK: usize = 4096;
/// Directions beyond those wanted, and rounds: Halko, Martinsson and Tropp (2011), section 4.5.
const OVERSAMPLE: usize = 20;
const ROUNDS: usize = 6;

/// `x -> (sqrt(max(x, 0)) - mean) / deviation · directions / unit`. Pooled activations are skewed; their square roots are
/// less so. `unit` is the root mean square length of the projected vectors, so that a kernel's width needs no tuning to the
/// number of features.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Features x components; standardisation and unit are folded in.
    matrix: Mat<f32>,
    /// Of each component.
    offset: Vec<f32>,
}

impl Projection {
    /// Finds at most `components` directions of largest variance.
    ///
    /// # Errors
    /// If the decomposition does not converge.
    pub fn fit(examples: &Examples, components: usize, seed: u64) -> Result<Self, TrainingError> {
        let (rows, width) = (examples.len(), examples.dimension);
        let components = components.min(width).min(rows);
        let (mean, deviation) = moments(examples);
        let standard = |row: usize, column: usize| (root(examples.row(row)[column]) - mean[column]) / deviation[column];
        let mut covariance = Mat::<f32>::zeros(width, width);
        for first in (0..rows).step_by(BLOCK) {
            let block = Mat::from_fn(BLOCK.min(rows - first), width, |row, column| standard(first + row, column));
            matmul(
                covariance.as_mut(),
                Accum::Add,
                block.transpose(),
                block.as_ref(),
                1.0 / rows as f32,
                get_global_parallelism(),
            );
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let tried = (components + OVERSAMPLE).min(width);
        let mut basis = Mat::from_fn(width, tried, |_, _| random.random::<f32>() - 0.5);
        for _ in 0..ROUNDS {
            basis = (&covariance * &basis).qr().compute_thin_Q();
        }
        let small = basis.transpose() * (&covariance * &basis);
        let eigen = small.self_adjoint_eigen(Side::Lower).map_err(|error| TrainingError::Numbers(format!("{error:?}")))?;
        // Eigenvalues come in rising order.
        let chosen = eigen.U().subcols(tried - components, components);
        let variance: f32 = (0..components).map(|at| eigen.S().column_vector()[tried - components + at].max(0.0)).sum();
        let unit = variance.sqrt().max(f32::MIN_POSITIVE);
        let directions = &basis * chosen;
        let matrix = Mat::from_fn(width, components, |row, column| directions[(row, column)] / (deviation[row] * unit));
        let offset =
            (0..components).map(|column| -(0..width).map(|row| mean[row] * matrix[(row, column)]).sum::<f32>()).collect();
        Ok(Self { matrix, offset })
    }

    /// One with these numbers: `matrix` features x components, row by row.
    pub fn from_parts(matrix: &[f32], offset: Vec<f32>) -> Self {
        let components = offset.len();
        let features = matrix.len() / components.max(1);
        Self { matrix: Mat::from_fn(features, components, |row, column| matrix[row * components + column]), offset }
    }

    /// Its numbers, as [`Projection::from_parts`] takes them.
    pub fn parts(&self) -> (Vec<f32>, &[f32]) {
        (row_major(self.matrix.as_ref()), &self.offset)
    }

    /// One whose components are this one's, and behind them another's of the same features.
    pub fn beside(&self, other: &Self) -> Self {
        let (features, own, theirs) = (self.matrix.nrows(), self.matrix.ncols(), other.matrix.ncols());
        let number = |row, column| if column < own { self.matrix[(row, column)] } else { other.matrix[(row, column - own)] };
        let matrix = Mat::from_fn(features, own + theirs, number);
        Self { matrix, offset: [self.offset.as_slice(), &other.offset].concat() }
    }

    /// The one of these components of it.
    pub fn components(&self, range: Range<usize>) -> Self {
        let matrix = self.matrix.as_ref().subcols(range.start, range.len()).to_owned();
        Self { matrix, offset: self.offset[range].to_vec() }
    }

    /// Number of components.
    pub fn width(&self) -> usize {
        self.offset.len()
    }

    /// Features that it takes.
    pub fn features(&self) -> usize {
        self.matrix.nrows()
    }

    /// Rows x components.
    pub fn apply(&self, examples: &Examples) -> Mat<f32> {
        let (rows, width) = (examples.len(), examples.dimension);
        let mut projected = Mat::<f32>::zeros(rows, self.offset.len());
        for first in (0..rows).step_by(BLOCK) {
            let height = BLOCK.min(rows - first);
            let block = Mat::from_fn(height, width, |row, column| root(examples.row(first + row)[column]));
            let target = projected.as_mut().subrows_mut(first, height);
            matmul(target, Accum::Replace, block.as_ref(), self.matrix.as_ref(), 1.0, get_global_parallelism());
        }
        for (column, offset) in self.offset.iter().enumerate() {
            projected.col_as_slice_mut(column).iter_mut().for_each(|value| *value += offset);
        }
        projected
    }

    /// The same in a graph: N x features to N x components.
    pub fn write(&self, graph: &mut onnx::Graph, features: &str) -> onnx::Value {
        let zero = graph.constant(&[1], &[0.0]);
        let matrix = graph.constant(&[self.matrix.nrows(), self.matrix.ncols()], &row_major(self.matrix.as_ref()));
        let offset = graph.constant(&[1, self.offset.len()], &self.offset);
        let positive = graph.apply("Max", &[features, &zero]);
        let rooted = graph.apply("Sqrt", &[&positive]);
        let product = graph.apply("MatMul", &[&rooted, &matrix]);
        graph.apply("Add", &[&product, &offset])
    }
}

fn root(value: f32) -> f32 {
    value.max(0.0).sqrt()
}

/// Mean and deviation of the root of each feature. A feature that never changes has an infinite one, so that it counts for nothing.
fn moments(examples: &Examples) -> (Vec<f32>, Vec<f32>) {
    let rows = examples.len().max(1) as f64;
    let mut sums = vec![(0f64, 0f64); examples.dimension];
    for row in 0..examples.len() {
        for (sum, value) in sums.iter_mut().zip(examples.row(row)) {
            let value = f64::from(root(*value));
            *sum = (sum.0 + value, sum.1 + value * value);
        }
    }
    let deviation = |(sum, squares): &(f64, f64)| (squares / rows - (sum / rows).powi(2)).max(0.0).sqrt() as f32;
    let deviations = sums.iter().map(|sum| if deviation(sum) > 1e-6 { deviation(sum) } else { f32::INFINITY }).collect();
    (sums.iter().map(|(sum, _)| (sum / rows) as f32).collect(), deviations)
}

/// The numbers of a matrix, row by row.
pub fn row_major(matrix: MatRef<'_, f32>) -> Vec<f32> {
    (0..matrix.nrows()).flat_map(|row| (0..matrix.ncols()).map(move |column| matrix[(row, column)])).collect()
}
