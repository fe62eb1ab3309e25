//! Pages of PDF documents, rendered by `hayro`.

use hayro::{
    PixmapSettings, RenderCache, RenderSettings,
    hayro_interpret::InterpreterSettings,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf, page::Page},
    render,
    vello_cpu::color::palette::css::WHITE,
};

use super::{Frame, ImageError, Picture, decode::caught};
use crate::config::Limits;

/// The longer side of a rendered page in pixels: on A4 (842 points) some 120 dots an inch, at which a code of 2 cm still has
/// 3 pixels for each module.
const LONGER_SIDE: f32 = 1400.0;

/// Renders each page, at most `limits.pages`.
///
/// # Errors
/// If the document is encrypted or broken.
pub fn pages(bytes: &[u8], limits: &Limits, take: &mut dyn FnMut(Frame)) -> Result<Vec<&'static str>, ImageError> {
    let pdf = caught(|| Pdf::new(bytes.to_vec()).map_err(refused))?;
    let pages = pdf.pages();
    let cache = RenderCache::new();
    for (number, page) in pages.iter().enumerate().take(limits.pages) {
        let picture = caught(|| page_picture(page, &cache));
        take(Frame { label: Some(format!("page={}", number + 1)), full: None, picture });
    }
    Ok(if pages.len() > limits.pages { vec!["pages"] } else { Vec::new() })
}

fn page_picture<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>) -> Result<Picture, ImageError> {
    let (width, height) = page.render_dimensions();
    let scale = LONGER_SIDE / width.max(height);
    // A page of no height or of a million points has nothing to be seen on it.
    if !(scale.is_finite() && width * scale >= 1.0 && height * scale >= 1.0) {
        return Err(ImageError::Broken(format!("a page of {width} x {height} points")));
    }
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let pixmap = render(page, cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings);
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    let rgb = pixmap.data_as_u8_slice().chunks_exact(4).flat_map(|rgba| [rgba[0], rgba[1], rgba[2]]).collect();
    Picture::from_raw(width, height, rgb).ok_or_else(|| ImageError::Broken("a page without pixels".to_owned()))
}

fn refused(error: LoadPdfError) -> ImageError {
    ImageError::Broken(match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => "the document is encrypted with a password".to_owned(),
        LoadPdfError::Decryption(error) => format!("the document's encryption can't be undone: {error:?}"),
        LoadPdfError::Invalid => "not a whole PDF document".to_owned(),
    })
}
