//! Tasks of a depthwise convolution: rows of one block of channels.

use rayon::prelude::*;

use crate::blocks::Blocks;
use crate::convolution::Activation;
use crate::finish::finish;
use crate::lanes::{Lanes, Line};
use crate::phase::{Phase, region_of};
use crate::positions::{Positions, Walk};
use crate::processor::{Kernel, Processor};
use crate::region::View;
use crate::scratch::with_lines;

/// A convolution as phases, each with its own filters, that together fill rows of outputs.
pub(super) struct Run<'a> {
    pub(super) processor: Processor,
    pub(super) phases: &'a [(Phase, &'a [Line])],
    pub(super) bias: &'a [Line],
    pub(super) activation: Activation,
}

/// Positions of a task, about.
const POSITIONS: usize = 2048;
/// Positions whose sums are in registers together.
const TILE: usize = 8;

impl Run<'_> {
    pub(super) fn run(&self, input: &Blocks, output: &mut Blocks) {
        let [_, _, height, width] = output.shape();
        let [_, _, in_height, in_width] = input.shape();
        let depth = input.depth();
        let rows = (POSITIONS / width).clamp(1, height);
        let rows = height.div_ceil(height.div_ceil(rows));
        let parts: Vec<(usize, usize, &mut [Line])> = output
            .lines_mut()
            .chunks_exact_mut(height * width)
            .enumerate()
            .flat_map(|(plane, to)| {
                let parts = to.chunks_mut(rows * width).enumerate();
                parts.map(move |(strip, to)| (plane, strip * rows, to))
            })
            .collect();
        parts.into_par_iter().for_each(|(plane, first, to)| {
            let size = [in_height, in_width];
            let area = in_height * in_width;
            let from = &input.lines()[plane * area..][..area];
            let own = View { lines: from, plane: area, row: in_width, origin: [0; 2] };
            let rows = first..first + to.len() / width;
            let task = Task { run: self, block: plane % depth, rows: rows.clone(), width };
            match region_of(self.phases.iter().map(|(phase, _)| phase), rows) {
                Some(region) if !region.within(size) => with_lines(region.plane(), |scratch| {
                    let view = region.copy(from, size, scratch);
                    self.processor.run(OnView { task: &task, view, to });
                }),
                _ => self.processor.run(OnView { task: &task, view: own, to }),
            }
        });
    }
}

struct Task<'a> {
    run: &'a Run<'a>,
    block: usize,
    rows: std::ops::Range<usize>,
    width: usize,
}

struct OnView<'a> {
    task: &'a Task<'a>,
    view: View<'a>,
    to: &'a mut [Line],
}

impl Kernel for OnView<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { task, view, to } = self;
        for (phase, weights) in task.run.phases {
            let rows = phase.rows_in(task.rows.clone());
            if rows.is_empty() || phase.count[1] == 0 {
                continue;
            }
            let taps = phase.kernel[0] * phase.kernel[1];
            let from = match taps {
                0 => 0,
                _ => view
                    .place(phase.start[0] + (rows.start * phase.stride) as isize, phase.start[1]),
            };
            let first = phase.first[0] + rows.start * phase.step - task.rows.start;
            let positions = Positions {
                rows: rows.len(),
                columns: phase.count[1],
                from,
                from_row: phase.stride * view.row,
                from_column: phase.stride,
                to: first * task.width + phase.first[1],
                to_row: phase.step * task.width,
                to_column: phase.step,
            };
            let filter = Filter {
                view,
                kernel: phase.kernel,
                weights: &weights[task.block * taps..][..taps],
                bias: &task.run.bias[task.block],
                activation: task.run.activation,
            };
            let mut left = rows.len() * phase.count[1];
            let mut walk = positions.walk();
            while left >= TILE {
                filter.tile::<L, TILE>(lanes, &mut walk, to);
                left -= TILE;
            }
            while left > 0 {
                filter.tile::<L, 1>(lanes, &mut walk, to);
                left -= 1;
            }
        }
    }
}

struct Filter<'a> {
    view: View<'a>,
    kernel: [usize; 2],
    weights: &'a [Line],
    bias: &'a Line,
    activation: Activation,
}

impl Filter<'_> {
    #[inline(always)]
    fn tile<L: Lanes, const R: usize>(&self, lanes: L, walk: &mut Walk, to: &mut [Line]) {
        let (mut from, mut places) = ([0; R], [0; R]);
        for r in 0..R {
            (from[r], places[r]) = walk.next();
        }
        let [rows, columns] = self.kernel;
        let mut sums = [[lanes.load(self.bias)]; R];
        for row in 0..rows {
            let weights = &self.weights[row * columns..][..columns];
            let mut lines = [self.view.lines; R];
            for r in 0..R {
                lines[r] = &self.view.lines[from[r] + row * self.view.row..][..columns];
            }
            for column in 0..columns {
                let weight = lanes.load(&weights[column]);
                for r in 0..R {
                    sums[r][0] = lanes.mul_add(lanes.load(&lines[r][column]), weight, sums[r][0]);
                }
            }
        }
        finish::<L, R, 1>(lanes, self.activation, &mut sums);
        for r in 0..R {
            lanes.store(&mut to[places[r]], sums[r][0]);
        }
    }
}
