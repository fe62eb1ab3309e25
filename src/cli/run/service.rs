//! What is made of the configuration and the bundle, and made anew on SIGHUP. Another takes its place in one step: connections that are open end
//! with the one they began with, and none is refused. What can't be made leaves the old one in place.

use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::{signal::unix::Signal, sync::watch, task, time};

use super::{super::load_net, watch::LOOK_OUT};
use crate::{
    cli::bundle_in_use,
    config::{self, Printed, Settings, Sources},
    feedback::{Key, Memory, Store},
    model::{Runtime, Versions},
    telemetry::Log,
    verdict::{Judge, Reports, Scheduler},
};

/// Settings that the next start takes up: what is open stays open. Tables, or single settings.
const AT_START: [&str; 6] = ["milter.", "api.", "feedback.store", "feedback.key", "model.onnxruntime", "log.format"];

/// Where users' reactions are kept.
pub struct Feedback {
    /// The store.
    pub store: Arc<Store>,
    /// Of its digests.
    pub key: Key,
}

/// Where the settings come from, and what they are.
pub struct Service {
    /// The layers of the configuration.
    pub sources: Sources,
    /// The settings in force.
    pub printed: Vec<Printed>,
}

/// Loads the net and what judges with it, off the async threads; with it, where ONNX Runtime's library lies.
pub async fn load(settings: &Settings, feedback: Option<&Feedback>) -> anyhow::Result<(Scheduler, String)> {
    let reports = match feedback {
        Some(feedback) => {
            let memory = Memory::new(&settings.campaign);
            memory.refresh(&feedback.store).await?;
            Some(Reports { key: feedback.key.clone(), memory: Arc::new(memory) })
        }
        None => None,
    };
    let settings = settings.clone();
    task::spawn_blocking(move || {
        let (runtime, net) = load_net(&settings, settings.model.sessions, |problem| tracing::error!("{problem}"))?;
        net.verify()?;
        let scheduler = Scheduler::new(Arc::new(Judge::new(net, &settings, reports)?));
        Ok((scheduler, runtime.library().display().to_string()))
    })
    .await?
}

impl Service {
    /// Reloads on SIGHUP, and takes up a head when the link to it changes.
    pub async fn look_after(
        &mut self,
        put: watch::Sender<Arc<Scheduler>>,
        feedback: Option<Feedback>,
        log: Log,
        mut hangup: Signal,
    ) {
        let mut known = current(put.borrow().settings());
        let mut look_out = time::interval(LOOK_OUT);
        loop {
            tokio::select! {
                _ = look_out.tick() => {
                    let now = current(put.borrow().settings());
                    if now != known {
                        known = now;
                        let scheduler = put.borrow().clone();
                        swap_head(scheduler).await;
                    }
                }
                _ = hangup.recv() => {
                    let reloading = std::iter::once(NotifyState::Reloading).chain(NotifyState::monotonic_usec_now().ok());
                    let _ = sd_notify::notify(&reloading.collect::<Vec<_>>());
                    self.reload(&put, feedback.as_ref(), &log).await;
                    known = current(put.borrow().settings());
                    let status = format!("judging with {}", put.borrow().judge().model());
                    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
                }
            }
        }
    }

    async fn reload(&mut self, put: &watch::Sender<Arc<Scheduler>>, feedback: Option<&Feedback>, log: &Log) {
        let (settings, printed) = match config::load(&self.sources) {
            Ok(loaded) => loaded,
            Err(errors) => {
                for error in &errors {
                    tracing::error!("reload: {error}");
                }
                tracing::error!("reload: refused for {} errors in the configuration; the old one stays in force", errors.len());
                return;
            }
        };
        let scheduler = match load(&settings, feedback).await {
            Ok((scheduler, _)) => scheduler,
            Err(error) => {
                tracing::error!("reload: refused: {error:#}; the old configuration and model stay in use");
                return;
            }
        };
        let changed: Vec<&str> = printed
            .iter()
            .filter(|(key, value, _)| !self.printed.iter().any(|old| old.0 == *key && old.1 == *value))
            .map(|new| new.0.as_str())
            .collect();
        let (late, now): (Vec<&str>, Vec<&str>) =
            changed.into_iter().partition(|key| AT_START.iter().any(|start| key.starts_with(start)));
        let list = |keys: &[&str]| if keys.is_empty() { "nothing".to_owned() } else { keys.join(",") };
        log.set_level(settings.log.level);
        tracing::info!("reloaded: model={} changed={}", scheduler.judge().model(), list(&now));
        if !late.is_empty() {
            tracing::warn!("reload: {} only changes with a restart", list(&late));
        }
        put.send_replace(Arc::new(scheduler));
        // What waits for a restart is told again with the next reload.
        let kept = self.printed.iter().filter(|old| late.contains(&old.0.as_str())).cloned();
        self.printed = kept.chain(printed.iter().filter(|new| !late.contains(&new.0.as_str())).cloned()).collect();
    }
}

/// The learned head in use.
fn current(settings: &Settings) -> Option<String> {
    settings.learn.folder.as_deref().and_then(|folder| Versions::new(folder).current())
}

/// Puts the head in use in the place of the one that judges; features that are remembered stay.
async fn swap_head(scheduler: Arc<Scheduler>) {
    let replaced = task::spawn_blocking(move || -> anyhow::Result<String> {
        let settings = scheduler.settings();
        let bundle = bundle_in_use(settings, |problem| tracing::error!("{problem}"))?;
        scheduler.judge().replace(&bundle, &Runtime::load(settings.model.onnxruntime.as_deref())?)?;
        Ok(scheduler.judge().model())
    });
    match replaced.await.map_err(anyhow::Error::from).and_then(|result| result) {
        Ok(model) => tracing::info!("model in use: {model}"),
        Err(error) => tracing::error!("the model in use stays: {error:#}"),
    }
}
