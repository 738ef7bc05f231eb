//! One run over a batch: how tiles are cut into tasks, and what is transformed from where to where.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::Winograd;
use super::tasks::{Block, Gather, Multiply, Scatter};
use super::transform::{self, INPUT, PRODUCTS};
use crate::convolution::Activation;
use crate::disjoint::Disjoint;
use crate::finish::finish;
use crate::lanes::{Lanes, Line};
use crate::product::Singly;
use crate::relu::passed;
use crate::scratch::with_lines;

/// What is done to outputs while they are in registers.
#[derive(Default)]
pub(super) struct Behind<'a> {
    /// The largest of every 2×2 of them, where they are wanted.
    pub(super) pooled: Option<Disjoint<'a, Line>>,
    /// What an activation gave, through which they go back.
    pub(super) mask: Option<(Activation, &'a [Line])>,
}

/// One run over a batch.
pub(super) struct Pass<'a> {
    pub(super) convolution: &'a Winograd,
    pub(super) input: &'a [Line],
    pub(super) output: Disjoint<'a, Line>,
    pub(super) behind: Behind<'a>,
    /// Blocks of channels of a picture in the input and in the output.
    pub(super) depth: [usize; 2],
    /// The first block of channels that is written.
    pub(super) first: usize,
    pub(super) size: [usize; 2],
    pub(super) result: [usize; 2],
    /// Rows and columns of zeros before the input.
    pub(super) offset: [usize; 2],
    pub(super) tiles: [usize; 2],
}

/// Lines between the starts of two of the 36 matrices: one more than they need, so that they do not
/// compete for the same sets of the cache.
fn spaced(tiles: usize, lines: usize) -> usize {
    tiles * lines + 1
}

