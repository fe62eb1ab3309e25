//! One page on what users say: reactions over time, campaigns, consistency, heads.
use crate::{feedback::Store, model::{Version, Change}, training::TrainingError};
/// Heads.
pub struct Heads { /// .
    pub shipped: String, /// .
    pub versions: Vec<Version>, /// .
    pub history: Vec<Change> }
/// .
pub async fn html(_store: &Store, _heads: &Heads, _now: i64) -> Result<String, TrainingError> { Ok(String::new()) }
