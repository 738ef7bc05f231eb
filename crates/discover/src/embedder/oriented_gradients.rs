//! Which edges a picture has, and where: histograms of oriented gradients (HOG).
//!
//! Luma of the picture, brought to 128 × 128, has gradients by central differences. Cells of 16 × 16 pixels
//! count orientations in nine bins over 180°, each gradient by its length to the two nearest bins. Blocks of
//! 2 × 2 cells, overlapping by one, are divided by their length, cut off at 0.2 and divided again.
//!
//! Source: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.
//!
//! Choices: BT.601 luma of coded samples; pixels beyond the border equal the border's; no weighting within
//! blocks. A last number, 0.001, gives a picture without any edge a direction.
//!
//! Limits: no colour, and shapes must lie in the same place.

use lookalike_core::{Luma, Picture};

use super::{Embedder, resized};
use crate::Result;
use crate::store::Fingerprint;

const SIDE: usize = 128;
const CELL: usize = 16;
const CELLS: usize = SIDE / CELL;
const BINS: usize = 9;
const BLOCKS: usize = CELLS - 1;
const CUT: f64 = 0.2;
/// Of the last number, in place of a direction.
const LAST: f32 = 1e-3;

/// The embedder `hog`.
pub struct OrientedGradients {
    fingerprint: Fingerprint,
}

impl OrientedGradients {
    /// The embedder.
    pub fn new() -> Self {
        let fingerprint = Fingerprint {
            model: "hog".to_owned(),
            weights: String::new(),
            preprocessing: format!("{SIDE}x{SIDE}, bicubic; cells of {CELL}, {BINS} bins"),
            dimension: BLOCKS * BLOCKS * 4 * BINS + 1,
        };
        Self { fingerprint }
    }
}

impl Default for OrientedGradients {
    fn default() -> Self {
        Self::new()
    }
}

impl Embedder for OrientedGradients {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let luma = resized(picture, SIDE, SIDE)?.luma(Luma::Y601);
        let at = |x: usize, y: usize| luma[y.min(SIDE - 1) * SIDE + x.min(SIDE - 1)] / 255.0;
        let mut cells = vec![[0.0_f64; BINS]; CELLS * CELLS];
        for y in 0..SIDE {
            for x in 0..SIDE {
                let across = at(x + 1, y) - at(x.saturating_sub(1), y);
                let down = at(x, y + 1) - at(x, y.saturating_sub(1));
                let length = across.hypot(down);
                // Of two opposite directions, which are one orientation, that from 0 to 180°.
                let turn =
                    down.atan2(across).rem_euclid(std::f64::consts::PI) / std::f64::consts::PI;
                let place = turn * BINS as f64 - 0.5;
                let (low, rest) = (place.floor(), place - place.floor());
                let cell = &mut cells[y / CELL * CELLS + x / CELL];
                let bin = |bin: f64| (bin as isize).rem_euclid(BINS as isize) as usize;
                cell[bin(low)] += length * (1.0 - rest);
                cell[bin(low + 1.0)] += length * rest;
            }
        }
        let mut vector = Vec::with_capacity(self.fingerprint.dimension);
        for y in 0..BLOCKS {
            for x in 0..BLOCKS {
                let corners = [(0, 0), (1, 0), (0, 1), (1, 1)];
                let mut block: Vec<f64> =
                    corners.iter().flat_map(|(dx, dy)| cells[(y + dy) * CELLS + x + dx]).collect();
                for cut in [CUT, f64::INFINITY] {
                    let length = block.iter().map(|n| n * n).sum::<f64>().sqrt() + 1e-3;
                    block.iter_mut().for_each(|number| *number = (*number / length).min(cut));
                }
                vector.extend(block.iter().map(|&number| number as f32));
            }
        }
        vector.push(LAST);
        Ok(vector)
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;

    use super::*;

    #[test]
    fn stripes_have_their_orientation() {
        let stripes = |vertical: bool| {
            let sample = |i: usize| {
                let (x, y) = (i % SIDE, i / SIDE);
                if (if vertical { x } else { y }) / 4 % 2 == 0 { 255 } else { 0 }
            };
            let samples = (0..SIDE * SIDE).map(sample).collect();
            let picture = Picture::from_u8(SIDE, SIDE, Channels::Grey, samples).unwrap();
            OrientedGradients::new().embed(&picture).unwrap()
        };
        let [vertical, horizontal] = [stripes(true), stripes(false)];
        // Gradients across lie on the border of the first and the last bin, those down in the fifth.
        assert!(vertical[0] > 0.1 && vertical[8] > 0.1 && vertical[4] < 1e-6);
        assert!(horizontal[4] > 0.1 && horizontal[0] < 1e-6);
        assert_eq!(vertical.len(), 1765);
    }
}
