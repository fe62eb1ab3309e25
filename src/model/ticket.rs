//! A picture in the net's queue: the job for the threads, and the tickets of those who wait for what the net has of it.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use tokio::sync::watch;

use super::head::{LoadedHead, Said};

/// Why the net has nothing of a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Its time had passed before a session was free.
    #[error("no session of the net was free in time")]
    Late,
    /// The net failed.
    #[error("{0}")]
    Net(String),
}

/// What the net has of a picture.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The feature vector.
    pub features: Arc<Vec<f32>>,
    /// What the head that was asked says of it; none if there was no such head, or it failed.
    pub said: Option<Said>,
}

/// What the net has of a picture, or why it has nothing.
pub type Answer = Result<Ran, Failure>;

/// A picture that is at the net. When all its tickets have been dropped, it is not run.
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
    /// The head to ask about its features, if any.
    pub head: Option<Arc<LoadedHead>>,
    /// When it is of no use any more.
    pub until: Instant,
    /// When it was put there.
    pub since: Instant,
    wanted: Weak<()>,
    answer: watch::Sender<Option<Answer>>,
}

impl Job {
    /// A picture, sized for each view, to be run before `until`.
    pub fn new(views: Vec<Vec<u8>>, head: Option<Arc<LoadedHead>>, until: Instant) -> (Self, Ticket) {
        let (answer, ticket) = watch::channel(None);
        let ticket = Ticket { answer: ticket, wanted: Arc::new(()) };
        (Self { views, head, until, since: Instant::now(), wanted: Arc::downgrade(&ticket.wanted), answer }, ticket)
    }

    /// Whether somebody still waits for it, and its time has not passed.
    pub fn is_due(&self) -> bool {
        self.wanted.strong_count() > 0 && Instant::now() < self.until
    }

    /// Tells those who wait.
    pub fn answer(self, answer: Answer) {
        // Whoever waited may have gone.
        let _ = self.answer.send(Some(answer));
    }
}
