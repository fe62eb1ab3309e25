//! `POST /v1/scan`: the verdict on a message that no mail server hands over as a milter's client. Nothing is done to it.

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};

use super::{Refusal, collect};
use crate::{
    config::Skip,
    mail,
    verdict::{Judges, Outcome, Told, count, header_value},
};

/// Whose message it is.
#[derive(Deserialize)]
struct Asked {
    /// Envelope recipients, separated by commas; otherwise those that the header names.
    recipients: Option<String>,
}

/// A verdict, and the header that the milter would add, if it would add one: `X-Image-Spam: Yes, …` on one line.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    header: Option<String>,
}

/// `POST /v1/scan`.
pub fn scan(judges: Judges) -> Router {
    Router::new().route("/v1/scan", post(answer)).with_state(judges)
}

async fn answer(State(judges): State<Judges>, Query(asked): Query<Asked>, body: Body) -> Response {
    let scheduler = judges.borrow().clone();
    let settings = scheduler.settings();
    let most = settings.limits.message_bytes;
    let Some(message) = collect(body, most).await else {
        let error = format!("the message did not come whole, or is larger than limits.message_bytes ({most} bytes)");
        return (StatusCode::PAYLOAD_TOO_LARGE, Json(Refusal { error })).into_response();
    };
    let recipients = match asked.recipients {
        Some(given) => given.split(',').map(|address| address.trim().to_owned()).collect(),
        None => mail::recipients(&message),
    };
    let verdict = scheduler.message(vec![message.into()], recipients).await;
    count(&verdict);
    let told = match verdict.outcome {
        Outcome::Skipped(skip) => settings.header.on_skip.contains(&skip) && skip != Skip::Network,
        Outcome::Judged { .. } | Outcome::Unknown(_) => true,
    };
    let name = settings.header.name.as_str();
    let header = told.then(|| format!("{name}: {}", header_value(&verdict, name).replace("\n\t", " ")));
    let classes = scheduler.judge().manifest().classes;
    Json(Answer { told: Told::new(&verdict, &classes, false), header }).into_response()
}
