//! Which pictures are taken for near-duplicates of one that a rule was against: cargo bench --bench near -- FOLDER...
//! Each FOLDER holds pictures under "spam" and "ham". Counts, of all pairs of a spam and a ham picture and of two ham pictures of different
//! folders, those that would be mixed up, the former by name, and of changed copies of 300 spam pictures (noise, dots, another compression, scale, border) those that are known again.

use std::path::{Path, PathBuf};

use image::{DynamicImage, RgbImage, codecs::jpeg::JpegEncoder, imageops::FilterType};
use imagespam_milter::{
    config::{Limits, Sources, load},
    image::{Picture, decode, fingerprint, grey, resize},
    inspect::Fingerprint,
    verdict::near,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

fn main() {
    let folders: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // `cargo test --all-targets` runs benchmarks without arguments.
    if folders.is_empty() {
        return println!("usage: see the head of benches/near.rs");
    }
    let limits = load(&Sources::default()).expect("defaults").0.limits;
    let (mut spam, mut ham) = (Vec::new(), Vec::new());
    for folder in &folders {
        collect(Path::new(folder), false, &mut spam, &mut ham);
    }
    spam.sort();
    let (lures, letters) = (prints(&spam, &limits), prints(&ham, &limits));
    let mixed: Vec<(&PathBuf, &PathBuf)> = lures
        .par_iter()
        .flat_map_iter(|lure| letters.iter().filter(|letter| near(&lure.1, &letter.1)).map(|letter| (&lure.0, &letter.0)))
        .collect();
    let pairs = lures.len() as f64 * letters.len() as f64;
    println!("{} spam, {} ham: {} of {pairs:.0} pairs are taken for near-duplicates", lures.len(), letters.len(), mixed.len());
    for (lure, letter) in mixed {
        println!("  {} {}", lure.display(), letter.display());
    }
    let alike: usize = (0..letters.len())
        .into_par_iter()
        .map(|at| letters[at + 1..].iter().filter(|other| near(&letters[at].1, &other.1)).count())
        .sum();
    println!(
        "of {:.0} pairs of ham pictures, copies and variants among them: {alike}",
        letters.len() as f64 * (letters.len() - 1) as f64 / 2.0
    );
    let mut known = [0; 5];
    let mut tried = 0;
    for path in spam.iter().step_by(spam.len().div_ceil(300)) {
        let Some(picture) = open(path, &limits) else { continue };
        tried += 1;
        let first = print(&picture);
        for (count, variant) in known.iter_mut().zip(variants(&picture)) {
            *count += usize::from(near(&first, &print(&variant)));
        }
    }
    println!(
        "of {tried} copies each, known again: noise {}, dots {}, JPEG quality 60 {}, scaled to 85 % {}, a border {}",
        known[0], known[1], known[2], known[3], known[4]
    );
}

fn collect(path: &Path, is_spam: bool, spam: &mut Vec<PathBuf>, ham: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            collect(&path, is_spam || path.ends_with("spam"), spam, ham);
        } else if is_spam {
            spam.push(path);
        } else {
            ham.push(path);
        }
    }
}

fn open(path: &Path, limits: &Limits) -> Option<Picture> {
    decode(&std::fs::read(path).ok()?, limits).ok()
}

fn print(picture: &Picture) -> Fingerprint {
    fingerprint(&grey(picture), &resize(picture, 384, 384).expect("pixels"))
}

fn prints(paths: &[PathBuf], limits: &Limits) -> Vec<(PathBuf, Fingerprint)> {
    paths.par_iter().filter_map(|path| open(path, limits).map(|picture| (path.clone(), print(&picture)))).collect()
}

fn variants(picture: &Picture) -> [Picture; 5] {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let (width, height) = picture.dimensions();
    let mut noise = picture.clone();
    noise.iter_mut().for_each(|value| *value = value.saturating_add_signed(random.random_range(-8..=8)));
    let mut dots = picture.clone();
    for _ in 0..width * height / 2000 {
        dots.put_pixel(random.random_range(0..width), random.random_range(0..height), image::Rgb(random.random()));
    }
    let mut packed = Vec::new();
    JpegEncoder::new_with_quality(&mut packed, 60).encode_image(picture).expect("JPEG");
    let packed = image::load_from_memory(&packed).expect("JPEG").into_rgb8();
    let scale = |side: u32| (side * 85 / 100).max(1);
    let scaled =
        DynamicImage::ImageRgb8(picture.clone()).resize_exact(scale(width), scale(height), FilterType::Triangle).into_rgb8();
    let mut border = RgbImage::from_pixel(width + 8, height + 8, image::Rgb([250, 250, 250]));
    image::imageops::overlay(&mut border, picture, 4, 4);
    [noise, dots, packed, scaled, border]
}
