//! `dataset`: feature vectors and reactions as files.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Subcommand;

use super::{complain, load_net, settings, work};
use crate::{
    config::{Precision, Sources},
    training::{
        TrainingError,
        examples::Examples,
        reactions::{self, CLASSES, Filter, NoiseModel, RecordReader, Simulation, Statistics},
        write_file,
    },
};

#[derive(Debug, Subcommand)]
pub enum Dataset {
    /// Read a published data set (gzip, a line "[reactions, features]" each) into a Parquet file
    Import {
        /// Such as image_spam_public.json.gz
        from: PathBuf,
        /// The Parquet file
        to: PathBuf,
        /// Leave out wrong lines, and count them, instead of ending with an error
        #[arg(long)]
        keep_going: bool,
    },
    /// Write a Parquet data set of reactions in the published format
    Export {
        /// The Parquet file
        from: PathBuf,
        /// The gzip file
        to: PathBuf,
    },
    /// Print the statistics of a data set that the paper's authors give
    Stats {
        /// A Parquet data set of reactions
        file: PathBuf,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make labelled vectors of reactions by the consistency filter
    Label {
        /// A Parquet data set of reactions
        from: PathBuf,
        /// The Parquet file of labelled vectors, for train and evaluate
        to: PathBuf,
        /// Keep pictures to which more than so many users reacted
        #[arg(long, value_name = "N", default_value_t = 0)]
        min_reactions: usize,
        /// Keep pictures whose most common reaction has at least this share
        #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
        min_consistency: f64,
    },
    /// Store the feature vectors of labelled pictures
    Features {
        #[command(flatten)]
        data: work::Data,
        /// The Parquet file
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Make a data set of reactions by simulated users of varying reliability
    Simulate {
        /// Labelled vectors, as from dataset features
        from: PathBuf,
        /// The Parquet file of reactions
        to: PathBuf,
        /// Number of pictures
        #[arg(long, value_name = "N", default_value_t = 649_815)]
        records: u64,
        /// Features of each; longer vectors are cut, shorter ones repeated
        #[arg(long, value_name = "N", default_value_t = 2048)]
        features: usize,
        /// Of all random numbers
        #[arg(long, value_name = "N", default_value_t = 42)]
        seed: u64,
    },
}

impl Dataset {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let watch = work::watch()?;
        match self {
            Self::Import { from, to, keep_going } => {
                work::new_file(to)?;
                let started = Instant::now();
                let tell = |error: &TrainingError| eprintln!("imagespam-milter: left out: {error}");
                let import = reactions::import_lines(from, to, *keep_going, &watch, &tell)?;
                let seconds = started.elapsed().as_secs_f64();
                say!("{} records in {seconds:.1} s, {} lines left out", import.records, import.skipped);
            }
            Self::Export { from, to } => {
                work::new_file(to)?;
                say!("{} records", reactions::export_lines(from, to, &watch)?);
            }
            Self::Stats { file, json } => {
                let reader = RecordReader::open(file)?;
                watch.begin("reading", reader.len());
                let mut statistics = Statistics::default();
                for record in reader {
                    statistics.add(&record?);
                    watch.step(1)?;
                }
                watch.end();
                if *json { say!("{}", serde_json::to_string_pretty(&statistics)?) } else { say!("{statistics}") }
            }
            Self::Label { from, to, min_reactions, min_consistency } => {
                work::new_file(to)?;
                let filter = Filter { min_reactions: *min_reactions, min_consistency: *min_consistency };
                let (mut ties, mut all) = (0, 0);
                let mut labelled: Option<Examples> = None;
                for record in RecordReader::open(from)? {
                    let record = record?;
                    all += 1;
                    let Some(label) = reactions::label(&record, filter) else { continue };
                    ties += u64::from(label.tied);
                    let new = || Examples::new(CLASSES.map(str::to_owned).into(), record.features.len());
                    let push = |set: &mut Examples| {
                        set.push(label.class, "reactions".into(), format!("{}#{all}", from.display()), None, &record.features)
                    };
                    push(labelled.get_or_insert_with(new)).map_err(anyhow::Error::msg)?;
                    watch.step(0)?;
                }
                let Some(labelled) = labelled else {
                    anyhow::bail!("{}: the filter leaves none of {all} pictures", from.display())
                };
                labelled.save(to)?;
                say!(
                    "{} of {all} pictures: {}; {ties} ties, of which the milder reaction was taken",
                    labelled.len(),
                    labelled.tally()
                );
            }
            Self::Features { data, output } => {
                work::new_file(output)?;
                let mut settings = settings(sources)?;
                // They are to be trained on.
                settings.model.precision = Precision::Float32;
                let (_, net) = load_net(&settings, std::thread::available_parallelism().map_or(1, usize::from), complain)?;
                let loaded =
                    data.load(&data.data, &data.known_classes()?, &mut || data.extractor(&net, &settings, &watch), &watch)?;
                loaded.save(output)?;
                say!("{} vectors of {} features", loaded.len(), loaded.dimension);
            }
            Self::Simulate { from, to, records, features, seed } => {
                work::new_file(to)?;
                let examples = Examples::load(from, &[], &watch)?;
                let simulation =
                    Simulation { records: *records, dimension: *features, noise: NoiseModel::default(), seed: *seed };
                write_file(to, |out| simulation.write(&examples, out, to, &watch))?;
                say!("{records} records of {features} features");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
