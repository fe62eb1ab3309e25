//! Manual pages and completions: whole, and without warnings.

mod common;

use std::{
    fs,
    process::{Command, Stdio},
};

use common::program;

#[test]
fn each_command_and_each_setting_has_its_place_in_a_page_that_man_takes_without_a_warning() {
    let folder = tempfile::tempdir().expect("folder");
    assert!(program().arg("manuals").arg(folder.path()).status().expect("program").success());
    let page = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    // What --help lists, at each level.
    let commands = |arguments: &[&str]| -> Vec<String> {
        let output = program().args(arguments).arg("--help").output().expect("program");
        let text = String::from_utf8(output.stdout).expect("text");
        let Some((_, listed)) = text.split_once("Commands:\n") else { return Vec::new() };
        let lines = listed.lines().take_while(|line| line.starts_with("  "));
        let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(str::to_owned).collect()
    };
    let mut count = 0;
    for command in commands(&[]) {
        for inner in commands(&[&command]) {
            assert!(page(&format!("imagespam-milter-{command}-{inner}.8")).contains(".SH SYNOPSIS"));
            count += 1;
        }
        assert!(page(&format!("imagespam-milter-{command}.8")).contains(".SH SYNOPSIS"));
        count += 1;
    }
    assert!(count > 20, "{count}");
    let settings = page("imagespam-milter.toml.5");
    let printed = program().args(["check-config", "--print"]).output().expect("program");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let keys: Vec<&str> = printed
        .lines()
        .filter(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect();
    assert!(keys.len() > 60, "{}", keys.len());
    for key in keys {
        assert!(settings.contains(&format!("\\fB{key}\\fR = ")), "{key} is not in imagespam-milter.toml(5)");
    }
    for shell in ["imagespam-milter.bash", "_imagespam-milter", "imagespam-milter.fish"] {
        assert!(page(shell).contains("check-config"), "{shell}");
    }
    if Command::new("man").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: needs man (apt-get install man-db)");
        return;
    }
    for entry in fs::read_dir(folder.path()).expect("folder").map(|entry| entry.expect("entry").path()) {
        if !entry.extension().is_some_and(|extension| extension == "8" || extension == "5") {
            continue;
        }
        let output = Command::new("man")
            .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
            .arg(&entry)
            .env("MANWIDTH", "80")
            .output()
            .expect("man");
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{}: {warnings}", entry.display());
    }
}
