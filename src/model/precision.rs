//! Which of a bundle's backbones a processor runs: that in float32, or that in 8 bits.

use super::{Bundle, Int8, Manifest, trimmed};
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

/// The bytes of a bundle's backbones; empty where there is none.
#[derive(Default)]
pub(super) struct Graphs {
    float32: Vec<u8>,
    int8: Vec<u8>,
}

impl Graphs {
    /// Those of a bundle, as far as it reads them.
    pub fn of(bundle: &Bundle) -> Self {
        let read = |file: &[u8]| trimmed(file, &bundle.manifest.backbone.outputs);
        Self { float32: read(&bundle.backbone), int8: bundle.int8.as_deref().map(read).unwrap_or_default() }
    }

    /// The one that a session runs.
    pub fn bytes(&self, target: Target) -> &[u8] {
        match target {
            Target::Card(_) | Target::Float32 => &self.float32,
            Target::Int8 => &self.int8,
        }
    }
}

/// What `model.toml` says of the backbone in 8 bits, if the processor is to run it.
///
/// # Errors
/// If it is asked for by name, and the bundle has none; what is wrong.
pub(super) fn int8_wanted(manifest: &Manifest, precision: Precision) -> Result<Option<&Int8>, &'static str> {
    let int8 = manifest.backbone.int8.as_ref();
    match precision {
        Precision::Auto => Ok(int8.filter(|_| processor_is_for_int8())),
        Precision::Float32 => Ok(None),
        Precision::Int8 => int8.map(Some).ok_or("has no [backbone.int8] for model.precision = \"int8\""),
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
