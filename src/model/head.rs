//! A loaded head: a session on the processor, which runs for one caller after the other.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use ort::{
    session::Session,
    value::{TensorRef, ValueType},
};

use super::{Bundle, Manifest, ModelError, Runtime};

/// Of one bundle.
pub(super) struct LoadedHead {
    /// Another for each, so that what one has said is not taken for another's word.
    pub number: u64,
    /// One for all: its run is short beside the backbone's.
    session: Mutex<Session>,
    manifest: Manifest,
}

/// What a head has said of a picture.
#[derive(Clone, Debug)]
pub struct Said {
    /// Number of the head, as [`super::Net::head`] tells it.
    pub head: u64,
    /// Of each class, in the order of the manifest's classes.
    pub probabilities: Vec<f32>,
}

impl LoadedHead {
    /// Loads the head of a bundle.
    ///
    /// # Errors
    /// If ONNX Runtime refuses it, or its input and output are not what `model.toml` says.
    pub fn load(runtime: &Runtime, bundle: &Bundle) -> Result<Self, ModelError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let session = runtime.session_builder()?.commit_from_memory(&bundle.head)?;
        check(&bundle.manifest, &session)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, session: Mutex::new(session), manifest: bundle.manifest.clone() })
    }

    /// The probability of each class for several feature vectors, one behind the other, in one run.
    ///
    /// # Errors
    /// If the features are not as many as the head takes, or the run fails.
    pub fn probabilities_of(&self, features: &[f32], rows: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let (head, classes) = (&self.manifest.head, self.manifest.classes.len());
        let tensor = TensorRef::from_array_view(([rows, features.len() / rows.max(1)], features))?;
        let outputs = session.run(ort::inputs![head.input.as_str() => tensor])?;
        let probabilities = outputs[head.output.as_str()].try_extract_tensor::<f32>()?.1.to_vec();
        if probabilities.len() != rows * classes {
            return Err(self.manifest.mismatch(format!("the head gives {} probabilities", probabilities.len())));
        }
        if probabilities.iter().any(|number| !number.is_finite()) {
            return Err(self.manifest.mismatch("the net gives probabilities that are no numbers"));
        }
        Ok(probabilities.chunks(classes).map(<[f32]>::to_vec).collect())
    }
}

/// Checks that the named input and output exist, and that there are as many numbers as classes.
fn check(manifest: &Manifest, session: &Session) -> Result<(), ModelError> {
    let head = &manifest.head;
    let problem = match session.outputs().iter().find(|output| output.name() == head.output).map(|output| output.dtype()) {
        _ if !session.inputs().iter().any(|input| input.name() == head.input) => {
            format!("{} has no input \"{}\"", head.file, head.input)
        }
        Some(ValueType::Tensor { shape, .. }) if shape.last().is_some_and(|n| *n < 0 || *n == manifest.classes.len() as i64) => {
            return Ok(());
        }
        Some(_) => format!("{}: \"{}\" does not hold {} classes", head.file, head.output, manifest.classes.len()),
        None => format!("{} has no output \"{}\"", head.file, head.output),
    };
    Err(manifest.mismatch(problem))
}
