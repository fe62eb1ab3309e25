//! Bytes of a message to the pictures in it. Structure comes from `mail-parser`; this module keeps it within limits, opens
//! what pictures may hide in (nested messages, HTML, archives and office documents, TNEF, uuencoded text), and says where
//! each was found. Containers are told by their bytes, never by name or declared type. It knows nothing of pixels.

mod archive;
mod drawn;
mod html;
mod kind;
mod structure;
mod tnef;
mod transfer;
mod uuencode;

use std::borrow::Cow;

use mail_parser::{Header, HeaderName, HeaderValue, Message, MessagePart, MimeHeaders, PartType};

use archive::Budget;
pub use drawn::Grid;
use html::Tile;
use kind::FileType;
pub use kind::PictureType;
pub use kind::START;
pub use structure::MailError;
use transfer::Transfer;

use crate::config::Limits;

/// A picture found in a message, or a document that is shown as pictures.
#[derive(Clone, Debug)]
pub struct Picture<'x> {
    /// Where it stands: numbers of the parts from the outside in, as IMAP counts them, and the file's name if it has one:
    /// `2.1/logo.png`; then the way through containers: `2/report.docx/word/media/image1.png`, `1.2#data=3` for the third
    /// `data:` URL of a page. Names are the sender's: text without control characters, of at most 100 characters each.
    pub name: String,
    /// By its bytes. `None`: it is no picture, though it was declared one.
    pub kind: Option<PictureType>,
    /// Media type by the bytes; if they are no picture's, the declared one.
    pub media_type: String,
    /// The file, transfer encoding undone.
    pub bytes: Cow<'x, [u8]>,
    /// Content-ID, Content-Location and file name: what a page of HTML may call it.
    ids: Vec<String>,
}

/// Pictures that a page shows side by side and one above the other, with nothing between them.
#[derive(Clone, Debug)]
pub struct Mosaic {
    /// The page and a number: `1.2#tiles=1`.
    pub name: String,
    /// Rows from the top; indexes of [`Found::pictures`].
    pub rows: Vec<Vec<usize>>,
}

/// Something drawn with characters or table cells.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The part and a number: `1#drawn=1`.
    pub name: String,
    /// What is drawn.
    pub grid: Grid,
}

/// What a message holds.
#[derive(Debug, Default)]
pub struct Found<'x> {
    /// Pictures in the order of the message, at most `limits.pictures`.
    pub pictures: Vec<Picture<'x>>,
    /// Pictures that may be parts of one.
    pub mosaics: Vec<Mosaic>,
    /// Codes, perhaps, that are drawn without a picture.
    pub drawings: Vec<Drawing>,
    /// Name and problem of what can't be opened.
    pub unreadable: Vec<(String, String)>,
    /// Pictures that a reader's program would fetch; never fetched here.
    pub linked: usize,
    /// The limits that cut something off, such as `pictures`.
    pub over_limits: Vec<&'static str>,
}

/// Is asked, with its name, before a container is opened. If it says no, the container is left alone.
pub type Gate<'g> = &'g mut dyn FnMut(&str) -> bool;

/// Finds the pictures in a message.
///
/// # Errors
/// If its structure is past the limits on parts or header lines, before any memory is spent on it.
pub fn find_pictures<'x>(message: &'x [u8], limits: &Limits, gate: Gate<'_>) -> Result<Found<'x>, MailError> {
    let mut finder = Finder { limits, gate, budget: Budget::new(limits), found: Found::default(), tiles: Vec::new() };
    finder.message(message, Place { path: Vec::new(), depth: 0 })?;
    Ok(finder.finish())
}

