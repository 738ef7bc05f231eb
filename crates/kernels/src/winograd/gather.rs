//! From inputs to the left sides of the 36 products.

use std::ops::Range;

use super::ahead::{LARGE, NEAR, ask_for_inputs};
use super::pass::Pass;
use super::transform::{self, INPUT, PRODUCTS};
use crate::disjoint::Disjoint;
use crate::lanes::{Lanes, Line};
use crate::prefetch::prefetch_to_write;

impl Pass<'_> {
    /// Transforms the inputs of tiles in one block of channels, `line`: that of tile `t` in matrix `m`
    /// goes to `m·space + t·stride + line`. Unless they are `NEAR`, places are asked for a tile ahead: 36 of them
    /// in as many parts of the memory.
    ///
    /// # Safety
    /// No other task uses the places of this line.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) unsafe fn gather<L: Lanes, const REACH: u8>(
        &self,
        lanes: L,
        line: usize,
        tiles: Range<usize>,
        space: usize,
        to: &Disjoint<'_, Line>,
    ) {
        let stride = self.convolution.lines_read();
        assert!((PRODUCTS - 1) * space + (tiles.len() - 1) * stride + line < to.len());
        let [height, width] = self.size;
        let step = self.convolution.outputs_of_tile();
        let first = tiles.start;
        let mut place = self.place(first);
        for tile in tiles {
            let [picture, down, across] = place;
            place = self.next(place);
            if REACH != NEAR {
                if REACH == LARGE {
                    ask_for_inputs(self, line, place);
                }
                for matrix in 0..PRODUCTS {
                    prefetch_to_write(to, matrix * space + (tile + 1 - first) * stride + line);
                }
            }
            let plane = (picture * self.depth[0] + line) * height * width;
            let plane = &self.input[plane..plane + height * width];
            // Before the input where the padding is.
            let (top, left) = (down * step, across * step);
            let (ahead, aside) = (self.offset[0], self.offset[1]);
            let inside = top >= ahead
                && left >= aside
                && top - ahead + INPUT <= height
                && left - aside + INPUT <= width;
            let mut copy;
            let mut rows: [&[Line]; INPUT] = [&[]; INPUT];
            if inside {
                let corner = (top - ahead) * width + left - aside;
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = &plane[corner + i * width..][..INPUT];
                }
            } else {
                copy = [[Line::ZERO; INPUT]; INPUT];
                for (i, to) in copy.iter_mut().enumerate() {
                    let y = (top + i).wrapping_sub(ahead);
                    for (j, to) in to.iter_mut().enumerate() {
                        let x = (left + j).wrapping_sub(aside);
                        if y < height && x < width {
                            *to = plane[y * width + x];
                        }
                    }
                }
                for (row, copy) in rows.iter_mut().zip(&copy) {
                    *row = copy;
                }
            }
            let at = (tile - first) * stride + line;
            // SAFETY: the largest place was found to lie within `to`, and the caller promises that this line is
            // gathered by one task.
            unsafe {
                gather_rows::<L, 0, 1>(lanes, &rows, at, space, to);
                gather_rows::<L, 1, 2>(lanes, &rows, at, space, to);
                gather_rows::<L, 3, 2>(lanes, &rows, at, space, to);
                gather_rows::<L, 5, 1>(lanes, &rows, at, space, to);
            }
        }
    }
}

/// `COUNT` of the six rows of matrices that come of six rows of inputs, from row `FIRST` on: all six at once are more
/// numbers than there are registers, and it is those of one transform that share their terms.
///
/// # Safety
/// `35·space + at` lies within `to`, and no other task uses the places `at + m·space`.
#[allow(unsafe_code)]
#[inline(always)]
unsafe fn gather_rows<L: Lanes, const FIRST: usize, const COUNT: usize>(
    lanes: L,
    rows: &[&[Line]; INPUT],
    at: usize,
    space: usize,
    to: &Disjoint<'_, Line>,
) {
    let zero = lanes.splat(0.0);
    let mut sums = [[zero; INPUT]; COUNT];
    for j in 0..INPUT {
        let mut column = [zero; INPUT];
        for i in 0..INPUT {
            column[i] = lanes.load(&rows[i][j]);
        }
        let column = transform::input(lanes, column);
        for n in 0..COUNT {
            sums[n][j] = column[FIRST + n];
        }
    }
    for n in 0..COUNT {
        let row = transform::input(lanes, sums[n]);
        for j in 0..INPUT {
            let mut out = Line::ZERO;
            lanes.store(&mut out, row[j]);
            // SAFETY: as the caller promises.
            unsafe { to.put(((FIRST + n) * INPUT + j) * space + at, out) };
        }
    }
}
