//! Results as a table, as lines of text, or as JSON lines.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use serde::Serialize;

use super::{Format, Scanned};
use crate::{
    inspect::Kind,
    model::Manifest,
    telemetry::quoted,
    verdict::{Told, Verdict},
};

/// Prints results in the order of the input.
pub struct Printer {
    format: Format,
    features: bool,
    classes: Vec<String>,
    model: String,
    table: Table,
}

/// One line of `--format json`; a file that can't be read has an `error` and nothing else to tell.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    kind: &'a str,
    #[serde(flatten)]
    told: Told<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl Printer {
    /// Prints for people (`features` is left out then) or programs.
    pub fn new(format: Format, features: bool, manifest: &Manifest) -> Self {
        let format = match format {
            Format::Auto if io::stdout().is_terminal() => Format::Table,
            Format::Auto => Format::Text,
            given => given,
        };
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(
            ["verdict", "score", "action", "pictures", "ms", "path"].map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
        );
        Self { format, features, classes: manifest.classes.clone(), model: manifest.title(), table }
    }

    /// Prints these results, or keeps them for the table.
    pub fn print(&mut self, results: &[Scanned]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (item, result) in results {
            match (self.format, result) {
                (Format::Json, result) => {
                    serde_json::to_writer(&mut out, &self.line(&item.path, item.kind, result))?;
                    writeln!(out)?;
                }
                (Format::Table, result) => self.row(&item.path, result),
                (_, Ok(verdict)) => writeln!(out, "{}: {}", quoted(&item.path, usize::MAX), summary(verdict))?,
                (_, Err(error)) => eprintln!("imagespam-milter: {}: can't be read: {error}", item.path),
            }
        }
        out.flush()
    }

    /// Prints the table.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.format == Format::Table && !self.table.is_empty() {
            writeln!(io::stdout(), "{}", self.table)?;
        }
        Ok(())
    }

    fn row(&mut self, path: &str, result: &Result<Verdict, String>) {
        let path = quoted(path, usize::MAX);
        let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        self.table.add_row(match result {
            Ok(verdict) => {
                let color = match verdict.word() {
                    "ham" | "none" => Color::Green,
                    "unknown" => Color::Yellow,
                    _ => Color::Red,
                };
                vec![
                    Cell::new(verdict.word()).fg(color),
                    number(verdict.score().map_or(String::new(), |score| format!("{score:.3}"))),
                    Cell::new(verdict.action),
                    number(format!("{}/{}", verdict.judged(), verdict.pictures.len())),
                    number(verdict.elapsed.as_millis().to_string()),
                    Cell::new(path),
                ]
            }
            Err(error) => vec![
                Cell::new("unknown").fg(Color::Yellow),
                Cell::new(""),
                Cell::new(""),
                Cell::new(""),
                Cell::new(""),
                Cell::new(format!("{path}: {error}")),
            ],
        });
    }

    fn line<'a>(&'a self, path: &'a str, kind: Kind, result: &'a Result<Verdict, String>) -> Line<'a> {
        let kind = match kind {
            Kind::Message => "message",
            Kind::File => "file",
        };
        let told = match result {
            Ok(verdict) => Told::new(verdict, &self.classes, self.features),
            Err(_) => Told::nothing(&self.model),
        };
        Line { path, kind, told, error: result.as_ref().err().map(String::as_str) }
    }
}

/// One line for people.
fn summary(verdict: &Verdict) -> String {
    let score = verdict.score().map_or(String::new(), |score| format!(" {score:.3}"));
    let reason = verdict.reason().map_or(String::new(), |reason| format!(" ({reason})"));
    let codes =
        verdict.codes().iter().map(|(_, code)| format!(" {}={}", code.symbology, quoted(&code.text, 200))).collect::<String>();
    let incomplete =
        if verdict.incomplete.is_empty() { String::new() } else { format!(" incomplete={}", verdict.incomplete.join(",")) };
    format!("{}{score}{reason}{codes}{incomplete}", verdict.word())
}
