//! The inner loops: some positions by some lines of outputs in registers, all inputs running past.

use std::ops::Range;

use crate::convolution::Activation;
use crate::finish::finish;
use crate::lanes::{LANES, Lanes, Line};
use crate::positions::{Positions, Walk};
use crate::region::View;

/// What one panel of outputs is computed from.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    pub(super) view: View<'a>,
    pub(super) inputs: usize,
    pub(super) kernel: [usize; 2],
    pub(super) weights: &'a [Line],
    pub(super) bias: &'a [Line],
    pub(super) activation: Activation,
    /// Channels in the last line of outputs.
    pub(super) present: usize,
    /// Where in the input the first window begins, how far it is from one row of windows to the next,
    /// and how many rows there are: rows of a window that lie beyond are left out.
    pub(super) above: isize,
    pub(super) stride: usize,
    pub(super) height: usize,
}

impl Panel<'_> {
    /// The rows of the windows in row `index` that lie in the input.
    #[inline(always)]
    fn rows_within(&self, index: usize) -> Range<usize> {
        let begin = self.above + (index * self.stride) as isize;
        let bound = |row: isize| row.clamp(0, self.kernel[0] as isize) as usize;
        bound(-begin)..bound(self.height as isize - begin)
    }
}

/// Fills the lines `to`, one slice per line of outputs.
///
#[inline(always)]
pub(super) fn fill<L: Lanes, const W: usize>(
    lanes: L,
    panel: &Panel<'_>,
    positions: &Positions,
    to: &mut [&mut [Line]; W],
) {
    let total = positions.rows * positions.columns;
    let mut walk = positions.walk();
    let mut done = 0;
    // One line by one position behind the other: addresses need no list, so more of them fit.
    let straight = panel.kernel == [1, 1]
        && positions.from_column == 1
        && positions.to_column == 1
        && positions.rows == 1;
    if straight {
        if L::PANEL == 1 {
            done += runs::<L, 6, W>(lanes, panel, positions, done, total, to);
        } else {
            match W {
                4 => done += runs::<L, 6, W>(lanes, panel, positions, done, total, to),
                3 => done += runs::<L, 8, W>(lanes, panel, positions, done, total, to),
                2 => done += runs::<L, 12, W>(lanes, panel, positions, done, total, to),
                _ => done += runs::<L, 14, W>(lanes, panel, positions, done, total, to),
            }
            if W < 4 {
                done += runs::<L, 4, W>(lanes, panel, positions, done, total, to);
            }
        }
        walk.skip(done);
    }
    let rows = 0..panel.kernel[0];
    if straight || positions.columns < BY_ROW {
        list::<L, W>(lanes, panel, &rows, total - done, &mut walk, to);
        return;
    }
    for row in 0..positions.rows {
        let rows = panel.rows_within(row);
        // Parts of about the same length.
        for part in 0..positions.columns.div_ceil(TILE) {
            let end = |part: usize| part * positions.columns / positions.columns.div_ceil(TILE);
            list::<L, W>(lanes, panel, &rows, end(part + 1) - end(part), &mut walk, to);
        }
    }
}

/// Positions whose sums are in registers together.
const TILE: usize = 6;
/// Columns from which on tiles keep to one row, so that rows of zeros can be left out; fewer are
/// taken as one list over the ends of rows, because too small a tile waits for the weights.
const BY_ROW: usize = 4;

#[inline(always)]
fn list<L: Lanes, const W: usize>(
    lanes: L,
    panel: &Panel<'_>,
    rows: &Range<usize>,
    mut left: usize,
    walk: &mut Walk,
    to: &mut [&mut [Line]; W],
) {
    while left >= TILE {
        tile::<L, TILE, W>(lanes, panel, rows, walk, to);
        left -= TILE;
    }
    match left {
        5 => tile::<L, 5, W>(lanes, panel, rows, walk, to),
        4 => tile::<L, 4, W>(lanes, panel, rows, walk, to),
        3 => tile::<L, 3, W>(lanes, panel, rows, walk, to),
        2 => tile::<L, 2, W>(lanes, panel, rows, walk, to),
        1 => tile::<L, 1, W>(lanes, panel, rows, walk, to),
        _ => {}
    }
}

