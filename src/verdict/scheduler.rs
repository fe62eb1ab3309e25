//! Runs judgements off the async threads, as many at once as there are nets, and never lets a message wait past its
//! deadline.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task, time};

use super::{Judge, Outcome, Reason, Verdict, policy::failure_action};

/// For a judgement that ends at its deadline to say what it has found.
const GRACE: Duration = Duration::from_millis(250);

/// Hands messages to a [`Judge`].
pub struct Scheduler {
    judge: Arc<Judge>,
    running: Arc<Semaphore>,
    deadline: Duration,
}

impl Scheduler {
    /// At most as many judgements at once as the settings have nets.
    pub fn new(judge: Arc<Judge>) -> Self {
        let running = Arc::new(Semaphore::new(judge.settings.model.sessions));
        let deadline = judge.settings.policy.deadline;
        Self { judge, running, deadline }
    }

    /// Judges a message to these recipients. The answer comes before the deadline, or at it: then of what has been judged by
    /// then, or as `Unknown`.
    pub async fn message(&self, message: Vec<u8>, recipients: Vec<String>) -> Verdict {
        let started = Instant::now();
        let deadline = started + self.deadline;
        let work = async {
            let permit = self.running.clone().acquire_owned().await;
            let judge = self.judge.clone();
            let judged = task::spawn_blocking(move || {
                let verdict = judge.message(&message, &recipients, deadline);
                drop(permit);
                verdict
            });
            judged.await.unwrap_or_else(|error| {
                tracing::error!("judging failed inside, please report this: {error}");
                self.unknown(Reason::Internal)
            })
        };
        let mut verdict =
            time::timeout_at((deadline + GRACE).into(), work).await.unwrap_or_else(|_| self.unknown(Reason::Deadline));
        verdict.elapsed = started.elapsed();
        verdict
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
