//! Each limit, on both sides: at it nothing is cut off, past it the header says what, and the message goes on.

mod common;

use common::{
    Daemon,
    containers::{animated_gif, jpeg, pdf, zip},
    memory,
    messages::with_files,
    picture,
};
use image::RgbImage;

fn attached(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    with_files("limits", &files)
}

/// Noise can't be packed, and every frame of it is unlike the others.
fn noise(seed: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    RgbImage::from_fn(120, 90, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        image::Rgb([state as u8, (state >> 8) as u8, (state >> 16) as u8])
    })
}

/// Large squares, for each number in another order.
fn squares(number: u32) -> RgbImage {
    let mut state = number.wrapping_mul(747_796_405) | 1;
    let shades: Vec<u8> = (0..64)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    RgbImage::from_fn(160, 160, |x, y| image::Rgb([shades[(y / 20 * 8 + x / 20) as usize]; 3]))
}

#[test]
fn at_a_limit_nothing_is_cut_off_and_past_it_the_header_says_what() {
    let small = common::png(&noise(1));
    let bytes = small.len();
    let gif = animated_gif(&(0..6).map(|number| (squares(number), 100)).collect::<Vec<_>>());
    let blinking = animated_gif(&(0..6).map(|number| (squares(number % 2), 100)).collect::<Vec<_>>());
    let document = pdf(&[&jpeg(&noise(2)), &jpeg(&noise(3)), &jpeg(&noise(4))]);
    let archive = zip(&[("a.png", &small), ("b.txt", b"words"), ("c.png", &common::png(&noise(5)))]);
    let page = format!("<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'>{}</svg>", " ".repeat(50_000));
    let packed = zip(&[("flat.svg", page.as_bytes())]);
    let ratio = zip_ratio(&packed, page.len());
    let nested = zip(&[("in.zip", &zip(&[("a.png", &small)]))]);
    // The setting, the least value at which nothing is cut off, the greatest at which something is, and the message.
    let cases: Vec<(&str, u64, u64, Vec<u8>)> = vec![
        (
            "pictures",
            3,
            2,
            attached(&[("a.png", small.clone()), ("b.png", common::png(&noise(6))), ("c.png", common::png(&noise(7)))]),
        ),
        ("pictures", 3, 2, attached(&[("a.pdf", document.clone())])),
        ("picture_bytes", bytes as u64, bytes as u64 - 1, attached(&[("a.png", small.clone())])),
        ("picture_pixels", 10_800, 10_799, attached(&[("a.png", small.clone())])),
        ("frames", 6, 5, attached(&[("a.gif", blinking.clone())])),
        ("frames", 6, 1, attached(&[("a.gif", blinking)])),
        ("distinct_frames", 6, 5, attached(&[("a.gif", gif)])),
        ("pages", 3, 2, attached(&[("a.pdf", document)])),
        ("archive_files", 3, 2, attached(&[("a.zip", archive.clone())])),
        ("archive_bytes", 80_000, 40_000, attached(&[("a.zip", archive)])),
        ("archive_ratio", ratio + 1, ratio - 1, attached(&[("a.zip", packed)])),
        ("nesting", 2, 1, attached(&[("a.zip", nested)])),
        (
            "parts",
            30,
            3,
            attached(&[("a.png", small.clone()), ("b.png", small.clone()), ("c.png", small.clone()), ("d.png", small)]),
        ),
    ];
    for (setting, enough, too_few, message) in cases {
        let answer = Daemon::start(&[&format!("limits.{setting}={enough}")]).client().message(&message);
        let verdict = answer.verdict().expect("verdict");
        assert!(!verdict.contains("incomplete"), "limits.{setting}={enough}: {verdict}");
        let policy = ["policy.on_incomplete=quarantine", &format!("limits.{setting}={too_few}")];
        let answer = Daemon::start(&policy).client().message(&message);
        let verdict = answer.verdict().expect("verdict");
        assert!(verdict.contains(&format!("incomplete={setting} ")), "limits.{setting}={too_few}: {verdict}");
        assert!(answer.status == 'a' && answer.quarantine.is_some(), "limits.{setting}: the message's own policy");
    }
}

fn zip_ratio(archive: &[u8], unpacked: usize) -> u64 {
    // Local file header, APPNOTE 4.3.7: the packed size at 18.
    unpacked as u64 / u64::from(u32::from_le_bytes(archive[18..22].try_into().expect("size")))
}

#[test]
fn a_decoders_memory_is_limited() {
    let message = attached(&[("a.png", common::png(&RgbImage::new(1000, 1000)))]);
    let verdict = |limit: &str| Daemon::start(&[limit]).client().message(&message).verdict().expect("verdict");
    assert!(verdict("limits.decoder_memory=\"8 MB\"").starts_with("No, "));
    assert!(verdict("limits.decoder_memory=\"6 MB\"").contains("Unknown, reason=over-limit incomplete=decoder_memory"));
}

