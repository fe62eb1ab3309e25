//! Messages made to take time and memory: each is answered in time, the daemon and its workers stay within their memory, and
//! another connection is served meanwhile. `cargo test --test bombs -- --nocapture` prints what was measured.

mod common;

use std::{
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{
    Daemon,
    containers::{animated_gif, pdf_of, stream, zip},
    memory,
    messages::{attached, message, with_picture},
    picture,
};
use image::RgbImage;

/// As in the shipped configuration.
const DEADLINE: Duration = Duration::from_secs(10);
const WORKER_MEMORY: u64 = 1 << 20;

fn html(page: &str) -> Vec<u8> {
    message("page", &format!("Content-Type: text/html\r\n\r\n{page}"))
}

/// A PNG of `side` x `side` black pixels of one bit.
fn png_of(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().expect("header");
    let row = vec![0; side.div_ceil(8) as usize];
    let mut rows = writer.stream_writer().expect("rows");
    (0..side).for_each(|_| rows.write_all(&row).expect("row"));
    rows.finish().expect("end");
    writer.finish().expect("end");
    bytes
}

/// Each frame changes one pixel of a large picture.
fn gif_of(frames: usize) -> Vec<u8> {
    let mut bytes = animated_gif(&[(RgbImage::new(2000, 2000), 10)]);
    assert_eq!(bytes.pop(), Some(0x3b), "the end of a GIF");
    let frame =
        b"\x21\xf9\x04\x00\x01\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x80\x00\x00\x00\xff\xff\xff\x02\x02\x44\x01\x00";
    (0..frames).for_each(|_| bytes.extend_from_slice(frame));
    bytes.push(0x3b);
    bytes
}

fn laughs() -> Vec<u8> {
    let entities: String = (1..12).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect();
    format!("<!DOCTYPE svg [<!ENTITY a0 \"ha\">{entities}]><svg xmlns='http://www.w3.org/2000/svg'><text>&a11;</text></svg>")
        .into_bytes()
}

/// References that fan out: 10 to the 9th rectangles.
fn uses() -> Vec<u8> {
    let groups: String =
        (1..10).map(|n| format!("<g id='g{n}'>{}</g>", format!("<use href='#g{}'/>", n - 1).repeat(10))).collect();
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='500' height='500'><defs><rect id='g0' width='9' height='9'/>{groups}</defs><use href='#g9'/></svg>").into_bytes()
}

fn filters() -> Vec<u8> {
    let filter = "<filter id='f' x='-9' y='-9' width='20' height='20'><feGaussianBlur stdDeviation='90'/><feTurbulence numOctaves='9' baseFrequency='.9'/><feMorphology operator='dilate' radius='90'/></filter>";
    let (open, close) = ("<g filter='url(#f)'>".repeat(60), "</g>".repeat(60));
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='1000' height='1000'>{filter}{open}<rect width='900' height='900'/>{close}</svg>").into_bytes()
}

fn page(contents: &[u8], further: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >> >>"
            .to_vec(),
        stream("", contents),
    ];
    objects.extend_from_slice(further);
    pdf_of(&objects)
}

/// One file of zeros, named by every entry of the directory: 4 GB in all.
fn overlapping_zip() -> Vec<u8> {
    let one = zip(&[("0.png", &[picture("ham-chart.png"), vec![0; 20_000_000]].concat())]);
    let end = one.len() - 22;
    let start = u32::from_le_bytes(one[end + 16..end + 20].try_into().expect("offset")) as usize;
    let (local, entry) = (&one[..start], &one[start..end]);
    let count = 200_u16;
    let directory = entry.repeat(usize::from(count));
    let mut tail = one[end..].to_vec();
    tail[8..10].copy_from_slice(&count.to_le_bytes());
    tail[10..12].copy_from_slice(&count.to_le_bytes());
    tail[12..16].copy_from_slice(&(directory.len() as u32).to_le_bytes());
    [local, &directory, &tail].concat()
}

