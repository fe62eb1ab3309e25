//! What the judge remembers of pictures: the feature vectors of the latest, so that one which comes again costs no run of the
//! net, and what users have said of campaigns.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};

use crate::{
    feedback::{CLASSES, Key, Memory},
    inspect::Seen,
};

/// The picture: SHA-256 of its file, and which of the things in that file it is.
type Id = ([u8; 32], Option<String>);

/// Bytes of a vector and of what it takes to hold it.
#[derive(Clone)]
struct Bytes;

impl Weighter<Id, Arc<Vec<f32>>> for Bytes {
    fn weight(&self, _: &Id, features: &Arc<Vec<f32>>) -> u64 {
        128 + size_of_val(features.as_slice()) as u64
    }
}

/// Feature vectors of the latest pictures, whatever the head.
pub struct Features(Cache<Id, Arc<Vec<f32>>, Bytes>);

impl Features {
    /// Holds at most so many bytes.
    pub fn new(bytes: u64) -> Self {
        let average = 4096;
        Self(Cache::with_weighter(usize::try_from(bytes / average).unwrap_or(usize::MAX), bytes, Bytes))
    }

    /// The features of what was seen: those kept, else those that `run` gives, which are then kept.
    pub fn get_or<E>(&self, seen: &Seen, run: impl FnOnce() -> Result<Vec<f32>, E>) -> Result<Arc<Vec<f32>>, E> {
        let Some(sha256) = seen.sha256 else { return run().map(Arc::new) };
        let id = (sha256, seen.label.clone());
        if let Some(kept) = self.0.get(&id) {
            return Ok(kept);
        }
        let features = Arc::new(run()?);
        self.0.insert(id, features.clone());
        Ok(features)
    }
}

/// What users have said, for the judge.
#[derive(Clone)]
pub struct Reports {
    /// Of this site.
    pub key: Key,
    /// Of campaigns.
    pub memory: Arc<Memory>,
}

impl Reports {
    /// The class that enough users have given what was seen, with these features, or its near-duplicates.
    pub fn class_of(&self, seen: &Seen, features: &[f32], features_id: &str) -> Option<&'static str> {
        let digest = self.key.picture(&seen.sha256?, seen.label.as_deref());
        self.memory.opinion(&digest, seen.hash?, features, features_id).map(|opinion| CLASSES[opinion.class])
    }
}