/// Finds the pictures in a file by itself: it may be one, or a container.
pub fn find_in_file<'x>(file: &'x [u8], limits: &Limits, gate: Gate<'_>) -> Found<'x> {
    let mut finder = Finder { limits, gate, budget: Budget::new(limits), found: Found::default(), tiles: Vec::new() };
    match FileType::detect(file) {
        Some(kind) => finder.file("1".to_owned(), kind, file.into(), Vec::new(), 0),
        None => finder.add(Picture {
            name: "1".to_owned(),
            kind: None,
            media_type: UNKNOWN.to_owned(),
            bytes: file.into(),
            ids: Vec::new(),
        }),
    }
    finder.finish()
}

/// Whether a file that starts with these bytes (of which [`START`] are enough) is a picture, or a container that is opened.
pub fn opens(start: &[u8]) -> bool {
    FileType::detect(start).is_some()
}

/// The bare addresses in To, Cc and Bcc: who a message is for, where no envelope tells.
pub fn recipients(message: &[u8]) -> Vec<String> {
    let parser = mail_parser::MessageParser::new()
        .header_address(HeaderName::To)
        .header_address(HeaderName::Cc)
        .header_address(HeaderName::Bcc);
    let parsed = parser.parse_headers(message);
    let fields = parsed.iter().flat_map(|message| [message.to(), message.cc(), message.bcc()]).flatten();
    fields.flat_map(|field| field.iter()).filter_map(|address| address.address.as_deref().map(str::to_owned)).collect()
}

/// Media type of what is not known (RFC 2046, section 4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// Where a message or a part stands.
#[derive(Clone)]
struct Place {
    /// Part numbers from the outside in.
    path: Vec<usize>,
    /// Containers around it.
    depth: usize,
}

struct Finder<'x, 'l, 'g> {
    limits: &'l Limits,
    gate: Gate<'g>,
    budget: Budget,
    found: Found<'x>,
    tiles: Vec<Tiles>,
}

/// A mosaic whose pictures may stand further down in the message.
struct Tiles {
    name: String,
    rows: Vec<Vec<Tile>>,
    /// Where the page's own files are in [`Found::pictures`], if they are there.
    files: Vec<Option<usize>>,
}

