//! What hangs together in a picture: dark pixels that touch each other, at a side or a corner.

use std::ops::Range;

use super::bits::Runs;

/// A part of a picture, in pixels: columns and rows.
pub struct Region {
    /// Columns.
    pub x: Range<u32>,
    /// Rows.
    pub y: Range<u32>,
}

impl Region {
    fn of(x: Range<u32>, y: u32) -> Self {
        Self { x, y: y..y + 1 }
    }

    fn add(&mut self, other: &Self) {
        self.x = self.x.start.min(other.x.start)..self.x.end.max(other.x.end);
        self.y = self.y.start.min(other.y.start)..self.y.end.max(other.y.end);
    }

    /// Whether all of the other is in this one.
    pub fn has(&self, other: &Self) -> bool {
        let within = |outer: &Range<u32>, inner: &Range<u32>| outer.start <= inner.start && inner.end <= outer.end;
        within(&self.x, &other.x) && within(&self.y, &other.y)
    }

    /// Its width and height.
    pub fn sides(&self) -> [u32; 2] {
        [self.x.end - self.x.start, self.y.end - self.y.start]
    }

    /// In pixels.
    pub fn area(&self) -> u64 {
        self.sides().into_iter().map(u64::from).product()
    }

    /// Its longer side.
    pub fn longer(&self) -> u32 {
        self.sides()[0].max(self.sides()[1])
    }
}

/// The boxes around what hangs together, by the runs of all rows.
pub fn connected(runs: &Runs) -> impl Iterator<Item = Region> + use<> {
    let mut parts = Parts::default();
    // Dark runs, each with its part.
    let mut above: Vec<(Range<u32>, usize)> = Vec::new();
    let mut row = Vec::new();
    for (y, runs) in (0..).zip(runs.rows()) {
        row.clear();
        let (mut begin, mut first) = (0, 0);
        for pair in runs.chunks(2) {
            let [light, dark] = *pair else { break };
            let run = begin + light..begin + light + dark;
            begin = run.end;
            // Those above that end before this one begins, corners counted as touching, are behind all that follow.
            first += above[first..].iter().take_while(|(above, _)| above.end < run.start).count();
            let mut touching = above[first..].iter().take_while(|(above, _)| above.start <= run.end).map(|(_, part)| *part);
            let part = match touching.next() {
                Some(part) => parts.grow(part, &Region::of(run.clone(), y)),
                None => parts.add(Region::of(run.clone(), y)),
            };
            touching.for_each(|other| parts.join(part, other));
            row.push((run, part));
        }
        std::mem::swap(&mut above, &mut row);
    }
    parts.whole()
}

/// What hangs together, as sets of what was begun apart: regions, and for each the place of another in its set, or its own.
#[derive(Default)]
struct Parts {
    regions: Vec<Region>,
    others: Vec<usize>,
}

impl Parts {
    fn add(&mut self, region: Region) -> usize {
        self.regions.push(region);
        self.others.push(self.others.len());
        self.others.len() - 1
    }

    fn grow(&mut self, part: usize, by: &Region) -> usize {
        let first = self.first(part);
        self.regions[first].add(by);
        first
    }

    fn first(&mut self, mut part: usize) -> usize {
        while self.others[part] != part {
            self.others[part] = self.others[self.others[part]];
            part = self.others[part];
        }
        part
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        let (first, second) = (one.min(other), one.max(other));
        if first != second {
            self.others[second] = first;
            let (before, behind) = self.regions.split_at_mut(second);
            before[first].add(&behind[0]);
        }
    }

    fn whole(self) -> impl Iterator<Item = Region> {
        let Self { regions, others } = self;
        regions.into_iter().zip(others).enumerate().filter_map(|(place, (region, other))| (place == other).then_some(region))
    }
}
