//! The known-answer run: a drawn picture whose probabilities and features `model.toml` states. It shows that backbone, head,
//! preprocessing and runtime work together as they did when the bundle was made.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Failure, ModelError, Net};
use crate::image::Picture;

/// `[known_answer]`: what the net says of [`known_picture`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownAnswer {
    /// Number of features.
    pub features: usize,
    /// Euclidean length of the feature vector.
    pub features_norm: f32,
    /// Probability of each class.
    pub probabilities: Vec<f32>,
}

/// Processors differ in their last digits; a wrong file, layout or channel order differs in the first.
const RELATIVE_TOLERANCE: f32 = 0.005;
const ABSOLUTE_TOLERANCE: f32 = 0.01;
/// 8 bits may move the known picture's probabilities, which `model.toml` states of float32, by more.
const INT8_TOLERANCE: f32 = 0.1;

/// A picture of 320 x 240 pixels that is drawn by a formula: red rises to the right, green downwards, blue in squares
/// of 16 pixels.
pub fn known_picture() -> Picture {
    Picture::from_fn(320, 240, |x, y| {
        let square = if (x / 16 + y / 16) % 2 == 0 { 255 } else { 0 };
        let ramp = |at: u32, size: u32| u8::try_from(at * 255 / (size - 1)).unwrap_or(u8::MAX);
        image::Rgb([ramp(x, 320), ramp(y, 240), square])
    })
}

/// Euclidean length of a feature vector.
pub(super) fn norm(features: &[f32]) -> f32 {
    features.iter().map(|value| value * value).sum::<f32>().sqrt()
}

/// Whether the length of the known picture's feature vector is the one that a bundle states.
pub(super) fn norm_fits(norm: f32, stated: f32) -> bool {
    close(norm, stated, RELATIVE_TOLERANCE * stated)
}

fn close(a: f32, b: f32, tolerance: f32) -> bool {
    (a - b).abs() <= tolerance
}

impl Net {
    /// Runs the net on [`known_picture`]; features and probabilities, whatever the bundle states.
    ///
    /// # Errors
    /// If a run fails.
    pub fn answer(&self) -> Result<KnownAnswer, ModelError> {
        self.answer_of(self.features(&known_picture())?)
    }

    fn answer_of(&self, features: Vec<f32>) -> Result<KnownAnswer, ModelError> {
        let probabilities = self.probabilities(&features)?;
        Ok(KnownAnswer { features: features.len(), features_norm: norm(&features), probabilities })
    }

    /// Compares [`Net::answer`] with what the bundle states.
    ///
    /// # Errors
    /// If the answer differs, or a run fails.
    pub fn verify(&self) -> Result<(), ModelError> {
        self.compare(&self.answer()?)
    }

    /// The same within `patience`. That the queue is too long for it is no error, as long as the net gets on with that.
    ///
    /// # Errors
    /// If the answer differs, a run fails, or none ends.
    pub fn round_trip(&self, patience: Duration) -> Result<(), ModelError> {
        let before = self.runs();
        match self.features_until(&known_picture(), Instant::now() + patience)? {
            Ok(features) => self.compare(&self.answer_of(features)?),
            Err(Failure::Late) if self.runs() > before => Ok(()),
            Err(failure) => Err(ModelError::Inference(failure.to_string())),
        }
    }

    fn compare(&self, actual: &KnownAnswer) -> Result<(), ModelError> {
        let expected = &self.manifest().known_answer;
        let (stated, tolerance) = match self.int8_norm() {
            Some(norm) => (norm, INT8_TOLERANCE),
            None => (expected.features_norm, ABSOLUTE_TOLERANCE),
        };
        let features_fit = actual.features == expected.features && norm_fits(actual.features_norm, stated);
        let probabilities_fit = actual.probabilities.len() == expected.probabilities.len()
            && actual.probabilities.iter().zip(&expected.probabilities).all(|(a, b)| close(*a, *b, tolerance));
        if features_fit && probabilities_fit {
            return Ok(());
        }
        let problem = format!("the known-answer run gave {actual:?}, but model.toml states {expected:?}");
        Err(self.manifest().mismatch(problem))
    }
}
