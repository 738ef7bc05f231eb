//! The convolutional SDP-based Lipschitz layer: y = x − 2 Kᵀ ((1/T) σ(K x + b)), K a 3×3 convolution with
//! zeros around the picture and Kᵀ its exact adjoint.
//!
//! T_i = Σ_j Σ_uv |K_i ⋆ K_j|(u, v)·r_j / r_i over the full correlation, 5×5 shifts. Proof beyond `sll.rs`: the
//! operator on a finite picture is P C E, with E the embedding in the plane, C the convolution there and P
//! the crop. E Eᵀ ≤ I, so K Kᵀ = P C E Eᵀ Cᵀ Pᵀ ≤ P C Cᵀ Pᵀ; and C Cᵀ is a block Toeplitz matrix whose
//! absolute row sums are the T above, whatever the size of the picture.
//!
//! Source: as `sll.rs`. The released layer multiplies by exp(q) and exp(−q) along the same axis, so that `q`
//! has no effect; that is [`Weighting::Uniform`]. Reproduces it within 2e-5 in single precision and 1e-12 in
//! double.
//!
//! In single precision and with few channels inside, as the published sizes have them, values are computed by
//! Winograd's F(2×2, 3×3) ([`NarrowResidual`]); derivatives, and values that are kept for them, by the definition.
//!
//! The derivative is I − 2 Kᵀ D Λ K, symmetric as in `sll_dense.rs`.

use lookalike_kernels::{NarrowResidual, PaddedRow, RowConvolution};
use rayon::prelude::*;

use super::bound::{reciprocal_below, sum_error};
use super::{Bound, Real, Rounding, Rows, Weighting};
use crate::{Error, Result};

/// Fewest rows of one task: at its ends two rows of inner channels are computed by its neighbours as well.
const LEAST_STRIP: usize = 16;
/// Columns from which on Winograd's algorithm is used: two vectors of tiles.
const LEAST_WIDTH: usize = 64;
/// Rows of inner channels that are kept: those that a row of outputs reads.
const KEPT: usize = 3;

/// A convolution with its normaliser.
#[derive(Clone, Debug)]
pub struct SllConvolution {
    channels: usize,
    /// K, from the channels to those inside.
    filters: RowConvolution,
    /// Kᵀ.
    adjoint: RowConvolution,
    bias: Vec<f32>,
    sums: Vec<f64>,
    scale: Vec<f64>,
    /// The same where there are few channels inside.
    narrow: Option<NarrowResidual>,
}

impl SllConvolution {
    /// A layer on `channels` planes; `kernel` is `[inner][channels][3][3]`, `bias` has `inner` numbers.
    ///
    /// # Errors
    /// [`Error::Numbers`] where the lengths do not fit.
    pub fn new(
        channels: usize,
        kernel: Vec<f32>,
        bias: Vec<f32>,
        weighting: Weighting<'_>,
    ) -> Result<Self> {
        let inner = bias.len();
        Error::expect_numbers("the kernel of a convolution", inner * channels * 9, kernel.len())?;
        Error::expect_numbers("q of a convolution", inner, weighting.len().unwrap_or(inner))?;
        let sums: Vec<f64> = (0..inner)
            .into_par_iter()
            .map(|i| {
                let of = |i: usize| &kernel[i * channels * 9..(i + 1) * channels * 9];
                let terms = (0..inner).map(|j| correlation(of(i), of(j)) * weighting.ratio(i, j));
                terms.sum::<f64>() * (1.0 + sum_error(inner))
            })
            .collect();
        Self::with_normalisers(channels, kernel, bias, sums)
    }

    /// A layer whose T is known: K Kᵀ ≤ diag(T) must hold on the plane.
    pub(crate) fn with_normalisers(
        channels: usize,
        kernel: Vec<f32>,
        bias: Vec<f32>,
        sums: Vec<f64>,
    ) -> Result<Self> {
        let inner = bias.len();
        Error::expect_numbers("the kernel of a convolution", inner * channels * 9, kernel.len())?;
        let scale: Vec<f64> = sums.iter().map(|&sum| reciprocal_below(sum)).collect();
        let few = inner <= NarrowResidual::MOST_INNER;
        let single = || scale.iter().map(|&scale| f32::below(2.0 * scale)).collect::<Vec<_>>();
        let narrow = few.then(|| NarrowResidual::new(channels, &kernel, &bias, &single()));
        let narrow = narrow.transpose()?;
        // Kᵀ has the filters of K the other way around.
        let turned = (0..channels).flat_map(|channel| {
            let kernel = &kernel;
            (0..inner).flat_map(move |i| {
                let taps = &kernel[(i * channels + channel) * 9..][..9];
                taps.iter().rev().copied()
            })
        });
        let adjoint = RowConvolution::new(inner, channels, turned.collect())?;
        let filters = RowConvolution::new(channels, inner, kernel)?;
        Ok(Self { channels, filters, adjoint, bias, sums, scale, narrow })
    }

