//! The verdict in one header field.

use std::fmt::Write;

use super::{Outcome, Verdict};
use crate::config::Action;

/// Longest line of a header field that RFC 5322, section 2.1.1, recommends.
const LINE: usize = 78;

/// The body of the field `name`, folded with LF and a tab as a milter hands it over:
/// `Yes, score=0.973 class=spam pictures=2 model=name/version`.
pub fn header_value(verdict: &Verdict, name: &str, model: &str) -> String {
    let mut value = match &verdict.outcome {
        Outcome::Judged { class, score } => {
            let word = if verdict.action == Action::Accept { "No" } else { "Yes" };
            format!("{word}, score={score:.3} class={class} pictures={}", verdict.judged())
        }
        Outcome::Skipped(skip) => format!("Unknown, reason={skip}"),
        Outcome::Unknown(reason) => format!("Unknown, reason={reason} pictures={}", verdict.judged()),
    };
    // Writing to a String can't fail.
    if verdict.undecodable() > 0 {
        let _ = write!(value, " undecodable={}", verdict.undecodable());
    }
    if !verdict.over_limits.is_empty() {
        let _ = write!(value, " over-limits={}", verdict.over_limits.join(","));
    }
    let _ = write!(value, " model={model}");
    fold(&value, name.len() + 2)
}

/// Breaks a line at spaces where it would be longer than [`LINE`]; `used` characters stand before it.
fn fold(value: &str, mut used: usize) -> String {
    let mut folded = String::with_capacity(value.len() + 8);
    for word in value.split(' ') {
        if folded.is_empty() {
            used += word.len();
        } else if used + 1 + word.len() > LINE {
            folded.push_str("\n\t");
            // A tab counts as one character.
            used = 1 + word.len();
        } else {
            folded.push(' ');
            used += 1 + word.len();
        }
        folded.push_str(word);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Skip;

    #[test]
    fn the_verdict_reads_as_documented() {
        let judged = |action, class: &str| Verdict::unjudged(Outcome::Judged { class: class.to_owned(), score: 0.9726 }, action);
        let value = |verdict: &Verdict| header_value(verdict, "X-Image-Spam", "m/1");
        assert_eq!(value(&judged(Action::Tag, "spam")), "Yes, score=0.973 class=spam pictures=0 model=m/1");
        assert_eq!(value(&judged(Action::Accept, "ham")), "No, score=0.973 class=ham pictures=0 model=m/1");
        let skipped = Verdict::unjudged(Outcome::Skipped(Skip::MessageSize), Action::Accept);
        assert_eq!(value(&skipped), "Unknown, reason=message-size model=m/1");
    }

    #[test]
    fn no_line_is_longer_than_rfc_5322_recommends() {
        let mut verdict = Verdict::unjudged(Outcome::Skipped(Skip::OverLimit), Action::Accept);
        verdict.over_limits = vec!["pictures", "nesting"];
        let value = header_value(&verdict, "X-Image-Spam", "a-rather-long-name-of-a-model/2026.11.24");
        let field = format!("X-Image-Spam: {value}");
        assert!(field.lines().count() > 1 && field.lines().all(|line| line.len() <= LINE), "{field}");
        assert_eq!(value.replace("\n\t", " ").matches('=').count(), 3);
    }
}
