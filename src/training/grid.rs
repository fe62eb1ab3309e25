//! The paper's two tables over reactions and consistency (ICISSP 2020), with a data set of ours beside the published figures.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{
    TrainingError, Watch,
    examples::Examples,
    head::{Head, Preset},
    metrics::Classification,
    reactions::{self, Filter, Record},
};

/// Rows of the first table: more than so many users reacted.
pub const REACTIONS: [usize; 9] = [0, 1, 2, 3, 4, 5, 7, 10, 20];
/// Columns of the first table: the least consistency.
pub const CONSISTENCY: [f64; 4] = [0.0, 0.5, 0.6, 0.75];
/// Weighted F1 that the paper gives for the first table, on a 100,000-picture subset of its private set.
pub const PUBLISHED: [[f64; 4]; 9] = [
    [0.88, 0.89, 0.88, 0.89],
    [0.90, 0.89, 0.93, 0.94],
    [0.91, 0.91, 0.91, 0.94],
    [0.91, 0.92, 0.92, 0.93],
    [0.90, 0.91, 0.93, 0.94],
    [0.92, 0.92, 0.93, 0.94],
    [0.92, 0.93, 0.93, 0.95],
    [0.92, 0.93, 0.94, 0.95],
    [0.93, 0.94, 0.96, 0.97],
];
/// The second table, over the whole set: reactions, consistency, pictures left, weighted F1.
pub const PUBLISHED_WHOLE: [(usize, f64, usize, f64); 9] = [
    (0, 0.0, 649_815, 0.87),
    (3, 0.6, 140_522, 0.93),
    (5, 0.6, 98_551, 0.93),
    (10, 0.6, 59_828, 0.95),
    (20, 0.6, 34_933, 0.96),
    (3, 0.75, 102_837, 0.93),
    (5, 0.75, 66_220, 0.95),
    (10, 0.75, 39_690, 0.95),
    (20, 0.75, 22_245, 0.96),
];
/// Share that is tested on, and the seed of the split, as published.
const TEST_SHARE: f64 = 0.15;
const SEED: u64 = 42;
/// A class with fewer pictures can be neither trained nor tested, and is left out of a cell.
const LEAST_OF_A_CLASS: usize = 10;

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// More than so many users reacted.
    pub min_reactions: usize,
    /// The least consistency.
    pub min_consistency: f64,
    /// Pictures that the filter leaves.
    pub images: usize,
    /// Ours, on the test part; `None` if too few pictures are left of some class.
    pub weighted_f1: Option<f64>,
    /// The paper's.
    pub published: f64,
}

/// Labels of records and their features, kept once for all cells.
#[derive(Default)]
pub struct Grid {
    users: Vec<Record>,
    values: Examples,
}

impl Grid {
    /// No record yet.
    pub fn new(dimension: usize) -> Self {
        Self { users: Vec::new(), values: Examples::new(reactions::CLASSES.map(str::to_owned).into(), dimension) }
    }

    /// Takes a record in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn push(&mut self, record: Record) -> Result<(), String> {
        self.values.push(0, "reactions".into(), String::new(), None, &record.features)?;
        self.users.push(Record { features: Vec::new(), ..record });
        Ok(())
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The first table, on the first `subset` records.
    ///
    /// # Errors
    /// If the arithmetic fails, or the work is to stop.
    pub fn table(&self, preset: Preset, subset: usize, watch: &Watch) -> Result<Vec<Cell>, TrainingError> {
        let cells = REACTIONS
            .iter()
            .zip(PUBLISHED)
            .flat_map(|(reactions, row)| CONSISTENCY.iter().zip(row).map(move |(c, f1)| (*reactions, *c, f1)));
        cells
            .map(|(reactions, consistency, published)| self.cell(preset, reactions, consistency, published, subset, watch))
            .collect()
    }

    /// The second table, on all records.
    ///
    /// # Errors
    /// If the arithmetic fails, or the work is to stop.
    pub fn whole(&self, preset: Preset, watch: &Watch) -> Result<Vec<Cell>, TrainingError> {
        let cells = PUBLISHED_WHOLE.into_iter();
        cells
            .map(|(reactions, consistency, _, published)| self.cell(preset, reactions, consistency, published, self.len(), watch))
            .collect()
    }

    fn cell(
        &self,
        preset: Preset,
        min_reactions: usize,
        min_consistency: f64,
        published: f64,
        subset: usize,
        watch: &Watch,
    ) -> Result<Cell, TrainingError> {
        let filter = Filter { min_reactions, min_consistency };
        let labelled = self.users.iter().take(subset).enumerate();
        let (rows, labels): (Vec<usize>, Vec<usize>) =
            labelled.filter_map(|(row, record)| Some((row, reactions::label(record, filter)?.class))).unzip();
        let mut examples = self.values.select(&rows);
        examples.labels = labels;
        let images = examples.len();
        let examples = examples.without_small_classes(LEAST_OF_A_CLASS);
        let mut order: Vec<usize> = (0..examples.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(SEED));
        let (test, train) = order.split_at((TEST_SHARE * examples.len() as f64).round() as usize);
        let (train, test) = (examples.select(train), examples.select(test));
        let weighted_f1 = if train.check().is_ok() && !test.is_empty() {
            let scores = Head::train(preset, &train, SEED, watch)?.scores(&test)?;
            let likeliest =
                |row: usize| (0..scores.ncols()).max_by(|a, b| scores[(row, *a)].total_cmp(&scores[(row, *b)])).unwrap_or(0);
            let said: Vec<usize> = (0..test.len()).map(likeliest).collect();
            Some(Classification::new(&test.classes, &test.labels, &said).weighted_f1)
        } else {
            None
        };
        Ok(Cell { min_reactions, min_consistency, images, weighted_f1, published })
    }
}
