//! What was counted in the last hour, minute by minute: for people, who want rates and not totals.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use prometheus_parse::{Scrape, Value};
use serde::{Deserialize, Serialize};

use super::Metrics;

/// How often totals are written down, and for how long they are kept.
const STEP: Duration = Duration::from_secs(60);
const STEPS: usize = 60;

/// Totals by a label's value.
pub type Counts = BTreeMap<String, u64>;

/// All that is told of what was counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Messages by action.
    pub actions: Counts,
    /// Messages by the verdict's word.
    pub verdicts: Counts,
    /// Pictures by what became of them.
    pub pictures: Counts,
    /// What is so at the moment: connections, messages and pictures that wait, what is remembered.
    pub gauges: BTreeMap<String, f64>,
    /// Messages by the time their verdict took: how many took at most so many seconds.
    #[serde(skip)]
    latency: Vec<(f64, f64)>,
}

impl Totals {
    /// Of what has been counted by now.
    pub fn now(metrics: &Metrics) -> Self {
        let mut totals = Self::default();
        let lines = metrics.render();
        // Its own text: it can be read.
        let Ok(scrape) = Scrape::parse(lines.lines().map(|line| Ok(line.to_owned()))) else { return totals };
        for sample in scrape.samples {
            let Some(name) = sample.metric.strip_prefix("imagespam_milter_") else { continue };
            let add = |counts: &mut Counts, label: &str, value: f64| {
                if let Some(key) = sample.labels.get(label) {
                    *counts.entry(key.to_owned()).or_default() += value as u64;
                }
            };
            match (name, sample.value) {
                ("messages_total", Value::Counter(value)) => {
                    add(&mut totals.actions, "action", value);
                    add(&mut totals.verdicts, "verdict", value);
                }
                ("pictures_total", Value::Counter(value)) => add(&mut totals.pictures, "outcome", value),
                ("stage_seconds", Value::Histogram(buckets)) if sample.labels.get("stage") == Some("message") => {
                    totals.latency = buckets.iter().map(|bucket| (bucket.less_than, bucket.count)).collect();
                }
                (name, Value::Gauge(value)) if sample.labels.is_empty() => {
                    totals.gauges.insert(name.to_owned(), value);
                }
                _ => {}
            }
        }
        totals
    }

    /// All messages.
    pub fn messages(&self) -> u64 {
        self.actions.values().sum()
    }

    /// What has been added since `before`; gauges as they are now.
    pub fn since(&self, before: &Self) -> Self {
        let less = |now: &Counts, before: &Counts| {
            now.iter().map(|(key, value)| (key.clone(), value.saturating_sub(before.get(key).copied().unwrap_or(0)))).collect()
        };
        let earlier = |most: f64| before.latency.iter().find(|(bound, _)| *bound == most).map_or(0.0, |(_, count)| *count);
        Self {
            actions: less(&self.actions, &before.actions),
            verdicts: less(&self.verdicts, &before.verdicts),
            pictures: less(&self.pictures, &before.pictures),
            gauges: self.gauges.clone(),
            latency: self.latency.iter().map(|(most, count)| (*most, count - earlier(*most))).collect(),
        }
    }

    /// The time in seconds within which this share (0 to 1) of the verdicts came: linear within a bucket, as Prometheus'
    /// `histogram_quantile`. `None`: there were none.
    pub fn latency(&self, share: f64) -> Option<f64> {
        let all = self.latency.last()?.1;
        if all <= 0.0 {
            return None;
        }
        let (mut low, mut below) = (0.0, 0.0);
        for (high, count) in &self.latency {
            if *count >= share * all {
                // The last bucket has no upper end.
                let width = if high.is_finite() { high - low } else { 0.0 };
                return Some(low + width * (share * all - below) / (count - below).max(1.0));
            }
            (low, below) = (*high, *count);
        }
        None
    }
}

/// Totals of the last hour.
#[derive(Clone)]
pub struct History {
    metrics: Metrics,
    kept: Arc<Mutex<VecDeque<(Instant, Totals)>>>,
}

impl History {
    /// Begins now. To be called from within the runtime.
    pub fn start(metrics: Metrics) -> Self {
        let history = Self { metrics, kept: Arc::default() };
        let keeper = history.clone();
        tokio::spawn(async move {
            let mut step = tokio::time::interval(STEP);
            loop {
                step.tick().await;
                let totals = Totals::now(&keeper.metrics);
                let mut kept = keeper.kept();
                kept.push_back((Instant::now(), totals));
                if kept.len() > STEPS + 1 {
                    kept.pop_front();
                }
            }
        });
        history
    }

    /// What was added in each minute, the latest last, and what has been added since.
    pub fn minutes(&self) -> Vec<Totals> {
        let now = Totals::now(&self.metrics);
        let kept = self.kept();
        let all: Vec<&Totals> = kept.iter().map(|(_, totals)| totals).chain(std::iter::once(&now)).collect();
        all.windows(2).map(|pair| pair[1].since(pair[0])).collect()
    }

    /// How long ago the totals of about `span` ago were written down, and what has been added since.
    pub fn last(&self, span: Duration) -> (Duration, Totals) {
        let now = Totals::now(&self.metrics);
        let kept = self.kept();
        // The youngest that is old enough, else the oldest.
        let (at, before) = match kept.iter().rev().find(|(at, _)| at.elapsed() >= span).or_else(|| kept.front()) {
            Some((at, totals)) => (*at, totals.clone()),
            None => (Instant::now(), now.clone()),
        };
        (at.elapsed(), now.since(&before))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, Totals)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
