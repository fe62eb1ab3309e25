//! A new head from users' reports: learned, promoted, taken up by the running daemon, rolled back, and never half there.

mod common;

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use common::{
    Daemon,
    messages::with_picture,
    png, program,
    site::Site,
    tuned::{hash_list, tuned_on},
    wait_for,
};
use image::{Rgb, RgbImage};
use nix::sys::signal::Signal;
use tempfile::TempDir;

fn noise(seed: u32, x: u32, y: u32) -> u32 {
    let mixed = (x.wrapping_mul(374_761_393) ^ y.wrapping_mul(668_265_263) ^ seed.wrapping_mul(2_246_822_519))
        .wrapping_mul(3_266_489_917);
    mixed ^ (mixed >> 15)
}

/// Lines of grey words on white.
fn page(number: u32) -> RgbImage {
    RgbImage::from_fn(300, 400, |x, y| {
        let word = !noise(number, x / (9 + number % 5), y / 14).is_multiple_of(4);
        let inked = y % 14 < 8 && (20..280).contains(&x) && word && noise(number + 7, x / 2, y / 2).is_multiple_of(2);
        if inked { Rgb([40, 40, 40]) } else { Rgb([255, 255, 255]) }
    })
}

/// Coloured stripes across.
fn stripes(number: u32) -> RgbImage {
    RgbImage::from_fn(300, 200, |x, y| {
        let band = (x * (1 + number % 3) + y * (1 + number % 4)) / (10 + number % 17);
        Rgb([(noise(number, band, 1) % 256) as u8, (noise(number, band, 2) % 90) as u8, (noise(number, band, 3) % 120) as u8])
    })
}

/// A page with bright discs on it: of a kind that the base set does not have.
fn discs(number: u32) -> RgbImage {
    let mut drawn = page(number + 1000);
    for (x, y, pixel) in drawn.enumerate_pixels_mut() {
        let disc = (0..4u32).find(|disc| {
            let at = |what, side: u32| 60 + noise(number * 31 + disc, what, 5) % (side - 120);
            let radius = 35 + noise(number, *disc, 9) % 20;
            at(1, 300).abs_diff(x).pow(2) + at(2, 400).abs_diff(y).pow(2) < radius.pow(2)
        });
        if let Some(disc) = disc {
            *pixel = Rgb([230, (noise(number, disc, 11) % 120) as u8, 60]);
        }
    }
    drawn
}

/// A small bundle with a base set: pages are ham, stripes are spam, and a tenth of both tuned the backbone. Trained once for all tests.
fn small_bundle() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, bundle) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("folder");
        for (class, draw, count) in [("ham", page as fn(u32) -> RgbImage, 40), ("spam", stripes, 40)] {
            let place = folder.path().join("data").join(class);
            fs::create_dir_all(&place).expect("folder");
            (0..count).for_each(|number| fs::write(place.join(format!("{number}.png")), png(&draw(number))).expect("picture"));
        }
        let (bundle, tuning) = (folder.path().join("small"), (0..4).flat_map(|number| [page(number), stripes(number)]));
        let base = tuned_on(folder.path(), &hash_list(&tuning.collect::<Vec<_>>()));
        let trained = program()
            .arg("train")
            .arg(folder.path().join("data"))
            .arg("--output")
            .arg(&bundle)
            .args(["--base", &base, "--name", "small", "--view", "128", "--cache"])
            .arg(folder.path().join("cache"))
            .output()
            .expect("train");
        assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
        (folder, bundle)
    });
    bundle
}

/// A site with the small bundle and a folder of learned heads.
fn site() -> Site {
    let mut site = Site::new(&[
        "policy.rules=[{class=\"spam\",threshold=0.5,action=\"tag\"}]",
        "feedback.user_daily=100000",
        "campaign.enabled=false",
        "learn.false_alarm_margin=0.02",
    ]);
    site.more.push(format!("model.bundle=\"{}\"", small_bundle().display()));
    site.more.push(format!("learn.folder=\"{}\"", site.path("models").display()));
    site
}

fn message(pixels: &RgbImage) -> Vec<u8> {
    with_picture("discs", "image/png", &png(pixels))
}

