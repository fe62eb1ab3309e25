//! Files in ZIP archives, office documents (OOXML, ODF) among them. Unpacked under limits on number, size and ratio.

use std::{
    borrow::Cow,
    io::{Cursor, Read},
};

use zip::{ZipArchive, result::ZipError};

use super::kind::{FileType, START};
use crate::config::Limits;

/// What may still be unpacked from the archives of a message.
#[derive(Clone, Debug)]
pub struct Budget {
    files: usize,
    bytes: u64,
    ratio: u64,
}

impl Budget {
    /// All that the limits allow.
    pub fn new(limits: &Limits) -> Self {
        Self { files: limits.archive_files, bytes: limits.archive_bytes, ratio: limits.archive_ratio }
    }
}

/// What unpacking one archive came to.
#[derive(Debug, Default)]
pub struct Unpacked {
    /// Name and bytes of each file that matters, in the order of the archive.
    pub files: Vec<(String, Vec<u8>)>,
    /// Names of files that could matter, with what is wrong.
    pub unreadable: Vec<(String, String)>,
    /// Names of the limits that cut something off, each as often as it did.
    pub over_limits: Vec<&'static str>,
}

/// Files whose name says that they would matter: of an encrypted archive, only names can be had.
const PICTURE_NAMES: [&str; 15] =
    ["png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "ico", "svg", "svgz", "pdf", "html", "htm", "heic"];

/// Unpacks the files that are pictures, documents, archives or HTML.
///
/// # Errors
/// What is wrong with the archive as a whole.
pub fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Unpacked, String> {
    // The directory is read before anything else: an entry takes some 50 bytes at least (APPNOTE 4.3.12), so that the
    // bytes of a message bound it.
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut unpacked = Unpacked::default();
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).and_then(Result::ok).map_or_else(String::new, Cow::into_owned);
        let mut file = match archive.by_index(index) {
            Ok(file) => file,
            Err(error) => {
                let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
                if extension.is_some_and(|extension| PICTURE_NAMES.contains(&extension.as_str())) {
                    let problem = match error {
                        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => "is encrypted".to_owned(),
                        error => error.to_string(),
                    };
                    unpacked.unreadable.push((name, problem));
                }
                continue;
            }
        };
        if file.is_dir() {
            continue;
        }
        if budget.files == 0 {
            unpacked.over_limits.push("archive_files");
            break;
        }
        budget.files -= 1;
        let packed = file.compressed_size().min(bytes.len() as u64);
        let allowed = packed.saturating_mul(budget.ratio).max(START as u64);
        let mut content = Vec::new();
        // What an archive says of a file's size is not believed: reading is what is limited.
        let begun = file.by_ref().take(START as u64).read_to_end(&mut content);
        let matters = FileType::detect(&content).is_some();
        let result = begun.and_then(|_| {
            if !matters {
                return Ok(true);
            }
            file.by_ref().take(allowed.min(budget.bytes).saturating_sub(content.len() as u64)).read_to_end(&mut content)?;
            Ok(file.read(&mut [0])? == 0)
        });
        let size = content.len() as u64;
        let by_ratio = size >= allowed;
        budget.bytes = budget.bytes.saturating_sub(size);
        match result {
            Ok(true) if matters => unpacked.files.push((name, content)),
            Ok(true) => {}
            Ok(false) if by_ratio => unpacked.over_limits.push("archive_ratio"),
            Ok(false) => unpacked.over_limits.push("archive_bytes"),
            Err(error) if matters => unpacked.unreadable.push((name, error.to_string())),
            Err(_) => {}
        }
    }
    Ok(unpacked)
}
