//! An evaluation for people: as text (`text`), and as one self-contained HTML page with plots (`plots`) and thumbnails.

pub mod plots;
mod text;

use std::{fs, io::Cursor, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use image::{DynamicImage, ImageFormat};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use text::text;

use super::{
    TrainingError,
    evaluate::{Evaluation, Mistake},
    metrics::Rate,
};
use crate::{config::Limits, image as pictures};

/// Longest side of a thumbnail in pixels.
const THUMBNAIL: u32 = 168;

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--spam:#c62828;--ham:#2e7d32}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
table{border-collapse:collapse;margin:.6rem 0}th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}th{font-weight:600;background:var(--soft)}
.plots{display:flex;flex-wrap:wrap;gap:1rem}.plots svg{background:#fff;border-radius:6px;max-width:100%;height:auto}
.big{display:flex;gap:2.2rem;flex-wrap:wrap}.big div b{display:block;font-size:1.7rem}
.shots{display:flex;flex-wrap:wrap;gap:.8rem}.shots figure{margin:0;width:180px;font-size:12px;word-break:break-all}
.shots .frame{height:172px;display:flex;align-items:center;justify-content:center;background:var(--soft);border:1px solid var(--line);border-radius:6px;overflow:hidden}
.wrong{color:var(--spam);font-weight:600}small,.note{color:#888}";

/// A self-contained page.
pub fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// The page. Thumbnails are made of the files that mistakes name, as far as they are there.
pub fn html(evaluation: &Evaluation, limits: &Limits) -> Result<String, TrainingError> {
    let report = &evaluation.classification;
    let (roc, pr, curve) = (plots::roc(evaluation)?, plots::precision_recall(evaluation)?, plots::calibration(evaluation)?);
    let (alarms, missed): (Vec<_>, Vec<_>) = evaluation.mistakes.iter().partition(|mistake| mistake.class == "ham");
    let body = html! {
        h1 { (evaluation.model) }
        p.note { (report.classes.iter().map(|class| format!("{} {}", class.support, class.class)).collect::<Vec<_>>().join(", ")) " · imagespam-milter " (env!("CARGO_PKG_VERSION")) }
        div.big {
            div { b { (percent(report.accuracy)) } "accuracy" }
            div { b { (format!("{:.4}", report.weighted_f1)) } "weighted F1" }
            div { b { (format!("{:.4}", evaluation.binary.roc_area)) } "area under ROC" }
            div { b { (format!("{:.4}", evaluation.binary.pr_area)) } "average precision" }
            div { b { (format!("{:.4}", evaluation.calibration.error)) } "calibration error" }
            @if let Some(ham) = evaluation.ham_sources {
                div { b { (percent(ham.mean)) } "false alarms at tag, mean of " (ham.sources) " sources (worst " (percent(ham.worst)) ")" }
            }
        }
        h2 { "Recall at a rate of false alarms" }
        table {
            tr { th { "allowed" } th { "threshold on 1 − p(ham)" } th { "recall" } th { "false alarms" } }
            @for at in &evaluation.binary.recall_at {
                tr {
                    td { (100.0 * at.allowed) " %" @if !at.enough_ham { " " small { "too little ham to tell" } } }
                    td { (format!("{:.5}", at.threshold)) } td { (at.recall) } td { (at.false_positives) }
                }
            }
        }
        div.plots { (PreEscaped(roc)) (PreEscaped(pr)) (PreEscaped(curve)) }
        h2 { "Classes" }
        table {
            tr { th { "class" } th { "precision" } th { "recall" } th { "F1" } th { "pictures" } }
            @for class in &report.classes {
                tr { td { (class.class) } td { (percent(class.precision)) } td { (percent(class.recall)) } td { (format!("{:.4}", class.f1)) } td { (class.support) } }
            }
        }
        table {
            tr { th { "truth ↓, said →" } @for class in &report.classes { th { (class.class) } } }
            @for (class, row) in report.classes.iter().zip(&report.confusion) { tr { td { (class.class) } @for count in row { td { (count) } } } }
        }
        h2 { "Sources" }
        table {
            tr { th { "source" } th { "class" } th { "pictures" } th { "1 − p(ham) ≥ 0.5" } th { "at tag" } th { "at reject" } }
            @for source in &evaluation.sources {
                tr { td { (source.source) } td { (source.class) } td { (source.at_tag.total) } td { (rate(source.over_half, &source.class)) } td { (rate(source.at_tag, &source.class)) }
                    td { @if let Some(at_reject) = source.at_reject { (rate(at_reject, &source.class)) } @else { "–" } } }
            }
        }
        h2 { "False alarms with the highest scores" }
        (shots(&alarms, limits))
        h2 { "Spam with the lowest scores" }
        (shots(&missed, limits))
    };
    Ok(page(&format!("Evaluation of {}", evaluation.model), &body))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A rate; one of ham that is not zero stands out.
fn rate(rate: Rate, class: &str) -> Markup {
    html! { @if class == "ham" && rate.count > 0 { span.wrong { (rate) } } @else { (rate) } }
}

fn shots(mistakes: &[&Mistake], limits: &Limits) -> Markup {
    html! {
        @if mistakes.is_empty() { p { "None: every picture is on the right side of one half." } }
        div.shots {
            @for mistake in mistakes {
                figure {
                    div.frame { @if let Some(uri) = thumbnail(Path::new(&mistake.name), limits) { img src=(uri) alt=""; } @else { small { "no picture" } } }
                    figcaption { b { (format!("{:.4}", mistake.score)) } @if mistake.tagged { " " span.wrong { "tagged" } } br; (mistake.source) " · " (mistake.class) br; small { (mistake.name) } }
                }
            }
        }
    }
}

fn thumbnail(path: &Path, limits: &Limits) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let picture = pictures::decode(&bytes, limits).ok()?;
    let mut small = Vec::new();
    DynamicImage::from(picture).thumbnail(THUMBNAIL, THUMBNAIL).write_to(&mut Cursor::new(&mut small), ImageFormat::Jpeg).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(small)))
}
