//! The net: a bundle on disk (`bundle`), the ONNX Runtime library (`runtime`), the queue (`ticket`) and threads that turn pixels into features
//! (`engine`), in float32 or 8 bits (`precision`), as far as it is read (`trim`), features into probabilities (`head`), of several
//! pictures at once (`held`), both together (`net`), what thresholds go by (`score`), the known-answer check
//! (`verify`), and the heads learned on this site (`versions`). Knows nothing of mail or policy.

mod bundle;
mod engine;
mod head;
mod held;
mod net;
mod precision;
mod preprocess;
mod runtime;
mod score;
mod ticket;
mod trim;
mod verify;
mod versions;

pub use bundle::{BaseFile, Bundle, Head, Int8, Manifest, Thresholds, View};
pub use engine::Placement;
pub use head::Said;
pub use net::Net;
pub use runtime::{PACKAGE_LIBRARY, Runtime, version as runtime_version};
pub use score::Finding;
pub use ticket::{Answer, Failure, Ran, Ticket, WeakTicket};
pub use trim::trimmed;
pub use verify::{KnownAnswer, known_picture};
pub use versions::{Change, Version, Versions, base_of, in_use};

/// What can be wrong with a bundle, the runtime or a run of the net.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file of the bundle can't be read.
    #[error("model bundle: {path}: {problem}; reinstall the package, or set model.bundle to a complete bundle")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file has not the checksum that `model.toml` states.
    #[error(
        "model bundle: {path} is corrupted: its SHA-256 is {actual}, but model.toml says {expected}; reinstall the package, or \
         restore the bundle from a backup"
    )]
    Checksum {
        /// The file.
        path: String,
        /// Hexadecimal.
        expected: String,
        /// Hexadecimal.
        actual: String,
    },
    /// No usable ONNX Runtime.
    #[error(
        "no usable ONNX Runtime library (1.{} or later is needed); tried, in this order:\n{tried}\nInstall the imagespam-milter \
         package, which brings one; or take libonnxruntime.so from the \"onnxruntime\" package of the Python package index \
         (packaging/get-onnxruntime in the sources does that) and set model.onnxruntime or ORT_DYLIB_PATH to its path",
        ort::MINOR_VERSION
    )]
    Runtime {
        /// A line for each place.
        tried: String,
    },
    /// The net's inputs, outputs or results are not what `model.toml` says.
    #[error("model {model}: {problem}")]
    Mismatch {
        /// Name and version.
        model: String,
        /// What is wrong.
        problem: String,
    },
    /// A learned head can't be put to use.
    #[error("version {version}: {problem}")]
    Version {
        /// Its name.
        version: String,
        /// What is wrong.
        problem: String,
    },
    /// ONNX Runtime reports an error.
    #[error("ONNX Runtime: {0}")]
    Inference(String),
}

impl<R> From<ort::Error<R>> for ModelError {
    fn from(error: ort::Error<R>) -> Self {
        Self::Inference(error.message().to_owned())
    }
}
