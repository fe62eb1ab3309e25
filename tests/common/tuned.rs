//! Bundles that say that their backbone was tuned on some pictures.

use std::{fs, path::Path};

use image::RgbImage;
use imagespam_milter::image::{grey, perceptual_hash};
use sha2::{Digest, Sha256};

/// What `tuned-on.txt` says of these pictures.
pub fn hash_list(pictures: &[RgbImage]) -> String {
    pictures.iter().map(|picture| format!("{:016x}\n", perceptual_hash(&grey(picture)))).collect()
}

/// The shipped bundle in a folder of its own, with another `tuned-on.txt`; its path.
pub fn tuned_on(folder: &Path, list: &str) -> String {
    let bundle = folder.join("tuned");
    fs::create_dir(&bundle).expect("folder");
    super::copy_bundle(&bundle);
    fs::write(bundle.join("tuned-on.txt"), list).expect("list");
    let digest = base16ct::lower::encode_string(&Sha256::digest(list));
    super::change_manifest(&bundle, |manifest| manifest["backbone"]["tuned"]["sha256"] = digest.into());
    bundle.display().to_string()
}
