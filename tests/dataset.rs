//! `dataset`: the published format, statistics and labels, and the paper's tables.

mod common;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use common::{data_file, leftovers, program};
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn dataset(arguments: &[&str]) -> Output {
    program().arg("dataset").args(arguments).output().expect("program")
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// As the publishers packed it: by gzip itself.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip");
    child.stdin.take().expect("stdin").write_all(bytes).expect("write");
    child.wait_with_output().expect("gzip").stdout
}

const SPAM: &str = "[\"USER_MESSAGE_MARK_SPAM\"]";
const HAM: &str = "[\"USER_MESSAGE_UNMARK_SPAM\"]";
const AD: &str = "[\"USER_MESSAGE_MARK_AD\"]";
const NONAD: &str = "[\"USER_MESSAGE_MARK_NONAD\"]";
const BOTH: &str = "[\"USER_MESSAGE_MARK_SPAM\",\"USER_MESSAGE_UNMARK_SPAM\"]";

fn set(records: &[&[&str]]) -> String {
    records.iter().enumerate().map(|(number, users)| format!("[[{}],[{number}.5,-2e-3,7]]\n", users.join(","))).collect()
}

#[test]
fn the_published_format_survives_import_and_export() {
    let folder = tempfile::tempdir().expect("folder");
    let lines = set(&[&[SPAM, BOTH], &[HAM], &[AD, NONAD, SPAM]]);
    fs::write(folder.path().join("in.json.gz"), gzip(lines.as_bytes())).expect("file");
    let imported = dataset(&["import", &path(folder.path(), "in.json.gz"), &path(folder.path(), "set.parquet")]);
    assert!(imported.status.success() && text(&imported.stdout).starts_with("3 records"), "{}", text(&imported.stderr));
    assert!(dataset(&["export", &path(folder.path(), "set.parquet"), &path(folder.path(), "out.json.gz")]).status.success());
    let out = Command::new("zcat").arg(folder.path().join("out.json.gz")).output().expect("zcat").stdout;
    let values = |text: &str| text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect::<Vec<_>>();
    let (before, after) = (values(&lines), values(&text(&out)));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before[0], after[0]);
        let numbers = |value: &Value| {
            value[1].as_array().expect("list").iter().map(|n| n.as_f64().expect("number") as f32).collect::<Vec<_>>()
        };
        assert_eq!(numbers(before), numbers(after));
    }
}

#[test]
fn statistics_and_labels_are_those_of_the_published_rules() {
    let folder = tempfile::tempdir().expect("folder");
    // Spam 2 of 3; tie, to the milder; nobody counts; four users, of whom three count and agree.
    let lines = set(&[&[SPAM, SPAM, AD], &[SPAM, HAM], &[BOTH], &[HAM, HAM, BOTH, HAM]]);
    fs::write(folder.path().join("in.json"), lines).expect("file");
    let set = path(folder.path(), "set.parquet");
    assert!(dataset(&["import", &path(folder.path(), "in.json"), &set]).status.success());
    let stats: Value = serde_json::from_slice(&dataset(&["stats", "--json", &set]).stdout).expect("JSON");
    assert_eq!(
        (&stats["images"], &stats["reactions"], &stats["users"], &stats["repeated"]),
        (&4.into(), &12.into(), &10.into(), &2.into())
    );
    assert_eq!(stats["images_with_more_than"], serde_json::json!([4, 3, 2, 1, 0, 0, 0, 0, 0, 0]));
    assert!(text(&dataset(&["stats", &set]).stdout).contains("consistency, all images                 0.7222"));
    let labelled = |reactions: &str, consistency: &str| {
        let to = path(folder.path(), "labels.parquet");
        text(&dataset(&["label", &set, &to, "--min-reactions", reactions, "--min-consistency", consistency]).stdout)
    };
    assert!(labelled("0", "0").starts_with("3 of 4 pictures: 2 ham, 1 spam, 0 ad; 1 ties"), "{}", labelled("0", "0"));
    assert!(labelled("2", "0.6").starts_with("2 of 4 pictures: 1 ham, 1 spam"));
    assert!(labelled("3", "0").starts_with("1 of 4 pictures: 1 ham"), "more than three users, not three");
    let none = dataset(&["label", &set, &path(folder.path(), "none.parquet"), "--min-reactions", "9"]);
    assert!(text(&none.stderr).contains("the filter leaves none of 4 pictures") && !folder.path().join("none.parquet").exists());
}

