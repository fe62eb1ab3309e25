//! A message, or a file, to what there is to be seen in it: pictures sized for the net, and codes. All that a sender can
//! break is done in worker processes (`worker`), which can open no file and no connection, and whose memory and time are
//! limited (`sandbox`); a decoder that fails, loops or eats memory costs one picture, and the daemon goes on (`pool`). Threads
//! would be simpler, but a thread can't be ended. What is done there is in `look`, and what is said between the two in
//! `protocol`. Knows nothing of what a net makes of a picture.

mod look;
mod pool;
mod protocol;
mod sandbox;
mod worker;

use serde::{Deserialize, Serialize};

use crate::config::{Limits, PictureBelow, Skips};
pub use crate::image::{Code, Fingerprint};
pub use pool::{Pool, Report, WorkerError};
use protocol::{Event, Request};
pub use worker::run as worker;

/// What there is to inspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A whole message (RFC 5322, header and body).
    Message,
    /// A file by itself.
    File,
}

/// What workers need to know of the settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    limits: Limits,
    /// Width and height of the pictures that the net takes.
    views: Vec<(u32, u32)>,
    picture_below: PictureBelow,
}

impl Task {
    /// `views`: width and height of each picture that the net takes.
    pub fn new(limits: &Limits, skip: &Skips, views: Vec<(u32, u32)>) -> Self {
        Self { limits: limits.clone(), views, picture_below: skip.picture_below }
    }
}

/// One thing to be seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Where the file stands in the message.
    pub name: String,
    /// Which of the things that the file shows: `page=3`.
    pub label: Option<String>,
    /// By its bytes, else as declared.
    pub media_type: String,
    /// SHA-256 of the file; of its pixels, if there is no file.
    pub sha256: Option<[u8; 32]>,
    /// Pixels, if they could be read.
    pub dimensions: Option<(u32, u32)>,
    /// What the net gets.
    pub look: Look,
}

impl Seen {
    /// Of something that has no bytes to tell more by.
    fn bare(name: String, look: Look) -> Self {
        let media_type = "application/octet-stream".to_owned();
        Self { name, label: None, media_type, sha256: None, dimensions: None, look }
    }
}

/// Who wants to know what there is to be seen.
pub trait Audience {
    /// Takes one thing, while the worker is at the next.
    fn seen(&mut self, seen: Seen);

    /// Takes the codes that stand in the thing seen last.
    fn codes(&mut self, codes: Vec<Code>);

    /// Takes what the file with this SHA-256 showed when it was seen whole, under this name, if that is known and has not more
    /// than `room` pictures to be judged. Returns how many it has.
    fn again(&mut self, sha256: &[u8; 32], name: &str, room: usize) -> Option<usize>;

    /// All has been told of the file with this SHA-256, and no limit cut anything off.
    fn whole(&mut self, sha256: [u8; 32]);

    /// Whether nobody waits for the verdict any more.
    fn gone(&self) -> bool;
}

/// What the net gets of a thing to be seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Look {
    /// To be judged.
    Views {
        /// For each view, RGB, 8 bits a channel, rows from the top.
        views: Vec<serde_bytes::ByteBuf>,
        /// What near-duplicates are told by.
        print: Fingerprint,
    },
    /// The file has the same SHA-256 as one before it.
    Repeated,
    /// Nothing: it is too small to be judged.
    TooSmall(String),
    /// Nothing: it is past a limit.
    OverLimit(String),
    /// Nothing: it can't be decoded.
    Undecodable(String),
    /// Nothing: it was drawn without a picture, and only codes were looked for.
    Drawn,
}
