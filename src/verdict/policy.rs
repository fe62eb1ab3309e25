//! From the pictures' probabilities to a message's score, and from its score to an action.

use std::time::Duration;

use super::{Outcome, PictureReport, PictureResult, Reason, Verdict};
use crate::{
    config::{self, Action, OnFailure, Skip, Threshold},
    model::Manifest,
};

/// Why rules and model don't fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A rule's class is not among the model's.
    #[error("policy.rules: rule {number}: model {model} has no class \"{class}\" to be found; it has {allowed}")]
    NoSuchClass {
        /// Counted from 1.
        number: usize,
        /// Name and version.
        model: String,
        /// As configured.
        class: String,
        /// The model's.
        allowed: String,
    },
    /// A rule's threshold is a name that the model doesn't define for the class.
    #[error(
        "policy.rules: rule {number}: model {model} defines no threshold \"{threshold}\" for class \"{class}\"; it defines {allowed}"
    )]
    NoSuchThreshold {
        /// Counted from 1.
        number: usize,
        /// Name and version.
        model: String,
        /// As configured.
        threshold: String,
        /// As configured.
        class: String,
        /// The model's.
        allowed: String,
    },
}

struct Rule {
    class: usize,
    threshold: f32,
    action: Action,
}

/// The rules with the thresholds of one model.
pub struct Policy {
    rules: Vec<Rule>,
    on_failure: Action,
}

impl Policy {
    /// Looks up each rule's class and threshold in the model.
    ///
    /// # Errors
    /// If the model has not what a rule names.
    pub fn new(settings: &config::Policy, manifest: &Manifest) -> Result<Self, PolicyError> {
        let resolve = |(index, rule): (usize, &config::Rule)| {
            let number = index + 1;
            let class =
                manifest.classes.iter().position(|class| *class == rule.class).ok_or_else(|| PolicyError::NoSuchClass {
                    number,
                    model: manifest.title(),
                    class: rule.class.clone(),
                    allowed: list(manifest.classes.iter().filter(|class| *class != "ham")),
                })?;
            let threshold = match &rule.threshold {
                Threshold::Score(score) => score.get(),
                Threshold::Named(name) => {
                    let defined = manifest.thresholds.get(&rule.class);
                    *defined.and_then(|defined| defined.get(name)).ok_or_else(|| PolicyError::NoSuchThreshold {
                        number,
                        model: manifest.title(),
                        threshold: name.clone(),
                        class: rule.class.clone(),
                        allowed: list(defined.iter().flat_map(|defined| defined.keys())),
                    })?
                }
            };
            Ok(Rule { class, threshold, action: rule.action })
        };
        let rules = settings.rules.iter().enumerate().map(resolve).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { rules, on_failure: failure_action(settings.on_failure) })
    }

    /// The verdict on a message with these pictures; `late` if some were left because the deadline had passed.
    pub fn verdict(&self, classes: &[String], pictures: Vec<PictureReport>, late: bool) -> Verdict {
        let judged = pictures.iter().filter_map(|picture| match &picture.result {
            PictureResult::Judged { probabilities, .. } => Some(probabilities),
            _ => None,
        });
        // The score of each class: the highest over the pictures.
        let scores = judged.fold(None::<Vec<f32>>, |scores, probabilities| {
            Some(scores.map_or_else(|| probabilities.clone(), |s| s.iter().zip(probabilities).map(|(a, b)| a.max(*b)).collect()))
        });
        let fits = |rule: &&Rule| scores.as_ref().is_some_and(|scores| scores[rule.class] >= rule.threshold);
        let rule = self.rules.iter().find(fits);
        let failed = pictures.iter().any(|picture| matches!(picture.result, PictureResult::Failed(_)));
        let (outcome, action) = match (rule, scores) {
            // Spam seen is spam, whatever could not be seen beside it.
            (Some(rule), Some(scores)) => {
                (Outcome::Judged { class: classes[rule.class].clone(), score: scores[rule.class] }, rule.action)
            }
            _ if late => (Outcome::Unknown(Reason::Deadline), self.on_failure),
            _ if failed => (Outcome::Unknown(Reason::Model), self.on_failure),
            (_, Some(scores)) => {
                let found = classes.iter().zip(scores).filter(|(class, _)| *class != "ham");
                let score = found.map(|(_, score)| score).fold(0.0, f32::max);
                (Outcome::Judged { class: "ham".to_owned(), score }, Action::Accept)
            }
            // A tempfail would not mend what can't be decoded, only lose the message in the end.
            (_, None) => (without_scores(&pictures), Action::Accept),
        };
        Verdict { outcome, action, pictures, over_limits: Vec::new(), elapsed: Duration::ZERO }
    }
}

