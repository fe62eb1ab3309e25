//! What a head is worth on labelled examples: every figure of a report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    calibration::Probabilities,
    examples::Examples,
    metrics::{Binary, Calibration, Classification, Rate},
};
use crate::model::{Finding, Thresholds};

/// Mistakes that a report shows, of each kind.
const MISTAKES: usize = 24;

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Name and version of the model.
    pub model: String,
    /// Classes by the likeliest one.
    pub classification: Classification,
    /// Ham against the rest, by 1 - p(ham).
    pub binary: Binary,
    /// Of 1 - p(ham).
    pub calibration: Calibration,
    /// By folder and class.
    pub sources: Vec<Source>,
    /// By source, how the office sources do at the model's threshold `tag`: mean and worst rate of false alarms.
    pub ham_sources: Option<HamSources>,
    /// Ham with the highest scores, then others with the lowest.
    pub mistakes: Vec<Mistake>,
}

/// One source and class.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Folder.
    pub source: String,
    /// Class.
    pub class: String,
    /// With 1 - p(ham) of at least one half.
    pub over_half: Rate,
    /// At the model's threshold `tag`.
    pub at_tag: Rate,
    /// At its threshold `reject`, if it has one.
    pub at_reject: Option<Rate>,
}

/// Over the sources of ham.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HamSources {
    /// Number of sources.
    pub sources: usize,
    /// Mean of their rates of false alarms at `tag`.
    pub mean: f64,
    /// The highest of them.
    pub worst: f64,
}

/// One picture on the wrong side.
#[derive(Clone, Debug, Serialize)]
pub struct Mistake {
    /// File, or name of the stored vector.
    pub name: String,
    /// Its folder.
    pub source: String,
    /// What it is.
    pub class: String,
    /// 1 - p(ham).
    pub score: f32,
    /// Whether the threshold `tag` is reached.
    pub tagged: bool,
}

impl Evaluation {
    /// Compares probabilities with labels. `thresholds` are those of the model.
    pub fn new(model: String, examples: &Examples, probabilities: &Probabilities, thresholds: &Thresholds) -> Self {
        let scores: Vec<f32> = probabilities.iter().map(|row| Finding::of(row, 0).score).collect();
        let spam: Vec<bool> = examples.labels.iter().map(|label| *label != 0).collect();
        let said: Vec<usize> = probabilities.iter().map(|row| likeliest(row)).collect();
        let reached = |row: usize, name: &str| thresholds.get(name).is_some_and(|least| scores[row] >= *least);
        let mut rows_of: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
        for row in 0..examples.len() {
            rows_of.entry((&examples.sources[row], examples.labels[row])).or_default().push(row);
        }
        let rate =
            |rows: &[usize], found: &dyn Fn(usize) -> bool| Rate::new(rows.iter().filter(|row| found(**row)).count(), rows.len());
        let sources: Vec<_> = rows_of
            .iter()
            .map(|((source, label), rows)| Source {
                source: (*source).to_owned(),
                class: examples.classes[*label].clone(),
                over_half: rate(rows, &|row| scores[row] >= 0.5),
                at_tag: rate(rows, &|row| reached(row, "tag")),
                at_reject: thresholds.contains_key("reject").then(|| rate(rows, &|row| reached(row, "reject"))),
            })
            .collect();
        let rates: Vec<f64> =
            sources.iter().filter(|source| source.class == examples.classes[0]).map(|s| s.at_tag.value()).collect();
        let ham_sources = (!rates.is_empty()).then(|| HamSources {
            sources: rates.len(),
            mean: rates.iter().sum::<f64>() / rates.len() as f64,
            worst: rates.iter().copied().fold(0.0, f64::max),
        });
        let mut order: Vec<usize> = (0..examples.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mistake = |row: &usize| Mistake {
            name: examples.names[*row].clone(),
            source: examples.sources[*row].to_string(),
            class: examples.classes[examples.labels[*row]].clone(),
            score: scores[*row],
            tagged: reached(*row, "tag"),
        };
        let alarms = order.iter().filter(|row| !spam[**row] && scores[**row] >= 0.5).take(MISTAKES);
        let missed = order.iter().rev().filter(|row| spam[**row] && scores[**row] < 0.5).take(MISTAKES);
        Self {
            model,
            classification: Classification::new(&examples.classes, &examples.labels, &said),
            binary: Binary::new(&scores, &spam),
            calibration: Calibration::new(&scores, &spam),
            mistakes: alarms.chain(missed).map(mistake).collect(),
            sources,
            ham_sources,
        }
    }
}

fn likeliest(probabilities: &[f32]) -> usize {
    (0..probabilities.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap_or(0)
}
