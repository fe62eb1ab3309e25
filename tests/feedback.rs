//! Users' reports: from standard input, through the daemon's socket or without a daemon, to reactions in the store, and what they
//! do to the next message.

mod common;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{
    messages::{with_files, with_picture, without_picture},
    picture, png,
    site::Site,
    wait_for,
};
use sha2::{Digest, Sha256};

fn decode(name: &str) -> image::RgbImage {
    image::load_from_memory(&picture(name)).expect("picture").into_rgb8()
}

/// A harmless picture that the net calls ham, and a variant with a few pixels changed.
fn letter(variant: u32) -> Vec<u8> {
    let mut pixels = decode("ham-letter.png");
    for at in 0..variant {
        let (x, y) = ((at * 37 + 11) % pixels.width(), (at * 53 + 7) % pixels.height());
        pixels.put_pixel(x, y, image::Rgb([at as u8, 200, 40]));
    }
    png(&pixels)
}

fn message(bytes: &[u8]) -> Vec<u8> {
    with_picture("campaign", "image/png", bytes)
}

#[test]
fn near_duplicates_of_what_three_users_report_are_spam_within_a_second_and_ham_again_when_users_object() {
    let site = Site::new(&[]);
    let daemon = site.daemon();
    let verdict = |variant| daemon.client().message(&message(&letter(variant))).verdict().expect("verdict");
    assert!(verdict(0).starts_with("No, "), "{}", verdict(0));
    // Each user got another variant.
    for (variant, user) in [(1, "anna"), (2, "bert")] {
        assert_eq!(site.report("--spam", user, &message(&letter(variant))), "1 picture, 1 new\n");
    }
    assert!(verdict(3).starts_with("No, "), "two users are not enough: {}", verdict(3));
    site.report("--spam", "carl", &message(&letter(4)));
    let reported = Instant::now();
    let tagged = verdict(5);
    let waited = reported.elapsed();
    assert!(tagged.starts_with("Yes, score=1.000 class=spam pictures=1 reported=spam model="), "{tagged}");
    println!("tagged {} ms after the third report", waited.as_millis());
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    daemon.logged("verdict=spam score=1.000 pictures=1 judged=1 undecodable=0 reported=spam");
    // Another picture is not touched by that.
    let other = daemon.client().message(&message(&picture("ham-chart.png"))).verdict().expect("verdict");
    assert!(other.starts_with("No, ") && !other.contains("reported="), "{other}");
    // Two of five object: the three are no longer three quarters.
    site.report("--ham", "dora", &message(&letter(5)));
    site.report("--ham", "emil", &message(&letter(5)));
    assert!(verdict(6).starts_with("No, "), "{}", verdict(6));
}

#[test]
fn spam_that_users_say_is_none_is_let_through() {
    let site = Site::new(&[]);
    let daemon = site.daemon();
    let spam = message(&picture("spam-stock.png"));
    let verdict = || daemon.client().message(&spam).verdict().expect("verdict");
    assert!(verdict().starts_with("Yes, "), "{}", verdict());
    ["anna", "bert", "carl"].iter().for_each(|user| {
        site.report("--ham", user, &spam);
    });
    assert!(verdict().starts_with("No, score=0.000 class=ham pictures=1 reported=ham "), "{}", verdict());
}

#[test]
fn a_report_is_kept_once_can_be_taken_back_and_needs_no_daemon() {
    let site = Site::new(&[]);
    let spam = with_files("two", &[("a.png", &picture("spam-stock.png")), ("b.jpg", &picture("spam-loan.jpg"))]);
    for with_daemon in [false, true] {
        let _daemon = with_daemon.then(|| site.daemon());
        assert_eq!(site.report("--spam", "anna", &spam), "2 pictures, 2 new\n", "daemon: {with_daemon}");
        assert_eq!(site.report("--spam", "anna", &spam), "2 pictures, 0 new\n");
        assert_eq!(site.report("--spam", "bert", &spam), "2 pictures, 2 new\n");
        assert_eq!(site.report("--not-ad", "anna", &spam), "2 pictures, 2 new\n");
        assert_eq!(site.stats()["store"]["reactions"], serde_json::json!([0, 2, 0, 4]));
        assert_eq!(site.stats()["store"]["users"], 2);
        let output = site.run(&["report", "--undo", "--not-ad", "--user", "anna"], &spam);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "2 pictures, 2 removed\n");
        assert_eq!(site.stats()["store"]["reactions"], serde_json::json!([0, 0, 0, 4]));
        assert!(site.run(&["feedback", "forget", "--user", "anna"], b"").status.success());
        assert_eq!((site.reactions(), site.stats()["store"]["pictures"].as_u64()), (2, Some(2)));
        assert!(site.run(&["feedback", "forget", "--user", "bert"], b"").status.success());
        assert_eq!((site.reactions(), site.stats()["store"]["pictures"].as_u64()), (0, Some(0)));
    }
}

