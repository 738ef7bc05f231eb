//! One run over a batch: how tiles are cut into tasks, and what is transformed from where to where.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::Winograd;
use super::ahead::{FAR, LARGE, NEAR};
use super::tasks::{Block, Gather, Multiply, Scatter};
use super::transform::PRODUCTS;
use crate::convolution::Activation;
use crate::disjoint::Disjoint;
use crate::lanes::Line;
use crate::product::Singly;
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

/// Lines that the second cache of a processor holds, about.
const SECOND_CACHE: usize = (1 << 20) / size_of::<Line>();

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
        if self.convolution.has_large_blocks() {
            self.block_within::<LARGE>(tiles, upcoming, spaces, memory);
        } else if PRODUCTS * (spaces[0] + spaces[1]) > SECOND_CACHE {
            self.block_within::<FAR>(tiles, upcoming, spaces, memory);
        } else {
            self.block_within::<NEAR>(tiles, upcoming, spaces, memory);
        }
    }

    fn block_within<const REACH: u8>(
        &self,
        tiles: Range<usize>,
        upcoming: &Range<usize>,
        spaces: [usize; 2],
        memory: &mut [Line],
    ) {
        let (pass, processor) = (self, self.convolution.processor);
        if self.convolution.in_pairs {
            processor.run_in_pairs(|terms| Block::<_, REACH> {
                terms,
                pass,
                tiles,
                upcoming,
                spaces,
                memory,
            });
        } else {
            let terms = Singly;
            processor.run(Block::<_, REACH> { terms, pass, tiles, upcoming, spaces, memory });
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
}
