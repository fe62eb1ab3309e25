//! What users have said, for the judge.

use std::sync::Arc;

use crate::feedback::{CLASSES, Key, Memory};

/// What users have said.
#[derive(Clone)]
pub struct Reports {
    /// Of this site.
    pub key: Key,
    /// Of campaigns.
    pub memory: Arc<Memory>,
}

impl Reports {
    /// The class that enough users have given a picture, or its near-duplicates: told by the file's SHA-256, which of the things in
    /// that file it is, its perceptual hash and its features.
    pub fn class_of(
        &self,
        sha256: &[u8; 32],
        label: Option<&str>,
        hash: u64,
        features: &[f32],
        features_id: &str,
    ) -> Option<&'static str> {
        let digest = self.key.picture(sha256, label);
        self.memory.opinion(&digest, hash, features, features_id).map(|opinion| CLASSES[opinion.class])
    }
}
