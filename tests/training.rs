//! `train` and `evaluate`, on pictures drawn here.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use common::{
    data_file, leftovers, program,
    tuned::{hash_list, tuned_on},
    wait_for,
};
use image::{Rgb, RgbImage};
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(arguments: &[&str], cache: &Path) -> Output {
    let mut command: Command = program();
    command.env("XDG_CACHE_HOME", cache).args(arguments).output().expect("program")
}

/// A picture that differs by number: ham is a smooth slope of colours, spam is rows of dark bars, like lines of text.
fn draw(class: &str, number: u32) -> RgbImage {
    let mut state = number * 7919 + 17;
    let mut next = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let (width, height) = (160 + next(200), 120 + next(200));
    let [red, green, blue] = [next(256), next(256), next(256)];
    if class == "spam" {
        let mut picture = RgbImage::from_pixel(width, height, Rgb([250, 250, 240]));
        let step = 9 + next(8);
        for line in 0..height / step {
            let mut x = 5 + next(10);
            while x + 30 < width {
                let word = 4 + next(25);
                for (dx, dy) in (0..word).flat_map(|dx| (0..step / 2).map(move |dy| (dx, dy))) {
                    if !(dx * 3 + dy + number).is_multiple_of(4) {
                        picture.put_pixel(x + dx, line * step + dy, Rgb([red as u8 / 3, green as u8 / 3, blue as u8 / 3]));
                    }
                }
                x += word + 4;
            }
        }
        return picture;
    }
    let angle = next(100);
    RgbImage::from_fn(width, height, |x, y| {
        let slope = x * angle / width + y * (100 - angle) / height;
        Rgb([(red + slope) as u8 / 2 + 60, (green + slope * 2) as u8 / 3 + 80, (blue + 100 - slope) as u8 / 2 + 40])
    })
}

fn draw_into(folder: &Path, class: &str, source: &str, numbers: std::ops::Range<u32>) {
    let folder = folder.join(class).join(source);
    fs::create_dir_all(&folder).expect("folder");
    for number in numbers {
        draw(class, number).save(folder.join(format!("{number}.png"))).expect("picture");
    }
}

fn training_set() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    draw_into(folder.path(), "ham", "one", 0..14);
    draw_into(folder.path(), "ham", "two", 14..28);
    draw_into(folder.path(), "spam", "letters", 100..124);
    folder
}

#[test]
fn a_bundle_trained_on_class_folders_judges_pictures_that_it_never_saw() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    let (data, bundle) = (set.path().display().to_string(), out.path().join("new").display().to_string());
    let trained =
        run(&["train", &data, "--output", &bundle, "--test", "0.25", "--name", "mine", "--model-version", "7"], out.path());
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    assert!(!text(&trained.stderr).contains('\r'), "no progress bar in a pipe");
    let card = fs::read_to_string(out.path().join("new/MODEL_CARD.md")).expect("card");
    assert!(card.starts_with("# mine/7") && card.contains("## Out of fold") && card.contains("## Held out"), "{card}");
    // 28 ham pictures tell nothing of one false alarm in a thousand, and the program says so.
    assert!(card.contains("no threshold \"tag\"") && card.contains("too few"), "{card}");

    let setting = format!("model.bundle={bundle}");
    let verified = run(&["model", "verify", "--set", &setting], out.path());
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let shown = text(&run(&["model", "show", "--set", &setting], out.path()).stdout);
    assert!(shown.contains("int8        backbone-int8.onnx ("), "{shown}");
    let fresh = tempfile::tempdir().expect("folder");
    draw_into(fresh.path(), "ham", "x", 300..306);
    draw_into(fresh.path(), "spam", "x", 400..406);
    let rules = r#"policy.rules=[{class="spam",threshold=0.5,action="tag"}]"#;
    let scanned =
        run(&["scan", "--format", "json", "--set", &setting, "--set", rules, &fresh.path().display().to_string()], out.path());
    for line in text(&scanned.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let truth = if line["path"].as_str().expect("path").contains("/spam/") { "spam" } else { "ham" };
        assert_eq!(line["verdict"], truth, "{line}");
    }

    let evaluate =
        |format: &str| run(&["evaluate", "--set", &setting, "--format", format, &fresh.path().display().to_string()], out.path());
    let figures: Value = serde_json::from_slice(&evaluate("json").stdout).expect("JSON");
    assert_eq!((&figures["classification"]["accuracy"], &figures["binary"]["roc_area"]), (&1.0.into(), &1.0.into()));
    assert_eq!(figures["classification"]["confusion"], serde_json::json!([[6, 0], [0, 6]]));
    assert!(text(&evaluate("table").stdout).contains("accuracy 1.0000"));
    let page = text(&evaluate("html").stdout);
    assert!(page.starts_with("<!DOCTYPE html>") && page.matches("<svg").count() == 3, "plots are inside the page");
    assert!(!page.contains("http://") || !page.contains("src=\"http"), "nothing is fetched");
}

