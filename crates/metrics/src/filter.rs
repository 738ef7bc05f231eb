//! Linear filters over planes, with the borders and the kernel origins that references disagree on.
//!
//! All filters are correlations: `out[i] = Σ_k w[k] · in[i + k − before]`. A centred kernel of even
//! length covers the offsets −(n/2 − 1) … n/2, which is what MATLAB's `conv2(…, 'same')` does;
//! SciPy's "same" covers −n/2 … n/2 − 1 and moves MDSI by 3e-3.

use rayon::prelude::*;

use crate::plane::Plane;

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
    if border == Border::Valid {
        return vertical_valid(&horizontal_valid(plane, &horizontal.weights), &vertical.weights);
    }
    let margins = Margins {
        left: horizontal.before,
        right: horizontal.after(),
        top: vertical.before,
        bottom: vertical.after(),
    };
    let padded = pad(plane, margins, border);
    vertical_valid(&horizontal_valid(&padded, &horizontal.weights), &vertical.weights)
}

/// The same kernel along rows and columns.
pub fn blur(plane: &Plane, taps: &Taps, border: Border) -> Plane {
    separable(plane, taps, taps, border)
}

/// The adjoint of a valid [`separable`] filter: spreads a map back over the `width × height` plane
/// it was computed from. `⟨G x, m⟩ = ⟨x, Gᵀ m⟩` for all x and m.
pub fn separable_adjoint(map: &Plane, horizontal: &Taps, vertical: &Taps) -> Plane {
    let reversed = |taps: &Taps| -> Vec<f64> { taps.weights.iter().rev().copied().collect() };
    let (h, v) = (horizontal.len() - 1, vertical.len() - 1);
    let margins = Margins { left: h, right: h, top: v, bottom: v };
    let padded = pad(map, margins, Border::Zero);
    vertical_valid(&horizontal_valid(&padded, &reversed(horizontal)), &reversed(vertical))
}

fn horizontal_valid(plane: &Plane, weights: &[f64]) -> Plane {
    let width = (plane.width + 1).saturating_sub(weights.len());
    let mut out = Plane::zeros(width, plane.height);
    if width == 0 {
        return out;
    }
    out.data.par_chunks_mut(width).enumerate().for_each(|(y, to)| {
        let row = plane.row(y);
        for (k, &weight) in weights.iter().enumerate() {
            for (sample, &from) in to.iter_mut().zip(&row[k..]) {
                *sample += weight * from;
            }
        }
    });
    out
}

fn vertical_valid(plane: &Plane, weights: &[f64]) -> Plane {
    let height = (plane.height + 1).saturating_sub(weights.len());
    let mut out = Plane::zeros(plane.width, height);
    if height == 0 || plane.width == 0 {
        return out;
    }
    out.data.par_chunks_mut(plane.width).enumerate().for_each(|(y, to)| {
        for (k, &weight) in weights.iter().enumerate() {
            for (sample, &from) in to.iter_mut().zip(plane.row(y + k)) {
                *sample += weight * from;
            }
        }
    });
    out
}

/// A 3×3 correlation whose result has the plane's size.
pub fn correlate_3x3(plane: &Plane, kernel: &[[f64; 3]; 3], border: Border) -> Plane {
    let padded = pad(plane, Margins::all(1), border);
    Plane::from_fn(plane.width, plane.height, |x, y| {
        let mut sum = 0.0;
        for (dy, weights) in kernel.iter().enumerate() {
            let row = &padded.row(y + dy)[x..x + 3];
            sum += weights[0] * row[0] + weights[1] * row[1] + weights[2] * row[2];
        }
        sum
    })
}

/// Horizontal and vertical derivative of a plane by a 3×3 operator with zeros beyond the border.
///
/// `smoothing` are the three weights across the derivative, already divided by their sum:
/// `[1/3; 3]` is Prewitt, `[3/16, 10/16, 3/16]` Scharr. The sign is that of `[1 0 −1]`.
pub fn derivatives(plane: &Plane, smoothing: [f64; 3]) -> (Plane, Plane) {
    let [a, b, c] = smoothing;
    let across = [[a, 0.0, -a], [b, 0.0, -b], [c, 0.0, -c]];
    let down = [[a, b, c], [0.0; 3], [-a, -b, -c]];
    (correlate_3x3(plane, &across, Border::Zero), correlate_3x3(plane, &down, Border::Zero))
}

/// Prewitt's smoothing weights for [`derivatives`].
pub const PREWITT: [f64; 3] = [1.0 / 3.0; 3];

/// Scharr's smoothing weights for [`derivatives`].
pub const SCHARR: [f64; 3] = [3.0 / 16.0, 10.0 / 16.0, 3.0 / 16.0];

/// Length of the gradient at every position, `sqrt(gx² + gy²)`.
pub fn gradient_magnitude(plane: &Plane, smoothing: [f64; 3]) -> Plane {
    let (across, down) = derivatives(plane, smoothing);
    across.zip(&down, |gx, gy| (gx * gx + gy * gy).sqrt())
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

    #[test]
    fn derivatives_of_a_ramp_are_constant_inside() {
        let ramp = Plane::from_fn(6, 5, |x, y| 3.0 * x as f64 + 10.0 * y as f64);
        let (across, down) = derivatives(&ramp, SCHARR);
        assert!((across.at(2, 2) + 6.0).abs() < 1e-12);
        assert!((down.at(2, 2) + 20.0).abs() < 1e-12);
    }
}
