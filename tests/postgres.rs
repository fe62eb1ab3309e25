//! The store in a real PostgreSQL: the same reports, shared by two daemons.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::{messages::with_picture, picture, site::Site, wait_for};
use tempfile::TempDir;

/// PostgreSQL in a folder of its own; stopped at the end of the test.
struct Postgres {
    folder: TempDir,
    programs: PathBuf,
}

impl Postgres {
    /// `None` where there is none.
    fn start() -> Option<Self> {
        let programs =
            fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).next();
        let Some(programs) = programs.filter(|_| nix::unistd::geteuid().is_root()) else {
            eprintln!("skipped: needs root and PostgreSQL (apt-get install postgresql)");
            return None;
        };
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().expect("folder");
        let user = nix::unistd::User::from_name("postgres").expect("users").expect("postgres").uid;
        std::os::unix::fs::chown(folder.path(), Some(user.as_raw()), None).expect("owner");
        let server = Self { folder, programs };
        server.run("initdb", &["-A", "trust", "--no-sync", "-E", "UTF8"]);
        server.run(
            "pg_ctl",
            &["-w", "-s", "-l", "/dev/null", "-o", &format!("-h '' -k {}", server.folder.path().display()), "start"],
        );
        Some(server)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = Command::new("runuser")
            .args(["-u", "postgres", "--"])
            .arg(self.programs.join(program))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(arguments)
            .stdout(Stdio::null())
            .current_dir("/")
            .status()
            .expect("runuser");
        assert!(status.success(), "{program}");
    }

    fn store(&self) -> String {
        format!("feedback.store=\"postgres://postgres@localhost/postgres?host={}\"", self.folder.path().display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-m", "immediate", "-s", "stop"]);
    }
}

#[test]
fn two_daemons_share_what_users_say_in_one_postgresql() {
    let Some(server) = Postgres::start() else { return };
    let site = Site::new(&[&server.store()]);
    let mut second = Site::new(&[&server.store()]);
    // Later settings win: the key is the fleet's.
    second.more.push(format!("feedback.key=\"{}\"", site.path("feedback.key").display()));
    let (one, other) = (site.daemon(), second.daemon());
    let message = with_picture("chart", "image/png", &picture("ham-chart.png"));
    let verdict = || other.client().message(&message).verdict().expect("verdict");
    assert!(verdict().starts_with("No, "), "{}", verdict());
    for user in ["anna", "bert"] {
        assert_eq!(site.report("--spam", user, &message), "1 picture, 1 new\n");
        assert_eq!(site.report("--spam", user, &message), "1 picture, 0 new\n");
    }
    second.report("--ad", "dora", &message);
    assert_eq!(
        String::from_utf8_lossy(&second.run(&["report", "--undo", "--ad", "--user", "dora"], &message).stdout),
        "1 picture, 1 removed\n"
    );
    site.report("--spam", "carl", &message);
    let reported = Instant::now();
    wait_for("the other daemon to know", 5, || verdict().contains("reported=spam").then_some(()));
    println!("the other daemon knew after {} ms", reported.elapsed().as_millis());
    assert!(reported.elapsed() < Duration::from_secs(2), "half a second between two looks, and a verdict");
    assert_eq!(second.stats()["store"]["reactions"], serde_json::json!([0, 0, 0, 3]));
    for command in [&["feedback", "check"][..], &["feedback", "forget", "--user", "anna"]] {
        assert!(site.run(command, b"").status.success());
    }
    let error = site.refused(&["feedback", "backup", "/tmp/no"], b"");
    assert!(error.contains("pg_dump"), "{error}");
    let file = site.path("set.parquet");
    let exported = site.run(&["feedback", "export", file.to_str().expect("path")], b"");
    assert_eq!(String::from_utf8_lossy(&exported.stdout), "1 pictures\n");
    assert!(site.run(&["feedback", "forget", "--older-than", "0s"], b"").status.success());
    wait_for("the campaign to be forgotten", 5, || verdict().starts_with("No, ").then_some(()));
    drop((one, other));
    drop(server);
    let error = site.refused(&["feedback", "stats"], b"");
    assert!(error.contains("the store postgres://postgres@localhost/postgres"), "{error}");
}
