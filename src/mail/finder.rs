//! Goes through a message, and through what is in it: parts, nested messages, containers. What it finds it puts in
//! [`Found`].

use std::borrow::Cow;

use mail_parser::{Header, HeaderValue, Message, MessagePart, MimeHeaders, PartType};

use super::{
    Drawing, Found, Gate, Grid, MailError, Mosaic, Picture, archive,
    archive::Budget,
    clean, drawn, html,
    html::Tile,
    kind::{FileType, PictureType, START},
    structure, tnef,
    transfer::Transfer,
    uuencode,
};
use crate::config::Limits;

/// Finds the pictures in a message.
///
/// # Errors
/// If its structure is past the limits on parts or header lines, before any memory is spent on it.
pub fn find_pictures<'x>(message: &'x [u8], limits: &Limits, gate: Gate<'_>) -> Result<Found<'x>, MailError> {
    let mut finder = Finder::new(limits, gate, Budget::new(limits));
    finder.message(message, Place { path: Vec::new(), depth: 0 })?;
    Ok(finder.finish())
}

/// Finds the pictures in a file by itself: it may be one, or a container.
pub fn find_in_file<'x>(file: &'x [u8], limits: &Limits, gate: Gate<'_>) -> Found<'x> {
    let mut finder = Finder::new(limits, gate, Budget::new(limits));
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

const PDF: FileType = FileType::Picture(PictureType::Pdf);
/// Media type of what is not known (RFC 2046, section 4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// Where a message or a part stands.
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

impl<'x, 'l, 'g> Finder<'x, 'l, 'g> {
    fn new(limits: &'l Limits, gate: Gate<'g>, budget: Budget) -> Self {
        Self { limits, gate, budget, found: Found::default(), tiles: Vec::new() }
    }

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
        let mut within = Finder::new(self.limits, &mut *self.gate, self.budget.clone());
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
        let start = transfer.decode_start(encoded, START);
        let stray_pdf = |kind: &FileType| *kind == PDF && is("text", "") && !start.starts_with(b"%PDF-");
        let detected = FileType::detect(&start).filter(|kind| !stray_pdf(kind));
        // What is shown as a page or as words is looked at as such, whatever else its first bytes make it.
        if detected == Some(FileType::Html) || is("text", "html") || is("application", "xhtml+xml") {
            self.file(name.clone(), FileType::Html, transfer.decode(encoded), Vec::new(), depth);
        } else if is("text", "") || declared.is_none() && detected.is_none() {
            self.text(&name, &transfer.decode(encoded), depth);
        }
        match detected {
            Some(FileType::Html) => {}
            Some(kind) => {
                let ids =
                    [part.content_id(), part.content_location(), file_name.as_deref()].into_iter().flatten().map(str::to_owned);
                self.file(name, kind, transfer.decode(encoded), ids.collect(), depth);
            }
            None if is("image", "") || is("application", "pdf") => {
                let media_type =
                    declared.map(|declared| format!("{}/{}", declared.ctype(), declared.subtype().unwrap_or("unknown")));
                let media_type = clean(&media_type.unwrap_or_default()).to_ascii_lowercase();
                self.add(Picture { name, kind: None, media_type, bytes: transfer.decode(encoded), ids: Vec::new() });
            }
            None => {}
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
