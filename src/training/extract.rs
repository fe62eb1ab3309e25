//! Picture files to feature vectors, on all cores, each picture once: what a net has said of a picture is kept in a
//! cache folder under the picture's digest.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    TrainingError, Watch,
    examples::{Examples, Labelled},
};
use crate::{
    config::{Limits, Precision, Skips},
    image,
    model::Net,
};

/// Pictures between two writes to the cache.
const BATCH: usize = 512;

/// How pictures become vectors.
pub struct Extractor<'a> {
    net: &'a Net,
    limits: &'a Limits,
    skips: &'a Skips,
    cache: Option<PathBuf>,
    known: Examples,
    rows: HashMap<String, usize>,
}

/// What came of a list of pictures.
pub struct Extracted {
    /// The vectors.
    pub examples: Examples,
    /// Files that were left out because the daemon would not judge them either: small, or over a limit.
    pub skipped: usize,
    /// Files whose bytes had been there before, in the same class.
    pub repeated: usize,
    /// Files that can't be decoded.
    pub undecodable: Vec<String>,
}

enum Look {
    Vector { hash: u64, vector: Vec<f32> },
    Skipped,
    Undecodable(String),
}

impl<'a> Extractor<'a> {
    /// Opens the cache for `net` in the folder `cache`, which need not exist; `None`: no cache.
    ///
    /// # Errors
    /// If the cache can't be read.
    pub fn open(
        net: &'a Net,
        limits: &'a Limits,
        skips: &'a Skips,
        cache: Option<&Path>,
        watch: &Watch,
    ) -> Result<Self, TrainingError> {
        // Another net, view, output or precision gives other vectors.
        let precision = if net.precision() == Precision::Int8 { "-int8" } else { "" };
        let cache = cache.map(|folder| folder.join(format!("{}{precision}", &net.manifest().features_id()[..16])));
        let mut known = Examples::new(vec![String::new()], 0);
        for shard in cache.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten()) {
            let path = shard.path();
            if path.extension().is_some_and(|extension| extension == "parquet") {
                let shard = Examples::load(&path, &[String::new()], watch)?;
                known.dimension = shard.dimension;
                for row in 0..shard.len() {
                    let (source, name) = (shard.sources[row].clone(), shard.names[row].clone());
                    known
                        .push(0, source, name, shard.hashes[row], shard.row(row))
                        .map_err(|problem| TrainingError::file(&path, problem))?;
                }
            }
        }
        let rows = known.names.iter().cloned().zip(0..).collect();
        Ok(Self { net, limits, skips, cache, known, rows })
    }

    /// The vectors of `files`.
    ///
    /// # Errors
    /// If a file can't be read, two files of different classes hold the same bytes, the net fails, or the work is to stop.
    pub fn vectors(&mut self, files: &[Labelled], classes: &[String], watch: &Watch) -> Result<Extracted, TrainingError> {
        watch.begin("features", files.len() as u64);
        let mut seen: HashMap<String, &Labelled> = HashMap::new();
        let mut found = Extracted {
            examples: Examples::new(classes.to_vec(), self.known.dimension),
            skipped: 0,
            repeated: 0,
            undecodable: Vec::new(),
        };
        for batch in files.chunks(BATCH) {
            let looks = batch.par_iter().map(|file| self.look(file, watch)).collect::<Result<Vec<_>, _>>()?;
            let mut fresh = Examples::new(vec![String::new()], 0);
            for (file, (key, look)) in batch.iter().zip(looks) {
                if let Some(first) = seen.get(&key) {
                    if first.label != file.label {
                        return Err(TrainingError::Data(format!(
                            "{} ({}) and {} ({}) hold the same picture",
                            first.path.display(),
                            classes[first.label],
                            file.path.display(),
                            classes[file.label]
                        )));
                    }
                    found.repeated += 1;
                    continue;
                }
                match look {
                    Look::Vector { hash, vector } => {
                        found.examples.dimension = vector.len();
                        let wrong = |problem| TrainingError::file(&file.path, problem);
                        let name = file.path.display().to_string();
                        found.examples.push(file.label, file.source.clone(), name, Some(hash), &vector).map_err(wrong)?;
                        seen.insert(key.clone(), file);
                        if !self.rows.contains_key(&key) {
                            fresh.dimension = vector.len();
                            fresh.push(0, "".into(), key, Some(hash), &vector).map_err(wrong)?;
                        }
                    }
                    Look::Skipped => found.skipped += 1,
                    Look::Undecodable(problem) => found.undecodable.push(format!("{}: {problem}", file.path.display())),
                }
            }
            self.keep(&fresh)?;
        }
        watch.end();
        Ok(found)
    }

    fn keep(&mut self, fresh: &Examples) -> Result<(), TrainingError> {
        let Some(folder) = self.cache.as_ref().filter(|_| !fresh.is_empty()) else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|error| TrainingError::file(folder, format!("can't be made: {error}")))?;
        let name = base16ct::lower::encode_string(&Sha256::digest(fresh.names.join("\n")));
        fresh.save(&folder.join(format!("{}.parquet", &name[..16])))
    }

    fn look(&self, file: &Labelled, watch: &Watch) -> Result<(String, Look), TrainingError> {
        watch.step(1)?;
        let bytes = fs::read(&file.path).map_err(|error| TrainingError::file(&file.path, format!("can't be read: {error}")))?;
        let key = base16ct::lower::encode_string(&Sha256::digest(&bytes));
        if let Some(&row) = self.rows.get(&key) {
            let look = Look::Vector { hash: self.known.hashes[row].unwrap_or(0), vector: self.known.row(row).to_vec() };
            return Ok((key, look));
        }
        Ok((key, self.judge(&bytes)?))
    }

    fn judge(&self, bytes: &[u8]) -> Result<Look, TrainingError> {
        let size = match image::dimensions(bytes, self.limits) {
            Ok(size) => size,
            Err(error) => return Ok(Look::Undecodable(error.to_string())),
        };
        if self.skips.picture_below.too_small(size, bytes.len()) || bytes.len() > self.limits.picture_bytes {
            return Ok(Look::Skipped);
        }
        match image::decode_reduced(bytes, self.limits) {
            Ok((picture, _)) => {
                Ok(Look::Vector { hash: image::perceptual_hash(&image::grey(&picture)), vector: self.net.features(&picture)? })
            }
            Err(image::ImageError::TooManyPixels { .. } | image::ImageError::TooMuchMemory(_)) => Ok(Look::Skipped),
            Err(error) => Ok(Look::Undecodable(error.to_string())),
        }
    }
}
