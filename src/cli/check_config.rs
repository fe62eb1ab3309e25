//! `check-config`: every error of the configuration at once.

use std::process::ExitCode;

use clap::Args;

use super::{FAILURE, report};
use crate::{
    config::{self, Sources},
    model::Manifest,
    verdict::Policy,
};

#[derive(Args, Debug)]
pub struct CheckConfig {
    /// Print the settings in force, and where each came from
    #[arg(long)]
    print: bool,
}

impl CheckConfig {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let (settings, printed) = match config::load(sources) {
            Ok(loaded) => loaded,
            Err(errors) => {
                eprintln!("imagespam-milter: {}", report(&errors));
                return Ok(ExitCode::from(FAILURE));
            }
        };
        if self.print {
            print_settings(&printed);
        }
        // Rules name classes and thresholds of the model.
        Policy::new(&settings.policy, &Manifest::read(&settings.model.bundle)?)?;
        if !self.print {
            say!("the configuration is good");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints a valid configuration file, with origins as comments.
fn print_settings(printed: &[config::Printed]) {
    let mut section = "";
    for (full, value, origin) in printed {
        let (table, key) = full.split_once('.').unwrap_or(("", full));
        if table != section {
            say!("{}[{table}]", if section.is_empty() { "" } else { "\n" });
            section = table;
        }
        say!("{:<60}  # {origin}", format!("{key} = {value}"));
    }
}