    /// Channels read and written.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Channels inside.
    pub fn inner(&self) -> usize {
        self.bias.len()
    }

    /// T, rounded up.
    pub fn normalisers(&self) -> &[f64] {
        &self.sums
    }

    /// Its Lipschitz constant, for pictures of any size.
    pub fn bound(&self) -> Bound {
        Bound::ONE
    }

    /// How far values may be from those of exact arithmetic, on pictures of a height and width, whichever way
    /// they are computed.
    pub fn rounding<R: Real>(&self, before: Rounding, [height, width]: [usize; 2]) -> Rounding {
        // By Winograd's algorithm fewer roundings meet in a sum than by the definition, but of larger products.
        let terms = [9 * self.channels, 9 * self.inner()];
        let sums = (terms, R::amplification(self, width));
        let (bias, scale) = (&self.bias, &self.scale);
        before.residual(R::UNIT, sums, self.absolute_norm(), bias, scale, height * width)
    }

    /// The layer in single precision by Winograd's algorithm, for rows that are wide enough to gain by it.
    pub(super) fn narrow(&self, width: usize) -> Option<&NarrowResidual> {
        self.narrow.as_ref().filter(|_| width >= LEAST_WIDTH)
    }

    /// The values of several layers, each of which reads those of the one before, for one picture. `tasks` is
    /// how many parts of a layer may be computed at once where that makes it slower on one thread; the bits are the
    /// same for any.
    ///
    /// # Errors
    /// [`Error::Numbers`], [`Error::Kernel`].
    pub fn forward_all<R: Real>(layers: &[&Self], x: &Rows<R>, tasks: usize) -> Result<Rows<R>> {
        let expected = x.channels * x.height * x.width;
        Error::expect_numbers("activations of a convolution", expected, x.data.len())?;
        R::residuals(layers, x, tasks)
    }

    /// The values for one picture. With `active`, `[row][inner][column]` truth values, what was positive
    /// is noted for [`backward`](Self::backward).
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn forward<R: Real>(&self, x: &Rows<R>, active: Option<&mut [bool]>) -> Result<Rows<R>> {
        let inner = |i: usize, _: usize, z: &mut [R]| {
            let (bias, scale) = (R::of(self.bias[i]), R::below(2.0 * self.scale[i]));
            for value in z {
                let sum = *value + bias;
                *value = if sum > R::default() { scale * sum } else { R::default() };
            }
        };
        self.run(x, inner, active)
    }

