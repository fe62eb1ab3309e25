//! The local HTTP interface: on its unix socket all of it, on a loopback address only what is read.

use std::{
    future::Future,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::Listener,
};
use metrics::{counter, gauge};

use super::{Refusal, Report, ReportError, Reporter};
use crate::{feedback::FeedbackError, telemetry::Metrics, verdict::Judge};

/// What there is to be read.
#[derive(Clone)]
pub struct Overview {
    /// What has been counted.
    pub metrics: Metrics,
    /// What it remembers.
    pub judge: Arc<Judge>,
}

impl Overview {
    /// Of a daemon that starts now.
    pub fn new(metrics: Metrics, judge: Arc<Judge>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge!("imagespam_milter_start_time_seconds").set(now.as_secs_f64());
        gauge!("imagespam_milter_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self { metrics, judge }
    }
}

/// What is read: `GET /metrics`.
pub fn reading(overview: Overview) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(overview)
}

/// Users' reports: `POST` and `DELETE /v1/reports`.
pub fn reports(reporter: Arc<Reporter>) -> Router {
    // One byte more is let in, so that what is too large gets an answer that says so.
    let most = reporter.message_bytes().saturating_add(1);
    let reports = post(keep).delete(undo).layer(DefaultBodyLimit::max(most));
    Router::new().route("/v1/reports", reports).with_state(reporter)
}

/// Serves until `stop` completes.
///
/// # Errors
/// If no connection can be accepted any more.
pub async fn serve<L>(listener: L, router: Router, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn metrics(State(overview): State<Overview>) -> Response {
    let (files, bytes, spam) = overview.judge.remembered();
    gauge!("imagespam_milter_cached_files").set(files as f64);
    gauge!("imagespam_milter_cached_bytes").set(bytes as f64);
    gauge!("imagespam_milter_cached_spam").set(spam as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], overview.metrics.render()).into_response()
}

async fn keep(State(reporter): State<Arc<Reporter>>, Query(report): Query<Report>, message: Bytes) -> Response {
    answer(&reporter, &report, false, message).await
}

async fn undo(State(reporter): State<Arc<Reporter>>, Query(report): Query<Report>, message: Bytes) -> Response {
    answer(&reporter, &report, true, message).await
}

async fn answer(reporter: &Reporter, report: &Report, undo: bool, message: Bytes) -> Response {
    let count = |result: &'static str| {
        let reaction = format!("{:?}", report.reaction).to_lowercase();
        counter!("imagespam_milter_reports_total", "reaction" => reaction, "result" => result).increment(1);
    };
    match reporter.take(report, undo, message.into()).await {
        Ok(recorded) => {
            count("taken");
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
            count(if status.is_server_error() { "failed" } else { "refused" });
            (status, Json(Refusal { error: error.to_string() })).into_response()
        }
    }
}
