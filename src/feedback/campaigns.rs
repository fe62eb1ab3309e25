//! Campaigns in memory: what users have lately said of a picture, or of its near-duplicates, for the next message.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{CLASSES, FeedbackError, Opinion, Store, StoredPicture, Trust, Vote, now, opinion};
use crate::config::Campaign;

/// Two pictures are near-duplicates if their perceptual hashes differ in so few bits, and the square roots of their features have
/// so high a cosine (the Bhattacharyya coefficient of two distributions). Measured by `cargo bench --bench
/// learning -- near`: of 94.5 million pairs of a lure and a ham picture 134 are near-duplicates by this, of 1,800 changed copies 1,703.
const HASH_DISTANCE: u32 = 4;
const AFFINITY: f32 = 0.985;
/// Pictures that campaigns are told of, the latest.
const RECENT: usize = 500;
/// Users' weights are counted anew after so long.
const TRUST_AGE: Duration = Duration::from_secs(10);

/// What near-duplicates are told by: 1 byte a feature.
pub struct Near {
    hash: u64,
    roots: Box<[u8]>,
    /// Euclidean length of `roots`.
    length: f32,
}

impl Near {
    /// Of a picture with this perceptual hash and these features.
    pub fn new(hash: u64, features: &[f32]) -> Self {
        let root = |value: &f32| value.max(0.0).sqrt();
        let highest = features.iter().map(root).fold(f32::MIN_POSITIVE, f32::max);
        let roots: Box<[u8]> = features.iter().map(|value| (root(value) / highest * 255.0).round() as u8).collect();
        let length = roots.iter().map(|value| f32::from(*value).powi(2)).sum::<f32>().sqrt().max(1.0);
        Self { hash, roots, length }
    }

    /// Whether the two are near-duplicates of each other.
    pub fn is(&self, other: &Self) -> bool {
        (self.hash ^ other.hash).count_ones() <= HASH_DISTANCE && self.affinity(other) >= AFFINITY
    }

    fn affinity(&self, other: &Self) -> f32 {
        if self.roots.len() != other.roots.len() {
            return 0.0;
        }
        let product: u64 = self.roots.iter().zip(&other.roots).map(|(a, b)| u64::from(*a) * u64::from(*b)).sum();
        product as f32 / self.length / other.length
    }
}

struct Entry {
    near: Near,
    /// Which backbone gave the features: others can't be compared.
    features_id: String,
    last_seen: i64,
    votes: Vec<Vote>,
}

impl Entry {
    fn of(picture: StoredPicture) -> ([u8; 32], Self) {
        let StoredPicture { digest, hash, features, features_id, last_seen, votes } = picture;
        (digest, Self { near: Near::new(hash, &features), features_id, last_seen, votes })
    }
}

/// A campaign, for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Campaigning {
    /// The beginning of a picture's keyed digest.
    pub name: String,
    /// What holds of its pictures, if enough users agree.
    pub class: Option<String>,
    /// Near-duplicates in it.
    pub pictures: usize,
    /// Reactions to them.
    pub reactions: usize,
    /// When one was last reported, in seconds since 1970.
    pub last_seen: i64,
}

#[derive(Default)]
struct State {
    entries: HashMap<[u8; 32], Entry>,
    trust: Trust,
    trusted_at: Option<Instant>,
    revision: i64,
    removal: i64,
}

/// The campaigns that users have reported.
pub struct Memory {
    settings: Campaign,
    state: RwLock<State>,
}

impl Memory {
    /// An empty memory, to be [refreshed](Memory::refresh).
    pub fn new(settings: &Campaign) -> Self {
        Self { settings: settings.clone(), state: RwLock::default() }
    }

    /// What enough users have said of the picture with this keyed digest, perceptual hash and features, and of its near-duplicates.
    pub fn opinion(&self, digest: &[u8; 32], hash: u64, features: &[f32], features_id: &str) -> Option<Opinion> {
        if !self.settings.enabled {
            return None;
        }
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.entries.is_empty() {
            return None;
        }
        let near = Near::new(hash, features);
        let oldest = now() - i64::try_from(self.settings.expire.as_secs()).unwrap_or(i64::MAX);
        let mut votes = Vec::new();
        for (known, entry) in &state.entries {
            if known == digest || near.is(&entry.near) && entry.features_id == features_id {
                votes.extend(entry.votes.iter().filter(|vote| vote.at >= oldest));
            }
        }
        opinion(&votes, &state.trust).filter(|opinion| opinion.reaches(&self.settings.quorum))
    }

