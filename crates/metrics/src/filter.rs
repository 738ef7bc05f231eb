//! Linear filters over planes, with the borders and the kernel origins that references disagree on.
//!
//! All filters are correlations: `out[i] = Σ_k w[k] · in[i + k − before]`. A centred kernel of even
//! length covers the offsets −(n/2 − 1) … n/2, which is what MATLAB's `conv2(…, 'same')` does;
//! SciPy's "same" covers −n/2 … n/2 − 1 and moves MDSI by 3e-3.

use rayon::prelude::*;

use crate::dispatch::vectorised;
use crate::plane::Plane;
use crate::row_filter::{RowFilter, STRIP};

pub use crate::derivatives::{PREWITT, SCHARR, correlate_3x3, derivatives, gradient_magnitude};

/// What lies beyond the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Nothing: only positions whose whole window lies inside are kept.
    Valid,
    /// Zeros.
    Zero,
    /// A mirror on the edge sample: `c b | a b c` (torch "reflect", OpenCV "reflect-101").
    Mirror,
    /// A mirror behind the edge sample: `b a | a b c` (MATLAB "symmetric").
    Symmetric,
    /// The edge sample, repeated.
    Replicate,
}

/// A one-dimensional kernel and the place of its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    /// Weights.
    pub weights: Vec<f64>,
    /// Samples before the output position that the kernel reaches.
    pub before: usize,
}

impl Taps {
    /// A kernel around its centre; of even length, with the origin MATLAB gives it.
    pub fn centred(weights: Vec<f64>) -> Self {
        let before = weights.len().saturating_sub(1) / 2;
        Self { weights, before }
    }

    /// A Gaussian of odd length, normalised to sum 1.
    pub fn gaussian(length: usize, sigma: f64) -> Self {
        let centre = (length as f64 - 1.0) / 2.0;
        let bell = |i: usize| (-(i as f64 - centre).powi(2) / (2.0 * sigma * sigma)).exp();
        let raw: Vec<f64> = (0..length).map(bell).collect();
        let sum: f64 = raw.iter().sum();
        Self::centred(raw.into_iter().map(|w| w / sum).collect())
    }

    /// A box of `length` equal weights with sum 1.
    pub fn mean(length: usize) -> Self {
        Self::centred(vec![1.0 / length as f64; length])
    }

    /// Number of weights.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Samples after the output position that the kernel reaches.
    pub fn after(&self) -> usize {
        self.len() - 1 - self.before
    }
}

/// Where position `i` of an axis of `length` samples reads from; `None` reads zero.
pub(crate) fn source(i: isize, length: usize, border: Border) -> Option<usize> {
    let n = length as isize;
    if (0..n).contains(&i) {
        return Some(i as usize);
    }
    match border {
        Border::Valid | Border::Zero => None,
        Border::Replicate => Some(i.clamp(0, n - 1) as usize),
        Border::Symmetric => {
            let folded = i.rem_euclid(2 * n);
            Some(folded.min(2 * n - 1 - folded) as usize)
        }
        Border::Mirror if n == 1 => Some(0),
        Border::Mirror => {
            let folded = i.rem_euclid(2 * n - 2);
            Some(folded.min(2 * n - 2 - folded) as usize)
        }
    }
}

/// Margins around a plane, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margins {
    /// Columns before the first.
    pub left: usize,
    /// Columns after the last.
    pub right: usize,
    /// Rows before the first.
    pub top: usize,
    /// Rows after the last.
    pub bottom: usize,
}

impl Margins {
    /// The same margin on every side.
    pub fn all(width: usize) -> Self {
        Self { left: width, right: width, top: width, bottom: width }
    }
}

/// The plane with margins filled by a border rule.
pub fn pad(plane: &Plane, margins: Margins, border: Border) -> Plane {
    let columns: Vec<Option<usize>> = (0..margins.left + plane.width + margins.right)
        .map(|x| source(x as isize - margins.left as isize, plane.width, border))
        .collect();
    let height = margins.top + plane.height + margins.bottom;
    let mut out = Plane::zeros(columns.len(), height);
    for y in 0..height {
        let Some(from) = source(y as isize - margins.top as isize, plane.height, border) else {
            continue;
        };
        let (row, to) = (plane.row(from), &mut out.data[y * columns.len()..][..columns.len()]);
        for (sample, column) in to.iter_mut().zip(&columns) {
            *sample = column.map_or(0.0, |x| row[x]);
        }
    }
    out
}

/// A separable filter: `horizontal` along rows, `vertical` along columns.
///
/// With [`Border::Valid`] the result is smaller by the length of each kernel less one (empty when
/// a kernel is longer than the axis); otherwise it has the plane's size.
pub fn separable(plane: &Plane, horizontal: &Taps, vertical: &Taps, border: Border) -> Plane {
    separable_decimated(plane, horizontal, vertical, border, 1)
}

