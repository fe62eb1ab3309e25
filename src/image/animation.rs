//! Animated GIF, PNG and WebP. Which frames are worth a look is found in one pass, and these are decoded again in a second
//! one, so that memory for one frame is enough.

use std::{io::Cursor, time::Instant};

use image::{
    AnimationDecoder, Frames, ImageDecoder,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
};

use super::{
    Frame, ImageError, Picture,
    decode::{caught, check_size, decoder_limits, from_crate, rgba_on_white},
    grey, perceptual_hash,
};
use crate::{config::Limits, mail::PictureType};

/// Frames whose perceptual hashes differ in no more of their 64 bits look alike: near-duplicates by re-encoding differ in
/// 2 at most (models/resnet50-thin/MODEL_CARD.md), and a blinking text or a moving dot in a few more.
const ALIKE: u32 = 6;
/// Kinds of frames that are told apart; a film has any number.
const KINDS: usize = 64;

/// The part of the time for a picture that choosing may take: showing takes as long again.
const TIME: u32 = 3;

/// What a file of a kind that can be animated shows.
pub enum Choice {
    /// It is of one frame, and not decoded yet.
    Plain,
    /// It could have had more than this frame.
    Still(Picture),
    /// Several.
    Moving(Chosen),
}

/// The frames that are to be judged.
pub struct Chosen {
    /// From 0, ascending.
    frames: Vec<usize>,
    /// Names of limits that left some out.
    over_limits: Vec<&'static str>,
}

/// Frames that look alike.
struct Kind {
    hash: u64,
    /// The one of them that is shown longest.
    frame: usize,
    longest: u64,
    /// Milliseconds that all of them are shown.
    shown: u64,
}

/// Picks the first frame, which is what programs show that don't play animations, and of the others one of each kind, those
/// that are shown longest first.
///
/// # Errors
/// If not even the first frame can be had.
pub fn choose(bytes: &[u8], kind: PictureType, limits: &Limits) -> Result<Choice, ImageError> {
    let Some(frames) = open(bytes, kind, limits)? else { return Ok(Choice::Plain) };
    let mut kinds: Vec<Kind> = Vec::new();
    let mut over_limits = Vec::new();
    // The first frame, until a second one has come.
    let mut still = None;
    let started = Instant::now();
    for (number, frame) in frames.enumerate() {
        if number == limits.frames || started.elapsed() > limits.picture_time / TIME {
            over_limits.push("frames");
            break;
        }
        let frame = match frame {
            Ok(frame) => frame,
            // Programs show what came before the break.
            Err(_) if number > 0 => break,
            Err(error) => return Err(from_crate(error, limits)),
        };
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        // Browsers take a delay of up to 10 ms for the usual 100 ms.
        let shown = match u64::from(numerator / denominator.max(1)) {
            0..=10 => 100,
            shown => shown,
        };
        let picture = rgba_on_white(frame.buffer());
        let hash = perceptual_hash(&grey(&picture));
        still = (number == 0).then_some(picture);
        match kinds.iter().position(|kind| (kind.hash ^ hash).count_ones() <= ALIKE) {
            Some(known) => {
                let kind = &mut kinds[known];
                kind.shown += shown;
                if shown > kind.longest {
                    (kind.longest, kind.frame) = (shown, number);
                }
            }
            None if kinds.len() < KINDS => kinds.push(Kind { hash, frame: number, longest: shown, shown }),
            None => {}
        }
    }
    // A first frame behind which others were cut off is no still picture.
    if let Some(picture) = still.filter(|_| over_limits.is_empty()) {
        return Ok(Choice::Still(picture));
    }
    if kinds.is_empty() {
        return Ok(Choice::Plain);
    }
    if kinds.len() > limits.distinct_frames {
        over_limits.push("distinct_frames");
    }
    // The first kind begins with the first frame, whichever of it is shown longest.
    kinds[0].frame = 0;
    kinds[1..].sort_by_key(|kind| std::cmp::Reverse(kind.shown));
    let mut frames: Vec<usize> = kinds.iter().take(limits.distinct_frames).map(|kind| kind.frame).collect();
    frames.sort_unstable();
    Ok(Choice::Moving(Chosen { frames, over_limits }))
}

/// Decodes the chosen frames.
///
/// # Errors
/// If the file can't be read any more, which it could a moment ago.
pub fn show(
    bytes: &[u8],
    kind: PictureType,
    limits: &Limits,
    chosen: Chosen,
    take: &mut dyn FnMut(Frame),
) -> Result<Vec<&'static str>, ImageError> {
    caught(|| {
        let last = chosen.frames.last().copied().unwrap_or(0);
        let frames = open(bytes, kind, limits)?.into_iter().flatten();
        for (number, frame) in frames.take(last + 1).enumerate().filter(|(number, _)| chosen.frames.contains(number)) {
            let picture = frame.map(|frame| rgba_on_white(frame.buffer())).map_err(|error| from_crate(error, limits));
            take(Frame { label: Some(format!("frame={}", number + 1)), full: None, picture });
        }
        Ok(chosen.over_limits)
    })
}

/// The frames, each as large as the picture. `None`: a kind that is not animated, or a picture that isn't.
fn open<'a>(bytes: &'a [u8], kind: PictureType, limits: &Limits) -> Result<Option<Frames<'a>>, ImageError> {
    let failed = |error| from_crate(error, limits);
    Ok(match kind {
        PictureType::Gif => {
            let mut decoder = GifDecoder::new(Cursor::new(bytes)).map_err(failed)?;
            check_size(&decoder, limits)?;
            decoder.set_limits(decoder_limits(limits)).map_err(failed)?;
            Some(decoder.into_frames())
        }
        PictureType::Png => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(limits)).map_err(failed)?;
            check_size(&decoder, limits)?;
            if decoder.is_apng().map_err(failed)? { Some(decoder.apng().map_err(failed)?.into_frames()) } else { None }
        }
        PictureType::WebP => {
            let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
            check_size(&decoder, limits)?;
            decoder.set_limits(decoder_limits(limits)).map_err(failed)?;
            decoder.has_animation().then(|| decoder.into_frames())
        }
        _ => None,
    })
}
