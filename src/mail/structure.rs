//! The MIME structure of a message, kept within limits. `mail-parser` has none of its own, and spends memory on every
//! part and header line, so both are counted before it runs; and it nests messages in messages, which must not be
//! dropped recursively when a sender nests 100,000 of them.

use mail_parser::{HeaderName, Message, MessageParser, PartType};

use crate::config::Limits;

/// Why a message can't be looked into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// A limit on structure was reached.
    #[error("the message has more than {limit} {what} (limits.{setting})")]
    OverLimit {
        /// What there is too much of.
        what: &'static str,
        /// The setting in `[limits]`.
        setting: &'static str,
        /// Its value.
        limit: usize,
    },
}

impl MailError {
    /// The setting in `[limits]` that was reached.
    pub fn setting(&self) -> &'static str {
        let Self::OverLimit { setting, .. } = self;
        setting
    }
}

/// This header is parsed in a form that the parser does not act on: decoding is left to `transfer`, which does it only
/// where a picture may be, and from text parts as well.
pub const TRANSFER_ENCODING: HeaderName<'static> = HeaderName::ContentTransferEncoding;

/// The parser for the structure alone.
pub fn parser() -> MessageParser {
    MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .header_content_type(TRANSFER_ENCODING)
        // By these, HTML names the pictures that it shows.
        .header_id(HeaderName::ContentId)
        .header_text(HeaderName::ContentLocation)
}

/// Drops a message and all that it holds without recursion.
pub fn take_apart(message: Message<'_>) {
    let mut waiting = vec![message];
    while let Some(mut message) = waiting.pop() {
        for part in std::mem::take(&mut message.parts) {
            if let PartType::Message(inner) = part.body {
                waiting.push(inner);
            }
        }
    }
}

/// Counts parts and header lines before parsing; counts rather too many than too few.
///
/// # Errors
/// If `limits.parts` or `limits.header_lines` is passed.
pub fn check(message: &[u8], limits: &Limits) -> Result<(), MailError> {
    let over = |what, setting, limit| Err(MailError::OverLimit { what, setting, limit });
    if header_lines(message) > limits.header_lines {
        return over("lines that could be header fields", "header_lines", limits.header_lines);
    }
    match parts(message, limits.parts) {
        Some(parts) if parts <= limits.parts => Ok(()),
        _ => over("MIME parts", "parts", limits.parts),
    }
}

/// Lines with a colon.
fn header_lines(message: &[u8]) -> usize {
    let (mut lines, mut counted) = (0, false);
    for position in memchr::memchr2_iter(b'\n', b':', message) {
        if message[position] == b'\n' {
            counted = false;
        } else if !counted {
            counted = true;
            lines += 1;
        }
    }
    lines
}

/// An upper bound of the number of parts: each needs a delimiter of a declared boundary or, in a nested message, a
/// `Content-Type` field. `None`: more boundaries than `limit` are declared.
fn parts(message: &[u8], limit: usize) -> Option<usize> {
    let (mut types, mut boundaries) = (0, Vec::new());
    // Each of the two words has one "y", which is seldom in base64.
    for y in memchr::memchr2_iter(b'y', b'Y', message) {
        let after = |word: &[u8], before: usize| {
            let start = y.checked_sub(before)?;
            let end = start + word.len();
            message.get(start..end)?.eq_ignore_ascii_case(word).then_some(end)
        };
        if after(b"content-type", 9).is_some() {
            types += 1;
        } else if let Some(end) = after(b"boundary", 7) {
            if boundaries.len() == limit {
                return None;
            }
            boundaries.push(boundary(&message[end..]));
        }
    }
    // None is the beginning of another, then: what begins with the longer begins with the shorter, too.
    boundaries.sort_unstable();
    boundaries.dedup_by(|longer, shorter| longer.starts_with(shorter));
    let is_delimiter = |dash: &usize| {
        let Some(rest) = message[*dash..].strip_prefix(b"--") else { return false };
        let after = boundaries.partition_point(|boundary| *boundary <= rest);
        after.checked_sub(1).is_some_and(|place| rest.starts_with(boundaries[place]))
    };
    Some(1 + types + memchr::memchr_iter(b'-', message).filter(is_delimiter).take(limit).count())
}

/// Characters of a boundary (RFC 2046, section 5.1.1). Of a longer one the beginning counts: comparing more, at each of a million
/// dashes, would take a sender's time for ours.
const LONGEST_BOUNDARY: usize = 70;

/// The boundary that a parameter declares, `rest` being what follows the word. Where it is written in a way that needs a real parser
/// (RFC 2231, comments, quoted pairs), the empty one, so that any two dashes count.
fn boundary(rest: &[u8]) -> &[u8] {
    let simple = rest.strip_prefix(b"=").and_then(|value| match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.iter().take(200).position(|byte| *byte == b'"').map(|end| &quoted[..end.min(LONGEST_BOUNDARY)]),
        None => {
            let value = &value[..value.len().min(LONGEST_BOUNDARY)];
            let end = value.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b';').unwrap_or(value.len());
            Some(&value[..end])
        }
    });
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'(' | b')' | b'"');
    simple.filter(|value| value.iter().all(|byte| plain(byte) || *byte == b' ')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_counted_and_other_dashes_are_not() {
        let dashes = "--\r\n".repeat(5000);
        let message = format!(
            "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\n\r\n{dashes}--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b1--\r\n"
        );
        let parts = parts(message.as_bytes(), 1000).expect("few boundaries");
        assert!((3..=8).contains(&parts), "{parts}");
    }

    #[test]
    fn boundaries_in_an_odd_notation_make_any_dashes_count() {
        assert_eq!(boundary(b"*0=\"a\"; boundary*1=\"b\""), b"");
        assert_eq!(boundary(b"=\"a\\\"b\"\r\n"), b"");
        assert_eq!(boundary(b"=simple;x=y"), b"simple");
        assert_eq!(boundary(b"=\"with space\""), b"with space");
        assert_eq!(boundary(&[&b"="[..], &b"x".repeat(1000)].concat()), b"x".repeat(70));
    }

    #[test]
    fn a_delimiter_counts_wherever_the_parser_would_see_one() {
        let of =
            |body: &str| parts(format!("boundary=b; Boundary=ab; BOUNDARY=abc; boundary=\"a c\"\r\n{body}").as_bytes(), 1000);
        for (body, expected) in
            [("--abcd", 2), ("x---ab", 2), ("--ac --a d -a -- a", 1), ("--a c--b", 3), ("----b-", 2), ("-", 1)]
        {
            assert_eq!(of(body), Some(expected), "{body}");
        }
        assert_eq!(parts(b"y: content-type Content-Type boundar conten-type", 10), Some(3));
        assert_eq!(parts(b"boundary=a boundary=a boundary=a", 2), None);
    }

    #[test]
    fn only_lines_with_a_colon_count_as_header_lines() {
        assert_eq!(header_lines(b"a: b: c\r\n folded\r\nbase64base64\r\nd:\r\n"), 2);
    }
}