#[test]
fn what_may_be_spam_as_well_as_an_advertisement_is_none_the_less_sure_not_to_be_ham() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    // Advertisements that look as spam does, a third as many.
    let drawn = tempfile::tempdir().expect("folder");
    draw_into(drawn.path(), "spam", "letters", 200..208);
    fs::create_dir(set.path().join("ad")).expect("folder");
    fs::rename(drawn.path().join("spam/letters"), set.path().join("ad/letters")).expect("pictures");
    let (data, bundle) = (set.path().display().to_string(), out.path().join("new").display().to_string());
    let trained = run(&["train", &data, "--output", &bundle], out.path());
    assert!(trained.status.success(), "{}", text(&trained.stderr));

    draw_into(drawn.path(), "spam", "fresh", 400..410);
    let (model, fresh) = (format!("model.bundle={bundle}"), drawn.path().display().to_string());
    let rules = r#"policy.rules=[{class="spam",threshold=0.9,action="tag"},{class="ad",threshold=0.9,action="tag"}]"#;
    let scanned = run(&["scan", "--format", "json", "--set", &model, "--set", rules, &fresh], out.path());
    let lines: Vec<Value> = text(&scanned.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 10);
    let of = |line: &Value, class: &str| line["pictures"][0]["probabilities"][class].as_f64().expect("probability");
    for line in &lines {
        let (spam, ad) = (of(line, "spam"), of(line, "ad"));
        assert_eq!(line["verdict"], if spam >= ad { "spam" } else { "ad" }, "{line}");
        assert!((line["score"].as_f64().expect("score") - spam - ad).abs() < 1e-4, "{line}");
    }
    // Three times as much spam in training does not make it likelier, and neither class has 0.9 by itself.
    let mean = |class: &str| lines.iter().map(|line| of(line, class)).sum::<f64>() / 10.0;
    assert!((0.3..0.7).contains(&mean("spam")) && (0.3..0.7).contains(&mean("ad")), "{} {}", mean("spam"), mean("ad"));
}

#[test]
fn the_same_data_and_seed_give_the_same_head_byte_for_byte() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    let data = set.path().display().to_string();
    for preset in ["kernel", "linear"] {
        let heads: Vec<_> = ["a", "b"]
            .iter()
            .map(|name| {
                let bundle = out.path().join(format!("{preset}-{name}"));
                let trained = run(&["train", &data, "--preset", preset, "--output", &bundle.display().to_string()], out.path());
                assert!(trained.status.success(), "{}", text(&trained.stderr));
                fs::read(bundle.join("head.onnx")).expect("head")
            })
            .collect();
        assert!(heads[0] == heads[1], "{preset}");
    }
}

