//! Positions in rows of channels, and the steps that move numbers without changing them.

use lookalike_kernels::{Blocks, LANES};

use crate::Result;

/// Planes of a square picture as one row per patch: channels, rows, columns of the patch.
pub(super) fn patches(planes: &[f32], side: usize, patch: usize) -> Vec<f32> {
    places(side, patch).map(|place| planes[place]).collect()
}

/// The adjoint of [`patches`].
pub(super) fn from_patches(rows: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let mut planes = vec![0.0; rows.len()];
    for (place, &number) in places(side, patch).zip(rows) {
        planes[place] = number;
    }
    planes
}

/// Where the numbers of rows of patches stand among the planes.
fn places(side: usize, patch: usize) -> impl Iterator<Item = usize> {
    let along = side / patch;
    (0..along * along).flat_map(move |at| {
        let (top, left) = (at / along * patch, at % along * patch);
        (0..3 * patch * patch).map(move |within| {
            let (channel, within) = (within / (patch * patch), within % (patch * patch));
            (channel * side + top + within / patch) * side + left + within % patch
        })
    })
}

/// Rows of a square of positions as rows of four neighbours: channels, rows, columns.
pub(super) fn fours(rows: &[f32], side: usize) -> Vec<f32> {
    let width = rows.len() / (side * side);
    places_of_fours(side, width).map(|place| rows[place]).collect()
}

/// The adjoint of [`fours`], to a side.
pub(super) fn from_fours(rows: &[f32], side: usize) -> Vec<f32> {
    let width = rows.len() / (side * side);
    let mut found = vec![0.0; rows.len()];
    for (place, &number) in places_of_fours(side, width).zip(rows) {
        found[place] = number;
    }
    found
}

fn places_of_fours(side: usize, width: usize) -> impl Iterator<Item = usize> {
    let along = side / 2;
    (0..along * along).flat_map(move |at| {
        let (top, left) = (at / along * 2, at % along * 2);
        (0..4 * width).map(move |within| {
            let (channel, within) = (within / 4, within % 4);
            ((top + within / 2) * side + left + within % 2) * width + channel
        })
    })
}

/// The mean row.
pub(super) fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let share = width as f64 / rows.len() as f64;
    let mut sums = vec![0.0_f64; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, &number)| *sum += f64::from(number));
    }
    sums.into_iter().map(|sum| (sum * share) as f32).collect()
}

/// The adjoint of [`mean`], to a number of rows.
pub(super) fn spread(row: &[f32], count: usize) -> Vec<f32> {
    let share = 1.0 / count as f32;
    let row: Vec<f32> = row.iter().map(|number| share * number).collect();
    row.repeat(count)
}

/// Rows of a square of positions as blocks of channels.
pub(super) fn to_blocks(rows: &[f32], side: usize) -> Result<Blocks> {
    let width = rows.len() / (side * side);
    let mut blocks = Blocks::zeros([1, width, side, side])?;
    let area = side * side;
    for (at, row) in rows.chunks_exact(width).enumerate() {
        for (depth, channels) in row.chunks(LANES).enumerate() {
            blocks.lines_mut()[depth * area + at].0[..channels.len()].copy_from_slice(channels);
        }
    }
    Ok(blocks)
}

/// Blocks of channels of one picture as rows.
pub(super) fn of_blocks(blocks: &Blocks) -> Vec<f32> {
    let [_, width, ..] = blocks.shape();
    let area = blocks.area();
    let mut rows = vec![0.0; width * area];
    for (at, row) in rows.chunks_exact_mut(width).enumerate() {
        for (depth, channels) in row.chunks_mut(LANES).enumerate() {
            channels.copy_from_slice(&blocks.lines()[depth * area + at].0[..channels.len()]);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let planes: Vec<f32> = (0..3 * 64).map(|n| n as f32).collect();
        let rows = patches(&planes, 8, 4);
        assert_eq!(from_patches(&rows, 8, 4), planes);
        // The second patch begins four columns on; its second channel a plane later.
        assert_eq!((rows[48], rows[48 + 16]), (4.0, 68.0));
        let rows: Vec<f32> = (0..36 * 19).map(|n| n as f32).collect();
        assert_eq!(from_fours(&fours(&rows, 6), 6), rows);
        assert_eq!(of_blocks(&to_blocks(&rows, 6).unwrap()), rows);
        // Channel 0 of the four positions of the first corner, then channel 1.
        assert_eq!(fours(&rows, 6)[..5], [0.0, 19.0, 114.0, 133.0, 1.0]);
        assert_eq!(mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
        assert_eq!(spread(&[2.0, 4.0], 2), [1.0, 2.0, 1.0, 2.0]);
    }
}
