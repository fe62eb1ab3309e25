//! Opens the local HTTP interface. Mail comes first: without it the daemon runs all the same.

use std::{fmt, sync::Arc};

use axum::{Router, serve::Listener};
use tokio::{net::TcpListener, sync::watch, task};

use crate::{
    api::{self, Overview, Reporter, Token},
    config::Api,
    socket::{Access, SocketFile, bind_unix},
};

/// On the unix socket all of it, on the address all but users' reports.
pub async fn serve_api(
    settings: &Api,
    overview: &Overview,
    reporter: Option<Arc<Reporter>>,
    stopped: &watch::Receiver<bool>,
    tasks: &mut task::JoinSet<()>,
) {
    let reading = api::reading(overview.clone()).merge(api::scan(overview.judges.clone()));
    if let Some(path) = &settings.socket {
        let (mode, group) = (settings.mode, settings.group.as_deref());
        match bind_unix(path, &Access { section: "api", setting: "api.socket", mode, owner: None, group }) {
            Ok((listener, file)) => {
                let router = reporter.map_or(reading.clone(), |reporter| reading.clone().merge(api::reports(reporter)));
                tasks.spawn(serve(listener, router, stopped.clone(), Some(file)));
            }
            Err(error) => tracing::error!("users' reports are only taken without the daemon: {error}"),
        }
    }
    let Some(address) = settings.listen else { return };
    let router = match settings.token_file.as_deref().map(Token::read) {
        None => reading,
        Some(Ok(token)) => api::guarded(reading, token),
        Some(Err(problem)) => return tracing::error!("nothing is told on {address}: {problem}"),
    };
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tasks.spawn(serve(listener, router, stopped.clone(), None));
        }
        Err(error) => {
            tracing::error!("api.listen: {address} can't be listened on: {error}; choose another port, or empty it")
        }
    }
}

/// Serves until the daemon is stopped; the socket's file is removed at the end.
async fn serve<L>(listener: L, router: Router, mut stopped: watch::Receiver<bool>, file: Option<SocketFile>)
where
    L: Listener,
    L::Addr: fmt::Debug,
{
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!("the local HTTP interface has ended: {error}");
    }
    drop(file);
}
