//! From labelled pictures or stored feature vectors to a new bundle, and what a bundle is worth: examples (`examples`,
//! `extract`), reactions and labels (`reactions`), near-duplicate groups and splits (`groups`), heads (`head`), calibration
//! and thresholds (`calibration`), the recipe that puts them together (`recipe`), the bundle on disk (`bundle`), metrics
//! (`metrics`), reports (`report`) and the paper's tables (`grid`). Knows nothing of the milter.

pub mod base;
pub mod bundle;
pub mod calibration;
mod columns;
pub mod evaluate;
pub mod examples;
pub mod extract;
pub mod feedback_report;
pub mod grid;
pub mod groups;
pub mod head;
pub mod learn;
pub mod metrics;
pub mod onnx;
mod output;
pub mod promotion;
pub mod reactions;
pub mod recipe;
pub mod report;
mod watch;

pub use output::write_file;
pub use watch::Watch;

use crate::model::ModelError;

/// Why training or evaluation can't go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A line of a data set is wrong.
    #[error("{path}: line {line}: {problem}")]
    Line {
        /// The file.
        path: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A file can't be read or written, or is not what it should be.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The data can't be trained on or tested with.
    #[error("{0}")]
    Data(String),
    /// Linear algebra failed.
    #[error("training failed: {0}")]
    Numbers(String),
    /// The net.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// SIGINT or SIGTERM came.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl TrainingError {
    fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.display().to_string(), problem: problem.to_string() }
    }
}

impl From<candle_core::Error> for TrainingError {
    fn from(error: candle_core::Error) -> Self {
        Self::Numbers(error.to_string())
    }
}
