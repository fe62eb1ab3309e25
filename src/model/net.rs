//! A loaded model: a backbone (`engine`), and sessions of a head. Each of these runs on one processor core; a caller takes one for
//! the time of a run.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_executor::block_on;

use ort::{
    session::{Session, builder::GraphOptimizationLevel},
    value::{TensorRef, ValueType},
};

use super::{Bundle, Failure, Manifest, ModelError, Placement, Runtime, Ticket, engine::Engine};
use crate::image::Picture;

/// A picture that no mail server waits for.
const NO_HURRY: Duration = Duration::from_secs(24 * 60 * 60);

/// A loaded model.
pub struct Net {
    manifest: Manifest,
    /// Shared with the nets that differ in the head only.
    backbone: Arc<Engine>,
    head: Sessions,
}

impl Net {
    /// Loads a bundle, and checks that inputs and outputs are as `model.toml` says.
    ///
    /// # Errors
    /// If ONNX Runtime refuses a file, or shapes don't fit.
    pub fn load(runtime: &Runtime, bundle: &Bundle, placement: Placement) -> Result<Self, ModelError> {
        let backbone = Engine::start(runtime, bundle, placement)?;
        Self::put_together(runtime, bundle, placement.sessions, Arc::new(backbone))
    }

    /// Loads the head of a bundle that has the same backbone and views as this one, and goes on with the same sessions of that.
    ///
    /// # Errors
    /// If its features are others, ONNX Runtime refuses the head, or its shapes don't fit.
    pub fn with_head_of(&self, runtime: &Runtime, bundle: &Bundle, sessions: usize) -> Result<Self, ModelError> {
        if bundle.manifest.features_id() != self.manifest.features_id() {
            let problem = "has another backbone or other views than the model in use: restart the daemon to load it".to_owned();
            return Err(ModelError::Mismatch { model: bundle.manifest.title(), problem });
        }
        Self::put_together(runtime, bundle, sessions, self.backbone.clone())
    }

    fn put_together(runtime: &Runtime, bundle: &Bundle, sessions: usize, backbone: Arc<Engine>) -> Result<Self, ModelError> {
        let head = Sessions::load(runtime, &bundle.head, sessions)?;
        head.with(|session| check_head(&bundle.manifest, session))?;
        Ok(Self { manifest: bundle.manifest.clone(), backbone, head })
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
        let sized = sized.ok_or_else(|| self.mismatch("the picture has no pixels".to_owned()))?;
        let answer = self.submit(sized, Instant::now() + NO_HURRY).map(|ticket| block_on(ticket.answer()));
        match answer.and_then(|answer| answer) {
            Ok(features) => Ok(features.to_vec()),
            Err(failure) => Err(self.mismatch(failure.to_string())),
        }
    }

    /// The same of a picture that is sized already, when its turn comes: for each view of the manifest its pixels, RGB, 8 bits a
    /// channel, rows from the top. Waits while the queue is full.
    ///
    /// # Errors
    /// If they are not of the views' sizes, or the queue is still full at `until`.
    pub fn submit(&self, sized: Vec<Vec<u8>>, until: Instant) -> Result<Ticket, Failure> {
        self.backbone.submit(sized, until)
    }

    /// The probability of each class, in the order of the manifest's classes.
    ///
    /// # Errors
    /// If the features are not as many as the head takes, or the run fails.
    pub fn probabilities(&self, features: &[f32]) -> Result<Vec<f32>, ModelError> {
        Ok(self.probabilities_of(features, 1)?.concat())
    }

    /// The same of several feature vectors, one behind the other, in one run.
    ///
    /// # Errors
    /// As [`Net::probabilities`].
    pub fn probabilities_of(&self, features: &[f32], rows: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        self.head.with(|session| {
            let (head, classes) = (&self.manifest.head, self.manifest.classes.len());
            let tensor = TensorRef::from_array_view(([rows, features.len() / rows.max(1)], features))?;
            let outputs = session.run(ort::inputs![head.input.as_str() => tensor])?;
            let probabilities = outputs[head.output.as_str()].try_extract_tensor::<f32>()?.1.to_vec();
            if probabilities.len() != rows * classes {
                return Err(self.mismatch(format!("the head gives {} probabilities", probabilities.len())));
            }
            Ok(self.finite(probabilities, "probabilities")?.chunks(classes).map(<[f32]>::to_vec).collect())
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
}

/// Sessions of one graph.
struct Sessions {
    idle: Mutex<Vec<Session>>,
    returned: Condvar,
}

impl Sessions {
    fn load(runtime: &Runtime, graph: &[u8], count: usize) -> Result<Self, ModelError> {
        let session = || -> Result<Session, ModelError> {
            Ok(Session::builder(&runtime.environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .commit_from_memory(graph)?)
        };
        let idle = (0..count.max(1)).map(|_| session()).collect::<Result<_, _>>()?;
        Ok(Self { idle: Mutex::new(idle), returned: Condvar::new() })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Session) -> Result<T, ModelError>) -> Result<T, ModelError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let session = loop {
            match idle.pop() {
                Some(session) => break session,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(idle);
        let mut lent = Lent { sessions: self, session: Some(session) };
        match &mut lent.session {
            Some(session) => work(session),
            None => Err(ModelError::Inference("a session was lost".to_owned())),
        }
    }
}

/// Gives the session back, also from a panic.
struct Lent<'a> {
    sessions: &'a Sessions,
    session: Option<Session>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.sessions.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.session.take());
        drop(idle);
        self.sessions.returned.notify_one();
    }
}

/// Checks that the named input and output exist, and that there are as many numbers as classes.
fn check_head(manifest: &Manifest, session: &Session) -> Result<(), ModelError> {
    let mismatch = |problem: String| ModelError::Mismatch { model: manifest.title(), problem };
    let head = &manifest.head;
    if !session.inputs().iter().any(|input| input.name() == head.input) {
        return Err(mismatch(format!("{} has no input \"{}\"", head.file, head.input)));
    }
    let output = session.outputs().iter().find(|output| output.name() == head.output);
    match output.map(|output| output.dtype()) {
        Some(ValueType::Tensor { shape, .. }) if shape.last().is_some_and(|n| *n < 0 || *n == manifest.classes.len() as i64) => {
            Ok(())
        }
        Some(_) => Err(mismatch(format!("{}: \"{}\" does not hold {} classes", head.file, head.output, manifest.classes.len()))),
        None => Err(mismatch(format!("{} has no output \"{}\"", head.file, head.output))),
    }
}
