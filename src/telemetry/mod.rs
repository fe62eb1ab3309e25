//! What the daemon tells of itself: the log (`log`), metrics (`metrics`) and their last hour (`history`), and whether the net works
//! (`health`).

mod health;
mod history;
mod log;
mod metrics;

pub use health::Health;
pub use history::{Counts, History, Totals};
pub use log::{Log, Problem, quoted};
pub use metrics::{Counted, Metrics};
