//! The snippets of conf/ for other programs, each in the real program, on messages with the headers that the daemon gave them.

mod common;

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    process::{Child, Command, Stdio},
};

use common::{
    Daemon, free_port,
    messages::{with_picture, without_picture},
    picture,
    postfix::{self, Postfix},
    repository,
    site::Site,
    wait_for,
};
use tempfile::TempDir;

const NOBODY: u32 = 65534;

fn missing(program: &str, package: &str) -> bool {
    let here = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !here {
        eprintln!("skipped: needs {program} (apt-get install {package})");
    }
    !here
}

/// The message as the daemon's mail server passes it on.
fn delivered(daemon: &Daemon, message: &[u8]) -> Vec<u8> {
    let verdict = daemon.client().message(message).verdict();
    let header = verdict.map_or(String::new(), |verdict| format!("X-Image-Spam: {}\r\n", verdict.replace('\n', "\r\n")));
    [header.as_bytes(), message].concat()
}

fn spam() -> Vec<u8> {
    with_picture("spam", "image/png", &picture("spam-stock.png"))
}

fn ham() -> Vec<u8> {
    with_picture("ham", "image/png", &picture("ham-letter.png"))
}

/// What a filter behind the daemon makes of its headers: `fired` tells the names of ours that it found in a message, in their order.
fn names_what_the_headers_say(daemon: &Daemon, fired: impl Fn(&[u8]) -> Vec<String>) {
    assert_eq!(fired(&delivered(daemon, &spam())), ["IMAGESPAM"]);
    assert!(fired(&delivered(daemon, &ham())).is_empty());
    assert!(fired(&without_picture("words")).is_empty());
    let code = [b"X-Image-Spam-QR: qr, part=2/a.png text=https://example.com/\r\n".to_vec(), without_picture("code")].concat();
    assert_eq!(fired(&code), ["IMAGESPAM_QR_URL"]);
    let reported =
        [b"X-Image-Spam: Yes, score=1.000 class=spam pictures=1\r\n\treported=spam model=a/1\r\n".to_vec(), ham()].concat();
    assert_eq!(fired(&reported), ["IMAGESPAM", "IMAGESPAM_USERS"]);
}

