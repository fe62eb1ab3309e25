//! The pictures of one message as they come from the worker: what is known of each already, or its ticket for the net.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use super::{
    Known, PictureReport, PictureResult,
    live::Live,
    memory::{Files, Shown, Vector, What},
    recent::Recent,
};
use crate::{
    config::Skip,
    inspect::{Audience, Code, Fingerprint, Look, Seen},
    model::{Failure, Ticket},
};

/// A picture on its way to a verdict.
pub struct Gathered {
    /// The file's name, without the label of a page or frame.
    pub file: String,
    /// All but its result.
    pub report: PictureReport,
    /// What its result will be made of.
    pub pending: Pending,
}

/// What a picture's result will be made of.
pub enum Pending {
    /// It is settled.
    Settled,
    /// Features that were known, and why.
    Known(Arc<Vector>, Known),
    /// A run of the net.
    Run(Ticket, Fingerprint),
    /// The result of the one in this place.
    Same(usize),
}

/// The pictures of one message.
pub struct Gathering<'a> {
    /// What judges.
    pub live: &'a Live,
    /// Files known.
    pub files: &'a Files,
    /// Pictures that a rule was against, if near-duplicates are looked for.
    pub recent: Option<&'a Recent>,
    /// Of the message.
    pub deadline: Instant,
    /// Whether somebody waits for it.
    pub wanted: Weak<()>,
    /// In the order of the message.
    pub found: Vec<Gathered>,
    /// Files of which all has been told.
    pub whole: Vec<[u8; 32]>,
}

impl Gathering<'_> {
    fn take(&mut self, seen: Seen) {
        let Seen { name: file, label, media_type, sha256, dimensions, look } = seen;
        let (result, hash, pending) = match look {
            Look::Views { views, print } => {
                let hash = Some(print.hash);
                let views = views.into_iter().map(serde_bytes::ByteBuf::into_vec).collect();
                match self.features(sha256, label.as_ref(), views, print) {
                    Ok(pending) => (unsettled(), hash, pending),
                    Err(failure) => (failed(failure), hash, Pending::Settled),
                }
            }
            Look::TooSmall(why) => (PictureResult::Skipped(Skip::SmallPicture, why), None, Pending::Settled),
            Look::OverLimit(why) => (PictureResult::Skipped(Skip::OverLimit, why), None, Pending::Settled),
            Look::Undecodable(why) => (PictureResult::Undecodable(why), None, Pending::Settled),
            Look::Drawn => (PictureResult::Drawn, None, Pending::Settled),
            Look::Repeated => return self.repeat(sha256, &file),
        };
        let name = full_name(&file, label.as_deref());
        let report = PictureReport { name, media_type, sha256, label, hash, dimensions, codes: Vec::new(), result };
        self.found.push(Gathered { file, report, pending });
    }

    fn features(
        &self,
        sha256: Option<[u8; 32]>,
        label: Option<&String>,
        views: Vec<Vec<u8>>,
        print: Fingerprint,
    ) -> Result<Pending, Failure> {
        let submit = |views| {
            // The worker would wait for what comes too late.
            if Instant::now() + self.live.net.wait() > self.deadline {
                Err(Failure::Late)
            } else {
                self.live.net.submit(views, self.deadline)
            }
        };
        let Some(sha256) = sha256 else { return Ok(Pending::Run(submit(views)?, print)) };
        if let Some(vector) = self.files.vector(&sha256, label) {
            return Ok(Pending::Known(vector, Known::Exact));
        }
        let near = self.recent.and_then(|recent| recent.find(&print));
        // Another head may think otherwise of the one that is known; then the net has to see this one.
        if let Some(vector) = near
            && vector
                .probabilities(&vector.features(), self.live)
                .is_ok_and(|probabilities| self.live.policy.is_against(&probabilities))
        {
            return Ok(Pending::Known(vector, Known::Near));
        }
        let ticket = self.files.ticket(sha256, label.cloned(), || submit(views))?;
        Ok(Pending::Run(ticket, print))
    }

    /// Senders repeat pictures: all that the file showed the first time, it shows again under this name.
    fn repeat(&mut self, sha256: Option<[u8; 32]>, name: &str) {
        let Some(first) = self.found.iter().find(|one| one.report.sha256 == sha256).map(|one| one.file.clone()) else { return };
        for place in 0..self.found.len() {
            let one = &self.found[place];
            if one.file == first && one.report.sha256 == sha256 {
                let mut report = one.report.clone();
                report.name = full_name(name, report.label.as_deref());
                self.found.push(Gathered { file: name.to_owned(), report, pending: Pending::Same(place) });
            }
        }
    }
}

impl Audience for Gathering<'_> {
    fn seen(&mut self, seen: Seen) {
        self.take(seen);
    }

    fn codes(&mut self, codes: Vec<Code>) {
        if let Some(last) = self.found.last_mut() {
            last.report.codes = codes;
        }
    }

    fn again(&mut self, sha256: &[u8; 32], name: &str, room: usize) -> Option<usize> {
        let known = self.files.get(sha256)?;
        let pictures = known.pictures();
        if pictures > room {
            return None;
        }
        for Shown { label, media_type, dimensions, hash, codes, what } in &known.shown {
            let (result, pending) = match what {
                What::Judged(vector) => (unsettled(), Pending::Known(vector.clone(), Known::Exact)),
                What::TooSmall(why) => (PictureResult::Skipped(Skip::SmallPicture, why.clone()), Pending::Settled),
                What::Undecodable(why) => (PictureResult::Undecodable(why.clone()), Pending::Settled),
            };
            let report = PictureReport {
                name: full_name(name, label.as_deref()),
                media_type: media_type.clone(),
                sha256: Some(*sha256),
                label: label.clone(),
                hash: *hash,
                dimensions: *dimensions,
                codes: codes.clone(),
                result,
            };
            self.found.push(Gathered { file: name.to_owned(), report, pending });
        }
        Some(pictures)
    }

    fn whole(&mut self, sha256: [u8; 32]) {
        self.whole.push(sha256);
    }

    fn gone(&self) -> bool {
        self.wanted.strong_count() == 0
    }
}

fn full_name(file: &str, label: Option<&str>) -> String {
    label.map_or_else(|| file.to_owned(), |label| format!("{file}#{label}"))
}

/// What stands in a report until there is a result.
fn unsettled() -> PictureResult {
    PictureResult::Late
}

/// A failure as a picture's result.
pub fn failed(failure: Failure) -> PictureResult {
    match failure {
        Failure::Late => PictureResult::Late,
        Failure::Net(problem) => PictureResult::Failed(problem),
    }
}
