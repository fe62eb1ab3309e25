//! Takes messages through their two steps, off the async threads: as many at once are looked into as there may be worker processes,
//! the others wait in the order of their coming; then their pictures wait for the net. No message waits past its deadline, and
//! nothing more is done for one that is not waited for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use metrics::histogram;
use tokio::{
    sync::{Semaphore, watch},
    task, time,
};

use super::{Judge, Outcome, Reason, Verdict, policy::failure_action};
use crate::{config::Settings, inspect::Kind, telemetry::Counted};

/// For what ends at the deadline to say what it has found.
const GRACE: Duration = Duration::from_millis(250);
/// For a worker to take a message apart.
const WORK: Duration = Duration::from_millis(250);

/// Who judges at the moment: another after each reload of the configuration.
pub type Judges = watch::Receiver<Arc<Scheduler>>;

/// Hands messages to a [`Judge`].
pub struct Scheduler {
    judge: Arc<Judge>,
    workers: Arc<Semaphore>,
    deadline: Duration,
}

impl Scheduler {
    /// With as many workers as the judge's settings say.
    pub fn new(judge: Arc<Judge>) -> Self {
        let workers = Arc::new(Semaphore::new(judge.settings.limits.workers));
        let deadline = judge.settings.policy.deadline;
        Self { judge, workers, deadline }
    }

    /// Judges a message, in pieces one behind the other, to these recipients. The answer comes before the deadline, or at it:
    /// then of what has been judged by then, or as `Unknown`. When this future is dropped, the work is, too.
    pub async fn message(&self, message: Vec<Bytes>, recipients: Vec<String>) -> Verdict {
        let started = Instant::now();
        let deadline = started + self.deadline;
        let wanted = Arc::new(());
        let under_way = Counted::new("imagespam_milter_messages_under_way");
        let end = (deadline + GRACE).into();
        let looked = async {
            let waiting = Counted::new("imagespam_milter_messages_waiting");
            let permit = self.workers.clone().acquire_owned().await;
            drop(waiting);
            stage("worker_queue", started);
            if deadline.saturating_duration_since(Instant::now()) < self.needed() {
                return Ok(None);
            }
            let (judge, wanted) = (self.judge.clone(), Arc::downgrade(&wanted));
            task::spawn_blocking(move || {
                let started = Instant::now();
                let pieces: Vec<&[u8]> = message.iter().map(Bytes::as_ref).collect();
                let begun = judge.begin(Kind::Message, &pieces, deadline, wanted);
                drop(permit);
                stage("inspect", started);
                Some(begun)
            })
            .await
        };
        let mut verdict = match time::timeout_at(end, looked).await {
            Ok(Ok(Some(begun))) => self.judge.conclude(begun, &recipients, time::sleep_until(end)).await,
            Ok(Err(error)) => {
                tracing::error!("judging failed inside, please report this: {error}");
                self.unknown(Reason::Internal)
            }
            Ok(Ok(None)) | Err(_) => self.unknown(Reason::Deadline),
        };
        drop((wanted, under_way));
        verdict.elapsed = started.elapsed();
        stage("message", started);
        verdict
    }

    /// With less time than this a message that has waited is not begun: it would take a worker and the net from those behind it, and not
    /// come to its end all the same. One that has not waited is, for it may need no net.
    fn needed(&self) -> Duration {
        (self.judge.wait() * 5 / 4 + WORK).min(self.deadline / 2)
    }

    /// All settings.
    pub fn settings(&self) -> &Settings {
        &self.judge.settings
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    fn unknown(&self, reason: Reason) -> Verdict {
        let verdict = Verdict::unjudged(Outcome::Unknown(reason), failure_action(self.judge.settings.policy.on_failure));
        Verdict { model: self.judge.model(), ..verdict }
    }
}

fn stage(name: &'static str, since: Instant) {
    histogram!("imagespam_milter_stage_seconds", "stage" => name).record(since.elapsed());
}