#[test]
fn data_that_can_not_be_trained_on_give_an_error_that_names_what_is_wrong_and_leave_nothing_behind() {
    let out = tempfile::tempdir().expect("folder");
    let case = |prepare: &dyn Fn(&Path), more: &[&str], expected: &[&str]| {
        let (set, target) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        prepare(set.path());
        let bundle = target.path().join("new").display().to_string();
        let data = set.path().display().to_string();
        let failed = run(&[&["train", &data, "--output", &bundle], more].concat(), out.path());
        let error = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(2), "{error}");
        assert!(expected.iter().all(|part| error.contains(part)), "{expected:?} in {error}");
        assert!(leftovers(target.path()).is_empty(), "{:?}", leftovers(target.path()));
    };
    case(
        &|set| {
            draw_into(set, "ham", "a", 0..9);
            draw_into(set, "spam", "a", 100..101)
        },
        &[],
        &["class \"spam\" has only one picture"],
    );
    case(&|set| draw_into(set, "spam", "a", 100..109), &[], &["class \"ham\" has no picture"]);
    case(&|set| draw_into(set, "ham", "a", 0..9), &[], &["there is only the class \"ham\""]);
    case(
        &|set| {
            draw_into(set, "ham", "a", 0..9);
            draw_into(set, "spam", "a", 100..109)
        },
        &["--classes", "ham,spam,ad"],
        &["class \"ad\" has no picture"],
    );
    case(&|set| draw("ham", 1).save(set.join("stray.png")).expect("picture"), &[], &["stray.png", "is in no class"]);
    case(&|_| {}, &[], &["holds no file in a folder named after a class (ham, spam, ad)"]);
    case(
        &|set| {
            draw_into(set, "ham", "a", 0..9);
            fs::create_dir_all(set.join("spam")).expect("folder");
            fs::write(set.join("spam/broken.png"), b"\x89PNG\r\n\x1a\n no").expect("file")
        },
        &[],
        &["broken.png", "can't be decoded"],
    );
    case(
        &|set| {
            draw_into(set, "ham", "a", 0..9);
            draw_into(set, "spam", "a", 100..104);
            fs::copy(set.join("ham/a/1.png"), set.join("spam/a/twin.png")).map(|_| ()).expect("copy")
        },
        &[],
        &["twin.png", "hold the same picture"],
    );
    case(
        &|set| {
            draw_into(set, "ham", "a", 0..9);
            draw_into(set, "spam", "a", 100..104)
        },
        &["--classes", "spam,ad"],
        &["--classes must name \"ham\""],
    );
    let taken = tempfile::tempdir().expect("folder");
    let failed =
        run(&["train", &taken.path().display().to_string(), "--output", &taken.path().display().to_string()], out.path());
    assert!(text(&failed.stderr).contains("exists already"));
}

#[test]
fn keep_going_leaves_out_what_can_not_be_read_and_counts_it() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    fs::write(set.path().join("spam/broken.png"), b"\x89PNG\r\n\x1a\n no").expect("file");
    let bundle = out.path().join("new").display().to_string();
    let trained = run(&["train", &set.path().display().to_string(), "--output", &bundle, "--keep-going"], out.path());
    assert!(
        trained.status.success() && text(&trained.stderr).contains("1 of 53 pictures left out: they can't be decoded"),
        "{}",
        text(&trained.stderr)
    );
}

#[test]
fn a_test_set_that_shares_near_duplicates_with_training_is_refused() {
    let (set, test, out) = (training_set(), tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    draw_into(test.path(), "ham", "x", 300..304);
    draw_into(test.path(), "spam", "x", 400..404);
    let bundle = out.path().join("new").display().to_string();
    let arguments =
        ["train", &set.path().display().to_string(), "--output", &bundle, "--test-on", &test.path().display().to_string()];
    // A picture of training, its encoding changed: another file, the same picture.
    draw("ham", 3).save(test.path().join("ham/x/twin.bmp")).expect("picture");
    let refused = run(&arguments, out.path());
    let error = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && error.contains("share near-duplicates") && error.contains("twin.bmp"), "{error}");
    fs::remove_file(test.path().join("ham/x/twin.bmp")).expect("remove");
    let trained = run(&arguments, out.path());
    assert!(trained.status.success(), "{}", text(&trained.stderr));
}

#[test]
fn stored_vectors_train_the_same_head_as_their_pictures() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    let vectors = out.path().join("vectors.parquet").display().to_string();
    let stored = run(&["dataset", "features", &set.path().display().to_string(), "--output", &vectors], out.path());
    assert!(stored.status.success(), "{}", text(&stored.stderr));
    let head = |data: &str, name: &str| {
        let bundle = out.path().join(name);
        let trained = run(&["train", data, "--output", &bundle.display().to_string()], out.path());
        assert!(trained.status.success(), "{}", text(&trained.stderr));
        fs::read(bundle.join("head.onnx")).expect("head")
    };
    assert!(head(&vectors, "from-vectors") == head(&set.path().display().to_string(), "from-pictures"));
}

#[test]
fn views_and_features_can_be_others_than_the_base_bundles() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    let (data, bundle) = (set.path().display().to_string(), out.path().join("new").display().to_string());
    let trained =
        run(&["train", &data, "--output", &bundle, "--view", "96,64", "--features", "features,stage3_mean"], out.path());
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let shown = text(&run(&["model", "show", "--set", &format!("model.bundle={bundle}")], out.path()).stdout);
    assert!(shown.contains("96 x 96") && shown.contains("64 x 64"), "{shown}");
    assert!(shown.contains("features    3072 numbers from features, stage3_mean"), "{shown}");
    assert!(!shown.contains("int8"), "that of the base bundle is of its own view and features: {shown}");
    let verified = run(&["model", "verify", "--set", &format!("model.bundle={bundle}")], out.path());
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

