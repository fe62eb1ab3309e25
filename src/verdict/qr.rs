//! What codes say, held against the conditions of rules. The text is the sender's.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use url::Url;

use crate::config::QrCondition;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Whether a code with this text in a message to these recipients fits the condition.
pub fn fits(condition: &QrCondition, text: &str, recipients: &[String]) -> bool {
    match condition {
        QrCondition::Any => true,
        QrCondition::Url => host(text).is_some(),
        QrCondition::Recipient => host(text).is_some() && recipients.iter().any(|recipient| holds(text, recipient)),
        QrCondition::Domains(domains) => host(text).is_some_and(|host| domains.iter().any(|domain| below(&host, domain))),
    }
}

/// The host of a web address as a browser finds it (URL Standard of the WHATWG): tabs and line ends don't count, escapes and full-width
/// letters are what they stand for, a name in another script is in its ASCII form. Scanners also take an address without a scheme.
fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let url = Url::parse(&format!("{}{text}", if bare { "http://" } else { "" })).ok()?;
    let host = url.host_str().filter(|_| ["http", "https"].contains(&url.scheme()))?.trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_owned())
}

fn below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether the address stands in the text: plain, percent-encoded, or in base64 as one of the text's words.
fn holds(text: &str, address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy().to_ascii_lowercase();
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_=".contains(c))).flat_map(|word| {
        // A slash and an equals sign are of the alphabet, and part words as well.
        std::iter::once(word).chain(word.split(['/', '='])).filter(|word| word.len() >= 8)
    });
    !address.is_empty()
        && (decoded.contains(&address)
            || words.any(|word| {
                [STANDARD, URL_SAFE].iter().any(|alphabet| {
                    let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(word);
                    decoded.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).to_ascii_lowercase().contains(&address))
                })
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_that_a_scanner_would_open() {
        let domains = QrCondition::Domains(vec!["example.com".to_owned()]);
        for yes in [
            "https://example.com",
            "HTTP://A.Example.COM:80/x",
            "https://bank.test@example.com/",
            "www.example.com?x",
            "https://example.com.",
            "https:example.com",
            "https:\\\\example.com\\x",
            "https://exa\tmple.com/",
            "https://ex%61mple.com/",
            "https://ｅxample。com/",
            "WWW.EXAMPLE.COM",
        ] {
            assert!(fits(&domains, yes, &[]), "{yes}");
        }
        for no in [
            "https://notexample.com",
            "https://example.com.test/",
            "https://example.com@x.test",
            "mailto:a@example.com",
            "https://example.com.test\\@example.org/",
            "ftp://example.com/",
            "example.com",
            "",
        ] {
            assert!(!fits(&domains, no, &[]), "{no}");
        }
        assert!(!fits(&QrCondition::Url, "WIFI:S:x;;", &[]) && fits(&QrCondition::Any, "WIFI:S:x;;", &[]));
    }

    #[test]
    fn a_recipient_is_found_in_every_usual_encoding() {
        let to = ["User@example.org".to_owned()];
        let base64 = |alphabet| GeneralPurpose::new(alphabet, GeneralPurposeConfig::new()).encode("user@example.org");
        for yes in [
            "https://x.test/?e=user@example.org".to_owned(),
            "https://x.test/#USER%40EXAMPLE.ORG".to_owned(),
            format!("https://x.test/{}", base64(&STANDARD)),
            format!("https://x.test/login?e={}&x=1", base64(&URL_SAFE).trim_end_matches('=')),
        ] {
            assert!(fits(&QrCondition::Recipient, &yes, &to), "{yes}");
        }
        assert!(!fits(&QrCondition::Recipient, "https://x.test/?e=other@example.org", &to));
        assert!(!fits(&QrCondition::Recipient, "mailto:user@example.org", &to));
        assert!(!fits(&QrCondition::Recipient, "https://x.test/", &[String::new()]));
    }
}
