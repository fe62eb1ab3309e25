//! A perceptual hash: near-duplicates of a picture differ in few of its bits.

use image_hasher::{HashAlg, HasherConfig};

use super::Picture;

/// The double-gradient hash of `image_hasher`: whether brightness rises to the right and downwards between the cells of
/// a small grey copy. Two hashes are compared by the number of bits in which they differ.
pub fn perceptual_hash(picture: &Picture) -> u64 {
    let hasher = HasherConfig::new().hash_alg(HashAlg::DoubleGradient).hash_size(8, 8).to_hasher();
    let hash = hasher.hash_image(picture);
    hash.as_bytes().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}
