//! Broken and hostile messages, pictures and bundles: every message is answered, and the daemon goes on.

mod common;

use std::{fs, time::Instant};

use common::{
    Daemon,
    client::{Answer, OUTSIDE},
    copy_bundle, memory,
    messages::{base64, message, multipart, part, with_picture, without_picture},
    picture,
};

/// Sends each message over a connection of its own; each must be accepted within the deadline, and a spam picture must
/// still be found after all of them.
fn survives(messages: Vec<(String, Vec<u8>)>) -> Vec<Answer> {
    let mut daemon = Daemon::start(&[]);
    let mut answers = Vec::new();
    for (name, message) in messages {
        let started = Instant::now();
        let answer = daemon.client().message(&message);
        assert_eq!(answer.status, 'a', "{name}");
        assert!(started.elapsed().as_secs() < 12, "{name} took {:?}", started.elapsed());
        assert!(daemon.is_running(), "{name}");
        answers.push(answer);
    }
    let spam = with_picture("spam", "image/png", &picture("spam-stock.png"));
    assert!(daemon.client().message(&spam).verdict().expect("verdict").starts_with("Yes"));
    answers
}

fn every_type() -> Vec<(&'static str, Vec<u8>)> {
    let mut pictures: Vec<_> =
        ["spam-stock.png", "spam-stock.gif", "spam-loan.jpg", "reference/shapes.bmp", "reference/lines.tiff"]
            .map(|name| (name, picture(name)))
            .into();
    let mut webp = std::io::Cursor::new(Vec::new());
    let pixels = image::load_from_memory(&common::drawn(1)).expect("picture");
    pixels.to_rgb8().write_to(&mut webp, image::ImageFormat::WebP).expect("WebP");
    pictures.push(("drawn.webp", webp.into_inner()));
    pictures
}

#[test]
fn truncated_pictures_are_counted_and_cost_no_message() {
    let mut messages = Vec::new();
    for (name, bytes) in every_type() {
        for length in [0, 1, 7, 16, 33, bytes.len() / 10, bytes.len() / 2, bytes.len() - 1] {
            messages.push((format!("{name} cut to {length}"), with_picture("cut", "image/x", &bytes[..length])));
        }
    }
    let answers = survives(messages);
    let verdict = |answer: &Answer| answer.verdict().unwrap_or_default();
    assert!(answers.iter().any(|answer| verdict(answer).starts_with("Unknown, reason=undecodable pictures=0 undecodable=1 ")));
}

#[test]
fn a_png_that_breaks_off_is_judged_by_what_programs_show_of_it() {
    let spam = picture("spam-stock.png");
    let mut damaged = spam.clone();
    damaged[spam.len() * 9 / 10] ^= 0x40;
    let cut = |length| spam[..length].to_vec();
    let torn = [cut(spam.len() - 1), cut(spam.len() - 300), cut(spam.len() * 3 / 4), damaged];
    let answers = survives(torn.iter().map(|bytes| ("torn".to_owned(), with_picture("torn", "image/png", bytes))).collect());
    for answer in answers {
        let verdict = answer.verdict().unwrap_or_default();
        assert!(verdict.starts_with("Yes, ") && verdict.contains(" pictures=1 "), "{verdict}");
    }
}

#[test]
fn bit_flipped_pictures_cost_no_message() {
    let mut messages = Vec::new();
    for (name, bytes) in every_type() {
        for seed in 0..12_usize {
            let mut flipped = bytes.clone();
            // Headers are hit often, the rest now and then.
            let places = [seed * 5 + 4, seed * 11 + 12, (seed + 1) * bytes.len() / 13 - 1];
            places.iter().for_each(|place| flipped[*place % bytes.len()] ^= 1 << (seed % 8));
            messages.push((format!("{name} flipped {seed}"), with_picture("flip", "image/x", &flipped)));
        }
    }
    survives(messages);
}

