//! Bytes of a message to the pictures in it. Structure comes from `mail-parser`; this module keeps it within limits,
//! decodes only what may be a picture, and says why each was found. It knows nothing of pixels.

mod structure;
mod transfer;

use std::borrow::Cow;

use mail_parser::{Header, HeaderName, HeaderValue, Message, MessagePart, MimeHeaders, PartType};

pub use structure::MailError;
use transfer::Transfer;

use crate::config::Limits;

/// File format of a picture, told by its first bytes and never by its name or declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureType {
    /// Portable Network Graphics.
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
}

impl PictureType {
    /// Bytes that [`PictureType::detect`] needs.
    const MAGIC_BYTES: usize = 16;

    /// The type of picture whose first bytes these are.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Some(Self::Tiff),
            // "BM" alone begins many a text: the reserved words after the size are zero, and the header is one of the
            // sizes that exist (12 to 124 bytes).
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, _, _, 12..=124, 0, ..] => Some(Self::Bmp),
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
        }
    }
}

/// A picture found in a message.
#[derive(Clone, Debug)]
pub struct Picture<'x> {
    /// Where it stands: numbers of the parts from the outside in, as IMAP counts them, and the file's name if it has one:
    /// `2.1/logo.png`. The name is the sender's: text without control characters, of at most 100 characters.
    pub name: String,
    /// Media type by the bytes; if they are no picture's, the declared one.
    pub media_type: String,
    /// The file, transfer encoding undone.
    pub bytes: Cow<'x, [u8]>,
}

/// What a message holds.
#[derive(Debug, Default)]
pub struct Found<'x> {
    /// Pictures in the order of the message, at most `limits.pictures`.
    pub pictures: Vec<Picture<'x>>,
    /// The limits that cut something off, such as `pictures`.
    pub over_limits: Vec<&'static str>,
}

/// Finds the pictures in a message.
///
/// # Errors
/// If its structure is past the limits on parts or header lines, before any memory is spent on it.
pub fn find_pictures<'x>(message: &'x [u8], limits: &Limits) -> Result<Found<'x>, MailError> {
    let mut found = Found::default();
    walk(message, &Place { path: Vec::new(), depth: 0 }, limits, &mut found)?;
    Ok(found)
}

/// Where a message or a part stands.
#[derive(Clone)]
struct Place {
    /// Part numbers from the outside in.
    path: Vec<usize>,
    /// Messages around it.
    depth: usize,
}

fn walk<'x>(message: &'x [u8], place: &Place, limits: &Limits, found: &mut Found<'x>) -> Result<(), MailError> {
    structure::check(message, limits)?;
    // Nested messages wait here instead of on the stack, however deep they lie.
    let mut waiting: Vec<(Message<'x>, Place)> = Vec::new();
    waiting.extend(structure::parser().parse(message).map(|root| (root, place.clone())));
    while let Some((mut next, place)) = waiting.pop() {
        let parts = std::mem::take(&mut next.parts);
        let paths = part_paths(&parts, &place.path);
        let first_nested = waiting.len();
        for (mut part, path) in parts.into_iter().zip(paths) {
            let transfer = Transfer::of(transfer_encoding(&part.headers));
            let encoded = message.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
            match std::mem::replace(&mut part.body, PartType::Multipart(Vec::new())) {
                PartType::Multipart(_) => {}
                PartType::Message(inner) if place.depth == limits.nesting => {
                    found.limit("nesting");
                    structure::take_apart(inner);
                }
                PartType::Message(inner) if transfer == Transfer::Identity => {
                    waiting.push((inner, Place { path, depth: place.depth + 1 }));
                }
                PartType::Message(inner) => {
                    // A message in base64 breaks RFC 2046, section 5.2.1, and is shown by mail programs all the same.
                    // This recursion ends at limits.nesting.
                    structure::take_apart(inner);
                    let decoded = transfer.decode(encoded);
                    let mut within = Found::default();
                    walk(&decoded, &Place { path, depth: place.depth + 1 }, limits, &mut within)?;
                    within.over_limits.iter().for_each(|limit| found.limit(limit));
                    within.pictures.into_iter().for_each(|picture| found.add(picture.into_owned(), limits));
                }
                _ => {
                    if let Some(picture) = picture(&part, encoded, transfer, &path) {
                        found.add(picture, limits);
                    }
                }
            }
        }
        waiting[first_nested..].reverse();
    }
    Ok(())
}

