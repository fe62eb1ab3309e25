//! Decoding with the `image` crate, of large JPEGs with [`super::jpeg`]: limits first, turned as EXIF says, transparency laid on white, panics
//! caught.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits as DecoderLimits, Rgb, RgbImage, RgbaImage,
    metadata::Orientation,
};

use super::jpeg;
use crate::{config::Limits, mail::PictureType};

/// Why a picture can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes are no picture of a type that is read here.
    #[error("not a picture of a known type (PNG, JPEG, GIF, WebP, BMP, TIFF, ICO, SVG, PDF)")]
    UnknownType,
    /// A type that is known, and has no decoder here.
    #[error("{0} is not decoded")]
    NoDecoder(&'static str),
    /// The picture is broken.
    #[error("can't be decoded: {0}")]
    Broken(String),
    /// `limits.picture_pixels` is passed.
    #[error("{width} x {height} pixels are more than limits.picture_pixels allows ({limit})")]
    TooManyPixels {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The setting.
        limit: u64,
    },
    /// `limits.decoder_memory` is passed.
    #[error("decoding takes more than limits.decoder_memory allows ({0} bytes)")]
    TooMuchMemory(u64),
}

/// Pixels of a picture, RGB, 8 bits a channel, rows from the top.
pub type Picture = RgbImage;

type Decoder<'a> = Box<dyn ImageDecoder + 'a>;

/// What `image` calls a type that it decodes.
fn format(kind: PictureType) -> Option<ImageFormat> {
    Some(match kind {
        PictureType::Png => ImageFormat::Png,
        PictureType::Jpeg => ImageFormat::Jpeg,
        PictureType::Gif => ImageFormat::Gif,
        PictureType::WebP => ImageFormat::WebP,
        PictureType::Bmp => ImageFormat::Bmp,
        PictureType::Tiff => ImageFormat::Tiff,
        PictureType::Ico => ImageFormat::Ico,
        PictureType::Svg | PictureType::Pdf | PictureType::Avif | PictureType::Heic => return None,
    })
}

/// The limits as the crate takes them.
pub fn decoder_limits(limits: &Limits) -> DecoderLimits {
    let mut decoder_limits = DecoderLimits::default();
    decoder_limits.max_alloc = Some(limits.decoder_memory);
    decoder_limits
}

fn decoder<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Decoder<'a>, ImageError> {
    let kind = PictureType::detect(bytes).ok_or(ImageError::UnknownType)?;
    let format = format(kind).ok_or(ImageError::NoDecoder(kind.media_type()))?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(decoder_limits(limits));
    Ok(Box::new(reader.into_decoder().map_err(|error| from_crate(error, limits))?))
}

/// Width and height of a picture as it is stored, from its header alone.
///
/// # Errors
/// If the bytes are no picture, or a broken one.
pub fn dimensions(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    caught(|| decoder(bytes, limits).map(|decoder| decoder.dimensions()))
}

/// Decodes the first frame of a picture; what is transparent becomes white.
///
/// # Errors
/// If the bytes are no picture, a broken one, or one past the limits.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, ImageError> {
    Ok(decoded(bytes, limits, |_| None)?.0)
}

/// The same, but a large JPEG has fewer pixels: as many as the net and the search for codes can do with. Also the size that the picture
/// has in full.
///
/// # Errors
/// As [`decode`].
pub fn decode_reduced(bytes: &[u8], limits: &Limits) -> Result<(Picture, (u32, u32)), ImageError> {
    decoded(bytes, limits, |size| jpeg::reduced(bytes, size))
}

/// By `reduced` if it can, otherwise as it is stored; and the size of the latter.
fn decoded(
    bytes: &[u8],
    limits: &Limits,
    reduced: impl FnOnce((u32, u32)) -> Option<RgbImage>,
) -> Result<(Picture, (u32, u32)), ImageError> {
    caught(|| {
        let mut decoder = decoder(bytes, limits)?;
        check_size(&decoder, limits)?;
        // A broken EXIF block is no reason not to show the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let (width, height) = decoder.dimensions();
        let mut decoded = match reduced((width, height)) {
            Some(pixels) => pixels.into(),
            None => DynamicImage::from_decoder(decoder).map_err(|error| from_crate(error, limits))?,
        };
        decoded.apply_orientation(orientation);
        let size = match orientation {
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
                (height, width)
            }
            _ => (width, height),
        };
        Ok((on_white(decoded), size))
    })
}

