//! Codes that stand in a picture: QR, Aztec and Data Matrix, read by `rxing`. What they say is the sender's text.

use image::Luma;
use rxing::{
    BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, RXingResult, Reader,
    aztec::AztecReader,
    common::{HybridBinarizer, Result as Found},
    datamatrix::DataMatrixReader,
    multi::{GenericMultipleBarcodeReader, MultipleBarcodeReader},
    qrcode::{QRCodeReader, cpp_port::QrReader},
};
use serde::{Deserialize, Serialize};

use super::{Grey, resize::resize_grey};
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
/// Pixels around, by which a faint code's dark and light are told: the side of what becomes one pixel of a small copy, some modules
/// wide.
const AROUND: u32 = 20;
/// By how much (of 255) a pixel is darker than what is around it to be dark, more than the noise of JPEG's usual quality.
const DARKER: u8 = 2;
/// Codes of one picture.
const MOST: usize = 10;

/// Reads the codes in a picture, at most [`MOST`], by its brightness.
pub fn codes(grey: &Grey) -> Vec<Code> {
    // The smallest code there is, Data Matrix 10 x 10, with one pixel for a module.
    if grey.width().min(grey.height()) < 10 {
        return Vec::new();
    }
    let reduced = reduced(grey, LONGER_SIDE);
    let grey = reduced.as_ref().unwrap_or(grey);
    let found = read(grey, Sought::All);
    if !found.is_empty() {
        return found;
    }
    let reduced = self::reduced(grey, LONGER_SIDE_FAINT);
    told_by_surroundings(reduced.as_ref().unwrap_or(grey)).map_or_else(Vec::new, |told| read(&told, Sought::FaintQr))
}

/// In a size of at most `longest` on the longer side, if it is larger.
fn reduced(grey: &Grey, longest: u32) -> Option<Grey> {
    let longer = grey.width().max(grey.height());
    let side = |length: u32| (u64::from(length) * u64::from(longest) / u64::from(longer)).max(1) as u32;
    if longer > longest { resize_grey(grey, side(grey.width()), side(grey.height())) } else { None }
}

/// Black where a pixel is darker than its surroundings, white elsewhere: the reader itself takes a difference of less than 24
/// for none (`HybridBinarizer` of rxing).
fn told_by_surroundings(grey: &Grey) -> Option<Grey> {
    let (width, height) = grey.dimensions();
    let small = resize_grey(grey, (width / AROUND).max(1), (height / AROUND).max(1))?;
    let mut told = resize_grey(&small, width, height)?;
    for (around, pixel) in told.pixels_mut().zip(grey.pixels()) {
        around.0[0] = if pixel.0[0] < around.0[0].saturating_sub(DARKER) { 0 } else { 255 };
    }
    Some(told)
}

/// Reads the codes in what is drawn with characters or cells.
pub fn codes_in_grid(grid: &Grid) -> Vec<Code> {
    // Pixels of a cell, and cells of quiet zone around the drawing.
    const SCALE: usize = 4;
    const QUIET: usize = 8;
    let (width, height) = ((grid.width + 2 * QUIET) * SCALE, (grid.height + 2 * QUIET) * SCALE);
    let drawn = |inverted: bool| {
        Grey::from_fn(width as u32, height as u32, |x, y| {
            let (x, y) = (x as usize / SCALE, y as usize / SCALE);
            let inside = (QUIET..QUIET + grid.width).contains(&x) && (QUIET..QUIET + grid.height).contains(&y);
            let dark = inside && grid.dark[(y - QUIET) * grid.width + x - QUIET] != inverted;
            Luma([if dark { 0 } else { 255 }])
        })
    };
    let found = read(&drawn(false), Sought::All);
    if found.is_empty() { read(&drawn(true), Sought::All) } else { found }
}

/// What is looked for.
#[derive(Clone, Copy)]
enum Sought {
    /// QR and Aztec, dark on light and light on dark; Data Matrix, which takes most of the time, dark on light only.
    All,
    /// QR, dark on light and light on dark, by both of `rxing`'s readers: of faint codes each finds some that the other misses.
    FaintQr,
}

impl Sought {
    fn either_way<B: Binarizer>(self, image: &mut BinaryBitmap<B>) -> Found<RXingResult> {
        let found = QrReader.decode_with_hints(image, &hints(BarcodeFormat::QR_CODE));
        match self {
            Self::All => found.or_else(|_| AztecReader.decode_with_hints(image, &hints(BarcodeFormat::AZTEC))),
            Self::FaintQr => found.or_else(|_| QRCodeReader.decode_with_hints(image, &hints(BarcodeFormat::QR_CODE))),
        }
    }
}

fn hints(format: BarcodeFormat) -> DecodeHints {
    DecodeHints { PossibleFormats: Some([format].into()), TryHarder: Some(true), ..DecodeHints::default() }
}

impl Reader for Sought {
    fn decode<B: Binarizer>(&mut self, image: &mut BinaryBitmap<B>) -> Found<RXingResult> {
        let found = self.either_way(image).or_else(|_| {
            image.invert();
            let found = self.either_way(image);
            image.invert();
            found
        });
        match self {
            Self::All => found.or_else(|_| DataMatrixReader.decode_with_hints(image, &hints(BarcodeFormat::DATA_MATRIX))),
            Self::FaintQr => found,
        }
    }

    fn decode_with_hints<B: Binarizer>(&mut self, image: &mut BinaryBitmap<B>, _: &DecodeHints) -> Found<RXingResult> {
        self.decode(image)
    }
}

fn read(grey: &Grey, sought: Sought) -> Vec<Code> {
    let Ok(source) = Luma8LuminanceSource::new(grey.as_raw().clone(), grey.width(), grey.height()) else { return Vec::new() };
    let mut image = BinaryBitmap::new(HybridBinarizer::new(source));
    let found = GenericMultipleBarcodeReader::new(sought).decode_multiple(&mut image);
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
