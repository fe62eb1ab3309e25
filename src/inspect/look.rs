//! What a worker does: finds pictures, decodes them, reads codes, sizes pixels for the net. In steps: a step that ends its
//! process is left out the next time, and what was told before is not told again.

use std::{collections::HashSet, io};

use sha2::{Digest, Sha256};

use super::{
    Event, Kind, Look, Request, Seen, Task,
    protocol::{Again, End, Step},
};
use crate::{
    image::{self, Frame, ImageError},
    mail::{self, Drawing, Found, Mosaic, Picture},
};

/// Shortest side in which a code is looked for: a QR code has 21 modules at least.
const SMALLEST_CODE: u32 = 18;

/// Who is told.
pub trait Listener {
    /// Takes an event.
    ///
    /// # Errors
    /// If it has gone.
    fn tell(&mut self, event: Event) -> io::Result<()>;

    /// Asks as [`Event::File`] says.
    ///
    /// # Errors
    /// If it has gone.
    fn known(&mut self, step: Step, sha256: [u8; 32], room: usize, last: Option<End>) -> io::Result<Again>;
}

/// Inspects `bytes` and tells what there is, at last [`Event::End`] or [`Event::Refused`].
///
/// # Errors
/// The first of `listener`.
pub fn look(task: &Task, request: &Request, bytes: &[u8], listener: &mut dyn Listener) -> io::Result<()> {
    let mut looker =
        Looker { task, request, listener, step: 0, shown: 0, incomplete: Vec::new(), whole: true, ended: false, failed: None };
    let found = match request.kind {
        Kind::Message => {
            if !looker.begin("message", true) {
                return looker.end(0);
            }
            match mail::find_pictures(bytes, &task.limits, &mut |name| looker.begin(name, true)) {
                Ok(found) => found,
                Err(error) => return looker.listener.tell(Event::Refused(error.setting().to_owned())),
            }
        }
        Kind::File => mail::find_in_file(bytes, &task.limits, &mut |name| looker.begin(name, true)),
    };
    if let Some(error) = looker.failed.take() {
        return Err(error);
    }
    found.over_limits.iter().for_each(|limit| looker.cut(limit));
    let mut seen = HashSet::new();
    let only_pictures = found.mosaics.is_empty() && found.drawings.is_empty() && found.unreadable.is_empty();
    for (number, picture) in found.pictures.iter().enumerate() {
        let sha256: [u8; 32] = Sha256::digest(&picture.bytes).into();
        let repeated = !seen.insert(sha256);
        let last = only_pictures && number + 1 == found.pictures.len();
        looker.picture(picture, sha256, repeated, last.then_some(found.linked))?;
    }
    for mosaic in &found.mosaics {
        if looker.begin(&mosaic.name, false) {
            looker.mosaic(mosaic, &found)?;
        }
    }
    for drawing in &found.drawings {
        if looker.begin(&drawing.name, false) {
            looker.drawing(drawing)?;
        }
    }
    for (name, problem) in &found.unreadable {
        if looker.begin(name, false) {
            looker.tell(Seen::bare(name.clone(), Look::Undecodable(problem.clone())))?;
        }
    }
    looker.end(found.linked)
}

struct Looker<'a> {
    task: &'a Task,
    request: &'a Request,
    listener: &'a mut dyn Listener,
    step: u32,
    /// Pictures that the net has to judge.
    shown: usize,
    incomplete: Vec<String>,
    /// Nothing was cut off in this step.
    whole: bool,
    /// The daemon has heard already what is told at the end.
    ended: bool,
    failed: Option<io::Error>,
}

