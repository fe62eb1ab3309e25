//! Where Data Matrix codes may be: they have no finder pattern, but their two solid sides, and what touches them, hang together, and
//! dark and light change there often, across and down. A region costs the reader in proportion to its area.

use std::ops::Range;

use rxing::common::BIT_FIELD_BASE_BITS;

use super::{
    bits::{Bits, Runs, masks, ones},
    connected::{Region, connected},
};

/// Pixels of the shorter side, and of the longer one: codes have 8 modules at least, or 10.
const SMALLEST: [u32; 2] = [8, 14];
/// Changes of a row, and of a column, on average: 10 modules, half of which are not like the one before them, have some 6 with the
/// edges; 8 have 5. Letters have less.
const CHANGES: u32 = 4;
/// Pixels from one change to the next, on average, at least, in halves: noise has less.
const CHANGE_EVERY: u32 = 5;
/// Parts of 100 that are dark: half of the code, which may be turned, so that half of the region is another's.
const DARK: Range<u64> = 20..85;
/// A run is short below this part of the mean.
const SHORT: f32 = 0.25;
/// Part of the runs that may be short: those of a turned code at its modules' corners.
const MOST_SHORT: f32 = 0.3;
/// Pixels by which the edge of a solid side may be off a straight line.
const STRAIGHT: f32 = 1.5;
/// What is looked at together, as a multiple of the picture: a sender may draw thousands of frames, one in the other.
const MOST_LOOKED_AT: u64 = 8;

/// Regions that may have a code, dark on light: together smaller than the picture, else that. By the runs of all rows.
pub fn regions(bits: &Bits, runs: &Runs) -> Vec<Region> {
    let whole = Region { x: 0..bits.width(), y: 0..bits.height() };
    let mut found: Vec<Region> = Vec::new();
    let mut looked_at = 0;
    for region in connected(runs).filter(Region::is_large_enough) {
        looked_at += region.area();
        if looked_at > MOST_LOOKED_AT * whole.area() {
            return vec![whole];
        }
        if !(region.is_dense(bits) && region.is_even(runs) && region.is_cornered(bits)) {
            continue;
        }
        let region = region.widened(&whole);
        if !found.iter().any(|other| other.has(&region)) {
            found.retain(|other| !region.has(other));
            found.push(region);
        }
        if found.iter().map(Region::area).sum::<u64>() >= whole.area() {
            return vec![whole];
        }
    }
    found
}

impl Region {
    fn is_large_enough(&self) -> bool {
        self.sides()[0].min(self.sides()[1]) >= SMALLEST[0] && self.longer() >= SMALLEST[1]
    }

    /// Whether dark and light change as often as in a code, across and down, and neither prevails.
    fn is_dense(&self, bits: &Bits) -> bool {
        let [width, height] = self.sides();
        let (mut dark, mut across, mut down) = (0, 0, 0);
        let mut above: Option<&[usize]> = None;
        for y in self.y.clone() {
            let row = bits.row(y);
            for (place, mask) in masks(&self.x) {
                let word = row[place] & mask;
                dark += word.count_ones();
                // To the left of each word it is taken to be light: one place in 64 matters little.
                across += (word ^ word << 1).count_ones();
                down += (word ^ above.map_or(0, |above| above[place] & mask)).count_ones();
            }
            above = Some(row);
        }
        let changes =
            |count: u32, rows: u32, length: u32| (CHANGES * rows..=(2 * length / CHANGE_EVERY + 1) * rows).contains(&count);
        DARK.contains(&(u64::from(dark) * 100 / self.area())) && changes(across, height, width) && changes(down, width, height)
    }

    /// Whether few of its runs are much shorter than the others: those of a code are of whole modules, half of them of one.
    fn is_even(&self, runs: &Runs) -> bool {
        let mut lengths = Vec::new();
        for y in self.y.clone() {
            let mut begin = 0;
            for run in runs.row(y) {
                let end = begin + run;
                if begin >= self.x.start && end <= self.x.end {
                    lengths.push(*run);
                }
                begin = end;
            }
        }
        let mean = self.area() as f32 / lengths.len().max(1) as f32;
        let short = lengths.iter().filter(|length| (**length as f32) < mean * SHORT).count();
        short as f32 <= lengths.len() as f32 * MOST_SHORT
    }

    /// Whether two sides that meet are straight, as the solid ones of a code are.
    fn is_cornered(&self, bits: &Bits) -> bool {
        let rows = || self.y.clone().map(|y| bits.row(y));
        let sideways: (Vec<u32>, Vec<u32>) = rows().map(|row| self.ends(row)).unzip();
        (is_straight(&sideways.0) || is_straight(&sideways.1))
            && (is_straight(&self.depths(rows())) || is_straight(&self.depths(rows().rev())))
    }

    /// The first and the last dark pixel of a row.
    fn ends(&self, row: &[usize]) -> (u32, u32) {
        let (mut first, mut last) = (None, 0);
        for (place, mask) in masks(&self.x) {
            let word = row[place] & mask;
            if word != 0 {
                let begin = (place * BIT_FIELD_BASE_BITS) as u32;
                first = first.or(Some(begin + word.trailing_zeros()));
                last = begin + word.ilog2();
            }
        }
        (first.unwrap_or(self.x.end), last)
    }

    /// How many rows it takes in each column to come to a dark pixel.
    fn depths<'a>(&self, rows: impl Iterator<Item = &'a [usize]>) -> Vec<u32> {
        let mut depths = vec![self.sides()[1]; self.sides()[0] as usize];
        let mut open: Vec<(usize, usize)> = masks(&self.x).collect();
        for (depth, row) in (0..).zip(rows) {
            for (place, open) in &mut open {
                let new = row[*place] & *open;
                *open &= !new;
                for x in ones(new) {
                    depths[*place * BIT_FIELD_BASE_BITS + x as usize - self.x.start as usize] = depth;
                }
            }
        }
        depths
    }

    /// With what a turned code has outside of the box around its solid sides.
    fn widened(&self, whole: &Self) -> Self {
        let by = self.longer() / 4;
        let widened = |range: &Range<u32>, end: u32| range.start.saturating_sub(by)..(range.end + by).min(end);
        Self { x: widened(&self.x, whole.x.end), y: widened(&self.y, whole.y.end) }
    }
}

/// Whether three eighths of a side, or more, are a straight line: of a turned code, half of a side may be.
fn is_straight(side: &[u32]) -> bool {
    let length = side.len() * 3 / 8;
    (0..=5).any(|begin| {
        let part = &side[begin * side.len() / 8..][..length];
        let half = length / 2;
        let mut slopes: Vec<f32> = (0..half).map(|at| (part[at + half] as f32 - part[at] as f32) / half as f32).collect();
        let slope = median(&mut slopes);
        let mut rest: Vec<f32> = part.iter().zip(0_u16..).map(|(depth, at)| *depth as f32 - slope * f32::from(at)).collect();
        let base = median(&mut rest);
        let near = rest.iter().filter(|rest| (*rest - base).abs() <= STRAIGHT).count();
        near * 4 >= length * 3
    })
}

fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