/// Refuses a picture past the limits before it is decoded.
///
/// # Errors
/// If it is.
pub fn check_size(decoder: &impl ImageDecoder, limits: &Limits) -> Result<(), ImageError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.picture_pixels {
        return Err(ImageError::TooManyPixels { width, height, limit: limits.picture_pixels });
    }
    // The decoders count some of their buffers, not all: what they return and what becomes of it are counted here.
    let rgba = u64::from(width) * u64::from(height) * 4;
    if decoder.total_bytes().saturating_add(rgba) > limits.decoder_memory {
        return Err(ImageError::TooMuchMemory(limits.decoder_memory));
    }
    Ok(())
}

/// A decoder's panic costs this picture only.
pub fn caught<T>(work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(ImageError::Broken("the decoder failed inside".to_owned())))
}

pub fn broken(error: &dyn std::error::Error) -> ImageError {
    // Decoders quote the picture's own bytes at times.
    let text: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    ImageError::Broken(text)
}

pub fn from_crate(error: image::ImageError, limits: &Limits) -> ImageError {
    match error {
        image::ImageError::Limits(_) => ImageError::TooMuchMemory(limits.decoder_memory),
        error => broken(&error),
    }
}

fn on_white(decoded: DynamicImage) -> RgbImage {
    match decoded {
        DynamicImage::ImageLuma8(grey) => rgb_of_grey(&grey),
        decoded if decoded.color().has_alpha() => rgba_on_white(&decoded.into_rgba8()),
        decoded => decoded.into_rgb8(),
    }
}

/// As `into_rgb8`, which goes through floating point and takes longer than decoding.
fn rgb_of_grey(grey: &GrayImage) -> RgbImage {
    let mut rgb = RgbImage::new(grey.width(), grey.height());
    for (to, from) in rgb.pixels_mut().zip(grey.pixels()) {
        *to = Rgb([from.0[0]; 3]);
    }
    rgb
}

/// Lays what is transparent on white.
pub fn rgba_on_white(rgba: &RgbaImage) -> RgbImage {
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0;
        // Rounded division by 255, as Pillow's alpha_composite over an opaque background.
        let mix = |value: u8| {
            let sum = u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127;
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        *to = Rgb([mix(red), mix(green), mix(blue)]);
    }
    rgb
}

#[cfg(test)]
mod tests {
    use image::{ImageEncoder, Luma, Rgba, RgbaImage, codecs::png::PngEncoder};

    use super::*;

    fn png(image: &RgbaImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (width, height) = image.dimensions();
        PngEncoder::new(&mut bytes).write_image(image, width, height, image::ExtendedColorType::Rgba8).expect("encode");
        bytes
    }

    fn limits() -> Limits {
        crate::config::load(&crate::config::Sources::default()).expect("defaults").0.limits
    }

    #[test]
    fn transparency_is_laid_on_white() {
        let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([10, 20, 30, [0, 128, 255][x as usize]]));
        let picture = decode(&png(&image), &limits()).expect("decodes");
        assert_eq!(picture.as_raw(), &[255, 255, 255, 132, 137, 142, 10, 20, 30]);
    }

    #[test]
    fn a_grey_picture_is_what_the_image_crate_makes_of_it() {
        let grey = GrayImage::from_fn(16, 16, |x, y| Luma([(16 * y + x) as u8]));
        assert_eq!(on_white(grey.clone().into()), DynamicImage::from(grey).into_rgb8());
    }

    #[test]
    fn a_picture_over_a_limit_is_refused_before_it_is_decoded() {
        let bytes = png(&RgbaImage::new(100, 100));
        let few_pixels = Limits { picture_pixels: 9_999, ..limits() };
        assert!(matches!(decode(&bytes, &few_pixels), Err(ImageError::TooManyPixels { width: 100, height: 100, .. })));
        assert!(decode(&bytes, &Limits { picture_pixels: 10_000, ..limits() }).is_ok());
        let little_memory = Limits { decoder_memory: 79_999, ..limits() };
        assert!(matches!(decode(&bytes, &little_memory), Err(ImageError::TooMuchMemory(_))));
    }

    #[test]
    fn truncated_flipped_and_foreign_bytes_are_errors_and_never_panics() {
        let good = png(&RgbaImage::from_fn(64, 64, |x, y| Rgba([x as u8, y as u8, 0, 255])));
        for length in 0..good.len() {
            assert!(decode(&good[..length], &limits()).is_err() || length > good.len() - 20, "{length}");
        }
        for position in 0..good.len() {
            let mut flipped = good.clone();
            flipped[position] ^= 0x41;
            let _ = decode(&flipped, &limits());
        }
        assert_eq!(decode(b"", &limits()), Err(ImageError::UnknownType));
        assert_eq!(decode(b"\0\0\0\x1cftypavif", &limits()), Err(ImageError::NoDecoder("image/avif")));
    }
}