#[test]
fn a_wrong_line_is_named_with_its_file_and_number_and_nothing_is_written() {
    let good = set(&[&[SPAM], &[HAM]]);
    let cases: [(&str, &str, &[&str]); 8] = [
        ("no JSON", "this is no JSON\n", &["line 3", "is not [reactions, features]"]),
        ("another shape", "{\"reactions\":[]}\n", &["line 3", "is not [reactions, features]"]),
        (
            "an unknown reaction",
            "[[[\"USER_LIKED_IT\"]],[1,2,3]]\n",
            &["line 3", "unknown reaction \"USER_LIKED_IT\"", "USER_MESSAGE_MARK_AD"],
        ),
        ("a user without reaction", "[[[]],[1,2,3]]\n", &["line 3", "a user without a reaction"]),
        (
            "another length",
            "[[[\"USER_MESSAGE_MARK_AD\"]],[1,2]]\n",
            &["line 3", "has 2 features, but the records before it have 3"],
        ),
        ("NaN", "[[[\"USER_MESSAGE_MARK_AD\"]],[1,NaN,2]]\n", &["line 3"]),
        ("an infinite number", "[[[\"USER_MESSAGE_MARK_AD\"]],[1,1e300,2]]\n", &["line 3", "finite"]),
        ("half a line", "[[[\"USER_MESSAGE_MARK_AD\"]],[1,", &["line 3"]),
    ];
    for (name, bad, expected) in cases {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("in.json.gz"), gzip(format!("{good}{bad}").as_bytes())).expect("file");
        let (from, to) = (path(folder.path(), "in.json.gz"), path(folder.path(), "set.parquet"));
        let failed = dataset(&["import", &from, &to]);
        let error = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(2), "{name}");
        assert!(error.contains("in.json.gz") && expected.iter().all(|part| error.contains(part)), "{name}: {error}");
        assert_eq!(leftovers(folder.path()), ["in.json.gz"], "{name}");
        let kept = dataset(&["import", "--keep-going", &from, &to]);
        assert!(
            text(&kept.stdout).starts_with("2 records") && text(&kept.stdout).contains("1 lines left out"),
            "{name}: {}",
            text(&kept.stderr)
        );
    }
}

#[test]
fn a_truncated_gzip_is_an_error_and_what_is_whole_can_be_kept() {
    let folder = tempfile::tempdir().expect("folder");
    data_file(&folder.path().join("in.json"), 3000, 50);
    let packed = gzip(&fs::read(folder.path().join("in.json")).expect("file"));
    fs::write(folder.path().join("cut.json.gz"), &packed[..packed.len() / 2]).expect("file");
    let (from, to) = (path(folder.path(), "cut.json.gz"), path(folder.path(), "set.parquet"));
    let failed = dataset(&["import", &from, &to]);
    assert!(
        text(&failed.stderr).contains("cut.json.gz: can't be read past line") && text(&failed.stderr).contains("truncated"),
        "{}",
        text(&failed.stderr)
    );
    assert!(!folder.path().join("set.parquet").exists());
    let kept = dataset(&["import", "--keep-going", &from, &to]);
    let records: u64 = text(&kept.stdout).split(' ').next().and_then(|count| count.parse().ok()).expect("count");
    assert!((500..3000).contains(&records), "{records}");
}

#[test]
fn the_grid_prints_ours_beside_the_published_figures_and_cleaner_labels_score_better() {
    let folder = tempfile::tempdir().expect("folder");
    data_file(&folder.path().join("in.json"), 400, 12);
    let (set, vectors, simulated) =
        (path(folder.path(), "a.parquet"), path(folder.path(), "v.parquet"), path(folder.path(), "s.parquet"));
    assert!(dataset(&["import", &path(folder.path(), "in.json"), &set]).status.success());
    assert!(dataset(&["label", &set, &vectors]).status.success());
    let made = dataset(&["simulate", &vectors, &simulated, "--records", "6000", "--features", "12"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let grid =
        program().args(["evaluate", "--grid", "--preset", "linear", "--format", "json", &simulated]).output().expect("grid");
    let tables: Vec<Vec<Value>> = serde_json::from_slice(&grid.stdout).unwrap_or_else(|_| panic!("{}", text(&grid.stderr)));
    assert_eq!((tables[0].len(), tables[1].len()), (36, 9));
    assert_eq!((&tables[0][35]["published"], &tables[1][0]["published"]), (&0.97.into(), &0.87.into()));
    let f1 = |cell: &Value| cell["weighted_f1"].as_f64().expect("F1");
    let (all, strict) = (f1(&tables[0][0]), f1(&tables[0][31]));
    assert!(strict > all + 0.02, "more than 10 reactions at consistency 0.75: {strict}, all: {all}");
}
