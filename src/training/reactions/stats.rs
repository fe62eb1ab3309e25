//! The statistics that the method's authors print for a data set.

use std::fmt;

use super::{Reaction, Record, labels::consensus};

/// Statistics of a data set, gathered record by record.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Statistics {
    /// Number of pictures.
    pub images: u64,
    /// Pictures with more than k users who reacted, for k = 0 … 9.
    pub images_with_more_than: [u64; 10],
    /// Reactions of all users.
    pub reactions: u64,
    /// Users who reacted, counted once for each picture.
    pub users: u64,
    /// Of these, users who reacted more than once to one picture.
    pub repeated: u64,
    /// Single reactions of each kind, in the order of [`Reaction::ALL`].
    pub single: [u64; 4],
    /// Pictures whose label is decided by a tie.
    pub ties: u64,
    consistency: Moments,
    consistency_of_many: Moments,
}

/// Count, mean and sum of squared deviations (Welford's method).
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// Mean and standard deviation of the population.
    fn get(&self) -> (f64, f64) {
        (self.mean, if self.count == 0 { 0.0 } else { (self.squares / self.count as f64).sqrt() })
    }
}

impl Statistics {
    /// Takes one picture in.
    pub fn add(&mut self, record: &Record) {
        self.images += 1;
        for (k, images) in self.images_with_more_than.iter_mut().enumerate() {
            *images += u64::from(record.users.len() > k);
        }
        self.reactions += record.users.iter().map(|user| user.len() as u64).sum::<u64>();
        self.users += record.users.len() as u64;
        self.repeated += record.users.iter().filter(|user| user.len() > 1).count() as u64;
        record.single().for_each(|reaction| self.single[reaction as usize] += 1);
        if let Some(label) = consensus(record) {
            self.ties += u64::from(label.tied);
            self.consistency.add(label.consistency);
            if record.single().count() > 1 {
                self.consistency_of_many.add(label.consistency);
            }
        }
    }

    /// Mean and standard deviation of the consistency of all pictures that have one.
    pub fn consistency(&self) -> (f64, f64) {
        self.consistency.get()
    }

    /// The same over pictures with more than one counting user.
    pub fn consistency_of_many(&self) -> (f64, f64) {
        self.consistency_of_many.get()
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
        writeln!(f, "images                                  {}", self.images)?;
        for (k, images) in self.images_with_more_than.iter().enumerate() {
            writeln!(f, "images with more than {k} users           {images}")?;
        }
        writeln!(f, "reactions                               {}", self.reactions)?;
        writeln!(f, "reactions per image                     {:.2}", self.reactions as f64 / self.images.max(1) as f64)?;
        writeln!(f, "users who reacted more than once        {} ({:.2} %)", self.repeated, share(self.repeated, self.users))?;
        let singles = self.single.iter().sum();
        for (kind, count) in Reaction::ALL.into_iter().zip(self.single) {
            writeln!(f, "{:<39} {count} ({:.2} % of single reactions)", kind.name(), share(count, singles))?;
        }
        let (mean, deviation) = self.consistency();
        writeln!(f, "consistency, all images                 {mean:.4} ± {deviation:.4}")?;
        let (mean, deviation) = self.consistency_of_many();
        writeln!(f, "consistency, more than one counting     {mean:.4} ± {deviation:.4}")?;
        write!(f, "labels decided by a tie                 {} (the milder reaction is taken)", self.ties)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reaction::*, *};

    #[test]
    fn every_published_statistic_is_as_counted_by_hand() {
        let mut found = Statistics::default();
        for users in
            [vec![vec![MarkSpam], vec![MarkSpam], vec![MarkAd]], vec![vec![UnmarkSpam]], vec![vec![MarkSpam, UnmarkSpam]]]
        {
            found.add(&Record { users, features: Vec::new() });
        }
        assert_eq!((found.images, found.reactions, found.users, found.repeated), (3, 6, 5, 1));
        assert_eq!(found.images_with_more_than, [3, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(found.single, [1, 0, 1, 2]);
        let (mean, deviation) = found.consistency();
        assert!((mean - 5.0 / 6.0).abs() < 1e-12 && (deviation - 1.0 / 6.0).abs() < 1e-12);
        assert!((found.consistency_of_many().0 - 2.0 / 3.0).abs() < 1e-12);
    }
}