#[test]
fn mislabelled_and_empty_pictures_are_reported() {
    let answers = survives(vec![
        ("text as PNG".to_owned(), with_picture("a", "image/png", b"just some words, no picture at all")),
        ("nothing as PNG".to_owned(), with_picture("b", "image/png", b"")),
        ("PNG as JPEG".to_owned(), with_picture("c", "image/jpeg", &picture("ham-chart.png"))),
        ("unknown type".to_owned(), with_picture("d", "image/x-strange", b"strange")),
    ]);
    let verdicts: Vec<_> = answers.iter().map(|answer| answer.verdict().unwrap_or_default()).collect();
    for undecodable in [0, 1, 3] {
        assert!(verdicts[undecodable].starts_with("Unknown, reason=undecodable pictures=0 undecodable=1"), "{verdicts:?}");
    }
    assert!(verdicts[2].starts_with("No, score="), "{verdicts:?}");
}

/// A PNG that says it has so many pixels, with a few bytes of data: a decompression bomb's header.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = common::png(&image::RgbImage::new(8, 8));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&crc);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn huge_pictures_are_refused_before_they_take_memory() {
    let daemon = Daemon::start(&[]);
    for (width, height) in [(50_000, 50_000), (u32::MAX >> 1, u32::MAX >> 1), (2_000_000, 1), (0, 0)] {
        let answer = daemon.client().message(&with_picture("huge", "image/png", &png_of(width, height)));
        assert!(
            answer.status == 'a' && answer.verdict().unwrap_or_default().starts_with("Unknown, reason="),
            "{width}x{height}: {answer:?}"
        );
    }
    let kilobytes = memory(&daemon.pid().to_string(), "VmHWM");
    assert!((1..700_000).contains(&kilobytes), "peak memory {kilobytes} kB");
}

/// Each three of them might belong to a QR code.
#[test]
fn a_page_of_finder_patterns_does_not_keep_a_worker_busy_until_it_is_ended() {
    let daemon = Daemon::start(&["limits.workers=1"]);
    let page = image::RgbImage::from_fn(1200, 1200, |x, y| {
        let (x, y) = (x % 9, y % 9);
        let from_edge = x.min(y).min(6_u32.wrapping_sub(x)).min(6_u32.wrapping_sub(y));
        image::Rgb(if x < 7 && y < 7 && from_edge != 1 { [0; 3] } else { [255; 3] })
    });
    let workers = daemon.workers();
    let answer = daemon.client().message(&with_picture("finders", "image/png", &common::png(&page)));
    // Judged, and that something was not read is told.
    let verdict = answer.verdict().expect("verdict");
    assert!(answer.status == 'a' && !verdict.starts_with("Unknown"), "{answer:?}");
    assert!(verdict.contains("incomplete=picture_time"), "{verdict}");
    assert_eq!(daemon.workers(), workers, "the same worker");
}

