//! Judges one message: which pictures count, what the net says of each, the message's score, the policy's action, and
//! why. Knows nothing of the milter protocol; `scan` and the daemon get the same verdict from here.

mod header;
mod policy;
mod scheduler;
mod skip;

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

pub use header::header_value;
pub use policy::{Policy, PolicyError};
pub use scheduler::Scheduler;
pub use skip::{Envelope, envelope_skip};

use crate::{
    config::{Action, Settings, Skip},
    image,
    mail::{self, Picture},
    model::{ModelError, Net},
};

/// What became of one picture.
#[derive(Clone, Debug)]
pub struct PictureReport {
    /// Where it stands in the message.
    pub name: String,
    /// By its bytes, else as declared.
    pub media_type: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Pixels, if they could be read.
    pub dimensions: Option<(u32, u32)>,
    /// What was found.
    pub result: PictureResult,
}

/// What was found of one picture.
#[derive(Clone, Debug)]
pub enum PictureResult {
    /// The net's word.
    Judged {
        /// A probability for each class, in the model's order.
        probabilities: Vec<f32>,
        /// The feature vector.
        features: Vec<f32>,
    },
    /// Not judged by the settings: too small, or over a limit.
    Skipped(Skip, String),
    /// It can't be decoded.
    Undecodable(String),
    /// The net failed.
    Failed(String),
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
        /// The class of the rule that fits, or `ham`.
        class: String,
        /// The score of that class; for `ham`, the highest of the other classes. 0 to 1.
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
    /// Limits that cut something off.
    pub over_limits: Vec<&'static str>,
    /// From the end of data to the verdict.
    pub elapsed: Duration,
}

impl Verdict {
    /// A verdict on a message that was not looked into.
    pub fn unjudged(outcome: Outcome, action: Action) -> Self {
        Self { outcome, action, pictures: Vec::new(), over_limits: Vec::new(), elapsed: Duration::ZERO }
    }

    /// Pictures that the net judged.
    pub fn judged(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Judged { .. })).count()
    }

    /// Pictures that could not be decoded.
    pub fn undecodable(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Undecodable(_))).count()
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

/// Width and height of a picture, if they could be read, and what was found of it.
type Look = (Option<(u32, u32)>, PictureResult);

/// Judges messages by one net and one policy.
pub struct Judge {
    net: Net,
    policy: Policy,
    settings: Settings,
}

impl Judge {
    /// Puts net and policy together.
    ///
    /// # Errors
    /// If a rule names a class or a threshold that the model has not.
    pub fn new(net: Net, settings: &Settings) -> Result<Self, PolicyError> {
        let policy = Policy::new(&settings.policy, net.manifest())?;
        Ok(Self { net, policy, settings: settings.clone() })
    }

    /// The net.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Judges a whole message (RFC 5322, header and body). Stops between two pictures when `deadline` has passed.
    pub fn message(&self, message: &[u8], deadline: Instant) -> Verdict {
        let started = Instant::now();
        let found = match mail::find_pictures(message, &self.settings.limits) {
            Ok(found) => found,
            Err(error) => {
                let over_limits = vec![error.setting()];
                let verdict = Verdict::unjudged(Outcome::Skipped(Skip::OverLimit), Action::Accept);
                return Verdict { over_limits, elapsed: started.elapsed(), ..verdict };
            }
        };
        let mut known = HashMap::new();
        let mut reports = Vec::with_capacity(found.pictures.len());
        let mut late = false;
        for picture in &found.pictures {
            late = Instant::now() >= deadline;
            if late {
                break;
            }
            reports.push(self.report(picture, &mut known));
        }
        let mut verdict = self.policy.verdict(&self.net.manifest().classes, reports, late);
        verdict.over_limits = found.over_limits;
        verdict.elapsed = started.elapsed();
        verdict
    }

    /// Judges a file that is a picture itself.
    pub fn picture(&self, bytes: &[u8]) -> Verdict {
        let started = Instant::now();
        let detected = mail::PictureType::detect(bytes);
        let media_type = detected.map_or("application/octet-stream", mail::PictureType::media_type).to_owned();
        let picture = Picture { name: "1".to_owned(), media_type, bytes: bytes.into() };
        let report = self.report(&picture, &mut HashMap::new());
        let mut verdict = self.policy.verdict(&self.net.manifest().classes, vec![report], false);
        verdict.elapsed = started.elapsed();
        verdict
    }

    /// `known` holds what was found of the pictures before this one in the message: senders repeat them.
    fn report(&self, picture: &Picture<'_>, known: &mut HashMap<String, Look>) -> PictureReport {
        let sha256 = base16ct::lower::encode_string(&Sha256::digest(&picture.bytes));
        let (dimensions, result) = known.entry(sha256.clone()).or_insert_with(|| self.look(&picture.bytes)).clone();
        PictureReport { name: picture.name.clone(), media_type: picture.media_type.clone(), sha256, dimensions, result }
    }

    fn look(&self, bytes: &[u8]) -> Look {
        let (limits, skip) = (&self.settings.limits, &self.settings.skip);
        if bytes.len() > limits.picture_bytes {
            return (
                None,
                PictureResult::Skipped(Skip::OverLimit, format!("{} bytes, more than limits.picture_bytes", bytes.len())),
            );
        }
        let (width, height) = match image::dimensions(bytes, limits) {
            Ok(dimensions) => dimensions,
            Err(error) => return (None, refused(error)),
        };
        let result = if skip.too_small((width, height), bytes.len()) {
            PictureResult::Skipped(Skip::SmallPicture, format!("{width} x {height} pixels, {} bytes", bytes.len()))
        } else {
            match image::decode(bytes, limits) {
                Ok(decoded) => self.run_net(&decoded).unwrap_or_else(|error| PictureResult::Failed(error.to_string())),
                Err(error) => refused(error),
            }
        };
        (Some((width, height)), result)
    }

    fn run_net(&self, decoded: &image::Picture) -> Result<PictureResult, ModelError> {
        let features = self.net.features(decoded)?;
        let probabilities = self.net.probabilities(&features)?;
        Ok(PictureResult::Judged { probabilities, features })
    }
}

fn refused(error: image::ImageError) -> PictureResult {
    match error {
        image::ImageError::TooManyPixels { .. } | image::ImageError::TooMuchMemory(_) => {
            PictureResult::Skipped(Skip::OverLimit, error.to_string())
        }
        image::ImageError::UnknownType | image::ImageError::Broken(_) => PictureResult::Undecodable(error.to_string()),
    }
}
