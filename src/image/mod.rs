//! Bytes of a picture to pixels, under limits that the decoder is given before it decodes; pixels to the size that a net
//! takes, and to a perceptual hash. Knows nothing of mail or models.

mod decode;
mod hash;
mod resize;

pub use decode::{ImageError, Picture, decode, dimensions};
pub use hash::perceptual_hash;
pub use resize::resize;
