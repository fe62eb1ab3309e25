//! The MIME structure of a message, kept within limits. `mail-parser` has none of its own, and spends memory on every
//! part and header line, so both are counted before it runs; and it nests messages in messages, which must not be
//! dropped recursively when a sender nests 100,000 of them.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
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

/// Building it takes longer than reading most messages.
static KEYWORDS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(["content-type", "boundary"]).ok());

/// An upper bound of the number of parts: each needs a delimiter of a declared boundary or, in a nested message, a
/// `Content-Type` field. `None`: more boundaries than `limit` are declared.
fn parts(message: &[u8], limit: usize) -> Option<usize> {
    const CONTENT_TYPE: usize = 0;
    let (mut types, mut delimiters) = (0, Vec::new());
    for found in KEYWORDS.as_ref()?.find_iter(message) {
        if found.pattern().as_usize() == CONTENT_TYPE {
            types += 1;
        } else if delimiters.len() == limit {
            return None;
        } else {
            delimiters.push(delimiter(&message[found.end()..]));
        }
    }
    if delimiters.is_empty() {
        return Some(1 + types);
    }
    let delimiters = AhoCorasick::new(&delimiters).ok()?;
    Some(1 + types + delimiters.find_overlapping_iter(message).take(limit).count())
}

/// The delimiter that a `boundary` parameter declares, `rest` being what follows the word. Where it is written in a
/// way that needs a real parser (RFC 2231, comments, quoted pairs), any two dashes count.
fn delimiter(rest: &[u8]) -> Vec<u8> {
    let simple = rest.strip_prefix(b"=").and_then(|value| match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.iter().take(200).position(|byte| *byte == b'"').map(|end| &quoted[..end]),
        None => {
            let end = value.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b';').unwrap_or(value.len());
            Some(&value[..end])
        }
    });
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'(' | b')' | b'"');
    match simple.filter(|value| !value.is_empty() && value.iter().all(|byte| plain(byte) || *byte == b' ')) {
        Some(boundary) => [b"--", boundary].concat(),
        None => b"--".to_vec(),
    }
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
        assert_eq!(delimiter(b"*0=\"a\"; boundary*1=\"b\""), b"--");
        assert_eq!(delimiter(b"=\"a\\\"b\"\r\n"), b"--");
        assert_eq!(delimiter(b"=simple;x=y"), b"--simple");
        assert_eq!(delimiter(b"=\"with space\""), b"--with space");
    }

    #[test]
    fn only_lines_with_a_colon_count_as_header_lines() {
        assert_eq!(header_lines(b"a: b: c\r\n folded\r\nbase64base64\r\nd:\r\n"), 2);
    }
}
