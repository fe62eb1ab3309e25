//! The overview for people: one page, plain, without a script and without anything else to be loaded.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Span, Status};
use crate::{
    model::Manifest,
    telemetry::{Counts, Totals},
};

/// The chart of the last hour: width of a minute and height of the whole, in pixels.
const MINUTE: usize = 10;
const HEIGHT: f64 = 90.0;
const MINUTES: usize = 60;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --soft: #777; --good: #2a7f3f; --bad: #c0392b; --bar: #4a7fb5 }
@media (prefers-color-scheme: dark) { :root { --soft: #999; --good: #5fc27a; --bad: #ef7b6c; --bar: #6ea3d8 } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 } h2 { font-size: 1rem; margin: 1.8rem 0 .4rem }
p { margin: .3rem 0 } .soft { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600; color: var(--soft) } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.halves { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 0 2.5rem }
svg { width: 100%; height: auto } .all { fill: var(--bar) } .acted { fill: var(--bad) } .base { stroke: var(--line) }
svg text { fill: var(--soft); font-size: 8px } td:first-child { white-space: nowrap } code { font-size: .9em; overflow-wrap: anywhere }
";

/// The page. `minutes`: what was counted in each of the last ones, the latest last.
pub fn render(status: &Status, minutes: &[Totals], manifest: &Manifest) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="60";
                title { "imagespam-milter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head(status))
                h2 { "The last hour" }
                (chart(minutes))
                (rates(&status.spans))
                div.halves {
                    div { h2 { "Messages, by action" } (counts(&status.totals.actions)) }
                    div { h2 { "Messages, by verdict" } (counts(&status.totals.verdicts)) }
                    div { h2 { "Pictures, by what became of them" } (counts(&status.totals.pictures)) }
                    div { h2 { "At the moment" } (gauges(&status.totals)) }
                }
                h2 { "What users have reported most" }
                (campaigns(status))
                h2 { "The model" }
                (model(manifest))
                h2 { "Latest warnings and errors" }
                (problems(status))
            }
        }
    }
}

fn head(status: &Status) -> Markup {
    html! {
        h1 { "imagespam-milter " span.soft { (status.version) } }
        p {
            @match &status.ready {
                Ok(took) => { span.good { "Ready." } " A round trip through the net took " (format!("{took:.0}")) " ms." }
                Err(why) => { span.bad { "Not ready: " (why) "." } }
            }
            @if status.dry_run { " " b { "Dry run: messages are judged, and not changed." } }
        }
        p.soft { "Up for " (humantime::format_duration(std::time::Duration::from_secs(status.uptime_seconds))) ", with the model " (status.model) "." }
    }
}

/// A bar a minute: messages, and those among them that a rule did more to than accept.
fn chart(minutes: &[Totals]) -> Markup {
    let latest = &minutes[minutes.len().saturating_sub(MINUTES)..];
    let most = latest.iter().map(Totals::messages).max().unwrap_or(0).max(1);
    let (width, baseline) = (MINUTES * MINUTE, HEIGHT + 14.0);
    let bar = |count: u64| HEIGHT * count as f64 / most as f64;
    html! {
        svg viewBox=(format!("0 0 {width} {}", baseline + 16.0)) role="img" aria-label="Messages in each minute of the last hour" {
            @for (number, minute) in latest.iter().rev().enumerate() {
                @let x = width - (number + 1) * MINUTE;
                @let (all, acted) = (bar(minute.messages()), bar(acted(minute)));
                rect.all x=(x) y=(format!("{:.1}", baseline - all)) width=(MINUTE - 2) height=(format!("{all:.1}")) {
                    title { (minute.messages()) " messages, " (acted_words(minute)) }
                }
                rect.acted x=(x) y=(format!("{:.1}", baseline - acted)) width=(MINUTE - 2) height=(format!("{acted:.1}")) {}
            }
            line.base x1="0" x2=(width) y1=(baseline) y2=(baseline) {}
            text x="0" y="10" { "up to " (most) " a minute; red: not merely accepted" }
            text x="0" y=(baseline + 13.0) { "an hour ago" }
            text x=(width) y=(baseline + 13.0) text-anchor="end" { "now" }
        }
    }
}

