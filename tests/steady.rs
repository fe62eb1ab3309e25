//! Pictures that come again, more messages than can be judged in time, mail servers that go away, what runs the net, and the metrics that
//! tell of all this.

mod common;

use std::{
    collections::BTreeMap,
    net::TcpStream,
    os::unix::net::UnixStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use common::{
    Daemon,
    client::OUTSIDE,
    containers::qr,
    drawn, free_port,
    http::{get, value},
    messages::{message, multipart, part, with_files, with_picture},
    picture, png, wait_for,
};

/// The test picture with a few pixels changed, as a campaign's sender does.
fn variant(name: &str, number: u32) -> Vec<u8> {
    let mut pixels = image::load_from_memory(&picture(name)).expect("picture").into_rgb8();
    for at in 0..5 * number {
        let (x, y) = ((at * 37 + 11) % pixels.width(), (at * 53 + 7) % pixels.height());
        pixels.put_pixel(x, y, image::Rgb([at as u8, 200, 40]));
    }
    png(&pixels)
}

fn verdict(daemon: &Daemon, bytes: &[u8]) -> String {
    daemon.client().message(&with_picture("again", "image/png", bytes)).verdict().expect("verdict")
}

fn metrics(daemon: &Daemon) -> String {
    let (head, body) = get(UnixStream::connect(daemon.folder().join("api.sock")).expect("connect"), "GET /metrics");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    body
}

fn with_api(settings: &[&str]) -> Daemon {
    let folder = tempfile::tempdir().expect("folder");
    let socket = format!("api.socket=\"{}\"", folder.path().join("api.sock").display());
    Daemon::start_in(folder, &[&[socket.as_str(), "log.level=\"debug\""], settings].concat())
}

#[test]
fn a_file_that_comes_again_is_judged_alike_without_a_run_of_the_net() {
    let daemon = with_api(&[]);
    let animation = picture("spam-stock.gif");
    let message = with_files("twice", &[("a.gif", &animation), ("b.png", &picture("ham-letter.png"))]);
    let first = daemon.client().message(&message).verdict().expect("verdict");
    let runs = value(&metrics(&daemon), "imagespam_milter_batched_pictures_total");
    let other_name = with_files("thrice", &[("c.png", &picture("ham-letter.png")), ("d.gif", &animation)]);
    let again = daemon.client().message(&other_name).verdict().expect("verdict");
    assert_eq!(first, again);
    let text = metrics(&daemon);
    assert_eq!(value(&text, "imagespam_milter_batched_pictures_total"), runs, "no run more");
    assert_eq!(value(&text, "imagespam_milter_pictures_total{type=\"image/png\",outcome=\"exact\"}"), 1.0);
    assert_eq!(value(&text, "imagespam_milter_messages_total{action=\"tag\",verdict=\"spam\"}"), 2.0);
    assert!(value(&text, "imagespam_milter_cached_files") >= 2.0);
    daemon.logged("judged=2 known=2 undecodable=0");
    daemon.logged("picture=3/d.gif");
    // Codes and what can't be decoded are remembered, too.
    let broken = &picture("ham-letter.png")[..500];
    let sent = |name| daemon.client().message(&with_files("broken", &[(name, broken)])).verdict().expect("verdict");
    assert_eq!(sent("a.png"), sent("b.png"));
}

/// When the last picture is known, the worker says nothing of what is told at the end: the daemon has it before.
#[test]
fn what_else_is_told_of_a_message_is_told_again_when_its_pictures_are_known() {
    let daemon = with_api(&["limits.workers=1", "limits.picture_bytes=\"45KB\""]);
    let (large, known) = (picture("spam-stock.png"), picture("spam-loan.jpg"));
    assert!(large.len() > 45_000 && known.len() < 45_000, "{} {}", large.len(), known.len());
    let page = part("text/html", b"<img src='https://www.example.com/a.png'><img src='https://www.example.com/b.png'>");
    let files = [part("image/png", &large), part("image/jpeg", &known)];
    let linked = message("linked", &multipart("mixed", "b", &[&[page][..], &files].concat()));
    let modules = qr("https://www.example.com/drawn");
    let cell = |row: &[bool], at: usize| if row[at] { "\u{2588}\u{2588}" } else { "  " };
    let rows: String =
        modules.iter().map(|row| format!("    {}\r\n", (0..row.len()).map(|at| cell(row, at)).collect::<String>())).collect();
    let drawn = format!("\r\n{rows}");
    let with_drawing =
        message("drawn", &multipart("mixed", "b", &[files[1].clone(), part("text/plain; charset=utf-8", drawn.as_bytes())]));
    let send = |message: &[u8]| {
        let before = daemon.log().len();
        let answer = daemon.client().message(message);
        let codes = answer.inserted.iter().filter(|(name, _)| name == "X-Image-Spam-QR").count();
        (answer.verdict(), codes, daemon.log()[before..].to_owned())
    };
    let first = send(&linked);
    for _ in 0..3 {
        // One worker serves both: each message gets what is told of itself.
        let (verdict, codes, log) = send(&with_drawing);
        assert_eq!(codes, 1, "{log}");
        assert!(log.contains("known=1") && !log.contains("incomplete=") && !log.contains("linked="), "{verdict:?} {log}");
        let (verdict, codes, log) = send(&linked);
        assert_eq!((&verdict, codes), (&first.0, 0), "{log}");
        assert!(log.contains("known=1") && log.contains("incomplete=picture_bytes") && log.contains("linked=2"), "{log}");
    }
}

#[test]
fn a_changed_copy_of_spam_is_known_and_one_of_ham_is_looked_at() {
    let daemon = with_api(&["cache.spam=100"]);
    let first = verdict(&daemon, &variant("spam-stock.png", 0));
    assert!(first.starts_with("Yes, "), "{first}");
    assert_eq!(first, verdict(&daemon, &variant("spam-stock.png", 1)));
    daemon.logged("judged=1 known=1");
    assert!(verdict(&daemon, &variant("ham-letter.png", 0)).starts_with("No, "));
    assert!(verdict(&daemon, &variant("ham-letter.png", 1)).starts_with("No, "));
    let text = metrics(&daemon);
    assert_eq!(value(&text, "imagespam_milter_pictures_total{type=\"image/png\",outcome=\"near\"}"), 1.0);
    assert_eq!(value(&text, "imagespam_milter_pictures_total{type=\"image/png\",outcome=\"net\"}"), 3.0);
    assert_eq!(value(&text, "imagespam_milter_cached_spam"), 1.0);
}

#[test]
fn what_is_remembered_is_bounded_in_age_and_number() {
    let daemon = with_api(&["cache.age=\"1s\"", "cache.spam=1"]);
    verdict(&daemon, &variant("spam-stock.png", 0));
    // 2,560 features at half precision, and what is told of the file.
    let bytes = value(&metrics(&daemon), "imagespam_milter_cached_bytes");
    assert!((5120.0..6000.0).contains(&bytes), "{bytes}");
    verdict(&daemon, &picture("spam-loan.jpg"));
    assert_eq!(value(&metrics(&daemon), "imagespam_milter_cached_spam"), 1.0);
    thread::sleep(Duration::from_millis(1200));
    verdict(&daemon, &picture("spam-loan.jpg"));
    let nothing = with_api(&["cache.memory=\"0\"", "cache.spam=0"]);
    verdict(&nothing, &variant("spam-stock.png", 0));
    verdict(&nothing, &variant("spam-stock.png", 0));
    for daemon in [daemon, nothing] {
        let text = metrics(&daemon);
        assert!(!text.contains("outcome=\"exact\"") && !text.contains("outcome=\"near\""), "{text}");
    }
}

#[test]
fn more_messages_than_can_be_judged_are_all_answered_at_their_deadline_and_the_next_is_served_as_before() {
    let settings = [
        "policy.deadline=\"2s\"",
        "limits.workers=1",
        "limits.waiting=1",
        "model.sessions=1",
        "cache.memory=\"0\"",
        "cache.spam=0",
    ];
    let daemon = Daemon::start(&settings);
    let slowest = thread::scope(|scope| {
        let senders: Vec<_> = (0..60)
            .map(|number| {
                let daemon = &daemon;
                scope.spawn(move || {
                    let files: Vec<Vec<u8>> = (0..5).map(|at| drawn(5 * number + at)).collect();
                    let files: Vec<(&str, &[u8])> = files.iter().map(|file| ("a.png", file.as_slice())).collect();
                    let message = with_files("many", &files);
                    let mut client = daemon.client();
                    client.connect_info(OUTSIDE.client);
                    client.envelope(&OUTSIDE);
                    let body = client.headers(&message);
                    client.body(body);
                    let started = Instant::now();
                    let answer = client.end();
                    assert_eq!(answer.status, 'a');
                    assert!(answer.verdict().is_some(), "a header for each");
                    started.elapsed()
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().expect("sender")).max().expect("60")
    });
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    assert!(daemon.log().contains("verdict=unknown reason=deadline"), "60 messages of 5 pictures are more than 2 s for one core");
    assert!(verdict(&daemon, &picture("spam-stock.png")).starts_with("Yes, "));
}

#[test]
fn pictures_that_come_faster_than_the_net_are_judged_together_and_each_as_by_itself() {
    let settings = ["model.sessions=1", "cache.memory=\"0\"", "cache.spam=0"];
    let names = ["spam-stock.png", "ham-letter.png", "spam-loan.jpg", "ham-chart.png"];
    let files: Vec<Vec<u8>> =
        (0..12).map(|number| if number % 3 == 0 { picture(names[number / 3]) } else { drawn(number as u32) }).collect();
    // What the log says of each picture, by its SHA-256.
    let told = |daemon: &Daemon| {
        let picture = |line: &str| {
            let (found, sha256) = line.split_once("picture=")?.1.split_once(" sha256=")?;
            Some((sha256.to_owned(), found.split_once(" size=")?.1.to_owned()))
        };
        daemon.log().lines().filter_map(picture).collect::<BTreeMap<_, _>>()
    };
    let runs = |daemon: &Daemon| value(&metrics(daemon), "imagespam_milter_stage_seconds_count{stage=\"head\"}");
    let alone = with_api(&settings);
    files.iter().for_each(|file| drop(verdict(&alone, file)));
    let together = with_api(&settings);
    let named: Vec<(&str, &[u8])> = files.iter().map(|file| ("a.png", file.as_slice())).collect();
    assert!(together.client().message(&with_files("many", &named)).verdict().expect("verdict").starts_with("Yes, "));
    assert_eq!(told(&alone).len(), files.len());
    assert_eq!(told(&alone), told(&together));
    assert_eq!(runs(&alone), files.len() as f64);
    assert!(runs(&together) < files.len() as f64, "{}", runs(&together));
}

#[test]
fn nothing_more_is_done_for_a_mail_server_that_has_gone() {
    let daemon = with_api(&["policy.deadline=\"60s\"", "limits.workers=1", "limits.picture_time=\"2s\""]);
    let noise = "<feTurbulence numOctaves='9' baseFrequency='.9'/>".repeat(900);
    let endless = |number| {
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='90{number}'><filter id='f' x='0' y='0' width='1' height='1'>{noise}</filter><rect filter='url(#f)' width='900' height='900'/></svg>"
        )
    };
    let files: Vec<String> = (0..8).map(endless).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|file| ("a.svg", file.as_bytes())).collect();
    let message = with_files("gone", &files);
    let mut client = daemon.client();
    client.connect_info(OUTSIDE.client);
    client.envelope(&OUTSIDE);
    let body = client.headers(&message);
    client.body(body);
    client.send(b'E', b"");
    drop(client);
    let started = Instant::now();
    daemon.logged("the mail server has gone before the verdict");
    // The one worker is free long before eight pictures have taken two seconds each.
    assert!(verdict(&daemon, &picture("spam-stock.png")).starts_with("Yes, "));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(value(&metrics(&daemon), "imagespam_milter_messages_abandoned_total"), 1.0);
}

#[test]
fn a_card_that_can_not_be_used_gives_way_to_the_processor() {
    let card = std::path::Path::new("/dev/nvidia0").exists();
    let daemon = Daemon::start(&["model.device=\"cuda:0\""]);
    assert!(verdict(&daemon, &picture("spam-stock.png")).starts_with("Yes, "));
    if card && !daemon.log().contains("going on with the processor") {
        daemon.logged(" device=cuda:0 ");
        return;
    }
    println!("skipped: no graphics card, or no ONNX Runtime for one: only the way back to the processor was tried");
    let line = daemon.logged("error: model.device: cuda:0 can't be used (");
    assert!(line.ends_with("going on with the processor"), "{line}");
    let auto = Daemon::start(&["model.device=\"auto\""]);
    assert!(!auto.log().contains("error: "), "{}", auto.log());
    auto.logged(" device=cpu ");
    let missing = Daemon::start(&["model.device=\"cuda:7\""]);
    missing.logged("error: model.device: cuda:7 can't be used (");
}

/// There is no card to break, so ONNX Runtime has one that it only claims to have: see tests/common/failing-card.c.
#[test]
fn a_card_that_fails_while_it_runs_gives_way_to_the_processor_and_every_message_is_judged() {
    let folder = tempfile::tempdir().expect("folder");
    let library = folder.path().join("libonnxruntime.so");
    let source = common::repository().join("tests/common/failing-card.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status().expect("cc");
    assert!(built.success(), "{built}");
    let paths = [("ORT_DYLIB_PATH", &library), ("REAL_ONNXRUNTIME", &common::onnxruntime())];
    let [ours, real] = paths.map(|(name, path)| (name, path.display().to_string()));
    // Three runs are those of the start.
    let environment = [ours, real, ("CARD_RUNS", "5".to_owned())];
    let arguments = ["--set", "model.device=\"cuda:0\"", "--set", "cache.memory=\"0\"", "--set", "cache.spam=0"];
    let daemon = Daemon::start_with(folder, &arguments, &environment);
    daemon.logged(" device=cuda:0 ");
    let by_card = verdict(&daemon, &picture("spam-stock.png"));
    assert!(by_card.starts_with("Yes, "), "{by_card}");
    thread::scope(|scope| {
        for _ in 0..6 {
            let (daemon, by_card) = (&daemon, &by_card);
            scope.spawn(move || {
                for _ in 0..3 {
                    assert_eq!(verdict(daemon, &picture("spam-stock.png")), *by_card);
                }
            });
        }
    });
    let line = daemon.logged("error: the graphics card fails (");
    assert!(line.contains("CUDA failure 719") && line.ends_with("going on with the processor, until the next start"), "{line}");
    assert!(!daemon.log().contains("verdict=unknown"), "{}", daemon.log());
}

#[test]
fn metrics_are_read_on_a_loopback_address_where_nothing_can_be_reported() {
    let port = free_port();
    let daemon = with_api(&[&format!("api.listen=\"127.0.0.1:{port}\"")]);
    verdict(&daemon, &picture("ham-letter.png"));
    let connect = || wait_for("the port", 5, || TcpStream::connect(("127.0.0.1", port)).ok());
    let (head, body) = get(connect(), "GET /metrics");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(value(&body, "imagespam_milter_messages_total{action=\"accept\",verdict=\"ham\"}"), 1.0);
    assert_eq!(value(&body, "imagespam_milter_stage_seconds_count{stage=\"message\"}"), 1.0);
    assert_eq!(value(&body, "imagespam_milter_messages_under_way"), 0.0);
    assert!(body.contains("imagespam_milter_model_info{model=\"resnet50-thin/"), "{body}");
    assert!(get(connect(), "POST /v1/reports?user=a&reaction=spam").0.starts_with("HTTP/1.1 404 "));
    // Each name of the dashboard is one that is told.
    let dashboard = std::fs::read_to_string(common::repository().join("conf/grafana/imagespam-milter.json")).expect("dashboard");
    let names =
        dashboard.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("imagespam_milter_"));
    let source = std::fs::read_to_string(common::repository().join("src/telemetry/metrics.rs")).expect("source");
    let mut count = 0;
    for name in names {
        let base = name.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum");
        assert!(source.contains(&format!("\"{base}\"")), "{name} is not counted");
        count += 1;
    }
    assert!(count > 10, "{count}");
}
