//! A convolution that cannot stretch: y = K x + b with zeros around the picture, K stored and its norm proved.
//!
//! * [`Convolution::aol`]: K = K'·diag(T)^-½ over the input channels, T_j = Σ_k Σ_δ |Σ_i K'_ij ⋆ K'_ik|(δ). Proof of the
//!   constant 1: on the plane KᵀK is block Toeplitz, and after the similarity by T^½ its absolute row sums are 1, so no
//!   eigenvalue is larger; zeros around a picture embed it in the plane and crop, which lengthens nothing. Source:
//!   Prach and Lampert, ECCV 2022.
//! * [`Convolution::orthogonal`]: K = H ∗ ∏ (P_l z + I − P_l) ∗ (Q_l w + I − Q_l), with an orthogonal H and orthogonal
//!   projections P_l, Q_l, z and w being shifts to the right and down. Proof: (P z + I − P)(P z⁻¹ + I − P)ᵀ = P + (I − P) = I,
//!   as P(I − P) = 0; products of such are as well. So K is an isometry of the plane, and of a torus. Source: Li,
//!   Haque, Anil, Lucas, Grosse, Jacobsen, "Preventing Gradient Attenuation in Lipschitz Constrained Convolutional
//!   Networks" (BCOP), NeurIPS 2019; explicit kernels, as Boissin et al., "An Adaptive Orthogonal Convolution Scheme",
//!   2025, export them. Choices: each projection is V(VᵀV)⁻¹Vᵀ of free parameters V, as block reflectors have them
//!   (Lai et al., ICML 2025), not of an orthogonalised matrix.
//!
//! Kernels are computed in double and stored in single precision; the certified constant is that of the stored ones, by
//! Gram iteration rounded outwards: 1 plus some 1e-7 times their size. Reproduces no other implementation; values are
//! held against loops. Limits: kernels are odd squares with the pixel in their middle; as many outputs as inputs for
//! orthogonal ones, whose shifts by one step either way need kernels of 3.

use faer::Mat;
use faer::prelude::Solve;

use super::gram_iteration::gram_iteration_of_kernels;
use super::{Bound, Real, Rows, block_reflector};
use crate::{Error, Result};

/// Squarings in the bound of stored kernels.
const ITERATIONS: usize = 4;

/// A convolution with its constant.
#[derive(Clone, Debug)]
pub struct Convolution {
    channels: usize,
    side: usize,
    /// `[output][channel][side][side]`.
    kernel: Vec<f32>,
    bias: Vec<f32>,
    bound: Bound,
}

impl Convolution {
    /// A convolution as it is: kernels `[output][channels][side][side]`, one bias for each output.
    ///
    /// # Errors
    /// [`Error::Numbers`]; [`Error::Unfit`] for an even side and numbers that are not finite.
    pub fn new(channels: usize, side: usize, kernel: Vec<f32>, bias: Vec<f32>) -> Result<Self> {
        let expected = bias.len() * channels * side * side;
        Error::expect_numbers("the kernel of a convolution", expected, kernel.len())?;
        if side.is_multiple_of(2) {
            return Err(Error::Unfit(format!("expected a kernel of an odd side, found {side}")));
        }
        let bound = gram_iteration_of_kernels(&kernel, channels, side, ITERATIONS)?;
        Ok(Self { channels, side, kernel, bias, bound })
    }

