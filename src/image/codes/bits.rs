//! Dark and light in whole words, and runs of them.

use std::ops::Range;

use rxing::common::{BIT_FIELD_BASE_BITS, BitMatrix, Result};

/// Dark (1) and light (0) of a picture's pixels.
pub struct Bits {
    words: Vec<usize>,
    /// Words of a row, the first pixel in the lowest bit of the first.
    stride: usize,
    width: u32,
    height: u32,
}

impl Bits {
    /// A copy, for what is in a [`BitMatrix`] can be read bit by bit only.
    pub fn of(matrix: &BitMatrix) -> Self {
        let stride = matrix.getRowSize();
        let mut words = Vec::with_capacity(stride * matrix.height() as usize);
        (0..matrix.height()).for_each(|y| words.extend_from_slice(&matrix.getRow(y).getBitArray()[..stride]));
        Self { words, stride, width: matrix.width(), height: matrix.height() }
    }

    /// These columns of these rows, with so many light pixels all around.
    ///
    /// # Errors
    /// If there are none.
    pub fn part(&self, columns: &Range<u32>, rows: &Range<u32>, around: u32) -> Result<BitMatrix> {
        let (width, height) = (columns.end - columns.start, rows.end - rows.start);
        let mut part = BitMatrix::new(width + 2 * around, height + 2 * around)?;
        for y in rows.clone() {
            for (place, mask) in masks(columns) {
                for x in ones(self.row(y)[place] & mask) {
                    let x = (place * BIT_FIELD_BASE_BITS) as u32 + x;
                    part.set(x - columns.start + around, y - rows.start + around);
                }
            }
        }
        Ok(part)
    }

    /// In pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// In pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether there is such a pixel, and it is of this colour.
    fn is(&self, x: u32, y: u32, dark: bool) -> bool {
        let word = || self.words[y as usize * self.stride + x as usize / BIT_FIELD_BASE_BITS];
        x < self.width && y < self.height && (word() >> (x as usize % BIT_FIELD_BASE_BITS) & 1 == 1) == dark
    }

    /// The words of a row.
    pub fn row(&self, y: u32) -> &[usize] {
        &self.words[y as usize * self.stride..][..self.stride]
    }

    /// The `N` runs around a pixel in a direction and against it, its own in the middle, none longer than about `far`; and how far
    /// it is from there to the middle of its own.
    pub fn through<const N: usize>(&self, from: (u32, u32), direction: (i32, i32), far: u32) -> ([u32; N], i32) {
        let dark = self.is(from.0, from.1, true);
        let mut runs = [0; N];
        let mut own = [0; 2];
        for (own, (step, side)) in own.iter_mut().zip([(-1, -1_isize), (1, 1)]) {
            let (mut x, mut y) = from;
            for place in 0..=N / 2 {
                let mut run = 0;
                // Steps over the left and the upper edge wrap around, to far behind the other two.
                while run <= far && self.is(x, y, dark == (place % 2 == 0)) {
                    run += 1;
                    (x, y) = (x.wrapping_add_signed(step * direction.0), y.wrapping_add_signed(step * direction.1));
                }
                runs[(N / 2).wrapping_add_signed(side * place as isize)] += run;
                if place == 0 {
                    *own = run as i32;
                }
            }
        }
        // Its own pixel was counted twice.
        runs[N / 2] -= 1;
        (runs, (own[1] - own[0]) / 2)
    }
}

/// Lengths of the runs of rows.
pub struct Runs {
    lengths: Vec<u32>,
    /// Where the rows looked at begin in `lengths`, and where the last one ends.
    bounds: Vec<usize>,
    step: u32,
}

impl Runs {
    /// Of every `step`th row, from that with the number `step - 1`.
    pub fn of(bits: &Bits, step: u32) -> Self {
        let (mut lengths, mut bounds) = (Vec::new(), vec![0]);
        for y in (step - 1..bits.height()).step_by(step as usize) {
            let mut begin = 0;
            let mut last = 0;
            for (place, word) in bits.row(y).iter().enumerate() {
                // A bit where a pixel is not like the one before it.
                let edges = word ^ (word << 1 | last);
                last = word >> (BIT_FIELD_BASE_BITS - 1);
                for edge in ones(edges) {
                    let at = (place * BIT_FIELD_BASE_BITS) as u32 + edge;
                    // Behind the last pixel it is light.
                    if at >= bits.width() {
                        break;
                    }
                    lengths.push(at - begin);
                    begin = at;
                }
            }
            lengths.push(bits.width() - begin);
            bounds.push(lengths.len());
        }
        Self { lengths, bounds, step }
    }

    /// Of all rows that were looked at.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.bounds.array_windows().map(|[begin, end]| &self.lengths[*begin..*end])
    }

    /// Those of a row that was looked at: light, which may be empty, dark, and so on.
    pub fn row(&self, y: u32) -> &[u32] {
        let place = (y / self.step) as usize;
        &self.lengths[self.bounds[place]..self.bounds[place + 1]]
    }
}

/// The words that columns are in, and which of their bits.
pub fn masks(columns: &Range<u32>) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (start, end) = (columns.start as usize, columns.end as usize);
    (start / BIT_FIELD_BASE_BITS..end.div_ceil(BIT_FIELD_BASE_BITS)).map(move |place| {
        let first = place * BIT_FIELD_BASE_BITS;
        let from = start.saturating_sub(first);
        let to = (end - first).min(BIT_FIELD_BASE_BITS);
        (place, (usize::MAX >> (BIT_FIELD_BASE_BITS - (to - from))) << from)
    })
}

/// The places of the bits that are 1, from the lowest.
pub fn ones(mut word: usize) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let place = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(place)
    })
}
