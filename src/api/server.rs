//! The local HTTP interface.

use std::{future::Future, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::net::UnixListener;

use super::{Refusal, Report, ReportError, Reporter};
use crate::feedback::FeedbackError;

/// Serves until `stop` completes.
///
/// # Errors
/// If no connection can be accepted any more.
pub async fn serve(
    listener: UnixListener,
    reporter: Arc<Reporter>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // One byte more is let in, so that what is too large gets an answer that says so.
    let most = reporter.message_bytes().saturating_add(1);
    let reports = post(keep).delete(undo).layer(DefaultBodyLimit::max(most));
    let router = Router::new().route("/v1/reports", reports).with_state(reporter);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn keep(State(reporter): State<Arc<Reporter>>, Query(report): Query<Report>, message: Bytes) -> Response {
    answer(&reporter, &report, false, message).await
}

async fn undo(State(reporter): State<Arc<Reporter>>, Query(report): Query<Report>, message: Bytes) -> Response {
    answer(&reporter, &report, true, message).await
}

async fn answer(reporter: &Reporter, report: &Report, undo: bool, message: Bytes) -> Response {
    match reporter.take(report, undo, message.into()).await {
        Ok(recorded) => {
            tracing::info!(
                "report: reaction={:?}{} pictures={} changed={}",
                report.reaction,
                if undo { " undo=yes" } else { "" },
                recorded.pictures,
                recorded.changed
            );
            Json(recorded).into_response()
        }
        Err(error) => {
            tracing::warn!("report: not taken: {error}");
            let status = match &error {
                ReportError::User => StatusCode::BAD_REQUEST,
                ReportError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                ReportError::Feedback(FeedbackError::Limited { .. }) => StatusCode::TOO_MANY_REQUESTS,
                ReportError::Judge(_) | ReportError::Feedback(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(Refusal { error: error.to_string() })).into_response()
        }
    }
}
