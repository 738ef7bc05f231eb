//! Tasks of a first convolution: rows of outputs, all channels.

use std::ops::Range;

use rayon::prelude::*;

use super::First;
use super::pooling::Pooling;
use crate::blocks::Blocks;
use crate::convolution::Padding;
use crate::disjoint::Disjoint;
use crate::finish::finish;
use crate::lanes::{LANES, Lanes, Line};
use crate::max_pool::MaxPool;
use crate::phase::{Phase, region_of};
use crate::positions::{Positions, Walk};
use crate::prefetch::prefetch_for_later;
use crate::processor::Kernel;
use crate::region::View;
use crate::scratch::with_lines;

/// Multiplications of a task, about: a twentieth of a millisecond.
const WORK: usize = 1 << 22;

/// Tiles by which memory is asked for before it is written.
const AHEAD: usize = 2;

pub(super) fn run(
    first: &First,
    shape: [usize; 4],
    planes: &[f32],
    padding: Padding,
    output: &mut Blocks,
    pool: Option<(&MaxPool, &mut Blocks)>,
) {
    let [batch, channels, height, width] = shape;
    let [_, _, out_height, out_width] = output.shape();
    let phase = Phase::forward(first.kernel, first.stride, padding, [out_height, out_width]);
    let per_row = out_width * first.shape.depth * first.outputs;
    let rows = (WORK / per_row.max(1)).clamp(1, out_height);
    let strips = out_height.div_ceil(rows);
    let rows = out_height.div_ceil(strips);
    let strips = out_height.div_ceil(rows);
    let rows_of = |strip: usize| strip * rows..out_height.min((strip + 1) * rows);
    let (plane, depth) = (out_height * out_width, output.depth());
    let pooling = pool.map(|(pool, pooled)| Pooling::new(pool, [out_height, out_width], pooled));
    let shared = Disjoint::new(output.lines_mut());
    let task = |index: usize| {
        let (picture, strip) = (index / strips, index % strips);
        let rows = rows_of(strip);
        let Some(region) = region_of([&phase].into_iter(), rows.clone()) else { return };
        let own = &planes[picture * channels * height * width..][..channels * height * width];
        let compute = |view: View<'_, f32>| {
            let from =
                view.place(phase.start[0] + (rows.start * first.stride) as isize, phase.start[1]);
            let positions = Positions {
                rows: rows.len(),
                columns: out_width,
                from,
                from_row: first.stride * view.row,
                from_column: first.stride,
                to: 0,
                to_row: out_width,
                to_column: 1,
            };
            let start = picture * depth * plane + rows.start * out_width;
            let part = start..start + rows.len() * out_width;
            first.processor.run(Strip { first, view, positions, output: &shared, plane, part });
        };
        if region.within([height, width]) {
            compute(View { lines: own, plane: height * width, row: width, origin: [0; 2] });
        } else {
            with_lines((channels * region.plane()).div_ceil(LANES), |scratch| {
                let numbers = &mut bytemuck::cast_slice_mut(scratch)[..channels * region.plane()];
                compute(region.copy(own, [height, width], numbers));
            });
        }
        if let Some(pooling) = &pooling {
            for line in picture * depth..(picture + 1) * depth {
                let start = line * plane;
                // SAFETY: a task alone writes these rows, and is done with it; others read them after all tasks.
                #[allow(unsafe_code)]
                let from = unsafe {
                    shared.part(start + rows.start * out_width..start + rows.end * out_width)
                };
                pooling.within(first.processor, line, &rows, from);
            }
        }
    };
    let tasks = batch * strips;
    if tasks == 1 {
        task(0)
    } else {
        (0..tasks).into_par_iter().for_each(task)
    }
    if let Some(pooling) = pooling {
        let strips: Vec<Range<usize>> = (0..strips).map(rows_of).collect();
        pooling.between(first.processor, &strips, output);
    }
}

struct Strip<'a> {
    first: &'a First,
    view: View<'a, f32>,
    positions: Positions,
    output: &'a Disjoint<'a, Line>,
    plane: usize,
    /// Lines of the first plane.
    part: Range<usize>,
}

