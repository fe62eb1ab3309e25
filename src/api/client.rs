//! The client of the local HTTP interface.

use std::{io, path::Path, time::Duration};

use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{net::UnixStream, time};

use super::{Refusal, Report};
use crate::feedback::Recorded;

/// The daemon ends a report before.
const PATIENCE: Duration = Duration::from_secs(90);

/// Sends a report to the daemon. `Ok(None)`: no daemon answers on that socket.
///
/// # Errors
/// Why the report was not taken.
pub async fn send(socket: &Path, report: &Report, undo: bool, message: Vec<u8>) -> Result<Option<Recorded>, String> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(format!("{}: can't connect: {error} (setting api.socket)", socket.display())),
    };
    let exchange = exchange(stream, report, undo, message);
    let answered = time::timeout(PATIENCE, exchange).await.map_err(|_| "the daemon does not answer".to_owned())?;
    let (good, body) = answered.map_err(|problem| format!("{}: {problem}", socket.display()))?;
    if good {
        let recorded = serde_json::from_slice(&body).map_err(|error| format!("the daemon's answer can't be read: {error}"))?;
        return Ok(Some(recorded));
    }
    Err(serde_json::from_slice::<Refusal>(&body)
        .map_or_else(|_| format!("the daemon refuses: {}", String::from_utf8_lossy(&body)), |refusal| refusal.error))
}

/// Whether the report was taken, and the answer's body.
async fn exchange(
    stream: UnixStream,
    report: &Report,
    undo: bool,
    message: Vec<u8>,
) -> Result<(bool, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the exchange.
    tokio::spawn(connection);
    let reaction = serde_json::to_value(report.reaction)?;
    let path = format!(
        "/v1/reports?user={}&reaction={}",
        utf8_percent_encode(&report.user, NON_ALPHANUMERIC),
        reaction.as_str().unwrap_or_default()
    );
    let method = if undo { Method::DELETE } else { Method::POST };
    let request =
        Request::builder().method(method).uri(path).header(header::HOST, "localhost").body(Full::new(Bytes::from(message)))?;
    let response = sender.send_request(request).await?;
    Ok((response.status().is_success(), response.into_body().collect().await?.to_bytes()))
}