fn acted(totals: &Totals) -> u64 {
    totals.messages() - totals.actions.get("accept").copied().unwrap_or(0)
}

fn acted_words(totals: &Totals) -> String {
    format!("{} of them not merely accepted", acted(totals))
}

fn rates(spans: &[Span]) -> Markup {
    let minutes = |seconds: u64| if seconds < 100 { format!("{seconds} s") } else { format!("{} min", (seconds + 30) / 60) };
    let share =
        |part: u64, all: u64| if all == 0 { String::new() } else { format!(" ({:.1} %)", part as f64 * 100.0 / all as f64) };
    html! {
        table {
            tr { th { "In the last" } th.n { "messages" } th.n { "not merely accepted" } th.n { "pictures" } th.n { "median time" } th.n { "99 of 100 within" } }
            @for span in spans {
                tr {
                    td { (minutes(span.seconds)) }
                    td.n { (span.messages) }
                    td.n { (span.acted) (share(span.acted, span.messages)) }
                    td.n { (span.pictures) }
                    @match span.latency {
                        Some((median, most)) => { td.n { (format!("{median:.0} ms")) } td.n { (format!("{most:.0} ms")) } }
                        None => { td.n { "–" } td.n { "–" } }
                    }
                }
            }
        }
    }
}

fn counts(counts: &Counts) -> Markup {
    html! {
        @if counts.is_empty() { p.soft { "None yet." } }
        table { @for (name, count) in counts { tr { td { (name) } td.n { (count) } } } }
    }
}

fn gauges(totals: &Totals) -> Markup {
    let shown = [
        ("connections", "connections of mail servers"),
        ("messages_under_way", "messages under way"),
        ("messages_waiting", "of these, waiting for a worker"),
        ("pictures_waiting", "pictures waiting for the net"),
        ("cached_files", "files remembered"),
    ];
    html! {
        table {
            @for (name, words) in shown {
                tr { td { (words) } td.n { (format!("{:.0}", totals.gauges.get(name).copied().unwrap_or(0.0))) } }
            }
        }
    }
}

fn campaigns(status: &Status) -> Markup {
    html! {
        @if status.campaigns.is_empty() { p.soft { "Nothing has been reported lately." } }
        @else {
            table {
                tr { th { "campaign" } th { "taken for" } th.n { "near-duplicates" } th.n { "reactions" } th { "last report" } }
                @for campaign in &status.campaigns {
                    tr {
                        td { code { (campaign.name) } }
                        td { (campaign.class.as_deref().unwrap_or("nothing yet: too few agree")) }
                        td.n { (campaign.pictures) }
                        td.n { (campaign.reactions) }
                        td { (time(campaign.last_seen)) }
                    }
                }
            }
        }
    }
}

fn model(manifest: &Manifest) -> Markup {
    html! {
        table {
            tr { td { "name" } td { (manifest.title()) } }
            tr { td { "classes" } td { (manifest.classes.join(", ")) } }
            @for (name, score) in &manifest.thresholds { tr { td { "threshold " (name) } td { (format!("{score:.3}")) } } }
            @for (key, value) in &manifest.provenance { tr { td { (key) } td { (value) } } }
        }
    }
}

fn problems(status: &Status) -> Markup {
    html! {
        @if status.problems.is_empty() { p.soft { "None since the start." } }
        @else {
            table {
                @for problem in &status.problems {
                    tr { td.n { (time(problem.at)) } td { (problem.level) } td { code { (problem.text) } } }
                }
            }
        }
    }
}

fn time(at: i64) -> String {
    let since = std::time::Duration::from_secs(u64::try_from(at).unwrap_or(0));
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string()
}
