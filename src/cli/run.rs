//! `run`: the daemon.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, serve::Listener};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task, time,
};

use super::{bundle_in_use, load_net, settings};
use crate::{
    api::{self, Overview, Reporter},
    config::{Api, Settings, Sources},
    feedback::{FeedbackError, Key, Memory, Store, now},
    milter,
    model::{Runtime, Versions},
    socket::{Access, SocketFile, bind_unix},
    telemetry::{self, Metrics},
    verdict::{Judge, Reports, Scheduler},
};

/// Time for judgements that nobody waits for any more.
const RUNTIME_GRACE: Duration = Duration::from_secs(1);
/// How often the daemon looks for what other processes did: a report without it, a new head.
const LOOK_OUT: Duration = Duration::from_millis(500);
/// How often old reactions are removed.
const CLEAR: Duration = Duration::from_secs(24 * 60 * 60);

pub fn run(sources: &Sources) -> anyhow::Result<ExitCode> {
    let settings = settings(sources)?;
    telemetry::start(settings.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("can't start the runtime")?;
    let result = runtime.block_on(daemon(settings));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    result.map(|()| ExitCode::SUCCESS)
}

async fn daemon(settings: Settings) -> anyhow::Result<()> {
    // Signals are caught from the start: one that comes while the net is loaded ends the daemon as soon as it is.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let metrics = Metrics::start().context("can't count")?;
    let (runtime, net) = load_net(&settings, settings.model.sessions, |problem| tracing::error!("{problem}"))?;
    net.verify()?;
    // Mail comes first: without a store the daemon judges all the same.
    let feedback = match open_feedback(&settings).await {
        Ok(feedback) => Some(feedback),
        Err(FeedbackError::Off) => None,
        Err(error) => {
            tracing::error!("users' reports are not taken: {error}");
            None
        }
    };
    let reports = feedback.as_ref().map(|(_, key, memory)| Reports { key: key.clone(), memory: memory.clone() });
    let judge = Arc::new(Judge::new(net, &settings, reports)?);
    let listeners = milter::bind(&settings.milter).await?;
    let settings = Arc::new(settings);
    let (stopping, stopped) = watch::channel(false);
    let mut tasks = task::JoinSet::new();
    let reporter = feedback.as_ref().map(|(store, key, memory)| {
        Arc::new(Reporter::new(judge.clone(), key.clone(), store.clone(), Some(memory.clone()), settings.limits.message_bytes))
    });
    serve_api(&settings.api, &Overview::new(metrics, judge.clone()), reporter, &stopped, &mut tasks).await;
    if let Some((store, _, memory)) = feedback {
        tasks.spawn(keep_up(settings.clone(), store, memory));
    }
    tasks.spawn(swap_heads(settings.clone(), judge.clone(), runtime.clone(), hangup));
    tracing::info!(
        "ready: version={} model={} sessions={} runtime={} listen={}",
        env!("CARGO_PKG_VERSION"),
        judge.model(),
        settings.model.sessions,
        runtime.library().display(),
        listeners.addresses.join(",")
    );
    // Without systemd there is nobody to notify.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = stopping.send(true);
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    };
    milter::serve(listeners, settings, Arc::new(Scheduler::new(judge)), stop).await.context("can't serve any more")?;
    tracing::info!("stopped");
    Ok(())
}

type Feedback = (Arc<Store>, Key, Arc<Memory>);

async fn open_feedback(settings: &Settings) -> Result<Feedback, FeedbackError> {
    let store = Store::open(&settings.feedback).await?;
    store.check().await?;
    let key = Key::open(&settings.feedback.key)?;
    let memory = Memory::new(&settings.campaign);
    memory.refresh(&store).await?;
    Ok((Arc::new(store), key, Arc::new(memory)))
}

/// Opens the local HTTP interface. Mail comes first: without it the daemon runs all the same.
async fn serve_api(
    settings: &Api,
    overview: &Overview,
    reporter: Option<Arc<Reporter>>,
    stopped: &watch::Receiver<bool>,
    tasks: &mut task::JoinSet<()>,
) {
    if let Some(path) = &settings.socket {
        let (mode, group) = (settings.mode, settings.group.as_deref());
        match bind_unix(path, &Access { section: "api", setting: "api.socket", mode, owner: None, group }) {
            Ok((listener, file)) => {
                let router = api::reading(overview.clone());
                let router = reporter.map_or(router.clone(), |reporter| router.merge(api::reports(reporter)));
                tasks.spawn(serve(listener, router, stopped.clone(), Some(file)));
            }
            Err(error) => tracing::error!("users' reports are only taken without the daemon: {error}"),
        }
    }
    if let Some(address) = settings.listen {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                tasks.spawn(serve(listener, api::reading(overview.clone()), stopped.clone(), None));
            }
            Err(error) => {
                tracing::error!("api.listen: {address} can't be listened on: {error}; choose another port, or empty it")
            }
        }
    }
}

/// Serves until the daemon is stopped; the socket's file is removed at the end.
async fn serve<L>(listener: L, router: Router, mut stopped: watch::Receiver<bool>, file: Option<SocketFile>)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = api::serve(listener, router, stop).await {
        tracing::error!("the local HTTP interface has ended: {error}");
    }
    drop(file);
}

/// Takes in what other processes wrote into the store, and removes what is too old.
async fn keep_up(settings: Arc<Settings>, store: Arc<Store>, memory: Arc<Memory>) {
    let (mut look_out, mut clear) = (time::interval(LOOK_OUT), time::interval(CLEAR));
    let mut failing = false;
    loop {
        let result = tokio::select! {
            _ = look_out.tick() => memory.refresh(&store).await,
            _ = clear.tick() => {
                let keep = i64::try_from(settings.feedback.keep.as_secs()).unwrap_or(i64::MAX);
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

/// Puts another head to use when the link to it changes, and on SIGHUP.
async fn swap_heads(settings: Arc<Settings>, judge: Arc<Judge>, runtime: Runtime, mut hangup: Signal) {
    let versions = settings.learn.folder.as_deref().map(Versions::new);
    let current = || versions.as_ref().and_then(Versions::current);
    let mut known = current();
    let mut look_out = time::interval(LOOK_OUT);
    loop {
        let asked = tokio::select! {
            _ = look_out.tick() => false,
            _ = hangup.recv() => true,
        };
        let now = current();
        if !asked && now == known {
            continue;
        }
        known = now;
        let (settings, judge, runtime) = (settings.clone(), judge.clone(), runtime.clone());
        let replaced = task::spawn_blocking(move || -> anyhow::Result<String> {
            let bundle = bundle_in_use(&settings, |problem| tracing::error!("{problem}"))?;
            judge.replace(&bundle, &runtime)?;
            Ok(judge.model())
        });
        match replaced.await.map_err(anyhow::Error::from).and_then(|result| result) {
            Ok(model) => tracing::info!("model in use: {model}"),
            Err(error) => tracing::error!("the model in use stays: {error:#}"),
        }
    }
}
