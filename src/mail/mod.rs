//! Bytes of a message to the pictures in it. Structure comes from `mail-parser`; this module keeps it within limits, opens
//! what pictures may hide in (nested messages, HTML, archives and office documents, TNEF, uuencoded text), and says where
//! each was found. Containers are told by their bytes, never by name or declared type. It knows nothing of pixels.

mod archive;
mod drawn;
mod finder;
mod html;
mod kind;
mod structure;
mod tnef;
mod transfer;
mod uuencode;

use std::borrow::Cow;

use mail_parser::HeaderName;

pub use drawn::Grid;
pub use finder::{find_in_file, find_pictures};
use kind::FileType;
pub use kind::{PictureType, START};
pub use structure::MailError;

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
