//! Pairs as training sees them: a sheet of sources above their targets.

use lookalike_core::encode::png;
use lookalike_core::{Channels, Picture};
use lookalike_train::random::{Purpose, Stream};

use super::augment::Augmentation;
use super::pairs::Pairs;
use crate::{Error, Result};

/// Pairs side by side.
const COLUMNS: usize = 8;
/// Grey pixels around a pair.
const GAP: usize = 4;
/// Grey pixels between source and target.
const SEAM: usize = 1;
/// What is between pictures: neither black nor white, which pictures have at their borders.
const BETWEEN: u8 = 160;
/// Pairs on a sheet.
const MOST: usize = 1024;

/// The bytes of a PNG with pairs after augmentation, eight in a row; `seed` decides the augmentation.
///
/// # Errors
/// [`Error::Refused`] for no places, more than 1024, and places beyond the last pair.
pub fn preview(
    pairs: &Pairs,
    places: &[usize],
    augmentation: Augmentation,
    seed: u64,
) -> Result<Vec<u8>> {
    if places.is_empty() || places.len() > MOST {
        return Err(Error::Refused(format!(
            "expected 1 to {MOST} pairs for a sheet, found {}",
            places.len()
        )));
    }
    if let Some(place) = places.iter().find(|&&place| place >= pairs.len()) {
        return Err(Error::Refused(format!(
            "expected places below {} for a sheet, found {place}",
            pairs.len()
        )));
    }
    let side = pairs.side;
    let columns = places.len().min(COLUMNS);
    let (wide, high) = (side + GAP, 2 * side + SEAM + GAP);
    let width = columns * wide + GAP;
    let height = places.len().div_ceil(columns) * high + GAP;
    let mut sheet = vec![BETWEEN; 3 * width * height];
    let mut random = Stream::new(seed, Purpose::Augmentation, 0);
    for (at, &place) in places.iter().enumerate() {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        pairs.append_augmented(place, augmentation, &mut random, &mut source, &mut target);
        let (left, top) = (GAP + at % columns * wide, GAP + at / columns * high);
        for (planes, top) in [(source, top), (target, top + side + SEAM)] {
            for (index, sample) in planes.iter().enumerate() {
                let (channel, y, x) = (index / (side * side), index / side % side, index % side);
                let to = sheet.get_mut(3 * ((top + y) * width + left + x) + channel);
                if let Some(to) = to {
                    *to = (255.0 * sample).round() as u8;
                }
            }
        }
    }
    Ok(png(&Picture::from_u8(width, height, Channels::Rgb, sheet)?)?)
}

/// Places for a sheet: `count` pairs from all over the list, or all where there are fewer.
pub fn spread(pairs: &Pairs, count: usize) -> Vec<usize> {
    let count = count.min(pairs.len());
    (0..count).map(|at| at * pairs.len() / count).collect()
}
