//! The largest value of every window.
//!
//! A value that is no number is the largest of its window. The derivative goes to the first position
//! that holds the largest value, in the order of rows.

use std::ops::Range;

use rayon::prelude::*;

use crate::blocks::Blocks;
use crate::convolution::Activation;
use crate::direct::expect_shape;
use crate::join::add;
use crate::lanes::{Lanes, Line};
use crate::processor::{Kernel, Processor};
use crate::relu::{mask, passed};
use crate::{Error, Result};

/// Square windows, and where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Rows and columns of a window.
    pub kernel: usize,
    /// Positions from one window to the next.
    pub stride: usize,
    /// Positions around the input that never are the largest; at most half a window.
    pub padding: usize,
    /// Whether a last window that reaches beyond input and padding counts, if it begins before.
    pub ceil: bool,
}

impl MaxPool {
    /// Height and width of what comes of an input.
    ///
    /// # Errors
    /// [`Error::Dimension`] where kernel or stride is 0 or the padding is more than half a window,
    /// [`Error::TooSmall`].
    pub fn output(&self, input: [usize; 2]) -> Result<[usize; 2]> {
        let Self { kernel, stride, padding, ceil } = *self;
        for (what, found) in [("rows of a pool", kernel), ("stride of a pool", stride)] {
            if found == 0 {
                return Err(Error::Dimension { what, expected: 1, found });
            }
        }
        if padding > kernel / 2 {
            let expected = kernel / 2;
            return Err(Error::Dimension { what: "padding of a pool", expected, found: padding });
        }
        let mut output = [0; 2];
        for (axis, length) in input.into_iter().enumerate() {
            let found = length.saturating_add(2 * padding);
            let steps = match found.checked_sub(kernel) {
                // One window that reaches beyond the input, where such count.
                None if ceil && found + stride > kernel && length > 0 => {
                    output[axis] = 1;
                    continue;
                }
                steps => steps.ok_or(Error::TooSmall { window: kernel, found })?,
            };
            let whole = steps / stride + 1;
            // The window after the last whole one, where it begins in the input or before it.
            let counts = ceil && steps % stride > 0 && whole * stride < length + padding;
            output[axis] = whole + usize::from(counts);
        }
        Ok(output)
    }

    /// Pools all of `input` into `output`, which gets the shape that follows.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    pub fn forward(&self, processor: Processor, input: &Blocks, output: &mut Blocks) -> Result<()> {
        let [batch, channels, height, width] = input.shape();
        let [rows, columns] = self.output([height, width])?;
        output.reshape([batch, channels, rows, columns])?;
        // Rows of outputs that a task has: some thousands of lines are read for them.
        let rows_of_task = (TASK / (self.stride * width).max(1)).clamp(1, rows);
        let strips = rows.div_ceil(rows_of_task);
        let planes: Vec<(&[Line], usize, &mut [Line])> = input
            .lines()
            .chunks_exact(height * width)
            .zip(output.lines_mut().chunks_exact_mut(rows * columns))
            .flat_map(|(from, to)| {
                let parts = to.chunks_mut(rows_of_task * columns).enumerate();
                parts.map(move |(strip, to)| (from, strip * rows_of_task, to))
            })
            .collect();
        debug_assert_eq!(planes.len(), strips * batch * channels.div_ceil(16));
        planes.into_par_iter().for_each(|(from, first, to)| {
            processor.run(Forward { pool: *self, size: [height, width], from, first, columns, to });
        });
        Ok(())
    }

    /// Windows without padding all of whose rows are among `rows` of an input of a height.
    pub(crate) fn windows_within(&self, rows: &Range<usize>, height: usize) -> Range<usize> {
        let begin = rows.start.div_ceil(self.stride);
        let whole = match rows.end.checked_sub(self.kernel) {
            _ if rows.end == height => height.div_ceil(self.stride),
            Some(last) => last / self.stride + 1,
            None => 0,
        };
        begin..whole.max(begin)
    }

    /// Pools windows without padding of one plane. `from` holds the rows of the plane from those of the first window on, and
    /// all that they need; `to` takes rows of `columns` windows.
    #[inline]
    pub(crate) fn rows(
        &self,
        processor: Processor,
        width: usize,
        from: &[Line],
        columns: usize,
        to: &mut [Line],
    ) {
        let size = [from.len() / width, width];
        processor.run(Forward { pool: *self, size, from, first: 0, columns, to });
    }

    /// The derivative with respect to the input of [`forward`](Self::forward), given that with respect
    /// to its output.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`Error::Dimension`] where `upstream` has not the shape of
    /// the output.
    pub fn gradient(
        &self,
        processor: Processor,
        input: &Blocks,
        upstream: &Blocks,
        gradient: &mut Blocks,
    ) -> Result<()> {
        self.gradient_through(processor, input, upstream, None, Activation::None, gradient)
    }

    /// The derivative with respect to what `activation` took, where what it gave, `input`, was pooled and perhaps looked
    /// at elsewhere as well: that of [`gradient`](Self::gradient) and that from there, `own`, are added and masked
    /// ([`mask`]). Of windows side by side that is one pass over memory.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient), and [`Error::Dimension`] where `own` has not the shape of the input.
    pub fn gradient_through(
        &self,
        processor: Processor,
        input: &Blocks,
        upstream: &Blocks,
        own: Option<&Blocks>,
        activation: Activation,
        gradient: &mut Blocks,
    ) -> Result<()> {
        let [batch, channels, height, width] = input.shape();
        let [rows, columns] = self.output([height, width])?;
        let expected = [batch, channels, rows, columns];
        expect_shape(expected, upstream.shape())?;
        if let Some(own) = own {
            expect_shape(input.shape(), own.shape())?;
        }
        gradient.reshape(input.shape())?;
        let size = [height, width];
        let at_once = self.is_pairwise() && 2 * rows <= height && 2 * columns <= width;
        let plane = height * width;
        let own_lines = own.filter(|_| at_once).map(Blocks::lines);
        gradient
            .lines_mut()
            .par_chunks_exact_mut(plane)
            .zip(input.lines().par_chunks_exact(plane))
            .zip(upstream.lines().par_chunks_exact(rows * columns))
            .enumerate()
            .for_each(|(index, ((to, from), upstream))| {
                if at_once {
                    let own = own_lines.map(|lines| &lines[index * plane..(index + 1) * plane]);
                    processor.run(Through { width, from, upstream, columns, own, activation, to });
                } else {
                    processor.run(Backward { pool: *self, size, from, upstream, columns, to });
                }
            });
        if !at_once {
            if let Some(own) = own {
                add(processor, gradient, own, Activation::None)?;
            }
            mask(processor, activation, input, gradient)?;
        }
        Ok(())
    }

    /// Whether every window is of two rows and two columns, side by side.
    pub fn is_pairwise(&self) -> bool {
        *self == Self { kernel: 2, stride: 2, padding: 0, ceil: self.ceil }
    }

    /// The positions of a window along one axis.
    #[inline(always)]
    fn window(&self, index: usize, length: usize) -> Range<usize> {
        let begin = index * self.stride;
        begin.saturating_sub(self.padding)..(begin + self.kernel - self.padding).min(length)
    }
}

