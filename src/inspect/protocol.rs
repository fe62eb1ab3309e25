//! What daemon and worker say to each other: length (4 bytes, little-endian) and a value in `postcard`'s encoding.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Code, Kind, Seen};

/// The daemon asks; the bytes to be inspected follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// What the bytes are.
    pub kind: Kind,
    /// How many bytes follow.
    pub length: u64,
    /// Steps in which a worker came to grief before, to be left out.
    pub dead: Vec<u32>,
    /// Pictures of steps before this one have been told already.
    pub from: u32,
}

/// The worker tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// It may do what it likes now: with the reason, if the system can't keep it from more than that.
    Ready(Option<String>),
    /// It is about to open or decode something.
    Begin(Step),
    /// The same of a picture's file, and a question: has it been seen whole? The daemon answers with an [`Again`].
    File {
        /// The beginning.
        step: Step,
        /// Of the file.
        sha256: [u8; 32],
        /// Pictures to be judged that the message may still have.
        room: usize,
        /// What is told at the end if nothing follows: if the file has been seen whole, that's all then, and [`Event::End`] doesn't come.
        last: Option<End>,
    },
    /// Something to be seen.
    Seen(Seen),
    /// Codes that stand in what was seen last. Told by themselves, for the net is at the picture while they are looked for.
    Codes(Vec<Code>),
    /// All that the file with this SHA-256 shows has been told, and no limit cut anything off.
    Whole([u8; 32]),
    /// The structure of the message is past this setting of `[limits]`: nothing of it was looked at.
    Refused(String),
    /// All has been told.
    End(End),
}

/// What is told of the whole at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// Names of the limits that cut something off.
    pub incomplete: Vec<String>,
    /// Pictures that a reader's program would have to fetch.
    pub linked: u64,
}

/// A step of the work. Its number is the same for the same bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Counted from 0.
    pub number: u32,
    /// What is opened or decoded.
    pub name: String,
    /// A container, and not yet a picture.
    pub container: bool,
    /// Names of the limits that cut something off so far: should this step be the worker's last.
    pub incomplete: Vec<String>,
}

/// How many pictures to be judged are in a file that has been seen whole; nothing more need be told of it. `None`: it has to be looked at.
pub type Again = Option<usize>;

/// Bytes of a value's length.
const LENGTH: usize = 4;

/// A value as it is written.
///
/// # Errors
/// If it is too long.
pub fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = postcard::to_extend(value, vec![0; LENGTH]).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - LENGTH).map_err(io::Error::other)?;
    bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Writes a value, all at once where `to` has no buffer: each write may wake the other side.
///
/// # Errors
/// If the other side has gone.
pub fn write(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    to.write_all(&frame(value)?)
}

/// Reads a value of at most `longest` bytes.
///
/// # Errors
/// If the other side has gone, or says what it must not.
pub fn read<T: DeserializeOwned>(from: &mut impl Read, longest: usize) -> io::Result<T> {
    let mut length = [0; LENGTH];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > longest {
        return Err(io::Error::other("too long"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(io::Error::other)
}
