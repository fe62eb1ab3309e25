//! What happens to a picture in mail: encoded anew, scaled, cropped at its borders, shifted in colour, made noisy, framed.

use std::io::Cursor;

use image::{
    ImageFormat, Rgb, RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{self, FilterType},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::image::Picture;

/// A changed copy; the same picture, `number` and seed give the same copy. Each change happens to every second copy or so.
pub fn variant(picture: &Picture, seed: u64, number: u32) -> Picture {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(number) << 48));
    let mut copy = picture.clone();
    if random.random_bool(0.5) {
        copy = crop(&copy, &mut random);
    }
    if random.random_bool(0.6) {
        let factor = random.random_range(0.4..1.3f32);
        let side = |pixels: u32| ((pixels as f32 * factor) as u32).max(16);
        copy = imageops::resize(&copy, side(copy.width()), side(copy.height()), FilterType::Triangle);
    }
    if random.random_bool(0.2) {
        copy = framed(&copy, &mut random);
    }
    if random.random_bool(0.4) {
        let gains: [f32; 3] = std::array::from_fn(|_| random.random_range(0.85..1.15));
        let lift = random.random_range(-20.0..20.0f32);
        change(&mut copy, |channel, value| value * gains[channel] + lift);
    }
    if random.random_bool(0.3) {
        let strength = random.random_range(2.0..20.0f32);
        change(&mut copy, |_, value| value + (random.random::<f32>() - 0.5) * 2.0 * strength);
    }
    if random.random_bool(0.6) { encoded(&copy, random.random_range(30..95)).unwrap_or(copy) } else { copy }
}

fn crop(picture: &RgbImage, random: &mut ChaCha8Rng) -> RgbImage {
    let mut cut = |side: u32| random.random_range(0..=side / 12);
    let (left, right) = (cut(picture.width()), cut(picture.width()));
    let (top, bottom) = (cut(picture.height()), cut(picture.height()));
    imageops::crop_imm(picture, left, top, picture.width() - left - right, picture.height() - top - bottom).to_image()
}

fn framed(picture: &RgbImage, random: &mut ChaCha8Rng) -> RgbImage {
    let width = random.random_range(1..=picture.width().min(picture.height()) / 10 + 1);
    let colour = if random.random_bool(0.5) { Rgb([255; 3]) } else { Rgb(random.random()) };
    let mut frame = RgbImage::from_pixel(picture.width() + 2 * width, picture.height() + 2 * width, colour);
    imageops::replace(&mut frame, picture, i64::from(width), i64::from(width));
    frame
}

fn change(picture: &mut RgbImage, mut new: impl FnMut(usize, f32) -> f32) {
    for pixel in picture.pixels_mut() {
        for (channel, value) in pixel.0.iter_mut().enumerate() {
            *value = new(channel, f32::from(*value)).clamp(0.0, 255.0) as u8;
        }
    }
}

fn encoded(picture: &RgbImage, quality: u8) -> Option<RgbImage> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).ok()?;
    image::ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg).decode().ok().map(image::DynamicImage::into_rgb8)
}
