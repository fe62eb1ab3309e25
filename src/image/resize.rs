//! Resizing with `fast_image_resize`.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use super::Picture;

/// Resizes to `width` x `height` pixels, the sides' ratio not kept: a bilinear (triangle) filter whose support grows
/// with the reduction, in 8-bit arithmetic, as Pillow's `resize(…, Image.BILINEAR)` does it. `None` if a side is 0.
pub fn resize(picture: &Picture, width: u32, height: u32) -> Option<Picture> {
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3).ok()?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    Picture::from_raw(width, height, target.into_vec())
}
