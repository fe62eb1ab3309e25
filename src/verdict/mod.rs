//! Judges one message: which pictures count, what the net says of each, the message's score, the policy's action, and
//! why. Knows nothing of the milter protocol; `scan` and the daemon get the same verdict from here.

mod header;
mod live;
mod memory;
mod policy;
mod qr;
mod scheduler;
mod skip;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

pub use header::{code_value, header_value};
pub use memory::Reports;
pub use policy::{Policy, PolicyError};
pub use scheduler::Scheduler;
pub use skip::{Envelope, envelope_skip};

use crate::{
    config::{Action, Settings, Skip},
    feedback::{Key, Observation},
    inspect::{Code, Kind, Look, Pool, Report, Seen, Task, WorkerError},
    model::{Bundle, Manifest, ModelError, Net, Runtime, View},
};
use live::{Current, Live};
use memory::Features;

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
    /// Name and version of the model.
    pub model: String,
}

impl Verdict {
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

/// Judges messages.
pub struct Judge {
    current: Current,
    features: Features,
    reports: Option<Reports>,
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
    /// The net can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Judge {
    /// Puts net and policy together, and starts a process that opens messages. `reports`: what users have said, if that counts.
    ///
    /// # Errors
    /// If a rule names a class or a threshold that the model has not, or no process can be started.
    pub fn new(net: Net, settings: &Settings, reports: Option<Reports>) -> Result<Self, JudgeError> {
        let views = net.manifest().view.iter().map(View::size).collect();
        let current = Current::new(Live::new(net, settings)?);
        let workers = Pool::new(Task::new(&settings.limits, &settings.skip, views))?;
        let features = Features::new(settings.model.cache);
        Ok(Self { current, features, reports, settings: settings.clone(), workers })
    }

    /// What `model.toml` says of the model in use.
    pub fn manifest(&self) -> Manifest {
        self.current.get().net.manifest().clone()
    }

    /// Name and version of the model in use.
    pub fn model(&self) -> String {
        self.current.get().title.clone()
    }

    /// Puts the head of another bundle to use, which judges features that are remembered as well.
    ///
    /// # Errors
    /// If that bundle can't be used, or has another backbone; then the old one stays.
    pub fn replace(&self, bundle: &Bundle, runtime: &Runtime) -> Result<(), JudgeError> {
        self.current.replace(bundle, runtime, &self.settings)
    }

    /// What is to be kept of the pictures of a message that a user reports, each once: none of those that would not be judged
    /// either. With them, what their features depend on.
    ///
    /// # Errors
    /// If the net failed on one of them, or the deadline passed.
    pub fn observe(&self, message: &[u8], key: &Key, deadline: Instant) -> Result<(Vec<Observation>, String), String> {
        let verdict = self.message(message, &[], deadline);
        if let Outcome::Unknown(reason @ (Reason::Deadline | Reason::Model | Reason::Internal)) = verdict.outcome {
            return Err(format!("its pictures can't be judged at the moment ({reason})"));
        }
        let mut found: Vec<Observation> = Vec::new();
        for picture in verdict.pictures {
            let PictureResult::Judged { features, .. } = &picture.result else { continue };
            let (Some(sha256), Some(hash)) = (&picture.sha256, picture.hash) else { continue };
            let digest = key.picture(sha256, picture.label.as_deref());
            if !found.iter().any(|known| known.digest == digest) {
                found.push(Observation { digest, hash, features: features.to_vec() });
            }
        }
        Ok((found, self.current.get().features_id.clone()))
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
        let live = self.current.get();
        let mut pictures: Vec<Judged> = Vec::new();
        let report = self.workers.inspect(kind, bytes, deadline, &mut |seen| self.take(seen, &live, &mut pictures));
        let pictures = pictures.into_iter().map(|judged| judged.report).collect();
        let mut verdict = live.policy.verdict(&live.net.manifest().classes, pictures, recipients, &report);
        verdict.elapsed = started.elapsed();
        verdict.model.clone_from(&live.title);
        verdict
    }

    fn take(&self, seen: Seen, live: &Live, judged: &mut Vec<Judged>) {
        let name = seen.label.as_ref().map_or_else(|| seen.name.clone(), |label| format!("{}#{label}", seen.name));
        let result = match &seen.look {
            Look::Views(views) => {
                self.run_net(&seen, views, live).unwrap_or_else(|error| PictureResult::Failed(error.to_string()))
            }
            Look::TooSmall(why) => PictureResult::Skipped(Skip::SmallPicture, why.clone()),
            Look::OverLimit(why) => PictureResult::Skipped(Skip::OverLimit, why.clone()),
            Look::Undecodable(why) => PictureResult::Undecodable(why.clone()),
            Look::Drawn => PictureResult::Drawn,
            Look::Repeated => return repeat(seen.sha256, &seen.name, judged),
        };
        let Seen { name: file, label, media_type, sha256, dimensions, hash, codes, look: _ } = seen;
        judged.push(Judged { file, report: PictureReport { name, media_type, sha256, label, hash, dimensions, codes, result } });
    }

    fn run_net(&self, seen: &Seen, views: &[serde_bytes::ByteBuf], live: &Live) -> Result<PictureResult, ModelError> {
        let features = self.features.get_or(seen, || live.net.features_of(views))?;
        let manifest = live.net.manifest();
        let reported = self.reports.as_ref().and_then(|reports| reports.class_of(seen, &features, &live.features_id));
        let place = reported.and_then(|class| manifest.classes.iter().position(|known| known == class));
        let probabilities = match place {
            Some(place) => (0..manifest.classes.len()).map(|class| if class == place { 1.0 } else { 0.0 }).collect(),
            None => live.net.probabilities(&features)?,
        };
        Ok(PictureResult::Judged { probabilities, features, reported: reported.filter(|_| place.is_some()) })
    }
}

/// Senders repeat pictures: all that the file showed the first time, it shows again under this name.
fn repeat(sha256: Option<[u8; 32]>, name: &str, judged: &mut Vec<Judged>) {
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
