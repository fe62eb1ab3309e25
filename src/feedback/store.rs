//! Reactions in a database: SQLite for one machine, PostgreSQL for a fleet, by the same statements. What only SQLite needs is
//! in `sqlite`.

use std::collections::HashMap;

use sqlx::{
    AnyConnection, AnyPool, Connection, Row,
    any::{AnyPoolOptions, AnyRow},
    migrate::{MigrateError, Migrator},
};

use super::{FeedbackError, Person, Reaction, Vote, now, sqlite};
use crate::config::{Feedback, StoreAddress};

static SQLITE: Migrator = sqlx::migrate!("src/feedback/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/feedback/migrations/postgres");

/// Connections of one process.
const CONNECTIONS: u32 = 4;
/// Pictures read at once.
const PAGE: i64 = 500;
const DAY: i64 = 24 * 60 * 60;

/// What is kept of a picture that was reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Keyed digest of its bytes.
    pub digest: [u8; 32],
    /// Perceptual hash.
    pub hash: u64,
    /// Feature vector.
    pub features: Vec<f32>,
}

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

/// What came of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recorded {
    /// Pictures that the report is about.
    pub pictures: u64,
    /// Reactions that were not known, and are now; or were, and are not any more.
    pub changed: u64,
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

/// The database.
pub struct Store {
    pool: AnyPool,
    address: StoreAddress,
    user_daily: u64,
}

