//! Results as a table, as lines of text, or as JSON lines.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use serde::Serialize;

use super::{Format, Scanned};
use crate::{
    config::Action,
    inspect::{Code, Kind},
    model::Manifest,
    telemetry::quoted,
    verdict::{Outcome, PictureReport, PictureResult, Verdict},
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
    verdict: &'a str,
    score: Option<f32>,
    action: String,
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    incomplete: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    linked: u64,
    pictures: Vec<PictureLine<'a>>,
    model: &'a str,
    milliseconds: u64,
}

#[derive(Serialize)]
struct PictureLine<'a> {
    name: &'a str,
    media_type: &'a str,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    codes: &'a [Code],
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<&'a [f32]>,
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
                    number(score(verdict).map_or(String::new(), |score| format!("{score:.3}"))),
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
        let verdict = result.as_ref().ok();
        Line {
            path,
            kind: match kind {
                Kind::Message => "message",
                Kind::File => "file",
            },
            verdict: verdict.map_or("unknown", Verdict::word),
            score: verdict.and_then(score),
            action: verdict.map_or(Action::Accept, |verdict| verdict.action).to_string(),
            class: verdict.and_then(|verdict| match &verdict.outcome {
                Outcome::Judged { class, .. } => Some(class.as_str()),
                _ => None,
            }),
            reason: verdict.and_then(reason),
            error: result.as_ref().err().map(String::as_str),
            incomplete: verdict.map_or(&[], |verdict| &verdict.incomplete),
            linked: verdict.map_or(0, |verdict| verdict.linked),
            pictures: verdict.iter().flat_map(|verdict| &verdict.pictures).map(|picture| self.picture(picture)).collect(),
            model: &self.model,
            milliseconds: verdict.map_or(0, |verdict| u64::try_from(verdict.elapsed.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    fn picture<'a>(&self, picture: &'a PictureReport) -> PictureLine<'a> {
        let mut line = PictureLine {
            name: &picture.name,
            media_type: &picture.media_type,
            sha256: picture.sha256.map_or_else(String::new, |sha256| base16ct::lower::encode_string(&sha256)),
            width: picture.dimensions.map(|(width, _)| width),
            height: picture.dimensions.map(|(_, height)| height),
            codes: &picture.codes,
            probabilities: None,
            skipped: None,
            error: None,
            features: None,
        };
        match &picture.result {
            PictureResult::Judged { probabilities, features, .. } => {
                line.probabilities = Some(self.classes.iter().cloned().zip(probabilities.iter().map(|p| (*p).into())).collect());
                line.features = self.features.then_some(features);
            }
            PictureResult::Skipped(skip, why) => line.skipped = Some(format!("{skip}: {why}")),
            PictureResult::Undecodable(error) | PictureResult::Failed(error) => line.error = Some(error),
            PictureResult::Late => line.error = Some("the deadline passed"),
            PictureResult::Drawn => {}
        }
        line
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn score(verdict: &Verdict) -> Option<f32> {
    match verdict.outcome {
        Outcome::Judged { score, .. } => Some(score),
        _ => None,
    }
}

fn reason(verdict: &Verdict) -> Option<String> {
    match &verdict.outcome {
        Outcome::Judged { .. } => None,
        Outcome::Skipped(skip) => Some(skip.to_string()),
        Outcome::Unknown(reason) => Some(reason.to_string()),
    }
}

/// One line for people.
fn summary(verdict: &Verdict) -> String {
    let score = score(verdict).map_or(String::new(), |score| format!(" {score:.3}"));
    let reason = reason(verdict).map_or(String::new(), |reason| format!(" ({reason})"));
    let codes =
        verdict.codes().iter().map(|(_, code)| format!(" {}={}", code.symbology, quoted(&code.text, 200))).collect::<String>();
    let incomplete =
        if verdict.incomplete.is_empty() { String::new() } else { format!(" incomplete={}", verdict.incomplete.join(",")) };
    format!("{}{score}{reason}{codes}{incomplete}", verdict.word())
}
