//! The command line: `scan`, `check-config`, `model`.

mod common;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use common::{
    containers::{jpeg, qr_picture},
    messages::{message, multipart, part, with_picture, without_picture},
    picture, program, repository,
};
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn scan(arguments: &[&str]) -> Output {
    program().arg("scan").args(arguments).output().expect("scan")
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn data(name: &str) -> String {
    repository().join("tests/data").join(name).display().to_string()
}

#[test]
fn a_picture_file_and_the_message_that_carries_it_get_one_verdict() {
    let folder = tempfile::tempdir().expect("folder");
    let eml = folder.path().join("spam.eml");
    fs::write(&eml, with_picture("spam", "image/png", &picture("spam-stock.png"))).expect("message");
    let output = scan(&["--format", "json", &data("spam-stock.png"), &eml.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "spam was found");
    let [file, mail] = <[Value; 2]>::try_from(lines(&output)).expect("two lines");
    assert_eq!((&file["kind"], &mail["kind"]), (&"file".into(), &"message".into()));
    for line in [&file, &mail] {
        assert_eq!((&line["verdict"], &line["class"], &line["action"]), (&"spam".into(), &"spam".into(), &"tag".into()));
        assert!(line["score"].as_f64().expect("score") > 0.96 && line["milliseconds"].is_u64());
        assert!(line["model"].as_str().expect("model").starts_with("resnet50-thin/"));
        let picture = &line["pictures"][0];
        assert_eq!(
            (&picture["media_type"], &picture["width"], &picture["height"]),
            (&"image/png".into(), &529.into(), &324.into())
        );
        let sum: f64 =
            ["ham", "spam", "ad"].iter().map(|class| picture["probabilities"][class].as_f64().expect("probability")).sum();
        assert!((sum - 1.0).abs() < 1e-5 && picture.get("features").is_none());
    }
    assert_eq!(mail["pictures"][0]["name"], "2");
    assert_eq!(file["score"], mail["score"]);
    let digest = Command::new("sha256sum").arg(data("spam-stock.png")).output().expect("sha256sum");
    assert_eq!(file["pictures"][0]["sha256"].as_str().expect("digest"), &text(&digest.stdout)[..64]);
}

#[test]
fn the_exit_status_is_that_of_clamscan() {
    assert_eq!(scan(&[&data("ham-letter.png")]).status.code(), Some(0));
    assert_eq!(scan(&[&data("ham-letter.png"), &data("spam-loan.jpg")]).status.code(), Some(1));
    let unread = scan(&["--format", "json", "/nonexistent/file.eml", &data("spam-loan.jpg")]);
    assert_eq!(unread.status.code(), Some(2));
    assert!(
        lines(&unread)[0]["error"].as_str().expect("error").contains("No such file") && lines(&unread)[1]["verdict"] == "spam"
    );
    let fields = ["path", "kind", "verdict", "score", "action", "class", "pictures", "model", "milliseconds"];
    assert!(lines(&unread).iter().all(|line| fields.iter().all(|field| line.get(field).is_some())), "each line has every field");
    let folder = tempfile::tempdir().expect("folder");
    let broken = folder.path().join("broken.png");
    fs::write(&broken, &picture("ham-letter.png")[..200]).expect("file");
    let output = scan(&["--format", "json", &broken.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(lines(&output)[0]["pictures"][0]["error"].as_str().expect("error").starts_with("can't be decoded"));
    assert_eq!(lines(&output)[0]["verdict"], "unknown");
}

#[test]
fn messages_come_from_mboxes_maildirs_folders_and_standard_input() {
    let folder = tempfile::tempdir().expect("folder");
    let (spam, none) = (with_picture("spam", "image/png", &picture("spam-stock.png")), without_picture("none"));
    let mbox = folder.path().join("mbox");
    fs::write(
        &mbox,
        [&b"From a@b Tue Nov 24 04:00:00 2026\n"[..], &none, b"\nFrom a@b Tue Nov 24 04:00:00 2026\n", &spam].concat(),
    )
    .expect("mbox");
    let maildir = folder.path().join("maildir");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).expect("Maildir");
        fs::write(maildir.join(part).join("1.eml"), &spam).expect("message");
    }
    let verdicts = |output: &Output| {
        lines(output).iter().map(|line| line["verdict"].as_str().expect("verdict").to_owned()).collect::<Vec<_>>()
    };
    let output = scan(&["--format", "json", &mbox.display().to_string()]);
    assert_eq!(verdicts(&output), ["none", "spam"]);
    assert!(lines(&output)[1]["path"].as_str().expect("path").ends_with("mbox#2"));
    assert_eq!(verdicts(&scan(&["--format", "json", &maildir.display().to_string()])), ["spam", "spam"], "tmp is not mail yet");
    let mut child =
        program().args(["scan", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("scan");
    child.stdin.take().expect("stdin").write_all(&spam).expect("write");
    let output = child.wait_with_output().expect("output");
    assert_eq!((verdicts(&output), lines(&output)[0]["path"].as_str()), (vec!["spam".to_owned()], Some("-")));
}

#[test]
fn a_pipe_gets_plain_lines_and_no_progress_bar() {
    let output = scan(&[&data("ham-letter.png"), &data("spam-loan.jpg")]);
    let lines: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert!(lines[0].contains("ham-letter.png: ham 0.") && lines[1].contains("spam-loan.jpg: spam 0.9"), "{lines:?}");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let table = scan(&["--format", "table", &data("spam-loan.jpg")]);
    assert!(text(&table.stdout).contains("verdict") && text(&table.stdout).contains("spam-loan.jpg"));
}

#[test]
fn features_are_those_of_the_reference_way() {
    let known: serde_json::Map<String, Value> =
        serde_json::from_slice(&picture("reference/features.json")).expect("features.json");
    assert!(known.len() >= 12);
    let paths: Vec<_> = known.keys().map(|name| data(&format!("reference/{name}"))).collect();
    let mut arguments = vec!["--features", "--format", "json", "--set", "skip.picture_below_pixels=0"];
    arguments.extend(paths.iter().map(String::as_str));
    let output = scan(&arguments);
    for ((name, expected), line) in known.iter().zip(lines(&output)) {
        let cosine = cosine(expected, &line["pictures"][0]["features"]);
        assert!(cosine >= 0.999, "{name}: {cosine}");
    }
}

fn cosine(a: &Value, b: &Value) -> f64 {
    let [a, b] = [a, b]
        .map(|value| value.as_array().expect("vector").iter().map(|number| number.as_f64().expect("number")).collect::<Vec<_>>());
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// What of a large JPEG is never decoded is not missed: it has the features, the size and the codes of the same pixels as PNG.
#[test]
fn a_large_jpeg_is_judged_as_the_same_pixels_in_png() {
    let folder = tempfile::tempdir().expect("folder");
    let code = qr_picture("https://login.example.com/large", 14);
    for (name, width, height) in [("ham-temple.jpg", 4032, 3024), ("spam-loan.jpg", 2600, 3700), ("ham-letter.png", 2480, 3508)] {
        let small = image::load_from_memory(&picture(name)).expect("picture");
        let mut large = small.resize_exact(width, height, image::imageops::FilterType::CatmullRom).into_rgb8();
        image::imageops::replace(&mut large, &code, 1000, 1500);
        let (path, png) = (folder.path().join(format!("{name}.large.jpg")), folder.path().join(format!("{name}.large.png")));
        fs::write(&path, jpeg(&large)).expect("write");
        image::open(&path).expect("picture").save(&png).expect("save");
        let output = scan(&["--features", "--format", "json", &path.display().to_string(), &png.display().to_string()]);
        let judged: Vec<_> = lines(&output).iter().map(|line| line["pictures"][0].clone()).collect();
        let cosine = cosine(&judged[0]["features"], &judged[1]["features"]);
        assert!(cosine >= 0.999, "{name}: {cosine}");
        for one in judged {
            assert_eq!((one["width"].as_u64(), one["height"].as_u64()), (Some(width.into()), Some(height.into())), "{name}");
            assert_eq!(one["codes"][0]["text"], "https://login.example.com/large", "{name}: {one}");
        }
    }
}

#[test]
fn sixteen_bit_and_grey_pictures_are_judged_as_their_eight_bit_twins() {
    let folder = tempfile::tempdir().expect("folder");
    let eight = image::load_from_memory(&picture("spam-stock.png")).expect("picture");
    let paths = ["eight.png", "sixteen.png"].map(|name| folder.path().join(name));
    eight.save(&paths[0]).expect("save");
    image::DynamicImage::ImageRgba16(eight.to_rgba16()).save(&paths[1]).expect("save");
    let output = scan(&["--format", "json", &paths[0].display().to_string(), &paths[1].display().to_string()]);
    let scores: Vec<_> = lines(&output).iter().map(|line| line["score"].as_f64().expect("score")).collect();
    assert!((scores[0] - scores[1]).abs() < 0.002, "{scores:?}");
}

fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = program().arg("check-config").args(arguments).output().expect("check-config");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("folder")).expect("folder");
    fs::write(path, text).expect("file");
}

#[test]
fn the_shipped_configuration_file_is_good_and_holds_every_default() {
    let file = repository().join("conf/imagespam-milter.toml").display().to_string();
    let (code, out, error) = check(&["--config", &file]);
    assert_eq!((code, out.trim(), error.as_str()), (Some(0), "the configuration is good", ""));
    let (_, printed, _) = check(&["--config", &file, "--print"]);
    let origins: Vec<_> =
        printed.lines().filter(|line| line.contains(" = ")).map(|line| line.rsplit("# ").next().expect("origin")).collect();
    assert!(origins.len() > 30);
    // The bundle's place, and that nothing is reported or learned, comes from the tests' environment.
    let tests = ["MODEL__BUNDLE", "MODEL__SESSIONS", "FEEDBACK__STORE", "API__SOCKET", "LEARN__FOLDER"]
        .map(|name| format!("environment variable IMAGESPAM_MILTER__{name}"));
    assert!(origins.iter().all(|origin| *origin == file || tests.iter().any(|name| name == origin)), "{origins:?}");
}

#[test]
fn every_error_is_told_at_once_with_file_key_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().expect("folder");
    let main = folder.path().join("main.toml");
    write(
        &main,
        "[limits]\nparts = 0\npictres = 5\nmessage_bytes = \"many\"\n[policy]\nrules = [{ class = \"spam\", threshold = 1.5, action = \"explode\" }]\n[milter]\nlisten = [\"tcp:1\"]\n[skip]\nnetworks = [\"300.0.0.0/8\"]\n",
    );
    write(
        &folder.path().join("conf.d/10-more.toml"),
        "[policy]\ndeadline = 5\ndry_run = \"yes\"\nreject_reply = \"450 4.7.1 no\"\n[header]\nname = \"Subject\"\n",
    );
    let (code, _, error) = check(&["--config", &main.display().to_string(), "--set", "log.level=loud"]);
    assert_eq!(code, Some(2));
    for expected in [
        "main.toml: limits.parts: 0 is not allowed here; allowed is a whole number from 1 to 100000",
        "main.toml: limits.pictres: there is no such setting; did you mean limits.pictures?",
        "main.toml: limits.message_bytes: \"many\" is not allowed here; allowed is a size such as",
        "main.toml: policy.rules: rule 1: threshold: 1.5 is not allowed here; allowed is a number from 0 to 1",
        "main.toml: policy.rules: rule 1: action: \"explode\" is not allowed here; allowed is \"accept\", \"tag\"",
        "main.toml: milter.listen:",
        "main.toml: skip.networks:",
        "10-more.toml: policy.deadline: 5 is not allowed here; allowed is a duration with its unit",
        "10-more.toml: policy.dry_run: \"yes\" is not allowed here; allowed is true or false",
        "10-more.toml: policy.reject_reply:",
        "10-more.toml: header.name: \"Subject\" is not allowed here",
        "--set log.level=loud: log.level: \"loud\" is not allowed here",
    ] {
        assert!(error.contains(expected), "{expected} is missing in:\n{error}");
    }
    assert!(error.starts_with("imagespam-milter: 12 errors in the configuration:"), "{error}");
}

#[test]
fn syntax_errors_of_all_files_are_told_with_their_lines() {
    let folder = tempfile::tempdir().expect("folder");
    let main = folder.path().join("main.toml");
    write(&main, "[limits]\nparts = = 3\n");
    write(&folder.path().join("conf.d/a.toml"), "x = \"open\n");
    let (code, _, error) = check(&["--config", &main.display().to_string()]);
    assert!(code == Some(2) && error.contains("main.toml") && error.contains("line 2") && error.contains("a.toml"), "{error}");
    let (code, _, error) = check(&["--config", "/nonexistent.toml"]);
    assert!(code == Some(2) && error.contains("/nonexistent.toml: syntax: there is no such file"), "{error}");
}

#[test]
fn later_layers_win_and_print_says_which() {
    let folder = tempfile::tempdir().expect("folder");
    let main = folder.path().join("main.toml");
    write(&main, "[limits]\nparts = 11\npictures = 12\nnesting = 13\nheader_lines = 14\n");
    write(&folder.path().join("conf.d/a.toml"), "[limits]\npictures = 22\nnesting = 23\nheader_lines = 24\n");
    write(&folder.path().join("conf.d/b.toml"), "[limits]\nnesting = 33\nheader_lines = 34\n");
    write(&folder.path().join("conf.d/ignored.conf"), "[limits]\nparts = 99\n");
    let output = program()
        .args(["check-config", "--print", "--config"])
        .arg(&main)
        .args(["--set", "limits.header_lines=44"])
        .env("IMAGESPAM_MILTER__LIMITS__HEADER_LINES", "43")
        .env("IMAGESPAM_MILTER__LIMITS__NESTING", "42")
        .output()
        .expect("check-config");
    let printed = text(&output.stdout);
    for (setting, origin) in [
        ("parts = 11 ", "main.toml"),
        ("pictures = 22 ", "conf.d/a.toml"),
        ("nesting = 42 ", "environment variable IMAGESPAM_MILTER__LIMITS__NESTING"),
        ("header_lines = 44 ", "--set limits.header_lines=44"),
        ("picture_bytes = \"20 MiB\" ", "default"),
    ] {
        let line = printed.lines().find(|line| line.starts_with(setting)).unwrap_or_else(|| panic!("{setting} in:\n{printed}"));
        assert!(line.trim_end().ends_with(origin), "{line}");
    }
    // What is printed is a configuration file itself.
    let again = folder.path().join("again/again.toml");
    write(&again, &printed);
    assert_eq!(check(&["--config", &again.display().to_string()]).0, Some(0));
}

#[test]
fn a_password_is_in_no_output() {
    for (store, shown) in [
        ("postgres://filter:s3cr/et@db/feedback", "://filter:***@db/feedback"),
        ("mysql://filter:s3cret@db/feedback", "://filter:***@db/feedback"),
        ("postgres://db/feedback?user=filter&password=s3cr@et&sslmode=require", "?user=filter&password=***&sslmode=require"),
        ("postgres://db/feedback?password=is?s3cret&user=filter", "://db/feedback?password=***&user=filter"),
    ] {
        let (_, printed, error) = check(&["--print", "--set", &format!("feedback.store={store}")]);
        let all = printed + &error;
        assert!(!all.contains("s3cr") && all.contains(shown), "{all}");
    }
}

#[test]
fn rules_that_the_model_can_not_serve_are_errors() {
    let with = |rule: &str| check(&["--set", &format!("policy.rules=[{rule}]")]);
    let (code, _, error) = with(r#"{class="spma",threshold=0.5,action="tag"}"#);
    assert!(
        code == Some(2)
            && error.contains("rule 1: model resnet50-thin/")
            && error.contains("has no class \"spma\" to be found; it has \"spam\""),
        "{error}"
    );
    let (code, _, error) = with(r#"{class="spam",threshold="sometimes",action="tag"}"#);
    assert!(code == Some(2) && error.contains("defines no threshold \"sometimes\"; it defines \"tag\""), "{error}");
    for never in ["https://example.com", "*.example.com", ".example.com", "example..com", ""] {
        let (code, _, error) = with(&format!(r#"{{qr=["{never}"],action="tag"}}"#));
        let told = format!("or a list of domains such as [\"example.com\"] (not \"{never}\")");
        assert!(code == Some(2) && error.contains(&told), "{never}: {error}");
    }
}

#[test]
fn the_shipped_model_verifies_and_shows_its_provenance() {
    let verify = program().args(["model", "verify"]).output().expect("verify");
    assert!(verify.status.success(), "{}", text(&verify.stderr));
    assert!(text(&verify.stdout).contains("checksums, inputs, outputs and the known answer are right"));
    let show = program().args(["model", "show"]).output().expect("show");
    for expected in ["resnet50-thin/", "ham, spam", "threshold   \"tag\" from 0.", "384 x 384", "BSD-2-Clause"] {
        assert!(text(&show.stdout).contains(expected), "{expected}");
    }
}

#[test]
fn help_reads_well_on_every_level() {
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["check-config", "--help"],
        &["scan", "--help"],
        &["model", "--help"],
        &["model", "verify", "--help"],
    ] {
        let output = program().args(arguments).output().expect("help");
        assert!(output.status.success() && text(&output.stdout).contains("Usage: imagespam-milter"), "{arguments:?}");
        assert!(text(&output.stdout).lines().all(|line| line.chars().count() <= 100), "{arguments:?}");
    }
    let none = program().output().expect("no arguments");
    assert!(!none.status.success() && text(&none.stderr).contains("Usage:"));
}

#[test]
fn several_pictures_keep_their_places_and_declared_names_are_cleaned() {
    let folder = tempfile::tempdir().expect("folder");
    let eml = folder.path().join("m.eml");
    let inner = multipart(
        "related",
        "in",
        &[part("text/html", b"<p>"), part("image/png; name=\"evil\u{1b}[31m\u{7}.png\"", &picture("ham-chart.png"))],
    );
    fs::write(
        &eml,
        message("m", &multipart("mixed", "out", &[inner, part("image/jpeg; name=b.jpg", &picture("ham-flower.jpg"))])),
    )
    .expect("message");
    let output = scan(&["--format", "json", &eml.display().to_string()]);
    let names: Vec<_> = lines(&output)[0]["pictures"]
        .as_array()
        .expect("pictures")
        .iter()
        .map(|picture| picture["name"].as_str().expect("name").to_owned())
        .collect();
    assert_eq!(names, ["1.2/evil[31m.png", "2/b.jpg"]);
}

#[test]
fn a_reader_that_has_gone_and_a_full_disk_are_no_panic() {
    let mut shown = program().args(["model", "show"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // Long before the bundle is loaded, and something said of it.
    drop(shown.stdout.take());
    let shown = shown.wait_with_output().expect("ended");
    assert_eq!((shown.status.code(), text(&shown.stderr)), (Some(2), String::new()));
    for command in [["model", "show"], ["scan", &data("ham-chart.png")]] {
        let full = fs::File::create("/dev/full").expect("/dev/full");
        let shown = program().args(command).stdout(full).output().expect("ended");
        assert_eq!(shown.status.code(), Some(2));
        assert!(text(&shown.stderr).contains("standard output can't be written to: No space left"), "{}", text(&shown.stderr));
    }
}
