//! What looking for pictures costs a message that has none, beside parsing it with mail-parser alone; then with the way to a
//! worker process and back: `cargo bench --bench search`. What looking for codes costs the pictures in a folder, beside decoding
//! them and making them as large as the net takes them: `cargo bench --bench search -- FOLDER`

use std::{
    path::Path,
    time::{Duration, Instant},
};

use imagespam_milter::{
    config::{Limits, Sources, load},
    image,
    inspect::{Audience, Code, Kind, Pool, Seen, Task, worker},
    mail::find_pictures,
};

/// Who takes what there is to be seen, and makes nothing of it.
struct Nobody;

impl Audience for Nobody {
    fn seen(&mut self, _: Seen) {}

    fn codes(&mut self, _: Vec<Code>) {}

    fn again(&mut self, _: &[u8; 32], _: &str, _: usize) -> Option<usize> {
        None
    }

    fn whole(&mut self, _: [u8; 32]) {}

    fn gone(&self) -> bool {
        false
    }
}

/// Rounds of which the median counts.
const ROUNDS: usize = 9;

fn main() {
    // Workers are this very program.
    if std::env::args().nth(1).as_deref() == Some("worker") {
        worker().expect("worker");
        return;
    }
    let settings = load(&Sources::default()).expect("defaults").0;
    if let Some(folder) = std::env::args().skip(1).find(|argument| argument != "--bench") {
        return codes(Path::new(&folder), &settings.limits);
    }
    let pool = Pool::new(Task::new(&settings.limits, &settings.skip, vec![(384, 384)])).expect("pool");
    println!(
        "{:44} {:>8} {:>10} {:>10} {:>6} {:>10} {:>6}",
        "message", "bytes", "parse us", "search us", "ratio", "worker us", "ratio"
    );
    for (name, message) in messages() {
        let bytes = message.as_bytes();
        let far = Instant::now() + Duration::from_secs(3600);
        let mut rows = Vec::new();
        for _ in 0..ROUNDS {
            let parse = time(|| {
                std::hint::black_box(mail_parser::MessageParser::new().parse(std::hint::black_box(bytes)));
            });
            let search = time(|| {
                std::hint::black_box(find_pictures(std::hint::black_box(bytes), &settings.limits, &mut |_| true)).expect("found");
            });
            let whole = time(|| {
                std::hint::black_box(pool.inspect(Kind::Message, &[bytes], far, &mut Nobody));
            });
            rows.push([parse, search, search / parse, whole, whole / parse]);
        }
        let median = |column: usize| {
            let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        println!(
            "{name:44} {:>8} {:>10.1} {:>10.1} {:>6.2} {:>10.1} {:>6.2}",
            bytes.len(),
            median(0),
            median(1),
            median(2),
            median(3),
            median(4)
        );
    }
}

fn codes(folder: &Path, limits: &Limits) {
    let (mut pictures, mut pixels, mut bare, mut brightness, mut codes) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for entry in std::fs::read_dir(folder).expect("folder") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("file");
        let started = Instant::now();
        let Ok((picture, _)) = image::decode_reduced(&bytes, limits) else { continue };
        std::hint::black_box(image::resize(&picture, 384, 384));
        let decoded = Instant::now();
        let grey = image::grey(&picture);
        let told = Instant::now();
        std::hint::black_box(image::codes(&grey));
        codes += told.elapsed().as_secs_f64();
        brightness += (told - decoded).as_secs_f64();
        bare += (decoded - started).as_secs_f64();
        pictures += 1.0;
        pixels += f64::from(picture.width()) * f64::from(picture.height());
    }
    let each = |seconds: f64| seconds * 1e3 / pictures;
    println!(
        "{pictures} pictures of {:.2} megapixels; ms each: decoded and sized {:.2}, brightness {:.2}, codes {:.2}; codes against the first {:.2}",
        pixels / 1e6 / pictures,
        each(bare),
        each(brightness),
        each(codes),
        codes / bare
    );
}

/// Microseconds a call.
fn time(mut call: impl FnMut()) -> f64 {
    let (started, mut calls) = (Instant::now(), 0);
    while calls < 3 || started.elapsed() < Duration::from_millis(60) {
        call();
        calls += 1;
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn messages() -> Vec<(&'static str, String)> {
    let head = "Received: from a.example by b.example with ESMTPS id 1; Tue, 24 Nov 2026 04:00:00 +0000\r\nFrom: A <a@example.com>\r\nTo: B <b@example.org>\r\nSubject: Words\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n";
    let words = "Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod\r\n";
    let row = "<tr><td style=\"padding:4px;background-color:#fafafa\"><a href=\"https://example.com/a?b=c\">Lorem ipsum</a> dolor sit amet</td></tr>\r\n";
    let html = |rows: usize| {
        format!("<html><head><style>td{{color:#333}}</style></head><body><table>{}</table></body></html>\r\n", row.repeat(rows))
    };
    let alternative = |text: usize, rows: usize| {
        format!(
            "{head}Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b\r\nContent-Type: text/html\r\n\r\n{}\r\n--b--\r\n",
            words.repeat(text),
            html(rows)
        )
    };
    let attachment = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n".repeat(13_000);
    vec![
        ("text, 2 kB", format!("{head}Content-Type: text/plain\r\n\r\n{}", words.repeat(25))),
        ("text, 10 kB", format!("{head}Content-Type: text/plain\r\n\r\n{}", words.repeat(125))),
        ("text and HTML, 20 kB", alternative(60, 110)),
        ("HTML newsletter, 100 kB", alternative(60, 700)),
        (
            "text and 1 MB of an unknown file",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{words}\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{attachment}\r\n--b--\r\n"
            ),
        ),
    ]
}