#[test]
fn broken_mime_costs_no_message() {
    let png = picture("spam-stock.png");
    let many = |count: usize| {
        let parts: String = (0..count).map(|_| "--many\r\n\r\nx\r\n").collect();
        message("many", &format!("Content-Type: multipart/mixed; boundary=many\r\n\r\n{parts}--many--\r\n"))
    };
    let nested: String = (0..5_000).map(|_| "Content-Type: message/rfc822\r\n\r\n").collect();
    let digests: String =
        (0..2_000).map(|n| format!("Content-Type: multipart/digest; boundary=d{n}\r\n\r\n--d{n}\r\n\r\n")).collect();
    let unclosed = multipart("mixed", "b", &[part("image/png", &png)]).replace("--b--", "");
    let same_boundary = multipart("mixed", "b", &[multipart("mixed", "b", &[part("image/png", &png)])]);
    let absent: String =
        (0..900).map(|n| format!("--b\r\nContent-Type: multipart/mixed; boundary=absent{n}\r\n\r\nx\r\n")).collect();
    let colons = "a:\r\n".repeat(300_000);
    let answers = survives(vec![
        ("10,000 parts".to_owned(), many(10_000)),
        ("100,000 parts".to_owned(), many(100_000)),
        ("900 parts".to_owned(), many(900)),
        ("5,000 nested messages".to_owned(), message("nested", &nested)),
        ("2,000 nested digests".to_owned(), message("digests", &digests)),
        (
            "900 absent boundaries".to_owned(),
            message(
                "absent",
                &format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{absent}--b--\r\n{}", "y".repeat(2_000_000)),
            ),
        ),
        ("unclosed".to_owned(), message("unclosed", &unclosed)),
        ("no boundary".to_owned(), message("none", "Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\n--x--\r\n")),
        ("same boundary".to_owned(), message("same", &same_boundary)),
        (
            "empty boundary".to_owned(),
            message("empty", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----\r\n"),
        ),
        ("header lines in a part".to_owned(), message("lines", &multipart("mixed", "b", &[format!("{colons}\r\nx")]))),
        (
            "bare CR and LF".to_owned(),
            message(
                "bare",
                &format!(
                    "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                    base64(&png).replace("\r\n", "\r")
                ),
            ),
        ),
        (
            "bare LF".to_owned(),
            message(
                "lf",
                &format!(
                    "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                    base64(&png).replace("\r\n", "\n")
                ),
            ),
        ),
        (
            "NUL and 8-bit".to_owned(),
            message("nul", &format!("Content-Type: text/plain\r\n\r\n{}", "\0\u{ff}\u{1}".repeat(1000))),
        ),
    ]);
    let verdict = |index: usize| answers[index].verdict().unwrap_or_default();
    assert!(verdict(0).starts_with("Unknown, reason=over-limit incomplete=parts "), "{}", verdict(0));
    assert!(verdict(10).contains("incomplete=header_lines"), "{}", verdict(10));
    assert!(verdict(6).starts_with("Yes") && verdict(11).starts_with("Yes") && verdict(12).starts_with("Yes"));
}

#[test]
fn an_encoded_message_full_of_nested_ones_costs_no_message() {
    let nested: String = (0..100_000).map(|_| "Content-Type: message/rfc822\n\n").collect();
    let hidden = multipart("mixed", "outer", &[part("message/rfc822", nested.as_bytes())]);
    let hidden_twice = multipart("mixed", "o2", &[part("message/rfc822", hidden.as_bytes())]);
    survives(vec![("once".to_owned(), message("once", &hidden)), ("twice".to_owned(), message("twice", &hidden_twice))]);
}

#[test]
fn a_header_of_almost_a_megabyte_costs_no_message() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.client();
    client.connect_info("192.0.2.1");
    client.envelope(&OUTSIDE);
    // One frame of the protocol holds less than 1 MiB, name and value together.
    client.header(b"X-Long", &vec![b'x'; 1_000_000]);
    let spam = with_picture("long", "image/png", &picture("spam-stock.png"));
    let body = client.headers(&spam);
    client.body(body);
    assert!(client.end().verdict().expect("verdict").starts_with("Yes"));
    // Many headers, and a subject full of encoded-words.
    let many: String = (0..20_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let words = "=?utf-8?Q?=00=0D=0A?= ".repeat(20_000);
    let message = [many.as_bytes(), format!("Subject: {words}\r\n").as_bytes(), &without_picture("x")].concat();
    assert_eq!(daemon.client().message(&message).status, 'a');
}

#[test]
fn without_a_whole_bundle_the_daemon_says_why_and_does_not_start() {
    let run = |folder: &tempfile::TempDir| {
        let socket = folder.path().join("milter.sock");
        let output = common::program()
            .args(["run", "--set", &format!("model.bundle={}", folder.path().display())])
            .args(["--set", &format!("milter.listen=[\"unix:{}\"]", socket.display())])
            .output()
            .expect("run");
        assert_eq!(output.status.code(), Some(2));
        assert!(!socket.exists());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let harmed = |file: &str, harm: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let folder = tempfile::tempdir().expect("folder");
        copy_bundle(folder.path());
        let path = folder.path().join(file);
        let bytes = fs::read(&path).expect("file");
        fs::write(&path, harm(bytes)).expect("file");
        run(&folder)
    };
    let missing = run(&tempfile::tempdir().expect("folder"));
    assert!(
        missing.contains("model.toml: can't be read") && missing.contains("reinstall the package, or set model.bundle"),
        "{missing}"
    );
    let flipped = harmed("backbone.onnx", &|mut bytes| {
        bytes[1_000_000] ^= 1;
        bytes
    });
    assert!(flipped.contains("backbone.onnx is corrupted: its SHA-256 is"), "{flipped}");
    let cut = harmed("head.onnx", &|bytes| bytes[..1000].to_vec());
    assert!(cut.contains("head.onnx is corrupted"), "{cut}");
    let text = |change: &dyn Fn(&str) -> String| {
        harmed("model.toml", &|bytes| change(&String::from_utf8(bytes).expect("text")).into_bytes())
    };
    let unknown = text(&|toml| toml.replace("layout = \"nhwc\"", "layout = \"abcd\""));
    assert!(unknown.contains("model.toml:") && unknown.contains("abcd"), "{unknown}");
    let future = text(&|toml| toml.replace("format = 2", "format = 9"));
    assert!(future.contains("has format 9, but this program reads format 2"), "{future}");
    let past = text(&|toml| toml.replace("format = 2", "format = 1").replace("[thresholds]", "[thresholds.spam]"));
    assert!(past.contains("has format 1, but this program reads format 2"), "{past}");
    let output = text(&|toml| toml.replace("\"stage2_mean\"", "\"stage9_mean\""));
    assert!(output.contains("has no output \"stage9_mean\""), "{output}");
    let channels = text(&|toml| toml.replace("channels = \"bgr\"", "channels = \"rgb\""));
    assert!(channels.contains("the known-answer run gave"), "{channels}");
    let escape = text(&|toml| toml.replace("file = \"head.onnx\"", "file = \"../head.onnx\""));
    assert!(escape.contains("must lie in the bundle's own folder"), "{escape}");
}

#[test]
fn without_a_usable_onnx_runtime_the_error_says_what_was_tried() {
    let folder = tempfile::tempdir().expect("folder");
    let verify = |settings: &[&str], library: Option<&str>| {
        let mut command = common::program();
        match library {
            Some(library) => command.env("ORT_DYLIB_PATH", library),
            None => command.env_remove("ORT_DYLIB_PATH"),
        };
        let output = command
            .args(["model", "verify"])
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .output()
            .expect("verify");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, error) = verify(&["model.onnxruntime=/nonexistent/lib.so"], None);
    assert!(
        code == Some(2)
            && error.contains("model.onnxruntime: /nonexistent/lib.so: can't be loaded")
            && error.contains("Install the imagespam-milter package"),
        "{error}"
    );
    let (_, error) = verify(&[], Some("/nonexistent/other.so"));
    assert!(error.contains("ORT_DYLIB_PATH: /nonexistent/other.so: can't be loaded"), "{error}");
    let source = folder.path().join("old.c");
    fs::write(&source, "static const char *v(void) { return \"1.20.1\"; }\nstatic struct { void *api; const char *(*version)(void); } base = { 0, v };\nvoid *OrtGetApiBase(void) { return &base; }\n").expect("source");
    let old = folder.path().join("libonnxruntime.so");
    let built = std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&old, &source]).status().expect("cc");
    assert!(built.success());
    let (code, error) = verify(&[&format!("model.onnxruntime={}", old.display())], None);
    assert!(code == Some(2) && error.contains("is version 1.20.1, too old: 1.21 or later is needed"), "{error}");
    let foreign = std::env::current_exe().expect("test");
    let (_, error) = verify(&[&format!("model.onnxruntime={}", foreign.display())], None);
    assert!(error.contains("no usable ONNX Runtime"), "{error}");
}
