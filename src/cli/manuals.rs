//! `manuals`: manual pages and shell completions, out of the same text as `--help` and the shipped configuration file. For packagers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::{Shell, generate_to};
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, roman},
};

use super::Cli;
use crate::config;

const NAME: &str = "imagespam-milter";
/// Of programs for the administrator.
const SECTION: &str = "8";

#[derive(Args, Debug)]
pub struct Manuals {
    /// The folder that gets the pages and completions
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manuals {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let folder = &self.folder;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut command = Cli::command();
        command.build();
        pages(&command, NAME, folder)?;
        write(&folder.join(format!("{NAME}.toml.5")), settings_page(config::DEFAULTS).render().as_bytes())?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            generate_to(shell, &mut Cli::command(), NAME, folder).context("completions")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(path: &Path, page: &[u8]) -> anyhow::Result<()> {
    fs::write(path, page).with_context(|| path.display().to_string())
}

/// A page for the command, and one for each of its subcommands.
fn pages(command: &Command, name: &str, folder: &Path) -> anyhow::Result<()> {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = Vec::new();
    let man = Man::new(command.clone().display_name(name)).section(SECTION).source(NAME).manual("Mail filters");
    man.render(&mut page)?;
    let mut more = Roff::new();
    more.control("SH", ["SEE ALSO"]);
    let mut others: Vec<Inline> = vec![bold(format!("{NAME}.toml")), roman("(5)")];
    if name != NAME {
        others.extend([roman(", "), bold(NAME), roman("(8)")]);
    }
    more.text(others);
    more.to_writer(&mut page)?;
    anyhow::ensure!(!about.is_empty(), "{name} has no description");
    write(&folder.join(format!("{name}.{SECTION}")), &page)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        pages(inner, &format!("{name}-{}", inner.get_name()), folder)?;
    }
    Ok(())
}

/// The page of the configuration file: its tables are sections; a setting's comment stands above it, and holds for those that follow
/// without a comment of their own.
fn settings_page(text: &str) -> Roff {
    let mut page = Roff::new();
    page.control("TH", ["IMAGESPAM-MILTER.TOML", "5", "", NAME, "Mail filters"]);
    page.control("SH", ["NAME"]).text([roman(format!("{NAME}.toml - configuration of {NAME}"))]);
    page.control("SH", ["DESCRIPTION"]);
    let (mut comment, mut waiting): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(told) = line.strip_prefix('#') {
            flush(&mut page, &mut waiting);
            comment.push(told.strip_prefix(' ').unwrap_or(told));
        } else if let Some(table) = line.strip_prefix('[') {
            flush(&mut page, &mut waiting);
            page.control("SH", [format!("[{table}").as_str()]);
            paragraphs(&mut page, &std::mem::take(&mut comment));
        } else if let Some((key, value)) = line.split_once(" = ") {
            let mut value = value.to_owned();
            // A list over several lines.
            while value.starts_with('[') && !value.ends_with(']') {
                let Some(next) = lines.next() else { break };
                value = format!("{value} {}", next.trim());
            }
            page.control(if waiting.is_empty() { "TP" } else { "TQ" }, []);
            page.text([bold(key), roman(format!(" = {value}"))]);
            if waiting.is_empty() {
                waiting = if comment.is_empty() { vec![""] } else { std::mem::take(&mut comment) };
            }
        } else {
            flush(&mut page, &mut waiting);
            // Text that stands by itself: the head of the file.
            paragraphs(&mut page, &std::mem::take(&mut comment));
        }
    }
    flush(&mut page, &mut waiting);
    page.control("SH", ["FILES"]).text([roman(config::DEFAULT_PATH)]);
    page.control("SH", ["SEE ALSO"]).text([bold(NAME), roman("(8), "), bold(format!("{NAME}-check-config")), roman("(8)")]);
    page
}

/// Tells the comment that waits for its settings to be named.
fn flush(page: &mut Roff, waiting: &mut Vec<&str>) {
    paragraphs(page, &std::mem::take(waiting));
}

/// Lines that are indented stay as they are; the others flow.
fn paragraphs(page: &mut Roff, lines: &[&str]) {
    for block in lines.chunk_by(|a, b| a.starts_with("  ") == b.starts_with("  ")) {
        if block[0].starts_with("  ") {
            page.control("nf", []);
            block.iter().for_each(|line| {
                page.text([roman(*line)]);
            });
            page.control("fi", []);
        } else {
            page.text([roman(block.join(" "))]);
        }
    }
}