/// The part as a picture, if it is one by its bytes or by its declared type.
fn picture<'x>(part: &MessagePart<'_>, encoded: &'x [u8], transfer: Transfer, path: &[usize]) -> Option<Picture<'x>> {
    let detected = PictureType::detect(&transfer.decode_start(encoded, PictureType::MAGIC_BYTES));
    let declared = part.content_type().filter(|declared| declared.ctype().eq_ignore_ascii_case("image"));
    let media_type = match (detected, declared) {
        (Some(detected), _) => detected.media_type().to_owned(),
        (None, Some(declared)) => format!("image/{}", clean(declared.subtype().unwrap_or("unknown"))),
        (None, None) => return None,
    };
    let numbers = path.iter().map(usize::to_string).collect::<Vec<_>>().join(".");
    let name = match part.attachment_name().map(clean).filter(|name| !name.is_empty()) {
        Some(name) => format!("{numbers}/{name}"),
        None => numbers,
    };
    Some(Picture { name, media_type, bytes: transfer.decode(encoded) })
}

impl Picture<'_> {
    fn into_owned(self) -> Picture<'static> {
        Picture { name: self.name, media_type: self.media_type, bytes: Cow::Owned(self.bytes.into_owned()) }
    }
}

impl<'x> Found<'x> {
    fn add(&mut self, picture: Picture<'x>, limits: &Limits) {
        if self.pictures.len() < limits.pictures {
            self.pictures.push(picture);
        } else {
            self.limit("pictures");
        }
    }

    fn limit(&mut self, name: &'static str) {
        if !self.over_limits.contains(&name) {
            self.over_limits.push(name);
        }
    }
}

fn transfer_encoding<'a>(headers: &'a [Header<'_>]) -> &'a str {
    let field = headers.iter().find(|header| header.name == structure::TRANSFER_ENCODING);
    match field.map(|field| &field.value) {
        Some(HeaderValue::ContentType(value)) => value.ctype(),
        _ => "",
    }
}

/// The number of each part, as IMAP counts them (RFC 9051, section 6.4.5): the only part of a message is 1, the parts of
/// a multipart are 1, 2, … below it.
fn part_paths(parts: &[MessagePart<'_>], above: &[usize]) -> Vec<Vec<usize>> {
    let mut paths = vec![above.to_vec(); parts.len()];
    if let Some(PartType::Multipart(_)) = parts.first().map(|part| &part.body) {
        for (index, part) in parts.iter().enumerate() {
            let PartType::Multipart(children) = &part.body else { continue };
            for (number, child) in children.iter().map(|child| *child as usize).enumerate() {
                // Children stand behind their multipart, whose own path is therefore known.
                if child > index && child < parts.len() {
                    let mut path = paths[index].clone();
                    path.push(number + 1);
                    paths[child] = path;
                }
            }
        }
    } else {
        for path in &mut paths {
            path.push(1);
        }
    }
    paths
}

/// A sender's text made fit for a log or a table: no control characters, at most 100 characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// The message's subject as people read it: unfolded and RFC 2047 decoded. `value` is the raw field body.
pub fn decoded_subject(value: &str) -> String {
    let field = format!("Subject: {value}\r\n\r\n");
    let parser = mail_parser::MessageParser::new().header_text(HeaderName::Subject);
    parser.parse_headers(field.as_bytes()).and_then(|message| message.subject().map(str::to_owned)).unwrap_or_default()
}