    /// The campaigns that most users have reported, by their latest `most` reports: near-duplicates as one.
    pub fn top(&self, most: usize) -> Vec<Campaigning> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let oldest = now() - i64::try_from(self.settings.expire.as_secs()).unwrap_or(i64::MAX);
        let mut latest: Vec<_> = state.entries.iter().filter(|(_, entry)| entry.last_seen >= oldest).collect();
        latest.sort_unstable_by_key(|(digest, entry)| (-entry.last_seen, **digest));
        let mut groups: Vec<(&Near, Campaigning, Vec<Vote>)> = Vec::new();
        for (digest, entry) in latest.into_iter().take(RECENT) {
            let votes = entry.votes.iter().filter(|vote| vote.at >= oldest).cloned();
            match groups.iter_mut().find(|(near, ..)| near.is(&entry.near)) {
                Some((_, campaign, all)) => {
                    campaign.pictures += 1;
                    all.extend(votes);
                }
                None => {
                    let name = base16ct::lower::encode_string(&digest[..4]);
                    let campaign = Campaigning { name, class: None, pictures: 1, reactions: 0, last_seen: entry.last_seen };
                    groups.push((&entry.near, campaign, votes.collect()));
                }
            }
        }
        let mut found: Vec<Campaigning> = groups
            .into_iter()
            .map(|(_, campaign, votes)| {
                let opinion = opinion(&votes, &state.trust).filter(|opinion| opinion.reaches(&self.settings.quorum));
                let class = opinion.map(|opinion| CLASSES[opinion.class].to_owned());
                Campaigning { class, reactions: votes.len(), ..campaign }
            })
            .collect();
        found.sort_by_key(|campaign| std::cmp::Reverse((campaign.reactions, campaign.last_seen)));
        found.truncate(most);
        found
    }

    /// Takes in what has changed in the store since the last time.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn refresh(&self, store: &Store) -> Result<(), FeedbackError> {
        if !self.settings.enabled {
            return Ok(());
        }
        let (revision, removal) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.revision, state.removal)
        };
        let (new_revision, new_removal) = store.counters().await?;
        if (new_revision, new_removal) == (revision, removal) {
            return Ok(());
        }
        // Where pictures were removed, all are read again.
        let after = if new_removal == removal { revision } else { -1 };
        let changed = store.changed_since(after, self.settings.pictures).await?;
        // Mail waits for the lock: what takes long is done outside of it.
        let changed: Vec<([u8; 32], Entry)> = changed.into_iter().map(Entry::of).collect();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if after < 0 {
                state.entries.clear();
            }
            for (digest, entry) in changed {
                if entry.votes.is_empty() {
                    state.entries.remove(&digest);
                } else {
                    state.entries.insert(digest, entry);
                }
            }
            state.revision = state.revision.max(new_revision);
            state.removal = new_removal;
            self.shrink(&mut state);
        }
        let trust = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            let due = state.trusted_at.is_none_or(|at| at.elapsed() > TRUST_AGE);
            due.then(|| Trust::of(state.entries.values().map(|entry| entry.votes.as_slice())))
        };
        if let Some(trust) = trust {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            (state.trust, state.trusted_at) = (trust, Some(Instant::now()));
        }
        Ok(())
    }

    /// Forgets the pictures that were reported longest ago.
    fn shrink(&self, state: &mut State) {
        let surplus = state.entries.len().saturating_sub(self.settings.pictures);
        if surplus > 0 {
            let mut ages: Vec<_> = state.entries.iter().map(|(digest, entry)| (entry.last_seen, *digest)).collect();
            ages.sort_unstable();
            ages[..surplus].iter().for_each(|(_, digest)| {
                state.entries.remove(digest);
            });
        }
    }
}
