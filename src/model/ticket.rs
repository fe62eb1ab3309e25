//! A picture in the net's queue: the job for the threads, and the tickets of those who wait for its features.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use tokio::sync::watch;

use super::ModelError;

/// Why there are no features of a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Its time had passed before a session was free.
    #[error("no session of the net was free in time")]
    Late,
    /// The net failed.
    #[error("{0}")]
    Net(String),
}

/// The feature vector of a picture, or why there is none.
pub type Answer = Result<Arc<Vec<f32>>, Failure>;

/// A picture whose features are on their way. When all its tickets have been dropped, it is not run.
pub struct Ticket {
    answer: watch::Receiver<Option<Answer>>,
    wanted: Arc<()>,
}

/// What remembers a ticket without waiting for it.
pub struct WeakTicket {
    answer: watch::Receiver<Option<Answer>>,
    wanted: Weak<()>,
}

impl WeakTicket {
    /// Whether somebody still waits for it.
    pub fn is_wanted(&self) -> bool {
        self.wanted.strong_count() > 0
    }

    /// A ticket for the same run, if somebody still waits for it.
    pub fn upgrade(&self) -> Option<Ticket> {
        Some(Ticket { answer: self.answer.clone(), wanted: self.wanted.upgrade()? })
    }
}

impl Ticket {
    /// Remembers it.
    pub fn downgrade(&self) -> WeakTicket {
        WeakTicket { answer: self.answer.clone(), wanted: Arc::downgrade(&self.wanted) }
    }

    /// The answer, as soon as there is one.
    pub async fn answer(mut self) -> Answer {
        match self.answer.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone().unwrap_or(Err(Failure::Late)),
            // Dropped unanswered: its time had passed.
            Err(_) => Err(Failure::Late),
        }
    }
}

/// What a thread takes from the queue.
pub(super) struct Job {
    /// For each view its pixels.
    pub views: Vec<Vec<u8>>,
    until: Instant,
    /// When it was put there.
    pub since: Instant,
    wanted: Weak<()>,
    answer: watch::Sender<Option<Answer>>,
}

impl Job {
    /// A picture, sized for each view, to be run before `until`.
    pub fn new(views: Vec<Vec<u8>>, until: Instant) -> (Self, Ticket) {
        let (answer, ticket) = watch::channel(None);
        let ticket = Ticket { answer: ticket, wanted: Arc::new(()) };
        (Self { views, until, since: Instant::now(), wanted: Arc::downgrade(&ticket.wanted), answer }, ticket)
    }

    /// Whether somebody still waits for it, and its time has not passed.
    pub fn is_due(&self) -> bool {
        self.wanted.strong_count() > 0 && Instant::now() < self.until
    }

    fn answer(self, answer: Answer) {
        // Whoever waited may have gone.
        let _ = self.answer.send(Some(answer));
    }
}

/// Gives those who wait the features of their pictures, or says why there are none.
pub(super) fn reply(batch: Vec<Job>, features: Result<Vec<Vec<f32>>, ModelError>) {
    match features {
        Ok(features) => batch.into_iter().zip(features).for_each(|(job, features)| job.answer(Ok(Arc::new(features)))),
        Err(error) => batch.into_iter().for_each(|job| job.answer(Err(Failure::Net(error.to_string())))),
    }
}
