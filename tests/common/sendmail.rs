//! A throw-away Sendmail.

use std::{fs, net::TcpStream, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::{free_port, repository, wait_for};

/// Sendmail in a folder of its own; stopped at the end of the test.
pub struct Sendmail {
    folder: TempDir,
    pub port: u16,
}

fn packages() -> PathBuf {
    repository().join("build/sendmail")
}

/// Why tests with Sendmail can't run here, if so; it is said once on standard error.
pub fn missing() -> bool {
    let usable = packages().join("usr/libexec/sendmail/sendmail").exists() && nix::unistd::geteuid().is_root();
    if !usable {
        eprintln!("skipped: a test with Sendmail needs root and tests/sendmail/throwaway get build/sendmail");
    }
    !usable
}

impl Sendmail {
    /// `milter` as in S= of INPUT_MAIL_FILTER.
    pub fn start(milter: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let port = free_port();
        let status = Command::new(repository().join("tests/sendmail/throwaway"))
            .args([
                "start".as_ref(),
                folder.path().as_os_str(),
                port.to_string().as_ref(),
                milter.as_ref(),
                packages().as_os_str(),
            ])
            .status()
            .expect("throwaway");
        assert!(status.success(), "Sendmail did not start");
        let sendmail = Self { folder, port };
        wait_for("Sendmail to answer", 30, || TcpStream::connect(("127.0.0.1", port)).ok());
        sendmail
    }

    fn texts(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join(folder)).expect("folder");
        let files = entries
            .map(|entry| entry.expect("entry").path())
            .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
        files.filter_map(|file| Some(String::from_utf8_lossy(&fs::read(file).ok()?).into_owned())).collect()
    }

    /// Waits for the delivered message that holds `text`.
    pub fn delivered_with(&self, text: &str) -> String {
        wait_for(&format!("delivery of {text:?}"), 30, || self.texts("mail").into_iter().find(|message| message.contains(text)))
    }

    /// Messages that have been delivered.
    pub fn delivered(&self) -> usize {
        self.texts("mail").len()
    }

    /// Control files of the queue (qf, and hf for quarantined ones).
    pub fn queue(&self) -> Vec<String> {
        self.texts("queue")
    }
}

impl Drop for Sendmail {
    fn drop(&mut self) {
        let _ = Command::new(repository().join("tests/sendmail/throwaway")).arg("stop").arg(self.folder.path()).status();
    }
}
