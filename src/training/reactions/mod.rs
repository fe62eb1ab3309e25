//! Reactions of users to pictures, and what becomes of them: the published data set's format (`lines`), the same as a
//! Parquet file (`table`), labels by the consistency filter (`labels`), the published statistics (`stats`), and a
//! simulation of users for sets that can't be had (`simulate`).

mod labels;
mod lines;
mod simulate;
mod stats;
mod table;

pub use crate::feedback::{CLASSES, Reaction};
pub use labels::{Filter, Label, label};
pub use lines::{Import, export_lines, import_lines};
pub use simulate::{NoiseModel, Simulation};
pub use stats::Statistics;
pub use table::{RecordReader, RecordWriter};

use crate::feedback::{Person, StoredPicture};

/// One picture of a data set: what its users did, and its features.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// For each user who reacted, his reactions in order.
    pub users: Vec<Vec<Reaction>>,
    /// Finite numbers, as many in every record of a set.
    pub features: Vec<f32>,
}

impl Record {
    /// A picture of the store.
    pub fn of(picture: &StoredPicture) -> Self {
        let mut users: Vec<(Person, Vec<Reaction>)> = Vec::new();
        for vote in &picture.votes {
            match users.iter_mut().find(|(person, _)| *person == vote.person) {
                Some((_, reactions)) => reactions.push(vote.reaction),
                None => users.push((vote.person, vec![vote.reaction])),
            }
        }
        Self { users: users.into_iter().map(|(_, reactions)| reactions).collect(), features: picture.features.clone() }
    }

    /// The reactions that count: those of users with exactly one.
    pub fn single(&self) -> impl Iterator<Item = Reaction> + '_ {
        self.users.iter().filter_map(|user| if let [only] = user[..] { Some(only) } else { None })
    }
}