/// Archives of archives, 16 in each, five deep: as the 42 kB that become 4 PB.
fn nested_zip() -> Vec<u8> {
    let mut inner = zip(&[("0.png", &[picture("ham-chart.png"), vec![0; 4_000_000]].concat())]);
    for _ in 0..5 {
        let names: Vec<String> = (0..16).map(|n| format!("{n}.zip")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), inner.as_slice())).collect();
        inner = zip(&files);
    }
    inner
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let many: String = (0..100_000).map(|_| "--many\r\n\r\nx\r\n").collect();
    let deep: String = (0..1_000).map(|_| "Content-Type: message/rfc822\r\n\r\n").collect();
    let operators = "0 0 m 600 800 l 9 9 m 500 20 l S\n".repeat(250_000);
    let drawn = "1 0 0 rg 0 0 600 800 re f /F Do\n".repeat(1000);
    let form = |inner: &str, next: usize| {
        let dictionary =
            format!("/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /F {next} 0 R >> >> ");
        stream(&dictionary, inner.as_bytes())
    };
    let recursive = page(b"/F Do", &[form("0 0 9 9 re f /F Do", 5)]);
    let fan: Vec<Vec<u8>> = (0..9).map(|n| form(&"/F Do ".repeat(10), 6 + n)).chain([form("0 0 9 9 re f", 5)]).collect();
    let brackets = page(&[vec![b'['; 3_000_000], b"\n".to_vec()].concat(), &[]);
    let dictionaries = [b"%PDF-1.7\n1 0 obj\n".to_vec(), b"<</A".repeat(2_000_000)].concat();
    let groups = format!("<svg xmlns='http://www.w3.org/2000/svg' width='500' height='500'>{}", "<g>".repeat(500_000));
    vec![
        ("PNG of 50,000 x 50,000", attached("a.png", &png_of(50_000))),
        ("GIF of 100,000 frames of 4 megapixels", attached("a.gif", &gif_of(100_000))),
        ("SVG, a billion laughs", attached("a.svg", &laughs())),
        ("SVG, a billion uses", attached("a.svg", &uses())),
        ("SVG, filters in filters", attached("a.svg", &filters())),
        ("SVG, 500,000 groups in one another", attached("a.svg", groups.as_bytes())),
        ("PDF, a page of 10^6 operators", attached("a.pdf", &page(operators.as_bytes(), &[]))),
        (
            "PDF, a page that is filled 1,000 times by forms",
            attached("a.pdf", &page(drawn.as_bytes(), &[form("0 0 600 800 re f", 5)])),
        ),
        ("PDF, a form that draws itself", attached("a.pdf", &recursive)),
        ("PDF, a billion forms", attached("a.pdf", &page(b"/F Do", &fan))),
        ("PDF, 3,000,000 arrays in one another", attached("a.pdf", &brackets)),
        ("PDF, 2,000,000 dictionaries in one another", attached("a.pdf", &dictionaries)),
        ("ZIP of 4 GB, entries that overlap", attached("a.zip", &overlapping_zip())),
        ("ZIP of 4 TB, archives in archives", attached("a.zip", &nested_zip())),
        ("messages in messages, 1,000 deep", message("deep", &deep)),
        (
            "100,000 MIME parts",
            message("many", &format!("Content-Type: multipart/mixed; boundary=many\r\n\r\n{many}--many--\r\n")),
        ),
        (
            "base64 of 500 MB",
            message(
                "long",
                &format!("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", "iVBORw0K".repeat(62_500_000)),
            ),
        ),
        (
            "HTML of 24 MB, a data URL that never ends",
            html(&format!("<img src=\"data:image/png;base64,{}", "iVBORw0K".repeat(3_000_000))),
        ),
        ("HTML of 24 MB, a million data URLs", html(&"<img src='data:,x'>".repeat(1_260_000))),
        ("HTML of 24 MB, nothing but <", html(&"<".repeat(24_000_000))),
        ("HTML of 20 MB, blocks in blocks of a style", html(&format!("<style>{}", "a{url(".repeat(3_300_000)))),
        ("HTML of 20 MB, tables in tables", html(&"<table><tr><td>".repeat(1_300_000))),
        (
            "text of 20 MB in block characters",
            message("t", &format!("Content-Type: text/plain\r\n\r\n{}", format!("{}\r\n", "█ ".repeat(500)).repeat(10_000))),
        ),
    ]
}

#[test]
fn bombs_are_answered_in_time_within_memory_while_others_are_served() {
    let daemon = Arc::new(Daemon::start(&[]));
    let pid = daemon.pid().to_string();
    let spam = with_picture("spam", "image/png", &picture("spam-stock.png"));
    assert!(daemon.client().message(&spam).verdict().expect("verdict").starts_with("Yes"), "warm");
    println!("{:48} {:>9} {:>7} {:>10} {:>10} {:>9}  reply", "bomb", "bytes", "s", "daemon MB", "worker MB", "others ms");
    let bombs: Vec<(&str, Vec<u8>)> = bombs();
    for (name, bomb) in bombs {
        let running = Arc::new(AtomicBool::new(true));
        let peak = Arc::new(Mutex::new(0_u64));
        let watch = {
            let (running, peak, daemon) = (running.clone(), peak.clone(), daemon.clone());
            thread::spawn(move || {
                while running.load(Ordering::Relaxed) {
                    let most = daemon.workers().iter().map(|worker| memory(worker, "VmHWM")).max().unwrap_or(0);
                    let mut peak = peak.lock().expect("peak");
                    *peak = most.max(*peak);
                    drop(peak);
                    thread::sleep(Duration::from_millis(10));
                }
            })
        };
        let others = {
            let (running, socket, spam) = (running.clone(), daemon.socket(), spam.clone());
            thread::spawn(move || {
                let mut slowest = Duration::ZERO;
                loop {
                    let started = Instant::now();
                    let verdict = common::client::Client::connect(&socket).message(&spam).verdict().expect("verdict");
                    assert!(verdict.starts_with("Yes"), "another message meanwhile: {verdict}");
                    slowest = slowest.max(started.elapsed());
                    if !running.load(Ordering::Relaxed) {
                        return slowest;
                    }
                }
            })
        };
        let started = Instant::now();
        let answer = daemon.client().message(&bomb);
        let took = started.elapsed();
        running.store(false, Ordering::Relaxed);
        watch.join().expect("watch");
        let slowest = others.join().expect("others");
        let (peak, daemon_peak) = (*peak.lock().expect("peak"), memory(&pid, "VmHWM"));
        let verdict = answer.verdict().unwrap_or_else(|| "no header".to_owned());
        println!(
            "{name:48} {:>9} {:>7.2} {:>10} {:>10} {:>9}  {} {}",
            bomb.len(),
            took.as_secs_f64(),
            daemon_peak / 1024,
            peak / 1024,
            slowest.as_millis(),
            answer.status,
            verdict.split(" model=").next().unwrap_or_default()
        );
        assert_eq!(answer.status, 'a', "{name}");
        assert!(took < DEADLINE + Duration::from_secs(2), "{name}: {took:?}");
        assert!(slowest < DEADLINE, "{name}: another message took {slowest:?}");
        assert!(peak <= WORKER_MEMORY, "{name}: a worker took {peak} kB");
        assert!(daemon_peak < 600_000, "{name}: the daemon took {daemon_peak} kB");
    }
    assert!(daemon.client().message(&spam).verdict().expect("verdict").starts_with("Yes"), "and after all of them");
}
