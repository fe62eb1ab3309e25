//! Brightness.

use image::GrayImage;

use super::Picture;

/// Brightness of a picture's pixels, 8 bits each, rows from the top.
pub type Grey = GrayImage;

/// Brightness of each pixel, by the weights of ITU-R BT.709 in the integer arithmetic of `image::imageops::grayscale`, which takes several
/// times as long.
pub fn grey(picture: &Picture) -> Grey {
    let luma = |[red, green, blue]: [u32; 3]| (2126 * red + 7152 * green + 722 * blue) / 10000;
    let pixels = picture.as_raw().chunks_exact(3).map(|rgb| luma([rgb[0], rgb[1], rgb[2]].map(u32::from)) as u8).collect();
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
