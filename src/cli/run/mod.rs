//! `run`: the daemon. Puts its parts together; `service` makes what a reload replaces, `watch` looks after it, `listen` opens the local HTTP
//! interface, `confine` takes away what none of them needs.

mod confine;
mod listen;
mod service;
mod watch;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch as channel,
    task,
};

use crate::{
    api::{Overview, Reporter},
    config::{self, Sources},
    feedback::{FeedbackError, Key, Store},
    milter,
    telemetry::{Health, Log, Metrics},
    verdict::count_limits_from_zero,
};
use service::{Feedback, Service};

/// Time for judgements that nobody waits for any more.
const RUNTIME_GRACE: Duration = Duration::from_secs(1);

pub fn run(sources: &Sources) -> anyhow::Result<ExitCode> {
    let (settings, printed) = config::load(sources).map_err(|errors| anyhow::anyhow!("{}", super::report(&errors)))?;
    let log = Log::start(&settings.log);
    // Before there are other threads.
    match confine::confine(&confine::folders(&settings)) {
        Ok(true) => {}
        Ok(false) => tracing::info!("this kernel has no landlock: the daemon may write wherever its user may"),
        Err(error) => tracing::warn!("the daemon may write wherever its user may: landlock: {error}"),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("can't start the runtime")?;
    let result = runtime.block_on(daemon(Service { sources: sources.clone(), printed }, settings, log));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    result.map(|()| ExitCode::SUCCESS)
}

async fn daemon(mut service: Service, settings: config::Settings, log: Log) -> anyhow::Result<()> {
    // Signals are caught from the start: one that comes while the net is loaded ends the daemon as soon as it is.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let metrics = Metrics::start().context("can't count")?;
    count_limits_from_zero();
    // Mail comes first: without a store the daemon judges all the same.
    let feedback = match open_feedback(&settings).await {
        Ok(feedback) => Some(feedback),
        Err(FeedbackError::Off) => None,
        Err(error) => {
            tracing::error!("users' reports are not taken: {error}");
            None
        }
    };
    let (scheduler, library) = service::load(&settings, feedback.as_ref()).await?;
    let judge = scheduler.judge();
    let (model, device, precision, sessions) = (judge.model(), judge.device(), judge.precision(), settings.model.sessions);
    let (put, judges) = channel::channel(Arc::new(scheduler));
    let listeners = milter::bind(&settings.milter).await?;
    let (stopping, stopped) = channel::channel(false);
    let mut tasks = task::JoinSet::new();
    let health = Health::default();
    watch::round_trip(&health, &judges).await;
    let reporter =
        feedback.as_ref().map(|feedback| Arc::new(Reporter::new(judges.clone(), feedback.key.clone(), feedback.store.clone())));
    let overview = Overview::start(metrics, log.clone(), health.clone(), judges.clone());
    listen::serve_api(&settings.api, &overview, reporter, &stopped, &mut tasks).await;
    if let Some(feedback) = &feedback {
        tasks.spawn(watch::keep_up(feedback.store.clone(), judges.clone()));
    }
    tasks.spawn(watch::keep_awake(health, judges.clone()));
    tracing::info!(
        "ready: version={} model={model} device={device} precision={precision} sessions={sessions} runtime={library} listen={}",
        env!("CARGO_PKG_VERSION"),
        listeners.addresses.join(",")
    );
    tasks.spawn(async move { service.look_after(put, feedback, log, hangup).await });
    // Without systemd there is nobody to notify.
    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&format!("judging with {model}"))]);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = stopping.send(true);
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
    };
    milter::serve(listeners, &settings.milter, judges, stop).await.context("can't serve any more")?;
    tracing::info!("stopped");
    Ok(())
}

async fn open_feedback(settings: &config::Settings) -> Result<Feedback, FeedbackError> {
    let store = Store::open(&settings.feedback).await?;
    store.check().await?;
    let key = Key::open(&settings.feedback.key)?;
    Ok(Feedback { store: Arc::new(store), key })
}
