//! Pages of TIFF files, of which faxes and scans have several. The `image` crate decodes the first one alone, so it is given the file
//! once for each, as if there were no other. They are found here (TIFF 6.0, section 2), for the crate `tiff` leaves out a page from which
//! a link leads back, and viewers show it.

use std::{collections::HashSet, ops::Range};

use super::{Frame, ImageError, decode::decode};
use crate::config::Limits;

/// Where the header says at which byte the directory of the first page begins.
const FIRST: Range<usize> = 4..8;
/// Bytes of an entry of a directory.
const ENTRY: usize = 12;

/// Decodes each page, at most `limits.pages`, but one in any case.
///
/// # Errors
/// If there is one only, or none, and it can't be decoded.
pub fn pages(bytes: &[u8], limits: &Limits, take: &mut dyn FnMut(Frame)) -> Result<Vec<&'static str>, ImageError> {
    let most = limits.pages.max(1);
    let pages = directories(bytes, most + 1);
    let mut file = bytes.to_vec();
    let mut alone = |Directory { begin, link }: &Directory| {
        file[FIRST].copy_from_slice(begin);
        file[link.clone()].fill(0);
        let picture = decode(&file, limits);
        // It may lie in what is another page's.
        file[link.clone()].copy_from_slice(&bytes[link.clone()]);
        picture
    };
    if pages.len() < 2 {
        let picture = pages.first().map_or_else(|| decode(bytes, limits), &mut alone)?;
        take(Frame { label: None, full: None, picture: Ok(picture) });
        return Ok(Vec::new());
    }
    for (number, page) in pages.iter().enumerate().take(most) {
        take(Frame { label: Some(format!("page={}", number + 1)), full: None, picture: alone(page) });
    }
    Ok(if pages.len() > most { vec!["pages"] } else { Vec::new() })
}

/// Of a page.
struct Directory {
    /// Where it begins, as it stands in the file.
    begin: [u8; 4],
    /// Where the beginning of the next one stands.
    link: Range<usize>,
}

/// The directories of at most so many pages, none of them twice.
fn directories(bytes: &[u8], most: usize) -> Vec<Directory> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let big_endian = bytes.starts_with(b"MM");
    let mut at = FIRST;
    while found.len() < most {
        let Some(begin) = bytes.get(at).and_then(|begin| <[u8; 4]>::try_from(begin).ok()) else { break };
        let place = if big_endian { u32::from_be_bytes(begin) } else { u32::from_le_bytes(begin) } as usize;
        let Some(count) = bytes.get(place..).and_then(|directory| directory.first_chunk()) else { break };
        let count = if big_endian { u16::from_be_bytes(*count) } else { u16::from_le_bytes(*count) };
        let link = place + 2 + ENTRY * usize::from(count);
        at = link..link + 4;
        if place == 0 || link > bytes.len() || !seen.insert(place) {
            break;
        }
        found.push(Directory { begin, link: link..at.end.min(bytes.len()) });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: u32 = 40;
    /// Bytes of a directory in [`file`], and where in it the next one is named.
    const LENGTH: usize = 2 + 12 * 9 + 4;
    const NEXT: usize = LENGTH - 4;

    /// Pages of one brightness each: the header, all directories, all pixels.
    fn file(pages: &[u8], big_endian: bool) -> Vec<u8> {
        let short = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let pixels = SIDE * SIDE;
        let mut bytes = [if big_endian { *b"MM" } else { *b"II" }.as_slice(), &short(42), &long(8)].concat();
        for number in 0..pages.len() {
            let next = if number + 1 < pages.len() { directory(number + 1) } else { 0 };
            let strip = directory(pages.len()) as u32 + number as u32 * pixels;
            // Width, height, bits, no compression, black is zero, strip, samples, rows in the strip, bytes in it.
            let entries =
                [(256, SIDE), (257, SIDE), (258, 8), (259, 1), (262, 1), (273, strip), (277, 1), (278, SIDE), (279, pixels)];
            bytes.extend(short(entries.len() as u16));
            for (tag, value) in entries {
                bytes.extend([&short(tag)[..], &short(4), &long(1), &long(value)].concat());
            }
            bytes.extend(long(next as u32));
        }
        pages.iter().for_each(|brightness| bytes.extend(vec![*brightness; pixels as usize]));
        bytes
    }

    /// Where a page's directory begins.
    fn directory(number: usize) -> usize {
        8 + number * LENGTH
    }

    /// Label and brightness of each.
    type Pages = Vec<(Option<String>, Option<u8>)>;

    /// The pages, and what was cut off.
    fn shown(bytes: &[u8], most: usize) -> (Pages, Vec<&'static str>) {
        let limits = crate::config::load(&crate::config::Sources::default()).expect("defaults").0.limits;
        let mut frames = Vec::new();
        let take = &mut |frame: Frame| frames.push((frame.label, frame.picture.ok().map(|picture| picture.as_raw()[0])));
        let cut = pages(bytes, &Limits { pages: most, ..limits }, take).expect("a TIFF");
        (frames, cut)
    }

    fn page(number: usize, brightness: u8) -> (Option<String>, Option<u8>) {
        (Some(format!("page={number}")), Some(brightness))
    }

    #[test]
    fn each_page_is_shown_up_to_the_limit() {
        for big_endian in [false, true] {
            let file = |pages: &[u8]| file(pages, big_endian);
            assert_eq!(shown(&file(&[7]), 10), (vec![(None, Some(7))], vec![]));
            assert_eq!(shown(&file(&[7, 8, 9]), 3), (vec![page(1, 7), page(2, 8), page(3, 9)], vec![]));
            assert_eq!(shown(&file(&[7, 8, 9]), 2), (vec![page(1, 7), page(2, 8)], vec!["pages"]));
            assert_eq!(shown(&file(&[7, 8]), 0), (vec![page(1, 7)], vec!["pages"]));
        }
    }

    #[test]
    fn a_page_that_leads_back_to_the_first_ends_the_file_and_a_broken_one_does_not() {
        let mut circle = file(&[7, 8], false);
        circle[directory(1) + NEXT] = directory(0) as u8;
        assert_eq!(shown(&circle, 10), (vec![page(1, 7), page(2, 8)], vec![]));
        let mut alone = file(&[7], false);
        alone[directory(0) + NEXT] = directory(0) as u8;
        assert_eq!(shown(&alone, 10), (vec![(None, Some(7))], vec![]));
        let mut broken = file(&[7, 8, 9], false);
        // The value of its first entry: no width.
        broken[directory(1) + 2 + 8] = 0;
        assert_eq!(shown(&broken, 10), (vec![page(1, 7), (Some("page=2".to_owned()), None), page(3, 9)], vec![]));
    }
}
