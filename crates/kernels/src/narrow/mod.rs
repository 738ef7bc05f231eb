//! y = x − Kᵀ σ(K x): a 3×3 convolution to few channels and its adjoint, by Winograd's F(2×2, 3×3).
//!
//! Tiles of 2×2 outputs from 4×4 inputs, Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A (Lavin and Gray, "Fast Algorithms
//! for Convolutional Neural Networks", 2016, §4.1): 16 products where the definition has 36. Lanes are
//! sixteen tiles of a row, so that five channels inside are no waste; even and odd columns lie apart
//! ([`SplitRows`]), so that all reads are whole vectors. Two rows of the inner channels, a band, are computed
//! and read while they are near; y takes the place of x.
//!
//! The larger tiles of [`Winograd`](crate::Winograd) would save more, but they lose digits: here the |products| that
//! are summed are at most [`AMPLIFICATION`](NarrowResidual::AMPLIFICATION) times those of the definition, there 132
//! times. Every number is computed in one order, whatever the number of threads.

mod inward;
mod outward;
mod split_rows;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use split_rows::SplitRows;

use crate::lanes::Line;
use crate::scratch::with_lines;
use crate::{Processor, Result};
use inward::Inward;
use outward::Outward;
use split_rows::{MARGIN, clear_beyond};

/// Channels inside, at most: so many sums stay in registers.
const FEW: usize = 5;
/// Products of a tile.
const PRODUCTS: usize = 16;
/// Channels that are transformed together: sixteen vectors of each stay in the nearest cache.
const TOGETHER: usize = 9;
/// Lines of memory that a band is computed with.
const ROOM: usize = PRODUCTS * (TOGETHER + FEW);
/// Fewest bands of two rows of a task: it computes one on either side for itself.
const LEAST_BANDS: usize = 8;
/// Layers that follow each other down a picture.
const FOLLOWING: usize = 4;

/// The convolution, its adjoint, and what happens between them: σ(z) = scale·max(z + bias, 0).
#[derive(Clone, Debug)]
pub struct NarrowResidual {
    channels: usize,
    /// G g Gᵀ of K, `[product][channel][inner]`.
    inward: Vec<[f32; FEW]>,
    /// The same of Kᵀ.
    outward: Vec<[f32; FEW]>,
    bias: [f32; FEW],
    scale: [f32; FEW],
}

impl NarrowResidual {
    /// Channels inside, at most.
    pub const MOST_INNER: usize = FEW;

    /// What Σ|Aᵀ||G||Bᵀ||g||d| is at most, as a multiple of the norm of Σ|g||d|, measured by the root of the
    /// largest sum of a row times the largest of a column. In one dimension, for every tap, the weights of all
    /// columns that an output reads add up to at most 4, and so do those of all outputs that read a column; the
    /// transforms of both dimensions are independent.
    pub const AMPLIFICATION: f64 = 16.0;

    /// Of `kernel`, `[inner][channel][3][3]`, and as many biases and scales as there are inner channels.
    ///
    /// # Errors
    /// [`Error::Dimension`](crate::Error::Dimension) for more than [`MOST_INNER`](Self::MOST_INNER) channels inside,
    /// [`Error::Count`](crate::Error::Count) where numbers are missing.
    pub fn new(channels: usize, kernel: &[f32], bias: &[f32], scale: &[f32]) -> Result<Self> {
        let inner = bias.len();
        if inner > FEW {
            let what = "channels inside a narrow convolution";
            return Err(crate::Error::Dimension { what, expected: FEW, found: inner });
        }
        crate::elementwise::check("filters", kernel, inner * channels * 9)?;
        crate::elementwise::check("scales", scale, inner)?;
        let few =
            |numbers: &[f32]| std::array::from_fn(|i| numbers.get(i).copied().unwrap_or_default());
        let mut matrices = [(); 2].map(|()| vec![[0.0_f32; FEW]; PRODUCTS * channels]);
        for (at, taps) in kernel.as_chunks::<9>().0.iter().enumerate() {
            let (i, channel) = (at / channels, at % channels);
            let mut turned = *taps;
            turned.reverse();
            for (matrices, taps) in matrices.iter_mut().zip([taps, &turned]) {
                for (product, number) in transformed(taps).into_iter().enumerate() {
                    matrices[product * channels + channel][i] = number;
                }
            }
        }
        let [inward, outward] = matrices;
        Ok(Self { channels, inward, outward, bias: few(bias), scale: few(scale) })
    }

