//! `run`: the daemon.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::{load_net, settings};
use crate::{
    config::{Settings, Sources},
    milter, telemetry,
    verdict::{Judge, Scheduler},
};

/// Time for judgements that nobody waits for any more.
const RUNTIME_GRACE: Duration = Duration::from_secs(1);

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
    let mut hangup = signal(SignalKind::hangup())?;
    let (runtime, net) = load_net(&settings, settings.model.sessions)?;
    net.verify()?;
    let model = net.manifest().title();
    let judge = Judge::new(net, &settings)?;
    let listeners = milter::bind(&settings.milter).await?;
    tracing::info!(
        "ready: version={} model={model} sessions={} runtime={} listen={}",
        env!("CARGO_PKG_VERSION"),
        settings.model.sessions,
        runtime.library().display(),
        listeners.addresses.join(",")
    );
    // Without systemd there is nobody to notify.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let stop = async {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                // Unheeded, it would end the daemon in the middle of messages.
                _ = hangup.recv() => tracing::warn!("SIGHUP is ignored: restart the daemon to read its configuration again"),
            }
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    };
    let settings = Arc::new(settings);
    milter::serve(listeners, settings, model, Scheduler::new(Arc::new(judge)), stop).await.context("can't serve any more")?;
    tracing::info!("stopped");
    Ok(())
}
