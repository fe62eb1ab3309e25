//! Reactions in a database: SQLite for one machine, PostgreSQL for a fleet, by the same statements. What is read from it is in
//! `read`, what only SQLite needs in `sqlite`.

mod read;

use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Row, Transaction,
    any::AnyPoolOptions,
    migrate::{MigrateError, Migrator},
};

pub use read::{Counts, StoredPicture};

use super::{FeedbackError, Person, Reaction, now, sqlite};
use crate::config::{Feedback, StoreAddress, without_password};

static SQLITE: Migrator = sqlx::migrate!("src/feedback/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/feedback/migrations/postgres");

/// Connections of one process.
const CONNECTIONS: u32 = 4;
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

/// What came of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recorded {
    /// Pictures that the report is about.
    pub pictures: u64,
    /// Reactions that were not known, and are now; or were, and are not any more.
    pub changed: u64,
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
                let id = put_picture(transaction, picture, features_id, at, revision).await?;
                changed += put_reaction(transaction, id, person, reaction, at).await?;
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
            let id = put_picture(transaction, picture, features_id, at, revision).await?;
            for (person, reactions) in users {
                for reaction in reactions {
                    put_reaction(transaction, id, person, *reaction, at).await?;
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
            next_revision(transaction).await?;
            let removed = sqlx::query("DELETE FROM reactions WHERE person = $1")
                .bind(person.to_vec())
                .execute(&mut **transaction)
                .await?
                .rows_affected();
            sqlx::query("DELETE FROM pictures WHERE id NOT IN (SELECT picture FROM reactions)")
                .execute(&mut **transaction)
                .await?;
            count_removal(transaction, removed).await?;
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
            next_revision(transaction).await?;
            sqlx::query("DELETE FROM reactions WHERE picture IN (SELECT id FROM pictures WHERE last_seen < $1)")
                .bind(time)
                .execute(&mut **transaction)
                .await?;
            let removed = sqlx::query("DELETE FROM pictures WHERE last_seen < $1").bind(time).execute(&mut **transaction).await?;
            count_removal(transaction, removed.rows_affected()).await?;
            Ok((false, removed.rows_affected()))
        })
        .await
    }

    /// Checks the database's own structure.
    ///
    /// # Errors
    /// If it is corrupted.
    pub async fn check(&self) -> Result<(), FeedbackError> {
        let StoreAddress::Sqlite(path) = &self.address else { return self.counters().await.map(|_| ()) };
        let rows = sqlx::query("PRAGMA quick_check").fetch_all(&self.pool).await.map_err(|error| self.failed(error))?;
        let found: String = rows.first().map_or(Ok(String::new()), |row| row.try_get(0).map_err(|error| self.failed(error)))?;
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

    /// Runs `work` in a transaction, and keeps what it did if it says so: its first word is whether the user has reported too much.
    async fn transact<T>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction<'_, Any>) -> Result<(bool, T), sqlx::Error>,
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

/// Adds a picture, or notes that it was reported again; returns its number.
async fn put_picture(
    transaction: &mut Transaction<'_, Any>,
    picture: &Observation,
    features_id: &str,
    at: i64,
    revision: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query(
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
    .try_get(0)
}

/// Adds a reaction; returns 0 if it was known.
async fn put_reaction(
    transaction: &mut Transaction<'_, Any>,
    picture: i64,
    person: &Person,
    reaction: Reaction,
    at: i64,
) -> Result<u64, sqlx::Error> {
    let insert = sqlx::query("INSERT INTO reactions (picture, person, kind, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");
    let insert = insert.bind(picture).bind(person.to_vec()).bind(reaction as i64).bind(at);
    Ok(insert.execute(&mut **transaction).await?.rows_affected())
}

/// Counts a change. It is the first statement of its transaction and takes the lock that keeps the others waiting.
async fn next_revision(transaction: &mut Transaction<'_, Any>) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("UPDATE counters SET value = value + 1 WHERE name = 'revision' RETURNING value");
    row.fetch_one(&mut **transaction).await?.try_get(0)
}

/// Counts that something was removed, if so: whoever holds pictures in memory reads all of them again.
async fn count_removal(transaction: &mut Transaction<'_, Any>, removed: u64) -> Result<(), sqlx::Error> {
    if removed > 0 {
        sqlx::query("UPDATE counters SET value = value + 1 WHERE name = 'removal'").execute(&mut **transaction).await?;
    }
    Ok(())
}

fn name(address: &StoreAddress) -> String {
    match address {
        StoreAddress::Sqlite(path) => path.display().to_string(),
        StoreAddress::Postgres(url) => without_password(url),
    }
}

fn named(address: &StoreAddress, error: &sqlx::Error) -> FeedbackError {
    let mut advice = "";
    if let (StoreAddress::Sqlite(path), sqlx::Error::Database(database)) = (address, error) {
        let code = database.code().unwrap_or_default();
        if sqlite::is_corruption(&code) {
            return sqlite::corrupted(path, database.message().to_owned());
        }
        if sqlite::is_unopened(&code) {
            advice = " (does its folder exist, and may this user write there?)";
        }
    }
    FeedbackError::Database { store: name(address), problem: format!("fails: {error}{advice}") }
}

/// Little-endian float32, one behind the other.
fn bytes_of(features: &[f32]) -> Vec<u8> {
    features.iter().flat_map(|value| value.to_le_bytes()).collect()
}