#[test]
fn sieve_files_spam_into_junk_and_nothing_else() {
    if missing("sieve-test", "dovecot-sieve") {
        return;
    }
    let (daemon, folder) = (Daemon::start(&[]), TempDir::new().expect("folder"));
    // A copy: compiling leaves a file beside the script.
    let script = folder.path().join("junk.sieve");
    fs::copy(repository().join("conf/sieve/junk.sieve"), &script).expect("script");
    let mail = format!("mail_home = {0}\nmail_location = maildir:{0}/mail\n", folder.path().display());
    fs::write(folder.path().join("dovecot.conf"), mail).expect("configuration");
    // Sieve delivers to no root.
    let root = nix::unistd::geteuid().is_root();
    if root {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("owner");
    }
    let filed = |message: &[u8]| {
        let file = folder.path().join("message");
        fs::write(&file, delivered(&daemon, message)).expect("message");
        let mut command = Command::new("sieve-test");
        command.arg("-c").arg(folder.path().join("dovecot.conf")).arg(&script).arg(&file).current_dir(folder.path());
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().expect("sieve-test");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let said = filed(&spam());
    assert!(said.contains("store message in folder: Junk") && !said.contains("folder: INBOX"), "{said}");
    for message in [ham(), without_picture("words")] {
        let said = filed(&message);
        assert!(said.contains("store message in folder: INBOX") && !said.contains("Junk"), "{said}");
    }
}

#[test]
fn spamassassin_scores_the_header() {
    if missing("spamassassin", "spamassassin") {
        return;
    }
    let (daemon, folder) = (Daemon::start(&[]), TempDir::new().expect("folder"));
    let site = folder.path().join("site");
    fs::create_dir(&site).expect("folder");
    // The system's plugins and rules, without its administrator's.
    for entry in fs::read_dir("/etc/spamassassin").expect("the system's SpamAssassin").map(|entry| entry.expect("entry").path()) {
        if entry.extension().is_some_and(|extension| extension == "pre") {
            fs::copy(&entry, site.join(entry.file_name().expect("name"))).expect("plugins");
        }
    }
    fs::copy(repository().join("conf/spamassassin/imagespam-milter.cf"), site.join("imagespam-milter.cf")).expect("rules");
    let fired = |message: &[u8]| {
        let file = folder.path().join("message");
        fs::write(&file, message).expect("message");
        let output = Command::new("spamassassin")
            .args(["--local", "--nocreate-prefs", "--test-mode"])
            .arg(format!("--siteconfigpath={}", site.display()))
            .stdin(fs::File::open(&file).expect("message"))
            .output()
            .expect("spamassassin");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("X-Spam-"), "{said}{}", String::from_utf8_lossy(&output.stderr));
        ["IMAGESPAM", "IMAGESPAM_USERS", "IMAGESPAM_QR_URL"]
            .into_iter()
            .filter(|rule| said.split(|c: char| !c.is_ascii_uppercase() && c != '_').any(|word| word == *rule))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    names_what_the_headers_say(&daemon, fired);
}

/// The system's rspamd with its rules, in a folder of its own; killed at the end of the test.
struct Rspamd {
    child: Child,
    folder: TempDir,
    scan: u16,
    milter: u16,
}

impl Rspamd {
    /// With this rspamd.local.lua.
    fn start(lua: &str) -> Self {
        let (folder, [scan, milter, controller]) = (TempDir::new().expect("folder"), [0; 3].map(|_| free_port()));
        let local = folder.path().join("local.d");
        fs::create_dir(&local).expect("folder");
        fs::write(folder.path().join("rspamd.local.lua"), lua).expect("rules");
        for (file, text) in [
            ("options.inc", "dns { nameserver = [\"127.0.0.1:1:1\"]; timeout = 0.1s; retransmits = 1; }".to_owned()),
            ("logging.inc", "type = \"console\"; level = \"error\";".to_owned()),
            ("worker-normal.inc", format!("bind_socket = \"127.0.0.1:{scan}\"; count = 1;")),
            ("worker-controller.inc", format!("bind_socket = \"127.0.0.1:{controller}\";")),
            (
                "worker-proxy.inc",
                format!(
                    "bind_socket = \"127.0.0.1:{milter}\"; milter = yes; count = 1; timeout = 30s; upstream \"local\" {{ default = yes; self_scan = yes; }}"
                ),
            ),
            ("milter_headers.conf", "extended_spam_headers = true; skip_local = false;".to_owned()),
        ] {
            fs::write(local.join(file), text).expect("configuration");
        }
        let mut command = Command::new("rspamd");
        command.args(["--no-fork", "--insecure", "--config", "/etc/rspamd/rspamd.conf"]);
        for name in ["LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR"] {
            command.arg(format!("--var={name}={}", folder.path().display()));
        }
        let log = fs::File::create(folder.path().join("log")).expect("log");
        let child = command.stdout(log.try_clone().expect("log")).stderr(log).process_group(0).spawn().expect("rspamd");
        let rspamd = Self { child, folder, scan, milter };
        // It compiles its rules first.
        wait_for("rspamd to answer", 120, || rspamd.symbols(b"Subject: there?\r\n\r\n\r\n"));
        wait_for("rspamd's milter", 20, || std::net::TcpStream::connect(("127.0.0.1", milter)).ok());
        rspamd
    }

    /// Those of ours in its answer to a message.
    fn symbols(&self, message: &[u8]) -> Option<Vec<String>> {
        let file = self.folder.path().join("message");
        fs::write(&file, message).expect("message");
        let output = Command::new("rspamc")
            .args(["--json", "--connect"])
            .arg(format!("127.0.0.1:{}", self.scan))
            .arg(file)
            .output()
            .expect("rspamc");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let mut ours: Vec<String> =
            answer["symbols"].as_object()?.keys().filter(|name| name.starts_with("IMAGESPAM")).cloned().collect();
        ours.sort();
        Some(ours)
    }
}

impl Drop for Rspamd {
    fn drop(&mut self) {
        // Its workers as well.
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(self.child.id() as i32), nix::sys::signal::Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

#[test]
fn rspamd_makes_symbols_of_the_headers_also_behind_the_daemon_in_postfix() {
    if missing("rspamd", "rspamd") || postfix::missing() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let rspamd = Rspamd::start(&format!("dofile('{}')", repository().join("conf/rspamd/imagespam-milter.lua").display()));
    names_what_the_headers_say(&daemon, |message| rspamd.symbols(message).expect("rspamd's answer"));

    let milters = format!("smtpd_milters=unix:{}, inet:127.0.0.1:{}", daemon.socket().display(), rspamd.milter);
    let postfix = Postfix::start(&daemon.socket(), &[&milters]);
    for (subject, message, is_spam) in [("spam", spam(), true), ("ham", ham(), false)] {
        postfix.send(&message);
        let delivered = String::from_utf8_lossy(&postfix.delivered_with(&format!("Subject: {subject}\n"))).into_owned();
        assert!(delivered.contains("X-Spamd-Result: "), "rspamd was asked: {delivered}");
        assert_eq!(delivered.contains("\tIMAGESPAM(4.00)"), is_spam, "{delivered}");
    }
}

#[test]
fn rspamd_asks_the_daemon_over_http() {
    if missing("rspamd", "rspamd") {
        return;
    }
    let port = free_port();
    let daemon = Daemon::start(&[&format!("api.listen=\"127.0.0.1:{port}\"")]);
    let snippet = fs::read_to_string(repository().join("conf/rspamd/imagespam-scan.lua")).expect("snippet");
    let rspamd = Rspamd::start(&snippet.replace(":8895/", &format!(":{port}/")));
    assert_eq!(rspamd.symbols(&spam()).expect("answer"), ["IMAGESPAM_SCAN"]);
    assert!(rspamd.symbols(&ham()).expect("answer").is_empty());
    drop(daemon);
    assert!(rspamd.symbols(&spam()).expect("answer without the daemon").is_empty());
}

#[test]
fn each_question_of_the_dashboard_is_one_that_prometheus_answers_from_the_daemons_metrics() {
    if missing("prometheus", "prometheus") {
        return;
    }
    let (metrics, port) = (free_port(), free_port());
    let site = Site::new(&[&format!("api.listen=\"127.0.0.1:{metrics}\"")]);
    let daemon = site.daemon();
    let configuration = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: mail, static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]}}]\n"
    );
    fs::write(site.path("prometheus.yml"), configuration).expect("configuration");
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", site.path("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", site.path("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus");
    let _prometheus = Ended(child);
    // What Grafana asks with, all instances being chosen.
    let ask = |question: &str| -> Option<usize> {
        let output = Command::new("curl")
            .args(["-s", "--data-urlencode", &format!("query={question}")])
            .arg(format!("http://127.0.0.1:{port}/api/v1/query"))
            .output()
            .expect("curl");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        assert_eq!(answer["status"], "success", "{question}: {answer}");
        Some(answer["data"]["result"].as_array().expect("series").len())
    };
    let send = || {
        for message in [&spam(), &ham(), &without_picture("words"), &with_picture("broken", "image/png", &spam()[..100])] {
            daemon.client().message(message);
        }
    };
    send();
    wait_for("a scrape", 30, || ask("imagespam_milter_model_info").filter(|series| *series == 1));
    send();
    let dashboard = fs::read_to_string(repository().join("conf/grafana/imagespam-milter.json")).expect("dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let targets =
        dashboard["panels"].as_array().expect("panels").iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let questions: Vec<String> =
        targets.map(|target| target["expr"].as_str().expect("expr").replace("$instance", ".*")).collect();
    assert!(questions.len() > 10, "{questions:?}");
    for question in questions {
        wait_for(&format!("an answer to {question}"), 20, || ask(&question).filter(|series| *series > 0));
    }
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
