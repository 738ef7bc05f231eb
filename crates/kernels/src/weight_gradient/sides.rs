//! The two sides of the product: which numbers are spread, and which stand in lines.

use std::ops::Range;

use super::pack::pack;
use super::tile::{ROWS, Walk, tiles};
use super::{CHUNK, POSITIONS, PlaneConvolution};
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::Kernel;

/// The weights between a few inputs and a few outputs.
pub(super) struct Block<'a> {
    pub(super) convolution: &'a PlaneConvolution,
    /// Shape of the output.
    pub(super) output: [usize; 4],
    pub(super) inputs: Range<usize>,
    pub(super) outputs: Range<usize>,
    /// Lines are made of the input; else of the upstream gradient.
    pub(super) lines_of_input: bool,
}

impl Block<'_> {
    /// Lines of a position.
    fn depth(&self) -> usize {
        let channels = if self.lines_of_input { &self.inputs } else { &self.outputs };
        channels.len().div_ceil(LANES)
    }

    /// Rows and columns of the input under `rows` rows of output.
    fn under(&self, rows: usize) -> [usize; 2] {
        let PlaneConvolution { kernel, stride, .. } = *self.convolution;
        [(rows - 1) * stride + kernel[0], (self.output[3] - 1) * stride + kernel[1]]
    }

    /// Lines that the positions of `rows` rows take.
    fn lines(&self, rows: usize) -> usize {
        let positions = match self.lines_of_input {
            true => self.under(rows).iter().product(),
            false => rows * self.output[3],
        };
        positions * self.depth()
    }

    /// Numbers of the input that are spread: rows of all columns of filters.
    fn spread(&self, rows: usize) -> usize {
        match self.lines_of_input {
            true => 0,
            false => {
                let columns = self.convolution.kernel[1] * self.output[3];
                self.inputs.len() * self.under(rows)[0] * columns
            }
        }
    }

    /// Lines that a chunk needs.
    pub(super) fn scratch(&self, rows: usize) -> usize {
        self.lines(rows) + self.spread(rows).div_ceil(LANES)
    }

    /// Rows of a chunk.
    pub(super) fn rows(&self) -> usize {
        let [.., height, width] = self.output;
        let bytes = |rows| self.scratch(rows) * size_of::<Line>();
        let fits = |&rows: &usize| bytes(rows) <= CHUNK && rows * width <= POSITIONS;
        (1..=height).take_while(fits).last().unwrap_or(1)
    }

    /// Lines of sums: those of the weights, then those of the bias.
    pub(super) fn sums(&self) -> usize {
        let [rows, columns] = self.convolution.kernel;
        let spread = if self.lines_of_input { &self.outputs } else { &self.inputs };
        spread.len() * rows * columns * self.depth() + self.outputs.len().div_ceil(LANES)
    }

    /// The weights and the bias of one output from where they were summed.
    pub(super) fn bring(&self, channel: usize, sums: &[Line], weights: &mut [f32], bias: &mut f32) {
        let taps = self.convolution.kernel[0] * self.convolution.kernel[1];
        let (channel, row) = (channel - self.outputs.start, taps * self.depth() * LANES);
        let sums: &[f32] = bytemuck::cast_slice(&sums[..self.sums()]);
        let (sums, biases) = sums.split_at(sums.len() - self.outputs.len().next_multiple_of(LANES));
        let weights = &mut weights[self.inputs.start * taps..self.inputs.end * taps];
        for (input, weights) in weights.chunks_exact_mut(taps).enumerate() {
            let (first, step) = match self.lines_of_input {
                true => (channel * row + input, self.depth() * LANES),
                false => (input * row + channel, self.depth() * LANES),
            };
            let sums = sums[first..].iter().step_by(step);
            for (weight, &sum) in weights.iter_mut().zip(sums) {
                *weight = sum;
            }
        }
        if self.inputs.start == 0 {
            *bias = biases[channel];
        }
    }
}

