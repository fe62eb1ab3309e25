//! `evaluate`: what a bundle is worth on labelled data, and the paper's tables.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};

use super::{bundle_in_use, complain, net_of, settings, work};
use crate::{
    config::{Settings, Sources},
    training::{
        TrainingError, Watch,
        evaluate::Evaluation,
        grid::{Cell, Grid},
        head::Preset,
        reactions::RecordReader,
        report, write_file,
    },
};

#[derive(Args, Debug)]
pub struct Evaluate {
    #[command(flatten)]
    data: work::Data,
    /// Train and test over reactions and consistency, as the paper's tables do; DATA is then one data set of reactions
    #[arg(long)]
    grid: bool,
    /// Which head --grid trains
    #[arg(long, default_value_t = Preset::Paper, value_parser = str::parse::<Preset>, requires = "grid")]
    preset: Preset,
    /// Pictures of the set that the first table of --grid is made of
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "grid")]
    subset: usize,
    /// How the figures are given
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// File to write to, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables of text
    Table,
    /// One JSON object
    Json,
    /// One page with plots and thumbnails of the worst mistakes
    Html,
}

impl Evaluate {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let settings = settings(sources)?;
        if let Some(output) = &self.output {
            work::new_file(output)?;
        }
        let watch = work::watch()?;
        let text = if self.grid { self.tables(&watch)? } else { self.figures(&settings, &watch)? };
        match &self.output {
            Some(path) => write_file(path, |out| {
                out.write_all(text.as_bytes()).map_err(|error| TrainingError::Data(format!("{}: {error}", path.display())))
            })?,
            None => say!("{}", text.trim_end()),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn figures(&self, settings: &Settings, watch: &Watch) -> anyhow::Result<String> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (net, tuned_on) = {
            let bundle = bundle_in_use(settings, complain)?;
            (net_of(&bundle, settings, threads)?.1, bundle.tuned_on()?)
        };
        let manifest = net.manifest();
        // Classes in the order of the head, whose first is ham in every bundle that train writes.
        if manifest.classes[0] != "ham" {
            bail!("model {}: its first class is not ham", manifest.title());
        }
        let mut known = manifest.classes.clone();
        known.extend(self.data.known_classes()?.into_iter().filter(|class| !manifest.classes.contains(class)));
        let mut extractor = || self.data.extractor(&net, settings, watch);
        let mut examples = self.data.load(&self.data.data, &known, &mut extractor, watch)?;
        if examples.is_empty() {
            bail!("there is nothing to evaluate on");
        }
        let met = examples.hashes.iter().flatten().filter(|hash| tuned_on.contains(hash)).count();
        if met > 0 {
            complain(format!(
                "the backbone was tuned on {met} of these {} pictures: the figures are better than they would be of others",
                examples.len()
            ));
        }
        // A class that the model has not is not ham all the same: the last of its classes stands for it.
        let last = manifest.classes.len() - 1;
        examples.labels.iter_mut().for_each(|label| *label = (*label).min(last));
        examples.classes.clone_from(&manifest.classes);
        let probabilities = (0..examples.len()).map(|row| net.probabilities(examples.row(row))).collect::<Result<Vec<_>, _>>()?;
        let evaluation = Evaluation::new(manifest.title(), &examples, &probabilities, &manifest.thresholds);
        Ok(match self.format {
            Format::Table => report::text(&evaluation),
            Format::Json => serde_json::to_string_pretty(&evaluation)? + "\n",
            Format::Html => report::html(&evaluation, &settings.limits)?,
        })
    }

    fn tables(&self, watch: &Watch) -> anyhow::Result<String> {
        let [path] = &self.data.data[..] else { bail!("--grid takes one data set of reactions (see dataset import)") };
        let mut reader = RecordReader::open(path)?.peekable();
        let Some(Ok(first)) = reader.peek() else { bail!("{}: holds no record", path.display()) };
        let mut grid = Grid::new(first.features.len());
        for record in reader {
            grid.push(record?).map_err(|problem| anyhow::anyhow!("{}: a record {problem}", path.display()))?;
            watch.step(0)?;
        }
        let (first, whole) = (grid.table(self.preset, self.subset, watch)?, grid.whole(self.preset, watch)?);
        Ok(match self.format {
            Format::Json => serde_json::to_string_pretty(&[&first, &whole])? + "\n",
            Format::Html => bail!("--grid gives a table or JSON"),
            Format::Table => {
                let of = |count: usize, what| {
                    format!("Weighted F1 by head \"{}\", {count} pictures {what}, beside the paper's\n", self.preset)
                };
                let (subset, all) = (of(grid.len().min(self.subset), "(subset)"), of(grid.len(), "(whole set)"));
                format!("{subset}{}\n\n{all}{}\n", table(&first), table(&whole))
            }
        })
    }
}

fn table(cells: &[Cell]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["more reactions than", "consistency at least", "images left", "F1", "F1 published"]);
    for cell in cells {
        table.add_row([
            cell.min_reactions.to_string(),
            cell.min_consistency.to_string(),
            cell.images.to_string(),
            cell.weighted_f1.map_or("-".to_owned(), |f1| format!("{f1:.3}")),
            format!("{:.2}", cell.published),
        ]);
    }
    table
}
