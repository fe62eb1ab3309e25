//! A loaded model: a backbone (`engine`), and a head.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_executor::block_on;

use super::{Bundle, Failure, Manifest, ModelError, Placement, Runtime, Ticket, engine::Engine, head::LoadedHead};
use crate::{
    config::{Device, Precision},
    image::Picture,
};

/// A picture that no mail server waits for.
const NO_HURRY: Duration = Duration::from_secs(24 * 60 * 60);

/// A loaded model.
pub struct Net {
    manifest: Manifest,
    /// Shared with the nets that differ in the head only.
    backbone: Arc<Engine>,
    head: Arc<LoadedHead>,
}

impl Net {
    /// Loads a bundle, and checks that inputs and outputs are as `model.toml` says.
    ///
    /// # Errors
    /// If ONNX Runtime refuses a file, or shapes don't fit.
    pub fn load(runtime: &Runtime, bundle: &Bundle, placement: Placement) -> Result<Self, ModelError> {
        let backbone = Engine::start(runtime, bundle, placement)?;
        Self::put_together(runtime, bundle, Arc::new(backbone))
    }

    /// Loads the head of a bundle that has the same backbone and views as this one, and goes on with the same sessions of that.
    ///
    /// # Errors
    /// If its features are others, ONNX Runtime refuses the head, or its shapes don't fit.
    pub fn with_head_of(&self, runtime: &Runtime, bundle: &Bundle) -> Result<Self, ModelError> {
        if bundle.manifest.features_id() != self.manifest.features_id() {
            let problem = "has another backbone or other views than the model in use: restart the daemon to load it";
            return Err(bundle.manifest.mismatch(problem));
        }
        Self::put_together(runtime, bundle, self.backbone.clone())
    }

    fn put_together(runtime: &Runtime, bundle: &Bundle, backbone: Arc<Engine>) -> Result<Self, ModelError> {
        let head = Arc::new(LoadedHead::load(runtime, bundle)?);
        Ok(Self { manifest: bundle.manifest.clone(), backbone, head })
    }

    /// What `model.toml` says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of the head: no other of this process has it.
    pub fn head(&self) -> u64 {
        self.head.number
    }

    /// The feature vector of a picture: for each view, the backbone's outputs one behind the other.
    ///
    /// # Errors
    /// If the picture has no pixels, or the run fails.
    pub fn features(&self, picture: &Picture) -> Result<Vec<f32>, ModelError> {
        self.features_until(picture, Instant::now() + NO_HURRY)
            .and_then(|features| features.map_err(|failure| self.manifest.mismatch(failure.to_string())))
    }

    /// The same, if its turn comes before `until`.
    pub(super) fn features_until(&self, picture: &Picture, until: Instant) -> Result<Result<Vec<f32>, Failure>, ModelError> {
        let sized = self.manifest.view.iter().map(|view| view.sized(picture).map(Picture::into_raw)).collect::<Option<Vec<_>>>();
        let sized = sized.ok_or_else(|| self.manifest.mismatch("the picture has no pixels"))?;
        let answer = self.backbone.submit(sized, None, until).and_then(|ticket| block_on(ticket.answer()));
        Ok(answer.map(|ran| ran.features.to_vec()))
    }

    /// What the backbone runs on at the moment: a processor or a card.
    pub fn device(&self) -> Device {
        self.backbone.device()
    }

    /// The arithmetic that the backbone runs in at the moment.
    pub fn precision(&self) -> Precision {
        self.backbone.precision()
    }

    /// Of each number of a feature vector, whether it comes of weights that were tuned on labelled pictures; empty if none does.
    ///
    /// # Errors
    /// If the backbone does not fix how many numbers an output has.
    pub fn tuned(&self) -> Result<Vec<bool>, ModelError> {
        let Some(tuned) = &self.manifest.backbone.tuned else { return Ok(Vec::new()) };
        let mut of_view = Vec::new();
        for (output, width) in self.manifest.backbone.outputs.iter().zip(self.backbone.widths()) {
            let width =
                width.ok_or_else(|| self.manifest.mismatch(format!("the backbone's output \"{output}\" has no fixed length")))?;
            of_view.extend(vec![tuned.outputs.contains(output); width]);
        }
        Ok(of_view.repeat(self.manifest.view.len()))
    }

    /// What the bundle states of the known picture in 8 bits, while the backbone runs in these: the head's bundle may be an older one.
    pub(super) fn int8_norm(&self) -> Option<f32> {
        self.backbone.int8_norm()
    }

    /// How many runs of the backbone have ended.
    pub(super) fn runs(&self) -> u64 {
        self.backbone.runs()
    }

    /// How long a picture that is submitted now will take, as far as can be told.
    pub fn wait(&self) -> Duration {
        self.backbone.wait()
    }

    /// Features and probabilities of a picture that is sized already, when its turn comes: for each view of the manifest its pixels,
    /// RGB, 8 bits a channel, rows from the top. Waits while the queue is full.
    ///
    /// # Errors
    /// If they are not of the views' sizes, or the queue is still full at `until`.
    pub fn submit(&self, sized: Vec<Vec<u8>>, until: Instant) -> Result<Ticket, Failure> {
        self.backbone.submit(sized, Some(self.head.clone()), until)
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
        self.head.probabilities_of(features, rows)
    }
}
