//! What is remembered of the latest files, by the SHA-256 of their bytes: all that they showed, with the feature vectors. One that
//! comes again is not decoded again; one that comes while it is at the net waits for the same run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use half::{f16, slice::HalfFloatSliceExt};
use quick_cache::{Weighter, sync::Cache};

use super::live::Live;
use crate::{
    inspect::Code,
    model::{Failure, ModelError, Said, Ticket, WeakTicket},
};

/// Bytes of a file's entry that are not counted one by one.
const OVERHEAD: u64 = 256;

/// A feature vector at half precision, and what the head has said of it.
pub struct Vector {
    features: Box<[f16]>,
    said: Mutex<Option<Said>>,
}

impl Vector {
    /// Of which a head has said this.
    pub fn new(features: &[f32], said: Option<Said>) -> Self {
        let half = |value: &f32| f16::from_f32(value.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()));
        Self { features: features.iter().map(half).collect(), said: Mutex::new(said) }
    }

    /// The numbers, each within 0.05 % of what it was from 0.00006 to 65,504, the range of half precision (IEEE 754 binary16).
    pub fn features(&self) -> Vec<f32> {
        self.features.to_f32_vec()
    }

    /// The probabilities of its classes by the head that is live, which is asked about `features` unless it was before: these
    /// numbers, or what they were before they were kept.
    ///
    /// # Errors
    /// If the head can't be run.
    pub fn probabilities(&self, features: &[f32], live: &Live) -> Result<Vec<f32>, ModelError> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match &*said {
            Some(said) if said.head == live.net.head() => Ok(said.probabilities.clone()),
            _ => {
                let probabilities = live.net.probabilities(features)?;
                *said = Some(Said { head: live.net.head(), probabilities: probabilities.clone() });
                Ok(probabilities)
            }
        }
    }
}

/// One thing that a file showed.
pub struct Shown {
    /// Which, of a file that shows several.
    pub label: Option<String>,
    /// By the file's bytes.
    pub media_type: String,
    /// Pixels, if they could be read.
    pub dimensions: Option<(u32, u32)>,
    /// Perceptual hash, if it was judged.
    pub hash: Option<u64>,
    /// Codes that stand in it.
    pub codes: Vec<Code>,
    /// What the net had of it.
    pub what: What,
}

/// What the net had of a thing.
pub enum What {
    /// This.
    Judged(Arc<Vector>),
    /// Nothing: it is too small.
    TooSmall(String),
    /// Nothing: it can't be decoded.
    Undecodable(String),
}

impl Shown {
    fn bytes(&self) -> u64 {
        let what = match &self.what {
            What::Judged(vector) => size_of_val(&*vector.features),
            What::TooSmall(why) | What::Undecodable(why) => why.len(),
        };
        OVERHEAD + (what + self.codes.iter().map(|code| code.text.len()).sum::<usize>()) as u64
    }
}

/// All that a file showed.
pub struct File {
    since: Instant,
    /// In its order.
    pub shown: Vec<Shown>,
}

impl File {
    /// Pictures to be judged.
    pub fn pictures(&self) -> usize {
        self.shown.iter().filter(|shown| matches!(shown.what, What::Judged(_))).count()
    }

    fn vector(&self, label: Option<&String>) -> Option<Arc<Vector>> {
        self.shown.iter().find(|shown| shown.label.as_ref() == label).and_then(|shown| match &shown.what {
            What::Judged(vector) => Some(vector.clone()),
            What::TooSmall(_) | What::Undecodable(_) => None,
        })
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<[u8; 32], Arc<File>> for Bytes {
    fn weight(&self, _: &[u8; 32], file: &Arc<File>) -> u64 {
        OVERHEAD + file.shown.iter().map(Shown::bytes).sum::<u64>()
    }
}

/// The picture: SHA-256 of its file, and which of the things in that file it is.
type Id = ([u8; 32], Option<String>);

/// The latest files.
pub struct Files {
    known: Cache<[u8; 32], Arc<File>, Bytes>,
    age: Duration,
    /// At the net.
    under_way: Mutex<HashMap<Id, WeakTicket>>,
}

impl Files {
    /// Holds at most so many bytes, each file for at most `age`.
    pub fn new(bytes: u64, age: Duration) -> Self {
        let average = 8192;
        let known = Cache::with_weighter(usize::try_from(bytes / average).unwrap_or(usize::MAX), bytes, Bytes);
        Self { known, age, under_way: Mutex::default() }
    }

    /// What the file with this SHA-256 showed.
    pub fn get(&self, sha256: &[u8; 32]) -> Option<Arc<File>> {
        let file = self.known.get(sha256)?;
        if file.since.elapsed() < self.age {
            return Some(file);
        }
        self.known.remove(sha256);
        None
    }

    /// The features of one thing that a file showed.
    pub fn vector(&self, sha256: &[u8; 32], label: Option<&String>) -> Option<Arc<Vector>> {
        self.get(sha256)?.vector(label)
    }

    /// Remembers what a file showed.
    pub fn insert(&self, sha256: [u8; 32], shown: Vec<Shown>) {
        self.known.insert(sha256, Arc::new(File { since: Instant::now(), shown }));
    }

    /// A ticket for the run of a picture that is at the net already, else the one that `submit` gets.
    ///
    /// # Errors
    /// Those of `submit`.
    pub fn ticket(
        &self,
        sha256: [u8; 32],
        label: Option<String>,
        submit: impl FnOnce() -> Result<Ticket, Failure>,
    ) -> Result<Ticket, Failure> {
        let under_way = || self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let id = (sha256, label);
        if let Some(ticket) = under_way().get(&id).and_then(WeakTicket::upgrade) {
            return Ok(ticket);
        }
        let ticket = submit()?;
        let mut under_way = under_way();
        under_way.retain(|_, ticket| ticket.is_wanted());
        under_way.insert(id, ticket.downgrade());
        Ok(ticket)
    }

    /// Files remembered, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.known.len(), self.known.weight())
    }
}
