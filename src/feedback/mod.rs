//! What users say of pictures. A report is a user's reaction to the pictures of a message; it is kept (`store`) under a key
//! that only this site has (`key`), as hashes, feature vectors and times: never a picture, a subject or an address. What
//! several users say together is in `opinion`, what it means for the next message in `campaigns`. Knows nothing of training.

mod campaigns;
mod key;
mod opinion;
mod reaction;
mod sqlite;
mod store;

use std::time::{SystemTime, UNIX_EPOCH};

pub use campaigns::{Campaigning, Memory, Near};
pub use key::Key;
pub use opinion::{Opinion, Person, Trust, Vote, opinion};
pub use reaction::{CLASSES, Reaction};
pub use store::{Counts, Observation, Recorded, Store, StoredPicture};

/// Why a reaction can't be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    /// `feedback.store` is empty.
    #[error("reports are switched off: feedback.store is empty")]
    Off,
    /// The key file can't be used.
    #[error("the key file {path} {problem} (setting feedback.key)")]
    Key {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The store was written by a later version of this program.
    #[error(
        "the store {store} was written by a newer imagespam-milter (its schema has version {version}): upgrade this program, or \
         name another feedback.store"
    )]
    Newer {
        /// Its address.
        store: String,
        /// Of the schema.
        version: i64,
    },
    /// A database file is broken.
    #[error(
        "the store {store} is corrupted: {problem}. It was left as it is, and a copy of it lies at {copy}. To go on, stop the \
         daemon, move {store} (and {store}-wal, {store}-shm) away, and put a backup in its place (imagespam-milter feedback backup \
         makes them); without one, a new store begins empty"
    )]
    Corrupted {
        /// The file.
        store: String,
        /// In SQLite's words.
        problem: String,
        /// The copy.
        copy: String,
    },
    /// The database refuses.
    #[error("the store {store} {problem}")]
    Database {
        /// Its address.
        store: String,
        /// What failed.
        problem: String,
    },
    /// A user reports too much.
    #[error(
        "this user has reported {limit} pictures within 24 hours, the most that feedback.user_daily allows; nothing was recorded"
    )]
    Limited {
        /// `feedback.user_daily`.
        limit: u64,
    },
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
