//! The gradient of SSIM with respect to the candidate.
//!
//! The oracle's closed form ([`value_and_gradient`](crate::ssim::value_and_gradient)): three
//! numbers per position of the map, spread back by the adjoint of the window, which is the window
//! over a map with ten zeros around it, and
//!
//! gradient = Gᵀ direct + 2s·Gᵀ a + 2d·Gᵀ b.
//!
//! A strip of the gradient needs the map ten rows above it, which its neighbour computes as well.

#![allow(clippy::needless_range_loop, reason = "several slices advance together")]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::ahead::{Ahead, FromMemory, has_16_lanes};
use super::aligned::Aligned;
use super::kernel::{
    HALF, REACH, ROWS, STRIDE, Shifted, TAPS, TILE, Tile, WIDEST, Wanted, column, folded,
    rows_of_vectors, splat, vectors_of, window_at,
};
use super::level::{Level, Numbers, RowSums, Shape, Work};
use super::quotients::Formula;
use super::rows::Rows;
use super::{PairRows, Schedule};
use crate::ssim::{Constants, Window};

/// Fewest rows of a strip that is worth the twenty rows it shares with its neighbours.
const LEAST_STRIP: usize = 64;
/// Rows of the map that are kept: those of a pass and those that arrive meanwhile.
const KEPT: usize = REACH.next_multiple_of(ROWS) + ROWS;
/// Numbers that are spread per position.
const KINDS: usize = 3;

/// SSIM channel by channel, and the derivative of their mean with respect to every sample on 0…1,
/// channel after channel; `None` for windows that the kernels do not know. The pair has no margin
/// and at least [`TAPS`] rows and columns.
pub(crate) fn value_and_gradient(
    rows: &PairRows<'_>,
    window: &Window,
    constants: Constants,
    schedule: Schedule,
) -> Option<(Vec<f64>, Vec<f32>)> {
    let formula = Formula::new(window, constants, rows.full_scale).filter(Formula::is_whole)?;
    let shape = rows.shape();
    let unit = f64::from(rows.full_scale) / (shape.positions() * shape.channels) as f64;
    Some(of_scale(rows, &formula, Wanted::Gradient, unit, schedule))
}

/// The mean of the first of what is `wanted`, channel by channel, taken from 1, and its derivative
/// with respect to every sample, channel after channel. `unit` turns a sum over positions in the
/// samples' own unit into that derivative.
pub(super) fn of_scale(
    rows: &impl Rows,
    formula: &Formula,
    wanted: Wanted,
    unit: f64,
    schedule: Schedule,
) -> (Vec<f64>, Vec<f32>) {
    let shape = rows.shape();
    let strip = schedule.strip_of(shape.height, LEAST_STRIP);
    let pixels = shape.width * shape.height;
    let mut gradient = vec![0.0; pixels * shape.channels];
    let mut shares: Vec<Vec<&mut [f32]>> = Vec::new();
    for channel in gradient.chunks_mut(pixels) {
        for (index, share) in channel.chunks_mut(strip * shape.width).enumerate() {
            match shares.get_mut(index) {
                Some(channels) => channels.push(share),
                None => shares.push(vec![share]),
            }
        }
    }
    let sums: Vec<Vec<RowSums>> = shares
        .into_par_iter()
        .enumerate()
        .map(|(index, channels)| {
            let tile = &mut Tile::uncleared(schedule.processor);
            let work = Work { processor: schedule.processor, formula, tile };
            let (first, unit) = (index * strip, unit as f32);
            Strip { rows, shape, wanted, first, unit, work, channels }.compute()
        })
        .collect();
    let value = |channel: usize| shape.similarity(sums.iter().flatten(), 0, channel);
    ((0..shape.channels).map(value).collect(), gradient)
}

/// Some rows of the gradient.
struct Strip<'a, R> {
    rows: &'a R,
    shape: Shape,
    wanted: Wanted,
    first: usize,
    /// What turns the sum over positions in the samples' own unit into the gradient.
    unit: f32,
    work: Work<'a>,
    /// The rows of every channel.
    channels: Vec<&'a mut [f32]>,
}

