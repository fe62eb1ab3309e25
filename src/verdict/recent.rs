//! The latest pictures that a rule was against. Campaigns change a few pixels a message: what looks like one of these needs no run
//! of the net. Only verdicts against a picture are used again, so that a near-duplicate can make no lure pass.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use super::memory::Vector;
use crate::inspect::Fingerprint;

/// Two pictures are near-duplicates if their perceptual hashes differ in so few bits, their small copies on average by so little (of
/// 255) in each channel of each pixel, and these copies go up and down together: the correlation is at least so high. The last keeps
/// pictures with next to nothing on them apart. `cargo bench --bench near` measures all three.
const HASH_DISTANCE: u32 = 4;
const SKETCH_DISTANCE: f32 = 2.0;
const CORRELATION: f32 = 0.995;

/// Whether two pictures are near-duplicates.
pub fn near(one: &Fingerprint, other: &Fingerprint) -> bool {
    (one.hash ^ other.hash).count_ones() <= HASH_DISTANCE
        && one.sketch.len() == other.sketch.len()
        && sketch_distance(&one.sketch, &other.sketch) <= SKETCH_DISTANCE
        && correlation(&one.sketch, &other.sketch) >= CORRELATION
}

/// By how much two small copies differ on average, of 255.
fn sketch_distance(one: &[u8], other: &[u8]) -> f32 {
    let sum: u32 = one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum as f32 / one.len().max(1) as f32
}

/// Pearson's coefficient over all pixels and channels of two small copies, each channel about its own mean: -1 to 1, 0 if one of them is
/// all of one colour.
fn correlation(one: &[u8], other: &[u8]) -> f32 {
    let pixels = (one.len() / 3).max(1) as f32;
    let (mut both, mut of_one, mut of_other) = (0.0, 0.0, 0.0);
    for channel in 0..3 {
        let values = |sketch: &[u8]| sketch.iter().skip(channel).step_by(3).map(|value| f32::from(*value)).collect::<Vec<_>>();
        let (one, other) = (values(one), values(other));
        let mean = |values: &[f32]| values.iter().sum::<f32>() / pixels;
        let (mean_one, mean_other) = (mean(&one), mean(&other));
        for (a, b) in one.into_iter().zip(other) {
            let (a, b) = (a - mean_one, b - mean_other);
            both += a * b;
            of_one += a * a;
            of_other += b * b;
        }
    }
    if of_one > 0.0 && of_other > 0.0 { both / (of_one * of_other).sqrt() } else { 0.0 }
}

struct Known {
    since: Instant,
    print: Fingerprint,
    vector: Arc<Vector>,
}

#[derive(Default)]
struct List {
    /// Of each of `known`, side by side, to be gone through fast.
    hashes: VecDeque<u64>,
    known: VecDeque<Known>,
}

/// The latest pictures that a rule was against.
pub struct Recent {
    list: RwLock<List>,
    most: usize,
    age: Duration,
}

impl Recent {
    /// Holds at most so many, each for at most `age`.
    pub fn new(most: usize, age: Duration) -> Self {
        Self { list: RwLock::default(), most, age }
    }

    /// The latest that is a near-duplicate of this one. Time grows with the number held, 0.5 ns each.
    pub fn find(&self, print: &Fingerprint) -> Option<Arc<Vector>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let close = |hash: &u64| (hash ^ print.hash).count_ones() <= HASH_DISTANCE;
        let mut found = list.hashes.iter().enumerate().rev().filter(|(_, hash)| close(hash)).map(|(place, _)| &list.known[place]);
        found.find(|known| known.since.elapsed() < self.age && near(&known.print, print)).map(|known| known.vector.clone())
    }

    /// Takes one in, unless a near-duplicate is held.
    pub fn insert(&self, print: Fingerprint, vector: Arc<Vector>) {
        if self.most > 0 && self.find(&print).is_none() {
            self.push(print, vector);
        }
    }

    /// Takes one in, whatever is held.
    pub fn push(&self, print: Fingerprint, vector: Arc<Vector>) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        while list.known.len() >= self.most || list.known.front().is_some_and(|known| known.since.elapsed() >= self.age) {
            list.known.pop_front();
            list.hashes.pop_front();
        }
        list.hashes.push_back(print.hash);
        list.known.push_back(Known { since: Instant::now(), print, vector });
    }

    /// Pictures held.
    pub fn held(&self) -> usize {
        self.list.read().unwrap_or_else(PoisonError::into_inner).known.len()
    }
}
