//! What the commands of training share: a progress bar that SIGINT ends, and labelled data from folders and files.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    config::Settings,
    model::Net,
    training::{
        Watch,
        examples::{self, Examples},
        extract::Extractor,
    },
};

/// A bar on a terminal, nothing in a pipe. On SIGINT or SIGTERM work stops at its next step, and leaves nothing half-written.
pub fn watch() -> anyhow::Result<Watch> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("can't watch for signals")?;
    }
    if !std::io::stderr().is_terminal() {
        return Ok(Watch::new(ProgressBar::hidden(), stop));
    }
    let style = ProgressStyle::with_template("{prefix:28} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left {msg}")?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)).with_style(style);
    Ok(Watch::new(bar, stop))
}

/// Where labelled data come from.
#[derive(Args, Debug)]
pub struct Data {
    /// Folders of pictures in folders named after their class, or Parquet files of feature vectors
    #[arg(value_name = "DATA", required = true)]
    pub data: Vec<PathBuf>,
    /// Names of the classes; "ham" must be one of them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub classes: Option<Vec<String>>,
    /// Leave out what can't be read, and count it, instead of ending with an error
    #[arg(long)]
    pub keep_going: bool,
    /// Folder in which features are kept from run to run [default: imagespam-milter in $XDG_CACHE_HOME or ~/.cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

impl Data {
    /// The classes asked for, else the usual ones.
    pub fn known_classes(&self) -> anyhow::Result<Vec<String>> {
        let mut classes = self.classes.clone().unwrap_or_else(|| ["ham", "spam", "ad"].map(str::to_owned).into());
        let Some(ham) = classes.iter().position(|class| class == "ham") else { bail!("--classes must name \"ham\"") };
        classes.swap(0, ham);
        Ok(classes)
    }

    fn cache(&self) -> Option<PathBuf> {
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let base = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
        self.cache.clone().or_else(|| Some(base()?.join("imagespam-milter")))
    }

    /// An extractor for `net` with this cache.
    pub fn extractor<'a>(&self, net: &'a Net, settings: &'a Settings, watch: &Watch) -> anyhow::Result<Extractor<'a>> {
        Ok(Extractor::open(net, &settings.limits, &settings.skip, self.cache().as_deref(), watch)?)
    }

    /// Reads everything under `paths`, of the classes `known`. `extractor` is only asked for if there are pictures.
    pub fn load<'a>(
        &self,
        paths: &[PathBuf],
        known: &[String],
        extractor: &mut dyn FnMut() -> anyhow::Result<Extractor<'a>>,
        watch: &Watch,
    ) -> anyhow::Result<Examples> {
        let is_file = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
        let (files, folders): (Vec<_>, Vec<_>) = paths.iter().partition(is_file);
        let mut loaded = Examples::new(known.to_vec(), 0);
        if !folders.is_empty() {
            let folders: Vec<PathBuf> = folders.into_iter().cloned().collect();
            let listed = examples::list(&folders, known)?;
            let found = extractor()?.vectors(&listed, known, watch)?;
            if let Some(first) = found.undecodable.first().filter(|_| !self.keep_going) {
                bail!("{first} (and {} more; --keep-going leaves them out)", found.undecodable.len() - 1);
            }
            let left_out = [
                (found.undecodable.len(), "can't be decoded"),
                (found.skipped, "are too small or over a limit, so that the daemon would not judge them"),
                (found.repeated, "repeat another byte for byte"),
            ];
            for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
                eprintln!("imagespam-milter: {count} of {} pictures left out: they {why}", listed.len());
            }
            loaded = found.examples;
        }
        for file in files {
            let vectors = Examples::load(file, known, watch)?;
            if loaded.is_empty() {
                loaded = vectors;
            } else if vectors.dimension == loaded.dimension {
                loaded.append(vectors);
            } else {
                let (theirs, ours) = (vectors.dimension, loaded.dimension);
                bail!("{}: has {theirs} features, but what was read before has {ours}", file.display());
            }
        }
        Ok(loaded)
    }
}

/// Refuses a file whose folder does not exist, before any work is done for it.
pub fn new_file(path: &Path) -> anyhow::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if !parent.is_dir() => bail!("{}: there is no folder {}", path.display(), parent.display()),
        _ => Ok(()),
    }
}
