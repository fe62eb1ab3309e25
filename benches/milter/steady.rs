//! Throughput and latency where there is no more work than can be done.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use imagespam_milter::config::Precision;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    FORGETFUL,
    bare::Bare,
    common::Daemon,
    cores,
    load::{self, Connection, Frames},
    quantile, row, runtime, spread,
};

/// Rounds of which the median counts.
const ROUNDS: usize = 5;
/// Pictures of a round.
const PICTURES: usize = 300;
/// The daemon as it is by default, but for these settings, with the environment that its unit gives it.
pub fn daemon(settings: &[&str]) -> Daemon {
    let unit = include_str!("../../systemd/imagespam-milter.service");
    let assignments = unit.lines().filter_map(|line| line.strip_prefix("Environment=")).flat_map(str::split_whitespace);
    let environment: Vec<(&str, String)> =
        assignments.map(|set| set.split_once('=').expect("assignment")).map(|(name, value)| (name, value.to_owned())).collect();
    let settings = [settings, &["model.sessions=0"]].concat();
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    Daemon::start_with(tempfile::tempdir().expect("folder"), &arguments, &environment)
}

/// The precision that the daemon runs in, as its first line tells.
fn precision(daemon: &Daemon) -> Precision {
    let line = daemon.logged(" precision=");
    if line.contains(" precision=int8 ") { Precision::Int8 } else { Precision::Float32 }
}

pub fn pictures(folder: &Path) {
    let pictures = load::pictures(folder, PICTURES);
    let messages = Arc::new(pictures.iter().map(|picture| Frames::of(&load::message(picture))).collect::<Vec<_>>());
    let (runtime, chosen) = (runtime(), daemon(&FORGETFUL));
    let mut precisions = vec![Precision::Float32];
    precisions.extend(Some(precision(&chosen)).filter(|chosen| *chosen != Precision::Float32));
    drop(chosen);
    let mut sides: Vec<(Daemon, Bare)> = precisions
        .iter()
        .map(|precision| {
            let setting = format!("model.precision=\"{precision}\"");
            (daemon(&[&FORGETFUL[..], &[&setting]].concat()), Bare::new(cores(), 1, *precision))
        })
        .collect();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut measure = |(daemon, bare): &mut (Daemon, Bare)| {
            let (seconds, answers) = runtime.block_on(load::all(&daemon.socket(), &messages, 3 * cores()));
            assert!(answers.iter().all(|answer| !answer.verdict.starts_with("Unknown, reason=deadline")), "a message was late");
            [seconds, bare.decoded(&pictures), bare.ready(pictures.len())]
        };
        rounds.push(sides.iter_mut().map(&mut measure).collect::<Vec<_>>());
    }
    drop(sides);
    for (place, precision) in precisions.iter().enumerate() {
        let of = |ratio: fn(&[f64; 3]) -> f64| rounds.iter().map(|round| ratio(&round[place])).collect::<Vec<_>>();
        let rates = of(|[daemon, ..]| 1.0 / daemon).iter().map(|rate| rate * pictures.len() as f64).collect::<Vec<_>>();
        row(&format!("{precision}: pictures a second through the socket"), &spread(&rates, 0), "");
        row("the same against a bare loop of decoding, resizing, ONNX Runtime", &spread(&of(|[a, b, _]| b / a), 2), "≥ 0.95");
        row("the same against ONNX Runtime alone on ready tensors", &spread(&of(|[a, _, c]| c / a), 2), "≥ 0.80");
    }
    let gain = |of: fn(&[f64; 3]) -> f64| {
        let ratios: Vec<f64> = rounds.iter().filter_map(|round| round.get(1).map(|int8| of(&round[0]) / of(int8))).collect();
        (!ratios.is_empty()).then(|| spread(&ratios, 2))
    };
    let none = || "no instructions for it here".to_owned();
    row("int8 against float32, ONNX Runtime alone on ready tensors", &gain(|[_, _, c]| *c).unwrap_or_else(none), "≥ 1.5");
    row("int8 against float32, through the socket", &gain(|[a, ..]| *a).unwrap_or_else(none), "");
    let [mut narrow, mut wide] =
        [(cores(), 1), (1, cores())].map(|(sessions, threads)| Bare::new(sessions, threads, precisions[0]));
    let layouts: Vec<f64> = (0..ROUNDS).map(|_| wide.ready(PICTURES / 6) / narrow.ready(PICTURES / 6)).collect();
    row("net: a session of one thread for each core, against one session of as many threads", &spread(&layouts, 2), "");
}

