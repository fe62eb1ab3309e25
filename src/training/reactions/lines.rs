//! The published format: gzip, one JSON value a line, `[reactions, features]`. Read as a stream, in bounded memory: one
//! thread decompresses, all cores parse, one writes.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Read, Write},
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Reaction, Record, RecordReader, RecordWriter};
use crate::training::{TrainingError, Watch, write_file};

/// Bytes of text that one task parses; some 150 lines of 2048 features.
const CHUNK: usize = 4 << 20;
/// The longest line, which a broken file could make endless.
const LONGEST_LINE: usize = 64 << 20;

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Import {
    /// Records written.
    pub records: u64,
    /// Lines left out with `keep_going`.
    pub skipped: u64,
}

#[derive(Deserialize, Serialize)]
struct Line(Vec<Vec<Reaction>>, Vec<f32>);

impl<'de> Deserialize<'de> for Reaction {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Name;
        impl de::Visitor<'_> for Name {
            type Value = Reaction;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a reaction")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Reaction, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_str(Name)
    }
}

impl Serialize for Reaction {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// Whole lines, and the number of the first.
struct Chunk {
    first_line: u64,
    text: Vec<u8>,
}

/// Imports a published file (gzip, or plain) into a Parquet file. With `keep_going`, lines that are wrong are left out and
/// counted, and what comes before the break of a truncated file is kept; `problem` is told of each.
///
/// # Errors
/// The first wrong line with file and line, or an error of reading or writing; `to` is then not written.
pub fn import_lines(
    from: &Path,
    to: &Path,
    keep_going: bool,
    watch: &Watch,
    problem: &(dyn Fn(&TrainingError) + Sync),
) -> Result<Import, TrainingError> {
    let file = File::open(from).map_err(|error| TrainingError::file(from, format!("can't be read: {error}")))?;
    watch.begin("importing", file.metadata().map_or(0, |metadata| metadata.len()));
    // At most so many chunks wait to be parsed, and as many are being parsed.
    let at_once = 2 * rayon::current_num_threads();
    std::thread::scope(|scope| {
        let (sender, chunks) = sync_channel(at_once);
        let reading = scope
            .spawn(move || read_chunks(file, from, watch, |chunk| sender.send(chunk).map_err(|_| TrainingError::Interrupted)));
        let mut import = Import::default();
        let result = write_file(to, |out| {
            let mut writer = RecordWriter::new(out, to);
            while let Some(batch) = next_batch(&chunks, at_once) {
                let parsed: Vec<_> = batch.into_par_iter().map(|chunk| parse(&chunk, from)).collect();
                for (line, result) in parsed.into_iter().flatten() {
                    let written = result.and_then(|record| writer.write(record).map_err(|what| at(from, line, what)));
                    match written {
                        Ok(()) => import.records += 1,
                        Err(error) if keep_going => {
                            import.skipped += 1;
                            problem(&error);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            // Reading has ended, well or not: its error decides whether the file is kept.
            match reading.join().map_err(|_| TrainingError::Numbers("the reading thread failed".to_owned()))? {
                Err(error @ TrainingError::File { .. }) if keep_going => problem(&error),
                ended => ended?,
            }
            if import.records == 0 {
                return Err(TrainingError::file(from, "holds no record"));
            }
            writer.finish()
        });
        watch.end();
        result.map(|()| import)
    })
}

fn at(path: &Path, line: u64, problem: String) -> TrainingError {
    TrainingError::Line { path: path.display().to_string(), line, problem }
}

fn next_batch(chunks: &Receiver<Chunk>, most: usize) -> Option<Vec<Chunk>> {
    let first = chunks.recv().ok()?;
    Some(std::iter::once(first).chain(chunks.try_iter().take(most - 1)).collect())
}

/// Counts the compressed bytes that are read.
struct Counted<'a> {
    file: File,
    watch: &'a Watch,
    interrupted: bool,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        if self.watch.step(count as u64).is_err() {
            self.interrupted = true;
            return Err(std::io::Error::other("interrupted"));
        }
        Ok(count)
    }
}

fn read_chunks(
    file: File,
    path: &Path,
    watch: &Watch,
    mut give: impl FnMut(Chunk) -> Result<(), TrainingError>,
) -> Result<(), TrainingError> {
    let failed = |error: std::io::Error, line: u64| {
        let what = if error.kind() == std::io::ErrorKind::UnexpectedEof {
            "the file is truncated".to_owned()
        } else {
            error.to_string()
        };
        TrainingError::file(path, format!("can't be read past line {line}: {what}"))
    };
    let mut compressed = BufReader::with_capacity(1 << 18, Counted { file, watch, interrupted: false });
    let gzip = compressed.fill_buf().map_err(|error| failed(error, 0))?.starts_with(&[0x1f, 0x8b]);
    let mut text: Box<dyn Read> = if gzip { Box::new(MultiGzDecoder::new(compressed)) } else { Box::new(compressed) };
    let (mut first_line, mut rest) = (1, Vec::new());
    loop {
        let mut chunk = std::mem::take(&mut rest);
        let before = chunk.len();
        let read = text.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        // What came before a break in the file is whole and wanted with keep_going.
        let (ended, error) = match read {
            Ok(count) => (count == 0, None),
            Err(error) => (true, Some(error)),
        };
        let whole = if ended && error.is_none() { chunk.len() } else { memchr::memrchr(b'\n', &chunk).map_or(0, |end| end + 1) };
        rest = chunk.split_off(whole);
        if whole > 0 {
            let lines = memchr::memchr_iter(b'\n', &chunk).count() as u64;
            give(Chunk { first_line, text: chunk })?;
            first_line += lines;
        }
        if let Some(error) = error {
            return if watch.step(0).is_err() { Err(TrainingError::Interrupted) } else { Err(failed(error, first_line - 1)) };
        }
        if ended {
            return Ok(());
        }
        if rest.len() > LONGEST_LINE.max(before) {
            return Err(at(path, first_line, format!("the line is longer than {} MiB", LONGEST_LINE >> 20)));
        }
    }
}

fn parse(chunk: &Chunk, path: &Path) -> Vec<(u64, Result<Record, TrainingError>)> {
    let lines = chunk.text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines
        .map(|(index, line)| {
            let number = chunk.first_line + index as u64;
            (number, record(line).map_err(|problem| at(path, number, problem)))
        })
        .collect()
}

/// Parses one line, `[[["USER_MESSAGE_MARK_SPAM"], …], [0.1, …]]`.
fn record(line: &[u8]) -> Result<Record, String> {
    let Line(users, features) = sonic_rs::from_slice(line).map_err(|error| {
        let text = error.to_string();
        format!("is not [reactions, features]: {}", text.lines().next().unwrap_or_default())
    })?;
    if users.iter().any(Vec::is_empty) {
        return Err("has a user without a reaction".to_owned());
    }
    if let Some(bad) = features.iter().position(|value| !value.is_finite()) {
        return Err(format!("feature {} is not a finite number", bad + 1));
    }
    Ok(Record { users, features })
}

/// Writes a Parquet data set in the published format; returns the number of records.
///
/// # Errors
/// If `from` can't be read or `to` can't be written, which is then left as it was.
pub fn export_lines(from: &Path, to: &Path, watch: &Watch) -> Result<u64, TrainingError> {
    let reader = RecordReader::open(from)?;
    watch.begin("exporting", reader.len());
    let failed = |error: std::io::Error| TrainingError::file(to, format!("can't be written: {error}"));
    let count = write_file(to, |out| {
        let mut gzip = BufWriter::with_capacity(1 << 18, GzEncoder::new(out, Compression::fast()));
        let mut line = Vec::new();
        let mut count = 0;
        for record in reader {
            let record = record?;
            line.clear();
            sonic_rs::to_writer(&mut line, &Line(record.users, record.features))
                .map_err(|error| TrainingError::file(to, format!("can't be written: {error}")))?;
            line.push(b'\n');
            gzip.write_all(&line).map_err(failed)?;
            count += 1;
            watch.step(1)?;
        }
        gzip.into_inner().map_err(|error| failed(error.into_error()))?.finish().map_err(failed)?;
        Ok(count)
    });
    watch.end();
    count
}