#[test]
fn what_is_no_report_is_refused_with_a_reason_and_leaves_no_trace() {
    let site = Site::new(&["feedback.user_daily=3"]);
    for with_daemon in [false, true] {
        let _daemon = with_daemon.then(|| site.daemon());
        for harmless in [without_picture("none"), b"no message at all".to_vec(), Vec::new()] {
            assert_eq!(site.report("--spam", "anna", &harmless), "no picture in it that could be judged: nothing recorded\n");
        }
        let huge = vec![b'x'; 100 << 20];
        let error = site.refused(&["report", "--spam", "--user", "anna"], &huge);
        assert!(error.contains("larger than limits.message_bytes (26214400 bytes)"), "{error}");
        let error = site.refused(&["report", "--spam", "--user", " "], &message(&letter(0)));
        assert!(error.contains("the user's name must have"), "{error}");
        assert_eq!(site.stats()["store"]["users"], 0);
    }
    let nowhere = site.run_with(&["feedback", "stats"], &["feedback.store=\"sqlite:/nonexistent/x.db\""], b"");
    assert!(
        String::from_utf8_lossy(&nowhere.stderr).contains("does its folder exist, and may this user write there?"),
        "{nowhere:?}"
    );
    let _daemon = site.daemon();
    for variant in 0..3 {
        site.report("--spam", "anna", &message(&letter(variant)));
    }
    let error = site.refused(&["report", "--spam", "--user", "anna"], &message(&letter(9)));
    assert!(error.contains("the most that feedback.user_daily allows; nothing was recorded"), "{error}");
    assert_eq!(site.report("--spam", "anna", &message(&letter(0))), "1 picture, 0 new\n", "what is known costs nothing");
    site.report("--spam", "bert", &message(&letter(9)));
    assert_eq!(site.reactions(), 4);
}

#[test]
fn neither_a_pictures_bytes_nor_a_users_name_nor_a_subject_is_in_any_file() {
    let site = Site::new(&[]);
    let daemon = site.daemon();
    let bytes = picture("spam-stock.png");
    let user = "anna.secret@example.org";
    site.report("--spam", user, &with_picture("Subject-in-clear", "image/png", &bytes));
    site.report("--ham", "bert", &message(&letter(0)));
    drop(daemon);
    assert_eq!(site.reactions(), 2);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(site.path("feedback.key")).expect("key").permissions().mode() & 0o777, 0o600);
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let by_user: [u8; 32] = Sha256::digest(user).into();
    let inside = image::load_from_memory(&bytes).expect("picture").into_rgb8().into_raw();
    let needles: Vec<&[u8]> = vec![
        &bytes[100..132],
        &bytes[bytes.len() / 2..bytes.len() / 2 + 32],
        &inside[inside.len() / 2..inside.len() / 2 + 64],
        &sha256,
        &by_user,
        b"anna",
        b"secret",
        b"bert",
        b"example",
        b"Subject-in-clear",
    ];
    let mut searched = 0;
    for entry in fs::read_dir(site.folder.path()).expect("folder") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|extension| extension == "key") || !path.is_file() {
            continue;
        }
        let content = fs::read(&path).expect("file");
        searched += content.len();
        for needle in &needles {
            let found = content.windows(needle.len()).any(|window| window == *needle);
            assert!(!found, "{} is in {}", String::from_utf8_lossy(needle), path.display());
        }
    }
    assert!(searched > 20_000, "the store holds two vectors of 10 kB at least: {searched} bytes");
}

#[test]
fn a_store_that_is_corrupted_or_newer_is_refused_with_a_way_out_and_mail_goes_on() {
    let site = Site::new(&[]);
    for variant in 0..8 {
        site.report("--spam", &format!("user{variant}"), &message(&letter(variant)));
    }
    let backup = site.path("backup.db");
    assert!(site.run(&["feedback", "backup", backup.to_str().expect("path")], b"").status.success());
    let store = site.path("feedback.db");
    let good = fs::read(&store).expect("store");
    let spoil = |from: usize| {
        let mut bytes = good.clone();
        bytes[from..].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x5a);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", store.display()));
        }
        fs::write(&store, &bytes).expect("store");
        bytes
    };
    for from in [0, 4096] {
        let _ = fs::remove_file(site.path("feedback.db.corrupted"));
        let bytes = spoil(from);
        let error = site.refused(&["feedback", "check"], b"");
        assert!(error.contains("is corrupted: ") && error.contains("feedback.db.corrupted"), "{error}");
        assert_eq!(fs::read(site.path("feedback.db.corrupted")).expect("copy"), bytes);
    }
    let daemon = site.daemon();
    daemon.logged("error: users' reports are not taken: the store ");
    assert!(daemon.client().message(&message(&letter(0))).verdict().is_some());
    drop(daemon);
    // As the error says: a backup in its place.
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", store.display()));
    }
    fs::copy(&backup, &store).expect("restore");
    assert_eq!(site.reactions(), 8);
    let newer = std::process::Command::new("python3")
        .args(["-c", "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute(\"insert into _sqlx_migrations values (99,'x',current_timestamp,1,x'00',0)\"); d.commit()"])
        .arg(&store)
        .status()
        .expect("python3");
    assert!(newer.success());
    let error = site.refused(&["feedback", "stats"], b"");
    assert!(error.contains("was written by a newer imagespam-milter"), "{error}");
}

