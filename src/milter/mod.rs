//! The milter side: sockets (`listener`), the protocol's events collected into a message (`session`), the verdict carried
//! out (`reply`) and told in the log (`log`). How a verdict is reached is none of its business.

mod listener;
mod log;
mod reply;
mod session;

use std::{future::Future, sync::Arc, time::Duration};

use indymilter::{Callbacks, Config};
use tokio::{
    sync::{oneshot, watch},
    time,
};

pub use listener::{Listeners, bind};

use crate::{config::Milter, verdict::Judges};
use session::{Session, Shared};

/// Time for connections to close after the last message has ended.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// Serves mail servers, each connection by the judge that there is when it begins, until `shutdown` completes; then takes no new connection, lets messages under way end for
/// `milter.shutdown_grace`, and closes what is left.
///
/// # Errors
/// If no connection can be accepted any more.
pub async fn serve(
    mut listeners: Listeners,
    milter: &Milter,
    judges: Judges,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let (stop_accepting, stopped) = oneshot::channel();
    listeners.stop_on(stopped);
    let config =
        Config { max_connections: milter.connections, connection_timeout: milter.connection_timeout, ..Config::default() };
    let (under_way, _) = watch::channel(());
    let shared = Arc::new(Shared { judges, under_way });
    let under_way = &shared.under_way;
    let drained = async {
        shutdown.await;
        let _ = stop_accepting.send(());
        let messages = under_way.receiver_count();
        tracing::info!("shutting down: {messages} messages under way");
        if time::timeout(milter.shutdown_grace, under_way.closed()).await.is_err() {
            tracing::warn!("shutting down: {} messages did not end in time", under_way.receiver_count());
        }
    };
    // Connections whose messages have not ended in time are dropped with the runtime.
    let drained_at = tokio::sync::Notify::new();
    let drained = async {
        drained.await;
        drained_at.notify_one();
    };
    let serving = indymilter::run(listeners, callbacks(&shared), config, drained);
    let overdue = async {
        drained_at.notified().await;
        time::sleep(CLOSE_GRACE).await;
    };
    tokio::select! {
        result = serving => result,
        () = overdue => Ok(()),
    }
}

fn callbacks(shared: &Arc<Shared>) -> Callbacks<Session> {
    let shared = shared.clone();
    Callbacks::new()
        .on_negotiate(move |context, actions, options| Box::pin(session::negotiate(context, actions, options, shared.clone())))
        .on_connect(|context, _, address| Box::pin(session::connect(context, address)))
        .on_mail(|context, arguments| Box::pin(session::mail(context, arguments)))
        .on_rcpt(|context, arguments| Box::pin(session::rcpt(context, arguments)))
        .on_header(|context, name, value| Box::pin(session::header(context, name, value)))
        .on_body(|context, chunk| Box::pin(session::body(context, chunk)))
        .on_eom(|context| Box::pin(session::end_of_message(context)))
        .on_abort(|context| Box::pin(session::abort(context)))
        .on_close(|context| Box::pin(session::close(context)))
}
