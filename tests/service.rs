//! The daemon as a service: reloads, what systemd hears, health, the status, the page, verdicts without a mail server, logs.

mod common;

use std::{
    fs,
    net::TcpStream,
    os::unix::net::{UnixDatagram, UnixStream},
    process::{Command, Output, Stdio},
};

use common::{
    Daemon, free_port,
    http::request,
    messages::{with_picture, without_picture},
    picture, program,
    site::Site,
    wait_for,
};
use nix::sys::signal::Signal;

fn spam() -> Vec<u8> {
    with_picture("spam", "image/png", &picture("spam-stock.png"))
}

fn ham() -> Vec<u8> {
    with_picture("ham", "image/png", &picture("ham-letter.png"))
}

fn ask(site: &Site, line: &str, body: &[u8]) -> (String, String) {
    request(UnixStream::connect(site.path("api.sock")).expect("connect"), line, "", body)
}

/// A daemon whose settings stand in a file, that it is told to read again.
struct Reloaded {
    daemon: Daemon,
    file: std::path::PathBuf,
}

impl Reloaded {
    fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("imagespam-milter.toml");
        fs::write(&file, settings).expect("settings");
        let path = file.display().to_string();
        Self { daemon: Daemon::start_with(folder, &["--config", &path], &[]), file }
    }

    fn reload(&self, settings: &str, logged: &str) -> String {
        fs::write(&self.file, settings).expect("settings");
        self.daemon.signal(Signal::SIGHUP);
        self.daemon.logged(logged)
    }
}

#[test]
fn a_reload_takes_up_new_settings_and_open_connections_keep_the_old_ones() {
    let served = Reloaded::start("");
    let mut open = served.daemon.client();
    assert!(open.message(&spam()).verdict().expect("verdict").starts_with("Yes, "));
    served.reload("[header]\nname = \"X-Other\"\n[milter]\nconnections = 5\n", "reloaded: ");
    assert!(open.next_message(&common::client::OUTSIDE, &spam()).verdict().is_some(), "as it was negotiated");
    let answer = served.daemon.client().message(&spam());
    assert_eq!(answer.inserted.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["X-Other"]);
    served.daemon.logged("changed=header.name");
    served.daemon.logged("warning: reload: milter.connections only changes with a restart");
}

#[test]
fn a_bad_configuration_is_refused_with_all_its_errors() {
    let served = Reloaded::start("");
    served.reload("[policy]\ndeadline = \"soon\"\n[limits]\nparts = -1\nno_such = 3\n", "reload: refused for 3 errors");
    for key in ["policy.deadline", "limits.parts", "limits.no_such"] {
        served.daemon.logged(&format!("error: reload: {}: {key}: ", served.file.display()));
    }
    // Nor a rule for a class that the model does not have.
    served.reload(
        "[policy]\nrules = [{ class = \"cats\", threshold = 0.5, action = \"reject\" }]\n",
        "the old configuration and model stay in use",
    );
    assert!(served.daemon.client().message(&spam()).verdict().expect("verdict").starts_with("Yes, "));
}

#[test]
fn no_message_is_lost_or_unjudged_over_many_reloads() {
    let served = Reloaded::start("");
    let judged = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    (0..25)
                        .filter(|_| served.daemon.client().message(&spam()).verdict().is_some_and(|v| v.starts_with("Yes, ")))
                        .count()
                })
            })
            .collect();
        for number in 0..6 {
            fs::write(&served.file, format!("[limits]\nparts = {}\n", 500 + number)).expect("settings");
            served.daemon.signal(Signal::SIGHUP);
            let reloads = || (served.daemon.log().matches("reloaded: ").count() > number).then_some(());
            wait_for("the reload", 30, reloads);
        }
        senders.into_iter().map(|sender| sender.join().expect("sender")).sum::<usize>()
    });
    assert_eq!(judged, 75);
}

#[test]
fn systemd_hears_of_readiness_reloads_and_of_each_round_trip() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("socket");
    let environment = [("NOTIFY_SOCKET", path.display().to_string()), ("WATCHDOG_USEC", "2000000".to_owned())];
    let mut daemon = Daemon::start_with(folder, &[], &environment);
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("timeout");
    let hear = |wanted: &str| loop {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
        if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == wanted) {
            return;
        }
    };
    ["READY=1", "WATCHDOG=1", "WATCHDOG=1"].into_iter().for_each(hear);
    daemon.signal(Signal::SIGHUP);
    ["RELOADING=1", "READY=1", "WATCHDOG=1"].into_iter().for_each(hear);
    daemon.signal(Signal::SIGTERM);
    hear("STOPPING=1");
    assert!(daemon.wait().success());
}

