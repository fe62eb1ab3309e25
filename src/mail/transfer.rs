//! Undoes transfer encodings (RFC 2045, section 6), as leniently as mail programs do: what a reader would see counts.

use std::borrow::Cow;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A transfer encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// 7bit, 8bit, binary, and whatever is unknown.
    Identity,
    /// base64
    Base64,
    /// quoted-printable
    QuotedPrintable,
}

impl Transfer {
    /// The encoding that the field body names.
    pub fn of(name: &str) -> Self {
        let name = name.trim();
        if name.eq_ignore_ascii_case("base64") {
            Self::Base64
        } else if name.eq_ignore_ascii_case("quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::Identity
        }
    }

    /// All bytes.
    pub fn decode<'a>(self, encoded: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Identity => Cow::Borrowed(encoded),
            Self::Base64 => Cow::Owned(base64(encoded)),
            Self::QuotedPrintable => quoted_printable_decode(encoded).map_or(Cow::Borrowed(encoded), Cow::Owned),
        }
    }

    /// At least the first `count` bytes, if there are so many.
    pub fn decode_start<'a>(self, encoded: &'a [u8], count: usize) -> Cow<'a, [u8]> {
        // Three characters for a byte at most; the rest allows for line ends, and for junk that decoders pass over.
        self.decode(&encoded[..encoded.len().min(3 * count + 1024)])
    }
}

/// Characters outside the alphabet are passed over (RFC 2045, section 6.8); padding in the middle ends a run, not the
/// whole, for some programs encode line by line.
fn base64(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len() / 4 * 3);
    let mut run = Vec::with_capacity(encoded.len());
    // As programs write it: lines of the alphabet, padding at the very end.
    let text = encoded.trim_ascii_end();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        run.extend_from_slice(text[start..end].trim_ascii_end());
        start = end + 1;
    }
    let padding = run.iter().rev().take_while(|byte| **byte == b'=').count();
    if BASE64.decode_vec(&run[..run.len() - padding], &mut decoded).is_ok() {
        return decoded;
    }
    decoded.clear();
    for part in encoded.split(|byte| *byte == b'=') {
        run.clear();
        run.extend(part.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')));
        if run.len() % 4 == 1 {
            run.pop();
        }
        // A run holds only the alphabet and has a decodable length now.
        let _ = BASE64.decode_vec(&run, &mut decoded);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_past_junk_and_truncation() {
        let decoded = |text: &str| Transfer::Base64.decode(text.as_bytes()).into_owned();
        assert_eq!(decoded("aGVs\r\nbG8="), b"hello");
        assert_eq!(decoded("aGVs\nbG8=\n\r\n"), b"hello");
        assert_eq!(decoded("aGVs bG8=="), b"hello");
        assert_eq!(decoded("aG!Vs-bG*8"), b"hello");
        assert_eq!(decoded("aGVsb"), b"hel");
        assert_eq!(decoded("aGU=\r\nbGxv"), b"hello");
        assert_eq!(decoded(""), b"");
    }

    #[test]
    fn names_are_compared_without_case_and_unknown_ones_mean_identity() {
        assert_eq!(Transfer::of(" BASE64 "), Transfer::Base64);
        assert_eq!(Transfer::of("Quoted-Printable"), Transfer::QuotedPrintable);
        assert_eq!(Transfer::of("x-unknown"), Transfer::Identity);
    }
}
