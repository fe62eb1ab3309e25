//! Judges one message: which pictures count, what the net says of each, the message's score, the policy's action, and
//! why. Knows nothing of the milter protocol; `scan` and the daemon get the same verdict from here.

mod count;
mod gather;
mod header;
mod judge;
mod live;
mod memory;
mod policy;
mod qr;
mod recent;
mod reports;
mod scheduler;
mod skip;
mod told;

use std::{fmt, sync::Arc, time::Duration};

pub use count::{count, count_limits_from_zero};
pub use header::{code_value, header_value};
pub use judge::{Judge, JudgeError};
pub use memory::{Files, Shown, Vector, What};
pub use policy::{Policy, PolicyError};
pub use recent::{Recent, near};
pub use reports::Reports;
pub use scheduler::{Judges, Scheduler};
pub use skip::{Envelope, envelope_skip};
pub use told::Told;

use crate::{
    config::{Action, Skip},
    inspect::Code,
};

/// What became of one picture.
#[derive(Clone, Debug)]
pub struct PictureReport {
    /// Where it stands in the message.
    pub name: String,
    /// By its bytes, else as declared.
    pub media_type: String,
    /// SHA-256 of the file; `None` if there is none.
    pub sha256: Option<[u8; 32]>,
    /// Which of the things that the file shows: `page=3`.
    pub label: Option<String>,
    /// Perceptual hash, if it was to be judged.
    pub hash: Option<u64>,
    /// Pixels, if they could be read.
    pub dimensions: Option<(u32, u32)>,
    /// Codes that stand in it.
    pub codes: Vec<Code>,
    /// What was found.
    pub result: PictureResult,
}

/// How a picture was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Byte for byte.
    Exact,
    /// As a near-duplicate of one that a rule was against.
    Near,
}

/// What was found of one picture.
#[derive(Clone, Debug)]
pub enum PictureResult {
    /// The net's word.
    Judged {
        /// A probability for each class, in the model's order; 1 for the class that users have reported.
        probabilities: Vec<f32>,
        /// The feature vector.
        features: Arc<Vec<f32>>,
        /// The class that enough users have given it, whatever the net says.
        reported: Option<&'static str>,
        /// Why the backbone was not run, if it was not.
        known: Option<Known>,
    },
    /// Not judged by the settings: too small, or over a limit.
    Skipped(Skip, String),
    /// It can't be decoded.
    Undecodable(String),
    /// The net failed.
    Failed(String),
    /// The deadline passed before the net came to it.
    Late,
    /// Drawn without a picture: there are only codes to be found in it.
    Drawn,
}

/// Why a message could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The deadline passed.
    Deadline,
    /// No picture could be decoded.
    Undecodable,
    /// The net failed.
    Model,
    /// The daemon failed; the log tells more.
    Internal,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadline => "deadline",
            Self::Undecodable => "undecodable",
            Self::Model => "model",
            Self::Internal => "internal",
        })
    }
}

/// The word on a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// At least one picture was judged.
    Judged {
        /// The class of the rule that fits, `qr` if it asks for a code only, or `ham`.
        class: String,
        /// 1 - p(ham) of the picture that is surest to be of that class; for `qr` and `ham`, the highest of all pictures. 0 to 1.
        score: f32,
    },
    /// Not judged, by the settings.
    Skipped(Skip),
    /// Could not be judged.
    Unknown(Reason),
}

/// The verdict on a message.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The word on it.
    pub outcome: Outcome,
    /// What is to be done.
    pub action: Action,
    /// Each picture, in the order of the message.
    pub pictures: Vec<PictureReport>,
    /// Names of the limits that cut something off.
    pub incomplete: Vec<String>,
    /// Pictures that a reader's program would have to fetch; never fetched here.
    pub linked: u64,
    /// From the end of data to the verdict.
    pub elapsed: Duration,
    /// Name and version of the model.
    pub model: String,
}

impl Verdict {
    /// The score, if it was judged.
    pub fn score(&self) -> Option<f32> {
        match self.outcome {
            Outcome::Judged { score, .. } => Some(score),
            _ => None,
        }
    }

    /// Why it was not judged.
    pub fn reason(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Judged { .. } => None,
            Outcome::Skipped(skip) => Some(skip.to_string()),
            Outcome::Unknown(reason) => Some(reason.to_string()),
        }
    }

    /// A verdict on a message that was not looked into.
    pub fn unjudged(outcome: Outcome, action: Action) -> Self {
        Self {
            outcome,
            action,
            pictures: Vec::new(),
            incomplete: Vec::new(),
            linked: 0,
            elapsed: Duration::ZERO,
            model: String::new(),
        }
    }

    /// Pictures that the net judged.
    pub fn judged(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Judged { .. })).count()
    }

    /// Pictures that were judged without a run of the net.
    pub fn known(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Judged { known: Some(_), .. })).count()
    }

    /// Pictures that could not be decoded.
    pub fn undecodable(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Undecodable(_))).count()
    }

    /// The class that users have reported of one of its pictures: the gravest of several.
    pub fn reported(&self) -> Option<&'static str> {
        let of = |picture: &PictureReport| match picture.result {
            PictureResult::Judged { reported, .. } => reported,
            _ => None,
        };
        let found: Vec<_> = self.pictures.iter().filter_map(of).collect();
        ["spam", "ad", "ham"].into_iter().find(|class| found.contains(class))
    }

    /// Name of the picture and code, each different code once, in the order of the message.
    pub fn codes(&self) -> Vec<(&str, &Code)> {
        let mut found: Vec<(&str, &Code)> = Vec::new();
        for (name, code) in
            self.pictures.iter().flat_map(|picture| picture.codes.iter().map(|code| (picture.name.as_str(), code)))
        {
            if !found.iter().any(|(_, known)| *known == code) {
                found.push((name, code));
            }
        }
        found
    }

    /// One word: the class, `none` if there was no picture to judge, else `unknown`.
    pub fn word(&self) -> &str {
        match &self.outcome {
            Outcome::Judged { class, .. } => class,
            Outcome::Skipped(Skip::NoPicture | Skip::SmallPicture) => "none",
            Outcome::Skipped(_) | Outcome::Unknown(_) => "unknown",
        }
    }
}
