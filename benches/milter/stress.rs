//! More than can be done, for long, and by senders who mean harm.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    FORGETFUL,
    common::{Daemon, messages},
    cores,
    load::{self, Connection, Frames},
    quantile, row, runtime, spread,
    steady::daemon,
};

/// Proportional set size of the daemon and its workers in MB: memory that other processes share is counted once.
pub fn memory_of(daemon: &Daemon) -> f64 {
    let mut pids = daemon.workers();
    // A process that has not become a worker yet shares the daemon's memory.
    pids.retain(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with("\0worker\0")));
    pids.push(daemon.pid().to_string());
    pids.iter().map(|pid| memory_of_process(pid)).sum()
}

/// The same of one process: its number, or "self".
pub fn memory_of_process(pid: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).map_or("0 kB", str::trim);
    line.trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1000.0
}

fn descriptors(daemon: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).map_or(0, Iterator::count)
}

/// As many open files as the system lets us have: each connection is one here and one in the daemon.
fn many_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65536), hard).expect("limit");
}

/// A message of 1 MB: pictures, each other than those of the next message, and a file of no interest.
fn megabyte(pictures: &[Vec<u8>], number: usize) -> Frames {
    let picture = &pictures[number % pictures.len()];
    let rest = vec![number as u8; 740_000_usize.saturating_sub(picture.len())];
    Frames::of(&messages::with_files(&format!("{number}"), &[("a.png", picture), ("b.bin", &rest)]))
}

pub fn memory(folder: &Path) {
    many_files();
    let pictures = load::pictures(folder, 400);
    let daemon = daemon(&FORGETFUL);
    let socket = daemon.socket();
    let (idle, most) = runtime().block_on(async {
        let mut connections = Vec::new();
        for _ in 0..1000 {
            connections.push(Connection::open(&socket).await.expect("connect"));
        }
        let idle = memory_of(&daemon);
        let messages: Arc<Vec<Frames>> = Arc::new((0..200).map(|number| megabyte(&pictures, number)).collect());
        let stop = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..100)
            .map(|number| {
                let (mut connection, messages, stop) = (connections.swap_remove(0), messages.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut at = number;
                    while !stop.load(Ordering::Relaxed) {
                        connection.message(&messages[at % messages.len()]).await.expect("answer");
                        at += 100;
                    }
                })
            })
            .collect();
        let (started, mut most) = (Instant::now(), 0.0_f64);
        while started.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            most = most.max(memory_of(&daemon));
        }
        stop.store(true, Ordering::Relaxed);
        for task in busy {
            task.await.expect("task");
        }
        (idle, most)
    });
    row("memory with 1,000 connections, all idle, MB (daemon and workers)", &format!("{idle:.0}"), "");
    row("the same with 100 of them busy with messages of 1 MB, at most, in 20 s", &format!("{most:.0}"), "≤ 400");
}

pub fn overload(folder: &Path) {
    many_files();
    let pictures = load::pictures(folder, 300);
    let messages = Arc::new(pictures.iter().map(|picture| Frames::of(&load::message(picture))).collect::<Vec<_>>());
    let daemon = daemon(&[&FORGETFUL[..], &["milter.connections=20000"]].concat());
    let socket = daemon.socket();
    let runtime = runtime();
    let (seconds, _) = runtime.block_on(load::all(&socket, &messages, 3 * cores()));
    let capacity = messages.len() as f64 / seconds;
    let calm = runtime.block_on(load::all(&socket, &messages, 1)).1;
    let calm = quantile(&calm.iter().map(|answer| answer.time.as_secs_f64()).collect::<Vec<_>>(), 0.5);
    let mut memories = Vec::new();
    let (answers, recovered) = runtime.block_on(async {
        let free = Arc::new(std::sync::Mutex::new(Vec::<Connection>::new()));
        let (started, mut sent, mut tasks) = (Instant::now(), 0_usize, Vec::new());
        let mut sampled = 0;
        while started.elapsed() < Duration::from_secs(60) {
            while (sent as f64) < started.elapsed().as_secs_f64() * 10.0 * capacity {
                let (free, messages, socket, number) = (free.clone(), messages.clone(), socket.clone(), sent % messages.len());
                sent += 1;
                tasks.push(tokio::spawn(async move {
                    let idle = free.lock().expect("lock").pop();
                    let mut connection = match idle {
                        Some(connection) => connection,
                        None => Connection::open(&socket).await.ok()?,
                    };
                    let answer = connection.message(&messages[number]).await.ok()?;
                    free.lock().expect("lock").push(connection);
                    Some(answer)
                }));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            if started.elapsed().as_secs() / 5 > sampled {
                sampled += 1;
                memories.push(memory_of(&daemon));
            }
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.expect("task"));
        }
        // What was sent last is answered by now: is the next message served as before?
        let ended = Instant::now();
        let mut connection = Connection::open(&socket).await.expect("connect");
        let mut at = 0;
        loop {
            let answer = connection.message(&messages[at % messages.len()]).await.expect("answer");
            at += 1;
            if answer.time.as_secs_f64() < 2.0 * calm + 0.02 || ended.elapsed() > Duration::from_secs(60) {
                break;
            }
        }
        (answers, ended.elapsed().as_secs_f64())
    });
    let lost = answers.iter().filter(|answer| answer.is_none()).count();
    let times: Vec<f64> = answers.iter().flatten().map(|answer| answer.time.as_secs_f64()).collect();
    let judged = answers.iter().flatten().filter(|answer| !answer.verdict.starts_with("Unknown")).count();
    let flat = memories.last().copied().unwrap_or(0.0) / memories.get(2).copied().unwrap_or(1.0);
    row("overload: messages offered in 60 s, and how many times the capacity that is", &format!("{}, 10", answers.len()), "");
    row("messages lost", &lost.to_string(), "0");
    row("latest answer, seconds after the end of data (deadline 10 s)", &format!("{:.1}", quantile(&times, 1.0)), "≤ 11");
    row(
        "messages judged in that time, of what is judged without overload",
        &format!("{:.2}", judged as f64 / (60.0 * capacity)),
        "",
    );
    row("memory after 60 s against 15 s", &format!("{flat:.2} ({:.0} MB)", memories.last().copied().unwrap_or(0.0)), "flat");
    row("served as before, seconds after the last answer", &format!("{recovered:.1}"), "≤ 5");
}

