//! Metrics, as Prometheus reads them. Each stage counts by the `metrics` crate's macros, as it logs by `tracing`'s; what is counted
//! is told here, in one place.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the histograms' buckets in seconds: from a cache hit to the deadline and past it.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How often histograms are put in order, which bounds their memory where nobody asks for metrics.
const UPKEEP: Duration = Duration::from_secs(5);

/// All that has been counted.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting. To be called once, from within the runtime.
    ///
    /// # Errors
    /// If it has been called before.
    pub fn start() -> Result<Self, BuildError> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let handle = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?.install_recorder()?;
        describe();
        let upkeep = handle.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(UPKEEP);
            loop {
                interval.tick().await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self(handle))
    }

    /// In Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

fn describe() {
    describe_counter!("imagespam_milter_messages_total", "Messages, by what was done (action) and the verdict's word (verdict)");
    describe_counter!(
        "imagespam_milter_pictures_total",
        "Pictures, by their type (type) and what became of them (outcome): net, exact (known byte for byte), near (a near-duplicate of known spam), \
         skipped, undecodable, failed, late, drawn"
    );
    describe_counter!("imagespam_milter_reported_pictures_total", "Pictures that users' reports decided, by class");
    describe_counter!("imagespam_milter_codes_total", "Codes found, by symbology");
    describe_counter!("imagespam_milter_limits_total", "Messages of which a limit cut something off, by limit");
    counter_from_zero("imagespam_milter_messages_abandoned_total", "Messages whose mail server went away before the verdict");
    counter_from_zero("imagespam_milter_worker_deaths_total", "Worker processes that a picture or container ended");
    counter_from_zero(
        "imagespam_milter_pictures_dropped_total",
        "Pictures that were left out at the net: too late, or not waited for any more",
    );
    counter_from_zero("imagespam_milter_batches_total", "Runs of the backbone");
    counter_from_zero("imagespam_milter_batched_pictures_total", "Pictures in these runs");
    describe_counter!("imagespam_milter_reports_total", "Users' reports, by reaction and result (taken, refused, failed)");
    describe_histogram!(
        "imagespam_milter_stage_seconds",
        Unit::Seconds,
        "Time by stage: worker_queue (a message waits for a worker), inspect (taking apart and decoding), net_queue (a picture waits for the net), net \
         (a run of the backbone), head (a run for one or several pictures), message (all of it, from the end of data to the verdict)"
    );
    gauge_from_zero("imagespam_milter_connections", "Connections of mail servers");
    gauge_from_zero("imagespam_milter_messages_under_way", "Messages between end of data and verdict");
    gauge_from_zero("imagespam_milter_messages_waiting", "Messages that wait for a worker");
    gauge_from_zero("imagespam_milter_pictures_waiting", "Pictures that wait for the net");
    describe_gauge!("imagespam_milter_cached_files", "Files remembered");
    describe_gauge!("imagespam_milter_cached_bytes", Unit::Bytes, "Memory for them");
    describe_gauge!("imagespam_milter_cached_spam", "Pictures remembered for their near-duplicates");
    describe_gauge!("imagespam_milter_model_info", "1 for the model in use, 0 for one that was");
    describe_gauge!("imagespam_milter_ready", "1 if the latest round trip through the net succeeded");
    describe_gauge!("imagespam_milter_build_info", "Always 1, with the version");
    describe_gauge!("imagespam_milter_start_time_seconds", Unit::Seconds, "Start of the daemon, in seconds since 1970");
}

/// Told as 0 until it first happens: Prometheus takes the first value that it sees of a counter for no increase.
fn counter_from_zero(name: &'static str, text: &'static str) {
    describe_counter!(name, text);
    counter!(name).increment(0);
}

fn gauge_from_zero(name: &'static str, text: &'static str) {
    describe_gauge!(name, text);
    gauge!(name).increment(0.0);
}

/// One more in a gauge, as long as it lives.
pub struct Counted(metrics::Gauge);

impl Counted {
    /// In the gauge of this name.
    pub fn new(name: &'static str) -> Self {
        let counted = Self(gauge!(name));
        counted.0.increment(1.0);
        counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
