//! Bytes of a picture to pixels, under limits that the decoder is given before it decodes, and pixels to the size that
//! a net takes. Knows nothing of mail or models.

mod decode;
mod resize;

pub use decode::{ImageError, Picture, decode, dimensions};
pub use resize::resize;
