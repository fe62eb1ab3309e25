//! What becomes of a report.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task};

use super::Report;
use crate::{
    feedback::{FeedbackError, Key, Recorded, Store},
    verdict::Judges,
};

/// A user waits for no report, but a report must end.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longest name of a user in bytes: an address of RFC 5321, section 4.5.3.1, and more.
const LONGEST_USER: usize = 512;

/// Why a report is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The user's name can't be one.
    #[error("the user's name must have 1 to {LONGEST_USER} bytes and no control characters")]
    User,
    /// The message is too large.
    #[error("the message is larger than limits.message_bytes ({0} bytes), and was not judged either; nothing was recorded")]
    TooLarge(usize),
    /// The net, or the process that opens messages, fails.
    #[error("{0}; nothing was recorded")]
    Judge(String),
    /// The store.
    #[error(transparent)]
    Feedback(#[from] FeedbackError),
}

/// Takes reports.
pub struct Reporter {
    judges: Judges,
    key: Key,
    store: Arc<Store>,
    /// One at a time looks at pictures: mail comes first.
    turn: Semaphore,
}

impl Reporter {
    /// Keeps what the judges see, under this key.
    pub fn new(judges: Judges, key: Key, store: Arc<Store>) -> Self {
        Self { judges, key, store, turn: Semaphore::new(1) }
    }

    /// The largest message that is taken, in bytes.
    pub fn message_bytes(&self) -> usize {
        self.judges.borrow().settings().limits.message_bytes
    }

    /// Keeps the reaction to each of the message's pictures, or takes it back.
    ///
    /// # Errors
    /// If it is not taken; then nothing has changed.
    pub async fn take(&self, report: &Report, undo: bool, message: Vec<u8>) -> Result<Recorded, ReportError> {
        let user = report.user.trim();
        if user.is_empty() || user.len() > LONGEST_USER || user.chars().any(char::is_control) {
            return Err(ReportError::User);
        }
        let most = self.message_bytes();
        if message.len() > most {
            return Err(ReportError::TooLarge(most));
        }
        let (scheduler, key) = (self.judges.borrow().clone(), self.key.clone());
        let judges = scheduler.clone();
        let turn = self.turn.acquire().await;
        let observed = task::spawn_blocking(move || judges.judge().observe(&message, &key, Instant::now() + DEADLINE)).await;
        drop(turn);
        let (observed, features_id) =
            observed.map_err(|error| ReportError::Judge(error.to_string()))?.map_err(ReportError::Judge)?;
        if observed.is_empty() {
            return Ok(Recorded::default());
        }
        let person = self.key.user(user);
        let recorded = if undo {
            let digests: Vec<_> = observed.iter().map(|picture| picture.digest).collect();
            self.store.undo(&person, report.reaction.into(), &digests).await?
        } else {
            self.store.react(&person, report.reaction.into(), &observed, &features_id).await?
        };
        if let Some(reports) = scheduler.judge().reports() {
            reports.memory.refresh(&self.store).await?;
        }
        Ok(recorded)
    }
}