fn tell(site: &Site, arguments: &[&str]) -> String {
    let output = site.run(arguments, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Two users say of each of these discs that they are spam.
fn report_discs(site: &Site, numbers: std::ops::Range<u32>) {
    for number in numbers {
        for user in ["anna", "bert"] {
            site.report("--spam", user, &message(&discs(number)));
        }
    }
}

fn verdict(daemon: &Daemon, pixels: &RgbImage) -> String {
    daemon.client().message(&message(pixels)).verdict().expect("verdict")
}

#[test]
fn what_users_report_is_learned_and_the_running_daemon_takes_it_up_and_gives_it_back() {
    let site = site();
    let daemon = site.daemon();
    assert!(tell(&site, &["learn"]).contains("nothing is learned: learn.min_pictures is 2"));
    assert!(verdict(&daemon, &discs(99)).starts_with("No, "), "{}", verdict(&daemon, &discs(99)));
    report_discs(&site, 0..16);
    let told = tell(&site, &["learn", "--dry-run"]);
    assert!(told.contains("users agree on 16: 0 ham, 16 spam") && told.contains("it would be put to use"), "{told}");
    let told = tell(&site, &["learn"]);
    assert!(told.contains("put to use: 1-1"), "{told}");
    daemon.logged("model in use: small/1-1");
    assert!(
        verdict(&daemon, &discs(99)).starts_with("Yes, "),
        "of a kind reported, never itself: {}",
        verdict(&daemon, &discs(99))
    );
    assert!(verdict(&daemon, &page(99)).starts_with("No, "), "{}", verdict(&daemon, &page(99)));
    let told = tell(&site, &["learn"]);
    assert!(told.contains("not put to use: nothing was reported since the head in use was learned"), "{told}");
    let list = tell(&site, &["model", "list"]);
    assert!(list.contains("  shipped  small/1\n") && list.contains("* 1-1  right on "), "{list}");
    assert!(tell(&site, &["model", "verify"]).starts_with("small/1-1: "));
    assert_eq!(tell(&site, &["model", "rollback"]), "put to use: shipped; a running daemon takes it up by itself\n");
    daemon.logged("model in use: small/1\n".trim_end());
    wait_for("the shipped head", 10, || verdict(&daemon, &discs(99)).starts_with("No, ").then_some(()));
    tell(&site, &["model", "promote", "1-1"]);
    wait_for("the learned head", 10, || verdict(&daemon, &discs(99)).starts_with("Yes, ").then_some(()));
    let error = site.refused(&["model", "promote", "1-7"], b"");
    assert!(error.contains("version 1-7: there is no such version"), "{error}");
    let page = site.path("report.html");
    tell(&site, &["feedback", "report", "--output", page.to_str().expect("path")]);
    let page = fs::read_to_string(page).expect("page");
    for piece in ["Reactions a day", "Campaigns most reported", "1-1 · in use", "rolled back from 1-1"] {
        assert!(page.contains(piece), "{piece}");
    }
    assert!(!page.contains("anna") && !page.contains("<img"));
    assert!(!page.contains("\n-1\n") && !page.contains("\n1.0\n"), "a place behind the last bar has no name");
}

#[test]
fn three_reported_pictures_are_enough_to_learn_from_and_one_is_not() {
    let site = site();
    report_discs(&site, 0..1);
    let told = tell(&site, &["learn"]);
    assert!(told.contains("users agree on 1: ") && told.contains("nothing is learned: learn.min_pictures is 2"), "{told}");
    report_discs(&site, 1..3);
    let told = tell(&site, &["learn"]);
    assert!(told.contains("users agree on 3: 0 ham, 3 spam") && told.contains("put to use: 1-1"), "{told}");
    let daemon = site.daemon();
    assert!(verdict(&daemon, &discs(99)).starts_with("Yes, "), "of their kind: {}", verdict(&daemon, &discs(99)));
    assert!(verdict(&daemon, &page(99)).starts_with("No, "), "{}", verdict(&daemon, &page(99)));
}

#[test]
fn a_head_that_is_no_better_or_raises_false_alarms_is_not_put_to_use() {
    let site = site();
    // Stripes are spam already: nothing is gained.
    for number in 200..212 {
        for user in ["anna", "bert"] {
            site.report("--spam", user, &message(&stripes(number)));
        }
    }
    let told = tell(&site, &["learn"]);
    assert!(told.contains("not put to use: it judges ") && told.contains("is not 1 % more"), "{told}");
    // Pages are ham: who reports them as spam would make the head call the base set's ham spam.
    for number in 300..330 {
        for user in ["anna", "bert", "carl"] {
            site.report("--spam", user, &message(&page(number)));
        }
    }
    let told = tell(&site, &["learn"]);
    assert!(told.contains("not put to use: it would call ") && told.contains("of the base set's ham something else"), "{told}");
    assert!(!site.path("models/current").exists());
}

#[test]
fn no_message_is_lost_or_unjudged_while_heads_are_swapped() {
    let site = site();
    report_discs(&site, 0..16);
    tell(&site, &["learn"]);
    let daemon = site.daemon();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (sent, slowest) = thread::scope(|scope| {
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                let (daemon, stop) = (&daemon, &stop);
                scope.spawn(move || {
                    let (mut sent, mut slowest) = (0u32, Duration::ZERO);
                    let mut client = daemon.client();
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let started = Instant::now();
                        let verdict = client.message(&message(&discs(400 + sender))).verdict().expect("verdict");
                        slowest = slowest.max(started.elapsed());
                        assert!(verdict.contains("class=spam") == verdict.contains("model=small/1-1"), "{verdict}");
                        sent += 1;
                    }
                    (sent, slowest)
                })
            })
            .collect();
        for _ in 0..10 {
            for version in ["shipped", "1-1"] {
                tell(&site, &["model", "promote", version]);
                daemon.signal(Signal::SIGHUP);
                thread::sleep(Duration::from_millis(300));
            }
        }
        thread::sleep(Duration::from_millis(700));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        senders
            .into_iter()
            .map(|sender| sender.join().expect("sender"))
            .fold((0, Duration::ZERO), |(sent, slowest), one| (sent + one.0, slowest.max(one.1)))
    });
    println!("{sent} messages during 20 swaps, the slowest {} ms", slowest.as_millis());
    let log = daemon.log();
    assert!(log.matches("model in use: ").count() + log.matches("reloaded: model=").count() >= 8, "{}", daemon.log());
    assert!(sent > 20);
}

