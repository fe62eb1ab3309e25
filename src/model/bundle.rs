//! A model bundle on disk: `model.toml` and the files that it names, checked against their SHA-256.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ModelError, verify::KnownAnswer};

/// Format of `model.toml` that this program reads.
const FORMAT: u32 = 2;

/// Least scores by name, 0 to 1; what is compared with them is a [`super::Finding`]'s score.
pub type Thresholds = BTreeMap<String, f32>;

/// `model.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this file's format.
    pub format: u32,
    /// Name of the model, a token.
    pub name: String,
    /// Version of the model, a token.
    pub version: String,
    /// Classes in the order of the head's outputs; `ham` is one of them.
    pub classes: Vec<String>,
    /// Those at which the makers measured the false alarms: `thresholds.tag`.
    pub thresholds: Thresholds,
    /// Pixels to features.
    pub backbone: Backbone,
    /// How a picture becomes the backbone's input; features of the views are put behind each other.
    pub view: Vec<View>,
    /// Features to probabilities.
    pub head: Head,
    /// What a head was trained on, as vectors: to train another with users' reactions. Heads learned on a site have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseFile>,
    /// A run whose result is known.
    pub known_answer: KnownAnswer,
    /// Where it comes from and on what it was trained, for people; the card tells more.
    pub provenance: BTreeMap<String, String>,
}

/// `[backbone]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Backbone {
    /// File in the bundle.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// The input: float32, N x H x W x 3 or N x 3 x H x W.
    pub input: String,
    /// The outputs that make up a view's features, in this order: float32, N x anything.
    pub outputs: Vec<String>,
    /// What of these comes of weights that were tuned on labelled pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<Tuned>,
    /// The same net in 8 bits, for processors that are faster at that. Its features are so near that whatever takes those of
    /// `file` takes these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8>,
}

/// `[backbone.int8]`: inputs and outputs are named as in `[backbone]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Int8 {
    /// File in the bundle.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// SHA-256 of the backbone in float32 that it was made of.
    pub of: String,
    /// Euclidean length of the feature vector of [`super::known_picture`], which another processor must give, too: some add products
    /// of 8 bits up in 16, which is not enough.
    pub features_norm: f32,
}

/// `[backbone.tuned]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tuned {
    /// Outputs of the backbone that come of these weights.
    pub outputs: Vec<String>,
    /// File in the bundle with the perceptual hashes of the pictures: one a line, 16 hexadecimal digits.
    pub pictures: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// `[[view]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Pixels; the picture is stretched to this size.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How the picture is resized.
    pub resize: ResizeRule,
    /// Order of the input's axes.
    pub layout: Layout,
    /// Order of the channels.
    pub channels: Channels,
    /// Subtracted from each channel (0 to 255), in the channels' order.
    pub mean: [f32; 3],
    /// What each channel is then divided by.
    #[serde(default = "ones")]
    pub deviation: [f32; 3],
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

/// How a picture is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeRule {
    /// A triangle filter whose support grows with the reduction, as Pillow's `BILINEAR`.
    Bilinear,
}

/// Order of the axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Height, width, channel.
    Nhwc,
    /// Channel, height, width.
    Nchw,
}

/// Order of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// `[head]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// File in the bundle.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// The input: float32, N x features.
    pub input: String,
    /// The output: float32, N x classes.
    pub output: String,
}

/// `[base]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BaseFile {
    /// File in the bundle.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// A bundle whose files are all there and unharmed.
pub struct Bundle {
    /// What `model.toml` says.
    pub manifest: Manifest,
    /// The bundle's folder.
    pub folder: PathBuf,
    /// The backbone's bytes.
    pub backbone: Vec<u8>,
    /// The bytes of the file that `[backbone.int8]` names.
    pub int8: Option<Vec<u8>>,
    /// The head's bytes.
    pub head: Vec<u8>,
    /// The bytes of the file that `[backbone.tuned]` names.
    pub tuned_on: Option<Vec<u8>>,
}

