//! What a file is, told by its first bytes and never by its name or declared type.

use serde::{Deserialize, Serialize};

/// Format of a picture, or of a document that is shown as pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PictureType {
    /// Portable Network Graphics, animated ones too.
    Png,
    /// JPEG.
    Jpeg,
    /// Graphics Interchange Format.
    Gif,
    /// WebP.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// Tagged Image File Format.
    Tiff,
    /// Windows icon.
    Ico,
    /// Scalable Vector Graphics, gzipped (SVGZ) or not.
    Svg,
    /// Portable Document Format.
    Pdf,
    /// AV1 Image File Format. Known, and not decoded.
    Avif,
    /// High Efficiency Image File Format. Known, and not decoded.
    Heic,
}

/// A file that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// Something to be seen.
    Picture(PictureType),
    /// A ZIP archive: office documents are such too.
    Zip,
    /// Transport Neutral Encapsulation Format: `winmail.dat`.
    Tnef,
    /// A web page.
    Html,
}

/// Bytes of a file's start that [`FileType::detect`] looks at.
pub const START: usize = 1024;

impl FileType {
    /// The type of a file that starts with these bytes. Of the start, [`START`] bytes are enough.
    pub fn detect(start: &[u8]) -> Option<Self> {
        let start = &start[..start.len().min(START)];
        let picture = match start {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => PictureType::Png,
            [0xff, 0xd8, 0xff, ..] => PictureType::Jpeg,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => PictureType::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => PictureType::WebP,
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => PictureType::Tiff,
            // "BM" alone begins many a text: the reserved words after the size are zero, and the header is one of the
            // sizes that exist (12 to 124 bytes).
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, _, _, 12..=124, 0, ..] => PictureType::Bmp,
            // Type 1, a plausible number of pictures, and of the first one: reserved byte, planes and depth.
            [0, 0, 1, 0, 1..=64, 0, _, _, _, 0, 0 | 1, 0, 0 | 1 | 4 | 8 | 16 | 24 | 32, 0, ..] => PictureType::Ico,
            // ISO 14496-12: a box of type ftyp whose major brand tells the format.
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if brand.starts_with(b"avi") => PictureType::Avif,
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..]
                if [&b"hei"[..], b"hev", b"mif1", b"msf1"].iter().any(|known| brand.starts_with(known)) =>
            {
                PictureType::Heic
            }
            // Gzip with deflate: of what mail carries, only SVGZ matters.
            [0x1f, 0x8b, 8, ..] if svg(&unzipped_start(start)) => PictureType::Svg,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => return Some(Self::Zip),
            [0x78, 0x9f, 0x3e, 0x22, ..] => return Some(Self::Tnef),
            [b'%', b'P', b'D', b'F', b'-', ..] => PictureType::Pdf,
            _ if svg(start) => PictureType::Svg,
            _ if html(start) => return Some(Self::Html),
            // Readers of PDF pass over what stands before its header (ISO 32000-1, annex H.3.4.1).
            _ if memchr::memmem::find(start, b"%PDF-").is_some() => PictureType::Pdf,
            _ => return None,
        };
        Some(Self::Picture(picture))
    }
}

impl PictureType {
    /// The type of picture that starts with these bytes.
    pub fn detect(start: &[u8]) -> Option<Self> {
        match FileType::detect(start) {
            Some(FileType::Picture(picture)) => Some(picture),
            _ => None,
        }
    }

    /// The media type, such as `image/png`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Ico => "image/vnd.microsoft.icon",
            Self::Svg => "image/svg+xml",
            Self::Pdf => "application/pdf",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
        }
    }
}

/// Text without a byte order mark and white space before it.
fn text(start: &[u8]) -> &[u8] {
    start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start()
}

/// XML whose first element is `svg`, as far as the start tells: declaration, comments and document type may stand before it.
fn svg(start: &[u8]) -> bool {
    let start = text(start);
    if start.starts_with(b"<svg") {
        return true;
    }
    let prolog = [&b"<?xml"[..], b"<!--", b"<!DOCTYPE svg"].iter().any(|known| start.starts_with(known));
    prolog && !html(start) && (memchr::memmem::find(start, b"<svg").is_some() || start.starts_with(b"<!DOCTYPE svg"))
}

/// The WHATWG's signatures of HTML (MIME Sniffing, section 7.1), also behind an XML declaration, a comment or words.
fn html(start: &[u8]) -> bool {
    const TAGS: [&str; 17] = [
        "<!doctype html",
        "<html",
        "<head",
        "<script",
        "<iframe",
        "<h1",
        "<div",
        "<font",
        "<table",
        "<a",
        "<style",
        "<title",
        "<b",
        "<body",
        "<br",
        "<p",
        "<img",
    ];
    let lower = text(start).to_ascii_lowercase();
    let ended = |tag: &&str| {
        let rest = lower.strip_prefix(tag.as_bytes());
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'>'))
    };
    TAGS.iter().any(ended) || memchr::memmem::find(&lower, b"<html").is_some()
}

fn unzipped_start(start: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut unzipped = Vec::new();
    // The start of a file ends too early for the decoder, which has given all it could by then.
    let _ = flate2::read::GzDecoder::new(start).take(START as u64).read_to_end(&mut unzipped);
    unzipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_look_a_little_like_a_picture_are_none() {
        for text in ["BM is a brand", "%PD", "<svgfoo", "PK", "II is a number", "hello <svg> in words", "\u{1f}\u{8b}"] {
            assert_eq!(PictureType::detect(text.as_bytes()), (text == "<svgfoo").then_some(PictureType::Svg), "{text}");
        }
    }

    #[test]
    fn documents_are_told_by_their_bytes() {
        let kind = |bytes: &[u8]| FileType::detect(bytes);
        assert_eq!(kind(b"junk before\n%PDF-1.7"), Some(FileType::Picture(PictureType::Pdf)));
        assert_eq!(
            kind(b"\xef\xbb\xbf <?xml version=\"1.0\"?>\n<!-- x -->\n<svg xmlns=\"\">"),
            Some(FileType::Picture(PictureType::Svg))
        );
        assert_eq!(kind(b"<?xml version=\"1.0\"?><html><body><svg></svg>"), Some(FileType::Html));
        assert_eq!(kind(b"  <!DOCTYPE HTML>\n<p>"), Some(FileType::Html));
        assert_eq!(kind(b"PK\x03\x04"), Some(FileType::Zip));
        assert_eq!(kind(b"\0\0\0\x1cftypavif"), Some(FileType::Picture(PictureType::Avif)));
    }
}
