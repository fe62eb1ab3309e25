//! `model`: what is in a bundle, and whether it is unharmed.

use std::process::ExitCode;

use clap::Subcommand;

use super::{load_net, settings};
use crate::{
    config::Sources,
    model::{Manifest, runtime_version},
};

#[derive(Debug, Subcommand)]
pub enum Model {
    /// Show name, classes, thresholds and provenance of the bundle
    Show,
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
            Self::Show => show(&Manifest::read(&settings.model.bundle)?, &settings.model.bundle.display().to_string()),
            Self::Verify { print_answer } => {
                let (runtime, net) = load_net(&settings, 1)?;
                if *print_answer {
                    let answer = net.answer()?;
                    println!("[known_answer]\nfeatures = {}\nfeatures_norm = {}", answer.features, answer.features_norm);
                    println!("probabilities = {:?}", answer.probabilities);
                } else {
                    net.verify()?;
                    println!("{}: checksums, inputs, outputs and the known answer are right", net.manifest().title());
                    println!("ONNX Runtime: {} ({})", runtime.library().display(), runtime_version(&runtime));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(manifest: &Manifest, folder: &str) {
    println!("model       {}", manifest.title());
    println!("folder      {folder}");
    println!("classes     {}", manifest.classes.join(", "));
    for (class, thresholds) in &manifest.thresholds {
        for (name, score) in thresholds {
            println!("threshold   {class} \"{name}\" from {score}");
        }
    }
    for view in &manifest.view {
        println!("view        {} x {} pixels", view.width, view.height);
    }
    println!("features    {} numbers from {}", manifest.known_answer.features, manifest.backbone.outputs.join(", "));
    println!("backbone    {} ({})", manifest.backbone.file, manifest.backbone.sha256);
    println!("head        {} ({})", manifest.head.file, manifest.head.sha256);
    for (key, value) in &manifest.provenance {
        println!("{key:<11} {value}");
    }
}
