//! Tasks of a depthwise convolution: rows of one block of channels.

use rayon::prelude::*;

use crate::blocks::Blocks;
use crate::convolution::Activation;
use crate::finish::finish;
use crate::lanes::{Lanes, Line};
use crate::phase::{Phase, region_of};
use crate::positions::Positions;
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
            match (phase.kernel, phase.stride) {
                ([3, 3], 1) => filter.rows::<L, 3, 3, 1>(lanes, &positions, to),
                ([3, 3], 2) => filter.rows::<L, 3, 3, 2>(lanes, &positions, to),
                // Phases of the derivative at stride 2.
                ([2, 2], 1) => filter.rows::<L, 2, 2, 1>(lanes, &positions, to),
                ([2, 1], 1) => filter.rows::<L, 2, 1, 1>(lanes, &positions, to),
                ([1, 2], 1) => filter.rows::<L, 1, 2, 1>(lanes, &positions, to),
                ([1, 1], 1) => filter.rows::<L, 1, 1, 1>(lanes, &positions, to),
                _ => {
                    let mut walk = positions.walk();
                    for _ in 0..positions.rows * positions.columns {
                        filter.one(lanes, walk.next(), to);
                    }
                }
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
    /// All positions, with filters of `H` rows and `W` columns at every `S`-th position.
    #[inline(always)]
    fn rows<L: Lanes, const H: usize, const W: usize, const S: usize>(
        &self,
        lanes: L,
        positions: &Positions,
        to: &mut [Line],
    ) {
        for row in 0..positions.rows {
            let (from, place) =
                (positions.from + row * positions.from_row, positions.to + row * positions.to_row);
            let mut column = 0;
            if L::PANEL == 4 {
                while positions.columns - column >= 8 {
                    let at = [from + column * S, place + column * positions.to_column];
                    self.tile::<L, H, W, S, 8>(lanes, at, positions.to_column, to);
                    column += 8;
                }
            }
            while positions.columns - column >= 4 {
                let at = [from + column * S, place + column * positions.to_column];
                self.tile::<L, H, W, S, 4>(lanes, at, positions.to_column, to);
                column += 4;
            }
            while positions.columns > column {
                let at = [from + column * S, place + column * positions.to_column];
                self.tile::<L, H, W, S, 1>(lanes, at, positions.to_column, to);
                column += 1;
            }
        }
    }

    /// `R` positions of one row.
    #[inline(always)]
    fn tile<L: Lanes, const H: usize, const W: usize, const S: usize, const R: usize>(
        &self,
        lanes: L,
        [from, place]: [usize; 2],
        apart: usize,
        to: &mut [Line],
    ) {
        let mut sums = [[lanes.load(self.bias)]; R];
        let (weights, _) = self.weights.as_chunks::<W>();
        let weights = &weights[..H];
        for row in 0..H {
            let lines = &self.view.lines[from + row * self.view.row..][..(R - 1) * S + W];
            for column in 0..W {
                let weight = lanes.load(&weights[row][column]);
                for r in 0..R {
                    let line = lanes.load(&lines[r * S + column]);
                    sums[r][0] = lanes.mul_add(line, weight, sums[r][0]);
                }
            }
        }
        finish::<L, R, 1>(lanes, self.activation, &mut sums);
        let to = &mut to[place..][..(R - 1) * apart + 1];
        for r in 0..R {
            lanes.store(&mut to[r * apart], sums[r][0]);
        }
    }

    /// One position.
    #[inline(always)]
    fn one<L: Lanes>(&self, lanes: L, (from, place): (usize, usize), to: &mut [Line]) {
        let [rows, columns] = self.kernel;
        let mut sum = lanes.load(self.bias);
        for row in 0..rows {
            let lines = &self.view.lines[from + row * self.view.row..][..columns];
            for (line, weight) in lines.iter().zip(&self.weights[row * columns..]) {
                sum = lanes.mul_add(lanes.load(line), lanes.load(weight), sum);
            }
        }
        let mut sums = [[sum]];
        finish::<L, 1, 1>(lanes, self.activation, &mut sums);
        lanes.store(&mut to[place], sums[0][0]);
    }
}
