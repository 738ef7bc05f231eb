//! The derivative of a first convolution with respect to the planes that it reads.
//!
//! Few inputs would leave most lanes empty. So for every window the derivatives of all numbers under it
//! are one row of a matrix product, and the rows are added up where the windows lie. A task owns rows of
//! all planes and takes every window that touches them, in order; windows across a border are computed
//! on both sides.

use std::ops::Range;

use rayon::prelude::*;

use super::First;
use crate::blocks::Blocks;
use crate::convolution::Padding;
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::Kernel;
use crate::product::{Packed, Singly, product};
use crate::scratch::with_lines;

/// Filters as the right side of the product: outputs by inputs, rows and columns.
pub(super) fn pack(first: &First) -> (Packed, Vec<Line>) {
    let depth = first.shape.lines * LANES;
    let numbers = first.shape.depth;
    let shape = Packed { depth, lines: numbers.div_ceil(LANES), panel: first.processor.panel() };
    let mut weights: Vec<Line> = bytemuck::zeroed_vec(shape.len());
    for output in 0..first.outputs {
        for number in 0..numbers {
            let from = first.weights[first.shape.place(number, output / LANES)];
            weights[shape.place(output, number / LANES)].0[number % LANES] = from.0[output % LANES];
        }
    }
    (shape, weights)
}

/// Multiplications of a task, about.
const WORK: usize = 1 << 22;
/// Windows whose rows of the product are in memory together.
const WINDOWS: usize = 48;

pub(super) fn run(
    first: &First,
    (shape, weights): &(Packed, Vec<Line>),
    upstream: &Blocks,
    padding: Padding,
    [height, width]: [usize; 2],
    gradient: &mut [f32],
) {
    let [batch, _, windows_down, windows_across] = upstream.shape();
    let per_window_row = windows_across * first.shape.depth * first.outputs;
    // Not less than what the windows across a border are outweighed by.
    let rows = (WORK / per_window_row.max(1)).max(1) * first.stride;
    let rows = rows.max(4 * first.kernel[0]).min(height);
    let strips = height.div_ceil(rows);
    // Columns that windows reach, from the padding on.
    let reach = (windows_across - 1) * first.stride + first.kernel[1];
    // A window is added while the numbers under the next one are fetched.
    let row = reach.max(padding.columns[0] + width) + first.stride;
    let depth = shape.depth / LANES;
    let plane = height * width;
    let shared = Disjoint::new(gradient);
    let task = |index: usize| {
        let (picture, strip) = (index / strips, index % strips);
        let rows = strip * rows..height.min((strip + 1) * rows);
        let sums = (first.inputs * rows.len() * row).div_ceil(LANES);
        with_lines(sums + WINDOWS * (depth + shape.lines), |scratch| {
            let (sums, scratch) = scratch.split_at_mut(sums);
            let (left, to) = scratch.split_at_mut(WINDOWS * depth);
            sums.fill(Line::ZERO);
            first.processor.run(Strip {
                first,
                shape,
                weights,
                upstream: upstream.lines_of(picture),
                windows: [windows_down, windows_across],
                before: padding.rows[0],
                rows: rows.clone(),
                row,
                sums: bytemuck::cast_slice_mut(sums),
                left,
                to,
            });
            let sums: &[f32] = bytemuck::cast_slice(sums);
            for channel in 0..first.inputs {
                let start = (picture * first.inputs + channel) * plane;
                let part = start + rows.start * width..start + rows.end * width;
                // SAFETY: a task alone writes these rows of the planes of this picture, one plane
                // after the other.
                #[allow(unsafe_code)]
                let to = unsafe { shared.part(part) };
                let from = &sums[channel * rows.len() * row..];
                for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(row)) {
                    to.copy_from_slice(&from[padding.columns[0]..][..width]);
                }
            }
        });
    };
    let tasks = batch * strips;
    if tasks == 1 { task(0) } else { (0..tasks).into_par_iter().for_each(task) }
}

struct Strip<'a> {
    first: &'a First,
    shape: &'a Packed,
    weights: &'a [Line],
    upstream: &'a [Line],
    /// Rows and columns of windows.
    windows: [usize; 2],
    /// Rows of padding before the input.
    before: usize,
    rows: Range<usize>,
    /// Numbers of a row of sums.
    row: usize,
    /// Channels, rows, columns.
    sums: &'a mut [f32],
    /// Rows of the left side of the product.
    left: &'a mut [Line],
    /// Rows of the product.
    to: &'a mut [Line],
}

