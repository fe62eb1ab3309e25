//! What is fuzzed: a function for each way in which a sender's bytes are taken apart. The fuzz targets call them, and
//! `tests/seeds.rs` calls them for every seed.

use std::{sync::LazyLock, time::Duration};

use imagespam_milter::{
    config::{self, Limits},
    image,
    mail::{self, PictureType},
};

/// Small ones, so that a hit is a fault and no mere size.
static LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits {
    parts: 100,
    nesting: 5,
    pictures: 10,
    // Enough for a JPEG to be reduced while it is decoded.
    picture_pixels: 4_000_000,
    decoder_memory: 32 << 20,
    frames: 20,
    pages: 2,
    archive_files: 20,
    archive_bytes: 1 << 20,
    picture_time: Duration::from_secs(1),
    ..config::load(&config::Sources::default()).expect("defaults").0.limits
});

/// Takes a sender's bytes apart.
pub type Target = fn(&[u8]);

/// A function for each target.
pub const TARGETS: [(&str, Target); 9] = [
    ("message", message),
    ("html", html),
    ("text", text),
    ("zip", zip),
    ("tnef", tnef),
    ("raster", raster),
    ("svg", svg),
    ("pdf", pdf),
    ("codes", codes),
];

/// A whole message, and the pictures in it.
pub fn message(data: &[u8]) {
    if let Ok(found) = mail::find_pictures(data, &LIMITS, &mut |_| true) {
        assert!(found.pictures.len() <= LIMITS.pictures);
        assert!(found.mosaics.iter().flat_map(|mosaic| mosaic.rows.iter().flatten()).all(|index| *index < found.pictures.len()));
    }
}

/// A page.
pub fn html(data: &[u8]) {
    message(&[b"Content-Type: text/html\r\n\r\n", data].concat());
}

/// Words, uuencoded files, drawings.
pub fn text(data: &[u8]) {
    message(&[b"Content-Type: text/plain\r\n\r\n", data].concat());
}

/// An archive.
pub fn zip(data: &[u8]) {
    mail::find_in_file(&[b"PK\x03\x04", data].concat(), &LIMITS, &mut |_| true);
}

/// `winmail.dat`.
pub fn tnef(data: &[u8]) {
    mail::find_in_file(&[b"\x78\x9f\x3e\x22", data].concat(), &LIMITS, &mut |_| true);
}

/// A picture of pixels, still or animated.
pub fn raster(data: &[u8]) {
    if let Some(kind) = PictureType::detect(data).filter(|kind| !matches!(kind, PictureType::Svg | PictureType::Pdf)) {
        frames(data, kind);
    }
}

/// A drawing.
pub fn svg(data: &[u8]) {
    frames(data, PictureType::Svg);
}

/// A document.
pub fn pdf(data: &[u8]) {
    frames(data, PictureType::Pdf);
}

/// The pixels of a picture of 1 to 256 columns, grey.
pub fn codes(data: &[u8]) {
    let Some((width, pixels)) = data.split_first() else { return };
    let width = u32::from(*width) + 1;
    let rows = pixels.len() as u32 / width;
    image::codes(&image::Grey::from_fn(width, rows.clamp(1, 400), |x, y| {
        ::image::Luma([pixels.get((y * width + x) as usize).copied().unwrap_or(255)])
    }));
}

fn frames(data: &[u8], kind: PictureType) {
    let mut pixels = 0;
    let _ = image::frames(data, kind, &LIMITS, &mut |frame| {
        if let Ok(picture) = frame.picture {
            pixels += u64::from(picture.width()) * u64::from(picture.height());
            // Drawings and pages come in a size of our choosing.
            assert!(pixels <= 20 * LIMITS.picture_pixels.max(1400 * 1400));
        }
    });
}
