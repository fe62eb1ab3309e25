//! Heads: feature vectors to a score for each class. The product's own (`kernel`), and two by gradients (`dense`, `adam`,
//! `in_place`), the paper's among them.

mod adam;
mod dense;
mod equations;
mod in_place;
mod kernel;
mod landmarks;
mod projection;

use std::{fmt, str::FromStr};

use faer::Mat;

use super::{TrainingError, Watch, examples::Examples, onnx};
pub use equations::Equations;
pub use kernel::{HAM_WEIGHT, Kernel, Part, Shape, class_weights, projections, scores, select, shapes};
pub use landmarks::landmarks;
pub use projection::Projection;

/// Which head is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Kernel ridge regression: the one that measures best.
    Kernel,
    /// The paper's two hidden layers of 2048.
    Paper,
    /// Logistic regression.
    Linear,
}

impl Preset {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Kernel, Self::Paper, Self::Linear];
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Paper => "paper",
            Self::Linear => "linear",
        })
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(|preset| preset.to_string()).join(", ");
        Self::ALL.into_iter().find(|preset| preset.to_string() == text).ok_or_else(|| format!("one of {}", known()))
    }
}

/// A trained head.
#[derive(Clone, Debug)]
pub enum Head {
    /// See [`Preset::Kernel`].
    Kernel(kernel::Kernel),
    /// See [`Preset::Paper`] and [`Preset::Linear`].
    Dense(dense::Dense),
}

impl Head {
    /// Trains a head on all examples. The same examples, seed and number of threads give the same head.
    ///
    /// # Errors
    /// If the arithmetic fails, or the work is to stop.
    pub fn train(preset: Preset, examples: &Examples, seed: u64, watch: &Watch) -> Result<Self, TrainingError> {
        let recipe = match preset {
            Preset::Kernel => return Ok(Self::Kernel(kernel::Kernel::train(examples, seed, watch)?)),
            Preset::Paper => dense::PAPER,
            Preset::Linear => dense::LINEAR,
        };
        let unseen = examples.select(&examples.unseen());
        Ok(Self::Dense(dense::Dense::train(recipe, &unseen, seed, watch)?))
    }

    /// A score for each class, uncalibrated: rows x classes.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn scores(&self, examples: &Examples) -> Result<Mat<f32>, TrainingError> {
        match self {
            Self::Kernel(kernel) => Ok(kernel.scores(examples)),
            Self::Dense(dense) => dense.scores(examples),
        }
    }

    /// Writes the head into a graph: N x features to N x classes.
    ///
    /// # Errors
    /// If the weights can't be read.
    pub fn write(&self, graph: &mut onnx::Graph, features: &str) -> Result<onnx::Value, TrainingError> {
        match self {
            Self::Kernel(kernel) => Ok(kernel.write(graph, features)),
            Self::Dense(dense) => dense.write(graph, features),
        }
    }
}

/// Components by which near-duplicates are compared.
pub const COMPARED: usize = 128;

/// Standardised principal components of all examples: rows x components.
///
/// # Errors
/// If the decomposition does not converge.
pub fn project(examples: &Examples) -> Result<Mat<f32>, TrainingError> {
    let examples = examples.untuned();
    Ok(Projection::fit(&examples, COMPARED, 0)?.apply(&examples))
}
