//! How good probabilities are, against true labels. Ham is class 0 of the binary view; the score of a picture is the
//! probability that it is not ham.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// A share with its 95 % interval (Clopper and Pearson, 1934), which holds for zero counts too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// How many of them.
    pub count: usize,
    /// Of how many.
    pub total: usize,
    /// Lower end, 0 to 1.
    pub low: f64,
    /// Upper end, 0 to 1.
    pub high: f64,
}

impl Rate {
    /// `count` of `total`.
    pub fn new(count: usize, total: usize) -> Self {
        let (k, n) = (count as f64, total as f64);
        let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p));
        let low = if count == 0 { 0.0 } else { quantile(k, n - k + 1.0, 0.025) };
        let high = if count >= total { 1.0 } else { quantile(k + 1.0, n - k, 0.975) };
        Self { count, total, low, high }
    }

    /// The share, 0 to 1; 0 of nothing is 0.
    pub fn value(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.count as f64 / self.total as f64 }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.total == 0 {
            return f.write_str("-");
        }
        write!(f, "{:.2} % [{:.2}, {:.2}]", 100.0 * self.value(), 100.0 * self.low, 100.0 * self.high)
    }
}

/// Precision, recall and F1 of one class, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub class: String,
    /// Right among those said to be of it.
    pub precision: f64,
    /// Found among those of it.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Pictures of it.
    pub support: usize,
}

/// The tables of a classification report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classification {
    /// `confusion[truth][said]`.
    pub confusion: Vec<Vec<usize>>,
    /// A row for each class.
    pub classes: Vec<ClassReport>,
    /// Share that is right.
    pub accuracy: f64,
    /// F1 averaged by support, as the paper gives it.
    pub weighted_f1: f64,
}

impl Classification {
    /// Compares labels with the likeliest classes; both are indices into `names`.
    pub fn new(names: &[String], labels: &[usize], said: &[usize]) -> Self {
        let mut confusion = vec![vec![0; names.len()]; names.len()];
        labels.iter().zip(said).for_each(|(label, said)| confusion[*label][*said] += 1);
        let ratio = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let report = |(class, name): (usize, &String)| {
            let (right, support) = (confusion[class][class], confusion[class].iter().sum());
            let (precision, recall) = (ratio(right, confusion.iter().map(|row| row[class]).sum()), ratio(right, support));
            let f1 = if right == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
            ClassReport { class: name.clone(), precision, recall, f1, support }
        };
        let classes: Vec<_> = names.iter().enumerate().map(report).collect();
        let right = (0..names.len()).map(|class| confusion[class][class]).sum();
        let weighted_f1 = classes.iter().map(|class| class.f1 * class.support as f64).sum::<f64>() / labels.len().max(1) as f64;
        Self { accuracy: ratio(right, labels.len()), weighted_f1, classes, confusion }
    }
}

/// A point of the curves: what a threshold does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The least score that counts as found.
    pub threshold: f32,
    /// Ham found, of all ham.
    pub false_positive_rate: f64,
    /// Others found, of all others.
    pub recall: f64,
    /// Others among those found.
    pub precision: f64,
}

/// Ham against the rest, by score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Binary {
    /// From the highest threshold to the lowest, one for each distinct score.
    #[serde(skip)]
    pub curve: Vec<Point>,
    /// Area under the ROC curve: how often a spam picture scores above a ham picture. 0 to 1.
    pub roc_area: f64,
    /// Average precision: area under the curve of precision over recall. 0 to 1.
    pub pr_area: f64,
    /// Recall at each allowed rate of false positives.
    pub recall_at: Vec<RecallAt>,
}

/// Recall at a rate of false positives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RecallAt {
    /// The rate allowed, 0 to 1.
    pub allowed: f64,
    /// The least score that keeps to it.
    pub threshold: f32,
    /// Others found.
    pub recall: Rate,
    /// Ham found.
    pub false_positives: Rate,
    /// Whether there is enough ham to tell such a rate: a single false positive must be no more than it.
    pub enough_ham: bool,
}

/// Rates of false positives that reports state.
pub const ALLOWED: [f64; 3] = [0.01, 0.001, 0.0001];

