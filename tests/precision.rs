//! The backbone in 8 bits beside that in float32: which of them runs, and that they judge alike.

mod common;

use std::path::Path;

use common::{Daemon, change_manifest, copy_bundle, messages::with_picture, picture};

const PICTURES: [(&str, &str); 6] = [
    ("spam-stock.png", "image/png"),
    ("spam-stock.gif", "image/gif"),
    ("ham-letter.png", "image/png"),
    ("spam-loan.jpg", "image/jpeg"),
    ("ham-chart.png", "image/png"),
    ("ham-flower.jpg", "image/jpeg"),
];

/// The verdict's header and the score in it, of each of the pictures.
fn verdicts(daemon: &Daemon) -> Vec<(bool, f32)> {
    let of = |(name, kind): &(&str, &str)| {
        let header = daemon.client().message(&with_picture(name, kind, &picture(name))).verdict().expect("verdict");
        let score = header.split("score=").nth(1).and_then(|rest| rest.split(' ').next()).expect("score");
        (header.starts_with("Yes, "), score.parse().expect("number"))
    };
    PICTURES.iter().map(of).collect()
}

/// All digits of a picture's score, where a header has three.
fn score(precision: &str) -> f64 {
    let file = common::repository().join("tests/data/ham-letter.png");
    let setting = format!("model.precision=\"{precision}\"");
    let output = common::program().args(["scan", "--format", "json", "--set", &setting]).arg(file).output().expect("scan");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    told["score"].as_f64().expect("score")
}

/// A copy of the shipped bundle with another `[backbone.int8]`, as a setting.
fn bundle_with(folder: &Path, change: impl FnOnce(&mut toml::Table)) -> String {
    copy_bundle(folder);
    change_manifest(folder, |manifest| change(manifest["backbone"].as_table_mut().expect("[backbone]")));
    format!("model.bundle=\"{}\"", folder.display())
}

/// What the daemon says when it does not start.
fn refusal(settings: &[&str]) -> String {
    let mut command = common::program();
    command.arg("run");
    for setting in settings {
        command.args(["--set", setting]);
    }
    let output = command.output().expect("run");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn eight_bits_judge_as_float32_does() {
    let auto = Daemon::start(&["model.precision=\"auto\""]);
    let float32 = Daemon::start(&["model.precision=\"float32\""]);
    float32.logged(" precision=float32 ");
    if auto.log().contains(" precision=float32 ") {
        println!("skipped: this processor has no instructions for products of 8 bits");
        assert_eq!(verdicts(&auto), verdicts(&float32));
        return;
    }
    auto.logged(" precision=int8 ");
    let (exact, rough) = (verdicts(&float32), verdicts(&auto));
    assert!(exact.iter().any(|(spam, _)| *spam) && exact.iter().any(|(spam, _)| !*spam), "{exact:?}");
    for ((spam, score), (spam_too, rounded)) in exact.iter().zip(&rough) {
        assert!(spam == spam_too && (score - rounded).abs() < 0.1, "{exact:?} {rough:?}");
    }
    assert_ne!(score("float32"), score("int8"), "8 bits can't give all the same digits");
}

#[test]
fn eight_bits_that_give_other_features_than_at_the_makers_are_not_used() {
    let folder = tempfile::tempdir().expect("folder");
    let bundle = bundle_with(folder.path(), |backbone| {
        let int8 = backbone["int8"].as_table_mut().expect("[backbone.int8]");
        int8["features_norm"] = (int8["features_norm"].as_float().expect("number") * 1.02).into();
    });
    let daemon = Daemon::start(&[&bundle, "model.precision=\"auto\""]);
    daemon.logged(" precision=float32 ");
    assert!(verdicts(&daemon)[0].0);
    let refused = refusal(&[&bundle, "model.precision=\"int8\""]);
    assert!(refused.contains("on this processor the backbone in 8 bits gives features of length "), "{refused}");
}

#[test]
fn eight_bits_that_the_bundle_does_not_have_are_an_error_if_asked_for() {
    let folder = tempfile::tempdir().expect("folder");
    let bundle = bundle_with(folder.path(), |backbone| drop(backbone.remove("int8")));
    let refused = refusal(&[&bundle, "model.precision=\"int8\""]);
    assert!(refused.contains("has no [backbone.int8] for model.precision = \"int8\""), "{refused}");
    Daemon::start(&[&bundle, "model.precision=\"auto\""]).logged(" precision=float32 ");
    let other = bundle_with(folder.path(), |backbone| {
        let int8 = backbone["int8"].as_table_mut().expect("[backbone.int8]");
        int8["of"] = "0".repeat(64).into();
    });
    let refused = refusal(&[&other]);
    assert!(refused.contains("[backbone.int8] was made of another backbone"), "{refused}");
    let unknown = refusal(&["model.precision=\"int4\""]);
    assert!(unknown.contains("model.precision") && unknown.contains("\"auto\", \"float32\" or \"int8\""), "{unknown}");
}