impl Bundle {
    /// Reads a bundle and checks every checksum.
    ///
    /// # Errors
    /// If a file is missing or corrupted, or `model.toml` says what can't be.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let manifest = Manifest::read(folder)?;
        let backbone = read_checked(folder, &manifest.backbone.file, &manifest.backbone.sha256)?;
        let read = |int8: &Int8| read_checked(folder, &int8.file, &int8.sha256);
        let int8 = manifest.backbone.int8.as_ref().map(read).transpose()?;
        let head = read_checked(folder, &manifest.head.file, &manifest.head.sha256)?;
        let read = |tuned: &Tuned| read_checked(folder, &tuned.pictures, &tuned.sha256);
        let tuned_on = manifest.backbone.tuned.as_ref().map(read).transpose()?;
        Ok(Self { manifest, folder: folder.to_owned(), backbone, int8, head, tuned_on })
    }

    /// Perceptual hashes of the pictures that the backbone was tuned on.
    ///
    /// # Errors
    /// If their file holds something else; the line is named.
    pub fn tuned_on(&self) -> Result<HashSet<u64>, ModelError> {
        let Some((tuned, bytes)) = self.manifest.backbone.tuned.as_ref().zip(self.tuned_on.as_ref()) else {
            return Ok(HashSet::new());
        };
        let hash = |(number, line): (usize, &[u8])| {
            let text = str::from_utf8(line).ok().filter(|text| text.len() == 16);
            text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or_else(|| {
                let problem = format!("line {}: not a perceptual hash of 16 hexadecimal digits", number + 1);
                file_error(&self.folder.join(&tuned.pictures), problem)
            })
        };
        bytes.trim_ascii_end().split(|byte| *byte == b'\n').enumerate().map(hash).collect()
    }

    /// The bytes of the base set's file, if the bundle has one.
    ///
    /// # Errors
    /// If it is missing or corrupted.
    pub fn base(&self) -> Result<Option<Vec<u8>>, ModelError> {
        let read = |base: &BaseFile| read_checked(&self.folder, &base.file, &base.sha256);
        self.manifest.base.as_ref().map(read).transpose()
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Manifest {
    /// Reads `model.toml` of the bundle in `folder`.
    ///
    /// # Errors
    /// If it can't be read, or says what can't be.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("model.toml");
        let text = String::from_utf8(read(&path)?).map_err(|_| file_error(&path, "is not UTF-8".to_owned()))?;
        let invalid = |error: toml::de::Error| file_error(&path, error.to_string().trim().to_owned());
        // First: what else is there may be another format's.
        let Format { format } = toml::from_str(&text).map_err(invalid)?;
        if format != FORMAT {
            return Err(file_error(&path, format!("has format {format}, but this program reads format {FORMAT}")));
        }
        let manifest: Self = toml::from_str(&text).map_err(invalid)?;
        match manifest.problem() {
            Some(problem) => Err(file_error(&path, problem)),
            None => Ok(manifest),
        }
    }

    fn problem(&self) -> Option<String> {
        let token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !token(&self.name) || !token(&self.version) || !self.classes.iter().all(|class| token(class)) {
            return Some("name, version and classes must be of letters, digits, \"-\", \".\" and \"_\"".to_owned());
        }
        if self.classes.len() < 2 || !self.classes.iter().any(|class| class == "ham") {
            return Some("classes must hold \"ham\" and one more at least".to_owned());
        }
        if self.view.is_empty()
            || self
                .view
                .iter()
                .any(|view| !(1..=4096).contains(&view.width.min(view.height)) || view.width.max(view.height) > 4096)
        {
            return Some("at least one [[view]] is needed, of 1 to 4096 pixels a side".to_owned());
        }
        if self.backbone.outputs.is_empty() {
            return Some("backbone.outputs must name at least one output".to_owned());
        }
        if self.backbone.int8.as_ref().is_some_and(|int8| int8.of != self.backbone.sha256) {
            return Some("[backbone.int8] was made of another backbone: make it anew, or remove it".to_owned());
        }
        let bad = self.thresholds.iter().find(|(_, score)| !(0.0..=1.0).contains(*score));
        bad.map(|(name, score)| format!("threshold {name} is {score}, not from 0 to 1"))
    }

    /// A digest of all that a feature vector depends on but for the backbone's precision: two bundles with the same one give the same
    /// features.
    pub fn features_id(&self) -> String {
        let parts = format!("{} {:?} {:?}", self.backbone.sha256, self.backbone.outputs, self.view);
        base16ct::lower::encode_string(&Sha256::digest(parts))
    }

    /// The place of ham among the classes.
    pub fn ham(&self) -> usize {
        self.classes.iter().position(|class| class == "ham").unwrap_or(0)
    }

    /// Name and version, as the verdict's header gives them.
    pub fn title(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// An error: a graph, or what it gives, is not as this says.
    pub fn mismatch(&self, problem: impl Into<String>) -> ModelError {
        ModelError::Mismatch { model: self.title(), problem: problem.into() }
    }
}

fn file_error(path: &Path, problem: String) -> ModelError {
    ModelError::File { path: path.display().to_string(), problem }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|error| file_error(path, format!("can't be read: {error}")))
}

fn read_checked(folder: &Path, name: &str, expected: &str) -> Result<Vec<u8>, ModelError> {
    let path = folder.join(name);
    if Path::new(name).components().count() != 1 {
        return Err(file_error(&path, "must lie in the bundle's own folder".to_owned()));
    }
    let bytes = read(&path)?;
    let actual = base16ct::lower::encode_string(&Sha256::digest(&bytes));
    if actual == expected.to_ascii_lowercase() {
        Ok(bytes)
    } else {
        Err(ModelError::Checksum { path: path.display().to_string(), expected: expected.to_owned(), actual })
    }
}
