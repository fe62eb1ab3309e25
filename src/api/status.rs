//! How the daemon is: health, metrics, and the status that people are told.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use metrics::gauge;
use serde::{Deserialize, Serialize};

use super::page;
use crate::{
    feedback::Campaigning,
    model::Manifest,
    telemetry::{Health, History, Log, Metrics, Problem, Totals},
    verdict::Judges,
};

/// Spans over which rates are told, in minutes.
const SPANS: [u64; 3] = [1, 10, 60];
/// Campaigns that are told.
const CAMPAIGNS: usize = 10;

/// What there is to be read.
#[derive(Clone)]
pub struct Overview {
    /// What has been counted.
    pub metrics: Metrics,
    /// The last hour of that.
    pub history: History,
    /// The latest problems.
    pub log: Log,
    /// Whether the net works.
    pub health: Health,
    /// Who judges.
    pub judges: Judges,
    started: SystemTime,
}

/// The daemon, for people.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// Since its start.
    pub uptime_seconds: u64,
    /// Name and version of the model in use.
    pub model: String,
    /// How long the latest round trip through the net took, in milliseconds; or why the net is not ready.
    pub ready: Result<f64, String>,
    /// Whether messages are only judged, and not changed.
    pub dry_run: bool,
    /// Rates, by span.
    pub spans: Vec<Span>,
    /// Since the start.
    pub totals: Totals,
    /// What users have reported most.
    pub campaigns: Vec<Campaigning>,
    /// Latest warnings and errors, the last one first.
    pub problems: Vec<Problem>,
}

/// What happened in the last minutes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Span {
    /// Length, in seconds; shorter than the others soon after the start.
    pub seconds: u64,
    /// Messages.
    pub messages: u64,
    /// Of these, messages that a rule did more to than accept.
    pub acted: u64,
    /// Pictures.
    pub pictures: u64,
    /// Milliseconds within which half of the verdicts, and 99 of 100, came.
    pub latency: Option<(f64, f64)>,
}

impl Overview {
    /// Of a daemon that starts now. To be called from within the runtime.
    pub fn start(metrics: Metrics, log: Log, health: Health, judges: Judges) -> Self {
        let started = SystemTime::now();
        let seconds = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge!("imagespam_milter_start_time_seconds").set(seconds.as_secs_f64());
        gauge!("imagespam_milter_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self { history: History::start(metrics.clone()), metrics, log, health, judges, started }
    }

    /// What `model.toml` says of the model in use.
    pub fn manifest(&self) -> Manifest {
        self.judges.borrow().judge().manifest()
    }

    /// As it is now.
    pub fn status(&self) -> Status {
        let scheduler = self.judges.borrow().clone();
        self.measure();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.started.elapsed().unwrap_or_default().as_secs(),
            model: scheduler.judge().model(),
            ready: self.health.ready().map(|took| took.as_secs_f64() * 1000.0),
            dry_run: scheduler.settings().policy.dry_run,
            spans: spans(&self.history),
            totals: Totals::now(&self.metrics),
            campaigns: scheduler.judge().reports().map(|reports| reports.memory.top(CAMPAIGNS)).unwrap_or_default(),
            problems: self.log.problems(),
        }
    }

    /// Gauges that are only measured when somebody asks.
    fn measure(&self) {
        let (files, bytes, spam) = self.judges.borrow().judge().remembered();
        gauge!("imagespam_milter_cached_files").set(files as f64);
        gauge!("imagespam_milter_cached_bytes").set(bytes as f64);
        gauge!("imagespam_milter_cached_spam").set(spam as f64);
        gauge!("imagespam_milter_ready").set(if self.health.ready().is_ok() { 1.0 } else { 0.0 });
    }
}

/// Those of [`SPANS`] that the daemon has been up for, and one for the time since its start if it is shorter than the next.
fn spans(history: &History) -> Vec<Span> {
    let mut spans = Vec::new();
    for asked in SPANS.map(|minutes| Duration::from_secs(60 * minutes)) {
        let (length, totals) = history.last(asked);
        spans.push(span(length, &totals));
        if length < asked {
            break;
        }
    }
    spans
}

fn span(length: Duration, totals: &Totals) -> Span {
    let milliseconds = |share| totals.latency(share).map(|seconds| seconds * 1000.0);
    Span {
        seconds: length.as_secs(),
        messages: totals.messages(),
        acted: totals.messages() - totals.actions.get("accept").copied().unwrap_or(0),
        pictures: totals.pictures.values().sum(),
        latency: milliseconds(0.5).zip(milliseconds(0.99)),
    }
}

/// `GET /`, `/healthz`, `/readyz`, `/metrics` and `/v1/status`.
pub fn reading(overview: Overview) -> Router {
    Router::new()
        .route("/", get(overview_page))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/v1/status", get(status))
        .with_state(Arc::new(overview))
}

async fn overview_page(State(overview): State<Arc<Overview>>) -> Response {
    let html = page::render(&overview.status(), &overview.history.minutes(), &overview.manifest());
    // Nothing but the page itself: no script, no other file.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")], Html(html.into_string())).into_response()
}

async fn readyz(State(overview): State<Arc<Overview>>) -> Response {
    match overview.health.ready() {
        Ok(took) => format!("ready: a round trip through the net took {:.0} ms\n", took.as_secs_f64() * 1000.0).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

async fn metrics(State(overview): State<Arc<Overview>>) -> Response {
    overview.measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], overview.metrics.render()).into_response()
}

async fn status(State(overview): State<Arc<Overview>>) -> Response {
    Json(overview.status()).into_response()
}