impl<R: Rows> Strip<'_, R> {
    /// Fills the rows and gives the sums of the map's rows that begin in this strip.
    fn compute(mut self) -> Vec<RowSums> {
        let Shape { width, height: _, channels } = self.shape;
        let height = self.channels[0].len() / width;
        let end = self.first + height;
        let map_end = end.min(self.shape.map_height());
        let map_first = (self.first + 1).saturating_sub(TAPS).min(map_end);
        let mut level = Level::new(self.shape, map_first, map_first..map_end, self.wanted);
        let mut kept = Kept::new(self.shape);
        let row_length = self.shape.row_length();
        let mut pair = Aligned::anything(2 * ROWS * row_length);
        let mut done = self.first;
        let (rows, processor) = (self.rows, self.work.processor);
        while done < end {
            let group = ROWS.min(end - done);
            // The map as far as these rows of the gradient see it.
            while level.done() < map_end.min(done + group) {
                let y = level.next;
                level.push(
                    &mut self.work,
                    |sum, difference| rows.read(processor, y, sum, difference),
                    |row, x, kind, numbers| kept.put(row, x, kind, numbers),
                );
            }
            for (y, pair) in (done..done + group).zip(pair.chunks_exact_mut(2 * row_length)) {
                let (sum, difference) = pair.split_at_mut(row_length);
                rows.read(processor, y, sum, difference);
            }
            for x in (0..row_length).step_by(TILE) {
                let length = TILE.min(row_length - x);
                let above = done as isize + 1 - TAPS as isize;
                let visible = map_first..map_end;
                let mut planes: [[&[f32]; REACH]; KINDS] = [[&[]; REACH]; KINDS];
                kept.pass_rows(above, &visible, x, &mut planes);
                let planes = &planes;
                let (weights, tile) = (self.work.formula.weights, &mut *self.work.tile);
                if channels == 1 {
                    processor.run(Spread::<1> { planes, length, weights, tile });
                } else {
                    processor.run(Spread::<3> { planes, length, weights, tile });
                }
                for (row, pair) in pair.chunks_exact(2 * row_length).enumerate().take(group) {
                    let (sum, difference) = pair.split_at(row_length);
                    let spread: [&[f32]; KINDS] =
                        core::array::from_fn(|kind| &self.work.tile.result(kind, row)[..length]);
                    let of_pair = [&sum[x..x + length], &difference[x..x + length]];
                    let start = (done + row - self.first) * width + x / channels;
                    let unit = self.unit;
                    let pixels = start..start + length / channels;
                    match self.channels.as_mut_slice() {
                        [red, green, blue] => {
                            let mut out =
                                [red, green, blue].map(|plane| &mut plane[pixels.clone()]);
                            processor.run_closure(
                                #[inline(always)]
                                || gather_three(spread, of_pair, unit, &mut out),
                            );
                        }
                        planes => {
                            for plane in planes {
                                let out = &mut plane[pixels.clone()];
                                processor.run_closure(
                                    #[inline(always)]
                                    || gather(spread, of_pair, unit, out),
                                );
                            }
                        }
                    }
                }
            }
            done += group;
        }
        // The rows above the strip's first belong to its neighbour.
        level.sums.split_off(self.first.min(map_end) - map_first)
    }
}

/// direct + 2s·a + 2d·b at one place.
#[inline(always)]
fn at(
    [direct, by_sum, by_difference]: [f32; KINDS],
    [sum, difference]: [f32; 2],
    unit: f32,
) -> f32 {
    (direct + 2.0 * (sum * by_sum + difference * by_difference)) * unit
}

/// The gradient of a grey row.
#[inline(always)]
fn gather([a, b, c]: [&[f32]; KINDS], [s, d]: [&[f32]; 2], unit: f32, out: &mut [f32]) {
    let spread = a.iter().zip(b).zip(c);
    for (to, (((&a, &b), &c), (&s, &d))) in out.iter_mut().zip(spread.zip(s.iter().zip(d))) {
        *to = at([a, b, c], [s, d], unit);
    }
}

/// The gradient of a row of interleaved red, green and blue, each into its plane.
#[inline(always)]
fn gather_three(
    [a, b, c]: [&[f32]; KINDS],
    [s, d]: [&[f32]; 2],
    unit: f32,
    [red, green, blue]: &mut [&mut [f32]; 3],
) {
    let spread = a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0).zip(c.as_chunks::<3>().0);
    let pair = s.as_chunks::<3>().0.iter().zip(d.as_chunks::<3>().0);
    let out = red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut());
    for (((red, green), blue), (((a, b), c), (s, d))) in out.zip(spread.zip(pair)) {
        *red = at([a[0], b[0], c[0]], [s[0], d[0]], unit);
        *green = at([a[1], b[1], c[1]], [s[1], d[1]], unit);
        *blue = at([a[2], b[2], c[2]], [s[2], d[2]], unit);
    }
}

