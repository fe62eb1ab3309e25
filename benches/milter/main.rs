//! The daemon under load, through its milter socket, each figure beside another of the same run. `make bench` runs all of it:
//! cargo bench --bench milter -- pictures DIR    throughput beside bare loops, and the thread layouts of the net (DIR: JPEG and PNG files)
//! cargo bench --bench milter -- latency DIR     at half load
//! cargo bench --bench milter -- hits DIR        pictures that are known already
//! cargo bench --bench milter -- memory DIR      1,000 connections, 100 of them busy
//! cargo bench --bench milter -- overload DIR    ten times more than it can do, for a minute
//! cargo bench --bench milter -- card DIR        on a graphics card beside the processor
//! cargo bench --bench milter -- soak DIR MINUTES  mixed traffic with hostile pictures
//! cargo bench --bench milter -- start           to ready
//! cargo bench --bench milter -- growth          how cost grows with sizes and numbers
//! Each prints rows of a Markdown table: what, figure, target.

#[path = "../../tests/common/mod.rs"]
mod common;

mod bare;
mod card;
mod growth;
mod load;
mod steady;
mod stress;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pictures", folder] => steady::pictures(Path::new(folder)),
        ["latency", folder] => steady::latency(Path::new(folder)),
        ["hits", folder] => steady::hits(Path::new(folder)),
        ["memory", folder] => stress::memory(Path::new(folder)),
        ["overload", folder] => stress::overload(Path::new(folder)),
        ["card", folder] => card::card(Path::new(folder)),
        ["soak", folder, minutes] => stress::soak(Path::new(folder), minutes.parse().expect("minutes")),
        ["start"] => steady::start(),
        ["growth"] => growth::growth(),
        // `cargo test --all-targets` runs benchmarks without arguments.
        _ => println!("usage: see the head of benches/milter/main.rs"),
    }
}

/// Without it every round but the first would be of pictures known already.
pub const FORGETFUL: [&str; 2] = ["cache.memory=\"0\"", "cache.spam=0"];

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime")
}

/// A row of the table.
pub fn row(what: &str, figure: &str, target: &str) {
    println!("| {what} | {figure} | {target} |");
}

/// "1.23 (1.20 to 1.31, n = 5)"
pub fn spread(values: &[f64], digits: usize) -> String {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let [low, median, high] = [0, values.len() / 2, values.len() - 1].map(|at| values[at]);
    format!("{median:.digits$} ({low:.digits$} to {high:.digits$}, n = {})", values.len())
}

/// Of a list that need not be sorted.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