#[test]
fn a_learner_killed_at_any_time_leaves_one_whole_bundle_and_the_store_as_it_was() {
    let kills: u32 = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let site = site();
    report_discs(&site, 0..16);
    let reactions = site.reactions();
    let started = Instant::now();
    tell(&site, &["learn"]);
    let whole = started.elapsed();
    let killed_in = |arguments: &[&str], after: Duration| {
        let mut command = program();
        command.args(arguments);
        site.settings().iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("program");
        thread::sleep(after);
        let _ = child.kill();
        let killed = child.wait().expect("status").signal().is_some();
        let list = site.run(&["model", "list"], b"");
        assert_eq!(String::from_utf8_lossy(&list.stderr), "", "no complaint about a broken head");
        let verified = tell(&site, &["model", "verify"]);
        assert!(verified.starts_with("small/1"), "{verified}");
        (killed, verified.starts_with("small/1-"))
    };
    let (mut round, mut killed, mut promoted, mut killed_promotions) = (0, 0, 0, 0);
    while killed < kills || killed_promotions < kills {
        assert!(round < 6 * kills, "{killed} and {killed_promotions} of {kills} killed in {round} rounds");
        // Something new, so that each learns and promotes.
        site.report("--spam", &format!("user{round}"), &message(&discs(round % 16)));
        tell(&site, &["model", "promote", "shipped"]);
        // The later half is where it writes and promotes.
        let died = killed_in(&["learn"], whole.mul_f64(0.4 + 0.006 * f64::from(round * 37 % 100)));
        killed += u32::from(died.0);
        promoted += u32::from(died.1);
        let version = if round % 2 == 0 { "1-1" } else { "shipped" };
        killed_promotions +=
            u32::from(killed_in(&["model", "promote", version], Duration::from_micros(u64::from(round * 700 % 9000))).0);
        round += 1;
    }
    let daemon = site.daemon();
    assert!(verdict(&daemon, &page(99)).starts_with("No, "));
    println!(
        "{killed} learners killed in {round} rounds, {promoted} promoted before; {killed_promotions} promotions killed; each time one whole bundle"
    );
    assert_eq!(site.reactions(), reactions + u64::from(round));
    tell(&site, &["learn"]);
    assert!(!common::leftovers(&site.path("models")).iter().any(|name| name.starts_with(".bundle-")), "drafts are cleared");
}

#[test]
fn a_broken_or_foreign_learned_head_is_told_and_the_shipped_one_used() {
    let site = site();
    report_discs(&site, 0..16);
    tell(&site, &["learn"]);
    let head = site.path("models/1-1/head.onnx");
    let bytes = fs::read(&head).expect("head");
    fs::write(&head, &bytes[..bytes.len() / 2]).expect("head");
    let daemon = site.daemon();
    daemon.logged("error: the learned head 1-1 can't be used: model bundle: ");
    assert!(verdict(&daemon, &page(1)).contains("model=small/1"), "{}", verdict(&daemon, &page(1)));
    fs::write(&head, &bytes).expect("head");
    // The package brings another head, with other features.
    let other = Site {
        folder: site.folder,
        more: site.more.iter().filter(|setting| !setting.starts_with("model.bundle")).cloned().collect(),
    };
    let output = other.run(&["model", "verify"], b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("belongs to another bundle than"), "{output:?}");
    let stats = String::from_utf8(other.run(&["feedback", "stats"], b"").stdout).expect("text");
    assert!(stats.contains("16 pictures hold features of another backbone or view"), "{stats}");
}
