//! `train`: labelled pictures or vectors to a new bundle.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, bail};
use clap::Args;

use super::{settings, work};
use crate::{
    config::Sources,
    model::{Bundle, Net, Placement, Runtime, View, known_picture},
    training::{
        base::BaseSet,
        bundle::NewBundle,
        calibration::named_scores,
        evaluate::Evaluation,
        examples::Examples,
        groups::{self, Split},
        head::Preset,
        recipe::Recipe,
        report,
    },
};

#[derive(Args, Debug)]
pub struct Train {
    #[command(flatten)]
    data: work::Data,
    /// Folder of the new bundle; must not exist
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Bundle whose backbone and views give the features [default: the setting model.bundle]
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Which head: kernel (ridge regression on Gaussian kernels), paper (two hidden layers of 2048), linear
    #[arg(long, default_value_t = Preset::Kernel, value_parser = str::parse::<Preset>)]
    preset: Preset,
    /// Sides of the square views in pixels, instead of the base bundle's
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(32..=2048))]
    view: Option<Vec<u32>>,
    /// Outputs of the backbone that make up the features, instead of the base bundle's
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    features: Option<Vec<String>>,
    /// Share of the near-duplicate groups of every source that is only tested on
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    test: f64,
    /// Labelled data that is only tested on; refused if it shares near-duplicates with the rest
    #[arg(long, value_name = "DATA", conflicts_with = "test")]
    test_on: Vec<PathBuf>,
    /// Of all random numbers; the same data, seed and number of threads give the same head, byte for byte
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Parts of the data that are scored by a head trained on the others, for calibration and thresholds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=100))]
    folds: u16,
    /// Name of the new bundle [default: the base bundle's]
    #[arg(long)]
    name: Option<String>,
    /// Version of the new bundle
    #[arg(long, value_name = "VERSION", default_value = "1")]
    model_version: String,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=0.9).contains(share)).ok_or_else(|| "a share from 0 to 0.9".to_owned())
}