    /// The derivative with respect to the picture, given that with respect to the values.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn backward<R: Real>(&self, upstream: &Rows<R>, active: &[bool]) -> Result<Rows<R>> {
        let (width, inner) = (upstream.width, self.inner());
        Error::expect_numbers("active units", upstream.height * inner * width, active.len())?;
        let masked = |i: usize, row: usize, z: &mut [R]| {
            let scale = R::below(2.0 * self.scale[i]);
            let active = &active[(row * inner + i) * width..][..width];
            for (value, &on) in z.iter_mut().zip(active) {
                *value = if on { scale * *value } else { R::default() };
            }
        };
        self.run(upstream, masked, None)
    }

    /// x − Kᵀ s with s = `middle(i, row, K x)`, strip by strip of rows.
    fn run<R: Real>(
        &self,
        x: &Rows<R>,
        middle: impl Fn(usize, usize, &mut [R]) + Sync,
        active: Option<&mut [bool]>,
    ) -> Result<Rows<R>> {
        let (width, height, inner) = (x.width, x.height, self.inner());
        Error::expect_numbers("channels of a convolution", self.channels, x.channels)?;
        let expected = x.channels * height * width;
        Error::expect_numbers("activations of a convolution", expected, x.data.len())?;
        let mut y = x.clone();
        if expected == 0 || inner == 0 {
            return Ok(y);
        }
        let layout = PaddedRow::of(width);
        let size = inner * layout.stride;
        let strip = |first: usize, to: &mut [R], mut active: Option<&mut [bool]>| -> Result<()> {
            let rows = to.len() / (self.channels * width);
            let mut near = Near::new(x, layout, first.saturating_sub(2));
            let mut kept = vec![R::default(); KEPT * size];
            let mut next = first.saturating_sub(1);
            for (row, to) in (first..).zip(to.chunks_exact_mut(self.channels * width)) {
                // The inner rows as far as this row of outputs reads them.
                while next < height.min(row + 2) {
                    let s = &mut kept[next % KEPT * size..][..size];
                    near.reach(next + 1);
                    let place = [layout.stride, 1];
                    R::convolve_row(&self.filters, layout, near.around(next), false, s, place)?;
                    for (i, z) in s.chunks_exact_mut(layout.stride).enumerate() {
                        middle(i, next, &mut z[1..=width]);
                    }
                    let own = next.checked_sub(first).filter(|own| *own < rows);
                    if let (Some(active), Some(own)) = (active.as_deref_mut(), own) {
                        let active = &mut active[own * inner * width..][..inner * width];
                        let inner = s.chunks_exact(layout.stride);
                        for (on, z) in active.chunks_exact_mut(width).zip(inner) {
                            on.iter_mut()
                                .zip(&z[1..=width])
                                .for_each(|(on, z)| *on = *z > R::default());
                        }
                    }
                    next += 1;
                }
                let near = [row.checked_sub(1), Some(row), Some(row + 1)].map(|row| {
                    let row = row.filter(|&row| row < height)?;
                    Some(&kept[row % KEPT * size..][..size])
                });
                R::convolve_row(&self.adjoint, layout, near, true, to, [width, 0])?;
            }
            Ok(())
        };
        let threads = rayon::current_num_threads();
        // Alone, a thread computes no row twice.
        let rows =
            if threads == 1 { height } else { height.div_ceil(4 * threads).max(LEAST_STRIP) };
        let strips = y.data.par_chunks_mut(rows * self.channels * width).enumerate();
        match active {
            None => strips.try_for_each(|(index, to)| strip(index * rows, to, None))?,
            Some(active) => {
                Error::expect_numbers("active units", height * inner * width, active.len())?;
                let active = active.par_chunks_mut(rows * inner * width);
                let strips = strips.zip(active);
                strips.try_for_each(|((index, to), on)| strip(index * rows, to, Some(on)))?;
            }
        }
        Ok(y)
    }

    /// An upper bound of the norm of the convolution with the absolute values of the kernel: the same
    /// sums, of which nothing cancels.
    fn absolute_norm(&self) -> f64 {
        let per_channel: Vec<f64> = self
            .filters
            .weights()
            .chunks_exact(9)
            .map(|taps| taps.iter().map(|&w| f64::from(w.abs())).sum())
            .collect();
        let mut columns = vec![0.0; self.channels];
        for row in per_channel.chunks_exact(self.channels.max(1)) {
            columns.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let sum = |row: &[f64]| row.iter().zip(&columns).map(|(a, b)| a * b).sum::<f64>();
        let largest = per_channel.chunks_exact(self.channels.max(1)).map(sum).fold(0.0, f64::max);
        largest.sqrt() * (1.0 + 1e-9)
    }
}

/// Three rows of a picture with zeros around them, the last that were reached.
struct Near<'a, R> {
    picture: &'a Rows<R>,
    layout: PaddedRow,
    next: usize,
    rows: [Vec<R>; 3],
}

impl<'a, R: Real> Near<'a, R> {
    /// Before a row.
    fn new(picture: &'a Rows<R>, layout: PaddedRow, next: usize) -> Self {
        let zeros = || vec![R::default(); picture.channels * layout.stride];
        Self { picture, layout, next, rows: std::array::from_fn(|_| zeros()) }
    }

    /// Copies rows up to one, where the picture has it.
    fn reach(&mut self, row: usize) {
        while self.next <= row && self.next < self.picture.height {
            let to = self.rows[self.next % 3].chunks_exact_mut(self.layout.stride);
            for (channel, to) in to.enumerate() {
                to[1..=self.picture.width].copy_from_slice(self.picture.row(self.next, channel));
            }
            self.next += 1;
        }
    }

    /// The rows above, at and below one.
    fn around(&self, row: usize) -> [Option<&[R]>; 3] {
        [row.checked_sub(1), Some(row), Some(row + 1)].map(|row| {
            let row = row.filter(|&row| row < self.picture.height)?;
            Some(self.rows[row % 3].as_slice())
        })
    }
}

/// An upper bound of Σ over the 25 shifts of |Σ over channels and taps| of two kernels.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let error = sum_error(a.len());
    let mut total = 0.0;
    for dy in -2_isize..=2 {
        for dx in -2_isize..=2 {
            let (mut sum, mut absolute) = (0.0_f64, 0.0_f64);
            for (a, b) in a.chunks_exact(9).zip(b.chunks_exact(9)) {
                for y in 0..3_usize {
                    let Some(v) = y.checked_add_signed(dy).filter(|&v| v < 3) else { continue };
                    for x in 0..3_usize {
                        let Some(u) = x.checked_add_signed(dx).filter(|&u| u < 3) else { continue };
                        let product = f64::from(a[v * 3 + u]) * f64::from(b[y * 3 + x]);
                        sum += product;
                        absolute += product.abs();
                    }
                }
            }
            total += sum.abs() + error * absolute;
        }
    }
    total * (1.0 + sum_error(25))
}
