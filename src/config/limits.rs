//! `[limits]`: bounds on what a sender can cause.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{MAX_SIZE, cores, reader::Reader};

/// `[limits]`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a message, headers included.
    pub message_bytes: usize,
    /// MIME parts of a message.
    pub parts: usize,
    /// Lines of a message that could be header fields.
    pub header_lines: usize,
    /// Messages within messages.
    pub nesting: usize,
    /// Pictures of a message.
    pub pictures: usize,
    /// Bytes of a picture's file.
    pub picture_bytes: usize,
    /// Width x height of a picture.
    pub picture_pixels: u64,
    /// Bytes that a decoder may allocate.
    pub decoder_memory: u64,
    /// Frames of an animation that are looked at.
    pub frames: usize,
    /// Frames of an animation, all different, that are judged.
    pub distinct_frames: usize,
    /// Pages of a document that are judged.
    pub pages: usize,
    /// Files that are unpacked from the archives of a message.
    pub archive_files: usize,
    /// Bytes that are unpacked from the archives of a message.
    pub archive_bytes: u64,
    /// How many times its packed size a file in an archive may have.
    pub archive_ratio: u64,
    /// Processes that open messages, side by side, at least 1.
    pub workers: usize,
    /// Pictures that wait for the net.
    pub waiting: usize,
    /// For opening one container, or decoding one picture.
    pub picture_time: Duration,
    /// Bytes of address space of a process that opens messages.
    pub worker_memory: u64,
}

pub fn read(r: &mut Reader) -> Option<Limits> {
    let message_bytes = r.size("limits.message_bytes", 1..=MAX_SIZE);
    let parts = r.number("limits.parts", 1..=100_000);
    let header_lines = r.number("limits.header_lines", 1..=10_000_000);
    let nesting = r.number("limits.nesting", 0..=100);
    let pictures = r.number("limits.pictures", 1..=10_000);
    let picture_bytes = r.size("limits.picture_bytes", 1..=MAX_SIZE);
    let picture_pixels = r.number("limits.picture_pixels", 1..=1_000_000_000);
    let decoder_memory = r.size("limits.decoder_memory", 1 << 20..=16 * MAX_SIZE);
    let frames = r.number("limits.frames", 1..=100_000);
    let distinct_frames = r.number("limits.distinct_frames", 1..=1000);
    let pages = r.number("limits.pages", 0..=10_000);
    let archive_files = r.number("limits.archive_files", 0..=1_000_000);
    let archive_bytes = r.size("limits.archive_bytes", 0..=4 * MAX_SIZE);
    let archive_ratio = r.number("limits.archive_ratio", 1..=100_000);
    let (workers, waiting) = (r.number("limits.workers", 0..=1000), r.number("limits.waiting", 1..=1_000_000));
    let picture_time = r.duration("limits.picture_time", Duration::from_millis(10)..=Duration::from_secs(240));
    // Less would not hold the program itself.
    let worker_memory = r.size("limits.worker_memory", 256 << 20..=64 * MAX_SIZE);
    Some(Limits {
        message_bytes: message_bytes?,
        parts: parts?,
        header_lines: header_lines?,
        nesting: nesting?,
        pictures: pictures?,
        picture_bytes: picture_bytes?,
        picture_pixels: picture_pixels?,
        decoder_memory: decoder_memory?,
        frames: frames?,
        distinct_frames: distinct_frames?,
        pages: pages?,
        archive_files: archive_files?,
        archive_bytes: archive_bytes?,
        archive_ratio: archive_ratio?,
        workers: match workers? {
            0 => (2 * cores()).min(16),
            number => number,
        },
        waiting: waiting?,
        picture_time: picture_time?,
        worker_memory: worker_memory?,
    })
}
