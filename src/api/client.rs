//! The client of the local HTTP interface's unix socket.

use std::{io, path::Path, time::Duration};

use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::{net::UnixStream, time};

use super::{Refusal, Report, Status};
use crate::feedback::Recorded;

/// The daemon ends what it does for a client before.
const PATIENCE: Duration = Duration::from_secs(270);

/// Sends a report to the daemon. `Ok(None)`: no daemon answers on that socket.
///
/// # Errors
/// Why the report was not taken.
pub async fn send(socket: &Path, report: &Report, undo: bool, message: Vec<u8>) -> Result<Option<Recorded>, String> {
    let reaction = serde_json::to_value(report.reaction).map_err(|error| error.to_string())?;
    let user = utf8_percent_encode(&report.user, NON_ALPHANUMERIC);
    let path = format!("/v1/reports?user={user}&reaction={}", reaction.as_str().unwrap_or_default());
    ask(socket, if undo { Method::DELETE } else { Method::POST }, &path, message).await
}

/// The daemon's verdict on a message, as [`Told`](crate::verdict::Told) and the header. `Ok(None)`: no daemon answers on that socket.
///
/// # Errors
/// Why there is none.
pub async fn scan(socket: &Path, recipients: Option<&[String]>, message: Vec<u8>) -> Result<Option<serde_json::Value>, String> {
    let given =
        recipients.map(|recipients| format!("?recipients={}", utf8_percent_encode(&recipients.join(","), NON_ALPHANUMERIC)));
    ask(socket, Method::POST, &format!("/v1/scan{}", given.unwrap_or_default()), message).await
}

/// How the daemon is. `Ok(None)`: none answers on that socket.
///
/// # Errors
/// Why it does not tell.
pub async fn status(socket: &Path) -> Result<Option<Status>, String> {
    ask(socket, Method::GET, "/v1/status", Vec::new()).await
}

async fn ask<T: DeserializeOwned>(socket: &Path, method: Method, path: &str, body: Vec<u8>) -> Result<Option<T>, String> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(format!("{}: can't connect: {error} (setting api.socket)", socket.display())),
    };
    let exchange = exchange(stream, method, path, body);
    let answered = time::timeout(PATIENCE, exchange).await.map_err(|_| "the daemon does not answer".to_owned())?;
    let (good, body) = answered.map_err(|problem| format!("{}: {problem}", socket.display()))?;
    if good {
        return serde_json::from_slice(&body).map(Some).map_err(|error| format!("the daemon's answer can't be read: {error}"));
    }
    Err(serde_json::from_slice::<Refusal>(&body)
        .map_or_else(|_| format!("the daemon refuses: {}", String::from_utf8_lossy(&body)), |refusal| refusal.error))
}

/// Whether the request was granted, and the answer's body.
async fn exchange(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<(bool, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the exchange.
    tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header(header::HOST, "localhost").body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    Ok((response.status().is_success(), response.into_body().collect().await?.to_bytes()))
}
