//! Judges one message: which pictures count, what the net says of each, the message's score, the policy's action, and
//! why. Knows nothing of the milter protocol; `scan` and the daemon get the same verdict from here.

mod header;
mod policy;
mod qr;
mod scheduler;
mod skip;

use std::{
    fmt,
    time::{Duration, Instant},
};

pub use header::{code_value, header_value};
pub use policy::{Policy, PolicyError};
pub use scheduler::Scheduler;
pub use skip::{Envelope, envelope_skip};

use crate::{
    config::{Action, Settings, Skip},
    inspect::{Code, Kind, Look, Pool, Report, Seen, Task, WorkerError},
    model::{ModelError, Net, View},
};

/// What became of one picture.
#[derive(Clone, Debug)]
pub struct PictureReport {
    /// Where it stands in the message.
    pub name: String,
    /// By its bytes, else as declared.
    pub media_type: String,
    /// SHA-256 of the file, hexadecimal; empty if there is none.
    pub sha256: String,
    /// Pixels, if they could be read.
    pub dimensions: Option<(u32, u32)>,
    /// Codes that stand in it.
    pub codes: Vec<Code>,
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
        /// The score of that class; for `qr` and `ham`, the highest of any class but ham. 0 to 1.
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
}

impl Verdict {
    /// A verdict on a message that was not looked into.
    pub fn unjudged(outcome: Outcome, action: Action) -> Self {
        Self { outcome, action, pictures: Vec::new(), incomplete: Vec::new(), linked: 0, elapsed: Duration::ZERO }
    }

    /// Pictures that the net judged.
    pub fn judged(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Judged { .. })).count()
    }

    /// Pictures that could not be decoded.
    pub fn undecodable(&self) -> usize {
        self.pictures.iter().filter(|picture| matches!(picture.result, PictureResult::Undecodable(_))).count()
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

/// Judges messages by one net and one policy.
pub struct Judge {
    net: Net,
    policy: Policy,
    settings: Settings,
    workers: Pool,
}

/// Why there is no judge.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// Rules and model don't fit together.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Messages can't be opened.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl Judge {
    /// Puts net and policy together, and starts a process that opens messages.
    ///
    /// # Errors
    /// If a rule names a class or a threshold that the model has not, or no process can be started.
    pub fn new(net: Net, settings: &Settings) -> Result<Self, JudgeError> {
        let policy = Policy::new(&settings.policy, net.manifest())?;
        let views = net.manifest().view.iter().map(View::size).collect();
        let workers = Pool::new(Task::new(&settings.limits, &settings.skip, views))?;
        Ok(Self { net, policy, settings: settings.clone(), workers })
    }

    /// The net.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Judges a whole message (RFC 5322, header and body) to these recipients. What is not done when `deadline` has passed is
    /// left.
    pub fn message(&self, message: &[u8], recipients: &[String], deadline: Instant) -> Verdict {
        self.judge(Kind::Message, message, recipients, deadline)
    }

    /// Judges a file by itself: a picture, a document, an archive of them.
    pub fn file(&self, bytes: &[u8], deadline: Instant) -> Verdict {
        self.judge(Kind::File, bytes, &[], deadline)
    }

    fn judge(&self, kind: Kind, bytes: &[u8], recipients: &[String], deadline: Instant) -> Verdict {
        let started = Instant::now();
        let mut pictures: Vec<Judged> = Vec::new();
        let report = self.workers.inspect(kind, bytes, deadline, &mut |seen| self.take(seen, &mut pictures));
        let pictures = pictures.into_iter().map(|judged| judged.report).collect();
        let mut verdict = self.policy.verdict(&self.net.manifest().classes, pictures, recipients, &report);
        verdict.elapsed = started.elapsed();
        verdict
    }

    fn take(&self, seen: Seen, judged: &mut Vec<Judged>) {
        let sha256 = seen.sha256.map_or_else(String::new, |sha256| base16ct::lower::encode_string(&sha256));
        let name = seen.label.map_or_else(|| seen.name.clone(), |label| format!("{}#{label}", seen.name));
        let result = match seen.look {
            Look::Views(views) => self.run_net(&views).unwrap_or_else(|error| PictureResult::Failed(error.to_string())),
            Look::TooSmall(why) => PictureResult::Skipped(Skip::SmallPicture, why),
            Look::OverLimit(why) => PictureResult::Skipped(Skip::OverLimit, why),
            Look::Undecodable(why) => PictureResult::Undecodable(why),
            Look::Drawn => PictureResult::Drawn,
            Look::Repeated => return repeat(&sha256, &seen.name, judged),
        };
        let (media_type, dimensions, codes) = (seen.media_type, seen.dimensions, seen.codes);
        judged.push(Judged { file: seen.name, report: PictureReport { name, media_type, sha256, dimensions, codes, result } });
    }

    fn run_net(&self, views: &[serde_bytes::ByteBuf]) -> Result<PictureResult, ModelError> {
        let features = self.net.features_of(views)?;
        let probabilities = self.net.probabilities(&features)?;
        Ok(PictureResult::Judged { probabilities, features })
    }
}

/// Senders repeat pictures: all that the file showed the first time, it shows again under this name.
fn repeat(sha256: &str, name: &str, judged: &mut Vec<Judged>) {
    let first = judged.iter().find(|judged| judged.report.sha256 == sha256).map(|judged| judged.file.clone());
    let again: Vec<Judged> = judged.iter().filter(|judged| Some(&judged.file) == first.as_ref()).cloned().collect();
    judged.extend(again.into_iter().map(|mut again| {
        again.report.name = again.report.name.replacen(&again.file, name, 1);
        name.clone_into(&mut again.file);
        again
    }));
}

/// What a file showed.
#[derive(Clone)]
struct Judged {
    /// The file's name, without the label of a page or frame.
    file: String,
    report: PictureReport,
}
