//! `[model]`: the bundle, and what the net runs on.

use std::{fmt, path::PathBuf, str::FromStr};

use super::{cores, non_empty, reader::Reader};

/// `[model]`
#[derive(Clone, Debug)]
pub struct Model {
    /// Folder of the bundle.
    pub bundle: PathBuf,
    /// ONNX Runtime's library, if it is not to be searched for.
    pub onnxruntime: Option<PathBuf>,
    /// What the backbone runs on.
    pub device: Device,
    /// Its arithmetic on a processor.
    pub precision: Precision,
    /// Nets that run side by side, at least 1.
    pub sessions: usize,
}

/// What the backbone runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The first graphics card if there is one that can be used, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// The graphics card of this number, as CUDA counts.
    Cuda(u32),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl FromStr for Device {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "\"auto\", \"cpu\", or a graphics card such as \"cuda:0\"";
        match (text, text.strip_prefix("cuda:")) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            (_, Some(number)) => number.parse().map(Self::Cuda).map_err(|_| ALLOWED),
            _ => Err(ALLOWED),
        }
    }
}

/// The arithmetic of the backbone on a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// What this processor is faster at: 8 bits if it has instructions for their products, else float32.
    Auto,
    /// As the backbone was trained.
    Float32,
    /// 8 bits, of the bundle's `[backbone.int8]`.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Float32 => "float32",
            Self::Int8 => "int8",
        })
    }
}

impl FromStr for Precision {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "float32" => Ok(Self::Float32),
            "int8" => Ok(Self::Int8),
            _ => Err("\"auto\", \"float32\" or \"int8\""),
        }
    }
}

pub fn read(r: &mut Reader) -> Option<Model> {
    let (bundle, onnxruntime) = (r.string("model.bundle"), r.string("model.onnxruntime"));
    let (device, precision) = (r.text("model.device"), r.text("model.precision"));
    let sessions = r.number("model.sessions", 0..=256);
    Some(Model {
        bundle: bundle?.into(),
        onnxruntime: onnxruntime.map(non_empty)?.map(PathBuf::from),
        device: device?,
        precision: precision?,
        sessions: match sessions? {
            0 => cores().min(8),
            number => number,
        },
    })
}