/// What happens to a message that could not be judged.
pub(super) fn failure_action(on_failure: OnFailure) -> Action {
    match on_failure {
        OnFailure::Accept => Action::Accept,
        OnFailure::Tempfail => Action::Tempfail,
    }
}

fn without_scores(pictures: &[PictureReport]) -> Outcome {
    let any = |wanted: fn(&PictureResult) -> bool| pictures.iter().any(|picture| wanted(&picture.result));
    if pictures.is_empty() {
        Outcome::Skipped(Skip::NoPicture)
    } else if any(|result| matches!(result, PictureResult::Skipped(Skip::OverLimit, _))) {
        Outcome::Skipped(Skip::OverLimit)
    } else if any(|result| matches!(result, PictureResult::Undecodable(_))) {
        Outcome::Unknown(Reason::Undecodable)
    } else {
        Outcome::Skipped(Skip::SmallPicture)
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[(usize, f32, Action)]) -> Policy {
        let rules = rules.iter().map(|&(class, threshold, action)| Rule { class, threshold, action }).collect();
        Policy { rules, on_failure: Action::Tempfail }
    }

    fn picture(result: PictureResult) -> PictureReport {
        PictureReport { name: "1".into(), media_type: "image/png".into(), sha256: String::new(), dimensions: None, result }
    }

    fn judged(probabilities: [f32; 3]) -> PictureReport {
        picture(PictureResult::Judged { probabilities: probabilities.to_vec(), features: Vec::new() })
    }

    fn verdict(policy: &Policy, pictures: Vec<PictureReport>, late: bool) -> (Outcome, Action) {
        let classes = ["ham", "spam", "ad"].map(str::to_owned);
        let verdict = policy.verdict(&classes, pictures, late);
        (verdict.outcome, verdict.action)
    }

    #[test]
    fn the_first_rule_that_fits_wins_and_each_class_scores_by_its_worst_picture() {
        let rules = policy(&[(1, 0.9, Action::Reject), (2, 0.5, Action::Subject), (1, 0.5, Action::Tag)]);
        let of = |class: &str, score| Outcome::Judged { class: class.to_owned(), score };
        let (low, spam, ad) = ([0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.1, 0.7]);
        assert_eq!(verdict(&rules, vec![judged(low), judged(spam)], false), (of("spam", 0.6), Action::Tag));
        assert_eq!(verdict(&rules, vec![judged(spam), judged(ad)], false), (of("ad", 0.7), Action::Subject));
        assert_eq!(verdict(&rules, vec![judged([0.0, 0.9, 0.1]), judged(ad)], false), (of("spam", 0.9), Action::Reject));
        assert_eq!(verdict(&rules, vec![judged(low)], false), (of("ham", 0.1), Action::Accept));
    }

    #[test]
    fn what_could_not_be_judged_is_unknown_unless_spam_was_seen_beside_it() {
        let rules = policy(&[(1, 0.5, Action::Tag)]);
        let failed = || picture(PictureResult::Failed(String::new()));
        let unknown = |reason| (Outcome::Unknown(reason), Action::Tempfail);
        assert_eq!(verdict(&rules, vec![judged([0.9, 0.1, 0.0]), failed()], false), unknown(Reason::Model));
        assert_eq!(verdict(&rules, vec![judged([0.9, 0.1, 0.0])], true), unknown(Reason::Deadline));
        assert_eq!(verdict(&rules, vec![failed(), judged([0.1, 0.9, 0.0])], true).1, Action::Tag);
    }

    #[test]
    fn undecodable_and_oversized_pictures_never_cost_the_message() {
        let rules = policy(&[(1, 0.5, Action::Tag)]);
        let undecodable = || picture(PictureResult::Undecodable(String::new()));
        let skipped = |skip| picture(PictureResult::Skipped(skip, String::new()));
        assert_eq!(verdict(&rules, vec![undecodable()], false), (Outcome::Unknown(Reason::Undecodable), Action::Accept));
        assert_eq!(verdict(&rules, vec![skipped(Skip::OverLimit)], false), (Outcome::Skipped(Skip::OverLimit), Action::Accept));
        assert_eq!(
            verdict(&rules, vec![skipped(Skip::SmallPicture)], false),
            (Outcome::Skipped(Skip::SmallPicture), Action::Accept)
        );
        assert_eq!(verdict(&rules, vec![], false), (Outcome::Skipped(Skip::NoPicture), Action::Accept));
        assert_eq!(verdict(&rules, vec![judged([1.0, 0.0, 0.0]), undecodable()], false).1, Action::Accept);
    }
}
