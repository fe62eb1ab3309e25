//! Large JPEGs, decoded at 1/2, 1/4 or 1/8 of each side by `libjpeg-turbo` (`turbojpeg`): what resizing would throw away is never made.

use image::RgbImage;
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use super::codes::LONGER_SIDE;

/// Pixels of the longer and of the shorter side that are left at least. Codes are read at the former; the latter is twice the side of the
/// shipped model's view. So the cosine of the features with those of the whole picture is 0.9997 at least (0.9999 at 1/2), of 21 wallpapers
/// of Debian packages, 12 photographs of 12 megapixels and 8 pages; with fewer pixels left it was down to 0.968.
const LEAST: (usize, usize) = (LONGER_SIDE as usize, 768);

/// A picture of `size` pixels, reduced as far as enough are left. `None` if it is too small for that or no JPEG, or if `libjpeg-turbo` finds
/// any fault with it or its colours (CMYK): then it is for the decoder of the others.
pub fn reduced(bytes: &[u8], size: (u32, u32)) -> Option<RgbImage> {
    let (longer, shorter) = (size.0.max(size.1) as usize, size.0.min(size.1) as usize);
    let scale = [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF]
        .into_iter()
        .find(|scale| scale.scale(longer) >= LEAST.0 && scale.scale(shorter) >= LEAST.1)?;
    let mut decoder = Decompressor::new().ok()?;
    // A file may have two headers, of which the limits know one.
    let header =
        decoder.read_header(bytes).ok().filter(|header| (header.width, header.height) == (size.0 as usize, size.1 as usize))?;
    let (width, height) = (scale.scale(header.width), scale.scale(header.height));
    decoder.set_scaling_factor(scale).ok()?;
    let mut image = Image { pixels: vec![0; width * height * 3], width, pitch: width * 3, height, format: PixelFormat::RGB };
    decoder.decompress(bytes, image.as_deref_mut()).ok()?;
    RgbImage::from_raw(width as u32, height as u32, image.pixels)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat, imageops};

    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("encode");
        bytes.into_inner()
    }

    #[test]
    fn a_large_jpeg_is_reduced_as_far_as_enough_is_left_and_shows_the_same() {
        for ((width, height), small) in [
            ((2400, 1600), Some((1200, 800))),
            ((1601, 2401), Some((801, 1201))),
            ((4803, 3101), Some((1201, 776))),
            ((2397, 2397), None),
            ((4000, 1500), None),
        ] {
            let pixels =
                RgbImage::from_fn(width, height, |x, y| image::Rgb([(x / 19) as u8, (y / 11) as u8, ((x + y) / 31) as u8]));
            for picture in [DynamicImage::from(pixels.clone()), DynamicImage::from(imageops::grayscale(&pixels))] {
                let reduced = reduced(&encoded(&picture, ImageFormat::Jpeg), (width, height));
                assert_eq!(reduced.as_ref().map(RgbImage::dimensions), small, "{width} x {height}");
                let Some(reduced) = reduced else { continue };
                let other = imageops::thumbnail(&picture.into_rgb8(), reduced.width(), reduced.height());
                let apart: u64 = reduced.as_raw().iter().zip(other.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                assert!(apart < 2 * reduced.as_raw().len() as u64, "{width} x {height}: {apart}");
            }
        }
    }

    #[test]
    fn what_is_no_whole_jpeg_of_that_size_is_left_to_the_other_decoder() {
        let picture = DynamicImage::from(RgbImage::from_pixel(2400, 1600, image::Rgb([200, 90, 10])));
        let jpeg = encoded(&picture, ImageFormat::Jpeg);
        assert!(reduced(&jpeg, (2400, 1600)).is_some());
        assert!(reduced(&jpeg, (2400, 1601)).is_none());
        assert!(reduced(&jpeg[..jpeg.len() / 2], (2400, 1600)).is_none());
        assert!(reduced(&encoded(&picture, ImageFormat::Png), (2400, 1600)).is_none());
    }
}
