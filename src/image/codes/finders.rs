//! A quick look for what codes are found by: the finder patterns of QR, the bull's eye of Aztec. Both are squares in squares, and so
//! look the same across, down and between.

use pulp::Arch;

use super::bits::{Bits, Runs};

/// Where the middle of a pattern is, and its side or that of its part looked at, in pixels.
pub struct Finder {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// Of 7 modules.
    pub side: u32,
}

impl Finder {
    /// Whether both are the same: two patterns are 14 modules apart at least.
    fn is(&self, other: &Self) -> bool {
        self.x.abs_diff(other.x).max(self.y.abs_diff(other.y)) <= self.side.min(other.side) / 2
    }

    /// Whether it is among those that are not below it, the lowest last.
    fn is_among(&self, others: &[Self]) -> bool {
        others.iter().rev().take_while(|other| self.y - other.y <= self.side / 2).any(|other| self.is(other))
    }

    /// Whether what is through its middle, down, across and between, is `like` the pattern; the last flag: it is crossed at an angle.
    fn is_square<const N: usize>(&self, bits: &Bits, like: fn(&[u32; N], bool) -> bool) -> bool {
        // As far as rxing's readers go.
        let far = 3 * self.side;
        let (mut x, mut y) = (self.x, self.y);
        [((0, 1), false), ((1, 0), false), ((1, 1), true)].into_iter().all(|(direction, slanted)| {
            let (runs, to_middle) = bits.through((x, y), direction, far);
            (x, y) = (x.saturating_add_signed(to_middle * direction.0), y.saturating_add_signed(to_middle * direction.1));
            like(&runs, slanted)
        })
    }
}

/// Rows between those in which both of `rxing`'s readers look for QR: the middle of a pattern is three modules high.
pub const ROWS_QR: u32 = 3;
/// Finder patterns of a QR code.
const OF_QR: usize = 3;
/// Finder patterns of a picture, of which each reader tries all threes that fit: a sender who draws thousands would keep it busy for
/// many seconds.
const MOST_OF_QR: usize = 1000;
/// Bull's eyes looked at, of one colour.
const MOST_BULLS_EYES: usize = 10;

/// Whether a QR code may be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Qr {
    /// It is not.
    No,
    /// It may.
    Maybe,
    /// To look for it would take too long.
    TooMany,
}

/// Whether a QR code may be there, dark on light and light on dark: what each of `rxing`'s two readers asks of a row, and of what
/// crosses it, is there three times. By the runs of every [`ROWS_QR`]th row, or of all.
pub fn may_have_qr(bits: &Bits, runs: &Runs) -> [Qr; 2] {
    squares(bits, runs, ROWS_QR, MOST_OF_QR, may_be_qr, is_qr).map(|finders| match finders.len() {
        0..OF_QR => Qr::No,
        OF_QR..MOST_OF_QR => Qr::Maybe,
        _ => Qr::TooMany,
    })
}

/// Where Aztec codes may have their middle, dark on light and light on dark, by the runs of all rows.
pub fn bulls_eyes(bits: &Bits, runs: &Runs) -> [Vec<Finder>; 2] {
    // Its inner rings, without the outermost one, which may run into what is around it: light at both ends.
    let [light, dark] = squares(bits, runs, 1, MOST_BULLS_EYES, may_be_bulls_eye, is_bulls_eye);
    [dark, light]
}

/// Up to `most` patterns that begin dark, and that begin light, in every `step`th row: runs that may be `like` it, and are.
fn squares<const N: usize>(
    bits: &Bits,
    runs: &Runs,
    step: u32,
    most: usize,
    may_be: impl Fn(&[u32; N]) -> bool,
    like: fn(&[u32; N], bool) -> bool,
) -> [Vec<Finder>; 2] {
    let mut found = [const { Vec::<Finder>::new() }; 2];
    let mut marks = Vec::new();
    for y in (step - 1..bits.height()).step_by(step as usize) {
        let row = runs.row(y);
        Arch::new().dispatch(|| {
            marks.clear();
            marks.extend(row.array_windows().map(&may_be));
        });
        let (mut begin, mut summed) = (0, 0);
        for at in (0..marks.len()).filter(|at| marks[*at]) {
            begin += row[summed..at].iter().sum::<u32>();
            summed = at;
            let Some(window) = row[at..].first_chunk::<N>() else { break };
            let found = &mut found[usize::from(at % 2 == 0)];
            if like(window, false) && found.len() < most {
                let x = begin + window[..N / 2].iter().sum::<u32>() + window[N / 2] / 2;
                let finder = Finder { x, y, side: window.iter().sum() };
                if !finder.is_among(found) && finder.is_square(bits, like) {
                    found.push(finder);
                }
            }
        }
    }
    found
}

/// Whether no side run is longer than the middle one, but for what is allowed of one pixel a module.
#[inline(always)]
fn may_be_qr(runs: &[u32; 5]) -> bool {
    runs[0].max(runs[1]).max(runs[3]).max(runs[4]) < runs[2] + 2
}

/// Runs like 1 : 1 : 3 : 1 : 1 modules, by `FinderPatternFinder::foundPatternCross` (slanted: `foundPatternDiagonal`) of `rxing`, or by
/// `IsPattern` of what it has from ZXing-C++.
fn is_qr(runs: &[u32; 5], slanted: bool) -> bool {
    let total: u32 = runs.iter().sum();
    if !slanted && !may_be_qr(runs) || total < 7 || runs.contains(&0) {
        return false;
    }
    let widths = runs.map(|run| run as f32);
    let module = total as f32 / 7.0;
    let variance = if slanted { module / 1.333 } else { module / 2.0 } + (0.5 / module).min(0.5);
    let modules = [1.0, 1.0, 3.0, 1.0, 1.0];
    if widths.iter().zip(modules).all(|(width, modules)| (modules * module - width).abs() < modules * variance) {
        return true;
    }
    let (bar, space) = ((widths[0] + widths[2] + widths[4]) / 5.0, (widths[1] + widths[3]) / 2.0);
    let bars = |place: usize| (widths[place] - modules[place] * bar).abs() <= bar * 0.75 + 0.5;
    let spaces = |place: usize| (widths[place] - space).abs() <= space / 3.0 + 0.5;
    bar.max(space) <= 4.0 * bar.min(space) && bars(0) && spaces(1) && bars(2) && spaces(3) && bars(4)
}

/// Whether all runs are less than 1.5 modules and half a pixel, and more than half a module less half a pixel, of some module.
#[inline(always)]
fn may_be_bulls_eye(runs: &[u32; 7]) -> bool {
    let (least, most) = runs.iter().fold((u32::MAX, 0), |(least, most), run| (least.min(*run), most.max(*run)));
    most <= 3 * least + 2
}

/// Runs of one module each, as `foundPatternCross` has it.
fn is_bulls_eye(runs: &[u32; 7], _: bool) -> bool {
    let total: u32 = runs.iter().sum();
    let module = total as f32 / 7.0;
    let variance = module / 2.0 + (0.5 / module).min(0.5);
    total >= 7 && runs.iter().all(|run| *run > 0 && (module - *run as f32).abs() < variance)
}
