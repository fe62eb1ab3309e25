//! The verdict in one header field, and each code in another.

use std::fmt::Write;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Outcome, Verdict};
use crate::{config::Action, inspect::Code};

/// Longest line of a header field that RFC 5322, section 2.1.1, recommends.
const LINE: usize = 78;

/// The body of the field `name`, folded with LF and a tab as a milter hands it over:
/// `Yes, score=0.973 class=spam pictures=2 model=name/version`.
pub fn header_value(verdict: &Verdict, name: &str) -> String {
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
    if !verdict.incomplete.is_empty() {
        let _ = write!(value, " incomplete={}", verdict.incomplete.join(","));
    }
    if let Some(class) = verdict.reported() {
        let _ = write!(value, " reported={class}");
    }
    let _ = write!(value, " model={}", verdict.model);
    fold(&value, name.len() + 2)
}

/// Longest text of a code in a header, in bytes as encoded.
const LONGEST_CODE: usize = 600;

/// The body of the field `name` that tells a code: `qr, part=2/ticket.png text=https://example.com/`, folded. All that is not
/// plain ASCII is percent-encoded, as are space and percent sign; what is too long ends with an ellipsis of three dots.
pub fn code_value(name: &str, picture: &str, code: &Code) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, UNSAFE).to_string();
    let cut = |text: String, longest: usize| if text.len() > longest { format!("{}...", &text[..longest]) } else { text };
    let (part, text) = (cut(encoded(picture), 150), cut(encoded(&code.text), LONGEST_CODE));
    fold(&format!("{}, part={part} text={text}", code.symbology), name.len() + 2)
}

/// What could end a field or a word of it, or be read in more than one way.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%').add(b'\\').add(b'(').add(b')').add(b'<').add(b'>');

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
        let named = |verdict| Verdict { model: "m/1".to_owned(), ..verdict };
        let judged =
            |action, class: &str| named(Verdict::unjudged(Outcome::Judged { class: class.to_owned(), score: 0.9726 }, action));
        let value = |verdict: &Verdict| header_value(verdict, "X-Image-Spam");
        assert_eq!(value(&judged(Action::Tag, "spam")), "Yes, score=0.973 class=spam pictures=0 model=m/1");
        assert_eq!(value(&judged(Action::Accept, "ham")), "No, score=0.973 class=ham pictures=0 model=m/1");
        let skipped = named(Verdict::unjudged(Outcome::Skipped(Skip::MessageSize), Action::Accept));
        assert_eq!(value(&skipped), "Unknown, reason=message-size model=m/1");
    }

    #[test]
    fn no_line_is_longer_than_rfc_5322_recommends() {
        let mut verdict = Verdict::unjudged(Outcome::Skipped(Skip::OverLimit), Action::Accept);
        verdict.incomplete = ["pictures", "nesting"].map(str::to_owned).into();
        verdict.model = "a-rather-long-name-of-a-model/2026.11.24".to_owned();
        let value = header_value(&verdict, "X-Image-Spam");
        let field = format!("X-Image-Spam: {value}");
        assert!(field.lines().count() > 1 && field.lines().all(|line| line.len() <= LINE), "{field}");
        assert_eq!(value.replace("\n\t", " ").matches('=').count(), 3);
    }

    #[test]
    fn a_codes_text_can_not_end_the_field_or_forge_a_word() {
        let code = |text: &str| Code { symbology: "qr".to_owned(), text: text.to_owned() };
        let value = |text: &str| code_value("X-Image-Spam-QR", "2/a b.png", &code(text));
        assert_eq!(value("https://example.com/?a=1&b=ü"), "qr, part=2/a%20b.png text=https://example.com/?a=1&b=%C3%BC");
        assert_eq!(value("x\r\nBcc: y"), "qr, part=2/a%20b.png text=x%0D%0ABcc:%20y");
        assert!(value(&"ü".repeat(1000)).lines().all(|line| line.len() < 998), "RFC 5322, section 2.1.1");
    }
}
