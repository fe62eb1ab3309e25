//! Judges a message in two steps: what is in it (`begin`, which takes a worker process), and what the net says of that (`conclude`,
//! which waits for the net's threads).

use std::{
    future::{Future, pending},
    pin::pin,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures_executor::block_on;

use super::{
    Known, Outcome, PictureReport, PictureResult, PolicyError, Reason, Reports, Verdict,
    gather::{Gathered, Gathering, Pending, failed},
    live::{Current, Live},
    memory::{Files, Shown, Vector, What},
    recent::Recent,
};
use crate::{
    config::{Device, Precision, Settings, Skip},
    feedback::{Key, Observation},
    inspect::{Fingerprint, Kind, Pool, Report, Task, WorkerError},
    model::{Bundle, Failure, Manifest, ModelError, Net, Ran, Runtime, View},
};

/// Judges messages.
pub struct Judge {
    current: Current,
    files: Files,
    recent: Recent,
    reports: Option<Reports>,
    pub(super) settings: Settings,
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

/// A message that has been looked into, and whose pictures are at the net.
pub struct Begun {
    started: Instant,
    live: Arc<Live>,
    found: Vec<Gathered>,
    whole: Vec<[u8; 32]>,
    report: Report,
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
        let cache = &settings.cache;
        let (files, recent) = (Files::new(cache.memory, cache.age), Recent::new(cache.spam, cache.age));
        Ok(Self { current, files, recent, reports, settings: settings.clone(), workers })
    }

    /// What `model.toml` says of the model in use.
    pub fn manifest(&self) -> Manifest {
        self.current.get().net.manifest().clone()
    }

    /// Name and version of the model in use.
    pub fn model(&self) -> String {
        self.current.get().title.clone()
    }

    /// What the net runs on at the moment: a processor or a card.
    pub fn device(&self) -> Device {
        self.current.get().net.device()
    }

    /// The arithmetic that the backbone runs in at the moment.
    pub fn precision(&self) -> Precision {
        self.current.get().net.precision()
    }

    /// What is remembered: files, their bytes, and pictures that a rule was against.
    pub fn remembered(&self) -> (usize, u64, usize) {
        let (files, bytes) = self.files.size();
        (files, bytes, self.recent.held())
    }

    /// What users have said, if that counts.
    pub fn reports(&self) -> Option<&Reports> {
        self.reports.as_ref()
    }

    /// How long the net would take to come to a picture and to run it, as far as can be told.
    pub fn wait(&self) -> Duration {
        self.current.get().net.wait()
    }

    /// Runs the net on the picture whose answer is known, to show that it works.
    ///
    /// # Errors
    /// If it does not, or gives no answer within `patience` although it runs no other pictures.
    pub fn round_trip(&self, patience: Duration) -> Result<(), ModelError> {
        self.current.get().net.round_trip(patience)
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
        // The store gets each picture's own features (at half precision if they are remembered), not those of one that looks like it.
        let wanted = Arc::new(());
        let begun = self.look(Kind::Message, &[message], deadline, Arc::downgrade(&wanted), None);
        let verdict = block_on(self.conclude(begun, &[], pending()));
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
        let wanted = Arc::new(());
        let begun = self.begin(Kind::Message, &[message], deadline, Arc::downgrade(&wanted));
        block_on(self.conclude(begun, recipients, pending()))
    }

    /// Judges a file by itself: a picture, a document, an archive of them.
    pub fn file(&self, bytes: &[u8], deadline: Instant) -> Verdict {
        let wanted = Arc::new(());
        let begun = self.begin(Kind::File, &[bytes], deadline, Arc::downgrade(&wanted));
        block_on(self.conclude(begun, &[], pending()))
    }

    /// Looks into what is in these pieces, one behind the other, as long as it is `wanted`, until `deadline`. Blocks.
    pub fn begin(&self, kind: Kind, pieces: &[&[u8]], deadline: Instant, wanted: Weak<()>) -> Begun {
        self.look(kind, pieces, deadline, wanted, Some(&self.recent))
    }

    fn look(&self, kind: Kind, pieces: &[&[u8]], deadline: Instant, wanted: Weak<()>, recent: Option<&Recent>) -> Begun {
        let started = Instant::now();
        let live = self.current.get();
        let (found, whole) = (Vec::new(), Vec::new());
        let mut gathering = Gathering { live: &live, files: &self.files, recent, deadline, wanted, found, whole };
        let report = self.workers.inspect(kind, pieces, deadline, &mut gathering);
        let Gathering { found, whole, .. } = gathering;
        Begun { started, live, found, whole, report }
    }

    /// The verdict, when the net has done its part, or of what it has done when `late` completes.
    pub async fn conclude(&self, begun: Begun, recipients: &[String], late: impl Future<Output = ()>) -> Verdict {
        let Begun { started, live, found, whole, mut report } = begun;
        let mut late = pin!(late);
        let mut files: Vec<String> = Vec::new();
        let mut pictures: Vec<PictureReport> = Vec::new();
        // What is new of each picture, for the memory.
        let mut fresh: Vec<Option<What>> = Vec::new();
        for Gathered { file, report: mut picture, pending } in found {
            let mut new = None;
            match pending {
                Pending::Settled => new = told(&picture.result),
                Pending::Same(place) => picture.result = pictures[place].result.clone(),
                Pending::Known(vector, known) => {
                    picture.result = self.judged(&picture, &vector, vector.features().into(), Some(known), &live);
                }
                Pending::Run(ticket, print) => {
                    let answer = tokio::select! {
                        biased;
                        answer = ticket.answer() => answer,
                        () = &mut late => Err(Failure::Late),
                    };
                    match answer {
                        Ok(Ran { features, said }) => {
                            let vector = Arc::new(Vector::new(&features, said));
                            picture.result = self.judged(&picture, &vector, features, None, &live);
                            self.remember_spam(&picture.result, print, &vector, &live);
                            new = Some(What::Judged(vector));
                        }
                        Err(failure) => picture.result = failed(failure),
                    }
                }
            }
            report.late |= matches!(picture.result, PictureResult::Late);
            files.push(file);
            pictures.push(picture);
            fresh.push(new);
        }
        self.remember_files(&whole, &files, &pictures, fresh);
        let mut verdict = live.policy.verdict(&live.net.manifest().classes, pictures, recipients, &report);
        verdict.elapsed = started.elapsed();
        verdict.model.clone_from(&live.title);
        verdict
    }

    fn judged(
        &self,
        picture: &PictureReport,
        vector: &Vector,
        features: Arc<Vec<f32>>,
        known: Option<Known>,
        live: &Live,
    ) -> PictureResult {
        let classes = &live.net.manifest().classes;
        let reported = self.reports.as_ref().and_then(|reports| {
            let (sha256, hash) = (picture.sha256.as_ref()?, picture.hash?);
            reports.class_of(sha256, picture.label.as_deref(), hash, &features, &live.features_id)
        });
        let place = reported.and_then(|class| classes.iter().position(|known| known == class));
        let probabilities = match place {
            Some(place) => Ok((0..classes.len()).map(|class| if class == place { 1.0 } else { 0.0 }).collect()),
            None => vector.probabilities(&features, live),
        };
        match probabilities {
            Ok(probabilities) => {
                PictureResult::Judged { probabilities, features, reported: reported.filter(|_| place.is_some()), known }
            }
            Err(error) => PictureResult::Failed(error.to_string()),
        }
    }

    /// What users said may be taken back: only what the head said is used again.
    fn remember_spam(&self, result: &PictureResult, print: Fingerprint, vector: &Arc<Vector>, live: &Live) {
        let PictureResult::Judged { probabilities, reported: None, .. } = result else { return };
        if live.policy.is_against(probabilities) {
            self.recent.insert(print, vector.clone());
        }
    }

    /// Files of which all was told, and all could be judged.
    fn remember_files(&self, whole: &[[u8; 32]], files: &[String], pictures: &[PictureReport], mut fresh: Vec<Option<What>>) {
        for sha256 in whole {
            let of_it = |place: &usize| pictures[*place].sha256.as_ref() == Some(sha256);
            let first = (0..pictures.len()).find(of_it);
            let places: Vec<usize> = (0..pictures.len())
                .filter(|place| of_it(place) && first.is_some_and(|first| files[*place] == files[first]))
                .collect();
            let shown: Option<Vec<Shown>> = places
                .into_iter()
                .map(|place| {
                    let what = fresh[place].take()?;
                    let PictureReport { label, media_type, hash, dimensions, codes, .. } = pictures[place].clone();
                    Some(Shown { label, media_type, dimensions, hash, codes, what })
                })
                .collect();
            if let Some(shown) = shown {
                self.files.insert(*sha256, shown);
            }
        }
    }
}

/// Of a thing that needed no net, what is to be told of it the next time.
fn told(result: &PictureResult) -> Option<What> {
    match result {
        PictureResult::Skipped(Skip::SmallPicture, why) => Some(What::TooSmall(why.clone())),
        PictureResult::Undecodable(why) => Some(What::Undecodable(why.clone())),
        _ => None,
    }
}
