//! Whether the net works: the outcome of the latest round trip through it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A round trip longer ago than this says nothing any more: several times the pause between two.
const FRESH: Duration = Duration::from_secs(60);

/// What the latest round trip has shown.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Option<RoundTrip>>>);

/// When it ended, and how long it took or why it failed.
type RoundTrip = (Instant, Result<Duration, String>);

impl Health {
    /// Takes in a round trip that ended now: how long it took, or why it failed.
    pub fn tell(&self, outcome: Result<Duration, String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), outcome));
    }

    /// How long the latest round trip took.
    ///
    /// # Errors
    /// Why the net does not work, or is not known to: there has been no round trip, it failed, or it is long ago.
    pub fn ready(&self) -> Result<Duration, String> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Err("the net is being loaded".to_owned()),
            Some((at, _)) if at.elapsed() > FRESH => {
                Err(format!("the net has not answered for {} seconds", at.elapsed().as_secs()))
            }
            Some((_, outcome)) => outcome.clone(),
        }
    }
}
