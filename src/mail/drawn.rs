//! Codes that are drawn without a picture: with block characters in text, or as the cells of an HTML table. Here they
//! become a grid of dark and light; reading it is the image stage's.

/// What is drawn, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Columns, 1 to [`LONGEST`].
    pub width: usize,
    /// Rows, 1 to [`LONGEST`].
    pub height: usize,
    /// Row after row, `width` each.
    pub dark: Vec<bool>,
}

/// Sides of a grid: the largest QR code has 177 modules (ISO/IEC 18004), 2 x 2 dots each where a half block is one, and a
/// quiet zone.
const LONGEST: usize = 800;
/// The smallest QR code has 21 modules; in half blocks, 11 lines. Smaller drawings are no codes.
const FEWEST_LINES: usize = 10;
const FEWEST_CELLS: usize = 18;
/// Dots of a character: wide and high. A character cell is about twice as high as wide.
const DOTS: (usize, usize) = (2, 4);

impl Grid {
    /// From rows of unequal length; what is missing is light. `None` if it is too small for a code, or all of one kind.
    pub fn from_rows(rows: &[Vec<bool>]) -> Option<Self> {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0).min(LONGEST);
        let height = rows.len().min(LONGEST);
        let dark: Vec<bool> =
            rows[..height].iter().flat_map(|row| (0..width).map(|column| row.get(column).copied().unwrap_or(false))).collect();
        let mixed = dark.contains(&true) && dark.contains(&false);
        (width >= FEWEST_CELLS && height >= FEWEST_CELLS && mixed).then_some(Self { width, height, dark })
    }
}

/// The drawings in a text, at most `limit`. Empty lines don't count: HTML is full of them.
pub fn in_text(text: &str, limit: usize) -> Vec<Grid> {
    let mut found = Vec::new();
    // Nearly every text ends here: all block characters begin with this byte in UTF-8.
    if memchr::memchr2(b'#', 0xe2, text.as_bytes()).is_none() {
        return found;
    }
    let mut drawing: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()).chain(std::iter::once("end")) {
        if is_drawn(line) {
            drawing.push(line);
            continue;
        }
        if drawing.len() >= FEWEST_LINES && found.len() < limit {
            found.extend(grid(&drawing));
        }
        drawing.clear();
    }
    found
}

/// The dots of a block character, from the top, two bits a row, the left one high. `None`: no such character.
fn dots(c: char) -> Option<u8> {
    const QUADRANTS: [(char, u8); 16] = [
        ('█', 0xff),
        ('▀', 0xf0),
        ('▄', 0x0f),
        ('▌', 0xaa),
        ('▐', 0x55),
        ('▘', 0xa0),
        ('▝', 0x50),
        ('▖', 0x0a),
        ('▗', 0x05),
        ('▛', 0xfa),
        ('▜', 0xf5),
        ('▙', 0xaf),
        ('▟', 0x5f),
        ('▚', 0xa5),
        ('▞', 0x5a),
        ('■', 0xff),
    ];
    match c {
        ' ' | '\u{a0}' | '\t' | '\u{3000}' => Some(0),
        '#' => Some(0xff),
        // Unicode's Braille patterns: bits 0 to 2 are the left column from the top, 3 to 5 the right, 6 and 7 the last row.
        '\u{2800}'..='\u{28ff}' => {
            let bit = |number: u32| (c as u32 >> number & 1) as u8;
            Some(bit(0) << 7 | bit(3) << 6 | bit(1) << 5 | bit(4) << 4 | bit(2) << 3 | bit(5) << 2 | bit(6) << 1 | bit(7))
        }
        _ => QUADRANTS.iter().find(|(known, _)| *known == c).map(|(_, dots)| *dots),
    }
}

/// Nothing but block characters and spaces, some of them dark.
fn is_drawn(line: &str) -> bool {
    let mut dark = 0;
    line.trim_end().chars().all(|c| dots(c).inspect(|dots| dark += usize::from(*dots != 0)).is_some()) && dark >= 4
}

fn grid(lines: &[&str]) -> Option<Grid> {
    let mut rows = vec![Vec::new(); lines.len().min(LONGEST / DOTS.1) * DOTS.1];
    for (line, rows) in lines.iter().zip(rows.chunks_mut(DOTS.1)) {
        for c in line.chars().take(LONGEST / DOTS.0) {
            let dots = dots(c).unwrap_or(0);
            for (at, row) in rows.iter_mut().enumerate() {
                row.extend([dots >> (7 - 2 * at) & 1 == 1, dots >> (6 - 2 * at) & 1 == 1]);
            }
        }
    }
    Grid::from_rows(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_blocks_and_braille_are_the_same_drawing() {
        let lines = |drawn: &str| std::iter::repeat_n(drawn, 12).collect::<Vec<_>>().join("\n");
        let half = in_text(&lines(&"▀ ▄█".repeat(5)), 9);
        let braille = in_text(&lines(&"⠛⠀⣤⣿".repeat(5)), 9);
        assert_eq!(half, braille);
        assert_eq!((half[0].width, half[0].height), (40, 48));
        assert_eq!(half[0].dark[..8], [true, true, false, false, false, false, true, true]);
    }

    #[test]
    fn words_and_rulers_are_no_drawings() {
        assert!(in_text(&"Words ███ words\n".repeat(30), 9).is_empty());
        assert!(in_text(&format!("{}\n# one\n", "#".repeat(60)), 9).is_empty());
    }
}
