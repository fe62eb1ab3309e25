//! What thresholds go by: how likely it is that a picture is not ham, whatever else it is. A lure that may be spam as well as an
//! advertisement is none the less sure to be one of them.

/// What a picture's probabilities come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The likeliest class but ham: its place among the classes.
    pub class: usize,
    /// 1 - p(ham), from 0 to 1.
    pub score: f32,
}

impl Finding {
    /// Of probabilities in the order of the classes, of which `ham` is the place of ham. There are two of them at least.
    pub fn of(probabilities: &[f32], ham: usize) -> Self {
        let others = (0..probabilities.len()).filter(|class| *class != ham);
        // Of equals the first.
        let class = others.rev().max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap_or(ham);
        Self { class, score: 1.0 - probabilities[ham] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_other_class_has_the_score_of_all_of_them() {
        assert_eq!(Finding::of(&[0.25, 0.25, 0.5], 0), Finding { class: 2, score: 0.75 });
        assert_eq!(Finding::of(&[0.375, 0.125, 0.5], 2), Finding { class: 0, score: 0.5 });
        assert_eq!(Finding::of(&[0.5, 0.25, 0.25], 0), Finding { class: 1, score: 0.5 });
    }
}