impl Kernel for Strip<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let First { stride, kernel, .. } = *self.first;
        let [down, across] = self.windows;
        let depth = self.shape.depth / LANES;
        let start = (self.rows.start + self.before).saturating_sub(kernel[0] - 1);
        let end = (self.rows.end - 1 + self.before) / stride + 1;
        for y in start.div_ceil(stride)..end.min(down) {
            for x in (0..across).step_by(WINDOWS) {
                let count = WINDOWS.min(across - x);
                for block in 0..depth {
                    let from = &self.upstream[(block * down + y) * across + x..][..count];
                    for (line, to) in from.iter().zip(self.left.chunks_exact_mut(depth)) {
                        to[block] = *line;
                    }
                }
                let left: &[f32] = bytemuck::cast_slice(&self.left[..count * depth]);
                let to = &mut self.to[..count * self.shape.lines];
                product(lanes, Singly, self.shape, left, self.weights, to, &[]);
                match (kernel[1], stride) {
                    (3, 1) => self.scatter::<3, 1>(y, x, count),
                    (3, 2) => self.scatter::<3, 2>(y, x, count),
                    (7, _) => self.scatter::<7, 0>(y, x, count),
                    (11, _) => self.scatter::<11, 0>(y, x, count),
                    _ => self.scatter::<0, 0>(y, x, count),
                }
            }
        }
    }
}

impl Strip<'_> {
    /// Adds up the rows of the product under `count` windows from row `y` and column `x` of windows,
    /// which are `K` columns wide and `S` apart; 0 for what is not known before.
    #[inline(always)]
    fn scatter<const K: usize, const S: usize>(&mut self, y: usize, x: usize, count: usize) {
        let First { stride, kernel: [rows, columns], inputs, .. } = *self.first;
        let numbers: &[f32] = bytemuck::cast_slice(self.to);
        let across = self.shape.lines * LANES;
        for channel in 0..inputs {
            for a in 0..rows {
                let at = y * stride + a;
                if at < self.rows.start + self.before || at >= self.rows.end + self.before {
                    continue;
                }
                let at = channel * self.rows.len() + (at - self.before - self.rows.start);
                let line = &mut self.sums[at * self.row..][x * stride..self.row];
                let from = &numbers[(channel * rows + a) * columns..];
                if S > 0 {
                    roll::<K, S>(line, from, across, count);
                    continue;
                }
                if K > 0 {
                    // Wide windows that overlap little are added as vectors.
                    for window in 0..count {
                        let from = from[window * across..].first_chunk::<K>();
                        let to = line[window * stride..].first_chunk_mut::<K>();
                        let (Some(from), Some(to)) = (from, to) else { continue };
                        for k in 0..K {
                            to[k] += from[k];
                        }
                    }
                    continue;
                }
                for window in 0..count {
                    let to = &mut line[window * stride..][..columns];
                    for (to, from) in to.iter_mut().zip(&from[window * across..]) {
                        *to += from;
                    }
                }
            }
        }
    }
}

/// Adds `K` numbers of each of `count` windows to a line at every `S`-th position. What the next window
/// adds to stays in registers.
#[inline(always)]
fn roll<const K: usize, const S: usize>(
    line: &mut [f32],
    from: &[f32],
    across: usize,
    count: usize,
) {
    let Some(mut sums) = line.first_chunk::<K>().copied() else { return };
    for window in 0..count {
        let Some(from) = from[window * across..].first_chunk::<K>() else { return };
        for k in 0..K {
            sums[k] += from[k];
        }
        let Some((done, rest)) = line[window * S..].split_first_chunk_mut::<S>() else { return };
        done.copy_from_slice(&sums[..S]);
        sums.copy_within(S.., 0);
        // The last of the numbers under the next window.
        let Some(next) = rest.first_chunk::<K>() else { return };
        sums[K.saturating_sub(S)..].copy_from_slice(&next[K.saturating_sub(S)..]);
    }
    line[count * S..][..K].copy_from_slice(&sums);
}
