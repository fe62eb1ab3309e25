//! What is read from the store.

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};

use super::Store;
use crate::feedback::{FeedbackError, Reaction, Vote};

/// Pictures read at once.
const PAGE: i64 = 500;

/// A picture as it is kept, with the reactions to it.
#[derive(Clone, Debug)]
pub struct StoredPicture {
    /// Keyed digest of its bytes.
    pub digest: [u8; 32],
    /// Perceptual hash.
    pub hash: u64,
    /// Feature vector.
    pub features: Vec<f32>,
    /// What the features depend on (`Manifest::features_id`).
    pub features_id: String,
    /// When it was last reported, in seconds since 1970.
    pub last_seen: i64,
    /// In the order in which they came.
    pub votes: Vec<Vote>,
}

/// How much there is.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Counts {
    /// Pictures.
    pub pictures: u64,
    /// Of these, pictures whose features are of another backbone or view than the bundle's.
    pub other_features: u64,
    /// Users.
    pub users: u64,
    /// Reactions by kind, in the order of [`Reaction::ALL`].
    pub reactions: [u64; 4],
    /// When the first and the last reaction came, in seconds since 1970.
    pub span: Option<(i64, i64)>,
}

impl Store {
    /// Counts that grow with each change, and with each removal of pictures.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn counters(&self) -> Result<(i64, i64), FeedbackError> {
        let rows = sqlx::query("SELECT name, value FROM counters").fetch_all(&self.pool).await.map_err(|e| self.failed(e))?;
        let mut found = HashMap::new();
        for row in rows {
            let (name, value): (String, i64) = (get(self, &row, 0)?, get(self, &row, 1)?);
            found.insert(name, value);
        }
        Ok((found.get("revision").copied().unwrap_or(0), found.get("removal").copied().unwrap_or(0)))
    }

    /// The pictures that have changed since a revision, the latest `most` of them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn changed_since(&self, revision: i64, most: usize) -> Result<Vec<StoredPicture>, FeedbackError> {
        let pictures = sqlx::query(
            "SELECT id, digest, hash, features, features_id, last_seen FROM pictures WHERE revision > $1 \
             ORDER BY last_seen DESC, id DESC LIMIT $2",
        )
        .bind(revision)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.failed(error))?;
        let reactions = sqlx::query(
            "SELECT picture, person, kind, at FROM reactions WHERE picture IN (SELECT id FROM pictures WHERE revision > $1) ORDER BY at",
        )
        .bind(revision)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.failed(error))?;
        self.join(&pictures, &reactions)
    }

    /// The next pictures with reactions behind the one with number `after`, and the number of the last of them; `None` at the end.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn page(&self, after: i64) -> Result<Option<(i64, Vec<StoredPicture>)>, FeedbackError> {
        let pictures = sqlx::query(
            "SELECT id, digest, hash, features, features_id, last_seen FROM pictures WHERE id > $1 \
             AND EXISTS (SELECT 1 FROM reactions WHERE picture = id) ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.failed(error))?;
        let Some(last) = pictures.last() else { return Ok(None) };
        let last: i64 = get(self, last, 0)?;
        let reactions =
            sqlx::query("SELECT picture, person, kind, at FROM reactions WHERE picture > $1 AND picture <= $2 ORDER BY at")
                .bind(after)
                .bind(last)
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.failed(error))?;
        Ok(Some((last, self.join(&pictures, &reactions)?)))
    }

    /// How much there is; `features_id` is what the features should be of.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn counts(&self, features_id: &str) -> Result<Counts, FeedbackError> {
        let failed = |error| self.failed(error);
        let one = async |sql: &'static str| -> Result<u64, FeedbackError> {
            let row = sqlx::query(sql).fetch_one(&self.pool).await.map_err(failed)?;
            Ok(get::<i64>(self, &row, 0)?.unsigned_abs())
        };
        let mut counts = Counts {
            pictures: one("SELECT COUNT(*) FROM pictures").await?,
            users: one("SELECT COUNT(DISTINCT person) FROM reactions").await?,
            ..Counts::default()
        };
        let other = sqlx::query("SELECT COUNT(*) FROM pictures WHERE features_id <> $1").bind(features_id.to_owned());
        counts.other_features = get::<i64>(self, &other.fetch_one(&self.pool).await.map_err(failed)?, 0)?.unsigned_abs();
        let kinds = sqlx::query("SELECT kind, COUNT(*), MIN(at), MAX(at) FROM reactions GROUP BY kind");
        for row in kinds.fetch_all(&self.pool).await.map_err(failed)? {
            let (kind, count): (i64, i64) = (get(self, &row, 0)?, get(self, &row, 1)?);
            let (first, last): (i64, i64) = (get(self, &row, 2)?, get(self, &row, 3)?);
            if let Some(slot) = usize::try_from(kind).ok().and_then(|kind| counts.reactions.get_mut(kind)) {
                *slot = count.unsigned_abs();
            }
            counts.span = Some(counts.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        }
        Ok(counts)
    }

    fn join(&self, pictures: &[AnyRow], reactions: &[AnyRow]) -> Result<Vec<StoredPicture>, FeedbackError> {
        let mut votes: HashMap<i64, Vec<Vote>> = HashMap::new();
        for row in reactions {
            let kind: i64 = get(self, row, 2)?;
            let reaction = usize::try_from(kind).ok().and_then(|kind| Reaction::ALL.get(kind));
            let reaction = *reaction.ok_or_else(|| self.odd(format!("holds a reaction of the unknown kind {kind}")))?;
            let vote = Vote { person: self.digest(row, 1)?, reaction, at: get(self, row, 3)? };
            votes.entry(get(self, row, 0)?).or_default().push(vote);
        }
        let picture = |row: &AnyRow| {
            let id: i64 = get(self, row, 0)?;
            Ok(StoredPicture {
                digest: self.digest(row, 1)?,
                hash: get::<i64>(self, row, 2)?.cast_unsigned(),
                features: features_of(&get::<Vec<u8>>(self, row, 3)?),
                features_id: get(self, row, 4)?,
                last_seen: get(self, row, 5)?,
                votes: votes.remove(&id).unwrap_or_default(),
            })
        };
        pictures.iter().map(picture).collect()
    }

    fn digest(&self, row: &AnyRow, column: usize) -> Result<[u8; 32], FeedbackError> {
        get::<Vec<u8>>(self, row, column)?.try_into().map_err(|_| self.odd("holds a digest of the wrong length".to_owned()))
    }

    fn odd(&self, problem: String) -> FeedbackError {
        FeedbackError::Database { store: self.name(), problem: format!("{problem}; restore a backup") }
    }
}

fn get<'r, T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>>(
    store: &Store,
    row: &'r AnyRow,
    column: usize,
) -> Result<T, FeedbackError> {
    row.try_get(column).map_err(|error| store.failed(error))
}

fn features_of(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
