//! `scan`: the daemon's verdict on files.

mod input;
mod output;

use std::{
    io::IsTerminal,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::{FAILURE, FOUND, load_judge, say::is_read, settings};
use crate::{
    config::{Action, Precision, Sources},
    inspect::Kind,
    mail,
    verdict::Judge,
};
use input::Item;
use output::Printer;

#[derive(Args, Debug)]
pub struct Scan {
    /// Messages (.eml, mbox, Maildir), pictures and documents (PDF, office, ZIP), or folders of them; "-" or nothing: standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Add each picture's feature vector (JSON only); the net then runs in float32, whatever model.precision says
    #[arg(long)]
    features: bool,
    /// Judge so many files at once [default: one for each processor core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table on a terminal, else lines of text
    Auto,
    /// A table
    Table,
    /// One line of text a file
    Text,
    /// One JSON object a line
    Json,
}

/// Files that are read ahead, for each thread.
const AHEAD: usize = 8;
/// A file has no mail server that waits for it.
const NO_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Scan {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let mut settings = settings(sources)?;
        if self.features {
            settings.model.precision = Precision::Float32;
        }
        let threads = self.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        let judge = load_judge(&settings, threads)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("can't start threads")?;
        let paths = if self.paths.is_empty() { vec![PathBuf::from("-")] } else { self.paths.clone() };
        let mut items = input::items(&paths, &settings.limits);
        let total = items.total();
        let progress = progress_bar(total);
        let mut printer = Printer::new(self.format, self.features, &judge.manifest());
        let (found, unread) = (AtomicUsize::new(0), AtomicUsize::new(0));
        loop {
            let batch: Vec<_> = items.by_ref().take(AHEAD * threads).collect();
            if batch.is_empty() {
                break;
            }
            let results: Vec<_> = pool.install(|| {
                batch
                    .into_par_iter()
                    .with_max_len(1)
                    .map(|item| {
                        let result = look(&judge, item);
                        progress.inc(1);
                        match &result.1 {
                            Ok(verdict) if verdict.word() == "unknown" || verdict.undecodable() > 0 => &unread,
                            // What is unknown has an action too, and is told apart above.
                            Ok(verdict) if verdict.action != Action::Accept => &found,
                            Ok(_) => return result,
                            Err(_) => &unread,
                        }
                        .fetch_add(1, Ordering::Relaxed);
                        result
                    })
                    .collect()
            });
            if !is_read(progress.suspend(|| printer.print(&results)))? {
                break;
            }
        }
        progress.finish_and_clear();
        is_read(printer.finish())?;
        Ok(match (unread.into_inner(), found.into_inner()) {
            (1.., _) => ExitCode::from(FAILURE),
            (0, 1..) => ExitCode::from(FOUND),
            (0, 0) => ExitCode::SUCCESS,
        })
    }
}

/// What was scanned, and what came of it.
pub type Scanned = (Item, Result<crate::verdict::Verdict, String>);

fn look(judge: &Judge, mut item: Item) -> Scanned {
    let result = std::mem::replace(&mut item.content, Ok(Vec::new())).map(|bytes| match item.kind {
        Kind::Message => judge.message(&bytes, &mail::recipients(&bytes), Instant::now() + NO_DEADLINE),
        Kind::File => judge.file(&bytes, Instant::now() + NO_DEADLINE),
    });
    (item, result)
}

/// A bar where the number of files is known, else a count; nothing in a pipe or for a single file.
fn progress_bar(total: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() || total.is_some_and(|total| total < 2) {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{wide_bar} {pos}/{len} {per_sec} {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} {per_sec}"),
    };
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}
