//! How time and memory grow with what comes in.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use image::{ImageFormat, RgbImage, imageops::FilterType};
use imagespam_milter::{
    image::{fingerprint, grey},
    verdict::{Files, Recent, Shown, Vector, What},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    FORGETFUL,
    common::{Daemon, messages},
    load::{Connection, Frames},
    quantile, row, runtime,
    steady::daemon,
    stress::{memory_of, memory_of_process},
};

pub fn growth() {
    // First, while the process has no memory to use again; each count is kept for the same reason.
    let mut kept = Vec::new();
    let known = [1_000, 10_000, 100_000, 1_000_000].map(|count| (count, known_files(count, &mut kept)));
    drop(kept);
    let runtime = runtime();
    println!("\n| a picture of so many pixels a side (JPEG, and PNG) | ms | MB |\n|---|---:|---:|");
    for side in [100, 200, 400, 800, 1600, 3200, 6400, 8000] {
        let picture = scene(side);
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).expect("picture");
            let limits = [
                "limits.decoder_memory=\"2 GiB\"",
                "limits.worker_memory=\"4 GiB\"",
                "limits.message_bytes=\"200 MiB\"",
                "limits.picture_bytes=\"100 MiB\"",
                "limits.picture_pixels=64000000",
                "limits.picture_time=\"60s\"",
                "policy.deadline=\"120s\"",
            ];
            let daemon = daemon(&[&FORGETFUL[..], &limits].concat());
            let message = messages::with_files("growth", &[("a", bytes.get_ref())]);
            let (ms, mb, _) = runtime.block_on(repeated(&daemon, &message, 7));
            row(&format!("{side}, {format:?}, {} kB", bytes.get_ref().len() / 1000), &format!("{ms:.1}"), &format!("{mb:.0}"));
        }
    }
    println!("\n| pictures of 400 x 400 pixels in a message | ms | MB |\n|---|---:|---:|");
    for count in [1, 2, 5, 10, 20, 50] {
        let files: Vec<Vec<u8>> = (0..count).map(|number| jpeg(&tinted(&scene(400), number))).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|file| ("a.jpg", file.as_slice())).collect();
        let daemon = daemon(&FORGETFUL);
        let (ms, mb, verdict) = runtime.block_on(repeated(&daemon, &messages::with_files("growth", &files), 5));
        row(&format!("{count} ({verdict})"), &format!("{ms:.1}"), &format!("{mb:.0}"));
    }
    println!(
        "\n| connections, each with a message of 10 kB without pictures under way or idle | ms a message | MB |\n|---|---:|---:|"
    );
    for count in [1, 10, 100, 1000] {
        let daemon = daemon(&FORGETFUL);
        let words = "Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy\r\n".repeat(130);
        let message =
            Arc::new(vec![Frames::of(&messages::message("growth", &format!("Content-Type: text/plain\r\n\r\n{words}")))]);
        let (seconds, mb) = runtime.block_on(async {
            let mut tasks = Vec::new();
            let mut opened = Vec::new();
            for _ in 0..count {
                opened.push(Connection::open(&daemon.socket()).await.expect("connect"));
            }
            let (started, rounds) = (Instant::now(), 3000 / count);
            for mut connection in opened {
                let message = message.clone();
                tasks.push(tokio::spawn(async move {
                    for _ in 0..rounds.max(3) {
                        connection.message(&message[0]).await.expect("answer");
                    }
                    connection
                }));
            }
            let mut connections = Vec::new();
            for task in tasks {
                connections.push(task.await.expect("task"));
            }
            (started.elapsed().as_secs_f64() / (count * rounds.max(3)) as f64, memory_of(&daemon))
        });
        row(&count.to_string(), &format!("{:.3}", seconds * 1000.0), &format!("{mb:.0}"));
    }
    println!("\n| files known byte for byte | µs to look one up | MB |\n|---|---:|---:|");
    for (count, (micros, mb)) in known {
        row(&count.to_string(), &format!("{micros:.2}"), &format!("{mb:.1}"));
    }
    println!("\n| spam pictures held for their near-duplicates | µs to look one up | MB |\n|---|---:|---:|");
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let (micros, mb) = near_duplicates(count);
        row(&count.to_string(), &format!("{micros:.1}"), &format!("{mb:.0}"));
    }
}

/// Milliseconds from the end of data to the answer (median), memory, and the verdict.
async fn repeated(daemon: &Daemon, message: &[u8], rounds: usize) -> (f64, f64, String) {
    let frames = Frames::of(message);
    let mut connection = Connection::open(&daemon.socket()).await.expect("connect");
    let (mut times, mut verdict) = (Vec::new(), String::new());
    for _ in 0..rounds {
        let answer = connection.message(&frames).await.expect("answer");
        times.push(answer.time.as_secs_f64() * 1000.0);
        verdict = answer.verdict;
    }
    let word = verdict.split(',').next().unwrap_or_default().to_owned();
    (quantile(&times, 0.5), memory_of(daemon), word)
}

/// Something between a photograph and a drawing, that a JPEG of it has the size of a photograph's.
fn scene(side: u32) -> RgbImage {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let coarse = RgbImage::from_fn(40, 40, |_, _| image::Rgb(random.random()));
    image::imageops::resize(&coarse, side, side, FilterType::CatmullRom)
}

fn tinted(picture: &RgbImage, number: u32) -> RgbImage {
    let mut tinted = picture.clone();
    tinted.pixels_mut().for_each(|pixel| pixel.0[0] = pixel.0[0].wrapping_add(number as u8 * 5));
    tinted
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg).expect("JPEG");
    bytes.into_inner()
}

/// Microseconds to look one up that is there, and MB that all take, without the feature vectors.
fn known_files(count: usize, kept: &mut Vec<Files>) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let vector = Arc::new(Vector::new(&[], None));
    let before = memory_of_process("self");
    // Room for all: an entry counts less.
    let files = Files::new(count as u64 * 1024, Duration::from_secs(3600));
    let names: Vec<[u8; 32]> = (0..count).map(|_| random.random()).collect();
    for name in &names {
        let shown = Shown {
            label: None,
            media_type: "image/png".to_owned(),
            dimensions: Some((800, 600)),
            hash: Some(1),
            codes: Vec::new(),
            what: What::Judged(vector.clone()),
        };
        files.insert(*name, vec![shown]);
    }
    let memory = memory_of_process("self") - before - size_of_val(names.as_slice()) as f64 / 1e6;
    let lookups = 100_000;
    let started = Instant::now();
    for _ in 0..lookups {
        let name = &names[random.random_range(0..count)];
        std::hint::black_box(files.get(name).expect("known"));
    }
    let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(lookups);
    kept.push(files);
    (micros, memory)
}

/// Microseconds to look one up that is not there, and memory without the feature vectors.
fn near_duplicates(count: usize) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut print = fingerprint(&grey(&scene(64)), &scene(64));
    let recent = Recent::new(count, Duration::from_secs(3600));
    let vector = Arc::new(Vector::new(&[], None));
    for _ in 0..count {
        print.hash = random.random();
        recent.push(print.clone(), vector.clone());
    }
    let size = (size_of_val(&print) + print.sketch.len() + 48) * count;
    let mut times = Vec::new();
    for _ in 0..101 {
        print.hash = random.random();
        let started = Instant::now();
        std::hint::black_box(recent.find(&print));
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    (quantile(&times, 0.5), size as f64 / 1e6)
}
