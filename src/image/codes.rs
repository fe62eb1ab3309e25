//! Codes that stand in a picture: QR, Aztec and Data Matrix, read by `rxing`. What they say is the sender's text.

use std::collections::HashSet;

use rxing::{BarcodeFormat, DecodeHints, RXingResult, helpers};
use serde::{Deserialize, Serialize};

use super::{Picture, resize};
use crate::mail::Grid;

/// A code that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Code {
    /// `qr`, `aztec` or `datamatrix`.
    pub symbology: String,
    /// What it says, at most [`LONGEST`] characters of it.
    pub text: String,
}

/// Characters of a code that are kept. A QR code holds at most 4,296 (ISO/IEC 18004, version 40-L).
const LONGEST: usize = 4296;
/// Pictures are read at no more than this on the longer side: a code that fills a tenth of it still has 4 pixels for
/// each of 25 modules.
const LONGER_SIDE: u32 = 1200;
/// Codes of one picture.
const MOST: usize = 10;

/// Reads the codes in a picture, at most [`MOST`].
pub fn codes(picture: &Picture) -> Vec<Code> {
    let longer = picture.width().max(picture.height());
    // The smallest code there is, Data Matrix 10 x 10, with one pixel for a module.
    if picture.width().min(picture.height()) < 10 {
        return Vec::new();
    }
    let reduced = (longer > LONGER_SIDE).then(|| {
        let side = |length: u32| (u64::from(length) * u64::from(LONGER_SIDE) / u64::from(longer)).max(1) as u32;
        resize(picture, side(picture.width()), side(picture.height()))
    });
    let seen = reduced.flatten();
    let seen = seen.as_ref().unwrap_or(picture);
    let mut luma = image::imageops::grayscale(seen).into_raw();
    stretch(&mut luma);
    read(luma, seen.width(), seen.height())
}

/// Spreads the grey values over the whole range: the reader takes a difference of less than 24 in a block of pixels for none
/// (rxing's `HybridBinarizer`). The darkest and lightest hundredth are left out of account.
fn stretch(luma: &mut [u8]) {
    let mut counts = [0_usize; 256];
    luma.iter().for_each(|value| counts[usize::from(*value)] += 1);
    let rank = luma.len() / 100;
    let at = |values: &mut dyn Iterator<Item = usize>| {
        let mut seen = 0;
        values.find(|value| {
            seen += counts[*value];
            seen > rank
        })
    };
    let (Some(dark), Some(light)) = (at(&mut (0..256)), at(&mut (0..256).rev())) else { return };
    let range = light.saturating_sub(dark).max(1);
    let table: Vec<u8> = (0..256).map(|value: usize| (value.saturating_sub(dark) * 255 / range).min(255) as u8).collect();
    luma.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Reads the codes in what is drawn with characters or cells.
pub fn codes_in_grid(grid: &Grid) -> Vec<Code> {
    // Pixels of a cell, and cells of quiet zone around the drawing.
    const SCALE: usize = 4;
    const QUIET: usize = 8;
    let (width, height) = ((grid.width + 2 * QUIET) * SCALE, (grid.height + 2 * QUIET) * SCALE);
    let drawn = |inverted: bool| {
        let cell = |x: usize, y: usize| {
            let inside = (QUIET..QUIET + grid.width).contains(&x) && (QUIET..QUIET + grid.height).contains(&y);
            inside && grid.dark[(y - QUIET) * grid.width + x - QUIET] != inverted
        };
        (0..height)
            .flat_map(|y| (0..width).map(move |x| (x / SCALE, y / SCALE)))
            .map(|(x, y)| if cell(x, y) { 0 } else { 255 })
            .collect()
    };
    let found = read(drawn(false), width as u32, height as u32);
    if found.is_empty() { read(drawn(true), width as u32, height as u32) } else { found }
}

fn read(luma: Vec<u8>, width: u32, height: u32) -> Vec<Code> {
    let formats = HashSet::from([BarcodeFormat::QR_CODE, BarcodeFormat::AZTEC, BarcodeFormat::DATA_MATRIX]);
    let mut hints =
        DecodeHints { PossibleFormats: Some(formats), TryHarder: Some(true), AlsoInverted: Some(true), ..DecodeHints::default() };
    let found = helpers::detect_multiple_in_luma_with_hints(luma.clone(), width, height, &mut hints).unwrap_or_default();
    let found = if found.is_empty() {
        helpers::detect_in_luma_filtered_with_hints(luma, width, height, None, &mut hints).into_iter().collect()
    } else {
        found
    };
    let mut codes: Vec<Code> = Vec::new();
    for code in found.iter().map(code) {
        if !codes.contains(&code) && codes.len() < MOST {
            codes.push(code);
        }
    }
    codes
}

fn code(found: &RXingResult) -> Code {
    let symbology = match found.getBarcodeFormat() {
        BarcodeFormat::AZTEC => "aztec",
        BarcodeFormat::DATA_MATRIX => "datamatrix",
        _ => "qr",
    };
    Code { symbology: symbology.to_owned(), text: found.getText().chars().take(LONGEST).collect() }
}
