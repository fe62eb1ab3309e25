//! Pictures that the backbone is done with, and that wait for a run of the head. That reads all its numbers from memory (28 MB of the
//! shipped one) whether it judges one picture or four, so where more are about to come, they are judged together.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use metrics::histogram;

use super::{
    Failure, ModelError,
    head::Said,
    ticket::{Job, Ran},
};

/// Pictures that are judged together: as many as the backbone's sessions give in the time of one run, but at most so many, for a run of
/// the head takes longer with each more.
const MOST: usize = 4;
/// What has less time than this doesn't wait for others.
const SPARE: Duration = Duration::from_secs(1);

/// Pictures and their features.
#[derive(Default)]
pub(super) struct Held(Mutex<Vec<(Job, Vec<f32>)>>);

impl Held {
    /// Takes what a run of the backbone gave for these pictures. If it failed, or no head is asked about a picture, the answer goes out.
    pub fn add(&self, batch: Vec<Job>, features: Result<Vec<Vec<f32>>, ModelError>) {
        match features {
            Ok(features) => {
                let (asked, others): (Vec<_>, Vec<_>) = batch.into_iter().zip(features).partition(|(job, _)| job.head.is_some());
                self.lock().extend(asked);
                others.into_iter().for_each(|(job, features)| answer(job, features, None));
            }
            Err(error) => batch.into_iter().for_each(|job| job.answer(Err(Failure::Net(error.to_string())))),
        }
    }

    /// Runs the head on what is held, unless so many pictures are `waiting` for one of the backbone's `sessions` that more are sure to
    /// come soon, and there is time for these. Called after each run of the backbone: so none is held when no picture is left.
    pub fn settle(&self, waiting: usize, sessions: usize) {
        let latest = Instant::now() + SPARE;
        let can_wait =
            |held: &[(Job, Vec<f32>)]| held.len() < MOST.min(sessions + 1) && held.iter().all(|(job, _)| job.until > latest);
        if waiting < sessions || !can_wait(&self.lock()) {
            self.settle_now();
        }
    }

    /// Runs the head on what is held.
    pub fn settle_now(&self) {
        let held = mem::take(&mut *self.lock());
        let Some(head) = held.first().and_then(|(job, _)| job.head.clone()) else { return };
        // One alone, but while another takes its place. Whoever gets nothing asks his head by himself, and gets its error.
        let (same, others): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|(job, _)| job.head.as_ref().is_some_and(|one| Arc::ptr_eq(one, &head)));
        let started = Instant::now();
        let features: Vec<f32> = same.iter().flat_map(|(_, features)| features).copied().collect();
        let mut said = head.probabilities_of(&features, same.len()).unwrap_or_default().into_iter();
        histogram!("imagespam_milter_stage_seconds", "stage" => "head").record(started.elapsed());
        for (job, features) in same {
            let said = said.next().map(|probabilities| Said { head: head.number, probabilities });
            answer(job, features, said);
        }
        others.into_iter().for_each(|(job, features)| answer(job, features, None));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Job, Vec<f32>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(job: Job, features: Vec<f32>, said: Option<Said>) {
    job.answer(Ok(Ran { features: Arc::new(features), said }));
}
