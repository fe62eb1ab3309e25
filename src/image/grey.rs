//! Brightness.

use image::GrayImage;
use pulp::Arch;

use super::Picture;

/// Brightness of a picture's pixels, 8 bits each, rows from the top.
pub type Grey = GrayImage;

/// Brightness of each pixel, by the weights of ITU-R BT.709 in the integer arithmetic of `image::imageops::grayscale`, which takes several
/// times as long.
pub fn grey(picture: &Picture) -> Grey {
    let luma = |[red, green, blue]: [u32; 3]| (2126 * red + 7152 * green + 722 * blue) / 10000;
    let mut pixels = vec![0; picture.as_raw().len() / 3];
    Arch::new().dispatch(|| {
        for (pixel, rgb) in pixels.iter_mut().zip(picture.as_raw().as_chunks().0) {
            *pixel = luma(rgb.map(u32::from)) as u8;
        }
    });
    // As many as the picture has: from_raw can't fail.
    GrayImage::from_raw(picture.width(), picture.height(), pixels).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_is_that_of_the_image_crate() {
        let picture = Picture::from_fn(64, 64, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, (x ^ y) as u8]));
        assert_eq!(grey(&picture), image::imageops::grayscale(&picture));
    }
}