#[test]
fn what_the_backbone_was_tuned_on_is_not_judged_by() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    let picture = |path: &str| image::open(set.path().join(path)).expect("picture").into_rgb8();
    let base = tuned_on(out.path(), &hash_list(&["spam/letters/100.png", "spam/letters/101.png", "ham/one/3.png"].map(picture)));
    let bundle = out.path().join("new");
    let data = set.path().display().to_string();
    let trained = run(&["train", &data, "--base", &base, "--output", &bundle.display().to_string()], out.path());
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let card = fs::read_to_string(bundle.join("MODEL_CARD.md")).expect("card");
    assert!(card.contains("The backbone was tuned on 3 of them or their near-duplicates"), "{card}");
    assert!(card.contains(": 27 ham pictures are too few"), "the thresholds are of the 27 others: {card}");
    let model = format!("model.bundle={}", bundle.display());
    let verified = run(&["model", "verify", "--set", &model], out.path());
    assert!(verified.status.success(), "the list went along: {}", text(&verified.stderr));
    let shown = run(&["model", "show", "--set", &model], out.path());
    assert!(text(&shown.stdout).contains("on pictures of 3 perceptual hashes (tuned-on.txt)"), "{}", text(&shown.stdout));
    let asked = run(&["evaluate", &data, "--set", &model], out.path());
    assert!(text(&asked.stderr).contains("the backbone was tuned on 3 of these "), "{}", text(&asked.stderr));
    assert!(asked.status.success());
}

#[test]
fn a_broken_list_of_what_the_backbone_was_tuned_on_is_named() {
    let (set, out) = (training_set(), tempfile::tempdir().expect("folder"));
    let base = tuned_on(out.path(), "0123456789abcdef\nnonsense\n");
    let (data, bundle) = (set.path().display().to_string(), out.path().join("new").display().to_string());
    // Before the pictures, which may take an hour, are looked at: there are none here.
    let model = format!("model.bundle={base}");
    for command in
        [["train", "nothing", "--base", &base, "--output", &bundle].as_slice(), &["evaluate", "nothing", "--set", &model]]
    {
        let refused = run(command, out.path());
        assert!(text(&refused.stderr).contains("tuned-on.txt: line 2: not a perceptual hash"), "{}", text(&refused.stderr));
    }
    fs::remove_file(Path::new(&base).join("tuned-on.txt")).expect("removed");
    let refused = run(&["train", &data, "--base", &base, "--output", &bundle], out.path());
    assert!(text(&refused.stderr).contains("tuned-on.txt: can't be read"), "{}", text(&refused.stderr));
    let all = run(&["train", &data, "--features", "features", "--output", &bundle], out.path());
    assert!(text(&all.stderr).contains("--features: one at least"), "{}", text(&all.stderr));
    assert!(!Path::new(&bundle).exists());
}

#[test]
fn vectors_of_another_net_are_refused() {
    let out = tempfile::tempdir().expect("folder");
    let (lines, set, vectors) = (out.path().join("a.json"), out.path().join("a.parquet"), out.path().join("v.parquet"));
    data_file(&lines, 40, 6);
    let path = |path: &Path| path.display().to_string();
    assert!(run(&["dataset", "import", &path(&lines), &path(&set)], out.path()).status.success());
    assert!(run(&["dataset", "label", &path(&set), &path(&vectors)], out.path()).status.success());
    let refused = run(&["train", &path(&vectors), "--output", &path(&out.path().join("new"))], out.path());
    assert!(
        text(&refused.stderr).contains("the vectors have 6 features, but the net of resnet50-thin"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn interrupted_training_leaves_nothing_behind() {
    let (set, out, target) = (training_set(), tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    draw_into(set.path(), "ham", "more", 500..620);
    let mut command = program();
    command.env("XDG_CACHE_HOME", out.path()).args([
        "train",
        &set.path().display().to_string(),
        "--output",
        &target.path().join("new").display().to_string(),
    ]);
    let mut child = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().expect("program");
    std::thread::sleep(Duration::from_millis(900));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGINT).expect("signal");
    let status = wait_for("the end", 30, || child.try_wait().expect("wait"));
    assert_eq!(status.code(), Some(2));
    assert!(leftovers(target.path()).is_empty());
}
