//! What the tests share: the built daemon in a folder of its own, a milter client that speaks the protocol by the
//! byte, and messages.

#![allow(dead_code)]

pub mod client;
pub mod containers;
pub mod http;
pub mod messages;
pub mod postfix;
pub mod sendmail;
pub mod site;
pub mod tuned;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shipped bundle.
pub fn bundle() -> PathBuf {
    repository().join("models/resnet50-thin")
}

/// Copies the shipped bundle into a folder that is there.
pub fn copy_bundle(folder: &Path) {
    for file in fs::read_dir(bundle()).expect("bundle").flatten() {
        fs::copy(file.path(), folder.join(file.file_name())).expect("copy");
    }
}

/// Changes the model.toml of the bundle in a folder.
pub fn change_manifest(folder: &Path, change: impl FnOnce(&mut toml::Table)) {
    let path = folder.join("model.toml");
    let mut manifest: toml::Table = fs::read_to_string(&path).expect("model.toml").parse().expect("TOML");
    change(&mut manifest);
    fs::write(&path, manifest.to_string()).expect("model.toml");
}

/// A test picture of tests/data.
pub fn picture(name: &str) -> Vec<u8> {
    fs::read(repository().join("tests/data").join(name)).expect("test picture")
}

/// The library of ONNX Runtime.
pub fn onnxruntime() -> PathBuf {
    std::env::var_os("ORT_DYLIB_PATH").map_or_else(|| repository().join("build/onnxruntime/libonnxruntime.so"), PathBuf::from)
}

/// The built program, with the shipped bundle and the ONNX Runtime of `make build/onnxruntime`, and no other settings.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imagespam-milter"));
    command.env("ORT_DYLIB_PATH", onnxruntime());
    command.env("IMAGESPAM_MILTER__MODEL__BUNDLE", bundle()).env("IMAGESPAM_MILTER__MODEL__SESSIONS", "2");
    // What is learned and reported is a matter of the tests that are about it.
    for setting in ["FEEDBACK__STORE", "API__SOCKET", "LEARN__FOLDER"] {
        command.env(format!("IMAGESPAM_MILTER__{setting}"), "");
    }
    command.stdin(Stdio::null());
    command
}

/// A port of TCP on loopback that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port()
}

/// Waits until `done` gives something, at most `seconds`.
pub fn wait_for<T>(what: &str, seconds: u64, mut done: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(result) = done() {
            return result;
        }
        assert!(started.elapsed() < Duration::from_secs(seconds), "waited {seconds} s in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running daemon; killed at the end of the test.
pub struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    /// Starts with `--set` for each setting and waits until it is ready. Listens on [`Daemon::socket`].
    pub fn start(settings: &[&str]) -> Self {
        let folder =
            tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().expect("folder");
        Self::start_in(folder, settings)
    }

    /// The same in a folder that exists.
    pub fn start_in(folder: TempDir, settings: &[&str]) -> Self {
        let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        Self::start_with(folder, &arguments, &[])
    }

    /// The same with any arguments, and with these environment variables.
    pub fn start_with(folder: TempDir, arguments: &[&str], environment: &[(&str, String)]) -> Self {
        let mut command = program();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let listen = format!("milter.listen=[\"unix:{}\"]", folder.path().join("milter.sock").display());
        command.args(["run", "--set", &listen, "--set", "milter.socket_mode=\"0666\""]).args(arguments);
        let log = File::options().create(true).append(true).open(folder.path().join("log")).expect("log");
        let before = fs::read_to_string(folder.path().join("log")).expect("log").len();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("daemon");
        let mut daemon = Self { child, folder };
        wait_for("the daemon to be ready", 30, || {
            if let Some(status) = daemon.child.try_wait().expect("status") {
                panic!("the daemon ended with {status}:\n{}", daemon.log());
            }
            daemon.log()[before..].contains("ready: version=").then_some(())
        });
        daemon
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("milter.sock")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("log")
    }

    /// Waits for a line in the log that holds `text`.
    pub fn logged(&self, text: &str) -> String {
        wait_for(&format!("{text:?} in the log"), 20, || self.log().lines().find(|line| line.contains(text)).map(str::to_owned))
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("signal");
    }

    /// Process ids of the processes in which it opens messages.
    pub fn workers(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        children.flat_map(|children| children.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("status").is_none()
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the daemon to end", 30, || self.child.try_wait().expect("status"))
    }

    /// Kills it without warning and gives its folder back, socket file left behind.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        std::mem::replace(&mut self.folder, TempDir::new().expect("folder"))
    }

    pub fn client(&self) -> client::Client {
        client::Client::connect(&self.socket())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kilobytes of a process, by this line of its status: `RssAnon`, or `VmHWM` at its peak. 0 if it has gone.
pub fn memory(pid: &str, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A PNG of 400 x 300 pixels, another for each number.
pub fn drawn(number: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| image::Rgb([(x * (number + 3)) as u8, (y * (number + 7)) as u8, (x ^ y) as u8]);
    png(&image::RgbImage::from_fn(400, 300, pixel))
}

/// The pixels as PNG.
pub fn png(pixels: &image::RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, image::ImageFormat::Png).expect("PNG");
    bytes.into_inner()
}

/// Names of all that lies in a folder, hidden files too.
pub fn leftovers(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Writes a data set in the published format, uncompressed: spam and ham in turn, told apart by their first feature.
pub fn data_file(path: &Path, records: usize, features: usize) {
    let line = |number: usize| {
        let (reaction, first) =
            if number.is_multiple_of(2) { ("USER_MESSAGE_MARK_SPAM", 1.0) } else { ("USER_MESSAGE_UNMARK_SPAM", 0.0) };
        let users = vec![format!("[\"{reaction}\"]"); 1 + number % 5].join(",");
        let rest: Vec<String> =
            (1..features).map(|at| format!("{:.3}", ((number * 31 + at * 17) % 100) as f32 / 100.0)).collect();
        format!("[[{users}],[{first},{}]]\n", rest.join(","))
    };
    fs::write(path, (0..records).map(line).collect::<String>()).expect("data set");
}
