//! `status`: how the daemon is.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use comfy_table::{Table, presets};

use super::{FAILURE, block_on, settings};
use crate::{
    api::{self, Span},
    config::{Settings, Sources},
    telemetry::Counts,
};

#[derive(Args, Debug)]
pub struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Success only if the net works.
    pub fn run(&self, sources: &Sources) -> anyhow::Result<ExitCode> {
        let status = block_on(ask(&settings(sources)?))?;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&status)?);
        } else {
            print(&status);
        }
        Ok(if status.ready.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
    }
}

async fn ask(settings: &Settings) -> anyhow::Result<api::Status> {
    let socket = settings.api.socket.as_deref().context("there is no api.socket to ask on")?;
    match api::client::status(socket).await.map_err(anyhow::Error::msg)? {
        Some(status) => Ok(status),
        None => bail!("no daemon answers on {} (setting api.socket)", socket.display()),
    }
}

fn print(status: &api::Status) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let ready = match &status.ready {
        Ok(took) => format!("yes: a round trip through the net took {took:.0} ms"),
        Err(why) => format!("no: {why}"),
    };
    let dry_run = if status.dry_run { " (dry run: nothing is changed)" } else { "" };
    table.add_row(["version", &status.version]);
    table.add_row(["up for", &humantime::format_duration(Duration::from_secs(status.uptime_seconds)).to_string()]);
    table.add_row(["model", &status.model]);
    table.add_row(["ready", &format!("{ready}{dry_run}")]);
    for span in &status.spans {
        table.add_row([format!("last {}", humantime::format_duration(Duration::from_secs(span.seconds))), rates(span)]);
    }
    table.add_row(["messages", &counts(&status.totals.actions)]);
    table.add_row(["verdicts", &counts(&status.totals.verdicts)]);
    table.add_row(["pictures", &counts(&status.totals.pictures)]);
    let gauge = |name: &str| status.totals.gauges.get(name).copied().unwrap_or(0.0);
    let queues = format!(
        "{} connections, {} messages under way, {} of them waiting for a worker, {} pictures waiting for the net",
        gauge("connections"),
        gauge("messages_under_way"),
        gauge("messages_waiting"),
        gauge("pictures_waiting")
    );
    table.add_row(["queues", &queues]);
    say!("{table}");
    for problem in status.problems.iter().take(5) {
        let at = std::time::UNIX_EPOCH + Duration::from_secs(problem.at.unsigned_abs());
        say!("{} {}: {}", humantime::format_rfc3339_seconds(at), problem.level, problem.text);
    }
}

fn rates(span: &Span) -> String {
    let latency = span.latency.map_or(String::new(), |(median, most)| {
        format!("; half of the verdicts within {median:.0} ms, 99 of 100 within {most:.0} ms")
    });
    format!("{} messages, {} not merely accepted, {} pictures{latency}", span.messages, span.acted, span.pictures)
}

fn counts(counts: &Counts) -> String {
    if counts.is_empty() {
        return "none yet".to_owned();
    }
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}