/// Adds what one chunk contributes.
pub(super) struct Sums<'a> {
    pub(super) block: &'a Block<'a>,
    pub(super) picture: usize,
    /// Rows of the output.
    pub(super) rows: Range<usize>,
    pub(super) input: &'a [f32],
    pub(super) upstream: &'a [f32],
    pub(super) lines: &'a mut [Line],
    /// As many as [`Block::scratch`] says.
    pub(super) scratch: &'a mut [Line],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Block { convolution, output, .. } = self.block;
        let [_, inputs, height, width] = convolution.input;
        let area = height * width;
        let planes = self.picture * inputs + self.block.inputs.start;
        let input = &self.input[planes * area..][..self.block.inputs.len() * area];
        let area = output[2] * output[3];
        let planes = self.picture * output[1] + self.block.outputs.start;
        let upstream = &self.upstream[planes * area..][..self.block.outputs.len() * area];
        let (sums, bias) =
            self.lines.split_at_mut(self.lines.len() - self.block.outputs.len().div_ceil(LANES));
        let (scratch, spread) = self.scratch.split_at_mut(self.block.lines(self.rows.len()));
        let spread = bytemuck::cast_slice_mut(spread);
        let task = Task { block: self.block, rows: self.rows, input, upstream, bias };
        match self.block.lines_of_input {
            true => of_input(lanes, task, scratch, sums),
            false => of_upstream(lanes, task, scratch, spread, sums),
        }
    }
}

struct Task<'a> {
    block: &'a Block<'a>,
    rows: Range<usize>,
    /// The planes of the block's inputs.
    input: &'a [f32],
    /// The planes of the block's outputs.
    upstream: &'a [f32],
    bias: &'a mut [Line],
}

/// Lines of the input with its padding; numbers of the upstream gradient are spread.
#[inline(always)]
fn of_input<L: Lanes>(lanes: L, task: Task<'_>, scratch: &mut [Line], sums: &mut [Line]) {
    let Task { block, rows, input, upstream, bias } = task;
    let PlaneConvolution { kernel, stride, padding, .. } = *block.convolution;
    let [_, _, height, width] = block.convolution.input;
    let [.., out_height, out_width] = block.output;
    let depth = block.depth();
    let columns = block.under(rows.len())[1];
    let left = padding.columns[0].min(columns);
    let present = width.min(columns - left);
    for (under, line) in scratch.chunks_exact_mut(columns * depth).enumerate() {
        let row = (rows.start * stride + under).checked_sub(padding.rows[0]);
        let Some(row) = row.filter(|&row| row < height) else {
            line.fill(Line::ZERO);
            continue;
        };
        line[..left * depth].fill(Line::ZERO);
        line[(left + present) * depth..].fill(Line::ZERO);
        for (block, planes) in input.chunks(LANES * height * width).enumerate() {
            let to = &mut line[left * depth + block..];
            pack(lanes, planes, height * width, row * width, present, to, depth);
        }
    }
    let area = out_height * out_width;
    let walk = Walk {
        numbers: upstream,
        positions: [rows.len(), out_width],
        row: out_width,
        lines: [stride * columns * depth, stride * depth],
    };
    let across = kernel[1] * depth;
    let first = rows.start * out_width;
    for channel in (0..block.outputs.len()).step_by(ROWS) {
        let count = ROWS.min(block.outputs.len() - channel);
        let mut firsts = [0; ROWS];
        for (r, place) in firsts.iter_mut().enumerate() {
            *place = (channel + r) * area + first;
        }
        let firsts = &firsts[..count];
        for row in 0..kernel[0] {
            let from = &scratch[row * columns * depth..];
            let to = &mut sums[(channel * kernel[0] + row) * across..];
            tiles(lanes, walk, firsts, from, across, to, kernel[0] * across);
        }
        if block.inputs.start == 0 {
            for (r, &first) in firsts.iter().enumerate() {
                let plane = &upstream[first..][..rows.len() * out_width];
                bias[(channel + r) / LANES].0[(channel + r) % LANES] += sum(lanes, plane);
            }
        }
    }
}

