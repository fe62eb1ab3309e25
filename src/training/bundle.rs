//! A trained head with its backbone as a new bundle on disk: there whole, or not at all.

use std::{collections::BTreeMap, fs, fs::File, io::Write, path::Path};

use sha2::{Digest, Sha256};

use super::{TrainingError, onnx::Graph, write_file};
use crate::model::{BaseFile, Bundle, Head, KnownAnswer, Manifest, Net, Placement, Runtime, Thresholds};

/// What goes into a new bundle beside the base bundle's backbone and views.
pub struct NewBundle<'a> {
    /// The bundle that gave the features.
    pub base: &'a Bundle,
    /// Name, a token.
    pub name: String,
    /// Version, a token.
    pub version: String,
    /// In the order of the head's outputs.
    pub classes: Vec<String>,
    /// By name.
    pub thresholds: Thresholds,
    /// `head.onnx`.
    pub head: Vec<u8>,
    /// `base.safetensors`, if others are to learn from it.
    pub base_set: Option<Vec<u8>>,
    /// `MODEL_CARD.md`.
    pub card: String,
    /// For people.
    pub provenance: BTreeMap<String, String>,
}

impl NewBundle<'_> {
    /// Writes the bundle to the new folder `folder`, after it has passed its known-answer run.
    ///
    /// # Errors
    /// If the folder exists, can't be written, or the net can't be run.
    pub fn write(&self, folder: &Path, runtime: &Runtime) -> Result<(), TrainingError> {
        if folder.exists() {
            return Err(TrainingError::file(folder, "exists already; remove it, or choose another --output"));
        }
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |error: std::io::Error| TrainingError::file(folder, format!("can't be written: {error}"));
        let draft = tempfile::Builder::new().prefix(".bundle-").tempdir_in(parent).map_err(failed)?;
        let base = &self.base.manifest;
        let mut manifest = Manifest {
            name: self.name.clone(),
            version: self.version.clone(),
            classes: self.classes.clone(),
            thresholds: self.thresholds.clone(),
            head: Head {
                file: "head.onnx".to_owned(),
                sha256: base16ct::lower::encode_string(&Sha256::digest(&self.head)),
                input: Graph::INPUT.to_owned(),
                output: Graph::OUTPUT.to_owned(),
            },
            base: self.base_set.as_ref().map(|bytes| BaseFile {
                file: "base.safetensors".to_owned(),
                sha256: base16ct::lower::encode_string(&Sha256::digest(bytes)),
            }),
            known_answer: KnownAnswer { features: 0, features_norm: 0.0, probabilities: Vec::new() },
            provenance: self.provenance.clone(),
            ..base.clone()
        };
        let file = |name: &str, bytes: &[u8]| {
            let path = draft.path().join(name);
            write_file(&path, |out| out.write_all(bytes).map_err(|error| TrainingError::file(&path, error)))
        };
        file(&base.backbone.file, &self.base.backbone)?;
        if let (Some(int8), Some(bytes)) = (&base.backbone.int8, &self.base.int8) {
            file(&int8.file, bytes)?;
        }
        file(&manifest.head.file, &self.head)?;
        if let (Some(tuned), Some(bytes)) = (&base.backbone.tuned, &self.base.tuned_on) {
            file(&tuned.pictures, bytes)?;
        }
        if let (Some(entry), Some(bytes)) = (&manifest.base, &self.base_set) {
            file(&entry.file, bytes)?;
        }
        file("MODEL_CARD.md", self.card.as_bytes())?;
        let text = |manifest: &Manifest| {
            toml::to_string(manifest).map_err(|error| TrainingError::file(&folder.join("model.toml"), error))
        };
        file("model.toml", text(&manifest)?.as_bytes())?;
        manifest.known_answer = Net::load(runtime, &Bundle::open(draft.path())?, Placement::cpu(1))?.answer()?;
        let comment = "# A model bundle of imagespam-milter, written by its commands train or learn; MODEL_CARD.md tells what it can and can't do.\n";
        file("model.toml", [comment, &text(&manifest)?].concat().as_bytes())?;
        Net::load(runtime, &Bundle::open(draft.path())?, Placement::cpu(1))?.verify()?;
        // A folder made by tempfile is for its owner alone; the daemon runs as another user.
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o755)).map_err(failed)?;
        fs::rename(draft.path(), folder).map_err(failed)?;
        // Its folder has moved: there is nothing left to remove.
        let _ = draft.keep();
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)
    }
}