    /// x becomes y of the first layer, that becomes y of the second, and so on. With `tasks` above 1 every layer is
    /// computed by so many tasks; else the layers follow each other down the picture, a few bands apart, so that each
    /// reads from a near cache what the one before wrote. The bits are the same.
    ///
    /// # Errors
    /// [`Error::Dimension`](crate::Error::Dimension) where a layer has another number of channels.
    pub fn run(
        layers: &[&Self],
        processor: Processor,
        x: &mut SplitRows,
        tasks: usize,
    ) -> Result<()> {
        for layer in layers {
            if layer.channels != x.channels {
                let (expected, found) = (layer.channels, x.channels);
                let what = "channels of a narrow convolution";
                return Err(crate::Error::Dimension { what, expected, found });
            }
        }
        let shape = Shape::of(x);
        if x.channels == 0 || x.width == 0 || shape.bands == 0 {
            return Ok(());
        }
        let per_task = shape.bands.div_ceil(tasks.max(1)).max(LEAST_BANDS);
        if per_task >= shape.bands {
            for layers in layers.chunks(FOLLOWING) {
                shape.follow(processor, layers, &mut x.data);
            }
            return Ok(());
        }
        for layer in layers {
            layer.by_tasks(processor, shape, per_task, &mut x.data);
        }
        Ok(())
    }

    /// One layer by tasks of so many bands.
    fn by_tasks(&self, processor: Processor, shape: Shape, per_task: usize, data: &mut [f32]) {
        let size = shape.row_size;
        let rows = 2 * per_task;
        // What a task reads of its neighbours, before they write over it.
        let near: Vec<[Vec<f32>; 2]> = (0..shape.bands.div_ceil(per_task))
            .map(|task| {
                let end = (rows * (task + 1)).min(2 * shape.bands);
                [rows * task, MARGIN + end].map(|row| data[row * size..][..MARGIN * size].to_vec())
            })
            .collect();
        let inside = &mut data[MARGIN * size..][..2 * shape.bands * size];
        let tasks = inside.par_chunks_mut(rows * size).zip(near).enumerate();
        tasks.for_each(|(task, (own, [above, below]))| {
            let first = task * per_task;
            let mut band = Bands { layer: self, shape, inner: Inner::new(shape, first) };
            with_lines(ROOM, |room| {
                for n in 0..own.len() / (2 * size) {
                    let mut own = Own { first: 2 * first, above: &above, rows: own, below: &below };
                    band.next(processor, first + n, &mut own, room);
                }
            });
        });
    }
}

/// What layers of a picture have in common.
#[derive(Clone, Copy)]
struct Shape {
    stride: usize,
    row_size: usize,
    height: usize,
    width: usize,
    /// Pairs of rows.
    bands: usize,
}

impl Shape {
    fn of(x: &SplitRows) -> Self {
        let SplitRows { height, width, stride, .. } = *x;
        Self { stride, row_size: x.row_size(), height, width, bands: height.div_ceil(2) }
    }

    /// Some layers, each two bands behind the one before.
    fn follow(self, processor: Processor, layers: &[&NarrowResidual], data: &mut [f32]) {
        let size = self.row_size;
        let (above, rest) = data.split_at_mut(MARGIN * size);
        let (rows, below) = rest.split_at_mut(2 * self.bands * size);
        let of = |layer| Bands { layer, shape: self, inner: Inner::new(self, 0) };
        let mut bands: Vec<Bands<'_>> = layers.iter().map(|layer| of(*layer)).collect();
        with_lines(ROOM, |room| {
            for step in 0..self.bands + 2 * (layers.len() - 1) {
                for (behind, layer) in bands.iter_mut().enumerate() {
                    let band = step.checked_sub(2 * behind).filter(|&band| band < self.bands);
                    if let Some(band) = band {
                        let mut own = Own { first: 0, above, rows, below };
                        layer.next(processor, band, &mut own, room);
                    }
                }
            }
        });
    }
}

/// The rows of a task, and the nearest of its neighbours.
struct Own<'a> {
    first: usize,
    above: &'a [f32],
    rows: &'a mut [f32],
    below: &'a [f32],
}

