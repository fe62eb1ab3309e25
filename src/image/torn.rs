//! What programs show of a PNG that breaks off, or is damaged on the way: all up to there. A sender could otherwise cut the last bytes off, and
//! have a picture that everybody sees and nobody judges. JPEGs are decoded so in any case.

use std::io::Cursor;

use image::{DynamicImage, GrayAlphaImage, RgbaImage, codecs::png::PngDecoder};
use png::{Decoder, InterlaceInfo, Transformations, splat_interlaced_row};

use super::{
    Picture,
    decode::{check_size, decoder_limits, rgba_on_white},
};
use crate::config::Limits;

/// Of so many rows one must be whole, of an interlaced picture among those of its passes (the first two have as many): less is hardly seen.
const ONE_OF: u32 = 4;

/// The picture's first frame in full size, white where nothing came. `None` if too little did, it is no PNG, or one past the limits.
pub fn png(bytes: &[u8], limits: &Limits) -> Option<Picture> {
    check_size(&PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(limits)).ok()?, limits).ok()?;
    let memory = usize::try_from(limits.decoder_memory).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: memory });
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = reader.info().size();
    let channels = reader.output_color_type().0.samples();
    let stride = width as usize * channels;
    let mut pixels = vec![0; stride * height as usize];
    let mut rows = 0;
    while let Ok(Some(row)) = reader.next_interlaced_row() {
        match row.interlace() {
            InterlaceInfo::Null(_) => pixels.chunks_exact_mut(stride).nth(rows as usize)?.copy_from_slice(row.data()),
            InterlaceInfo::Adam7(place) => splat_interlaced_row(&mut pixels, stride, row.data(), place, 8 * channels as u8),
        }
        rows += 1;
    }
    if rows * ONE_OF < height {
        return None;
    }
    let rgba = match channels {
        2 => DynamicImage::from(GrayAlphaImage::from_raw(width, height, pixels)?).into_rgba8(),
        _ => RgbaImage::from_raw(width, height, pixels)?,
    };
    Some(rgba_on_white(&rgba))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    fn limits() -> Limits {
        crate::config::load(&crate::config::Sources::default()).expect("defaults").0.limits
    }

    fn encoded(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).expect("encode");
        bytes.into_inner()
    }

    #[test]
    fn what_came_is_shown_and_the_rest_is_white() {
        let noise = |x: u32, y: u32| (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 25;
        for picture in [
            DynamicImage::from(RgbImage::from_fn(100, 100, |x, y| Rgb([noise(x, y) as u8, noise(y, x) as u8, 0]))),
            GrayImage::from_fn(100, 100, |x, y| Luma([noise(x, y) as u8])).into(),
        ] {
            let (bytes, whole) = (encoded(&picture), picture.to_rgb8());
            assert_eq!(png(&bytes[..bytes.len() - 12], &limits()).as_ref(), Some(&whole), "no end");
            let half = png(&bytes[..bytes.len() / 2], &limits()).expect("half");
            let row = |picture: &Picture, y: usize| picture.as_raw()[y * 300..][..300].to_vec();
            assert!((0..40).all(|y| row(&half, y) == row(&whole, y)) && (60..100).all(|y| row(&half, y) == [255; 300]));
            assert_eq!(png(&bytes[..bytes.len() / 5], &limits()), None);
        }
        assert_eq!(png(b"\x89PNG\r\n\x1a\n", &limits()), None);
        let bytes = encoded(&GrayImage::new(100, 100).into());
        assert!(png(&bytes, &limits()).is_some() && png(&bytes, &Limits { picture_pixels: 9_999, ..limits() }).is_none());
    }
}
