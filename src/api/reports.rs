//! `POST` and `DELETE /v1/reports`: users' reactions.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use metrics::counter;

use super::{Kind, Refusal, Report, ReportError, Reporter, collect};
use crate::feedback::{FeedbackError, Recorded};

/// Users' reports: `POST` and `DELETE /v1/reports`.
pub fn reports(reporter: Arc<Reporter>) -> Router {
    // Prometheus takes the first value that it sees of a counter for no increase.
    for reaction in [Kind::Spam, Kind::Ham, Kind::Ad, Kind::NotAd] {
        for result in ["taken", "refused", "failed"] {
            count(reaction, result, 0);
        }
    }
    Router::new().route("/v1/reports", post(keep).delete(undo)).with_state(reporter)
}

async fn keep(State(reporter): State<Arc<Reporter>>, Query(report): Query<Report>, message: Body) -> Response {
    answer(&reporter, &report, false, message).await
}

async fn undo(State(reporter): State<Arc<Reporter>>, Query(report): Query<Report>, message: Body) -> Response {
    answer(&reporter, &report, true, message).await
}

fn count(reaction: Kind, result: &'static str, times: u64) {
    let reaction = format!("{reaction:?}").to_lowercase();
    counter!("imagespam_milter_reports_total", "reaction" => reaction, "result" => result).increment(times);
}

async fn answer(reporter: &Reporter, report: &Report, undo: bool, message: Body) -> Response {
    match take(reporter, report, undo, message).await {
        Ok(recorded) => {
            count(report.reaction, "taken", 1);
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
            count(report.reaction, if status.is_server_error() { "failed" } else { "refused" }, 1);
            (status, Json(Refusal { error: error.to_string() })).into_response()
        }
    }
}

async fn take(reporter: &Reporter, report: &Report, undo: bool, message: Body) -> Result<Recorded, ReportError> {
    let most = reporter.message_bytes();
    let message = collect(message, most).await.ok_or(ReportError::TooLarge(most))?;
    reporter.take(report, undo, message).await
}