/// A picture that costs much, or breaks: a bomb, one cut off, one with bytes flipped, or one that says it is larger than it is.
fn hostile(pictures: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut picture = pictures[random.random_range(0..pictures.len())].clone();
    match random.random_range(0..4) {
        0 => picture.truncate(random.random_range(1..picture.len())),
        1 => {
            for _ in 0..20 {
                let at = random.random_range(0..picture.len());
                picture[at] ^= 1 << random.random_range(0..8);
            }
        }
        2 => {
            let (width, height) = (random.random_range(3000..7000), random.random_range(3000..7000));
            let mut bytes = std::io::Cursor::new(Vec::new());
            image::GrayImage::from_pixel(width, height, image::Luma([random.random()]))
                .write_to(&mut bytes, image::ImageFormat::Png)
                .expect("PNG");
            picture = bytes.into_inner();
        }
        _ if picture.len() > 24 => picture[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]),
        _ => {}
    }
    picture
}

/// Minutes about the fifth, and at the end, whose medians are compared: a single minute's swings by a third with what the workers hold.
const COMPARED: usize = 5;

pub fn soak(folder: &Path, minutes: u64) {
    assert!(minutes >= 2 + 2 * COMPARED as u64, "minutes: at least {}, or beginning and end are the same", 2 + 2 * COMPARED);
    many_files();
    let pictures = Arc::new(load::pictures(folder, 2000));
    let daemon = daemon(&["feedback.store=\"\""]);
    let socket = daemon.socket();
    let (stop, sent, unknown) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (mut open, mut series) = (Vec::new(), Vec::new());
    runtime().block_on(async {
        let tasks: Vec<_> = (0..2 * cores() as u64)
            .map(|seed| {
                let (socket, pictures, stop, sent, unknown) =
                    (socket.clone(), pictures.clone(), stop.clone(), sent.clone(), unknown.clone());
                tokio::spawn(async move {
                    let mut random = ChaCha8Rng::seed_from_u64(seed);
                    let mut connection = Connection::open(&socket).await.expect("connect");
                    while !stop.load(Ordering::Relaxed) {
                        let whole = &pictures[random.random_range(0..pictures.len())];
                        let message = match random.random_range(0..10) {
                            0..3 => messages::without_picture("words"),
                            3..6 => load::message(whole),
                            6 => messages::with_files(
                                "two",
                                &[("a.png", whole), ("b.jpg", &pictures[random.random_range(0..pictures.len())])],
                            ),
                            _ => load::message(&hostile(&pictures, &mut random)),
                        };
                        let frames = Frames::of(&message);
                        // A mail server that hangs up in the middle.
                        if random.random_range(0..200) == 0 {
                            let late = tokio::time::timeout(Duration::from_millis(3), connection.message(&frames)).await;
                            if late.is_err() {
                                connection = Connection::open(&socket).await.expect("connect");
                            }
                            continue;
                        }
                        let answer = connection.message(&frames).await.expect("answer");
                        sent.fetch_add(1, Ordering::Relaxed);
                        unknown.fetch_add(usize::from(answer.verdict.starts_with("Unknown")), Ordering::Relaxed);
                        // Not more than it can do: this is about what stays behind.
                        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
                    }
                })
            })
            .collect();
        for minute in 1..=minutes {
            // What a worker takes for a large picture comes and goes: the median of a minute tells what stays.
            let mut samples = Vec::new();
            for _ in 0..30 {
                tokio::time::sleep(Duration::from_secs(2)).await;
                samples.push(memory_of(&daemon));
            }
            let (memory, files) = (quantile(&samples, 0.5), descriptors(&daemon));
            eprintln!("minute {minute}: {memory:.0} MB, {files} descriptors, {} messages", sent.load(Ordering::Relaxed));
            series.push(memory);
            open.push(files);
        }
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.expect("task");
        }
    });
    let (sent, unknown) = (sent.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed));
    row(
        &format!("{minutes} minutes of mixed traffic, 3 of 10 messages hostile: messages (of these unknown)"),
        &format!("{sent} ({unknown})"),
        "",
    );
    let (early, end) = (quantile(&series[2..2 + COMPARED], 0.5), quantile(&series[series.len() - COMPARED..], 0.5));
    row(
        &format!("memory in the last {COMPARED} minutes against the third to seventh"),
        &format!("{:.2} ({} MB)", end / early, spread(&series, 0)),
        "≤ 1.1",
    );
    row("file descriptors at the end, and after 5 minutes", &format!("{}, {}", open[open.len() - 1], open[4]), "equal");
}