/// `R` positions wherever they are.
#[inline(always)]
fn tile<L: Lanes, const R: usize, const W: usize>(
    lanes: L,
    panel: &Panel<'_>,
    within: &Range<usize>,
    walk: &mut Walk,
    to: &mut [&mut [Line]; W],
) {
    let (weights, _) = panel.weights.as_chunks::<W>();
    let (mut from, mut places) = ([0; R], [0; R]);
    for r in 0..R {
        (from[r], places[r]) = walk.next();
    }
    let mut sums = begin::<L, R, W>(lanes, panel);
    let [rows, columns] = panel.kernel;
    for block in 0..panel.inputs.div_ceil(LANES) {
        let present = LANES.min(panel.inputs - block * LANES);
        let skipped = (block * LANES * rows + within.start * present) * columns;
        let mut rest = &weights[skipped..];
        for row in within.clone() {
            for column in 0..columns {
                let offset = block * panel.view.plane + row * panel.view.row + column;
                let mut lines = [&Line::ZERO; R];
                for r in 0..R {
                    lines[r] = &panel.view.lines[from[r] + offset];
                }
                let (now, after) = rest.split_at(present);
                rest = after;
                if let Some(now) = now.first_chunk::<LANES>() {
                    for c in 0..LANES {
                        step::<L, R, W>(lanes, &lines, c, &now[c], &mut sums);
                    }
                } else {
                    for (c, now) in now.iter().enumerate() {
                        step::<L, R, W>(lanes, &lines, c % LANES, now, &mut sums);
                    }
                }
            }
        }
    }
    finish::<L, R, W>(lanes, panel.activation, &mut sums);
    for w in 0..W {
        for r in 0..R {
            lanes.store(&mut to[w][places[r]], sums[r][w]);
        }
    }
    if panel.present < LANES {
        for r in 0..R {
            to[W - 1][places[r]].0[panel.present..].fill(0.0);
        }
    }
}

/// As many times `R` positions, one behind the other, as there are from `done`; returns how many
/// positions they were.
#[inline(always)]
fn runs<L: Lanes, const R: usize, const W: usize>(
    lanes: L,
    panel: &Panel<'_>,
    positions: &Positions,
    done: usize,
    total: usize,
    to: &mut [&mut [Line]; W],
) -> usize {
    let (weights, _) = panel.weights.as_chunks::<W>();
    let mut count = 0;
    while total - done - count >= R {
        let first = positions.from + done + count;
        let mut sums = begin::<L, R, W>(lanes, panel);
        let mut rest = weights;
        for block in 0..panel.inputs.div_ceil(LANES) {
            let present = LANES.min(panel.inputs - block * LANES);
            let (now, after) = rest.split_at(present);
            rest = after;
            let run = panel.view.lines[block * panel.view.plane + first..].first_chunk::<R>();
            let Some(run) = run else { break };
            if let Some(now) = now.first_chunk::<LANES>() {
                for c in 0..LANES {
                    run_step::<L, R, W>(lanes, run, c, &now[c], &mut sums);
                }
            } else {
                for (c, now) in now.iter().enumerate() {
                    run_step::<L, R, W>(lanes, run, c % LANES, now, &mut sums);
                }
            }
        }
        finish::<L, R, W>(lanes, panel.activation, &mut sums);
        let place = positions.to + done + count;
        for w in 0..W {
            let line = &mut to[w][place..][..R];
            for r in 0..R {
                lanes.store(&mut line[r], sums[r][w]);
            }
        }
        if panel.present < LANES {
            for line in &mut to[W - 1][place..][..R] {
                line.0[panel.present..].fill(0.0);
            }
        }
        count += R;
    }
    count
}

#[inline(always)]
fn begin<L: Lanes, const R: usize, const W: usize>(lanes: L, panel: &Panel<'_>) -> [[L::V; W]; R] {
    let mut bias = [lanes.splat(0.0); W];
    for w in 0..W {
        bias[w] = lanes.load(&panel.bias[w]);
    }
    [bias; R]
}

#[inline(always)]
fn step<L: Lanes, const R: usize, const W: usize>(
    lanes: L,
    lines: &[&Line; R],
    channel: usize,
    weights: &[Line; W],
    sums: &mut [[L::V; W]; R],
) {
    let mut right = [lanes.splat(0.0); W];
    for w in 0..W {
        right[w] = lanes.load(&weights[w]);
    }
    for r in 0..R {
        let left = lanes.splat(lines[r].0[channel]);
        for w in 0..W {
            sums[r][w] = lanes.mul_add(left, right[w], sums[r][w]);
        }
    }
}

#[inline(always)]
fn run_step<L: Lanes, const R: usize, const W: usize>(
    lanes: L,
    run: &[Line; R],
    channel: usize,
    weights: &[Line; W],
    sums: &mut [[L::V; W]; R],
) {
    let mut right = [lanes.splat(0.0); W];
    for w in 0..W {
        right[w] = lanes.load(&weights[w]);
    }
    for r in 0..R {
        let left = lanes.splat(run[r].0[channel]);
        for w in 0..W {
            sums[r][w] = lanes.mul_add(left, right[w], sums[r][w]);
        }
    }
}
