//! From the pictures' probabilities to a message's score, and from its score to an action.

use std::time::Duration;

use super::{Outcome, PictureReport, PictureResult, Reason, Verdict, qr};
use crate::{
    config::{self, Action, OnFailure, QrCondition, Skip, Threshold},
    inspect::{Code, Report},
    model::{Finding, Manifest},
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
    /// A rule's threshold is a name that the model doesn't define.
    #[error("policy.rules: rule {number}: model {model} defines no threshold \"{threshold}\"; it defines {allowed}")]
    NoSuchThreshold {
        /// Counted from 1.
        number: usize,
        /// Name and version.
        model: String,
        /// As configured.
        threshold: String,
        /// The model's.
        allowed: String,
    },
}

struct Rule {
    /// Index of the class that a picture must be found to be, and the least score of it.
    score: Option<(usize, f32)>,
    qr: Option<QrCondition>,
    action: Action,
}

impl Rule {
    /// Whether a picture is of the class and score that the rule asks for, if it asks for any.
    fn finds(&self, found: &Finding) -> bool {
        self.score.is_some_and(|(class, threshold)| found.class == class && found.score >= threshold)
    }
}

/// The rules with the thresholds of one model.
pub struct Policy {
    rules: Vec<Rule>,
    /// Index of ham among the model's classes.
    ham: usize,
    on_failure: Action,
    on_incomplete: Action,
}

impl Policy {
    /// Looks up each rule's class and threshold in the model.
    ///
    /// # Errors
    /// If the model has not what a rule names.
    pub fn new(settings: &config::Policy, manifest: &Manifest) -> Result<Self, PolicyError> {
        let rules = settings.rules.iter().enumerate().map(|(index, rule)| {
            let score =
                rule.score.as_ref().map(|(class, threshold)| resolve(index + 1, class, threshold, manifest)).transpose()?;
            Ok(Rule { score, qr: rule.qr.clone(), action: rule.action })
        });
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let (on_failure, on_incomplete) = (failure_action(settings.on_failure), settings.on_incomplete);
        Ok(Self { rules, ham: manifest.ham(), on_failure, on_incomplete })
    }

    /// Whether a rule is against a picture with these probabilities: one that asks for a class and does more than accept.
    pub fn is_against(&self, probabilities: &[f32]) -> bool {
        let found = Finding::of(probabilities, self.ham);
        self.rules.iter().any(|rule| rule.action != Action::Accept && rule.finds(&found))
    }

    /// The verdict on a message to these recipients with these pictures.
    pub fn verdict(&self, classes: &[String], pictures: Vec<PictureReport>, recipients: &[String], report: &Report) -> Verdict {
        let findings: Vec<Finding> = pictures
            .iter()
            .filter_map(|picture| match &picture.result {
                PictureResult::Judged { probabilities, .. } => Some(Finding::of(probabilities, self.ham)),
                _ => None,
            })
            .collect();
        // The surest picture: of a class, or of any.
        let surest = |class: Option<usize>| {
            let of_class = findings.iter().filter(|found| class.is_none_or(|class| found.class == class));
            of_class.map(|found| found.score).reduce(f32::max)
        };
        let codes: Vec<&Code> = pictures.iter().flat_map(|picture| &picture.codes).collect();
        let fits = |rule: &&Rule| {
            let score = rule.score.is_none() || findings.iter().any(|found| rule.finds(found));
            let code =
                rule.qr.as_ref().is_none_or(|condition| codes.iter().any(|code| qr::fits(condition, &code.text, recipients)));
            score && code
        };
        let rule = self.rules.iter().find(fits);
        let failed = report.failed || pictures.iter().any(|picture| matches!(picture.result, PictureResult::Failed(_)));
        let complete = |action| if report.incomplete.is_empty() { action } else { self.on_incomplete };
        let (outcome, action) = match (rule, surest(None)) {
            // Spam seen is spam, whatever could not be seen beside it.
            (Some(rule), _) => {
                // Without a class, the surest of any.
                let class = rule.score.map(|(class, _)| class);
                let name = class.map_or("qr", |class| &classes[class]).to_owned();
                (Outcome::Judged { class: name, score: surest(class).unwrap_or(0.0) }, rule.action)
            }
            _ if report.late => (Outcome::Unknown(Reason::Deadline), self.on_failure),
            _ if failed => (Outcome::Unknown(Reason::Model), self.on_failure),
            (None, Some(score)) => (Outcome::Judged { class: "ham".to_owned(), score }, complete(Action::Accept)),
            (None, None) if report.refused => (Outcome::Skipped(Skip::OverLimit), self.on_incomplete),
            // A tempfail would not mend what can't be decoded, only lose the message in the end.
            (None, None) => (without_scores(&pictures, report), complete(Action::Accept)),
        };
        let (incomplete, linked) = (report.incomplete.clone(), report.linked);
        Verdict { outcome, action, pictures, incomplete, linked, elapsed: Duration::ZERO, model: String::new() }
    }
}

