//! Bytes of a picture to pixels, under limits that the decoder is given before it decodes: still pictures (`decode`), what came of
//! broken ones (`torn`), frames of animations (`animation`), vector graphics (`svg`), pages of documents (`pdf`, `tiff`); tiles put
//! together (`mosaic`). Pixels to the size that a net takes, to a perceptual hash, and to the codes that stand in them. Knows nothing
//! of messages or models.

mod animation;
mod codes;
mod decode;
mod frames;
mod grey;
mod hash;
mod jpeg;
mod mosaic;
mod pdf;
mod resize;
mod svg;
mod tiff;
mod torn;

pub use codes::{Code, Codes, codes, codes_in_grid};
pub use decode::{ImageError, Picture, decode, decode_reduced, dimensions};
pub use frames::{Frame, frames};
pub use grey::{Grey, grey};
pub use hash::{Fingerprint, fingerprint, perceptual_hash};
pub use mosaic::compose;
pub use resize::resize;