#[test]
fn health_and_status_tell_how_the_daemon_is() {
    let site = Site::new(&[]);
    let refused = site.refused(&["status"], b"");
    assert!(refused.contains("no daemon answers on"), "{refused}");
    let daemon = site.daemon();
    assert!(ask(&site, "GET /healthz", b"").0.starts_with("HTTP/1.1 200 "));
    let (head, body) = ask(&site, "GET /readyz", b"");
    assert!(head.starts_with("HTTP/1.1 200 ") && body.starts_with("ready: a round trip"), "{head}\n{body}");
    daemon.client().message(&spam());
    daemon.client().message(&without_picture("words"));
    let output = site.run(&["status", "--json"], b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(status["totals"]["actions"], serde_json::json!({"accept": 1, "tag": 1}));
    assert_eq!(status["spans"].as_array().map(Vec::len), Some(1), "younger than a minute: {status}");
    assert_eq!(status["spans"][0]["messages"], 2);
    assert_eq!(status["spans"][0]["acted"], 1);
    assert!(status["ready"]["Ok"].as_f64().is_some_and(|took| took > 0.0), "{status}");
    let table = String::from_utf8(site.run(&["status"], b"").stdout).expect("text");
    assert!(table.contains("1 accept, 1 tag") && table.contains("resnet50-thin/"), "{table}");
}

fn client(site: &Site, arguments: &[&str], message: &[u8]) -> Output {
    site.run(&[&["client"], arguments].concat(), message)
}

#[test]
fn the_client_gets_the_verdict_that_a_mail_server_would() {
    let site = Site::new(&[]);
    let daemon = site.daemon();
    for (message, code) in [(spam(), 1), (ham(), 0)] {
        let header = daemon.client().message(&message).verdict().expect("verdict");
        let output = client(&site, &["--format", "header"], &message);
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("X-Image-Spam: {header}\n"));
    }
    let output = client(&site, &[], &spam());
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((answer["verdict"].as_str(), answer["action"].as_str()), (Some("spam"), Some("tag")));
    assert_eq!(answer["pictures"][0]["media_type"], "image/png");
    let status: serde_json::Value = serde_json::from_slice(&site.run(&["status", "--json"], b"").stdout).expect("JSON");
    assert_eq!(status["totals"]["actions"], serde_json::json!({"accept": 2, "tag": 3}), "what was scanned is counted");
    let output = client(&site, &["--format", "header"], &without_picture("words"));
    assert!(output.status.success() && output.stdout.is_empty(), "no header for a message without a picture");
    drop(daemon);
    let output = client(&site, &[], &spam());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no daemon answers on"));
}

#[test]
fn a_message_over_the_limit_is_refused_by_scan() {
    let site = Site::new(&["limits.message_bytes=2000"]);
    let _daemon = site.daemon();
    let (head, body) = ask(&site, "POST /v1/scan", &spam());
    assert!(head.starts_with("HTTP/1.1 413 ") && body.contains("limits.message_bytes (2000 bytes)"), "{head}\n{body}");
}

#[test]
fn other_machines_need_a_token_and_so_does_everyone_where_there_is_one() {
    let check = |settings: &[&str]| {
        let mut command = program();
        command.arg("check-config");
        settings.iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        String::from_utf8(command.output().expect("program").stderr).expect("text")
    };
    assert!(
        check(&["api.listen=\"0.0.0.0:9825\""]).contains("api.listen: 0.0.0.0:9825 is not an address of this machine itself")
    );
    assert_eq!(check(&["api.listen=\"0.0.0.0:9825\"", "api.token_file=\"/etc/token\""]), "");
    let (site, port) = (Site::new(&[]), free_port());
    let file = site.path("token");
    fs::write(&file, "correct-horse-battery\n").expect("token");
    let settings = [format!("api.listen=\"127.0.0.1:{port}\""), format!("api.token_file=\"{}\"", file.display())];
    let daemon = Daemon::start(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    let get = |fields: &str| request(TcpStream::connect(("127.0.0.1", port)).expect("connect"), "GET /readyz", fields, b"").0;
    assert!(get("").starts_with("HTTP/1.1 401 "));
    assert!(get("Authorization: Bearer correct-horse-batterz\r\n").starts_with("HTTP/1.1 401 "));
    assert!(get("Authorization: Bearer correct-horse-battery\r\n").starts_with("HTTP/1.1 200 "));
    // "anyone:correct-horse-battery"
    assert!(get("Authorization: Basic YW55b25lOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==\r\n").starts_with("HTTP/1.1 200 "));
    drop(daemon);
    fs::write(&file, "short\n").expect("token");
    let daemon = Daemon::start(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    daemon.logged("holds no token: at least 16 characters");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nothing is told without a token");
}

#[test]
fn the_log_is_json_on_request_and_a_sender_can_not_forge_a_line_of_it() {
    let daemon = Daemon::start(&["log.format=\"json\""]);
    let forged = [b"Message-ID: <a\"}\\n{\"forged\":1>\r\n".as_slice(), &spam()].concat();
    daemon.client().message(&forged);
    daemon.logged("\"action\":\"tag\"");
    let lines: Vec<serde_json::Value> =
        daemon.log().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
    let line = lines.iter().find(|line| line["action"] == "tag").expect("line");
    assert_eq!((line["queue_id"].as_str(), line["verdict"].as_str()), (Some("QUEUE1"), Some("spam")));
    assert!(line["ms"].as_u64().is_some() && line["message_id"].as_str().is_some_and(|id| id.contains("forged")), "{line}");
    assert!(lines.iter().all(|line| line.get("forged").is_none()));
}

#[test]
fn the_page_is_read_without_a_script_and_shows_no_senders_markup() {
    let (site, port) = (Site::new(&[]), free_port());
    let listen = format!("api.listen=\"127.0.0.1:{port}\"");
    let settings: Vec<String> = site.settings().into_iter().chain([listen]).collect();
    let daemon = Daemon::start(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    daemon.client().message(&spam());
    site.report("--spam", "<script>alert(1)</script>", &spam());
    let (head, body) = ask(&site, "GET /", b"");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(!body.contains("<script") && body.contains("Ready.") && body.contains("resnet50-thin/"), "{body}");
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    let Some(browser) = browser else {
        eprintln!("skipped: needs a headless browser (apt-get install chromium)");
        return;
    };
    // The page as the browser makes it.
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", site.path("browser").display()))
        .arg(format!("http://127.0.0.1:{port}/"))
        .output()
        .expect("browser");
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("Messages, by action") && dom.contains("<td>tag</td>") && dom.contains("reactions"), "{dom}");
}