/// Noise of many octaves, again and again: resvg works on it for minutes.
fn endless_svg() -> Vec<u8> {
    let noise = "<feTurbulence numOctaves='9' baseFrequency='.9'/>".repeat(900);
    let filter = format!("<filter id='f' x='0' y='0' width='1' height='1'>{noise}</filter>");
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='900' height='900'>{filter}<rect filter='url(#f)' width='900' height='900'/></svg>").into_bytes()
}

#[test]
fn a_decoder_that_runs_on_costs_its_picture_and_no_other() {
    let mut daemon = Daemon::start(&["limits.picture_time=1s", "log.level=debug"]);
    let message = attached(&[
        ("a.svg", endless_svg()),
        ("b.png", picture("spam-stock.png")),
        ("c.svg", [endless_svg(), b" ".to_vec()].concat()),
    ]);
    let started = std::time::Instant::now();
    let answer = daemon.client().message(&message);
    let verdict = answer.verdict().expect("verdict");
    assert!(verdict.starts_with("Yes, ") && verdict.contains("pictures=1 incomplete=picture_time"), "{verdict}");
    assert!(started.elapsed().as_secs() < 9, "{:?}", started.elapsed());
    daemon.logged(
        "picture=2/a.svg type=application/octet-stream size=- skip=over-limit why=\"took longer than limits.picture_time (1s)\"",
    );
    daemon.logged("picture=4/c.svg");
    assert!(daemon.is_running() && daemon.workers().len() <= 2, "what ran on was ended");
}

#[test]
fn what_was_cut_off_before_a_worker_was_ended_is_told_all_the_same() {
    let daemon = Daemon::start(&["limits.picture_time=3s", "limits.pages=1"]);
    let page = jpeg(&squares(1));
    let message = attached(&[("a.pdf", pdf(&[&page, &page])), ("b.svg", endless_svg())]);
    let verdict = daemon.client().message(&message).verdict().expect("verdict");
    assert!(verdict.contains("incomplete=pages,picture_time "), "{verdict}");
}

#[test]
fn a_worker_that_is_killed_is_replaced_and_its_message_judged() {
    let mut daemon = Daemon::start(&[]);
    let spam = attached(&[("a.png", picture("spam-stock.png"))]);
    for _ in 0..5 {
        for worker in daemon.workers() {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker.parse().expect("pid")), nix::sys::signal::Signal::SIGKILL)
                .expect("kill");
        }
        assert!(daemon.client().message(&spam).verdict().expect("verdict").starts_with("Yes"));
    }
    assert!(daemon.is_running());
}

#[test]
fn a_worker_can_not_open_files_or_connections_and_does_not_outlive_its_daemon() {
    let daemon = Daemon::start(&["limits.worker_memory=\"512 MiB\""]);
    daemon.client().message(&attached(&[("a.png", picture("spam-stock.png"))]));
    let found = daemon.workers();
    assert!(!found.is_empty());
    for worker in &found {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{worker}/{name}")).expect("proc");
        assert!(read("status").contains("Seccomp:\t2") && read("status").contains("NoNewPrivs:\t1"), "{}", read("status"));
        let limit = read("limits").lines().find(|line| line.starts_with("Max address space")).expect("limit").to_owned();
        assert!(limit.contains("536870912"), "{limit}");
    }
    drop(daemon.kill());
    common::wait_for("the workers to end", 10, || {
        found.iter().all(|worker| !std::path::Path::new(&format!("/proc/{worker}/exe")).exists()).then_some(())
    });
}

#[test]
fn a_worker_gives_back_the_memory_of_large_pictures() {
    let daemon = Daemon::start(&["limits.workers=1"]);
    let judged = |picture: Vec<u8>| {
        let verdict = daemon.client().message(&attached(&[("a.png", picture)])).verdict().expect("verdict");
        assert!(!verdict.contains("incomplete="), "{verdict}");
    };
    judged(picture("ham-letter.png"));
    let workers = daemon.workers();
    let [worker] = &workers[..] else { panic!("{workers:?}") };
    let before = memory(worker, "RssAnon");
    // 30 MB each when decoded, the most that the allocator would keep, from the second on: it has learned from the first.
    for number in 0..3 {
        judged(common::png(&RgbImage::from_fn(4000, 2500 + number, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]))));
    }
    assert_eq!(daemon.workers(), workers, "the same worker");
    assert!(before > 0);
    // The answer may come while the worker still holds the message.
    let mut after = 0;
    common::wait_for(&format!("no more than 16 MB above the {before} kB of before"), 10, || {
        after = memory(worker, "RssAnon");
        (1..before + 16_000).contains(&after).then_some(())
    });
    println!("{before} kB before, {after} kB after");
}
