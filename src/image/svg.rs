//! Vector graphics, rendered by `resvg`: without scripts, external files or network.

use std::{
    io::Read,
    sync::{Arc, LazyLock},
};

use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{ImageHrefResolver, Options, Tree, fontdb::Database},
};

use super::{ImageError, Picture, decode::broken};
use crate::config::Limits;

/// The longer side of a rendered picture in pixels, unless it is smaller by itself.
const LONGER_SIDE: f32 = 1024.0;
/// The shorter side is at least this: an icon's size says nothing of how large it is shown.
const SHORTER_SIDE: f32 = 200.0;
/// Machines that handle mail have no fonts: this one stands for all. See fonts/README.md.
const FONT: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");
const FAMILY: &str = "DejaVu Sans";

/// Renders the picture.
///
/// # Errors
/// If it is no SVG, a broken one, or one past the limits.
pub fn render(bytes: &[u8], limits: &Limits) -> Result<Picture, ImageError> {
    let text = match bytes {
        [0x1f, 0x8b, ..] => unzipped(bytes, limits)?,
        _ => bytes.to_vec(),
    };
    let tree = Tree::from_data(&text, &options()).map_err(|error| broken(&error))?;
    let size = tree.size();
    let (longer, shorter) = (size.width().max(size.height()), size.width().min(size.height()));
    let scale = (SHORTER_SIDE / shorter).max(1.0).min(LONGER_SIDE / longer);
    let side = |length: f32| ((length * scale).round() as u32).max(1);
    let (width, height) = (side(size.width()), side(size.height()));
    let mut pixmap = Pixmap::new(width, height).ok_or(ImageError::TooMuchMemory(limits.decoder_memory))?;
    pixmap.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let rgb = pixmap.data().chunks_exact(4).flat_map(|rgba| [rgba[0], rgba[1], rgba[2]]).collect();
    Picture::from_raw(width, height, rgb).ok_or_else(|| ImageError::Broken("a picture without pixels".to_owned()))
}

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_serif_family(FAMILY);
    fonts.set_sans_serif_family(FAMILY);
    fonts.set_cursive_family(FAMILY);
    fonts.set_fantasy_family(FAMILY);
    fonts.set_monospace_family(FAMILY);
    Arc::new(fonts)
});

fn options() -> Options<'static> {
    Options {
        font_family: FAMILY.to_owned(),
        fontdb: FONTS.clone(),
        image_href_resolver: ImageHrefResolver {
            resolve_data: ImageHrefResolver::default_data_resolver(),
            // A file or an address outside the picture.
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    }
}

fn unzipped(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let mut text = Vec::new();
    let most = limits.picture_bytes as u64;
    flate2::read::GzDecoder::new(bytes).take(most + 1).read_to_end(&mut text).map_err(|error| broken(&error))?;
    if text.len() as u64 > most { Err(ImageError::TooMuchMemory(most)) } else { Ok(text) }
}
