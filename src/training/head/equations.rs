//! The normal equations of kernel ridge regression on landmarks. They are sums over the examples, so that what a part of the
//! examples contributed can be taken out again: a head that never saw that part costs no second pass over the rest.

use faer::{
    Accum, Mat, MatRef, dyn_stack, get_global_parallelism,
    linalg::{
        cholesky::llt,
        matmul::matmul,
        matmul::triangular::{BlockStructure, matmul as matmul_part},
    },
};

use super::kernel::{kernel, select};
use crate::training::{TrainingError, Watch};

/// Ridge, a share of the number of examples.
const RIDGE: f64 = 1e-5;
/// What keeps the equations positive though kernel values are rounded to single precision, likewise a share.
const JITTER: f64 = 1e-6;
/// Examples whose kernel values are held at once.
pub const BLOCK: usize = 1024;

/// Sums over examples.
pub struct Equations {
    /// Landmarks x landmarks; only the lower triangle is kept.
    left: Mat<f64>,
    /// Landmarks x classes.
    right: Mat<f64>,
    rows: usize,
}

impl Equations {
    /// Of no example yet.
    pub fn new(landmarks: usize, classes: usize) -> Self {
        Self { left: Mat::zeros(landmarks, landmarks), right: Mat::zeros(landmarks, classes), rows: 0 }
    }

    /// Steps of [`Equations::add`] for so many rows.
    pub fn steps(rows: usize) -> u64 {
        rows.div_ceil(BLOCK) as u64
    }

    /// Adds the given rows of `vectors`, each with a class and a weight.
    ///
    /// # Errors
    /// If the work is to stop.
    pub fn add(
        &mut self,
        vectors: MatRef<'_, f32>,
        rows: &[usize],
        landmarks: MatRef<'_, f32>,
        (label, weight): (&dyn Fn(usize) -> usize, &dyn Fn(usize) -> f64),
        watch: &Watch,
    ) -> Result<(), TrainingError> {
        let (count, classes) = (self.left.nrows(), self.right.ncols());
        for rows in rows.chunks(BLOCK) {
            let values = kernel(select(vectors, rows).as_ref(), landmarks);
            let values = Mat::<f64>::from_fn(rows.len(), count, |row, column| values[(row, column)].into());
            let weighted = Mat::from_fn(rows.len(), count, |row, column| weight(rows[row]) * values[(row, column)]);
            let truth = Mat::from_fn(rows.len(), classes, |row, class| if label(rows[row]) == class { 1.0 } else { -1.0 });
            matmul_part(
                self.left.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Add,
                weighted.transpose(),
                BlockStructure::Rectangular,
                values.as_ref(),
                BlockStructure::Rectangular,
                1.0,
                get_global_parallelism(),
            );
            matmul(self.right.as_mut(), Accum::Add, weighted.transpose(), truth.as_ref(), 1.0, get_global_parallelism());
            watch.step(1)?;
        }
        self.rows += rows.len();
        Ok(())
    }

    /// These without a part that was added to them before; takes the part's memory.
    pub fn without(&self, mut part: Self) -> Self {
        for column in 0..self.left.ncols() {
            for row in column..self.left.nrows() {
                part.left[(row, column)] = self.left[(row, column)] - part.left[(row, column)];
            }
        }
        part.right = &self.right - &part.right;
        part.rows = self.rows - part.rows;
        part
    }

    /// The weight of each landmark for each class.
    ///
    /// # Errors
    /// If the equations can't be solved.
    pub fn solve(mut self, landmarks: MatRef<'_, f32>) -> Result<Mat<f32>, TrainingError> {
        let count = self.left.nrows();
        let ridge = kernel(landmarks, landmarks);
        for column in 0..count {
            for row in column..count {
                self.left[(row, column)] += RIDGE * self.rows as f64 * f64::from(ridge[(row, column)]);
            }
            self.left[(column, column)] += JITTER * self.rows as f64;
        }
        drop(ridge);
        let parallel = get_global_parallelism();
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(count, parallel, Default::default());
        let mut memory = dyn_stack::MemBuffer::new(scratch);
        let stack = dyn_stack::MemStack::new(&mut memory);
        llt::factor::cholesky_in_place(self.left.as_mut(), Default::default(), parallel, stack, Default::default())
            .map_err(|error| TrainingError::Numbers(format!("{error:?}")))?;
        llt::solve::solve_in_place(self.left.as_ref(), self.right.as_mut(), parallel, stack);
        Ok(Mat::from_fn(count, self.right.ncols(), |row, class| self.right[(row, class)] as f32))
    }
}
