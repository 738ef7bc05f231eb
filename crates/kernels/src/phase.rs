//! Which positions of an output come of which positions of an input.
//!
//! A convolution is one phase. Its derivative with respect to the input is one phase for every
//! remainder of a position by the stride: in each, every output comes of the same taps of the filters,
//! at neighbouring positions.

use std::ops::Range;

use crate::convolution::Padding;
use crate::region::Region;

/// Outputs at `first + step·q` come of windows that begin at `start + stride·q`, for `q` below `count`.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// Rows and columns of a window.
    pub(crate) kernel: [usize; 2],
    pub(crate) start: [isize; 2],
    pub(crate) stride: usize,
    pub(crate) first: [usize; 2],
    pub(crate) step: usize,
    pub(crate) count: [usize; 2],
}

impl Phase {
    /// The one of a convolution or a pool.
    pub(crate) fn forward(
        kernel: [usize; 2],
        stride: usize,
        padding: Padding,
        output: [usize; 2],
    ) -> Self {
        let start = [-(padding.rows[0] as isize), -(padding.columns[0] as isize)];
        Self { kernel, start, stride, first: [0; 2], step: 1, count: output }
    }

    /// Those of the derivative with respect to an input of size `input`, by remainder of row and
    /// column; and of which rows and columns of the filters they are, from the last to the first.
    pub(crate) fn backward(
        kernel: [usize; 2],
        stride: usize,
        padding: Padding,
        input: [usize; 2],
    ) -> Vec<(Self, [Taps; 2])> {
        let along = |axis: usize, remainder: usize| {
            let before = [padding.rows[0], padding.columns[0]][axis];
            let taps = Taps { first: remainder, step: stride, kernel: kernel[axis] };
            // Input position u = stride·q + remainder − before must not be negative.
            let q = before.saturating_sub(remainder).div_ceil(stride);
            let first = stride * q + remainder - before;
            let count = input[axis].saturating_sub(first).div_ceil(stride);
            (taps, first, count, q as isize - taps.count() as isize + 1)
        };
        let mut phases = Vec::with_capacity(stride * stride);
        for row in 0..stride {
            for column in 0..stride {
                let (down, across) = (along(0, row), along(1, column));
                let phase = Self {
                    kernel: [down.0.count(), across.0.count()],
                    start: [down.3, across.3],
                    stride: 1,
                    first: [down.1, across.1],
                    step: stride,
                    count: [down.2, across.2],
                };
                phases.push((phase, [down.0, across.0]));
            }
        }
        phases
    }

    /// Whether output and input have the same positions and every output comes of its own alone.
    pub(crate) fn is_flat(&self, input: [usize; 2], output: [usize; 2]) -> bool {
        self.kernel == [1, 1]
            && self.start == [0, 0]
            && self.first == [0, 0]
            && self.stride == 1
            && self.step == 1
            && input == output
            && self.count == output
    }

    /// The `q` whose outputs stand in these rows.
    pub(crate) fn rows_in(&self, rows: Range<usize>) -> Range<usize> {
        let at = |row: usize| row.saturating_sub(self.first[0]).div_ceil(self.step);
        at(rows.start)..at(rows.end).min(self.count[0])
    }
}

/// What all phases read for these rows of outputs, if anything.
pub(crate) fn region_of<'a>(
    phases: impl Iterator<Item = &'a Phase>,
    rows: Range<usize>,
) -> Option<Region> {
    let mut all: Option<Region> = None;
    for phase in phases {
        let rows = phase.rows_in(rows.clone());
        if rows.is_empty() || phase.count[1] == 0 || phase.kernel.contains(&0) {
            continue;
        }
        let reach = |axis: usize, q: Range<usize>| {
            let at = |q: usize| phase.start[axis] + (q * phase.stride) as isize;
            at(q.start)..at(q.end - 1) + phase.kernel[axis] as isize
        };
        let (rows, columns) = (reach(0, rows), reach(1, 0..phase.count[1]));
        let join = |a: Range<isize>, b: Range<isize>| a.start.min(b.start)..a.end.max(b.end);
        all = Some(match all {
            None => Region { rows, columns },
            Some(all) => Region { rows: join(all.rows, rows), columns: join(all.columns, columns) },
        });
    }
    all
}

/// Rows or columns of a filter that one phase of a derivative uses, from the last to the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    first: usize,
    step: usize,
    kernel: usize,
}

impl Taps {
    pub(crate) fn count(&self) -> usize {
        self.kernel.saturating_sub(self.first).div_ceil(self.step)
    }

    /// Which row or column stands at `index`.
    pub(crate) fn at(&self, index: usize) -> usize {
        self.first + (self.count() - 1 - index) * self.step
    }
}
