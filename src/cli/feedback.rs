//! `feedback`: the store of users' reactions.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::Subcommand;
use sha2::{Digest, Sha256};
use tokio::{runtime::Handle, task};

use super::{block_on, settings, work};
use crate::{
    config::{Settings, Sources},
    feedback::{Key, Observation, Reaction, Store, now},
    model::{Manifest, Versions},
    training::{
        TrainingError, Watch,
        feedback_report::{self, Heads},
        reactions::{Record, RecordReader, RecordWriter, Statistics, export_lines, import_lines},
        write_file,
    },
};

#[derive(Debug, Subcommand)]
pub enum Feedback {
    /// Print how much there is, and the statistics of "dataset stats"
    Stats {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove reactions for good
    #[command(group(clap::ArgGroup::new("what").required(true)))]
    Forget {
        /// All of this user
        #[arg(long, value_name = "NAME", group = "what")]
        user: Option<String>,
        /// Pictures that nobody has reported for so long, such as "90d"
        #[arg(long, value_name = "TIME", group = "what", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,
    },
    /// Write pictures and reactions as a data set: Parquet, or the published format if the name ends with .gz
    Export {
        /// The file
        to: PathBuf,
    },
    /// Add a data set of vectors and reactions, Parquet or the published format (.gz); its users are taken as so many new ones
    Import {
        /// The file
        from: PathBuf,
    },
    /// Check that the store is unharmed
    Check,
    /// Write a copy of the store, also while the daemon runs (SQLite; for PostgreSQL there is pg_dump)
    Backup {
        /// The new file
        to: PathBuf,
    },
    /// Write one HTML page: reactions over time, campaigns, consistency, heads
    Report {
        /// The file
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
}

impl Feedback {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let settings = settings(sources)?;
        block_on(self.work(&settings))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn work(&self, settings: &Settings) -> anyhow::Result<()> {
        let store = Store::open(&settings.feedback).await?;
        match self {
            Self::Stats { json } => stats(&store, settings, *json).await,
            Self::Forget { user: Some(user), .. } => {
                let key = Key::open(&settings.feedback.key)?;
                say!("{} reactions removed", store.forget_user(&key.user(user)).await?);
                Ok(())
            }
            Self::Forget { older_than, .. } => {
                let age = i64::try_from(older_than.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
                say!("{} pictures removed", store.forget_older(now().saturating_sub(age)).await?);
                Ok(())
            }
            Self::Export { to } => export(&store, to).await,
            Self::Import { from } => import(&store, settings, from).await,
            Self::Check => {
                store.check().await?;
                say!("{}: unharmed", store.name());
                Ok(())
            }
            Self::Backup { to } => {
                store.backup(to).await?;
                say!("{}: written; keep the key file with it: {}", to.display(), settings.feedback.key.display());
                Ok(())
            }
            Self::Report { output } => {
                work::new_file(output)?;
                let versions = settings.learn.folder.as_deref().map(Versions::new);
                let shipped = Manifest::read(&settings.model.bundle)?.title();
                let heads = match &versions {
                    Some(versions) => Heads { shipped, versions: versions.list()?, history: versions.history() },
                    None => Heads { shipped, versions: Vec::new(), history: Vec::new() },
                };
                let page = feedback_report::html(&store, &heads, now()).await?;
                write_file(output, |out| {
                    use std::io::Write;
                    out.write_all(page.as_bytes()).map_err(|error| TrainingError::Data(format!("{}: {error}", output.display())))
                })?;
                Ok(())
            }
        }
    }
}

async fn stats(store: &Store, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let features_id = Manifest::read(&settings.model.bundle)?.features_id();
    let counts = store.counts(&features_id).await?;
    let mut statistics = Statistics::default();
    let mut last = 0;
    while let Some((next, pictures)) = store.page(last).await? {
        pictures.iter().for_each(|picture| statistics.add(&Record::of(picture)));
        last = next;
    }
    if json {
        say!("{}", serde_json::to_string_pretty(&serde_json::json!({ "store": counts, "statistics": statistics }))?);
        return Ok(());
    }
    say!("store      {}", store.name());
    say!("pictures   {}", counts.pictures);
    say!("users      {}", counts.users);
    for kind in Reaction::ALL {
        say!("reactions  {} {kind}", counts.reactions[kind as usize]);
    }
    if let Some((first, latest)) = counts.span {
        let time = |at: i64| {
            humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_secs(at.unsigned_abs())).to_string()
        };
        say!("from       {} to {}", time(first), time(latest));
    }
    if counts.other_features > 0 {
        say!(
            "{} pictures hold features of another backbone or view than {} gives. They are not learned from until they are \
             reported again; campaigns of the same bytes are still known. To have them back, set model.bundle to the bundle that \
             was in use then; to be rid of them, feedback forget --older-than",
            counts.other_features,
            settings.model.bundle.display()
        );
    }
    if statistics.images > 0 {
        say!("\n{statistics}");
    }
    Ok(())
}

fn is_published(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

async fn export(store: &Store, to: &std::path::Path) -> anyhow::Result<()> {
    work::new_file(to)?;
    let mut count = 0u64;
    let mut write = |path: &std::path::Path| {
        write_file(path, |out| {
            let failed = |problem: String| TrainingError::Data(format!("{}: {problem}", store.name()));
            let mut writer = RecordWriter::new(out, path);
            let mut last = 0;
            // The writer does not wait for anything; it stands aside for the database page by page.
            let next = |last| task::block_in_place(|| Handle::current().block_on(store.page(last)));
            while let Some((at, pictures)) = next(last).map_err(|error| failed(error.to_string()))? {
                last = at;
                for picture in &pictures {
                    writer.write(Record::of(picture)).map_err(|problem| failed(format!("a picture {problem}")))?;
                    count += 1;
                }
            }
            if count == 0 {
                return Err(failed("holds no reaction".to_owned()));
            }
            writer.finish()
        })
    };
    if is_published(to) {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let table = folder.path().join("set.parquet");
        write(&table)?;
        export_lines(&table, to, &Watch::silent())?;
    } else {
        write(to)?;
    }
    say!("{count} pictures");
    Ok(())
}

async fn import(store: &Store, settings: &Settings, from: &std::path::Path) -> anyhow::Result<()> {
    let manifest = Manifest::read(&settings.model.bundle)?;
    let key = Key::open(&settings.feedback.key)?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let table = if is_published(from) {
        let table = folder.path().join("set.parquet");
        import_lines(from, &table, false, &Watch::silent(), &|_| {})?;
        table
    } else {
        from.to_owned()
    };
    let mut count = 0u64;
    for record in RecordReader::open(&table)? {
        let record = record?;
        if record.features.len() != manifest.known_answer.features {
            bail!(
                "{}: has {} features, but {} gives {}: a set of another net can't be learned from",
                from.display(),
                record.features.len(),
                manifest.title(),
                manifest.known_answer.features
            );
        }
        let bytes: Vec<u8> = record.features.iter().flat_map(|value| value.to_le_bytes()).collect();
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        // No picture and so no perceptual hash is in a data set; each such vector is a campaign of its own.
        let hash = u64::from_le_bytes(sha256[..8].try_into()?);
        let observation = Observation { digest: key.picture(&sha256, Some("imported")), hash, features: record.features };
        let user = |(number, reactions)| {
            (key.user(&format!("imported {} {number}", base16ct::lower::encode_string(&sha256))), reactions)
        };
        let users: Vec<_> = record.users.into_iter().enumerate().map(user).collect();
        store.import(&observation, &manifest.features_id(), &users).await?;
        count += 1;
    }
    say!("{count} pictures");
    Ok(())
}
