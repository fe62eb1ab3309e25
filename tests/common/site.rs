//! A site with users: a store, a key and a socket in a folder of its own, and commands that use them.

use std::{
    io::Write,
    path::PathBuf,
    process::{Output, Stdio},
};

use tempfile::TempDir;

use super::{Daemon, program};

/// A site: settings for store, key and sockets in a folder of its own.
pub struct Site {
    pub folder: TempDir,
    pub more: Vec<String>,
}

impl Site {
    pub fn new(more: &[&str]) -> Self {
        let folder =
            tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().expect("folder");
        Self { folder, more: more.iter().map(|setting| (*setting).to_owned()).collect() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn settings(&self) -> Vec<String> {
        let at = |name: &str| self.path(name).display().to_string();
        let own = [
            format!("feedback.store=\"sqlite:{}\"", at("feedback.db")),
            format!("feedback.key=\"{}\"", at("feedback.key")),
            format!("api.socket=\"{}\"", at("api.sock")),
        ];
        own.into_iter().chain(self.more.clone()).collect()
    }

    pub fn daemon(&self) -> Daemon {
        Daemon::start(&self.settings().iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        self.run_with(arguments, &[], input)
    }

    pub fn run_with(&self, arguments: &[&str], settings: &[&str], input: &[u8]) -> Output {
        let mut command = program();
        command.args(arguments);
        self.settings().iter().map(String::as_str).chain(settings.iter().copied()).for_each(|setting| {
            command.args(["--set", setting]);
        });
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("program");
        // One that refuses what it reads ends before it has read all.
        let _ = child.stdin.take().expect("stdin").write_all(input);
        child.wait_with_output().expect("output")
    }

    /// What `report` prints; it must succeed.
    pub fn report(&self, reaction: &str, user: &str, message: &[u8]) -> String {
        let output = self.run(&["report", reaction, "--user", user], message);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn refused(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.run(arguments, input);
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).expect("text")
    }

    pub fn stats(&self) -> serde_json::Value {
        let output = self.run(&["feedback", "stats", "--json"], b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    pub fn reactions(&self) -> u64 {
        self.stats()["store"]["reactions"].as_array().expect("counts").iter().map(|count| count.as_u64().expect("count")).sum()
    }
}
