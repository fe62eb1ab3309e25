//! What is to be scanned: files, folders and Maildirs, mboxes taken apart, standard input.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use mail_parser::mailbox::mbox;

use crate::{config::Limits, inspect::Kind, mail};

/// One message or picture.
#[derive(Debug)]
pub struct Item {
    /// The file, and in an mbox `file#number`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its bytes, or why they can't be read.
    pub content: Result<Vec<u8>, String>,
}

/// The items of all paths, one after the other.
pub struct Items {
    paths: std::vec::IntoIter<Result<PathBuf, String>>,
    mbox: Option<Mbox>,
    total: Option<u64>,
    longest: u64,
}

struct Mbox {
    path: String,
    number: usize,
    messages: mbox::MessageIterator<Box<dyn BufRead>>,
}

/// Lists folders, in order of names; files are read one by one later.
pub fn items(paths: &[PathBuf], limits: &Limits) -> Items {
    let mut files = Vec::new();
    for path in paths {
        list(path, &mut files);
    }
    // How many messages an mbox or standard input holds is not known beforehand; an mbox counts as one.
    let total = (!files.iter().any(|path| path.as_ref().is_ok_and(|path| path.as_os_str() == "-"))).then_some(files.len() as u64);
    // One byte more than is ever judged, so that the limit is seen to be passed.
    let longest = limits.message_bytes.max(limits.picture_bytes) as u64 + 1;
    Items { paths: files.into_iter(), mbox: None, total, longest }
}

fn list(path: &Path, files: &mut Vec<Result<PathBuf, String>>) {
    let failed = |error: io::Error| Err(format!("{}: {error}", path.display()));
    if path.as_os_str() == "-" || !path.is_dir() {
        files.push(Ok(path.to_owned()));
        return;
    }
    match fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
    {
        Ok(mut inner) => {
            inner.sort();
            // A Maildir's tmp holds messages that are not there yet.
            let maildir = path.join("cur").is_dir() && path.join("new").is_dir();
            let unwanted = |path: &&PathBuf| path.is_symlink() || (maildir && path.ends_with("tmp"));
            inner.iter().filter(|path| !unwanted(path)).for_each(|path| list(path, files));
        }
        Err(error) => files.push(failed(error)),
    }
}

impl Items {
    /// How many files there are, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    fn next_in_mbox(&mut self) -> Option<Item> {
        let mbox = self.mbox.as_mut()?;
        let content = mbox.messages.next()?;
        mbox.number += 1;
        let content = content.map(mbox::Message::unwrap_contents).map_err(|error| error.to_string());
        Some(Item { path: format!("{}#{}", mbox.path, mbox.number), kind: Kind::Message, content })
    }

    fn open(&mut self, path: &Path) -> Option<Item> {
        let name = path.display().to_string();
        let failed = |error: io::Error| Item { path: name.clone(), kind: Kind::Message, content: Err(error.to_string()) };
        let file: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            match File::open(path) {
                Ok(file) => Box::new(file),
                Err(error) => return Some(failed(error)),
            }
        };
        let mut reader: Box<dyn BufRead> = Box::new(BufReader::new(file));
        let mut start = Vec::new();
        if let Err(error) = reader.by_ref().take(mail::START as u64).read_to_end(&mut start) {
            return Some(failed(error));
        }
        let reader = io::Cursor::new(start.clone()).chain(reader);
        if start.starts_with(b"From ") {
            let messages = mbox::MessageIterator::new(Box::new(reader) as Box<dyn BufRead>);
            self.mbox = Some(Mbox { path: name, number: 0, messages });
            return self.next_in_mbox();
        }
        let named_picture = path.extension().is_some_and(|extension| {
            ["png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "pdf", "svg"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        });
        let kind = if mail::opens(&start) || named_picture { Kind::File } else { Kind::Message };
        let mut content = Vec::new();
        match reader.take(self.longest).read_to_end(&mut content) {
            Ok(_) => Some(Item { path: name, kind, content: Ok(content) }),
            Err(error) => Some(failed(error)),
        }
    }
}

impl Iterator for Items {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.next_in_mbox() {
                return Some(item);
            }
            self.mbox = None;
            let next = match self.paths.next()? {
                Ok(path) => self.open(&path),
                Err(problem) => Some(Item { path: String::new(), kind: Kind::Message, content: Err(problem) }),
            };
            if next.is_some() {
                return next;
            }
        }
    }
}
