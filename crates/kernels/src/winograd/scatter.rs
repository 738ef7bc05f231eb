//! From the 36 products to outputs, and to what is made of them on the way.

use std::ops::Range;

use super::ahead::{LARGE, NEAR, ask_for_outputs};
use super::pass::Pass;
use super::transform::{self, INPUT, PRODUCTS};
use crate::finish::finish;
use crate::lanes::{Lanes, Line};
use crate::prefetch::prefetch_for_later;
use crate::relu::passed;

impl Pass<'_> {
    /// Transforms the products of tiles in one line of outputs back, and stores them: that of tile `t`
    /// in matrix `m` stands at `m·space + t·lines + line`; unless they are `NEAR`, they are asked for a
    /// tile ahead.
    #[inline(always)]
    pub(super) fn scatter<L: Lanes, const REACH: u8>(
        &self,
        lanes: L,
        line: usize,
        tiles: Range<usize>,
        space: usize,
        products: &[Line],
    ) {
        match self.convolution.side {
            3 => self.scatter_outputs::<L, REACH, 4>(lanes, line, tiles, space, products),
            _ => self.scatter_outputs::<L, REACH, 2>(lanes, line, tiles, space, products),
        }
    }

    #[inline(always)]
    fn scatter_outputs<L: Lanes, const REACH: u8, const OUT: usize>(
        &self,
        lanes: L,
        line: usize,
        tiles: Range<usize>,
        space: usize,
        products: &[Line],
    ) {
        let [height, width] = self.result;
        let stride = self.convolution.packed.lines;
        let zero = lanes.splat(0.0);
        let bias = lanes.load(&self.convolution.bias[line]);
        let activation = self.convolution.activation;
        let first = tiles.start;
        let last = (PRODUCTS - 1) * space + (tiles.len() - 1) * stride + line;
        assert!(last < products.len());
        let mut place = self.place(first);
        for tile in tiles {
            let [picture, down, across] = place;
            place = self.next(place);
            let mut columns = [[zero; OUT]; INPUT];
            let from = (tile - first) * stride + line;
            if REACH != NEAR {
                if REACH == LARGE {
                    ask_for_outputs(self, line, place);
                }
                for matrix in 0..PRODUCTS {
                    prefetch_for_later(products, matrix * space + from + stride);
                }
            }
            for j in 0..INPUT {
                let mut column = [zero; INPUT];
                for i in 0..INPUT {
                    let place = (i * INPUT + j) * space + from;
                    // SAFETY: the largest such place was found to lie within the slice.
                    #[allow(unsafe_code)]
                    let product = unsafe { products.get_unchecked(place) };
                    column[i] = lanes.load(product);
                }
                columns[j] = transform::output::<L, OUT>(lanes, column);
            }
            let plane = (picture * self.depth[1] + self.first + line) * height * width;
            let (top, left) = (down * OUT, across * OUT);
            let count = OUT.min(width - left);
            let mut above = [zero; OUT];
            for i in 0..OUT.min(height - top) {
                let mut row = [zero; INPUT];
                for j in 0..INPUT {
                    row[j] = columns[j][i];
                }
                let mut sums = [transform::output::<L, OUT>(lanes, row)];
                for sum in &mut sums[0] {
                    *sum = lanes.add(*sum, bias);
                }
                finish::<L, 1, OUT>(lanes, activation, &mut sums);
                let start = plane + (top + i) * width + left;
                if let Some((activation, given)) = self.behind.mask {
                    let given = &given[start..start + count];
                    for (sum, given) in sums[0].iter_mut().zip(given) {
                        *sum = passed(lanes, activation, lanes.load(given), *sum);
                    }
                }
                // SAFETY: these positions belong to this tile, and each tile in each line of outputs
                // is scattered by one task.
                #[allow(unsafe_code)]
                let to = unsafe { self.output.part(start..start + count) };
                match to.as_mut_array::<OUT>() {
                    Some(to) => {
                        for j in 0..OUT {
                            lanes.store(&mut to[j], sums[0][j]);
                        }
                    }
                    // One by one: a copy of few lines would be a call.
                    None => {
                        for j in 0..OUT - 1 {
                            if let Some(to) = to.get_mut(j) {
                                lanes.store(to, sums[0][j]);
                            }
                        }
                    }
                }
                if i % 2 == 0 {
                    above = sums[0];
                } else if let Some(pooled) = &self.behind.pooled {
                    let plane = (picture * self.depth[1] + line) * (height / 2) * (width / 2);
                    let start = plane + (top + i) / 2 * (width / 2) + left / 2;
                    // SAFETY: windows of 2×2 begin at even outputs, as tiles do, so that these
                    // positions belong to this tile, and each tile in each line of outputs is scattered
                    // by one task.
                    #[allow(unsafe_code)]
                    let to = unsafe { pooled.part(start..start + count / 2) };
                    for (j, to) in to.iter_mut().enumerate().take(OUT / 2) {
                        let below = [sums[0][2 * j], sums[0][2 * j + 1]];
                        let mut largest = lanes.larger(above[2 * j], above[2 * j + 1]);
                        largest = lanes.larger(largest, below[0]);
                        lanes.store(to, lanes.larger(largest, below[1]));
                    }
                }
            }
        }
    }
}
