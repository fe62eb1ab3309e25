//! Sessions of ONNX Runtime. Each set holds a backbone and a head and runs on one processor core; a caller takes one
//! for the time of a run.

use std::sync::{Condvar, Mutex, PoisonError};

use ort::{
    session::{Session, builder::GraphOptimizationLevel},
    value::{TensorRef, ValueType},
};

use super::{Bundle, Manifest, ModelError, Runtime};
use crate::image::Picture;

/// A loaded model.
pub struct Net {
    manifest: Manifest,
    idle: Mutex<Vec<Sessions>>,
    returned: Condvar,
}

struct Sessions {
    backbone: Session,
    head: Session,
}

impl Net {
    /// Loads a bundle into `sessions` sets and checks that inputs and outputs are as `model.toml` says.
    ///
    /// # Errors
    /// If ONNX Runtime refuses a file, or shapes don't fit.
    pub fn load(runtime: &Runtime, bundle: &Bundle, sessions: usize) -> Result<Self, ModelError> {
        let session = |bytes: &[u8]| -> Result<Session, ModelError> {
            Ok(Session::builder(&runtime.environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .commit_from_memory(bytes)?)
        };
        let mut idle = Vec::new();
        for _ in 0..sessions.max(1) {
            idle.push(Sessions { backbone: session(&bundle.backbone)?, head: session(&bundle.head)? });
        }
        check_names(&bundle.manifest, &idle[0])?;
        Ok(Self { manifest: bundle.manifest.clone(), idle: Mutex::new(idle), returned: Condvar::new() })
    }

    /// What `model.toml` says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The feature vector of a picture: for each view, the backbone's outputs one behind the other.
    ///
    /// # Errors
    /// If the picture has no pixels, or the run fails.
    pub fn features(&self, picture: &Picture) -> Result<Vec<f32>, ModelError> {
        let sized = self.manifest.view.iter().map(|view| view.sized(picture).map(Picture::into_raw)).collect::<Option<Vec<_>>>();
        self.features_of(&sized.ok_or_else(|| self.mismatch("the picture has no pixels".to_owned()))?)
    }

    /// The same of a picture that is sized already: for each view of the manifest its pixels, RGB, 8 bits a channel, rows from
    /// the top.
    ///
    /// # Errors
    /// If they are not of the views' sizes, or the run fails.
    pub fn features_of(&self, sized: &[impl AsRef<[u8]>]) -> Result<Vec<f32>, ModelError> {
        self.with_sessions(|sessions| {
            let backbone = &self.manifest.backbone;
            let mut features = Vec::new();
            for (number, view) in self.manifest.view.iter().enumerate() {
                let pixels = sized.get(number).map_or(&[][..], AsRef::as_ref);
                if pixels.len() != view.width as usize * view.height as usize * 3 {
                    return Err(self.mismatch(format!("view {} takes other pixels", number + 1)));
                }
                let input = view.input(pixels);
                let tensor = TensorRef::from_array_view((view.shape(), input.as_slice()))?;
                let outputs = sessions.backbone.run(ort::inputs![backbone.input.as_str() => tensor])?;
                for name in &backbone.outputs {
                    features.extend_from_slice(outputs[name.as_str()].try_extract_tensor::<f32>()?.1);
                }
            }
            self.finite(features, "features")
        })
    }

    /// The probability of each class, in the order of the manifest's classes.
    ///
    /// # Errors
    /// If the features are not as many as the head takes, or the run fails.
    pub fn probabilities(&self, features: &[f32]) -> Result<Vec<f32>, ModelError> {
        self.with_sessions(|sessions| {
            let head = &self.manifest.head;
            let tensor = TensorRef::from_array_view(([1, features.len()], features))?;
            let outputs = sessions.head.run(ort::inputs![head.input.as_str() => tensor])?;
            let probabilities = outputs[head.output.as_str()].try_extract_tensor::<f32>()?.1.to_vec();
            if probabilities.len() != self.manifest.classes.len() {
                return Err(self.mismatch(format!("the head gives {} probabilities", probabilities.len())));
            }
            self.finite(probabilities, "probabilities")
        })
    }

    fn mismatch(&self, problem: String) -> ModelError {
        ModelError::Mismatch { model: self.manifest.title(), problem }
    }

    fn finite(&self, numbers: Vec<f32>, what: &str) -> Result<Vec<f32>, ModelError> {
        if numbers.iter().all(|number| number.is_finite()) {
            Ok(numbers)
        } else {
            Err(self.mismatch(format!("the net gives {what} that are no numbers")))
        }
    }

    fn with_sessions<T>(&self, work: impl FnOnce(&mut Sessions) -> Result<T, ModelError>) -> Result<T, ModelError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = loop {
            match idle.pop() {
                Some(sessions) => break sessions,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(idle);
        let mut lent = Lent { net: self, sessions: Some(sessions) };
        match &mut lent.sessions {
            Some(sessions) => work(sessions),
            None => Err(ModelError::Inference("a session was lost".to_owned())),
        }
    }
}

/// Gives the set back, also from a panic.
struct Lent<'a> {
    net: &'a Net,
    sessions: Option<Sessions>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.net.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.sessions.take());
        drop(idle);
        self.net.returned.notify_one();
    }
}

/// Checks that the named inputs and outputs exist, and that the head gives as many numbers as there are classes.
fn check_names(manifest: &Manifest, sessions: &Sessions) -> Result<(), ModelError> {
    let mismatch = |problem: String| ModelError::Mismatch { model: manifest.title(), problem };
    let backbone = &manifest.backbone;
    if !sessions.backbone.inputs().iter().any(|input| input.name() == backbone.input) {
        return Err(mismatch(format!("{} has no input \"{}\"", backbone.file, backbone.input)));
    }
    if let Some(missing) = backbone.outputs.iter().find(|name| !sessions.backbone.outputs().iter().any(|o| o.name() == **name)) {
        return Err(mismatch(format!("{} has no output \"{missing}\"", backbone.file)));
    }
    let head = &manifest.head;
    if !sessions.head.inputs().iter().any(|input| input.name() == head.input) {
        return Err(mismatch(format!("{} has no input \"{}\"", head.file, head.input)));
    }
    let output = sessions.head.outputs().iter().find(|output| output.name() == head.output);
    match output.map(|output| output.dtype()) {
        Some(ValueType::Tensor { shape, .. }) if shape.last().is_some_and(|n| *n < 0 || *n == manifest.classes.len() as i64) => {
            Ok(())
        }
        Some(_) => Err(mismatch(format!("{}: \"{}\" does not hold {} classes", head.file, head.output, manifest.classes.len()))),
        None => Err(mismatch(format!("{} has no output \"{}\"", head.file, head.output))),
    }
}