impl Own<'_> {
    /// A row of the picture, counted from [`MARGIN`] above it.
    fn row(&self, row: usize, size: usize) -> &[f32] {
        // Both are counted from the first row above the task's.
        let row = row - self.first;
        let own = MARGIN + self.rows.len() / size;
        let (from, row) = match row {
            _ if row < MARGIN => (self.above, row),
            _ if row < own => (&*self.rows, row - MARGIN),
            _ => (self.below, row - own),
        };
        &from[row * size..][..size]
    }

    /// Both rows of a band.
    fn band_mut(&mut self, band: usize, size: usize) -> [&mut [f32]; 2] {
        let both = &mut self.rows[(2 * band - self.first) * size..][..2 * size];
        let (first, second) = both.split_at_mut(size);
        [first, second]
    }
}

/// The last bands of the inner channels: band n is at n % 3; beyond the picture there are zeros.
struct Inner {
    bands: [[Vec<f32>; 2]; 3],
    next: usize,
}

impl Inner {
    /// Before the outputs of a band.
    fn new(shape: Shape, first: usize) -> Self {
        let row = || vec![0.0; 2 * FEW * shape.stride];
        Self { bands: std::array::from_fn(|_| [row(), row()]), next: first.saturating_sub(1) }
    }

    /// Rows −1…2 about a band.
    fn around(&self, band: usize) -> [&[f32]; 4] {
        let [above, here, below] = [band + 2, band, band + 1].map(|band| &self.bands[band % 3]);
        [&above[1], &here[0], &here[1], &below[0]].map(Vec::as_slice)
    }
}

/// What a band of two rows is computed of.
struct Band<'a> {
    filters: &'a NarrowResidual,
    /// Four rows that are read, `[channel][parity][stride]`.
    rows: [&'a [f32]; 4],
    /// Two rows that are written, as laid out.
    to: [&'a mut [f32]; 2],
    stride: usize,
    tiles: usize,
    /// [`ROOM`] lines.
    room: &'a mut [Line],
}

/// A layer on its way down a picture.
struct Bands<'a> {
    layer: &'a NarrowResidual,
    shape: Shape,
    inner: Inner,
}

impl Bands<'_> {
    /// A band of outputs; all before it are done.
    fn next(&mut self, processor: Processor, band: usize, own: &mut Own<'_>, room: &mut [Line]) {
        let Shape { stride, row_size, height, width, bands } = self.shape;
        let tiles = width.div_ceil(2);
        while self.inner.next < band + 2 {
            let next = self.inner.next;
            let [first, second] = &mut self.inner.bands[next % 3];
            if next < bands {
                let rows =
                    std::array::from_fn(|row| own.row(2 * next + MARGIN - 1 + row, row_size));
                let (filters, to) = (self.layer, [&mut first[..], &mut second[..]]);
                let room = &mut *room;
                processor.run(Inward(Band { filters, rows, to, stride, tiles, room }));
                clear_beyond(first, stride, width);
                clear_beyond(second, stride, width);
            } else {
                first.fill(0.0);
            }
            if 2 * next + 1 >= height {
                second.fill(0.0);
            }
            self.inner.next += 1;
        }
        let (filters, rows) = (self.layer, self.inner.around(band));
        let [first, second] = own.band_mut(band, row_size);
        let to = [&mut *first, &mut *second];
        processor.run(Outward(Band { filters, rows, to, stride, tiles, room }));
        clear_beyond(first, stride, width);
        clear_beyond(second, stride, width);
        if 2 * band + 1 >= height {
            second.fill(0.0);
        }
    }
}

/// G g Gᵀ, rounded once.
fn transformed(taps: &[f32; 9]) -> [f32; PRODUCTS] {
    let along = |[a, b, c]: [f64; 3]| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let taps = taps.map(f64::from);
    // By columns first.
    let columns: [[f64; 4]; 3] =
        std::array::from_fn(|x| along([taps[x], taps[3 + x], taps[6 + x]]));
    let mut result = [0.0; PRODUCTS];
    for p in 0..4 {
        let row = along([columns[0][p], columns[1][p], columns[2][p]]);
        for (q, number) in row.into_iter().enumerate() {
            result[4 * p + q] = number as f32;
        }
    }
    result
}
