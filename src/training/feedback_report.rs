//! One self-contained HTML page on what users say: reactions over time, the campaigns most reported (as hashes, there are no
//! pictures), how far users agree, and the heads with the times at which they were in use.

use std::collections::BTreeMap;

use maud::{PreEscaped, html};

use super::{
    TrainingError,
    report::{page, plots},
};
use crate::{
    feedback::{CLASSES, Near, Opinion, Reaction, Store, StoredPicture, Trust, Vote, opinion},
    model::{Change, Version},
};

const DAY: i64 = 24 * 60 * 60;
/// Campaigns that are shown.
const MOST: usize = 20;
/// Bins of the histogram of consistency.
const BINS: usize = 10;

/// The heads of this site.
pub struct Heads {
    /// Name and version of the shipped bundle.
    pub shipped: String,
    /// Those learned here.
    pub versions: Vec<Version>,
    /// When each came into use.
    pub history: Vec<Change>,
}

/// Near-duplicates, and what was said of them.
struct Cluster {
    near: Near,
    hash: u64,
    pictures: usize,
    votes: Vec<Vote>,
}

/// The page. `now` is in seconds since 1970.
///
/// # Errors
/// If the store can't be read.
pub async fn html(store: &Store, heads: &Heads, now: i64) -> anyhow::Result<String> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut days: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    let mut pictures = 0usize;
    let mut last = 0;
    while let Some((next, found)) = store.page(last).await? {
        last = next;
        for picture in found {
            pictures += 1;
            for vote in &picture.votes {
                days.entry(vote.at.div_euclid(DAY)).or_default()[vote.reaction as usize] += 1;
            }
            add(&mut clusters, picture);
        }
    }
    let trust = Trust::of(clusters.iter().map(|cluster| cluster.votes.as_slice()));
    let mut said: Vec<(&Cluster, Opinion)> =
        clusters.iter().filter_map(|cluster| Some((cluster, opinion(&cluster.votes, &trust)?))).collect();
    said.sort_by_key(|(cluster, _)| std::cmp::Reverse(cluster.votes.len()));
    let mut consistency = [0u64; BINS];
    for (_, opinion) in said.iter().filter(|(cluster, _)| cluster.votes.len() > 1) {
        consistency[((opinion.consistency * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    let (over_time, histogram) = (time_plot(&days, now)?, consistency_plot(&consistency)?);
    let reactions: u64 = days.values().flatten().sum();
    let users: std::collections::HashSet<_> =
        clusters.iter().flat_map(|cluster| &cluster.votes).map(|vote| vote.person).collect();
    let current = heads.versions.iter().find(|version| version.current).map(|version| version.name.as_str());
    let body = html! {
        h1 { "What users say of pictures" }
        p.note { (day(now.div_euclid(DAY))) " · imagespam-milter " (env!("CARGO_PKG_VERSION")) " · no picture, name or address is kept" }
        div.big {
            div { b { (reactions) } "reactions" }
            div { b { (users.len()) } "users" }
            div { b { (pictures) } "pictures" }
            div { b { (clusters.len()) } "campaigns" }
            div { b { (current.unwrap_or("shipped")) } "head in use" }
        }
        @if reactions == 0 { p { "Nothing has been reported yet." } } @else {
            h2 { "Reactions and agreement" }
            div.plots { (PreEscaped(over_time)) (PreEscaped(histogram)) }
            h2 { "Campaigns most reported" }
            table {
                tr { th { "perceptual hash" } th { "users say" } th { "they are" } th { "of weight" } th { "consistency" } th { "reactions" } th { "variants" } th { "first" } th { "last" } }
                @for (cluster, opinion) in said.iter().take(MOST) {
                    @let times = cluster.votes.iter().map(|vote| vote.at);
                    tr {
                        td { code { (format!("{:016x}", cluster.hash)) } }
                        td { @if opinion.class == 1 { span.wrong { "spam" } } @else { (CLASSES[opinion.class]) } }
                        td { (opinion.users) } td { (format!("{:.1}", opinion.weight)) } td { (format!("{:.0} %", 100.0 * opinion.consistency)) }
                        td { (cluster.votes.len()) } td { (cluster.pictures) }
                        td { (times.clone().min().map(|at| day(at.div_euclid(DAY))).unwrap_or_default()) }
                        td { (times.max().map(|at| day(at.div_euclid(DAY))).unwrap_or_default()) }
                    }
                }
            }
        }
        h2 { "Heads" }
        table {
            tr { th { "version" } th { "measured when learned" } }
            tr { td { (heads.shipped) " (shipped)" @if current.is_none() { " · in use" } } td { "see its card" } }
            @for version in &heads.versions { tr { td { (version.name) @if version.current { " · in use" } } td { (version.figures) } } }
        }
        @if !heads.history.is_empty() {
            h2 { "In use since" }
            table {
                tr { th { "time" } th { "head" } th { "until" } th { "why" } }
                @for (number, change) in heads.history.iter().enumerate().rev() {
                    tr { td { (time(change.at)) } td { (change.version.as_deref().unwrap_or("shipped")) }
                        td { @if let Some(next) = heads.history.get(number + 1) { (time(next.at)) } @else { "now" } } td { (change.figures) } }
                }
            }
        }
    };
    Ok(page("What users say of pictures", &body))
}

fn add(clusters: &mut Vec<Cluster>, picture: StoredPicture) {
    let near = Near::new(picture.hash, &picture.features);
    match clusters.iter_mut().find(|cluster| cluster.near.is(&near)) {
        Some(cluster) => {
            cluster.pictures += 1;
            cluster.votes.extend(picture.votes);
        }
        None => clusters.push(Cluster { near, hash: picture.hash, pictures: 1, votes: picture.votes }),
    }
}

fn time_plot(days: &BTreeMap<i64, [u64; 4]>, now: i64) -> Result<String, TrainingError> {
    let today = now.div_euclid(DAY);
    let first = days.keys().next().copied().unwrap_or(today).max(today - 89);
    let of = |class: usize| {
        (first..=today).map(move |day| {
            let counts = days.get(&day).copied().unwrap_or_default();
            Reaction::ALL.iter().filter(|kind| kind.class() == class).map(|kind| counts[*kind as usize]).sum::<u64>()
        })
    };
    let series: Vec<(&str, Vec<u64>)> = CLASSES.iter().enumerate().map(|(class, name)| (*name, of(class).collect())).collect();
    plots::bars("Reactions a day", ("days ago", "reactions"), &series, |at| {
        i64::try_from(at).map_or(0, |at| today - first - at).to_string()
    })
}

fn consistency_plot(bins: &[u64; BINS]) -> Result<String, TrainingError> {
    let series = [("campaigns of more than one reaction", bins.to_vec())];
    plots::bars("Consistency", ("share of the weight that agrees", "campaigns"), &series, |at| {
        format!("{:.1}", at as f64 / BINS as f64)
    })
}

fn time(at: i64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at.unsigned_abs());
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC")
}

fn day(day: i64) -> String {
    time(day * DAY).chars().take(10).collect()
}
