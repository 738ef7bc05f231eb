//! What a task will read and write next is asked for while it multiplies.
//!
//! Products leave memory alone: their matrices are in the caches. The transforms before and behind them wait for it,
//! which took a quarter of the time of large pictures. So tiles of the next block come to the second cache, and the
//! lines that this block will write as well, a few between two of the 36 products.
//!
//! Where matrices are larger than the second cache, transforms ask for those of the next tile; and in large blocks, for
//! its inputs and outputs as well: by the time that it is reached, they would be gone again.

use std::ops::Range;

use super::pass::Pass;
use super::transform::{INPUT, PRODUCTS};
use crate::prefetch::{prefetch_for_later, prefetch_to_write};

/// The second cache holds the matrices of a block.
pub(super) const NEAR: u8 = 0;
/// It holds what a block reads and writes, but not its matrices.
pub(super) const FAR: u8 = 1;
/// It holds neither.
pub(super) const LARGE: u8 = 2;

/// Tiles of a block in one block of channels after the other.
pub(super) struct Ahead {
    first: [usize; 3],
    /// Picture, row and column of the tile that is next.
    place: [usize; 3],
    tile: usize,
    tiles: usize,
    line: usize,
    lines: usize,
}

impl Ahead {
    #[inline(always)]
    pub(super) fn new(pass: &Pass<'_>, tiles: &Range<usize>, lines: usize) -> Self {
        let first = pass.place(tiles.start);
        Self { first, place: first, tile: 0, tiles: tiles.len(), line: 0, lines }
    }

    /// How many are asked for before the product with number `matrix`.
    #[inline(always)]
    fn share(&self, matrix: usize) -> usize {
        let all = self.tiles * self.lines;
        all * (matrix + 1) / PRODUCTS - all * matrix / PRODUCTS
    }

    /// A line of channels, and the place of a tile.
    #[inline(always)]
    fn next(&mut self, pass: &Pass<'_>) -> (usize, [usize; 3]) {
        let this = (self.line, self.place);
        self.tile += 1;
        if self.tile == self.tiles {
            (self.line, self.tile, self.place) = (self.line + 1, 0, self.first);
        } else {
            self.place = pass.next(self.place);
        }
        this
    }

    /// Asks for some of what the tiles read.
    #[inline(always)]
    pub(super) fn inputs(&mut self, pass: &Pass<'_>, matrix: usize) {
        for _ in 0..self.share(matrix) {
            let (line, place) = self.next(pass);
            ask_for_inputs(pass, line, place);
        }
    }

    /// Asks for some of what the tiles write.
    #[inline(always)]
    pub(super) fn outputs(&mut self, pass: &Pass<'_>, matrix: usize) {
        for _ in 0..self.share(matrix) {
            let (line, place) = self.next(pass);
            ask_for_outputs(pass, line, place);
        }
    }
}

/// Asks for what a tile reads that those on its left have not read.
#[inline(always)]
pub(super) fn ask_for_inputs(pass: &Pass<'_>, line: usize, place: [usize; 3]) {
    let [picture, down, across] = place;
    let [height, width] = pass.size;
    let step = pass.convolution.outputs_of_tile();
    let plane = (picture * pass.depth[0] + line) * height * width;
    // Where a tile begins in the padding, its last columns are asked for by the next.
    let (top, left) = (down * step, across * step);
    for i in 0..INPUT {
        let row = (top + i).wrapping_sub(pass.offset[0]);
        if row < height {
            for j in 0..step.min(width.saturating_sub(left)) {
                prefetch_for_later(pass.input, plane + row * width + left + j);
            }
        }
    }
}

/// Asks for what a tile writes, and for the activations through which derivatives go back.
#[inline(always)]
pub(super) fn ask_for_outputs(pass: &Pass<'_>, line: usize, place: [usize; 3]) {
    let [picture, down, across] = place;
    let [height, width] = pass.result;
    let step = pass.convolution.outputs_of_tile();
    let plane = (picture * pass.depth[1] + pass.first + line) * height * width;
    let (top, left) = (down * step, across * step);
    for i in 0..step.min(height - top) {
        for j in 0..step.min(width - left) {
            let at = plane + (top + i) * width + left + j;
            prefetch_to_write(&pass.output, at);
            if let Some((_, given)) = pass.behind.mask {
                prefetch_for_later(given, at);
            }
        }
    }
    if let Some(pooled) = &pass.behind.pooled {
        let [height, width] = [height / 2, width / 2];
        let plane = (picture * pass.depth[1] + line) * height * width;
        for i in 0..step / 2 {
            for j in 0..step / 2 {
                let at = plane + (top / 2 + i) * width + left / 2 + j;
                prefetch_to_write(pooled, at);
            }
        }
    }
}
