//! What near-duplicates of a picture are told by: a perceptual hash, in few bits of which they differ, and a small copy.

use image::DynamicImage;
use image_hasher::{HashAlg, HasherConfig};
use serde::{Deserialize, Serialize};

use super::{Grey, Picture, resize};

/// Side of the small copy in pixels.
const SKETCH: u32 = 16;

/// A perceptual hash and a small copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// [`perceptual_hash`].
    pub hash: u64,
    /// 16 x 16 pixels, RGB, 8 bits a channel, rows from the top, whatever the sides' ratio was.
    #[serde(with = "serde_bytes")]
    pub sketch: Vec<u8>,
}

/// Of a picture, by its brightness; its small copy is made from `view`, the same in a size that costs less to read.
pub fn fingerprint(grey: &Grey, view: &Picture) -> Fingerprint {
    let sketch = resize(view, SKETCH, SKETCH).map(Picture::into_raw).unwrap_or_default();
    Fingerprint { hash: perceptual_hash(grey), sketch }
}

/// The double-gradient hash of `image_hasher`: whether brightness rises to the right and downwards between the cells of
/// a small copy. Two hashes are compared by the number of bits in which they differ.
pub fn perceptual_hash(grey: &Grey) -> u64 {
    let hasher = HasherConfig::new().hash_alg(HashAlg::DoubleGradient).hash_size(8, 8).to_hasher();
    // In this type it is taken for brightness as it is, in any other converted pixel by pixel, which takes longer than all the rest.
    let hash = hasher.hash_image(&DynamicImage::from(grey.clone()));
    hash.as_bytes().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}
