//! What long work shows, and whether it is to stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use indicatif::ProgressBar;

use super::TrainingError;

/// A progress bar (hidden in a pipe) and the wish to stop.
#[derive(Clone)]
pub struct Watch {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Watch {
    /// Shows on `bar`; work ends early once `stop` is true.
    pub fn new(bar: ProgressBar, stop: Arc<AtomicBool>) -> Self {
        Self { bar, stop }
    }

    /// Shows nothing, never stops.
    pub fn silent() -> Self {
        Self::new(ProgressBar::hidden(), Arc::default())
    }

    /// Begins a piece of work of `steps` steps (0: unknown) under this name.
    pub fn begin(&self, name: impl Into<std::borrow::Cow<'static, str>>, steps: u64) {
        self.bar.reset();
        self.bar.set_length(steps);
        self.bar.set_prefix(name);
        self.bar.set_message("");
    }

    /// So many steps are done.
    ///
    /// # Errors
    /// [`TrainingError::Interrupted`] if the work is to stop.
    pub fn step(&self, steps: u64) -> Result<(), TrainingError> {
        self.bar.inc(steps);
        if self.stop.load(Ordering::Relaxed) { Err(TrainingError::Interrupted) } else { Ok(()) }
    }

    /// A word on the state of the work.
    pub fn note(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
