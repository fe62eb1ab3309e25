//! Which training vectors become landmarks of a kernel head.

use std::collections::HashSet;

use faer::MatRef;
use rand::{SeedableRng, seq::index::sample_weighted};
use rand_chacha::ChaCha8Rng;

use super::{
    equations::BLOCK,
    kernel::{kernel, select},
};
use crate::training::TrainingError;

/// In so many rounds of equal size they are drawn. After the first, a vector's chance falls with its likeness to those that are
/// drawn already, as in k-means|| (Bahmani and others, 2012): of many that are alike few are enough.
const ROUNDS: usize = 4;
/// The chance of one that is like another to the last bit, so that there are always enough to draw.
const LEAST: f32 = 1e-6;

/// Of the rows `among`, those that become landmarks, `count` at most: half of them not of class 0, as far as there are so many of
/// either kind, for of a set that is mostly ham chance alone would take few of the others, and lose much of what is known of spam.
///
/// # Errors
/// If the vectors give no chances to draw by.
pub fn landmarks(
    vectors: MatRef<'_, f32>,
    among: &[usize],
    label: impl Fn(usize) -> usize,
    count: usize,
    seed: u64,
) -> Result<Vec<usize>, TrainingError> {
    let (ham, others): (Vec<usize>, Vec<usize>) = among.iter().partition(|row| label(**row) == 0);
    let room = count.saturating_sub(ham.len()).max(count / 2).min(others.len());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = apart(vectors, others, room, &mut random)?;
    chosen.extend(apart(vectors, ham, count - room, &mut random)?);
    Ok(chosen)
}

/// `count` of the rows, or all.
fn apart(vectors: MatRef<'_, f32>, rows: Vec<usize>, count: usize, random: &mut ChaCha8Rng) -> Result<Vec<usize>, TrainingError> {
    let count = count.min(rows.len());
    let mut chosen = Vec::with_capacity(count);
    // Each row that is left, and the kernel of it and the chosen one that it is most like.
    let mut pool: Vec<(usize, f32)> = rows.into_iter().map(|row| (row, 0.0)).collect();
    for round in 1..=ROUNDS {
        let wanted = count * round / ROUNDS - chosen.len();
        let drawn = sample_weighted(random, pool.len(), |place| (1.0 - pool[place].1).max(LEAST), wanted)
            .map_err(|error| TrainingError::Numbers(format!("landmarks can't be drawn: {error}")))?;
        let new: Vec<usize> = drawn.iter().map(|place| pool[place].0).collect();
        let taken: HashSet<usize> = new.iter().copied().collect();
        pool.retain(|(row, _)| !taken.contains(row));
        if round < ROUNDS {
            let marks = select(vectors, &new);
            for block in pool.chunks_mut(BLOCK) {
                let rows: Vec<usize> = block.iter().map(|(row, _)| *row).collect();
                let values = kernel(select(vectors, &rows).as_ref(), marks.as_ref());
                for column in 0..values.ncols() {
                    block
                        .iter_mut()
                        .zip(values.col_as_slice(column))
                        .for_each(|((_, nearest), value)| *nearest = nearest.max(*value));
                }
            }
        }
        chosen.extend(new);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::landmarks;

    fn chosen(ham: usize, others: usize, count: usize) -> (usize, usize) {
        let vectors = Mat::from_fn(ham + others, 2, |row, column| (row * (column + 1)) as f32);
        let rows: Vec<usize> = (0..ham + others).collect();
        let mut rows = landmarks(vectors.as_ref(), &rows, |row| usize::from(row >= ham), count, 1).unwrap();
        rows.sort_unstable();
        rows.dedup();
        let of_ham = rows.iter().filter(|row| **row < ham).count();
        (of_ham, rows.len() - of_ham)
    }

    #[test]
    fn half_of_the_landmarks_are_not_ham_and_a_scarce_kind_leaves_its_room_to_the_other() {
        assert_eq!(chosen(900, 100, 100), (50, 50));
        assert_eq!(chosen(900, 20, 100), (80, 20));
        assert_eq!(chosen(20, 900, 100), (20, 80));
        assert_eq!(chosen(30, 40, 100), (30, 40));
    }

    #[test]
    fn few_of_many_that_are_alike_become_landmarks() {
        // 900 vectors in one place, and 100 far from each other and from these.
        let vectors = Mat::from_fn(1000, 2, |row, _| if row < 900 { 0.0 } else { 10.0 * row as f32 });
        let rows: Vec<usize> = (0..1000).collect();
        let chosen = landmarks(vectors.as_ref(), &rows, |_| 1, 100, 1).unwrap();
        let apart = chosen.iter().filter(|row| **row >= 900).count();
        // By chance alone it would be some 10; the first quarter is drawn by chance.
        assert!(apart > 70, "{apart}");
    }
}
