//! Dark and light for `rxing`'s readers, at a fraction of the time that its own binarisers take.

use std::{borrow::Cow, cell::OnceCell};

use pulp::Arch;
use rxing::{
    Binarizer, Exceptions, Luma8LuminanceSource, LuminanceSource,
    common::{BIT_FIELD_BASE_BITS, BitArray, BitMatrix, GlobalHistogramBinarizer, LineOrientation, Result},
};

/// By what a pixel is told to be dark.
#[derive(Clone, Copy)]
pub enum Threshold {
    /// By its surroundings: to the bit what `HybridBinarizer` of `rxing` says.
    Surroundings,
    /// Those below 128 are, in a picture of two values.
    Half,
}

/// Tells dark from light once, when it is first asked for.
pub struct Binarized {
    source: Luma8LuminanceSource,
    threshold: Threshold,
    matrix: OnceCell<BitMatrix>,
}

impl Binarized {
    /// Of a picture's brightness.
    pub fn new(source: Luma8LuminanceSource, threshold: Threshold) -> Self {
        Self { source, threshold, matrix: OnceCell::new() }
    }

    fn told(&self) -> Result<BitMatrix> {
        let (width, height) = (self.get_width(), self.get_height());
        let pixels = self.source.get_matrix();
        match self.threshold {
            Threshold::Half => Arch::new().dispatch(|| matrix(&halved(&pixels, width, height), width, height)),
            // rxing does so, too.
            Threshold::Surroundings if width.min(height) < SMALLEST => {
                GlobalHistogramBinarizer::new(self.source.clone()).get_black_matrix().cloned()
            }
            Threshold::Surroundings => Arch::new().dispatch(|| {
                let thresholds = thresholds(&black_points(&pixels, width, height), width.div_ceil(BLOCK), height.div_ceil(BLOCK));
                matrix(&below(&pixels, &thresholds, width, height), width, height)
            }),
        }
    }
}

impl Binarizer for Binarized {
    type Source = Luma8LuminanceSource;

    fn get_luminance_source(&self) -> &Self::Source {
        &self.source
    }

    // Of readers of bar codes only.
    fn get_black_row(&self, _: usize) -> Result<Cow<'_, BitArray>> {
        Err(Exceptions::UNSUPPORTED_OPERATION)
    }

    fn get_black_row_from_matrix(&self, _: usize) -> Result<Cow<'_, BitArray>> {
        Err(Exceptions::UNSUPPORTED_OPERATION)
    }

    fn get_black_line(&self, _: usize, _: LineOrientation) -> Result<Cow<'_, BitArray>> {
        Err(Exceptions::UNSUPPORTED_OPERATION)
    }

    fn get_black_matrix(&self) -> Result<&BitMatrix> {
        match self.matrix.get() {
            Some(matrix) => Ok(matrix),
            None => self.told().map(|matrix| self.matrix.get_or_init(|| matrix)),
        }
    }

    fn create_binarizer(&self, source: Self::Source) -> Self {
        Self::new(source, self.threshold)
    }

    fn get_width(&self) -> usize {
        self.source.get_width()
    }

    fn get_height(&self) -> usize {
        self.source.get_height()
    }
}

/// Pixels of a block's side, as in `HybridBinarizer`.
const BLOCK: usize = 8;
/// Blocks around one, and itself, of which the mean is its threshold: so many by so many.
const AROUND: usize = 5;
/// Pixels below which a picture has not that many blocks.
const SMALLEST: usize = BLOCK * AROUND;
/// A block whose pixels differ by no more has no contrast.
const FLAT: u8 = 24;

/// Where the blocks of a side begin: the last one lies within the picture, and may lie over the one before it.
fn begin(block: usize, length: usize) -> usize {
    (block * BLOCK).min(length - BLOCK)
}

/// The black point of each block, row by row: its mean; without contrast, half of its least pixel, or what its neighbours above and
/// to the left say, if that is dark beside them.
#[inline(always)]
fn black_points(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    let mut points: Vec<u8> = Vec::with_capacity(across * down);
    // Of each column of a row of blocks.
    let (mut sums, mut least, mut most) = (vec![0_u16; width], vec![0_u8; width], vec![0_u8; width]);
    for block_row in 0..down {
        sums.fill(0);
        least.fill(u8::MAX);
        most.fill(0);
        let rows = pixels[begin(block_row, height) * width..].chunks_exact(width).take(BLOCK);
        for row in rows {
            for (((pixel, sum), least), most) in row.iter().zip(&mut sums).zip(&mut least).zip(&mut most) {
                *sum += u16::from(*pixel);
                *least = (*least).min(*pixel);
                *most = (*most).max(*pixel);
            }
        }
        for block in 0..across {
            let columns = begin(block, width)..begin(block, width) + BLOCK;
            let min = least[columns.clone()].iter().fold(u8::MAX, |min, value| min.min(*value));
            let max = most[columns.clone()].iter().fold(0, |max, value| max.max(*value));
            let point = if max - min > FLAT {
                (sums[columns].iter().sum::<u16>() / (BLOCK * BLOCK) as u16) as u8
            } else if block_row > 0 && block > 0 {
                let above = points.len() - across;
                let [above, left, both] = [points[above], points[points.len() - 1], points[above - 1]].map(u16::from);
                let around = ((above + 2 * left + both) / 4) as u8;
                if min < around { around } else { min / 2 }
            } else {
                min / 2
            };
            points.push(point);
        }
    }
    points
}