impl Store {
    /// Opens the store, and makes or upgrades its tables.
    ///
    /// # Errors
    /// If there is none by the settings, it can't be reached, is corrupted, or is of a later version of this program.
    pub async fn open(settings: &Feedback) -> Result<Self, FeedbackError> {
        let address = settings.store.clone().ok_or(FeedbackError::Off)?;
        sqlx::any::install_default_drivers();
        let (url, migrator) = match &address {
            StoreAddress::Sqlite(path) => (sqlite::url(path), &SQLITE),
            StoreAddress::Postgres(url) => (url.clone(), &POSTGRES),
        };
        // A pool tries again and again, and at last only says that it took too long: the first connection is made by itself.
        let mut first = AnyConnection::connect(&url).await.map_err(|error| named(&address, &error))?;
        if let StoreAddress::Sqlite(_) = &address {
            sqlx::raw_sql(sqlite::PRAGMAS).execute(&mut first).await.map_err(|error| named(&address, &error))?;
        }
        first.close().await.map_err(|error| named(&address, &error))?;
        let is_sqlite = matches!(address, StoreAddress::Sqlite(_));
        let options = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(std::time::Duration::from_secs(10));
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move {
                if is_sqlite {
                    sqlx::raw_sql(sqlite::PRAGMAS).execute(connection).await?;
                }
                Ok(())
            })
        });
        let store = Self {
            pool: options.connect_lazy(&url).map_err(|error| named(&address, &error))?,
            address,
            user_daily: settings.user_daily,
        };
        migrator.run(&store.pool).await.map_err(|error| match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                FeedbackError::Newer { store: store.name(), version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => store.failed(error),
            other => FeedbackError::Database { store: store.name(), problem: other.to_string() },
        })?;
        Ok(store)
    }

    /// The address, without a password.
    pub fn name(&self) -> String {
        name(&self.address)
    }

    /// Keeps a user's reaction to these pictures, whose features are of `features_id`. The same reaction again changes nothing.
    ///
    /// # Errors
    /// If the user has reported too much, or the store fails; then nothing is kept.
    pub async fn react(
        &self,
        person: &Person,
        reaction: Reaction,
        pictures: &[Observation],
        features_id: &str,
    ) -> Result<Recorded, FeedbackError> {
        self.transact(async |transaction| {
            let revision = next_revision(transaction).await?;
            let at = now();
            let mut changed = 0;
            for picture in pictures {
                let id: i64 = sqlx::query(
                    "INSERT INTO pictures (digest, hash, features, features_id, first_seen, last_seen, revision) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (digest) DO UPDATE SET hash = excluded.hash, \
                     features = excluded.features, features_id = excluded.features_id, last_seen = excluded.last_seen, \
                     revision = excluded.revision RETURNING id",
                )
                .bind(picture.digest.to_vec())
                .bind(picture.hash.cast_signed())
                .bind(bytes_of(&picture.features))
                .bind(features_id.to_owned())
                .bind(at)
                .bind(at)
                .bind(revision)
                .fetch_one(&mut **transaction)
                .await?
                .try_get(0)?;
                changed += sqlx::query(
                    "INSERT INTO reactions (picture, person, kind, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                )
                .bind(id)
                .bind(person.to_vec())
                .bind(reaction as i64)
                .bind(at)
                .execute(&mut **transaction)
                .await?
                .rows_affected();
            }
            let today: i64 = sqlx::query("SELECT COUNT(*) FROM reactions WHERE person = $1 AND at > $2")
                .bind(person.to_vec())
                .bind(at - DAY)
                .fetch_one(&mut **transaction)
                .await?
                .try_get(0)?;
            Ok((changed > 0 && today.unsigned_abs() > self.user_daily, Recorded { pictures: pictures.len() as u64, changed }))
        })
        .await
    }

    /// Takes a user's reaction to these pictures back.
    ///
    /// # Errors
    /// If the store fails; then nothing is changed.
    pub async fn undo(&self, person: &Person, reaction: Reaction, digests: &[[u8; 32]]) -> Result<Recorded, FeedbackError> {
        self.transact(async |transaction| {
            let revision = next_revision(transaction).await?;
            let mut changed = 0;
            for digest in digests {
                sqlx::query("UPDATE pictures SET revision = $1 WHERE digest = $2")
                    .bind(revision)
                    .bind(digest.to_vec())
                    .execute(&mut **transaction)
                    .await?;
                changed += sqlx::query(
                    "DELETE FROM reactions WHERE person = $1 AND kind = $2 AND picture IN (SELECT id FROM pictures WHERE digest = $3)",
                )
                .bind(person.to_vec())
                .bind(reaction as i64)
                .bind(digest.to_vec())
                .execute(&mut **transaction)
                .await?
                .rows_affected();
            }
            Ok((false, Recorded { pictures: digests.len() as u64, changed }))
        })
        .await
    }

    /// Adds a picture of another data set with its users' reactions.
    ///
    /// # Errors
    /// If the store fails; then nothing of it is kept.
    pub async fn import(
        &self,
        picture: &Observation,
        features_id: &str,
        users: &[(Person, Vec<Reaction>)],
    ) -> Result<(), FeedbackError> {
        self.transact(async |transaction| {
            let revision = next_revision(transaction).await?;
            let at = now();
            let id: i64 = sqlx::query(
                "INSERT INTO pictures (digest, hash, features, features_id, first_seen, last_seen, revision) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (digest) DO UPDATE SET revision = excluded.revision RETURNING id",
            )
            .bind(picture.digest.to_vec())
            .bind(picture.hash.cast_signed())
            .bind(bytes_of(&picture.features))
            .bind(features_id.to_owned())
            .bind(at)
            .bind(at)
            .bind(revision)
            .fetch_one(&mut **transaction)
            .await?
            .try_get(0)?;
            for (person, reactions) in users {
                for reaction in reactions {
                    sqlx::query(
                        "INSERT INTO reactions (picture, person, kind, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    )
                    .bind(id)
                    .bind(person.to_vec())
                    .bind(*reaction as i64)
                    .bind(at)
                    .execute(&mut **transaction)
                    .await?;
                }
            }
            Ok((false, ()))
        })
        .await
    }

    /// Removes all reactions of a user, and the pictures to which nobody else reacted. Returns the number of reactions.
    ///
    /// # Errors
    /// If the store fails; then nothing is removed.
    pub async fn forget_user(&self, person: &Person) -> Result<u64, FeedbackError> {
        self.transact(async |transaction| {
            next_removal(transaction).await?;
            let removed = sqlx::query("DELETE FROM reactions WHERE person = $1")
                .bind(person.to_vec())
                .execute(&mut **transaction)
                .await?
                .rows_affected();
            sqlx::query("DELETE FROM pictures WHERE id NOT IN (SELECT picture FROM reactions)")
                .execute(&mut **transaction)
                .await?;
            Ok((false, removed))
        })
        .await
    }

    /// Removes the pictures that were last reported before `time` (seconds since 1970), with their reactions. Returns the number of
    /// pictures.
    ///
    /// # Errors
    /// If the store fails; then nothing is removed.
    pub async fn forget_older(&self, time: i64) -> Result<u64, FeedbackError> {
        self.transact(async |transaction| {
            next_removal(transaction).await?;
            sqlx::query("DELETE FROM reactions WHERE picture IN (SELECT id FROM pictures WHERE last_seen < $1)")
                .bind(time)
                .execute(&mut **transaction)
                .await?;
            let removed = sqlx::query("DELETE FROM pictures WHERE last_seen < $1").bind(time).execute(&mut **transaction).await?;
            Ok((false, removed.rows_affected()))
        })
        .await
    }

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
        Ok(self.join(&pictures, &reactions)?.into_iter().map(|(_, picture)| picture).collect())
    }

    /// The next pictures behind the one with number `after`, and the number of the last of them; `None` at the end.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn page(&self, after: i64) -> Result<Option<(i64, Vec<StoredPicture>)>, FeedbackError> {
        let pictures = sqlx::query(
            "SELECT id, digest, hash, features, features_id, last_seen FROM pictures WHERE id > $1 ORDER BY id LIMIT $2",
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
        Ok(Some((last, self.join(&pictures, &reactions)?.into_iter().map(|(_, picture)| picture).collect())))
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

    /// Checks the database's own structure.
    ///
    /// # Errors
    /// If it is corrupted.
    pub async fn check(&self) -> Result<(), FeedbackError> {
        let StoreAddress::Sqlite(path) = &self.address else { return self.counters().await.map(|_| ()) };
        let rows = sqlx::query("PRAGMA quick_check").fetch_all(&self.pool).await.map_err(|error| self.failed(error))?;
        let found: String = rows.first().map_or(Ok(String::new()), |row| get(self, row, 0))?;
        if found == "ok" { Ok(()) } else { Err(sqlite::corrupted(path, found)) }
    }

    /// Writes a copy of the whole store to the new file `to`, while it is in use.
    ///
    /// # Errors
    /// If the file exists or can't be written, or the store is no SQLite file.
    pub async fn backup(&self, to: &std::path::Path) -> Result<(), FeedbackError> {
        let problem = |problem: String| FeedbackError::Database { store: self.name(), problem };
        if !matches!(self.address, StoreAddress::Sqlite(_)) {
            return Err(problem("is a PostgreSQL database: back it up with pg_dump".to_owned()));
        }
        sqlite::backup(&self.pool, to).await.map_err(|error| problem(format!("can't be copied to {}: {error}", to.display())))
    }

    fn join(&self, pictures: &[AnyRow], reactions: &[AnyRow]) -> Result<Vec<(i64, StoredPicture)>, FeedbackError> {
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
            let picture = StoredPicture {
                digest: self.digest(row, 1)?,
                hash: get::<i64>(self, row, 2)?.cast_unsigned(),
                features: features_of(&get::<Vec<u8>>(self, row, 3)?),
                features_id: get(self, row, 4)?,
                last_seen: get(self, row, 5)?,
                votes: votes.remove(&id).unwrap_or_default(),
            };
            Ok((id, picture))
        };
        pictures.iter().map(picture).collect()
    }

    fn digest(&self, row: &AnyRow, column: usize) -> Result<[u8; 32], FeedbackError> {
        get::<Vec<u8>>(self, row, column)?.try_into().map_err(|_| self.odd("holds a digest of the wrong length".to_owned()))
    }

    fn odd(&self, problem: String) -> FeedbackError {
        FeedbackError::Database { store: self.name(), problem: format!("{problem}; restore a backup") }
    }

    /// Runs `work` in a transaction, and keeps what it did if it says so: its first word is whether the user has reported too much.
    async fn transact<T>(
        &self,
        work: impl AsyncFnOnce(&mut sqlx::Transaction<'_, sqlx::Any>) -> Result<(bool, T), sqlx::Error>,
    ) -> Result<T, FeedbackError> {
        let mut transaction = self.pool.begin().await.map_err(|error| self.failed(error))?;
        let (limited, result) = work(&mut transaction).await.map_err(|error| self.failed(error))?;
        if limited {
            return Err(FeedbackError::Limited { limit: self.user_daily });
        }
        transaction.commit().await.map_err(|error| self.failed(error))?;
        Ok(result)
    }

    fn failed(&self, error: sqlx::Error) -> FeedbackError {
        named(&self.address, &error)
    }
}

/// Counts a change. It is the first statement of its transaction and takes the lock that keeps the others waiting.
async fn next_revision(transaction: &mut sqlx::Transaction<'_, sqlx::Any>) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("UPDATE counters SET value = value + 1 WHERE name = 'revision' RETURNING value");
    row.fetch_one(&mut **transaction).await?.try_get(0)
}

async fn next_removal(transaction: &mut sqlx::Transaction<'_, sqlx::Any>) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE counters SET value = value + 1").execute(&mut **transaction).await.map(|_| ())
}

fn get<'r, T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>>(
    store: &Store,
    row: &'r AnyRow,
    column: usize,
) -> Result<T, FeedbackError> {
    row.try_get(column).map_err(|error| store.failed(error))
}

fn name(address: &StoreAddress) -> String {
    match address {
        StoreAddress::Sqlite(path) => path.display().to_string(),
        StoreAddress::Postgres(url) => match url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')) {
            Some((_, host)) => format!("postgres://{host}"),
            None => url.clone(),
        },
    }
}

fn named(address: &StoreAddress, error: &sqlx::Error) -> FeedbackError {
    if let (StoreAddress::Sqlite(path), sqlx::Error::Database(database)) = (address, error)
        && database.code().is_some_and(|code| sqlite::is_corruption(&code))
    {
        return sqlite::corrupted(path, database.message().to_owned());
    }
    FeedbackError::Database { store: name(address), problem: format!("fails: {error}") }
}

/// Little-endian float32, one behind the other.
fn bytes_of(features: &[f32]) -> Vec<u8> {
    features.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn features_of(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
