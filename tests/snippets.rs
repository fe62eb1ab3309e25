//! The snippets of conf/ for other programs, each in the real program, on messages with the headers that the daemon gave them.

mod common;

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    process::{Command, Stdio},
};

use common::{
    Daemon,
    messages::{with_picture, without_picture},
    picture, repository,
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
    assert_eq!(fired(&delivered(&daemon, &spam())), ["IMAGESPAM"]);
    assert!(fired(&delivered(&daemon, &ham())).is_empty());
    assert!(fired(&without_picture("words")).is_empty());
    let code = [b"X-Image-Spam-QR: qr, part=2/a.png text=https://example.com/\r\n".to_vec(), without_picture("code")].concat();
    assert_eq!(fired(&code), ["IMAGESPAM_QR_URL"]);
    let reported =
        [b"X-Image-Spam: Yes, score=1.000 class=spam pictures=1\r\n\treported=spam model=a/1\r\n".to_vec(), ham()].concat();
    assert_eq!(fired(&reported), ["IMAGESPAM", "IMAGESPAM_USERS"]);
}
