//! What the daemon does by itself: it tries the net, tells systemd's watchdog, takes in what other processes wrote into the store, and
//! removes what is too old.

use std::{sync::Arc, time::Duration};

use sd_notify::NotifyState;
use tokio::{
    task,
    time::{self, Instant},
};

use crate::{
    feedback::{Store, now},
    telemetry::Health,
    verdict::Judges,
};

/// How often the daemon looks for what other processes did: a report without it, a new head.
pub const LOOK_OUT: Duration = Duration::from_millis(500);
/// How often old reactions are removed.
const CLEAR: Duration = Duration::from_secs(24 * 60 * 60);
/// Pause between two round trips where systemd does not ask for more.
const PAUSE: Duration = Duration::from_secs(15);
/// Longest wait for one.
const PATIENCE: Duration = Duration::from_secs(30);

/// A round trip through the net, every few seconds; systemd hears of each that succeeds, and restarts a daemon of which it hears
/// nothing for too long (`WatchdogSec`).
pub async fn keep_awake(health: Health, judges: Judges) {
    let pause = sd_notify::watchdog_enabled().map_or(PAUSE, |limit| (limit / 4).min(PAUSE));
    let mut next = time::interval_at(Instant::now() + pause, pause);
    next.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        next.tick().await;
        round_trip(&health, &judges).await;
        let ready = health.ready();
        if let Err(why) = &ready
            && !failing
        {
            tracing::error!("the net does not work: {why}");
        }
        failing = ready.is_err();
        if !failing {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
    }
}

/// One round trip.
pub async fn round_trip(health: &Health, judges: &Judges) {
    let (scheduler, started) = (judges.borrow().clone(), Instant::now());
    // A run that never ends holds one thread, and this task: the watchdog ends the process.
    let outcome = task::spawn_blocking(move || scheduler.judge().round_trip(PATIENCE)).await;
    health.tell(match outcome {
        Ok(Ok(())) => Ok(started.elapsed()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    });
}

/// Takes in what other processes wrote into the store, and removes what is too old.
pub async fn keep_up(store: Arc<Store>, judges: Judges) {
    let (mut look_out, mut clear) = (time::interval(LOOK_OUT), time::interval(CLEAR));
    let mut failing = false;
    loop {
        let scheduler = judges.borrow().clone();
        let result = tokio::select! {
            _ = look_out.tick() => match scheduler.judge().reports() {
                Some(reports) => reports.memory.refresh(&store).await,
                None => Ok(()),
            },
            _ = clear.tick() => {
                let keep = i64::try_from(scheduler.settings().feedback.keep.as_secs()).unwrap_or(i64::MAX);
                store.forget_older(now().saturating_sub(keep)).await.map(|_| ())
            }
        };
        // Once, and not twice a second.
        if let Err(error) = &result
            && !failing
        {
            tracing::error!("users' reports: {error}");
        }
        failing = result.is_err();
    }
}
