//! `model`: what is in the bundle in use, whether it is unharmed, and which of the heads learned here is in use.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{bundle_in_use, complain, settings};
use crate::{
    config::{Settings, Sources},
    feedback::now,
    model::{Bundle, Manifest, Net, Placement, Runtime, Versions, runtime_version},
};

#[derive(Debug, Subcommand)]
pub enum Model {
    /// Show name, classes, thresholds and provenance of the bundle
    Show,
    /// List the heads that were learned on this site
    List,
    /// Put a learned head to use
    Promote {
        /// As "model list" shows it; "shipped" for the head of model.bundle
        version: String,
    },
    /// Put the head to use that was in use before
    Rollback,
    /// Check checksums, inputs, outputs and a run whose result is known
    Verify {
        /// Print the [known_answer] that this bundle gives, for its model.toml, instead of comparing
        #[arg(long)]
        print_answer: bool,
    },
}

impl Model {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let settings = settings(sources)?;
        match self {
            Self::Show => {
                let bundle = bundle_in_use(&settings, complain)?;
                show(&bundle)?;
            }
            Self::List => list(&settings)?,
            Self::Promote { version } => {
                let name = (version != SHIPPED).then_some(version.as_str());
                versions(&settings)?.promote(name, "by hand", now())?;
                say!("put to use: {version}; a running daemon takes it up by itself");
            }
            Self::Rollback => rollback(&settings)?,
            Self::Verify { print_answer } => {
                let bundle = bundle_in_use(&settings, complain)?;
                bundle.base()?;
                let runtime = Runtime::load(settings.model.onnxruntime.as_deref())?;
                let net = Net::load(&runtime, &bundle, Placement::cpu(1))?;
                if *print_answer {
                    let answer = net.answer()?;
                    say!("[known_answer]\nfeatures = {}\nfeatures_norm = {}", answer.features, answer.features_norm);
                    say!("probabilities = {:?}", answer.probabilities);
                } else {
                    net.verify()?;
                    say!("{}: checksums, inputs, outputs and the known answer are right", net.manifest().title());
                    let placement = Placement { precision: settings.model.precision, ..Placement::cpu(1) };
                    let chosen = Net::load(&runtime, &bundle, placement)?;
                    chosen.verify()?;
                    say!("precision on this processor: {}", chosen.precision());
                    say!("ONNX Runtime: {} ({})", runtime.library().display(), runtime_version(&runtime));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What stands for the head of `model.bundle` in place of a version.
const SHIPPED: &str = "shipped";

fn versions(settings: &Settings) -> anyhow::Result<Versions> {
    settings.learn.folder.as_deref().map(Versions::new).context("no heads are learned here: learn.folder is empty")
}

fn list(settings: &Settings) -> anyhow::Result<()> {
    let versions = versions(settings)?;
    let title = Manifest::read(&settings.model.bundle)?.title();
    let live = bundle_in_use(settings, complain)?.folder;
    let mark = |folder: &Path| if folder == live { "*" } else { " " };
    say!("{} {SHIPPED}  {title}", mark(&settings.model.bundle));
    for version in versions.list()? {
        say!("{} {}  {}", mark(&versions.path(&version.name)), version.name, version.figures);
    }
    Ok(())
}

fn rollback(settings: &Settings) -> anyhow::Result<()> {
    let versions = versions(settings)?;
    let Some(current) = versions.current() else { bail!("the shipped head is in use: there is nothing to go back from") };
    let history = versions.history();
    // The last change to the version in use, and what was in use before it, as far as it is still there.
    let since = history.iter().rposition(|change| change.version.as_ref() == Some(&current)).unwrap_or(0);
    let before = history[..since].iter().rev().map(|change| change.version.clone());
    let before = before.flatten().find(|name| *name != current && versions.path(name).is_dir());
    versions.promote(before.as_deref(), &format!("rolled back from {current}"), now())?;
    say!("put to use: {}; a running daemon takes it up by itself", before.as_deref().unwrap_or(SHIPPED));
    Ok(())
}

fn show(bundle: &Bundle) -> anyhow::Result<()> {
    let manifest = &bundle.manifest;
    say!("model       {}", manifest.title());
    say!("folder      {}", bundle.folder.display());
    say!("classes     {}", manifest.classes.join(", "));
    for (name, score) in &manifest.thresholds {
        say!("threshold   \"{name}\" from {score}");
    }
    for view in &manifest.view {
        say!("view        {} x {} pixels", view.width, view.height);
    }
    say!("features    {} numbers from {}", manifest.known_answer.features, manifest.backbone.outputs.join(", "));
    say!("backbone    {} ({})", manifest.backbone.file, manifest.backbone.sha256);
    if let Some(int8) = &manifest.backbone.int8 {
        say!("int8        {} ({})", int8.file, int8.sha256);
    }
    if let Some(tuned) = &manifest.backbone.tuned {
        let hashes = bundle.tuned_on()?.len();
        say!("tuned       {} on pictures of {hashes} perceptual hashes ({})", tuned.outputs.join(", "), tuned.pictures);
    }
    say!("head        {} ({})", manifest.head.file, manifest.head.sha256);
    for (key, value) in &manifest.provenance {
        say!("{key:<11} {value}");
    }
    Ok(())
}
