//! `learn`: a new head from users' reactions.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, bail};
use clap::Args;

use super::{block_on, bundle_in_use, complain, settings, work};
use crate::{
    config::{Settings, Sources},
    feedback::{Store, now},
    model::{Bundle, Net, Placement, Runtime, Versions, base_of},
    training::{
        Watch,
        base::BaseSet,
        bundle::NewBundle,
        calibration::named_scores,
        learn::{Candidate, Lesson, Reported},
        promotion::Figures,
    },
};

/// In `[provenance]`: until when (seconds since 1970) reactions were learned from.
const UNTIL: &str = "learned_until";
/// In `[provenance]`: what was measured.
const FIGURES: &str = "figures";

#[derive(Args, Debug)]
pub struct Learn {
    /// Train and measure only: put nothing to use
    #[arg(long)]
    dry_run: bool,
    /// Of all random numbers
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

impl Learn {
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let settings = settings(sources)?;
        let Some(folder) = &settings.learn.folder else { bail!("nothing can be learned: learn.folder is empty") };
        fs::create_dir_all(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
        let _lock = lock(folder)?;
        let watch = work::watch()?;
        let versions = Versions::new(folder);
        versions.clear_drafts();
        let shipped = Bundle::open(&settings.model.bundle)?;
        let Some(bytes) = shipped.base()? else {
            bail!(
                "{} has no base set to learn with (base.safetensors): set model.bundle to one that has, such as the package's own, or \
                 one that \"imagespam-milter train\" wrote",
                settings.model.bundle.display()
            );
        };
        let base = BaseSet::read(&bytes, &settings.model.bundle.join("base.safetensors"))?;
        drop(bytes);
        let current = bundle_in_use(&settings, complain)?;
        let runtime = Runtime::load(settings.model.onnxruntime.as_deref())?;
        let net = Net::load(&runtime, &current, Placement::cpu(1))?;
        drop(current);
        let until = now();
        let reported = block_on(read(&settings, &base, &net, &watch))?;
        let lesson = reported.lesson(&settings.learn.quorum, &watch)?;
        let (pictures, agreed) = (reported.examples.len(), lesson.examples.len());
        let (thresholds_in_use, since) = {
            let manifest = net.manifest();
            let since = manifest.provenance.get(UNTIL).and_then(|text| text.parse().ok()).unwrap_or(i64::MIN);
            (manifest.thresholds.clone(), since)
        };
        drop((reported, net));
        say!("{pictures} pictures were reported; users agree on {agreed}: {}", lesson.examples.tally());
        if agreed < settings.learn.min_pictures {
            say!("nothing is learned: learn.min_pictures is {}", settings.learn.min_pictures);
            return Ok(ExitCode::SUCCESS);
        }
        let candidate = Candidate::train(&base, &lesson, self.seed, &watch)?;
        let thresholds = named_scores(&candidate.thresholds);
        let in_force = (&thresholds_in_use, since);
        let figures = Figures::measure(&base, &shipped.manifest.thresholds, &lesson, in_force, &candidate, &thresholds);
        say!("{figures}");
        say!("learned in {:.0} s", started.elapsed().as_secs_f64());
        if let Some(objection) = figures.objection(&settings.learn) {
            say!("not put to use: {objection}");
            return Ok(ExitCode::SUCCESS);
        }
        if self.dry_run {
            say!("it would be put to use, but for --dry-run");
            return Ok(ExitCode::SUCCESS);
        }
        let version = format!("{}-{}", shipped.manifest.version, versions.next_number());
        let mut provenance = BTreeMap::from([base_of(&shipped.manifest)]);
        provenance.insert("head".to_owned(), "imagespam-milter learn; see MODEL_CARD.md".to_owned());
        provenance.insert(UNTIL.to_owned(), until.to_string());
        provenance.insert(FIGURES.to_owned(), figures.to_string());
        provenance.extend(shipped.manifest.provenance.get("backbone").map(|text| ("backbone".to_owned(), text.clone())));
        let new = NewBundle {
            base: &shipped,
            name: shipped.manifest.name.clone(),
            version: version.clone(),
            classes: base.examples.classes.clone(),
            thresholds,
            head: candidate.onnx(base.projection.features()),
            base_set: None,
            card: card(&format!("{}/{version}", shipped.manifest.name), &shipped, &base, &lesson, &candidate, &figures),
            provenance,
        };
        new.write(&versions.path(&version), &runtime)?;
        versions.promote(Some(&version), &figures.to_string(), now())?;
        versions.prune(settings.learn.keep)?;
        say!("put to use: {version}; a running daemon takes it up by itself");
        Ok(ExitCode::SUCCESS)
    }
}

/// One learns at a time. The lock ends with the process.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(".lock");
    let file =
        File::options().create(true).append(true).open(&path).with_context(|| format!("{}: can't be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another \"imagespam-milter learn\" is at work in {}", folder.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{}: can't be locked", path.display())),
    }
}

/// Reads what was reported, page by page, each vector projected at once.
async fn read(settings: &Settings, base: &BaseSet, net: &Net, watch: &Watch) -> anyhow::Result<Reported> {
    let store = Store::open(&settings.feedback).await?;
    store.check().await?;
    let features_id = net.manifest().features_id();
    let counts = store.counts(&features_id).await?;
    if counts.other_features > 0 {
        eprintln!(
            "imagespam-milter: {} of {} pictures hold features of another backbone or view and are left out (see feedback stats)",
            counts.other_features, counts.pictures
        );
    }
    watch.begin("reading reports", counts.pictures);
    let mut reported = Reported::new(base);
    let mut last = 0;
    while let Some((next, pictures)) = store.page(last).await? {
        last = next;
        watch.step(pictures.len() as u64)?;
        let fit = pictures.into_iter().filter(|picture| picture.features_id == features_id);
        let (mut features, mut rest) = (Vec::new(), Vec::new());
        for picture in fit {
            features.extend_from_slice(&picture.features);
            rest.push((picture.hash, picture.votes));
        }
        if !rest.is_empty() {
            let said = net.probabilities_of(&features, rest.len())?;
            reported.add(base, features, rest, said)?;
        }
    }
    watch.end();
    Ok(reported)
}

fn card(title: &str, shipped: &Bundle, base: &BaseSet, lesson: &Lesson, candidate: &Candidate, figures: &Figures) -> String {
    let mut card = format!(
        "# {title}\n\nA head learned on this site by `imagespam-milter learn` from the base set of {} ({} pictures) and {} pictures that \
         users reported ({}). Backbone and views are those of {}; its own card tells what they can and can't do.\n\n## Thresholds\n\n",
        shipped.manifest.title(),
        base.examples.len(),
        lesson.examples.len(),
        lesson.examples.tally(),
        shipped.manifest.title(),
    );
    candidate.thresholds.iter().for_each(|threshold| card += &format!("- {threshold}\n"));
    card + &format!(
        "\n## Out of fold\n\nEach picture judged at \"tag\" by a head that saw neither it nor a near-duplicate of it: {figures}.\n"
    )
}
