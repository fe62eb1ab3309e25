//! Codes that stand in a picture: QR, Aztec and Data Matrix, read by `rxing`. What they say is the sender's text.

mod binarizer;
mod bits;
mod connected;
mod finders;
mod regions;

use std::cell::Cell;

use image::Luma;
use pulp::Arch;
use rxing::{
    BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Exceptions, Luma8LuminanceSource, Point, RXingResult, Reader,
    aztec::AztecReader,
    common::{DetectorRXingResult, Result as Found},
    datamatrix::{DataMatrixReader, decoder::Decoder, detector::zxing_cpp_detector::detect},
    multi::{GenericMultipleBarcodeReader, MultipleBarcodeReader},
    qrcode::{QRCodeReader, cpp_port::QrReader},
};
use serde::{Deserialize, Serialize};

use self::{
    binarizer::{Binarized, Threshold},
    bits::{Bits, Runs},
    connected::Region,
    finders::{Finder, Qr, ROWS_QR, bulls_eyes, may_have_qr},
    regions::regions,
};
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

/// What was read.
#[derive(Debug, Default)]
pub struct Codes {
    /// At most [`MOST`].
    pub read: Vec<Code>,
    /// There may be more, but so much looks like the corner of a QR code that reading would take many seconds.
    pub cut: bool,
}

/// Characters of a code that are kept. A QR code holds at most 4,296 (ISO/IEC 18004, version 40-L).
const LONGEST: usize = 4296;
/// Pictures are read at no more than this on the longer side: a code that fills a tenth of it still has 4 pixels for
/// each of 25 modules.
pub(super) const LONGER_SIDE: u32 = 1200;
/// The same for the second try, for faint codes.
const LONGER_SIDE_FAINT: u32 = 600;
/// Pixels around, by which a faint code's dark and light are told: the side of what becomes one pixel of a small copy, some modules
/// wide.
const AROUND: u32 = 20;
/// By how much (of 255) a pixel is darker than what is around it to be dark, more than the noise of JPEG's usual quality.
const DARKER: u8 = 2;
/// Light pixels around what is read as Data Matrix: the reader begins 8 pixels from the edge, and a code may be the whole picture.
const AROUND_DATA_MATRIX: u32 = 12;
/// Pixels of the longer side of a picture of a Data Matrix code with a pixel for each module: 144 at most (ISO/IEC 16022), and a margin.
const LARGEST_PURE: usize = 160;
/// Codes of one picture.
const MOST: usize = 10;

/// Reads the codes in a picture by its brightness.
pub fn codes(grey: &Grey) -> Codes {
    // The smallest code there is, Data Matrix 10 x 10, with one pixel for a module.
    if grey.width().min(grey.height()) < 10 {
        return Codes::default();
    }
    let reduced = reduced(grey, LONGER_SIDE);
    let grey = reduced.as_ref().unwrap_or(grey);
    let found = read(grey, Threshold::Surroundings, Sought::All);
    if found.cut || !found.read.is_empty() {
        return found;
    }
    let reduced = self::reduced(grey, LONGER_SIDE_FAINT);
    told_by_surroundings(reduced.as_ref().unwrap_or(grey))
        .map_or_else(Codes::default, |told| read(&told, Threshold::Half, Sought::FaintQr))
}

/// In a size of at most `longest` on the longer side, if it is larger.
fn reduced(grey: &Grey, longest: u32) -> Option<Grey> {
    let longer = grey.width().max(grey.height());
    let side = |length: u32| (u64::from(length) * u64::from(longest) / u64::from(longer)).max(1) as u32;
    if longer <= longest {
        return None;
    }
    // One side after the other, the one that costs less first, takes less time.
    let (width, height) = (side(grey.width()), side(grey.height()));
    resize_grey(&resize_grey(grey, grey.width(), height)?, width, height)
}

/// Black where a pixel is darker than its surroundings, white elsewhere, by a difference that [`Threshold::Surroundings`] takes for
/// none.
fn told_by_surroundings(grey: &Grey) -> Option<Grey> {
    let (width, height) = grey.dimensions();
    let small = resize_grey(grey, (width / AROUND).max(1), (height / AROUND).max(1))?;
    // One side after the other takes a fraction of the time.
    let mut told = resize_grey(&resize_grey(&small, width, small.height())?, width, height)?;
    Arch::new().dispatch(|| {
        for (around, pixel) in told.iter_mut().zip(grey.as_raw()) {
            *around = if *pixel < around.saturating_sub(DARKER) { 0 } else { 255 };
        }
    });
    Some(told)
}

/// Reads the codes in what is drawn with characters or cells.
pub fn codes_in_grid(grid: &Grid) -> Codes {
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
    let read = |inverted| read(&drawn(inverted), Threshold::Half, Sought::All);
    let found = read(false);
    if found.cut || !found.read.is_empty() { found } else { read(true) }
}

/// What is looked for.
#[derive(Clone, Copy)]
enum Sought {
    /// QR and Aztec, dark on light and light on dark; Data Matrix, which takes more time, dark on light only.
    All,
    /// QR, dark on light and light on dark, by both of `rxing`'s readers: of faint codes each finds some that the other misses.
    FaintQr,
}

impl Sought {
    /// Dark on light; `qr`: whether a QR code may be there; where Aztec codes may be.
    fn one_way<B: Binarizer>(self, image: &mut BinaryBitmap<B>, qr: bool, bulls_eyes: &[Finder]) -> Found<RXingResult> {
        let hints = hints(BarcodeFormat::QR_CODE);
        let found = if qr { QrReader.decode_with_hints(image, &hints) } else { Err(Exceptions::NOT_FOUND) };
        match self {
            Self::All => found.or_else(|error| bulls_eyes.iter().find_map(|middle| aztec(image, middle).ok()).ok_or(error)),
            Self::FaintQr if qr => found.or_else(|_| QRCodeReader.decode_with_hints(image, &hints)),
            Self::FaintQr => found,
        }
    }
}