impl Kernel for Strip<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let lines = self.first.shape.lines;
        let mut line = 0;
        while line < lines {
            let width = L::PANEL.min(lines - line);
            // Only where panels can be so wide is it worth compiling.
            if L::PANEL == 4 {
                match width {
                    4 => self.panel::<L, 6, 4>(lanes, line),
                    3 => self.panel::<L, 8, 3>(lanes, line),
                    2 => self.panel::<L, 8, 2>(lanes, line),
                    _ => self.panel::<L, 8, 1>(lanes, line),
                }
            } else {
                self.panel::<L, 6, 1>(lanes, line);
            }
            line += width;
        }
    }
}

impl Strip<'_> {
    /// The outputs of `W` lines from the line `line`.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn panel<L: Lanes, const R: usize, const W: usize>(&self, lanes: L, line: usize) {
        let mut to: [&mut [Line]; W] = std::array::from_fn(|w| {
            let skipped = (line + w) * self.plane;
            // SAFETY: a task alone writes these rows of the planes of this picture, and the parts that
            // it takes for one panel are gone before it takes those of the next.
            unsafe { self.output.part(self.part.start + skipped..self.part.end + skipped) }
        });
        let depth = self.first.shape.depth;
        let (weights, _) = self.first.weights[line * depth..][..W * depth].as_chunks::<W>();
        let mut walk = self.positions.walk();
        let mut left = self.part.len();
        while left >= R {
            self.tile::<L, R, W>(lanes, line, weights, &mut walk, &mut to);
            left -= R;
        }
        while left >= 3 {
            self.tile::<L, 3, W>(lanes, line, weights, &mut walk, &mut to);
            left -= 3;
        }
        while left >= 1 {
            self.tile::<L, 1, W>(lanes, line, weights, &mut walk, &mut to);
            left -= 1;
        }
    }

    #[inline(always)]
    fn tile<L: Lanes, const R: usize, const W: usize>(
        &self,
        lanes: L,
        line: usize,
        weights: &[[Line; W]],
        walk: &mut Walk,
        to: &mut [&mut [Line]; W],
    ) {
        let (mut from, mut places) = ([0; R], [0; R]);
        for r in 0..R {
            (from[r], places[r]) = walk.next();
        }
        // Outputs follow each other, and there are more of them than a cache holds.
        for w in 0..W {
            for r in 0..R {
                prefetch_for_later(to[w], places[r] + AHEAD * R);
            }
        }
        let mut sums = [[lanes.splat(0.0); W]; R];
        for w in 0..W {
            let bias = lanes.load(&self.first.bias[line + w]);
            for r in 0..R {
                sums[r][w] = bias;
            }
        }
        let [rows, columns] = self.first.kernel;
        let mut rest = weights;
        for channel in 0..self.first.inputs {
            for row in 0..rows {
                let offset = channel * self.view.plane + row * self.view.row;
                let mut numbers = [self.view.lines; R];
                for r in 0..R {
                    numbers[r] = &self.view.lines[from[r] + offset..][..columns];
                }
                let (now, after) = rest.split_at(columns);
                rest = after;
                for column in 0..columns {
                    let mut right = [lanes.splat(0.0); W];
                    for w in 0..W {
                        right[w] = lanes.load(&now[column][w]);
                    }
                    for r in 0..R {
                        let left = lanes.splat(numbers[r][column]);
                        for w in 0..W {
                            sums[r][w] = lanes.mul_add(left, right[w], sums[r][w]);
                        }
                    }
                }
            }
        }
        finish::<L, R, W>(lanes, self.first.activation, &mut sums);
        for w in 0..W {
            for r in 0..R {
                lanes.store(&mut to[w][places[r]], sums[r][w]);
            }
        }
        let rest = self.first.outputs % LANES;
        if rest > 0 && line + W == self.first.shape.lines {
            for r in 0..R {
                to[W - 1][places[r]].0[rest..].fill(0.0);
            }
        }
    }
}
