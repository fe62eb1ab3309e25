//! Which of a bundle's backbones a processor runs: that in float32, or that in 8 bits.

use super::verify::RELATIVE_TOLERANCE;
use crate::config::Precision;

/// What a session is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A graphics card, by its number.
    Card(u32),
    /// The processor in float32.
    Float32,
    /// The processor in 8 bits.
    Int8,
}

/// The bytes of a bundle's backbones.
#[derive(Default)]
pub(super) struct Graphs {
    pub float32: Vec<u8>,
    pub int8: Option<Vec<u8>>,
}

impl Graphs {
    /// The one that a session runs, if the bundle has it.
    pub fn of(&self, target: Target) -> Option<&[u8]> {
        match target {
            Target::Card(_) | Target::Float32 => Some(&self.float32),
            Target::Int8 => self.int8.as_deref(),
        }
    }

    /// Whether the processor is to run 8 bits.
    pub fn int8_is_wanted(&self, precision: Precision) -> bool {
        match precision {
            Precision::Auto => self.int8.is_some() && processor_is_for_int8(),
            Precision::Float32 => false,
            Precision::Int8 => true,
        }
    }
}

/// Whether the processor multiplies 8 bits and adds up in 32. Without such instructions ONNX Runtime adds pairs of products up in 16,
/// where they don't always fit (its documentation, "Quantize ONNX models").
fn processor_is_for_int8() -> bool {
    #[cfg(target_arch = "x86_64")]
    let is = is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    let is = false;
    is
}

/// What is wrong if 8 bits don't give here what they gave where the bundle was made: `stated`, the length of the known picture's
/// feature vector.
pub(super) fn problem(features: &[f32], stated: f32) -> Option<String> {
    let norm = features.iter().map(|value| value * value).sum::<f32>().sqrt();
    let differs = (norm - stated).abs() > RELATIVE_TOLERANCE * stated;
    differs.then(|| {
        format!("on this processor the backbone in 8 bits gives features of length {norm}, but model.toml states {stated}")
    })
}
