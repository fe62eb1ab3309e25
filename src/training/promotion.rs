//! Whether a learned head takes the place of the one in use.

use super::{
    base::BaseSet,
    calibration::Probabilities,
    learn::{Candidate, Lesson},
    metrics::Rate,
};
use crate::{
    config::Learn,
    model::{Finding, Thresholds},
};

/// What was measured of a candidate, all on pictures that it was not trained on, at the thresholds called "tag".
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Ham of the base set, but for what the backbone was tuned on, that the shipped head, trained without it, calls something else.
    pub base_alarms_shipped: Rate,
    /// The same of the candidate.
    pub base_alarms: Rate,
    /// Reported pictures, new since the head in use was learned, that this one judges as the users do.
    pub right_current: Rate,
    /// The same of the candidate.
    pub right: Rate,
}

impl Figures {
    /// Compares. `shipped`: thresholds of the bundle that the base set belongs to; `current`: of the head in use, which was learned
    /// from reactions until `since` (seconds since 1970).
    pub fn measure(
        base: &BaseSet,
        shipped: &Thresholds,
        lesson: &Lesson,
        (current, since): (&Thresholds, i64),
        candidate: &Candidate,
        own: &Thresholds,
    ) -> Self {
        let ham: Vec<usize> = base.examples.unseen().into_iter().filter(|row| base.examples.labels[*row] == 0).collect();
        let alarms = |probabilities: &Probabilities, thresholds: &Thresholds| {
            let wrong = ham.iter().filter(|row| judged(&probabilities[**row], thresholds) != 0).count();
            Rate::new(wrong, ham.len())
        };
        let recent: Vec<usize> = (0..lesson.examples.len()).filter(|row| lesson.latest[*row] > since).collect();
        let right = |probabilities: &Probabilities, thresholds: &Thresholds| {
            let agrees = |row: &&usize| judged(&probabilities[**row], thresholds) == lesson.examples.labels[**row];
            Rate::new(recent.iter().filter(agrees).count(), recent.len())
        };
        Self {
            base_alarms_shipped: alarms(&base.out_of_fold, shipped),
            base_alarms: alarms(&candidate.base, own),
            right_current: right(&lesson.current, current),
            right: right(&candidate.reported, own),
        }
    }

    /// Why the candidate is not put to use; `None` if it is.
    pub fn objection(&self, settings: &Learn) -> Option<String> {
        let share = |rate: Rate| rate.count as f64 / rate.total.max(1) as f64;
        let (alarms, allowed) = (share(self.base_alarms), share(self.base_alarms_shipped) + settings.false_alarm_margin);
        if self.right.total == 0 {
            Some("nothing was reported since the head in use was learned".to_owned())
        } else if alarms > allowed {
            Some(format!(
                "it would call {:.3} % of the base set's ham something else; {:.3} % are allowed",
                100.0 * alarms,
                100.0 * allowed
            ))
        } else if share(self.right) < share(self.right_current) + settings.gain_margin {
            Some(format!(
                "it judges {} of the reported pictures as the users do, the head in use {}; that is not {} % more",
                self.right,
                self.right_current,
                100.0 * settings.gain_margin
            ))
        } else {
            None
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "right on {} of the reported pictures (the head before: {}), false alarms on the base set's ham {} (shipped: {})",
            self.right, self.right_current, self.base_alarms, self.base_alarms_shipped
        )
    }
}

/// The class that these probabilities come to: spam or ad from the threshold "tag" on (one half where there was too little ham to
/// measure it), else ham, which is class 0.
pub fn judged(probabilities: &[f32], thresholds: &Thresholds) -> usize {
    let found = Finding::of(probabilities, 0);
    if found.score >= *thresholds.get("tag").unwrap_or(&0.5) { found.class } else { 0 }
}