/// The last rows of the map, with zeros to their left and right.
struct Kept {
    stride: usize,
    margin: usize,
    rows: Aligned,
    nothing: Vec<f32>,
}

impl Kept {
    fn new(shape: Shape) -> Self {
        let margin = (TAPS - 1) * shape.channels;
        let stride = (shape.map_row_length() + 2 * margin + 2 * WIDEST).next_multiple_of(WIDEST);
        let mut rows = Aligned::anything(KINDS * KEPT * stride);
        for row in rows.chunks_exact_mut(stride) {
            row[..margin].fill(0.0);
            row[margin + shape.map_row_length()..].fill(0.0);
        }
        Self { stride, margin, rows, nothing: vec![0.0; stride] }
    }

    fn start(&self, row: usize, kind: usize) -> usize {
        (kind * KEPT + row % KEPT) * self.stride
    }

    /// Stores result `kind` of the kernel; result 0 is the similarity itself and is not spread. Whole vectors are copied,
    /// one by one: what reads the last numbers of two vectors at once waits until both have been written.
    fn put(&mut self, row: usize, x: usize, kind: usize, Numbers { vectors, length }: Numbers<'_>) {
        let Some(kind) = kind.checked_sub(1) else { return };
        let start = self.start(row, kind) + self.margin + x;
        let to = &mut self.rows[start..start + length + WIDEST];
        let whole = length.div_ceil(WIDEST) * WIDEST;
        let vectors = vectors[..whole].as_chunks::<WIDEST>().0;
        for (to, vector) in to.as_chunks_mut::<WIDEST>().0.iter_mut().zip(vectors) {
            *to = *vector;
        }
        if let Some(behind) = to.last_chunk_mut::<WIDEST>() {
            *behind = [0.0; WIDEST];
        }
    }

    /// From number `x` on, the rows `above …` of every kind; zeros where the map has none.
    #[inline(always)]
    fn pass_rows<'a>(
        &'a self,
        above: isize,
        visible: &std::ops::Range<usize>,
        x: usize,
        planes: &mut [[&'a [f32]; REACH]; KINDS],
    ) {
        for k in 0..REACH {
            let row = usize::try_from(above + k as isize).ok();
            let row = row.filter(|row| visible.contains(row));
            for (kind, plane) in planes.iter_mut().enumerate() {
                plane[k] = match row {
                    Some(row) => &self.rows[self.start(row, kind)..][..self.stride][x..],
                    None => &self.nothing[x..],
                };
            }
        }
    }
}

/// The adjoint window over one tile of three planes.
struct Spread<'a, const CHANNELS: usize> {
    planes: &'a [[&'a [f32]; REACH]; KINDS],
    length: usize,
    weights: [f32; HALF],
    tile: &'a mut Tile,
}

impl<const CHANNELS: usize> WithSimd for Spread<'_, CHANNELS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.tile.in_registers {
            Some(ahead) if has_16_lanes::<S>() => self.run(simd, ahead),
            _ => self.run(simd, FromMemory),
        }
    }
}

impl<const CHANNELS: usize> Spread<'_, CHANNELS> {
    #[inline(always)]
    fn run<S: Simd, A: Ahead>(self, simd: S, ahead: A) {
        let Self { planes, length, weights, tile } = self;
        let weights = splat(simd, weights);
        let read = (length + CHANNELS * (TAPS - 1)).div_ceil(S::F32_LANES);
        let vectors = length.div_ceil(S::F32_LANES);
        let Tile { filtered, results, .. } = tile;
        for (rows, out) in planes.iter().zip(results.chunks_exact_mut(ROWS * STRIDE)) {
            let rows = vectors_of::<S>(rows, read);
            let down = rows_of_vectors::<S>(filtered, read);
            for i in 0..read {
                let values = column::<S>(&rows, i);
                for r in 0..ROWS {
                    down[r][i] = folded::<S, 0>(simd, weights, window_at::<S>(&values, r));
                }
            }
            for (row, to) in rows_of_vectors::<S>(out, vectors).into_iter().enumerate() {
                let row = &filtered[row * STRIDE..][..STRIDE];
                let taps = Shifted::<S, A, CHANNELS>::new(row, ahead, vectors);
                for (i, to) in to.iter_mut().enumerate() {
                    *to = taps.folded::<0>(simd, weights, i);
                }
            }
        }
    }
}