/// [`separable`], of which every `step`-th sample of every `step`-th row is kept, from the first; rows
/// that are not kept are not computed.
fn separable_decimated(
    plane: &Plane,
    horizontal: &Taps,
    vertical: &Taps,
    border: Border,
    step: usize,
) -> Plane {
    let filter = RowFilter::new((plane.width, plane.height), horizontal, vertical, border);
    let full_width = filter.columns.positions;
    let width = full_width.div_ceil(step);
    let mut out = Plane::zeros(width, filter.rows.positions.div_ceil(step));
    if out.data.is_empty() {
        return out;
    }
    let zeros = vec![0.0; plane.width];
    let row = |line: usize| filter.rows.source(line).map_or(&zeros[..], |y| plane.row(y));
    let strips = out.data.par_chunks_mut(width * STRIP).enumerate();
    strips.for_each_init(
        || (filter.line(), if step == 1 { Vec::new() } else { vec![0.0; full_width] }),
        |(line, full_row), (strip, out)| {
            vectorised(
                #[inline(always)]
                || {
                    for (y, to) in out.chunks_exact_mut(width).enumerate() {
                        let first = (strip * STRIP + y) * step;
                        if step == 1 {
                            filter.one_row(to, line, |k| row(first + k));
                            continue;
                        }
                        filter.one_row(full_row, line, |k| row(first + k));
                        let kept = full_row.iter().step_by(step);
                        to.iter_mut().zip(kept).for_each(|(to, &kept)| *to = kept);
                    }
                },
            );
        },
    );
    out
}

/// The same kernel along rows and columns.
pub fn blur(plane: &Plane, taps: &Taps, border: Border) -> Plane {
    separable(plane, taps, taps, border)
}

/// [`blur`], of which every `step`-th sample of every `step`-th row is kept, from the first.
pub fn blur_decimated(plane: &Plane, taps: &Taps, border: Border, step: usize) -> Plane {
    separable_decimated(plane, taps, taps, border, step)
}

/// The adjoint of a valid [`separable`] filter: spreads a map back over the `width × height` plane
/// it was computed from. `⟨G x, m⟩ = ⟨x, Gᵀ m⟩` for all x and m.
pub fn separable_adjoint(map: &Plane, horizontal: &Taps, vertical: &Taps) -> Plane {
    let reversed = |taps: &Taps| Taps::centred(taps.weights.iter().rev().copied().collect());
    let (h, v) = (horizontal.len() - 1, vertical.len() - 1);
    let margins = Margins { left: h, right: h, top: v, bottom: v };
    let padded = pad(map, margins, Border::Zero);
    separable(&padded, &reversed(horizontal), &reversed(vertical), Border::Valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(width: usize, height: usize) -> Plane {
        Plane::from_fn(width, height, |x, y| ((x * 7 + y * 13) % 11) as f64)
    }

    #[test]
    fn borders_read_the_samples_their_names_say() {
        let plane = Plane::new(3, 1, vec![1.0, 2.0, 3.0]);
        let padded =
            |border| pad(&plane, Margins { left: 2, right: 2, ..Margins::default() }, border).data;
        assert_eq!(padded(Border::Zero), [0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
        assert_eq!(padded(Border::Mirror), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
        assert_eq!(padded(Border::Symmetric), [2.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0]);
        assert_eq!(padded(Border::Replicate), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    fn even_kernels_look_ahead() {
        let plane = Plane::new(4, 1, vec![1.0, 2.0, 4.0, 8.0]);
        let one = Taps::centred(vec![1.0]);
        let out = separable(&plane, &Taps::mean(2), &one, Border::Zero);
        assert_eq!(out.data, [1.5, 3.0, 6.0, 4.0]);
        assert_eq!(Taps::mean(4).before, 1);
    }

    #[test]
    fn a_kernel_longer_than_the_plane_leaves_nothing() {
        let out = blur(&counting(4, 20), &Taps::mean(5), Border::Valid);
        assert_eq!((out.width, out.data.len()), (0, 0));
    }

    #[test]
    fn adjoint_satisfies_its_defining_equation() {
        let (x, taps) = (counting(13, 9), Taps::gaussian(5, 1.1));
        let down = Taps::centred(vec![0.2, 0.5, 0.1]);
        let filtered = separable(&x, &taps, &down, Border::Valid);
        let m = counting(filtered.width, filtered.height).map(|v| v * v - 3.0);
        let spread = separable_adjoint(&m, &taps, &down);
        let left: f64 = filtered.zip(&m, |a, b| a * b).sum();
        let right: f64 = x.zip(&spread, |a, b| a * b).sum();
        assert!((left - right).abs() < 1e-10 * left.abs(), "{left} {right}");
    }
}