/// The threshold of each block: the mean of the black points around it; at the edges, of as many within.
fn thresholds(points: &[u8], across: usize, down: usize) -> Vec<u8> {
    let within = |block: usize, blocks: usize| block.clamp(AROUND / 2, blocks - 1 - AROUND / 2) - AROUND / 2;
    let mut thresholds = Vec::with_capacity(points.len());
    let mut columns = vec![0_u16; across];
    for block_row in 0..down {
        columns.fill(0);
        for row in points[within(block_row, down) * across..].chunks_exact(across).take(AROUND) {
            row.iter().zip(&mut columns).for_each(|(point, column)| *column += u16::from(*point));
        }
        thresholds.extend((0..across).map(|block| {
            let sum: u16 = columns[within(block, across)..][..AROUND].iter().sum();
            (sum / (AROUND * AROUND) as u16) as u8
        }));
    }
    thresholds
}

/// Bytes of a row of bits, in the words of a [`BitMatrix`].
fn stride(width: usize) -> usize {
    width.div_ceil(BIT_FIELD_BASE_BITS) * BIT_FIELD_BASE_BITS / 8
}

/// A bit for each pixel that is at or below its block's threshold, or one of its blocks'. Rows of [`stride`] bytes, the first
/// pixel in the lowest bit.
#[inline(always)]
fn below(pixels: &[u8], thresholds: &[u8], width: usize, height: usize) -> Vec<u8> {
    let across = width.div_ceil(BLOCK);
    let mut bits = vec![0; stride(width) * height];
    let mut limits = vec![0_u8; width];
    for (block_row, thresholds) in thresholds.chunks_exact(across).enumerate() {
        for (limits, threshold) in limits.chunks_mut(BLOCK).zip(thresholds) {
            limits.fill(*threshold);
        }
        if let (Some(last), Some(limits)) = (thresholds.last(), limits.last_chunk_mut::<BLOCK>()) {
            limits.iter_mut().for_each(|limit| *limit = (*limit).max(*last));
        }
        let first = begin(block_row, height);
        for y in first..first + BLOCK {
            let row = &pixels[y * width..][..width];
            pack(row, &limits, &mut bits[y * stride(width)..][..stride(width)]);
        }
    }
    bits
}

/// The same of a picture of two values.
#[inline(always)]
fn halved(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut bits = vec![0; stride(width) * height];
    let limits = vec![127; width];
    for (row, bits) in pixels.chunks_exact(width).zip(bits.chunks_exact_mut(stride(width))) {
        pack(row, &limits, bits);
    }
    bits
}

/// Adds a bit for each pixel that is at or below its limit.
#[inline(always)]
fn pack(pixels: &[u8], limits: &[u8], bits: &mut [u8]) {
    /// Gathers the lowest bit of each of 8 bytes in the topmost byte, the first byte's in its lowest bit.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    const STEP: usize = 64;
    for ((pixels, limits), bits) in pixels.chunks(STEP).zip(limits.chunks(STEP)).zip(bits.chunks_mut(STEP / 8)) {
        let mut dark = [0_u8; STEP];
        for ((dark, pixel), limit) in dark.iter_mut().zip(pixels).zip(limits) {
            *dark = u8::from(pixel <= limit);
        }
        for (bits, dark) in bits.iter_mut().zip(dark.as_chunks::<8>().0) {
            *bits |= (u64::from_le_bytes(*dark).wrapping_mul(GATHER) >> 56) as u8;
        }
    }
}

fn matrix(bits: &[u8], width: usize, height: usize) -> Result<BitMatrix> {
    let mut matrix = BitMatrix::new(width as u32, height as u32)?;
    let mut row = BitArray::with_size(width);
    for (y, bits) in (0_u32..).zip(bits.chunks_exact(stride(width))) {
        for (at, word) in (0..).step_by(BIT_FIELD_BASE_BITS).zip(bits.as_chunks().0) {
            row.setBulk(at, usize::from_le_bytes(*word));
        }
        matrix.setRow(y, &row);
    }
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rxing::common::HybridBinarizer;

    use super::*;

    #[test]
    fn dark_is_what_rxing_says_to_the_bit() {
        let mut random = ChaCha8Rng::seed_from_u64(6);
        for _ in 0..200 {
            let (width, height) = (random.random_range(10..200_usize), random.random_range(10..200_usize));
            // Flat, soft and hard parts, in dark and in light.
            let (least, noise) = (random.random_range(0..250_u8), random.random_range(1..=120_u8));
            let mut pixels: Vec<u8> = (0..width * height).map(|_| least.saturating_add(random.random_range(0..noise))).collect();
            for _ in 0..random.random_range(0..20) {
                let (x, y) = (random.random_range(0..width), random.random_range(0..height));
                let value: u8 = random.random();
                for row in pixels.chunks_exact_mut(width).skip(y).take(30) {
                    row.iter_mut().skip(x).take(30).for_each(|pixel| *pixel = value);
                }
            }
            let source = Luma8LuminanceSource::new(pixels, width as u32, height as u32).expect("source");
            let ours = Binarized::new(source.clone(), Threshold::Surroundings).told().ok();
            assert_eq!(ours, HybridBinarizer::new(source).get_black_matrix().ok().cloned(), "{width} x {height}");
        }
    }
}
