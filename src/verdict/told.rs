//! A verdict as JSON, for programs: what `scan --format json` and `POST /v1/scan` say.

use serde::Serialize;

use super::{Outcome, PictureReport, PictureResult, Verdict};
use crate::{config::Action, inspect::Code};

/// A verdict.
#[derive(Serialize)]
pub struct Told<'a> {
    verdict: &'a str,
    score: Option<f32>,
    action: String,
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    incomplete: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    linked: u64,
    pictures: Vec<ToldPicture<'a>>,
    model: &'a str,
    milliseconds: u64,
}

/// A picture in it.
#[derive(Serialize)]
struct ToldPicture<'a> {
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

impl<'a> Told<'a> {
    /// Of a model with these classes; with each picture's feature vector if `features`.
    pub fn new(verdict: &'a Verdict, classes: &[String], features: bool) -> Self {
        Self {
            verdict: verdict.word(),
            score: verdict.score(),
            action: verdict.action.to_string(),
            class: match &verdict.outcome {
                Outcome::Judged { class, .. } => Some(class),
                _ => None,
            },
            reason: verdict.reason(),
            incomplete: &verdict.incomplete,
            linked: verdict.linked,
            pictures: verdict.pictures.iter().map(|picture| ToldPicture::new(picture, classes, features)).collect(),
            model: &verdict.model,
            milliseconds: u64::try_from(verdict.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Of what could not be read, so that there is none.
    pub fn nothing(model: &'a str) -> Self {
        Self {
            verdict: "unknown",
            score: None,
            action: Action::Accept.to_string(),
            class: None,
            reason: None,
            incomplete: &[],
            linked: 0,
            pictures: Vec::new(),
            model,
            milliseconds: 0,
        }
    }
}

impl<'a> ToldPicture<'a> {
    fn new(picture: &'a PictureReport, classes: &[String], with_features: bool) -> Self {
        let mut told = Self {
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
                told.probabilities = Some(classes.iter().cloned().zip(probabilities.iter().map(|p| (*p).into())).collect());
                told.features = with_features.then_some(features);
            }
            PictureResult::Skipped(skip, why) => told.skipped = Some(format!("{skip}: {why}")),
            PictureResult::Undecodable(error) | PictureResult::Failed(error) => told.error = Some(error),
            PictureResult::Late => told.error = Some("the deadline passed"),
            PictureResult::Drawn => {}
        }
        told
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
