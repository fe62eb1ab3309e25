//! A real Dovecot with the Sieve scripts of conf/dovecot, and curl as a real IMAP client: a message that is moved becomes a reaction.

mod common;

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use common::{free_port, messages::with_picture, picture, repository, site::Site, wait_for};
use tempfile::TempDir;

/// Dovecot in a folder of its own; stopped at the end of the test.
struct Dovecot {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.process.id() as i32), nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

fn missing() -> bool {
    let here = |program: &str| {
        Command::new("sh")
            .args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    let plugin = Path::new("/usr/lib/dovecot/modules/sieve/lib90_sieve_imapsieve_plugin.so").exists();
    let usable = here("dovecot") && here("curl") && plugin && nix::unistd::geteuid().is_root();
    if !usable {
        eprintln!("skipped: needs root, Dovecot and curl (apt-get install dovecot-imapd dovecot-sieve curl)");
    }
    !usable
}

impl Dovecot {
    fn start(site: &Site) -> Self {
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let port = free_port();
        for name in ["mail", "run", "state", "scripts"] {
            fs::create_dir(at(name)).expect("folder");
        }
        std::os::unix::fs::chown(at("mail"), Some(nobody().as_raw()), None).expect("owner");
        for entry in fs::read_dir(repository().join("conf/dovecot")).expect("scripts") {
            let path = entry.expect("entry").path();
            let copy = at("scripts").join(path.file_name().expect("name"));
            let text =
                fs::read_to_string(&path).expect("script").replace("/usr/local/sbin", &at("scripts").display().to_string());
            fs::write(&copy, text).expect("script");
            fs::set_permissions(&copy, fs::metadata(&path).expect("mode").permissions()).expect("mode");
        }
        // What imagespam-report finds in the place of /usr/local/sbin: the built program with this site's settings.
        // By a way that users may go as well: the repository can lie in root's home.
        let built = env!("CARGO_BIN_EXE_imagespam-milter");
        let program = at("scripts/program");
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(|_| ())).expect("program");
        let settings: Vec<String> = site.settings().iter().map(|setting| format!("--set '{setting}'")).collect();
        let library = std::env::var("ORT_DYLIB_PATH").unwrap_or_default();
        let wrapper = format!(
            "#!/bin/sh\nexport ORT_DYLIB_PATH={library} IMAGESPAM_MILTER__MODEL__BUNDLE={}\nexec {} \"$@\" {}\n",
            common::bundle().display(),
            program.display(),
            settings.join(" ")
        );
        fs::write(at("scripts/imagespam-milter"), wrapper).expect("wrapper");
        fs::set_permissions(at("scripts/imagespam-milter"), fs::Permissions::from_mode(0o755)).expect("mode");
        let ours = fs::read_to_string(repository().join("conf/dovecot/95-imagespam-milter.conf")).expect("configuration");
        let scripts = at("scripts").display().to_string();
        let ours = ours.replace("/usr/share/imagespam-milter/dovecot", &scripts);
        let path = folder.path().display();
        let configuration = format!(
            "protocols = imap\nlisten = 127.0.0.1\nbase_dir = {path}/run\nstate_dir = {path}/state\nlog_path = {path}/log\n\
             ssl = no\ndisable_plaintext_auth = no\n\
             mail_location = maildir:{path}/mail/%u\nmail_uid = nobody\nmail_gid = nogroup\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
             passdb {{\n  driver = static\n  args = password=secret\n}}\nuserdb {{\n  driver = static\n  args = home={path}/mail/%u\n}}\n\
             service imap-login {{\n  inet_listener imap {{\n    port = {port}\n  }}\n  chroot =\n}}\n\
             namespace inbox {{\n  inbox = yes\n  mailbox Junk {{\n    auto = create\n  }}\n  mailbox Trash {{\n    auto = create\n  }}\n  \
             mailbox Promotions {{\n    auto = create\n  }}\n}}\n{ours}"
        );
        fs::write(at("dovecot.conf"), configuration).expect("configuration");
        // As README.md says, so that the users' processes need not write there.
        for kind in ["spam", "ham", "ad", "not-ad"] {
            let script = at("scripts").join(format!("report-{kind}.sieve"));
            let compiled = Command::new("sievec").arg("-c").arg(at("dovecot.conf")).arg(script).status().expect("sievec");
            assert!(compiled.success());
        }
        let process = Command::new("sh")
            .args(["-c", "PATH=$PATH:/usr/sbin exec dovecot -F -c \"$1\"", "sh"])
            .arg(at("dovecot.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("dovecot");
        let dovecot = Self { process, folder, port };
        wait_for("Dovecot to answer", 20, || TcpStream::connect(("127.0.0.1", port)).ok());
        dovecot
    }

    fn curl(&self, user: &str, mailbox: &str, arguments: &[&str]) {
        let url = format!("imap://127.0.0.1:{}/{mailbox}", self.port);
        let done =
            Command::new("curl").args(["-sS", "--user", &format!("{user}:secret"), &url]).args(arguments).output().expect("curl");
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(done.status.success(), "curl {arguments:?}: {}\n{log}", String::from_utf8_lossy(&done.stderr));
    }

    fn deliver(&self, user: &str, message: &[u8]) {
        let file = self.folder.path().join("message");
        fs::write(&file, message).expect("message");
        self.curl(user, "INBOX", &["-T", file.to_str().expect("path")]);
    }

    fn moved(&self, user: &str, from: &str, to: &str) {
        self.curl(user, from, &["-X", &format!("MOVE 1 {to}")]);
    }
}

fn nobody() -> nix::unistd::Uid {
    nix::unistd::User::from_name("nobody").expect("users").expect("nobody").uid
}

#[test]
fn a_move_by_an_imap_client_becomes_a_reaction() {
    if missing() {
        return;
    }
    let site = Site::new(&["api.socket_mode=\"0666\""]);
    let daemon = site.daemon();
    let dovecot = Dovecot::start(&site);
    let spam = with_picture("offer", "image/png", &picture("spam-stock.png"));
    let counts = |expected: [u64; 4]| {
        let log = fs::read_to_string(dovecot.folder.path().join("log")).unwrap_or_default();
        wait_for(&format!("{expected:?}; Dovecot's log:\n{log}"), 20, || {
            (site.stats()["store"]["reactions"] == serde_json::json!(expected)).then_some(())
        });
    };
    dovecot.deliver("anna@example.org", &spam);
    dovecot.moved("anna@example.org", "INBOX", "Junk");
    counts([0, 0, 0, 1]);
    daemon.logged("report: reaction=Spam pictures=1 changed=1");
    // Thrown away from there: that says nothing.
    dovecot.moved("anna@example.org", "Junk", "Trash");
    dovecot.deliver("bert@example.org", &spam);
    dovecot.moved("bert@example.org", "INBOX", "Promotions");
    counts([0, 0, 1, 1]);
    dovecot.moved("bert@example.org", "Promotions", "INBOX");
    counts([0, 1, 1, 1]);
    dovecot.moved("bert@example.org", "INBOX", "Junk");
    counts([0, 1, 1, 2]);
    dovecot.moved("bert@example.org", "Junk", "INBOX");
    counts([1, 1, 1, 2]);
    assert_eq!(site.stats()["store"]["users"], 2);
    let log = fs::read_to_string(dovecot.folder.path().join("log")).expect("log");
    assert!(!log.contains("rror:"), "{log}");
}