pub fn latency(folder: &Path) {
    let pictures = load::pictures(folder, PICTURES);
    let messages = Arc::new(pictures.iter().map(|picture| Frames::of(&load::message(picture))).collect::<Vec<_>>());
    let (runtime, daemon) = (runtime(), daemon(&FORGETFUL));
    let mut bare = Bare::new(1, 1, precision(&daemon));
    let (mut ratios, mut medians) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let one = bare.ready(50) / 50.0;
        let (seconds, _) = runtime.block_on(load::all(&daemon.socket(), &messages, 3 * cores()));
        let times = runtime.block_on(arrivals(&daemon.socket(), &messages, 0.5 * messages.len() as f64 / seconds, round));
        ratios.push(quantile(&times, 0.99) / one);
        medians.push(quantile(&times, 0.5) / one);
    }
    row("added latency at half load, p99, against one inference", &spread(&ratios, 2), "≤ 3");
    row("the same, median", &spread(&medians, 2), "");
    let least: Vec<f64> = medians.iter().map(|median| median * waiting(cores(), 0.5, 0.99)).collect();
    row(
        "p99 of as many servers as cores that each take this median for every picture (simulated: M/D/c)",
        &spread(&least, 2),
        "",
    );
}

/// A quantile of the time that customers of a queue take who come by chance, so much of what `servers` servers can do, in times of
/// service, which are all alike (M/D/c in Kendall's notation).
fn waiting(servers: usize, load: f64, share: f64) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut at, mut free) = (0.0, vec![0.0_f64; servers]);
    let times: Vec<f64> = (0..1_000_000)
        .map(|_| {
            at += gap(&mut random, load * servers as f64);
            let first = free.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("a server");
            *first = first.max(at) + 1.0;
            *first - at
        })
        .collect();
    quantile(&times, share)
}

/// Time to the next of those who come by chance (a Poisson process), so many in a unit of time.
fn gap(random: &mut ChaCha8Rng, rate: f64) -> f64 {
    -(1.0 - random.random::<f64>()).ln() / rate
}

/// Seconds from the end of data to the answer, of messages that come by chance (a Poisson process), so many a second.
async fn arrivals(socket: &Path, messages: &Arc<Vec<Frames>>, rate: f64, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.shuffle(&mut random);
    let mut free: Vec<Connection> = Vec::new();
    for _ in 0..8 * cores() {
        free.push(Connection::open(socket).await.expect("connect"));
    }
    let free = Arc::new(std::sync::Mutex::new(free));
    let (mut at, mut tasks) = (Instant::now(), Vec::new());
    for number in order {
        at += Duration::from_secs_f64(gap(&mut random, rate));
        tokio::time::sleep_until(at.into()).await;
        let (free, messages, socket) = (free.clone(), messages.clone(), socket.to_owned());
        tasks.push(tokio::spawn(async move {
            let idle = free.lock().expect("lock").pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection::open(&socket).await.expect("connect"),
            };
            let answer = connection.message(&messages[number]).await.expect("answer");
            free.lock().expect("lock").push(connection);
            answer.time.as_secs_f64()
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.expect("task"));
    }
    times
}

pub fn hits(folder: &Path) {
    let pictures: Vec<_> =
        load::pictures(folder, 4 * PICTURES).into_iter().filter(|picture| picture.len() < 50_000).take(50).collect();
    let messages = Arc::new(pictures.iter().map(|picture| Frames::of(&load::message(picture))).collect::<Vec<_>>());
    let size = pictures.iter().map(Vec::len).sum::<usize>() / pictures.len();
    let (runtime, daemon) = (runtime(), daemon(&[]));
    runtime.block_on(load::all(&daemon.socket(), &messages, cores()));
    let many = Arc::new((0..100).flat_map(|_| &pictures).map(|picture| Frames::of(&load::message(picture))).collect::<Vec<_>>());
    let rates: Vec<f64> =
        (0..ROUNDS).map(|_| many.len() as f64 / runtime.block_on(load::all(&daemon.socket(), &many, cores())).0).collect();
    row(&format!("known pictures ({size} bytes on average) a second, one connection a core"), &spread(&rates, 0), "≥ 5,000");
}

pub fn start() {
    let times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            let daemon = daemon(&[]);
            let seconds = started.elapsed().as_secs_f64();
            drop(daemon);
            seconds
        })
        .collect();
    row("start to ready, seconds", &spread(&times, 2), "≤ 1");
}
