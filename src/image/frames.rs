//! What a file shows: one picture, or the frames of an animation, or the pages of a document.

use super::{
    ImageError, Picture,
    animation::{self, Choice},
    decode::{caught, decode, decode_reduced},
    pdf, svg, tiff, torn,
};
use crate::{config::Limits, mail::PictureType};

/// One thing that a file shows.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which, of a file that shows more than one: `page=3`, `frame=7`, counted from 1.
    pub label: Option<String>,
    /// Width and height in full, if `picture` may be a reduced one.
    pub full: Option<(u32, u32)>,
    /// The pixels, or why there are none.
    pub picture: Result<Picture, ImageError>,
}

/// Hands each frame to `take`, one at a time. Returns the names of the limits that cut something off. Vector graphics and
/// pages come in a size of our choosing, large JPEGs reduced.
///
/// # Errors
/// If nothing can be shown at all.
pub fn frames(
    bytes: &[u8],
    kind: PictureType,
    limits: &Limits,
    take: &mut dyn FnMut(Frame),
) -> Result<Vec<&'static str>, ImageError> {
    let one = |picture| Frame { label: None, full: None, picture: Ok(picture) };
    match kind {
        PictureType::Pdf => pdf::pages(bytes, limits, take),
        PictureType::Tiff => tiff::pages(bytes, limits, take),
        PictureType::Svg => {
            take(one(caught(|| svg::render(bytes, limits))?));
            Ok(Vec::new())
        }
        PictureType::Gif | PictureType::Png | PictureType::WebP => {
            let torn = |error| match error {
                ImageError::Broken(_) if kind == PictureType::Png => caught(|| torn::png(bytes, limits).ok_or(error)),
                error => Err(error),
            };
            match caught(|| animation::choose(bytes, kind, limits)) {
                Ok(Choice::Moving(chosen)) => return animation::show(bytes, kind, limits, chosen, take),
                Ok(Choice::Still(picture)) => take(one(picture)),
                Ok(Choice::Plain) => take(one(decode(bytes, limits).or_else(torn)?)),
                Err(error) => take(one(torn(error)?)),
            }
            Ok(Vec::new())
        }
        PictureType::Avif | PictureType::Heic => Err(ImageError::NoDecoder(kind.media_type())),
        PictureType::Jpeg => {
            let (picture, full) = decode_reduced(bytes, limits)?;
            take(Frame { full: Some(full), ..one(picture) });
            Ok(Vec::new())
        }
        PictureType::Bmp | PictureType::Ico => {
            take(one(decode(bytes, limits)?));
            Ok(Vec::new())
        }
    }
}