/// Lines of input that one task reads.
const TASK: usize = 8192;

struct Forward<'a> {
    pool: MaxPool,
    size: [usize; 2],
    from: &'a [Line],
    /// The first row of outputs.
    first: usize,
    columns: usize,
    to: &'a mut [Line],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        match (self.pool.kernel, self.pool.stride, self.pool.padding) {
            (2, 2, 0) => forward::<L, 2, 2>(lanes, self),
            (3, 2, 0) => forward::<L, 3, 2>(lanes, self),
            _ => {
                let Self { columns, .. } = self;
                for (index, line) in self.to.iter_mut().enumerate() {
                    let (row, column) = (self.first + index / columns, index % columns);
                    at_edge(lanes, &self.pool, self.size, self.from, [row, column], line);
                }
            }
        }
    }
}

/// Windows of a known size, without padding.
#[inline(always)]
fn forward<L: Lanes, const K: usize, const S: usize>(lanes: L, task: Forward<'_>) {
    let [height, width] = task.size;
    let whole = if width < K { 0 } else { (width - K) / S + 1 };
    for (y, to) in task.to.chunks_exact_mut(task.columns).enumerate() {
        let row = task.first + y;
        let mut done = 0;
        if row * S + K <= height {
            let mut rows = [task.from; K];
            for k in 0..K {
                rows[k] = &task.from[(row * S + k) * width..][..width];
            }
            done = whole.min(to.len());
            // The largest of a column that two windows share is found once.
            let mut last = lanes.splat(0.0);
            for (x, line) in to[..done].iter_mut().enumerate() {
                let mut largest =
                    if K == S + 1 && x > 0 { last } else { column(lanes, &rows, x * S) };
                for i in 1..K {
                    last = column(lanes, &rows, x * S + i);
                    largest = lanes.larger(largest, last);
                }
                lanes.store(line, largest);
            }
        }
        for (x, line) in to.iter_mut().enumerate().skip(done) {
            at_edge(lanes, &task.pool, task.size, task.from, [row, x], line);
        }
    }
}

/// The largest of a column of some rows.
#[inline(always)]
fn column<L: Lanes, const K: usize>(lanes: L, rows: &[&[Line]; K], at: usize) -> L::V {
    let mut largest = lanes.load(&rows[0][at]);
    for k in 1..K {
        largest = lanes.larger(largest, lanes.load(&rows[k][at]));
    }
    largest
}

#[inline(always)]
fn at_edge<L: Lanes>(
    lanes: L,
    pool: &MaxPool,
    [height, width]: [usize; 2],
    from: &[Line],
    [row, column]: [usize; 2],
    to: &mut Line,
) {
    let (rows, columns) = (pool.window(row, height), pool.window(column, width));
    let mut largest = lanes.load(&from[rows.start * width + columns.start]);
    for y in rows {
        for line in &from[y * width..][columns.start..columns.end] {
            largest = lanes.larger(largest, lanes.load(line));
        }
    }
    lanes.store(to, largest);
}

