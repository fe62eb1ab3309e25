//! A throw-away Postfix, and a mail client that speaks SMTP to it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{free_port, repository, wait_for};

/// Postfix in a folder of its own; stopped at the end of the test.
pub struct Postfix {
    folder: TempDir,
    pub port: u16,
}

/// Why tests with Postfix can't run here, if so; it is said once on standard error.
pub fn missing() -> bool {
    let here = Command::new("sh").args(["-c", "PATH=$PATH:/usr/sbin command -v postfix"]).output().expect("sh").status.success();
    let usable = here && nix::unistd::geteuid().is_root();
    if !usable {
        eprintln!("skipped: a test with Postfix needs root and Postfix (apt-get install postfix)");
    }
    !usable
}

impl Postfix {
    /// `milter` as in smtpd_milters; `parameters` as `name=value`.
    pub fn start(milter: &Path, parameters: &[&str]) -> Self {
        let folder =
            tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().expect("folder");
        let port = free_port();
        let status = Command::new(repository().join("tests/postfix/throwaway"))
            .args(["start".as_ref(), folder.path().as_os_str(), port.to_string().as_ref()])
            .arg(format!("unix:{}", milter.display()))
            .args(parameters)
            .status()
            .expect("throwaway");
        assert!(status.success(), "Postfix did not start");
        let postfix = Self { folder, port };
        wait_for("Postfix to answer", 20, || TcpStream::connect(("127.0.0.1", port)).ok());
        postfix
    }

    /// Where main.cf and master.cf are.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("etc")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log/mail.log")).unwrap_or_default()
    }

    /// Messages that have been delivered.
    pub fn delivered(&self) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(self.folder.path().join("mail/inbox/new")).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).expect("message")).collect()
    }

    /// Waits for the message with this subject (or any other text of its header).
    pub fn delivered_with(&self, text: &str) -> Vec<u8> {
        wait_for(&format!("delivery of {text:?}"), 30, || {
            self.delivered().into_iter().find(|message| String::from_utf8_lossy(message).contains(text))
        })
    }

    /// Runs one of Postfix's commands; what it prints.
    fn command(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", "PATH=$PATH:/usr/sbin exec \"$@\"", "sh", name, "-c"]).arg(self.configuration());
        String::from_utf8_lossy(&command.args(arguments).output().expect("Postfix's command").stdout).into_owned()
    }

    /// A message in the queue, as `postcat` shows it.
    pub fn queued(&self, id: &str) -> String {
        self.command("postcat", &["-q", id])
    }

    /// `postqueue -j`: a JSON object a line.
    pub fn queue(&self) -> Vec<serde_json::Value> {
        self.command("postqueue", &["-j"]).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Sends one message; the reply to its end, or to the command that was refused before.
    pub fn send(&self, message: &[u8]) -> String {
        Smtp::connect(self.port).send(message)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new(repository().join("tests/postfix/throwaway")).arg("stop").arg(self.folder.path()).status();
    }
}

/// A mail client.
pub struct Smtp(BufReader<TcpStream>);

impl Smtp {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("timeout");
        let mut client = Self(BufReader::new(stream));
        client.reply();
        client.command("EHLO client.example");
        client
    }

    fn reply(&mut self) -> String {
        let mut whole = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return format!("{whole}connection closed");
            }
            whole.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return whole;
            }
        }
    }

    pub fn command(&mut self, line: &str) -> String {
        let _ = self.0.get_mut().write_all(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    pub fn send(&mut self, message: &[u8]) -> String {
        for command in ["MAIL FROM:<sender@example.com> BODY=8BITMIME", "RCPT TO:<user@example.test>", "DATA"] {
            let reply = self.command(command);
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        // Dots at the start of lines are doubled (RFC 5321, section 4.5.2).
        let mut stuffed = Vec::with_capacity(message.len() + 100);
        for (number, line) in message.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.starts_with(b".") && (number == 0 || stuffed.ends_with(b"\r\n")) {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        stuffed.extend_from_slice(b"\r\n.\r\n".get(if stuffed.ends_with(b"\r\n") { 2 } else { 0 }..).expect("dot"));
        let _ = self.0.get_mut().write_all(&stuffed);
        self.reply()
    }
}