impl Looker<'_> {
    /// The next step, unless it is to be left out.
    fn step(&mut self, name: &str, container: bool) -> Option<Step> {
        let number = self.step;
        self.step += 1;
        if self.failed.is_some() || self.request.dead.contains(&number) || !container && number < self.request.from {
            return None;
        }
        self.whole = true;
        Some(Step { number, name: name.to_owned(), container, incomplete: self.incomplete.clone() })
    }

    /// Announces the next step. `false` if it is to be left out.
    fn begin(&mut self, name: &str, container: bool) -> bool {
        let Some(step) = self.step(name, container) else { return false };
        self.failed = self.listener.tell(Event::Begin(step)).err();
        self.failed.is_none()
    }

    fn cut(&mut self, limit: &str) {
        self.whole = false;
        if !self.incomplete.iter().any(|known| known == limit) {
            self.incomplete.push(limit.to_owned());
        }
    }

    fn tell(&mut self, seen: Seen) -> io::Result<()> {
        self.listener.tell(Event::Seen(seen))
    }

    /// What is told at the end, if nothing is cut off any more.
    fn at_the_end(&self, linked: usize) -> End {
        End { incomplete: self.incomplete.clone(), linked: linked as u64 }
    }

    fn end(&mut self, linked: usize) -> io::Result<()> {
        if self.ended { Ok(()) } else { self.listener.tell(Event::End(self.at_the_end(linked))) }
    }

    /// `last`: how many pictures are linked, if nothing follows.
    fn picture(&mut self, picture: &Picture<'_>, sha256: [u8; 32], repeated: bool, last: Option<usize>) -> io::Result<()> {
        let of = |look| Seen {
            media_type: picture.media_type.clone(),
            sha256: Some(sha256),
            ..Seen::bare(picture.name.clone(), look)
        };
        let limits = &self.task.limits;
        let fits = picture.bytes.len() <= limits.picture_bytes;
        let Some(kind) = picture.kind.filter(|_| fits && !repeated) else {
            if !self.begin(&picture.name, false) {
                return Ok(());
            }
            return if repeated {
                self.tell(of(Look::Repeated))
            } else if fits {
                self.tell(of(Look::Undecodable(ImageError::UnknownType.to_string())))
            } else {
                self.cut("picture_bytes");
                self.tell(of(Look::OverLimit(format!("{} bytes, more than limits.picture_bytes", picture.bytes.len()))))
            };
        };
        let Some(step) = self.step(&picture.name, false) else { return Ok(()) };
        let end = last.map(|linked| self.at_the_end(linked));
        if let Some(shown) = self.listener.known(step, sha256, limits.pictures.saturating_sub(self.shown), end)? {
            self.shown += shown;
            self.ended = last.is_some();
            return Ok(());
        }
        let mut told = Ok(());
        let over = image::frames(&picture.bytes, kind, limits, &mut |frame| {
            if told.is_ok() {
                told = self.frame(frame, picture.bytes.len(), &of);
            }
        });
        told?;
        match over {
            Ok(over) => over.iter().for_each(|limit| self.cut(limit)),
            Err(error) => {
                let dimensions = image::dimensions(&picture.bytes, limits).ok();
                let look = self.refused(&error);
                self.tell(Seen { dimensions, ..of(look) })?;
            }
        }
        self.all_told(sha256)
    }

    fn all_told(&mut self, sha256: [u8; 32]) -> io::Result<()> {
        if self.whole { self.listener.tell(Event::Whole(sha256)) } else { Ok(()) }
    }

    fn refused(&mut self, error: &ImageError) -> Look {
        match error {
            ImageError::TooManyPixels { .. } => {
                self.cut("picture_pixels");
                Look::OverLimit(error.to_string())
            }
            ImageError::TooMuchMemory(_) => {
                self.cut("decoder_memory");
                Look::OverLimit(error.to_string())
            }
            ImageError::UnknownType | ImageError::NoDecoder(_) | ImageError::Broken(_) => Look::Undecodable(error.to_string()),
        }
    }

    fn frame(&mut self, frame: Frame, bytes: usize, of: &dyn Fn(Look) -> Seen) -> io::Result<()> {
        let label = frame.label;
        match frame.picture {
            Ok(pixels) => {
                let grey = image::grey(&pixels);
                let size = frame.full.unwrap_or_else(|| pixels.dimensions());
                let look = self.sized(&pixels, size, &grey, bytes);
                self.tell(Seen { label, dimensions: Some(size), ..of(look) })?;
                self.codes(&grey)
            }
            Err(error) => {
                let look = self.refused(&error);
                self.tell(Seen { label, ..of(look) })
            }
        }
    }

    /// The pixels of a picture, and their brightness, in the sizes that the net takes.
    fn sized(&mut self, pixels: &image::Picture, (width, height): (u32, u32), grey: &image::Grey, bytes: usize) -> Look {
        if self.task.picture_below.too_small((width, height), bytes) {
            return Look::TooSmall(format!("{width} x {height} pixels, {bytes} bytes"));
        }
        if self.shown == self.task.limits.pictures {
            self.cut("pictures");
            return Look::OverLimit("more pictures than limits.pictures".to_owned());
        }
        self.shown += 1;
        let sized = self.task.views.iter().map(|(width, height)| image::resize(pixels, *width, *height));
        let Some(views) = sized.collect::<Option<Vec<_>>>() else {
            return Look::Undecodable("a picture without pixels".to_owned());
        };
        let print = image::fingerprint(grey, views.first().unwrap_or(pixels));
        Look::Views { views: views.into_iter().map(|view| serde_bytes::ByteBuf::from(view.into_raw())).collect(), print }
    }

    fn mosaic(&mut self, mosaic: &Mosaic, found: &Found<'_>) -> io::Result<()> {
        let decode = |index: &usize| image::decode(&found.pictures[*index].bytes, &self.task.limits).ok();
        let rows: Vec<Vec<_>> = mosaic.rows.iter().map(|row| row.iter().filter_map(decode).collect()).collect();
        for (number, pixels) in image::compose(&rows, &self.task.limits).into_iter().enumerate() {
            let sha256: [u8; 32] = Sha256::digest(pixels.as_raw()).into();
            let label = (number > 0).then(|| format!("part={}", number + 1));
            let grey = image::grey(&pixels);
            let look = self.sized(&pixels, pixels.dimensions(), &grey, usize::MAX);
            self.tell(Seen {
                name: mosaic.name.clone(),
                label,
                media_type: "image/x-tiles".to_owned(),
                sha256: Some(sha256),
                dimensions: Some(pixels.dimensions()),
                look,
            })?;
            self.codes(&grey)?;
            self.all_told(sha256)?;
        }
        Ok(())
    }

    fn drawing(&mut self, drawing: &Drawing) -> io::Result<()> {
        let codes = self.read(image::codes_in_grid(&drawing.grid));
        if codes.is_empty() {
            return Ok(());
        }
        let seen = Seen::bare(drawing.name.clone(), Look::Drawn);
        self.tell(Seen { media_type: "text/x-drawing".to_owned(), ..seen })?;
        self.listener.tell(Event::Codes(codes))
    }

    /// What was not tried would have gone on beyond that limit.
    fn read(&mut self, codes: image::Codes) -> Vec<image::Code> {
        if codes.cut {
            self.cut("picture_time");
        }
        codes.read
    }

    /// Of what was told last. A code reader that fails inside costs the code, not the picture.
    fn codes(&mut self, grey: &image::Grey) -> io::Result<()> {
        if grey.width().min(grey.height()) < SMALLEST_CODE {
            return Ok(());
        }
        let codes = std::panic::catch_unwind(|| image::codes(grey)).unwrap_or_default();
        let codes = self.read(codes);
        if codes.is_empty() { Ok(()) } else { self.listener.tell(Event::Codes(codes)) }
    }
}