#[test]
fn on_a_full_disk_a_report_fails_whole_and_what_was_acknowledged_stays() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: a small disk needs root");
    }
    let disk = tempfile::tempdir().expect("folder");
    let mount = |arguments: &[&str]| std::process::Command::new(arguments[0]).args(&arguments[1..]).status();
    let path = disk.path().to_str().expect("path");
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path]).is_ok_and(|status| status.success()) {
        return eprintln!("skipped: a small disk can't be mounted here");
    }
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let _mounted = Mounted(disk.path());
    let store = format!("feedback.store=\"sqlite:{path}/feedback.db\"");
    let site = Site::new(&[&store]);
    let daemon = site.daemon();
    let (mut acknowledged, mut failed) = (0, String::new());
    for number in 0..200 {
        let output = site.run(&["report", "--spam", "--user", &format!("user{number}")], &message(&letter(number)));
        if !output.status.success() {
            failed = String::from_utf8(output.stderr).expect("text");
            break;
        }
        acknowledged += 1;
    }
    assert!(failed.contains("disk is full"), "{acknowledged} reports, then: {failed}");
    assert!(daemon.client().message(&message(&letter(0))).verdict().is_some(), "mail goes on");
    drop(daemon);
    mount(&["mount", "-o", "remount,size=8m", path]).expect("remount");
    assert_eq!(site.reactions(), acknowledged);
    assert!(site.run(&["feedback", "check"], b"").status.success());
}

#[test]
fn no_acknowledged_reaction_is_lost_when_the_daemon_is_killed() {
    let site = Site::new(&["feedback.user_daily=100000"]);
    let (mut acknowledged, mut sent) = (0, 0);
    for round in 0..10 {
        let daemon = site.daemon();
        let pid = daemon.pid();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(700 + 137 * round));
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        });
        loop {
            // Without a store of its own, the command can't do it by itself once the daemon is dead.
            let arguments = ["report", "--spam", "--user", &format!("user{sent}")];
            let output = site.run_with(&arguments, &["feedback.store=\"\""], &message(&letter(sent % 7)));
            sent += 1;
            if !output.status.success() {
                break;
            }
            acknowledged += 1;
        }
        killer.join().expect("killer");
        drop(daemon);
    }
    let kept = site.reactions();
    println!("{acknowledged} acknowledged, {kept} kept, {sent} sent, 10 kills");
    assert!(acknowledged > 3 && kept >= acknowledged && kept <= u64::from(sent));
}

#[test]
fn data_sets_go_out_and_come_in_again() {
    let site = Site::new(&[]);
    for (user, reaction) in [("anna", "--spam"), ("bert", "--spam"), ("carl", "--ham")] {
        site.report(reaction, user, &message(&letter(0)));
    }
    site.report("--ad", "anna", &message(&picture("spam-loan.jpg")));
    let other = Site::new(&[]);
    for name in ["set.parquet", "set.json.gz"] {
        let file = site.path(name);
        let file = file.to_str().expect("path");
        let exported = site.run(&["feedback", "export", file], b"");
        assert_eq!(String::from_utf8_lossy(&exported.stdout), "2 pictures\n");
        let imported = other.run(&["feedback", "import", file], b"");
        assert_eq!(String::from_utf8_lossy(&imported.stdout), "2 pictures\n", "{}", String::from_utf8_lossy(&imported.stderr));
        assert_eq!(other.stats()["store"]["reactions"], serde_json::json!([1, 0, 1, 2]), "twice the same is once");
        assert_eq!(other.stats()["statistics"], site.stats()["statistics"]);
    }
    let error = site.refused(&["feedback", "import", "/dev/null"], b"");
    assert!(error.contains("/dev/null"), "{error}");
}

#[test]
fn the_socket_is_guarded_by_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new(&["api.socket_mode=\"0600\""]);
    let daemon = site.daemon();
    wait_for("the socket", 5, || fs::metadata(site.path("api.sock")).ok());
    assert_eq!(fs::metadata(site.path("api.sock")).expect("socket").permissions().mode() & 0o777, 0o600);
    drop(daemon);
}
