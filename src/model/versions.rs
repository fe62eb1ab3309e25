//! The heads that were learned on this site: a folder with a bundle for each version, the link `current` to the one in use, and
//! `history.jsonl`, which tells when each came to be so. A link is replaced in one step: whoever looks, and whenever a process
//! or the machine ends, there is one whole bundle in use.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Bundle, Manifest, ModelError};

const LINK: &str = "current";
const HISTORY: &str = "history.jsonl";
/// In `[provenance]` of a learned bundle: the shipped one whose head it takes the place of.
const BASE: &str = "base";

/// A change of the version in use; a line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// In seconds since 1970.
    pub at: i64,
    /// The version that came into use; `None`: the shipped bundle.
    pub version: Option<String>,
    /// What was measured of it, for people.
    pub figures: String,
}

/// A learned head.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its name, that of its folder.
    pub name: String,
    /// Whether it is in use.
    pub current: bool,
    /// What was measured of it, for people.
    pub figures: String,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Versions {
    folder: PathBuf,
}

impl Versions {
    /// The heads in this folder, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Name of the version in use, if one is.
    pub fn current(&self) -> Option<String> {
        let target = fs::read_link(self.folder.join(LINK)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// The folder of a version's bundle.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// All versions, in the order of their names, which is that of their making.
    ///
    /// # Errors
    /// If the folder can't be read.
    pub fn list(&self) -> Result<Vec<Version>, ModelError> {
        let current = self.current();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("can't be read", &error)),
        };
        let mut found: Vec<Version> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('.'))
            .map(|name| {
                let manifest = Manifest::read(&self.path(&name)).ok();
                let figures = manifest.and_then(|manifest| manifest.provenance.get("figures").cloned()).unwrap_or_default();
                Version { current: current.as_ref() == Some(&name), name, figures }
            })
            .collect();
        // Numbers of another length sort by it: 9 before 10.
        found.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        Ok(found)
    }

    /// The number of the next version: one more than the highest that was ever used.
    pub fn next_number(&self) -> u32 {
        let names = self.list().unwrap_or_default().into_iter().map(|version| version.name);
        let used = names.chain(self.history().into_iter().filter_map(|change| change.version));
        1 + used.filter_map(|name| name.rsplit_once('-')?.1.parse::<u32>().ok()).max().unwrap_or(0)
    }

    /// Puts a version to use; `None`: the shipped bundle.
    ///
    /// # Errors
    /// If there is no such version, it is not whole, or the link can't be replaced; then all stays as it was.
    pub fn promote(&self, name: Option<&str>, figures: &str, at: i64) -> Result<(), ModelError> {
        let link = self.folder.join(LINK);
        match name {
            Some(name) => {
                if Path::new(name).components().count() != 1 || name == LINK || !self.path(name).is_dir() {
                    let problem = "there is no such version; \"imagespam-milter model list\" shows them".to_owned();
                    return Err(ModelError::Version { version: name.to_owned(), problem });
                }
                Bundle::open(&self.path(name))?;
                let draft = self.folder.join(format!(".{LINK}-{}", std::process::id()));
                let _ = fs::remove_file(&draft);
                symlink(name, &draft)
                    .and_then(|()| fs::rename(&draft, &link))
                    .map_err(|error| self.failed("its link can't be replaced", &error))?;
            }
            None => match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed("its link can't be removed", &error));
                }
                _ => {}
            },
        }
        let change = Change { at, version: name.map(str::to_owned), figures: figures.to_owned() };
        self.sync().and_then(|()| self.note(&change)).map_err(|error| self.failed("can't be written", &error))
    }

    /// The changes, the latest last. A line cut short by the end of a process is left out.
    pub fn history(&self) -> Vec<Change> {
        let text = fs::read_to_string(self.folder.join(HISTORY)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Removes the oldest versions beyond `keep`, never the one in use.
    ///
    /// # Errors
    /// If one can't be removed.
    pub fn prune(&self, keep: usize) -> Result<(), ModelError> {
        let versions = self.list()?;
        let surplus = versions.len().saturating_sub(keep);
        for version in versions.iter().filter(|version| !version.current).take(surplus) {
            fs::remove_dir_all(self.path(&version.name)).map_err(|error| self.failed("can't be cleared", &error))?;
        }
        Ok(())
    }

    /// Removes drafts that a killed process left. Nobody may be writing one.
    pub fn clear_drafts(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".bundle-") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn note(&self, change: &Change) -> io::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.folder.join(HISTORY))?;
        // A line that was cut short must not spoil this one.
        writeln!(file, "\n{}", serde_json::to_string(change)?)?;
        file.sync_all()
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn failed(&self, what: &str, error: &io::Error) -> ModelError {
        ModelError::File { path: self.folder.display().to_string(), problem: format!("{what}: {error}") }
    }
}

/// What a learned bundle says of the shipped one that it was learned from.
pub fn base_of(shipped: &Manifest) -> (String, String) {
    (BASE.to_owned(), format!("{} {}", shipped.title(), shipped.head.sha256))
}

/// The bundle in use: the version learned on this site, if there is one for this very shipped bundle and it is whole; else the
/// shipped one. With it, why a learned one is not used.
///
/// # Errors
/// If the shipped bundle can't be used.
pub fn in_use(shipped: &Path, learned: Option<&Path>) -> Result<(Bundle, Option<String>), ModelError> {
    let versions = learned.map(Versions::new);
    let Some((versions, name)) = versions.and_then(|versions| versions.current().map(|name| (versions, name))) else {
        return Ok((Bundle::open(shipped)?, None));
    };
    let (base, expected) = base_of(&Manifest::read(shipped)?);
    match Bundle::open(&versions.path(&name)) {
        Ok(bundle) if bundle.manifest.provenance.get(&base) == Some(&expected) => Ok((bundle, None)),
        Ok(_) => {
            let why = format!("the learned head {name} belongs to another bundle than {}: learn again", shipped.display());
            Ok((Bundle::open(shipped)?, Some(why)))
        }
        Err(error) => Ok((Bundle::open(shipped)?, Some(format!("the learned head {name} can't be used: {error}")))),
    }
}
