//! What the daemon tells of itself: the log (`log`), and metrics (`metrics`).

mod log;
mod metrics;

pub use log::{quoted, start};
pub use metrics::{Counted, Metrics};
