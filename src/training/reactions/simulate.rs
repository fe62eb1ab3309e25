//! A data set of the published shape for those who can't have the published one: real feature vectors whose true class is
//! known, and simulated users who react to them.

use std::{fs::File, io::BufWriter, path::Path};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Reaction, Record, RecordWriter};
use crate::training::{TrainingError, Watch, examples::Examples};

/// How simulated users err. Every user of a picture is drawn anew.
///
/// The number of users of a picture follows P(more than k) = 1 / (k + 1), cut at `most_users`. That is the published set's own
/// law: of its 649,815 pictures 22 % are left at more than 3 users and consistency 0.6, 9 % at more than 10, 5 % at more than 20.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseModel {
    /// Share of users of each sort, and how likely one of that sort names the true class; else he names one of the others.
    pub sorts: [(f64, f64); 3],
    /// Share of pictures on which opinions differ, and how likely any user names the true class of such a one.
    pub disputed: (f64, f64),
    /// Share of users who react a second time, with a kind drawn at random.
    pub contradictory: f64,
    /// Ham has two kinds of reaction: how likely a user picks the one that is usual for the picture.
    pub usual_kind: f64,
    /// The most users of a picture.
    pub most_users: u64,
    /// Standard deviation of the relative noise on each feature, which tells copies of one vector apart.
    pub jitter: f32,
}

impl Default for NoiseModel {
    /// Chosen so that the mean consistency and its growth look like a mailbox provider's; not fitted to anything.
    fn default() -> Self {
        Self {
            sorts: [(0.7, 0.96), (0.25, 0.8), (0.05, 1.0 / 3.0)],
            disputed: (0.1, 0.55),
            contradictory: 0.03,
            usual_kind: 0.9,
            most_users: 500,
            jitter: 0.05,
        }
    }
}

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// Number of records.
    pub records: u64,
    /// Features of each; vectors are cut, or repeated, to this length.
    pub dimension: usize,
    /// How users err.
    pub noise: NoiseModel,
    /// Of the random numbers.
    pub seed: u64,
}

impl Simulation {
    /// Writes the records to `out`, a Parquet file that errors call `path`. `examples` are the vectors and true classes, by name
    /// `ham`, `spam` and perhaps `ad`; they are taken in turn, and copied with jitter where there are too few.
    ///
    /// # Errors
    /// If there are no examples, or the file can't be written.
    pub fn write(
        &self,
        examples: &Examples,
        out: &mut BufWriter<&File>,
        path: &Path,
        watch: &Watch,
    ) -> Result<(), TrainingError> {
        let known = |name: &String| {
            super::CLASSES
                .iter()
                .position(|class| class == name)
                .ok_or_else(|| TrainingError::Data(format!("class \"{name}\" has no reaction; only ham, spam and ad have")))
        };
        let classes = examples.classes.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        if examples.is_empty() {
            return Err(TrainingError::Data("there is no vector to simulate reactions to".to_owned()));
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut writer = RecordWriter::new(out, path);
        watch.begin("simulating", self.records);
        for number in 0..self.records {
            let row = (number % examples.len() as u64) as usize;
            let features = self.features(examples.row(row), number >= examples.len() as u64, &mut random);
            let record = Record { users: self.users(classes[examples.labels[row]], &mut random), features };
            writer.write(record).map_err(|problem| TrainingError::file(path, problem))?;
            watch.step(1)?;
        }
        watch.end();
        writer.finish()
    }

    fn features(&self, vector: &[f32], copy: bool, random: &mut ChaCha8Rng) -> Vec<f32> {
        let jitter = if copy { self.noise.jitter } else { 0.0 };
        // A sum of two uniform numbers is near enough to a normal one here; its deviation is 1 / sqrt(6).
        let mut noise = || (random.random::<f32>() + random.random::<f32>() - 1.0) * 6f32.sqrt() * jitter;
        vector.iter().cycle().take(self.dimension).map(|value| value * (1.0 + noise())).collect()
    }

    fn users(&self, class: usize, random: &mut ChaCha8Rng) -> Vec<Vec<Reaction>> {
        let count = (1.0 / (1.0 - random.random::<f64>())) as u64;
        let disputed = random.random_bool(self.noise.disputed.0);
        let usual = random.random_range(0..2);
        let mut user = || {
            let mut draw = random.random::<f64>();
            let sort = self.noise.sorts.iter().find(|(share, _)| {
                draw -= share;
                draw < 0.0
            });
            let right = if disputed { self.noise.disputed.1 } else { sort.map_or(0.0, |(_, right)| *right) };
            let named = if random.random_bool(right) { class } else { (class + random.random_range(1..3)) % 3 };
            let kinds: Vec<_> = Reaction::ALL.into_iter().filter(|kind| kind.class() == named).collect();
            let kind = if random.random_bool(self.noise.usual_kind) { usual } else { 1 - usual };
            let mut reactions = vec![kinds[kind % kinds.len()]];
            if random.random_bool(self.noise.contradictory) {
                reactions.push(Reaction::ALL[random.random_range(0..Reaction::ALL.len())]);
            }
            reactions
        };
        (0..count.clamp(1, self.noise.most_users)).map(|_| user()).collect()
    }
}