    /// The almost-orthogonal convolution of free kernels.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn aol(channels: usize, side: usize, kernel: &[f32], bias: Vec<f32>) -> Result<Self> {
        let (outputs, area) = (bias.len(), side * side);
        Error::expect_numbers(
            "the kernel of a convolution",
            outputs * channels * area,
            kernel.len(),
        )?;
        let of = |i: usize, j: usize| &kernel[(i * channels + j) * area..][..area];
        let large = 2 * side as isize - 1;
        let roots: Vec<f64> = (0..channels)
            .map(|j| {
                let mut total = 0.0;
                for k in 0..channels {
                    for shift in 0..large * large {
                        let by =
                            [shift / large - side as isize + 1, shift % large - side as isize + 1];
                        let sums = (0..outputs).map(|i| overlap(of(i, j), of(i, k), side, by));
                        total += sums.sum::<f64>().abs();
                    }
                }
                // 1 is as good as any for a channel of zeros.
                if total > 0.0 { total.sqrt() } else { 1.0 }
            })
            .collect();
        let scaled = |(at, &w): (usize, &f32)| (f64::from(w) / roots[at / area % channels]) as f32;
        Self::new(channels, side, kernel.iter().enumerate().map(scaled).collect(), bias)
    }

    /// The orthogonal convolution of 3×3 of free parameters: `[turn, right, down, left, up]`, each `channels` rows of
    /// `rank` numbers, the last four being the V of projections, the first that of a reflector.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Unfit`] where the columns of a V depend on each other.
    pub fn orthogonal(parameters: [&[f32]; 5], rank: usize, bias: Vec<f32>) -> Result<Self> {
        let channels = bias.len();
        for part in parameters {
            Error::expect_numbers("a part of an orthogonal kernel", channels * rank, part.len())?;
        }
        let [turn, ..] = parameters;
        let turn = block_reflector(turn, rank)?;
        let turn =
            Mat::from_fn(channels, channels, |i, j| f64::from(turn.matrix()[i * channels + j]));
        let one = Mat::<f64>::identity(channels, channels);
        // Matrices by tap, row by row; the middle one to begin with.
        let mut taps = vec![Mat::<f64>::zeros(channels, channels); 9];
        taps[4] = turn;
        for (v, step) in parameters[1..].iter().zip([[0, 1], [1, 0], [0, -1], [-1, 0]]) {
            let p = projection(v, channels, rank)?;
            let rest = &one - &p;
            let mut next = vec![Mat::<f64>::zeros(channels, channels); 9];
            for (at, tap) in taps.iter().enumerate() {
                next[at] += tap * &rest;
                let (y, x) = ((at / 3) as isize + step[0], (at % 3) as isize + step[1]);
                if (0..3).contains(&y) && (0..3).contains(&x) {
                    next[(3 * y + x) as usize] += tap * &p;
                }
            }
            taps = next;
        }
        let mut kernel = Vec::with_capacity(9 * channels * channels);
        for i in 0..channels {
            for j in 0..channels {
                kernel.extend(taps.iter().map(|tap| tap[(i, j)] as f32));
            }
        }
        Self::new(channels, 3, kernel, bias)
    }

    /// Channels read.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Channels written.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// `[output][channel][side][side]`, as it is used.
    pub fn kernel(&self) -> &[f32] {
        &self.kernel
    }

    /// Its Lipschitz constant, for pictures of any size.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// K x + b.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn forward<R: Real>(&self, x: &Rows<R>) -> Result<Rows<R>> {
        Error::expect_numbers("channels of a convolution", self.channels, x.channels)?;
        let mut y = Rows::zeros([self.outputs(), x.height, x.width]);
        for (row, line) in y.data.chunks_exact_mut((self.outputs() * x.width).max(1)).enumerate() {
            for (output, to) in line.chunks_exact_mut(x.width.max(1)).enumerate() {
                to.fill(R::of(self.bias[output]));
            }
            self.visit(row, x.height, |output, channel, dy, dx, w| {
                let from = x.row(row + dy - self.side / 2, channel);
                shifted_add(&mut line[output * x.width..][..x.width], from, dx, self.side, w);
            });
        }
        Ok(y)
    }

    /// The derivative with respect to the picture: Kᵀ g.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn backward<R: Real>(&self, upstream: &Rows<R>) -> Result<Rows<R>> {
        Error::expect_numbers("channels of a convolution", self.outputs(), upstream.channels)?;
        let (height, width) = (upstream.height, upstream.width);
        let mut x = Rows::zeros([self.channels, height, width]);
        for row in 0..height {
            self.visit(row, height, |output, channel, dy, dx, w| {
                let to = ((row + dy - self.side / 2) * self.channels + channel) * width;
                let from = upstream.row(row, output);
                // The adjoint of a shift is the shift back.
                let back = self.side - 1 - dx;
                shifted_add(&mut x.data[to..to + width], from, back, self.side, w);
            });
        }
        Ok(x)
    }

    /// All taps whose row of the picture is there.
    fn visit(
        &self,
        row: usize,
        height: usize,
        mut tap: impl FnMut(usize, usize, usize, usize, f32),
    ) {
        let (side, half) = (self.side, self.side / 2);
        for (at, &w) in self.kernel.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            let (dx, dy) = (at % side, at / side % side);
            let plane = at / (side * side);
            if (half..height + half).contains(&(row + dy)) {
                tap(plane / self.channels, plane % self.channels, dy, dx, w);
            }
        }
    }
}

/// to(x) += w·from(x + dx − side/2), with zeros beyond the row.
fn shifted_add<R: Real>(to: &mut [R], from: &[R], dx: usize, side: usize, w: f32) {
    let (half, w) = (side / 2, R::of(w));
    let width = to.len();
    let first = half.saturating_sub(dx);
    let last = (width + half).saturating_sub(dx).min(width);
    if first < last {
        let from = &from[first + dx - half..last + dx - half];
        to[first..last].iter_mut().zip(from).for_each(|(to, &x)| *to += w * x);
    }
}

/// Σ a(p + δ) b(p) over the taps p of two kernels.
fn overlap(a: &[f32], b: &[f32], side: usize, [dy, dx]: [isize; 2]) -> f64 {
    let mut sum = 0.0;
    for y in 0..side {
        let Some(v) = y.checked_add_signed(dy).filter(|&v| v < side) else { continue };
        for x in 0..side {
            let Some(u) = x.checked_add_signed(dx).filter(|&u| u < side) else { continue };
            sum += f64::from(a[v * side + u]) * f64::from(b[y * side + x]);
        }
    }
    sum
}

/// V(VᵀV)⁻¹Vᵀ.
fn projection(v: &[f32], rows: usize, rank: usize) -> Result<Mat<f64>> {
    let v = Mat::from_fn(rows, rank, |i, j| f64::from(v[i * rank + j]));
    let gram = v.transpose() * &v;
    let found = &v * gram.partial_piv_lu().solve(v.transpose());
    let finite = (0..rows).all(|i| (0..rows).all(|j| found[(i, j)].is_finite()));
    if !finite {
        let reason = "the parameters of an orthogonal kernel have no projection: they are singular";
        return Err(Error::Unfit(reason.to_owned()));
    }
    Ok(found)
}