struct Backward<'a> {
    pool: MaxPool,
    size: [usize; 2],
    from: &'a [Line],
    upstream: &'a [Line],
    columns: usize,
    to: &'a mut [Line],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [height, width] = self.size;
        let zero = lanes.splat(0.0);
        let mut cleared = 0;
        for (row, upstream) in self.upstream.chunks_exact(self.columns).enumerate() {
            let rows = self.pool.window(row, height);
            // Rows are cleared when the first window reaches them, while they are about to be used.
            if rows.end > cleared {
                self.to[cleared * width..rows.end * width].fill(Line::ZERO);
                cleared = rows.end;
            }
            for (column, upstream) in upstream.iter().enumerate() {
                let columns = self.pool.window(column, width);
                let mut largest = lanes.load(&self.from[rows.start * width + columns.start]);
                for y in rows.clone() {
                    for line in &self.from[y * width..][columns.start..columns.end] {
                        largest = lanes.larger(largest, lanes.load(line));
                    }
                }
                let mut left = lanes.load(upstream);
                for y in rows.clone() {
                    let from = &self.from[y * width..][columns.start..columns.end];
                    let to = &mut self.to[y * width..][columns.start..columns.end];
                    for x in 0..from.len().min(to.len()) {
                        let value = lanes.load(&from[x]);
                        let given = lanes.where_less(value, largest, zero, left);
                        left = lanes.where_less(value, largest, left, zero);
                        let sum = lanes.add(lanes.load(&to[x]), given);
                        lanes.store(&mut to[x], sum);
                    }
                }
            }
        }
        self.to[cleared * width..].fill(Line::ZERO);
    }
}

/// The way back through windows of 2×2 side by side, what else is added to it, and an activation. Rows and columns
/// beyond the last window have what is added alone.
struct Through<'a> {
    width: usize,
    from: &'a [Line],
    upstream: &'a [Line],
    columns: usize,
    own: Option<&'a [Line]>,
    activation: Activation,
    to: &'a mut [Line],
}

impl Kernel for Through<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        match (self.own, self.activation) {
            (Some(own), Activation::Relu) => self.through::<L, true, true>(lanes, own),
            (Some(own), _) => self.through::<L, true, false>(lanes, own),
            (None, Activation::Relu) => self.through::<L, false, true>(lanes, &[]),
            (None, _) => self.through::<L, false, false>(lanes, &[]),
        }
    }
}

impl Through<'_> {
    #[inline(always)]
    fn through<L: Lanes, const OWN: bool, const RELU: bool>(self, lanes: L, own: &[Line]) {
        let Self { width, from, upstream, columns, activation, to, .. } = self;
        let zero = lanes.splat(0.0);
        let strips = to.chunks_mut(2 * width).zip(from.chunks(2 * width)).enumerate();
        for (row, (to, from)) in strips {
            let own = if OWN { &own[2 * row * width..][..to.len()] } else { &[][..] };
            let upstream = upstream.get(row * columns..(row + 1) * columns).unwrap_or_default();
            for (column, upstream) in upstream.iter().enumerate() {
                let places = [0, 1, width, width + 1].map(|place| place + 2 * column);
                let mut values = [zero; 4];
                for k in 0..4 {
                    values[k] = lanes.load(&from[places[k]]);
                }
                let mut largest = values[0];
                for k in 1..4 {
                    largest = lanes.larger(largest, values[k]);
                }
                let mut left = lanes.load(upstream);
                for k in 0..4 {
                    let given = lanes.where_less(values[k], largest, zero, left);
                    left = lanes.where_less(values[k], largest, left, zero);
                    let added = if OWN { Some(&own[places[k]]) } else { None };
                    let settled = settle::<L, RELU>(lanes, activation, values[k], given, added);
                    lanes.store(&mut to[places[k]], settled);
                }
            }
            // What no window reads.
            let beyond = 2 * upstream.len();
            for start in (0..to.len()).step_by(width) {
                for place in start + beyond..start + width {
                    let added = if OWN { Some(&own[place]) } else { None };
                    let value = lanes.load(&from[place]);
                    let settled = settle::<L, RELU>(lanes, activation, value, zero, added);
                    lanes.store(&mut to[place], settled);
                }
            }
        }
    }
}

/// A derivative with what is added to it, behind an activation that gave `value`.
#[inline(always)]
fn settle<L: Lanes, const RELU: bool>(
    lanes: L,
    activation: Activation,
    value: L::V,
    given: L::V,
    added: Option<&Line>,
) -> L::V {
    let sum = match added {
        Some(added) => lanes.add(given, lanes.load(added)),
        None => given,
    };
    // Known when the program is compiled, where it is the usual one.
    passed(lanes, if RELU { Activation::Relu } else { activation }, value, sum)
}

#[cfg(test)]
mod tests;