impl Pass<'_> {
    pub(super) fn run(&self, total: usize) {
        let lines = self.convolution.packed.lines;
        let block = self.convolution.block();
        let blocks = total.div_ceil(block);
        let threads = rayon::current_num_threads();
        let read = self.convolution.lines_read();
        if blocks >= 2 * threads || threads == 1 {
            let next = AtomicUsize::new(0);
            let spaces = [spaced(block, read), spaced(block, lines)];
            rayon::scope(|scope| {
                for _ in 0..threads.min(blocks) {
                    scope.spawn(|_| {
                        with_lines(PRODUCTS * (spaces[0] + spaces[1]), |memory| {
                            let claim = || {
                                let first = next.fetch_add(1, Ordering::Relaxed) * block;
                                first.min(total)..(first + block).min(total)
                            };
                            let mut tiles = claim();
                            while !tiles.is_empty() {
                                let upcoming = claim();
                                self.block(tiles, &upcoming, spaces, memory);
                                tiles = upcoming;
                            }
                        });
                    });
                }
            });
            return;
        }
        // Few tiles: all of them go through the phases together.
        let spaces = [spaced(total, read), spaced(total, lines)];
        with_lines(PRODUCTS * (spaces[0] + spaces[1]), |memory| {
            let (left, products) = memory.split_at_mut(PRODUCTS * spaces[0]);
            let processor = self.convolution.processor;
            let shared = Disjoint::new(left);
            (0..read).into_par_iter().for_each(|line| {
                processor.run(Gather {
                    pass: self,
                    line,
                    tiles: total,
                    space: spaces[0],
                    to: &shared,
                });
            });
            let matrices = left.par_chunks_mut(spaces[0]).zip(products.par_chunks_mut(spaces[1]));
            matrices.enumerate().with_max_len(1).for_each(|(index, (left, to))| {
                let convolution = self.convolution;
                let shape = &convolution.packed;
                let (left, to) = (&mut left[..total * read], &mut to[..total * lines]);
                let right = &convolution.matrices[index * shape.len()..];
                if convolution.in_pairs {
                    processor.run_in_pairs(|terms| Multiply { terms, shape, left, right, to });
                } else {
                    processor.run(Multiply { terms: Singly, shape, left, right, to });
                }
            });
            let products = &*products;
            (0..lines).into_par_iter().for_each(|line| {
                processor.run(Scatter {
                    pass: self,
                    line,
                    tiles: total,
                    space: spaces[1],
                    products,
                });
            });
        });
    }

    /// All phases of one block of tiles.
    fn block(
        &self,
        tiles: Range<usize>,
        upcoming: &Range<usize>,
        spaces: [usize; 2],
        memory: &mut [Line],
    ) {
        let (pass, processor) = (self, self.convolution.processor);
        if self.convolution.in_pairs {
            processor.run_in_pairs(|terms| Block { terms, pass, tiles, upcoming, spaces, memory });
        } else {
            processor.run(Block { terms: Singly, pass, tiles, upcoming, spaces, memory });
        }
    }

    /// Picture, row and column of a tile.
    #[inline(always)]
    pub(super) fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.tiles;
        [tile / (down * across), tile / across % down, tile % across]
    }

    /// The same of the next tile.
    #[inline(always)]
    pub(super) fn next(&self, [mut picture, mut row, mut column]: [usize; 3]) -> [usize; 3] {
        column += 1;
        if column == self.tiles[1] {
            (row, column) = (row + 1, 0);
        }
        if row == self.tiles[0] {
            (picture, row) = (picture + 1, 0);
        }
        [picture, row, column]
    }

    /// Transforms the inputs of tiles in one block of channels, `line`: that of tile `t` in matrix `m`
    /// goes to `m·space + t·stride + line`.
    ///
    /// # Safety
    /// No other task uses the places of this line.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) unsafe fn gather<L: Lanes>(
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
        let zero = lanes.splat(0.0);
        let first = tiles.start;
        let mut place = self.place(first);
        for tile in tiles {
            let [picture, down, across] = place;
            place = self.next(place);
            let plane = (picture * self.depth[0] + line) * height * width;
            let plane = &self.input[plane..plane + height * width];
            // Before the input where the padding is.
            let (top, left) = (down * step, across * step);
            let (ahead, aside) = (self.offset[0], self.offset[1]);
            let inside = top >= ahead
                && left >= aside
                && top - ahead + INPUT <= height
                && left - aside + INPUT <= width;
            let mut columns = [[zero; INPUT]; INPUT];
            if inside {
                let corner = (top - ahead) * width + left - aside;
                let mut rows: [&[Line]; INPUT] = [&[]; INPUT];
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = &plane[corner + i * width..][..INPUT];
                }
                for j in 0..INPUT {
                    let mut column = [zero; INPUT];
                    for i in 0..INPUT {
                        column[i] = lanes.load(&rows[i][j]);
                    }
                    columns[j] = transform::input(lanes, column);
                }
            } else {
                for (j, to) in columns.iter_mut().enumerate() {
                    let mut column = [zero; INPUT];
                    let x = (left + j).wrapping_sub(aside);
                    for (i, to) in column.iter_mut().enumerate() {
                        let y = (top + i).wrapping_sub(ahead);
                        if y < height && x < width {
                            *to = lanes.load(&plane[y * width + x]);
                        }
                    }
                    *to = transform::input(lanes, column);
                }
            }
            for i in 0..INPUT {
                let mut row = [zero; INPUT];
                for j in 0..INPUT {
                    row[j] = columns[j][i];
                }
                let row = transform::input(lanes, row);
                for j in 0..INPUT {
                    let mut out = Line::ZERO;
                    lanes.store(&mut out, row[j]);
                    let place = (i * INPUT + j) * space + (tile - first) * stride + line;
                    // SAFETY: the largest such place was found to lie within `to`, and the caller
                    // promises that this line is gathered by one task.
                    unsafe { to.put(place, out) };
                }
            }
        }
    }

    /// Transforms the products of tiles in one line of outputs back, and stores them: that of tile `t`
    /// in matrix `m` stands at `m·space + t·lines + line`.
    #[inline(always)]
    pub(super) fn scatter<L: Lanes>(
        &self,
        lanes: L,
        line: usize,
        tiles: Range<usize>,
        space: usize,
        products: &[Line],
    ) {
        match self.convolution.side {
            3 => self.scatter_outputs::<L, 4>(lanes, line, tiles, space, products),
            _ => self.scatter_outputs::<L, 2>(lanes, line, tiles, space, products),
        }
    }

    #[inline(always)]
    fn scatter_outputs<L: Lanes, const OUT: usize>(
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
                let mut results = [Line::ZERO; OUT];
                for j in 0..OUT {
                    lanes.store(&mut results[j], sums[0][j]);
                }
                match to.as_mut_array::<OUT>() {
                    Some(to) => *to = results,
                    None => to.copy_from_slice(&results[..count]),
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
