//! A picture that was cut into tiles, put together again.

use super::Picture;
use crate::config::Limits;

/// Sides that differ by no more than this part of the longer are taken for equal: a cut seldom falls on whole pixels.
const TOLERANCE: f32 = 0.02;

/// Lays the tiles of each row side by side, and the rows one above the other. Only what fits is joined: tiles of one height,
/// rows of one width; each run of two or more tiles that do gives a picture. Nothing comes of what would be over
/// `limits.picture_pixels`.
pub fn compose(rows: &[Vec<Picture>], limits: &Limits) -> Vec<Picture> {
    let mut composed = Vec::new();
    let mut run: Vec<(usize, Picture)> = Vec::new();
    for row in rows {
        let joined = joined_row(row);
        let fits = match (run.last(), &joined) {
            (Some((_, above)), Some(row)) => alike(above.width(), row.width()),
            _ => false,
        };
        if !fits {
            composed.extend(stacked(&std::mem::take(&mut run), limits));
        }
        run.extend(joined.map(|picture| (row.len(), picture)));
    }
    composed.extend(stacked(&run, limits));
    composed
}

fn alike(one: u32, other: u32) -> bool {
    one.abs_diff(other) as f32 <= TOLERANCE * one.max(other) as f32 + 1.0
}

fn joined_row(tiles: &[Picture]) -> Option<Picture> {
    let height = tiles.first()?.height();
    if !tiles.iter().all(|tile| alike(tile.height(), height)) {
        return None;
    }
    let width = tiles.iter().try_fold(0_u32, |width, tile| width.checked_add(tile.width()))?;
    let mut row = Picture::from_pixel(width, height, WHITE);
    let mut left = 0;
    for tile in tiles {
        image::imageops::replace(&mut row, tile, left, 0);
        left += i64::from(tile.width());
    }
    Some(row)
}

fn stacked(rows: &[(usize, Picture)], limits: &Limits) -> Option<Picture> {
    let (tiles, width) = (rows.iter().map(|(tiles, _)| tiles).sum::<usize>(), rows.first()?.1.width());
    let height = rows.iter().try_fold(0_u32, |height, (_, row)| height.checked_add(row.height()))?;
    if tiles < 2 || u64::from(width) * u64::from(height) > limits.picture_pixels {
        return None;
    }
    let mut whole = Picture::from_pixel(width, height, WHITE);
    let mut top = 0;
    for (_, row) in rows {
        image::imageops::replace(&mut whole, row, 0, top);
        top += i64::from(row.height());
    }
    Some(whole)
}

const WHITE: image::Rgb<u8> = image::Rgb([255; 3]);
