//! What several users say together: a weighted vote. The published method counts every user alike; here a user weighs by how
//! often the others agreed with him, so that one who clicks at random, or against everybody, is soon not heard.

use std::collections::HashMap;

use super::Reaction;
use crate::config::Quorum;

/// Keyed digest of a user.
pub type Person = [u8; 32];

/// One user's reaction to one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who.
    pub person: Person,
    /// What.
    pub reaction: Reaction,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// What users say of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    /// Index into [`super::CLASSES`] of the class with the greatest weight; of equal ones the milder, ham before ad before spam.
    pub class: usize,
    /// Users who say so.
    pub users: usize,
    /// Their weight together.
    pub weight: f64,
    /// Their share of the weight of all who count.
    pub consistency: f64,
}

impl Opinion {
    /// Whether that is enough.
    pub fn reaches(&self, quorum: &Quorum) -> bool {
        self.users >= quorum.min_users && self.weight >= quorum.min_weight && self.consistency >= quorum.min_consistency
    }
}

/// Weight of a user of whom nothing is known.
const UNKNOWN: f64 = 0.5;

/// How far users are believed, each from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct Trust(HashMap<Person, f64>);

impl Trust {
    /// Weighs every user by the pictures on which others have spoken as well: with a agreements and d disagreements his rate
    /// is p = (a + 1) / (a + d + 2), Laplace's rule of succession, and his weight p stretched so that 1/4 and less gives 0, 1/2
    /// gives 0.5, and 3/4 and more gives 1. The others' word is their majority without him; where they are divided equally,
    /// or he is alone, the picture says nothing of him.
    pub fn of<'a>(pictures: impl Iterator<Item = &'a [Vote]>) -> Self {
        let mut tally: HashMap<Person, (u32, u32)> = HashMap::new();
        for votes in pictures {
            let single = singles(votes);
            let mut counts = [0i32; 3];
            single.values().flatten().for_each(|class| counts[*class] += 1);
            for (person, class) in single.iter().filter_map(|(person, class)| class.map(|class| (person, class))) {
                let mut others = counts;
                others[class] -= 1;
                let most = others.iter().max().copied().unwrap_or(0);
                if most == 0 || others.iter().filter(|count| **count == most).count() > 1 {
                    continue;
                }
                let (agreed, disagreed) = tally.entry(*person).or_default();
                if others[class] == most { *agreed += 1 } else { *disagreed += 1 }
            }
        }
        let weight = |(agreed, disagreed): (u32, u32)| {
            let rate = (f64::from(agreed) + 1.0) / (f64::from(agreed + disagreed) + 2.0);
            ((rate - 0.25) / 0.5).clamp(0.0, 1.0)
        };
        Self(tally.into_iter().map(|(person, counts)| (person, weight(counts))).collect())
    }

    /// The weight of a user.
    pub fn weight(&self, person: &Person) -> f64 {
        self.0.get(person).copied().unwrap_or(UNKNOWN)
    }
}

/// The class that each user names; `None` for one who contradicts himself.
fn singles(votes: &[Vote]) -> HashMap<Person, Option<usize>> {
    let mut found: HashMap<Person, (Reaction, bool)> = HashMap::new();
    for vote in votes {
        let entry = found.entry(vote.person).or_insert((vote.reaction, true));
        entry.1 &= entry.0 == vote.reaction;
    }
    found.into_iter().map(|(person, (reaction, single))| (person, single.then(|| reaction.class()))).collect()
}

/// What the votes on a picture, or on the near-duplicates of one, come to. `None` if nobody counts.
pub fn opinion(votes: &[Vote], trust: &Trust) -> Option<Opinion> {
    let (mut users, mut weights) = ([0usize; 3], [0f64; 3]);
    for (person, class) in singles(votes) {
        if let Some(class) = class {
            users[class] += 1;
            weights[class] += trust.weight(&person);
        }
    }
    let total: f64 = weights.iter().sum();
    // The later of equals wins in `max_by`: ham, the mildest, comes last.
    let class = [1, 2, 0].into_iter().filter(|class| users[*class] > 0).max_by(|a, b| weights[*a].total_cmp(&weights[*b]))?;
    let consistency = if total > 0.0 { weights[class] / total } else { 0.0 };
    Some(Opinion { class, users: users[class], weight: weights[class], consistency })
}

#[cfg(test)]
mod tests {
    use super::{Reaction::*, *};

    fn person(number: u8) -> Person {
        [number; 32]
    }

    fn votes(given: &[(u8, Reaction)]) -> Vec<Vote> {
        given.iter().map(|(number, reaction)| Vote { person: person(*number), reaction: *reaction, at: 0 }).collect()
    }

    #[test]
    fn who_says_both_does_not_count_and_a_tie_goes_to_ham() {
        let of = |given: &[(u8, Reaction)]| opinion(&votes(given), &Trust::default());
        let found = of(&[(1, MarkSpam), (2, MarkSpam), (3, MarkSpam), (3, UnmarkSpam)]).expect("opinion");
        assert_eq!((found.class, found.users, found.weight, found.consistency), (1, 2, 1.0, 1.0));
        assert_eq!(of(&[(1, MarkSpam), (2, MarkNonad)]).expect("opinion").class, 0);
        assert_eq!(of(&[(1, MarkSpam), (2, MarkAd)]).expect("opinion").class, 2);
        assert_eq!(of(&[(1, MarkSpam), (1, MarkAd)]), None);
    }

    #[test]
    fn who_is_always_alone_with_his_word_loses_his_weight_and_who_is_joined_gains() {
        let pictures: Vec<_> = (0..20).map(|_| votes(&[(1, MarkSpam), (2, MarkSpam), (3, MarkSpam), (9, UnmarkSpam)])).collect();
        let trust = Trust::of(pictures.iter().map(Vec::as_slice));
        assert_eq!((trust.weight(&person(1)), trust.weight(&person(9)), trust.weight(&person(7))), (1.0, 0.0, 0.5));
        // A picture on which he is alone tells nothing of a user.
        let alone = [votes(&[(4, MarkSpam)])];
        assert_eq!(Trust::of(alone.iter().map(Vec::as_slice)).weight(&person(4)), 0.5);
    }
}