fn resolve(number: usize, class: &str, threshold: &Threshold, manifest: &Manifest) -> Result<(usize, f32), PolicyError> {
    let index = manifest.classes.iter().position(|known| known == class).ok_or_else(|| PolicyError::NoSuchClass {
        number,
        model: manifest.title(),
        class: class.to_owned(),
        allowed: list(manifest.classes.iter().filter(|class| *class != "ham")),
    })?;
    let threshold = match threshold {
        Threshold::Score(score) => score.get(),
        Threshold::Named(name) => *manifest.thresholds.get(name).ok_or_else(|| PolicyError::NoSuchThreshold {
            number,
            model: manifest.title(),
            threshold: name.clone(),
            allowed: list(manifest.thresholds.keys()),
        })?,
    };
    Ok((index, threshold))
}

/// What happens to a message that could not be judged.
pub(super) fn failure_action(on_failure: OnFailure) -> Action {
    match on_failure {
        OnFailure::Accept => Action::Accept,
        OnFailure::Tempfail => Action::Tempfail,
    }
}

fn without_scores(pictures: &[PictureReport], report: &Report) -> Outcome {
    let any = |wanted: fn(&PictureResult) -> bool| pictures.iter().any(|picture| wanted(&picture.result));
    let none = pictures.iter().all(|picture| matches!(picture.result, PictureResult::Drawn));
    if none && report.incomplete.is_empty() {
        Outcome::Skipped(Skip::NoPicture)
    } else if none || any(|result| matches!(result, PictureResult::Skipped(Skip::OverLimit, _))) {
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
    use std::sync::Arc;

    use super::*;

    fn policy(rules: &[(usize, f32, Action)]) -> Policy {
        let rules = rules.iter().map(|&(class, threshold, action)| Rule { score: Some((class, threshold)), qr: None, action });
        Policy { rules: rules.collect(), ham: 0, on_failure: Action::Tempfail, on_incomplete: Action::Quarantine }
    }

    fn picture(result: PictureResult) -> PictureReport {
        PictureReport {
            name: "1".into(),
            media_type: "image/png".into(),
            sha256: None,
            label: None,
            hash: None,
            dimensions: None,
            codes: Vec::new(),
            result,
        }
    }

    fn judged(probabilities: [f32; 3]) -> PictureReport {
        let probabilities = probabilities.to_vec();
        picture(PictureResult::Judged { probabilities, features: Arc::default(), reported: None, known: None })
    }

    fn verdict(policy: &Policy, pictures: Vec<PictureReport>, late: bool) -> (Outcome, Action) {
        let classes = ["ham", "spam", "ad"].map(str::to_owned);
        let verdict = policy.verdict(&classes, pictures, &[], &Report { late, ..Report::default() });
        (verdict.outcome, verdict.action)
    }

    #[test]
    fn the_first_rule_that_fits_wins_and_each_class_scores_by_the_surest_of_its_pictures() {
        let rules = policy(&[(1, 0.9, Action::Reject), (2, 0.5, Action::Subject), (1, 0.5, Action::Tag)]);
        let of = |class: &str, score| Outcome::Judged { class: class.to_owned(), score };
        let (low, spam, ad) = ([0.75, 0.125, 0.125], [0.25, 0.625, 0.125], [0.125, 0.125, 0.75]);
        assert_eq!(verdict(&rules, vec![judged(low), judged(spam)], false), (of("spam", 0.75), Action::Tag));
        assert_eq!(verdict(&rules, vec![judged(spam), judged(ad)], false), (of("ad", 0.875), Action::Subject));
        assert_eq!(verdict(&rules, vec![judged([0.0, 0.75, 0.25]), judged(ad)], false), (of("spam", 1.0), Action::Reject));
        assert_eq!(verdict(&rules, vec![judged(low)], false), (of("ham", 0.25), Action::Accept));
        // Neither spam nor ad is likelier than ham, but one of them it is.
        assert_eq!(verdict(&rules, vec![judged([0.375, 0.25, 0.375])], false), (of("ad", 0.625), Action::Subject));
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

    #[test]
    fn a_rule_needs_all_its_conditions_and_a_cut_message_has_a_policy_of_its_own() {
        let mut rules = policy(&[(1, 0.5, Action::Reject)]);
        rules.rules[0].qr = Some(QrCondition::Url);
        rules.rules.push(Rule { score: None, qr: Some(QrCondition::Recipient), action: Action::Tag });
        let classes = ["ham", "spam", "ad"].map(str::to_owned);
        let of = |probabilities, text: &str, incomplete: &[&str]| {
            let code = Code { symbology: "qr".to_owned(), text: text.to_owned() };
            let picture = PictureReport { codes: vec![code], ..judged(probabilities) };
            let incomplete = incomplete.iter().map(|limit| (*limit).to_owned()).collect();
            let verdict = rules.verdict(
                &classes,
                vec![picture],
                &["u@example.org".to_owned()],
                &Report { incomplete, ..Report::default() },
            );
            (verdict.word().to_owned(), verdict.action)
        };
        let (ham, spam) = ([0.9, 0.1, 0.0], [0.1, 0.9, 0.0]);
        assert_eq!(of(spam, "https://example.com", &[]), ("spam".to_owned(), Action::Reject));
        assert_eq!(of(spam, "words", &[]), ("ham".to_owned(), Action::Accept));
        assert_eq!(of(ham, "https://example.com/?u%40example.org", &["pages"]), ("qr".to_owned(), Action::Tag));
        assert_eq!(of(ham, "words", &["pages"]), ("ham".to_owned(), Action::Quarantine));
    }
}