impl Binary {
    /// `scores` are probabilities of not being ham; `spam` says which pictures are not.
    pub fn new(scores: &[f32], spam: &[bool]) -> Self {
        let positives = spam.iter().filter(|spam| **spam).count();
        let negatives = spam.len() - positives;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let (mut found, mut false_alarms, mut roc_area, mut pr_area) = (0usize, 0usize, 0.0, 0.0);
        let mut curve = Vec::new();
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        for same in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
            let more = same.iter().filter(|row| spam[**row]).count();
            let alarms = same.len() - more;
            // Equal scores count half.
            roc_area += alarms as f64 * (found as f64 + more as f64 / 2.0);
            found += more;
            false_alarms += alarms;
            let precision = share(found, found + false_alarms);
            pr_area += share(more, positives) * precision;
            curve.push(Point {
                threshold: scores[same[0]],
                false_positive_rate: share(false_alarms, negatives),
                recall: share(found, positives),
                precision,
            });
        }
        let roc_area = if positives * negatives == 0 { f64::NAN } else { roc_area / positives as f64 / negatives as f64 };
        let recall_at = ALLOWED.map(|allowed| {
            let threshold = threshold_for(scores, spam, allowed);
            let over =
                |wanted: bool| scores.iter().zip(spam).filter(|(score, spam)| **score >= threshold && **spam == wanted).count();
            RecallAt {
                allowed,
                threshold,
                recall: Rate::new(over(true), positives),
                false_positives: Rate::new(over(false), negatives),
                enough_ham: negatives as f64 * allowed >= 1.0,
            }
        });
        Self { curve, roc_area, pr_area, recall_at: recall_at.into() }
    }
}

/// The least score that at most `allowed` of the ham reaches.
pub fn threshold_for(scores: &[f32], spam: &[bool], allowed: f64) -> f32 {
    let mut ham: Vec<f32> = scores.iter().zip(spam).filter(|(_, spam)| !**spam).map(|(score, _)| *score).collect();
    ham.sort_by(|a, b| b.total_cmp(a));
    // So many may lie at or above it.
    let may = (allowed * ham.len() as f64).floor() as usize;
    ham.get(may).map_or(0.0, |highest| highest.next_up())
}

/// How far probabilities are from frequencies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Bins of equal width of the score; those without a picture are left out.
    pub bins: Vec<Bin>,
    /// Mean distance between mean score and frequency, weighted by the bins' pictures (expected calibration error).
    pub error: f64,
    /// Mean squared difference between score and truth (Brier, 1950).
    pub brier: f64,
}

/// One bin of the calibration curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Mean score, 0 to 1.
    pub score: f64,
    /// Share that is not ham, 0 to 1.
    pub frequency: f64,
    /// Pictures in it.
    pub count: usize,
}

impl Calibration {
    /// In ten bins.
    pub fn new(scores: &[f32], spam: &[bool]) -> Self {
        const BINS: usize = 10;
        let mut sums = [(0.0, 0usize, 0usize); BINS];
        let mut brier = 0.0;
        for (score, spam) in scores.iter().zip(spam) {
            let bin = &mut sums[((*score * BINS as f32) as usize).min(BINS - 1)];
            *bin = (bin.0 + f64::from(*score), bin.1 + usize::from(*spam), bin.2 + 1);
            brier += (f64::from(*score) - f64::from(u8::from(*spam))).powi(2);
        }
        let filled = sums.iter().filter(|(_, _, count)| *count > 0);
        let bins: Vec<_> = filled
            .map(|(sum, hits, count)| Bin { score: sum / *count as f64, frequency: *hits as f64 / *count as f64, count: *count })
            .collect();
        let total = scores.len().max(1) as f64;
        let error = bins.iter().map(|bin| (bin.score - bin.frequency).abs() * bin.count as f64).sum::<f64>() / total;
        Self { bins, error, brier: brier / total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classification_is_as_counted_by_hand() {
        let names = ["ham", "spam"].map(str::to_owned);
        let report = Classification::new(&names, &[0, 0, 0, 1, 1], &[0, 0, 1, 1, 0]);
        assert_eq!(report.confusion, [[2, 1], [1, 1]]);
        assert!((report.accuracy - 0.6).abs() < 1e-12);
        // ham: P = R = F1 = 2/3; spam: 1/2.
        assert!((report.weighted_f1 - (2.0 / 3.0 * 3.0 + 0.5 * 2.0) / 5.0).abs() < 1e-12);
    }

    #[test]
    fn areas_thresholds_and_recall_are_as_counted_by_hand() {
        let (scores, spam) = ([0.9, 0.8, 0.7, 0.6, 0.5], [true, false, true, true, false]);
        let found = Binary::new(&scores, &spam);
        // Of six pairs of spam and ham, four are in order.
        assert!((found.roc_area - 4.0 / 6.0).abs() < 1e-12);
        assert!((found.pr_area - (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0).abs() < 1e-12);
        let strict = found.recall_at[0];
        assert!(strict.threshold > 0.8 && strict.recall.count == 1 && strict.false_positives.count == 0 && !strict.enough_ham);
        assert!((threshold_for(&scores, &spam, 0.5) - 0.5).abs() < 1e-6, "one of two may be above it");
    }

    #[test]
    fn intervals_are_those_of_clopper_and_pearson() {
        // By R: binom.test(0, 1000), binom.test(1, 512).
        let zero = Rate::new(0, 1000);
        assert!(zero.low == 0.0 && (zero.high - 0.003_682).abs() < 1e-5);
        let one = Rate::new(1, 512);
        assert!((one.low - 0.000_049).abs() < 2e-6 && (one.high - 0.010_83).abs() < 2e-5, "{one:?}");
        assert_eq!(Rate::new(5, 5).high, 1.0);
    }
}