impl<'x> Finder<'x, '_, '_> {
    fn message(&mut self, message: &'x [u8], place: Place) -> Result<(), MailError> {
        structure::check(message, self.limits)?;
        // Nested messages wait here instead of on the stack, however deep they lie.
        let mut waiting: Vec<(Message<'x>, Place)> = Vec::new();
        waiting.extend(structure::parser().parse(message).map(|root| (root, place)));
        while let Some((mut next, place)) = waiting.pop() {
            let parts = std::mem::take(&mut next.parts);
            let paths = part_paths(&parts, &place.path);
            let first_nested = waiting.len();
            for (mut part, path) in parts.into_iter().zip(paths) {
                let transfer = Transfer::of(transfer_encoding(&part.headers));
                let encoded = message.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
                match std::mem::replace(&mut part.body, PartType::Multipart(Vec::new())) {
                    PartType::Multipart(_) => {}
                    PartType::Message(inner) if place.depth >= self.limits.nesting => {
                        self.found.limit("nesting");
                        structure::take_apart(inner);
                    }
                    PartType::Message(inner) if transfer == Transfer::Identity => {
                        waiting.push((inner, Place { path, depth: place.depth + 1 }));
                    }
                    PartType::Message(inner) => {
                        structure::take_apart(inner);
                        self.encoded_message(&transfer.decode(encoded), Place { path, depth: place.depth + 1 })?;
                    }
                    _ => self.part(&part, encoded, transfer, &path, place.depth),
                }
            }
            waiting[first_nested..].reverse();
        }
        Ok(())
    }

    /// A message in base64 breaks RFC 2046, section 5.2.1, and is shown by mail programs all the same. This recursion ends
    /// at `limits.nesting`.
    fn encoded_message(&mut self, message: &[u8], place: Place) -> Result<(), MailError> {
        let mut within = Finder {
            limits: self.limits,
            gate: &mut *self.gate,
            budget: self.budget.clone(),
            found: Found::default(),
            tiles: Vec::new(),
        };
        within.message(message, place)?;
        self.budget = within.budget.clone();
        let inner = within.finish();
        let first = self.found.pictures.len();
        for picture in inner.pictures {
            self.add(picture.into_owned());
        }
        let there = self.found.pictures.len();
        for mut mosaic in inner.mosaics {
            mosaic.rows.iter_mut().flatten().for_each(|index| *index += first);
            if mosaic.rows.iter().flatten().all(|index| *index < there) {
                self.found.mosaics.push(mosaic);
            }
        }
        self.found.drawings.extend(inner.drawings);
        self.found.unreadable.extend(inner.unreadable);
        self.found.linked += inner.linked;
        inner.over_limits.iter().for_each(|limit| self.found.limit(limit));
        Ok(())
    }

    fn part(&mut self, part: &MessagePart<'_>, encoded: &'x [u8], transfer: Transfer, path: &[usize], depth: usize) {
        let numbers = path.iter().map(usize::to_string).collect::<Vec<_>>().join(".");
        let file_name = part.attachment_name().map(clean).filter(|name| !name.is_empty());
        let name = file_name.as_ref().map_or_else(|| numbers.clone(), |file| format!("{numbers}/{file}"));
        let declared = part.content_type();
        let is = |main: &str, sub: &str| {
            declared.is_some_and(|declared| {
                declared.ctype().eq_ignore_ascii_case(main)
                    && (sub.is_empty() || declared.subtype().is_some_and(|s| s.eq_ignore_ascii_case(sub)))
            })
        };
        let detected = FileType::detect(&transfer.decode_start(encoded, START));
        let html = detected == Some(FileType::Html) || is("text", "html") || is("application", "xhtml+xml");
        match detected {
            Some(kind) if kind != FileType::Html => {
                let ids =
                    [part.content_id(), part.content_location(), file_name.as_deref()].into_iter().flatten().map(str::to_owned);
                self.file(name, kind, transfer.decode(encoded), ids.collect(), depth);
            }
            _ if html => self.file(name, FileType::Html, transfer.decode(encoded), Vec::new(), depth),
            _ if is("image", "") || is("application", "pdf") => {
                let media_type =
                    declared.map(|declared| format!("{}/{}", declared.ctype(), declared.subtype().unwrap_or("unknown")));
                let media_type = clean(&media_type.unwrap_or_default()).to_ascii_lowercase();
                self.add(Picture { name, kind: None, media_type, bytes: transfer.decode(encoded), ids: Vec::new() });
            }
            _ if declared.is_none() || is("text", "") => {
                let text = transfer.decode(encoded);
                self.text(&name, &text, depth);
            }
            _ => {}
        }
    }

    /// Takes a file, or what is in it. `depth`: containers around it.
    fn file(&mut self, name: String, kind: FileType, bytes: Cow<'x, [u8]>, ids: Vec<String>, depth: usize) {
        let kind = match kind {
            FileType::Picture(kind) => {
                self.add(Picture { name, kind: Some(kind), media_type: kind.media_type().to_owned(), bytes, ids });
                return;
            }
            container => container,
        };
        if depth >= self.limits.nesting {
            self.found.limit("nesting");
            return;
        }
        if !(self.gate)(&name) {
            return;
        }
        match kind {
            FileType::Zip => match archive::unpack(&bytes, &mut self.budget) {
                Ok(unpacked) => {
                    unpacked.over_limits.iter().for_each(|limit| self.found.limit(limit));
                    for (inner, problem) in unpacked.unreadable {
                        self.found.unreadable(format!("{name}/{}", clean(&inner)), problem);
                    }
                    for (inner, bytes) in unpacked.files {
                        self.inner(format!("{name}/{}", clean(&inner)), bytes, depth);
                    }
                }
                Err(problem) => self.found.unreadable(name, format!("archive can't be opened: {problem}")),
            },
            FileType::Tnef => {
                for (inner, bytes) in tnef::attachments(&bytes) {
                    self.inner(format!("{name}/{}", clean(&inner)), bytes.to_vec(), depth);
                }
            }
            _ => self.html(&name, &bytes, depth),
        }
    }

    /// A file in a container at this depth.
    fn inner(&mut self, name: String, bytes: Vec<u8>, depth: usize) {
        if let Some(kind) = FileType::detect(&bytes) {
            self.file(name, kind, Cow::Owned(bytes), Vec::new(), depth + 1);
        }
    }

    fn html(&mut self, name: &str, html: &[u8], depth: usize) {
        let page = html::read(html, self.limits.pictures);
        self.found.linked += page.linked;
        if page.cut {
            self.found.limit("pictures");
        }
        let mut places = Vec::new();
        for (number, bytes) in page.files.into_iter().enumerate() {
            let before = self.found.pictures.len();
            self.inner(format!("{name}#data={}", number + 1), bytes, depth);
            places.push((self.found.pictures.len() == before + 1).then_some(before));
        }
        for (number, rows) in page.mosaics.into_iter().enumerate() {
            self.tiles.push(Tiles { name: format!("{name}#tiles={}", number + 1), rows, files: places.clone() });
        }
        self.draw(name, page.grids.into_iter().chain(drawn::in_text(&page.text, self.limits.pictures)));
    }

    fn text(&mut self, name: &str, text: &[u8], depth: usize) {
        if !(self.gate)(name) {
            return;
        }
        for (file, bytes) in uuencode::files(text) {
            if depth < self.limits.nesting {
                self.inner(format!("{name}/{}", clean(&file)), bytes, depth);
            } else {
                self.found.limit("nesting");
            }
        }
        self.draw(name, drawn::in_text(&String::from_utf8_lossy(text), self.limits.pictures).into_iter());
    }

    fn draw(&mut self, name: &str, grids: impl Iterator<Item = Grid>) {
        for (number, grid) in grids.enumerate() {
            if self.found.drawings.len() < self.limits.pictures {
                self.found.drawings.push(Drawing { name: format!("{name}#drawn={}", number + 1), grid });
            } else {
                self.found.limit("pictures");
            }
        }
    }

    fn add(&mut self, picture: Picture<'x>) {
        if self.found.pictures.len() < self.limits.pictures {
            self.found.pictures.push(picture);
        } else {
            self.found.limit("pictures");
        }
    }

    /// Looks up the pictures of which mosaics are made, now that all are known.
    fn finish(self) -> Found<'x> {
        let mut found = self.found;
        for Tiles { name, rows, files } in self.tiles {
            let index = |tile: &Tile| match tile {
                Tile::File(number) => files.get(*number).copied().flatten(),
                Tile::Part(id) => found.pictures.iter().position(|picture| picture.ids.iter().any(|known| known == id)),
            };
            // A tile that is not there leaves the others in their place.
            let rows: Vec<Vec<usize>> = rows.iter().map(|row| row.iter().filter_map(index).collect()).collect();
            if rows.iter().map(Vec::len).sum::<usize>() > 1 && found.mosaics.len() < self.limits.pictures {
                found.mosaics.push(Mosaic { name, rows });
            }
        }
        found
    }
}

impl Picture<'_> {
    fn into_owned(self) -> Picture<'static> {
        Picture {
            name: self.name,
            kind: self.kind,
            media_type: self.media_type,
            bytes: Cow::Owned(self.bytes.into_owned()),
            ids: self.ids,
        }
    }
}

impl Found<'_> {
    fn limit(&mut self, name: &'static str) {
        if !self.over_limits.contains(&name) {
            self.over_limits.push(name);
        }
    }

    fn unreadable(&mut self, name: String, problem: String) {
        // As many as pictures at most: an archive can hold any number of broken ones.
        if self.unreadable.len() < 100 {
            self.unreadable.push((name, clean(&problem)));
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
