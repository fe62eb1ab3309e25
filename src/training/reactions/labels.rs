//! From reactions to a label: the consistency filter of the published loader (ICISSP 2020).

use super::{Reaction, Record};

/// Which pictures are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// A picture needs *more than* so many users who reacted, the contradictory ones included.
    pub min_reactions: usize,
    /// The least consistency, 0 to 1.
    pub min_consistency: f64,
}

/// What the users say of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// Index into [`super::CLASSES`].
    pub class: usize,
    /// Share of the most common reaction among those that count, 0 to 1.
    pub consistency: f64,
    /// Whether another reaction was as common; the milder one, by [`Reaction::ALL`], was taken.
    pub tied: bool,
}

/// The label of a picture, whatever its consistency: the class of its most common single reaction. Users with more than one
/// reaction contradict themselves and don't count. `None` if nobody counts. A tie goes to the first kind of
/// [`Reaction::ALL`], so that a doubt never makes spam; the published loader leaves ties to the order of the file.
pub fn consensus(record: &Record) -> Option<Label> {
    let mut counts = [0usize; Reaction::ALL.len()];
    for reaction in record.single() {
        counts[reaction as usize] += 1;
    }
    let counting: usize = counts.iter().sum();
    let most = *counts.iter().max()?;
    let reaction = Reaction::ALL.into_iter().find(|kind| counts[*kind as usize] == most)?;
    (counting > 0).then(|| Label {
        class: reaction.class(),
        consistency: most as f64 / counting as f64,
        tied: counts.iter().filter(|count| **count == most).count() > 1,
    })
}

/// The label of a picture that passes the filter.
pub fn label(record: &Record, filter: Filter) -> Option<Label> {
    let enough = record.users.len() > filter.min_reactions;
    consensus(record).filter(|label| enough && label.consistency >= filter.min_consistency)
}

#[cfg(test)]
mod tests {
    use super::{Reaction::*, *};

    fn record(users: &[&[Reaction]]) -> Record {
        Record { users: users.iter().map(|user| user.to_vec()).collect(), features: Vec::new() }
    }

    #[test]
    fn users_who_contradict_themselves_count_only_as_reacting() {
        let mixed = record(&[&[MarkSpam], &[MarkSpam, UnmarkSpam], &[MarkSpam], &[MarkAd]]);
        let found = consensus(&mixed).expect("label");
        assert_eq!((found.class, found.tied), (1, false));
        assert!((found.consistency - 2.0 / 3.0).abs() < 1e-12);
        let filter = |min_reactions, min_consistency| Filter { min_reactions, min_consistency };
        assert!(label(&mixed, filter(3, 0.6)).is_some(), "four users are more than three");
        assert!(label(&mixed, filter(4, 0.6)).is_none(), "more than, not at least");
        assert!(label(&mixed, filter(0, 2.0 / 3.0)).is_some(), "at least");
        assert!(label(&mixed, filter(0, 0.67)).is_none());
        assert_eq!(consensus(&record(&[&[MarkAd, MarkAd]])), None, "twice the same is more than one, too");
    }

    #[test]
    fn reactions_are_counted_by_kind_and_not_by_class_and_ties_go_to_the_milder() {
        // Two of ham's kinds against two of one of spam: the single most common reaction is spam.
        let split = record(&[&[UnmarkSpam], &[MarkNonad], &[MarkSpam], &[MarkSpam]]);
        assert_eq!(consensus(&split), Some(Label { class: 1, consistency: 0.5, tied: false }));
        let tie = record(&[&[MarkSpam], &[MarkAd]]);
        assert_eq!(consensus(&tie), Some(Label { class: 2, consistency: 0.5, tied: true }));
        assert_eq!(consensus(&record(&[&[MarkSpam], &[MarkNonad]])).map(|label| label.class), Some(0));
    }
}
