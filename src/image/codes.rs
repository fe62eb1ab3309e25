//! Codes that stand in a picture: QR, Aztec and Data Matrix, read by `rxing`. What they say is the sender's text.

use image::{GrayImage, Luma, imageops::fast_blur};
use rxing::{BarcodeFormat, DecodeHints, RXingResult, helpers};
use serde::{Deserialize, Serialize};

use super::{Picture, grey::grey as brightness, resize};
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
/// The same for the second try, for faint codes.
const LONGER_SIDE_FAINT: u32 = 600;
/// Pixels around, by which a faint code's dark and light are told: the deviation of a blur, some modules wide.
const AROUND: f32 = 12.0;
/// By how much (of 255) a pixel is darker than what is around it to be dark, more than the noise of JPEG's usual quality.
const DARKER: u8 = 2;
/// Codes of one picture.
const MOST: usize = 10;

/// Reads the codes in a picture, at most [`MOST`].
pub fn codes(picture: &Picture) -> Vec<Code> {
    // The smallest code there is, Data Matrix 10 x 10, with one pixel for a module.
    if picture.width().min(picture.height()) < 10 {
        return Vec::new();
    }
    let found = read(&grey(picture, LONGER_SIDE), &ALL);
    if found.is_empty() { read(&told_by_surroundings(&grey(picture, LONGER_SIDE_FAINT)), &ALL[..1]) } else { found }
}

/// Brightness, in a size of at most `longest` on the longer side.
fn grey(picture: &Picture, longest: u32) -> GrayImage {
    let longer = picture.width().max(picture.height());
    let side = |length: u32| (u64::from(length) * u64::from(longest) / u64::from(longer)).max(1) as u32;
    let reduced = if longer > longest { resize(picture, side(picture.width()), side(picture.height())) } else { None };
    brightness(reduced.as_ref().unwrap_or(picture))
}

/// Black where a pixel is darker than its surroundings, white elsewhere: the reader itself takes a difference of less than 24
/// for none (`HybridBinarizer` of rxing).
fn told_by_surroundings(grey: &GrayImage) -> GrayImage {
    let mut told = fast_blur(grey, AROUND);
    for (around, pixel) in told.pixels_mut().zip(grey.pixels()) {
        around.0[0] = if pixel.0[0] < around.0[0].saturating_sub(DARKER) { 0 } else { 255 };
    }
    told
}

/// Reads the codes in what is drawn with characters or cells.
pub fn codes_in_grid(grid: &Grid) -> Vec<Code> {
    // Pixels of a cell, and cells of quiet zone around the drawing.
    const SCALE: usize = 4;
    const QUIET: usize = 8;
    let (width, height) = ((grid.width + 2 * QUIET) * SCALE, (grid.height + 2 * QUIET) * SCALE);
    let drawn = |inverted: bool| {
        GrayImage::from_fn(width as u32, height as u32, |x, y| {
            let (x, y) = (x as usize / SCALE, y as usize / SCALE);
            let inside = (QUIET..QUIET + grid.width).contains(&x) && (QUIET..QUIET + grid.height).contains(&y);
            let dark = inside && grid.dark[(y - QUIET) * grid.width + x - QUIET] != inverted;
            Luma([if dark { 0 } else { 255 }])
        })
    };
    let found = read(&drawn(false), &ALL);
    if found.is_empty() { read(&drawn(true), &ALL) } else { found }
}

const ALL: [BarcodeFormat; 3] = [BarcodeFormat::QR_CODE, BarcodeFormat::AZTEC, BarcodeFormat::DATA_MATRIX];

/// Also reads what is light on dark.
fn read(grey: &GrayImage, formats: &[BarcodeFormat]) -> Vec<Code> {
    let mut hints = DecodeHints {
        PossibleFormats: Some(formats.iter().copied().collect()),
        TryHarder: Some(true),
        AlsoInverted: Some(true),
        ..DecodeHints::default()
    };
    let found = helpers::detect_multiple_in_luma_with_hints(grey.as_raw().clone(), grey.width(), grey.height(), &mut hints);
    let mut codes: Vec<Code> = Vec::new();
    // An error means that there is none.
    for code in found.unwrap_or_default().iter().map(code) {
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
