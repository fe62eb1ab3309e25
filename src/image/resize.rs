//! Resizing with `fast_image_resize`.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use super::{Grey, Picture};

/// Resizes to `width` x `height` pixels, the sides' ratio not kept: a bilinear (triangle) filter whose support grows
/// with the reduction, in 8-bit arithmetic, as Pillow's `resize(…, Image.BILINEAR)` does it. `None` if a side is 0.
pub fn resize(picture: &Picture, width: u32, height: u32) -> Option<Picture> {
    let pixels = resized(picture.as_raw(), picture.dimensions(), (width, height), PixelType::U8x3)?;
    Picture::from_raw(width, height, pixels)
}

/// The same of brightness alone.
pub fn resize_grey(grey: &Grey, width: u32, height: u32) -> Option<Grey> {
    let pixels = resized(grey.as_raw(), grey.dimensions(), (width, height), PixelType::U8)?;
    Grey::from_raw(width, height, pixels)
}

fn resized(pixels: &[u8], from: (u32, u32), to: (u32, u32), pixel_type: PixelType) -> Option<Vec<u8>> {
    let source = ImageRef::new(from.0, from.1, pixels, pixel_type).ok()?;
    let mut target = Image::new(to.0, to.1, pixel_type);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    Some(target.into_vec())
}