/// An Aztec code with its middle there: the reader looks for it in the middle of a picture only.
fn aztec<B: Binarizer>(image: &mut BinaryBitmap<B>, middle: &Finder) -> Found<RXingResult> {
    // Of 151 modules at most, and turned by any angle.
    let far = middle.side * 151 / 7;
    let around = |at: u32, length: usize| {
        let half = far.min(at).min(length as u32 - 1 - at);
        ((at - half) as usize, (2 * half + 1) as usize)
    };
    let ((left, width), (top, height)) = (around(middle.x, image.get_width()), around(middle.y, image.get_height()));
    let found = AztecReader.decode_with_hints(&mut image.crop(left, top, width, height), &hints(BarcodeFormat::AZTEC))?;
    Ok(placed(found.getText(), found.getRawBytes(), found.getPoints(), (left as f32, top as f32), BarcodeFormat::AZTEC))
}

/// What was read in a part of a picture, as read in the picture.
fn placed(text: &str, bytes: &[u8], corners: &[Point], part: (f32, f32), format: BarcodeFormat) -> RXingResult {
    let corners = corners.iter().map(|corner| Point::new(corner.x + part.0, corner.y + part.1)).collect();
    RXingResult::new(text, bytes.to_vec(), corners, format)
}

/// A Data Matrix code in those parts of a picture where one may be.
fn data_matrix(bits: &Bits, runs: &Runs) -> Found<RXingResult> {
    for Region { x, y } in regions(bits, runs) {
        for symbol in detect(&bits.part(&x, &y, AROUND_DATA_MATRIX)?, true, true).unwrap_or_default() {
            if let Ok(read) = Decoder::new().decode(symbol.getBits()) {
                let part = (x.start as f32 - AROUND_DATA_MATRIX as f32, y.start as f32 - AROUND_DATA_MATRIX as f32);
                return Ok(placed(read.getText(), read.getRawBytes(), symbol.getPoints(), part, BarcodeFormat::DATA_MATRIX));
            }
        }
    }
    Err(Exceptions::NOT_FOUND)
}

/// A picture that is a code and nothing else, of which the reader above wants more than a pixel a module.
fn pure_data_matrix<B: Binarizer>(image: &mut BinaryBitmap<B>) -> Found<RXingResult> {
    if image.get_width().max(image.get_height()) > LARGEST_PURE {
        return Err(Exceptions::NOT_FOUND);
    }
    let hints = DecodeHints { PureBarcode: Some(true), ..hints(BarcodeFormat::DATA_MATRIX) };
    DataMatrixReader.decode_with_hints(image, &hints)
}

fn hints(format: BarcodeFormat) -> DecodeHints {
    DecodeHints { PossibleFormats: Some([format].into()), TryHarder: Some(true), ..DecodeHints::default() }
}

/// A reader of what is sought, as `rxing` has it.
struct Search<'a> {
    sought: Sought,
    cut: &'a Cell<bool>,
}

impl Reader for Search<'_> {
    fn decode<B: Binarizer>(&mut self, image: &mut BinaryBitmap<B>) -> Found<RXingResult> {
        let bits = Bits::of(image.get_black_matrix());
        let runs = Runs::of(&bits, if matches!(self.sought, Sought::All) { 1 } else { ROWS_QR });
        let qr = may_have_qr(&bits, &runs);
        self.cut.set(self.cut.get() || qr.contains(&Qr::TooMany));
        let [dark, light] = qr.map(|qr| qr == Qr::Maybe);
        let [dark_eyes, light_eyes] = match self.sought {
            Sought::All => bulls_eyes(&bits, &runs),
            Sought::FaintQr => Default::default(),
        };
        let found = self.sought.one_way(image, dark, &dark_eyes).or_else(|_| {
            image.invert();
            let found = self.sought.one_way(image, light, &light_eyes);
            image.invert();
            found
        });
        match self.sought {
            Sought::All => found.or_else(|_| data_matrix(&bits, &runs)).or_else(|_| pure_data_matrix(image)),
            Sought::FaintQr => found,
        }
    }

    fn decode_with_hints<B: Binarizer>(&mut self, image: &mut BinaryBitmap<B>, _: &DecodeHints) -> Found<RXingResult> {
        self.decode(image)
    }
}

fn read(grey: &Grey, threshold: Threshold, sought: Sought) -> Codes {
    let Ok(source) = Luma8LuminanceSource::new(grey.as_raw().clone(), grey.width(), grey.height()) else {
        return Codes::default();
    };
    let mut image = BinaryBitmap::new(Binarized::new(source, threshold));
    let cut = Cell::new(false);
    let found = GenericMultipleBarcodeReader::new(Search { sought, cut: &cut }).decode_multiple(&mut image);
    let mut read: Vec<Code> = Vec::new();
    // An error means that there is none.
    for code in found.unwrap_or_default().iter().map(code) {
        if !read.contains(&code) && read.len() < MOST {
            read.push(code);
        }
    }
    Codes { read, cut: cut.get() }
}

fn code(found: &RXingResult) -> Code {
    let symbology = match found.getBarcodeFormat() {
        BarcodeFormat::AZTEC => "aztec",
        BarcodeFormat::DATA_MATRIX => "datamatrix",
        _ => "qr",
    };
    Code { symbology: symbology.to_owned(), text: found.getText().chars().take(LONGEST).collect() }
}