/// Lines of the upstream gradient; numbers of the input are spread.
#[inline(always)]
fn of_upstream<L: Lanes>(
    lanes: L,
    task: Task<'_>,
    scratch: &mut [Line],
    spread: &mut [f32],
    sums: &mut [Line],
) {
    let Task { block, rows, input, upstream, bias } = task;
    let PlaneConvolution { kernel, stride, padding, .. } = *block.convolution;
    let [_, _, height, width] = block.convolution.input;
    let [.., out_height, out_width] = block.output;
    let depth = block.depth();
    let area = out_height * out_width;
    let count = rows.len() * out_width;
    for (block, planes) in upstream.chunks(LANES * area).enumerate() {
        let to = &mut scratch[block..];
        pack(lanes, planes, area, rows.start * out_width, count, to, depth);
    }
    if block.inputs.start == 0 {
        for (block, bias) in bias.iter_mut().enumerate() {
            let mut sum = lanes.load(bias);
            for position in scratch.chunks_exact(depth) {
                sum = lanes.add(sum, lanes.load(&position[block]));
            }
            lanes.store(bias, sum);
        }
    }
    // Of every row of the input, what each column of a filter sees.
    let under = block.under(rows.len())[0];
    for (channel, plane) in input.chunks_exact(height * width).enumerate() {
        for row in 0..under {
            let from = (rows.start * stride + row).checked_sub(padding.rows[0]);
            let from = from.filter(|&row| row < height).map(|row| &plane[row * width..][..width]);
            for column in 0..kernel[1] {
                let place = ((channel * under + row) * kernel[1] + column) * out_width;
                let to = &mut spread[place..][..out_width];
                let Some(from) = from else {
                    to.fill(0.0);
                    continue;
                };
                // Windows from the first that has this column within the input to the last.
                let before = padding.columns[0].saturating_sub(column).div_ceil(stride);
                let before = before.min(out_width);
                let start = (before * stride + column).saturating_sub(padding.columns[0]);
                let inside = width.saturating_sub(start).div_ceil(stride).min(out_width - before);
                to[..before].fill(0.0);
                to[before + inside..].fill(0.0);
                let to = &mut to[before..before + inside];
                if stride == 1 {
                    to.copy_from_slice(&from[start..][..inside]);
                } else if inside > 0 {
                    for (to, &number) in to.iter_mut().zip(from[start..].iter().step_by(stride)) {
                        *to = number;
                    }
                }
            }
        }
    }
    let walk = Walk {
        numbers: spread,
        positions: [rows.len(), out_width],
        row: stride * kernel[1] * out_width,
        lines: [out_width * depth, depth],
    };
    let taps = kernel[0] * kernel[1];
    for first in (0..block.inputs.len() * taps).step_by(ROWS) {
        let count = ROWS.min(block.inputs.len() * taps - first);
        let mut firsts = [0; ROWS];
        for (r, place) in firsts.iter_mut().enumerate() {
            let (channel, tap) = ((first + r) / taps, (first + r) % taps);
            *place = (channel * under * kernel[1] + tap) * out_width;
        }
        let to = &mut sums[first * depth..];
        tiles(lanes, walk, &firsts[..count], scratch, depth, to, depth);
    }
}

/// The sum of numbers, lane by lane.
#[inline(always)]
fn sum<L: Lanes>(lanes: L, numbers: &[f32]) -> f32 {
    let (lines, rest) = numbers.as_chunks::<LANES>();
    let mut sum = lanes.splat(0.0);
    for line in lines {
        sum = lanes.add(sum, lanes.read(line));
    }
    let mut sum = lanes.sum(sum);
    for number in rest {
        sum += number;
    }
    sum
}