impl Train {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let settings = settings(sources)?;
        if self.output.exists() {
            bail!("{}: exists already; remove it, or choose another --output", self.output.display());
        }
        work::new_file(&self.output)?;
        let watch = work::watch()?;
        let bundle = self.base_bundle(self.base.as_ref().unwrap_or(&settings.model.bundle))?;
        let tuned_on = bundle.tuned_on()?;
        let runtime = Runtime::load(settings.model.onnxruntime.as_deref())?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let net = Net::load(&runtime, &bundle, Placement::cpu(threads))?;
        let known = self.data.known_classes()?;
        let mut extractor = || self.data.extractor(&net, &settings, &watch);
        let mut loaded = self.data.load(&self.data.data, &known, &mut extractor, &watch)?;
        // The base bundle's head may take other features, and is not asked.
        let dimension = net.features(&known_picture())?.len();
        if loaded.dimension != dimension {
            bail!(
                "the vectors have {} features, but the net of {} gives {dimension}: name the bundle they were made with by --base",
                loaded.dimension,
                bundle.manifest.title()
            );
        }
        loaded.tuned = net.tuned()?;
        if loaded.is_tuned() && loaded.tuned.iter().all(|tuned| *tuned) {
            bail!("--features: one at least must be of weights that were not tuned on labelled pictures; see model.toml");
        }
        let own = loaded.len();
        if !self.test_on.is_empty() {
            loaded.append(self.data.load(&self.test_on, &known, &mut extractor, &watch)?);
        }
        if self.data.classes.is_none() {
            loaded = loaded.without_small_classes(1);
        }
        loaded.check()?;
        let groups = groups::near_duplicate_groups(&loaded, &watch)?;
        loaded.seen = groups::seen(&loaded, &groups, &tuned_on);
        let split = if self.test_on.is_empty() {
            groups::split(&loaded, &groups, self.test, self.seed)
        } else {
            Split { train: (0..own).collect(), test: (own..loaded.len()).collect() }
        };
        groups::check_leakage(&loaded, &groups, &split)?;
        let examples = loaded.select(&split.train);
        let groups: Vec<usize> = split.train.iter().map(|row| groups[*row]).collect();
        let recipe = Recipe { preset: self.preset, seed: self.seed, folds: self.folds.into() };
        let fit = recipe.fit(&examples, &groups, &watch)?;
        let thresholds = named_scores(&fit.thresholds);
        let title = format!("{}/{}", self.name.as_ref().unwrap_or(&bundle.manifest.name), self.model_version);
        let mut card = format!("# {title}\n\n{}\n", self.method(&examples, &bundle));
        let (number, largest) = groups::sizes(&groups);
        let pictures = examples.len();
        card += &format!("{pictures} pictures in {number} near-duplicate groups, the largest of {largest}.\n\n## Thresholds\n\n");
        fit.thresholds.iter().for_each(|threshold| card += &format!("- {threshold}\n"));
        let unseen = examples.unseen();
        if unseen.len() < examples.len() {
            card += &format!(
                "\nThe backbone was tuned on {} of them or their near-duplicates; these are neither calibrated nor judged by.\n",
                examples.len() - unseen.len()
            );
        }
        let said = unseen.iter().map(|row| fit.out_of_fold[*row].clone()).collect();
        let out_of_fold = Evaluation::new(title.clone(), &examples.select(&unseen), &said, &thresholds);
        card += &format!(
            "\n## Out of fold\n\nEach picture scored by a head that saw neither it nor a near-duplicate of it, nor anything of its source if \
             that is a small one of a single class. Calibration and thresholds were fitted to these scores.\n\n{}",
            report::text(&out_of_fold)
        );
        if !split.test.is_empty() {
            let test = loaded.select(&split.test);
            let test = test.select(&test.unseen());
            let evaluation = Evaluation::new(title.clone(), &test, &fit.probabilities(&test)?, &thresholds);
            card += &format!("\n## Held out\n\nPictures that no step has seen.\n\n{}", report::text(&evaluation));
        }
        let new = NewBundle {
            base: &bundle,
            name: self.name.clone().unwrap_or_else(|| bundle.manifest.name.clone()),
            version: self.model_version.clone(),
            classes: examples.classes.clone(),
            thresholds,
            head: fit.onnx(dimension, examples.classes.len())?,
            base_set: Some(BaseSet::new(&examples, &fit.out_of_fold, self.seed)?.write()?),
            card: card.clone(),
            provenance: self.provenance(&examples, &bundle),
        };
        new.write(&self.output, &runtime)?;
        say!("{}", card.trim_end());
        eprintln!("imagespam-milter: {} written in {:.0} s", self.output.display(), started.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }

    fn base_bundle(&self, folder: &std::path::Path) -> anyhow::Result<Bundle> {
        let mut bundle = Bundle::open(folder).context("the base bundle can't be used")?;
        let manifest = &mut bundle.manifest;
        let own = manifest.features_id();
        if let Some(sides) = &self.view {
            let first = manifest.view[0].clone();
            manifest.view = sides.iter().map(|side| View { width: *side, height: *side, ..first.clone() }).collect();
        }
        if let Some(features) = &self.features {
            manifest.backbone.outputs.clone_from(features);
        }
        // The backbone in 8 bits is of these outputs and views alone.
        if manifest.features_id() != own {
            (manifest.backbone.int8, bundle.int8) = (None, None);
        }
        Ok(bundle)
    }

    fn method(&self, examples: &Examples, bundle: &Bundle) -> String {
        let views: Vec<_> = bundle.manifest.view.iter().map(|view| format!("{} x {}", view.width, view.height)).collect();
        format!(
            "Head `{}`, seed {}, {} folds; features {} of views {}; classes {}. Calibration: multinomial \
             logistic regression on scores out of fold.",
            self.preset,
            self.seed,
            self.folds,
            bundle.manifest.backbone.outputs.join(", "),
            views.join(", "),
            examples.classes.join(", "),
        )
    }

    fn provenance(&self, examples: &Examples, bundle: &Bundle) -> BTreeMap<String, String> {
        let mut provenance = BTreeMap::new();
        if let Some(backbone) = bundle.manifest.provenance.get("backbone") {
            provenance.insert("backbone".to_owned(), backbone.clone());
        }
        provenance.insert("head".to_owned(), format!("imagespam-milter train --preset {}; see MODEL_CARD.md", self.preset));
        provenance.insert("pictures".to_owned(), format!("trained on {}", examples.tally()));
        provenance
    }
}
