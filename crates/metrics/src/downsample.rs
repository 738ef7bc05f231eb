//! The ways in which reference implementations shrink pictures, each under its own name.
//!
//! At odd sizes they differ by a sample or by half the window, which is what separates the values
//! of many libraries.

use rayon::prelude::*;

use crate::filter::{Border, Margins, Taps, blur_decimated, pad};
use crate::plane::Plane;

/// How an axis is halved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halving {
    /// Mean of samples i and i+1 at even i, the edge repeated; ceil(n/2) (the authors of MS-SSIM).
    EdgeRepeated,
    /// Mean of samples i and i+1 at even i, zeros beyond the edge; ceil(n/2) (GMSD, HaarPSI).
    ZeroBeyond,
    /// Mean of samples i and i+1 at even i, an odd last sample dropped; floor(n/2) (torchmetrics).
    Floor,
    /// An odd axis gets one zero on both sides first, and zeros are averaged in; (n+1)/2
    /// (pytorch-msssim).
    ZeroBothSides,
    /// When either axis is odd, both get one repeated sample in front; then floor (piq).
    ReplicateInFront,
}

/// Rows that one task makes at least.
const STRIP: usize = 32;

/// The plane at half size.
pub fn halve(plane: &Plane, halving: Halving) -> Plane {
    let odd = (plane.width % 2, plane.height % 2);
    let margins = match halving {
        Halving::EdgeRepeated | Halving::ZeroBeyond => {
            Margins { right: odd.0, bottom: odd.1, ..Margins::default() }
        }
        Halving::Floor => Margins::default(),
        Halving::ZeroBothSides => Margins { left: odd.0, right: odd.0, top: odd.1, bottom: odd.1 },
        Halving::ReplicateInFront if odd == (0, 0) => Margins::default(),
        Halving::ReplicateInFront => Margins { left: 1, top: 1, ..Margins::default() },
    };
    let border = match halving {
        Halving::ZeroBeyond | Halving::ZeroBothSides => Border::Zero,
        _ => Border::Replicate,
    };
    if margins == Margins::default() {
        return pool(plane, 2);
    }
    pool(&pad(plane, margins, border), 2)
}

/// The adjoint of [`halve`] for [`Halving::EdgeRepeated`] and [`Halving::Floor`]: spreads a
/// derivative at half size over the `width × height` plane it came from. A repeated edge sample
/// receives the shares of both its copies.
pub fn halve_adjoint(half: &Plane, width: usize, height: usize, halving: Halving) -> Plane {
    debug_assert!(matches!(halving, Halving::EdgeRepeated | Halving::Floor));
    let mut out = Plane::zeros(width, height);
    for y in 0..half.height {
        for x in 0..half.width {
            let share = half.at(x, y) / 4.0;
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let column = (2 * x + dx).min(width - 1);
                let row = (2 * y + dy).min(height - 1);
                out.data[row * width + column] += share;
            }
        }
    }
    out
}

/// Means of non-overlapping `factor × factor` blocks; incomplete blocks are dropped.
pub fn pool(plane: &Plane, factor: usize) -> Plane {
    let (width, height) = (plane.width / factor, plane.height / factor);
    let mut out = Plane::zeros(width, height);
    let area = (factor * factor) as f64;
    let rows = out.data.par_chunks_exact_mut(width.max(1)).enumerate().with_min_len(STRIP);
    rows.for_each(|(y, to)| {
        for dy in 0..factor {
            let row = plane.row(y * factor + dy);
            if factor == 2 {
                let (pairs, _) = row.as_chunks::<2>();
                to.iter_mut().zip(pairs).for_each(|(sample, [a, b])| *sample += a + b);
            } else {
                let blocks = to.iter_mut().zip(row.chunks_exact(factor));
                blocks.for_each(|(sample, block)| *sample += block.iter().sum::<f64>());
            }
        }
        to.iter_mut().for_each(|sample| *sample /= area);
    });
    out
}

/// The factor of the automatic downsampling of SSIM (2011), FSIM, VSI and MDSI:
/// `max(1, round(shorter side / 256))`, halves rounded up.
pub fn automatic_factor(width: usize, height: usize) -> usize {
    ((width.min(height) + 128) / 256).max(1)
}

/// As [`automatic_factor`] with halves rounded to even, as Python rounds: 2, not 3, for a side of
/// 640 (piq).
pub fn automatic_factor_half_even(width: usize, height: usize) -> usize {
    ((width.min(height) as f64 / 256.0).round_ties_even() as usize).max(1)
}

/// A `factor × factor` mean around every sample, then every `factor`-th sample from the first.
///
/// The SSIM authors' 2011 code uses [`Border::Symmetric`] and covers the offsets
/// −(c − 1) … factor − c with c = floor((factor + 1) / 2); FSIM, VSI and MDSI use
/// [`Border::Zero`]. Both cover the same offsets.
pub fn blur_and_decimate(plane: &Plane, factor: usize, border: Border) -> Plane {
    if factor == 1 {
        return plane.clone();
    }
    blur_decimated(plane, &Taps::mean(factor), border, factor)
}

/// Every `step`-th sample of every `step`-th row, from the first.
pub fn decimate(plane: &Plane, step: usize) -> Plane {
    let (width, height) = (plane.width.div_ceil(step), plane.height.div_ceil(step));
    Plane::from_fn(width, height, |x, y| plane.at(x * step, y * step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_differ_at_odd_sizes() {
        let plane = Plane::new(3, 1, vec![2.0, 4.0, 6.0]);
        let halved = |halving| halve(&plane, halving);
        assert_eq!(halved(Halving::EdgeRepeated).data, [3.0, 6.0]);
        assert_eq!(halved(Halving::ZeroBeyond).data, [1.5, 1.5]);
        assert_eq!(halved(Halving::Floor).data, [] as [f64; 0]);
        assert_eq!(halved(Halving::ZeroBothSides).data, [0.5, 2.5]);
        assert_eq!(halved(Halving::ReplicateInFront).data, [2.0, 5.0]);
    }

    #[test]
    fn conventions_agree_at_even_sizes() {
        let plane = Plane::from_fn(6, 4, |x, y| (x * x + 3 * y) as f64);
        let expected = pool(&plane, 2);
        for halving in [
            Halving::EdgeRepeated,
            Halving::ZeroBeyond,
            Halving::Floor,
            Halving::ZeroBothSides,
            Halving::ReplicateInFront,
        ] {
            assert_eq!(halve(&plane, halving), expected, "{halving:?}");
        }
    }

    #[test]
    fn adjoint_satisfies_its_defining_equation() {
        for halving in [Halving::EdgeRepeated, Halving::Floor] {
            let x = Plane::from_fn(7, 5, |x, y| ((x * 5 + y * 3) % 7) as f64);
            let half = halve(&x, halving);
            let m = half.map(|v| v * v - 4.0);
            let spread = halve_adjoint(&m, 7, 5, halving);
            let left: f64 = half.zip(&m, |a, b| a * b).sum();
            let right: f64 = x.zip(&spread, |a, b| a * b).sum();
            assert!((left - right).abs() < 1e-10, "{halving:?}: {left} {right}");
        }
    }

    #[test]
    fn automatic_factor_rounds_halves_up() {
        assert_eq!(automatic_factor(384, 600), 2);
        assert_eq!(automatic_factor(383, 600), 1);
        assert_eq!(automatic_factor(10, 10), 1);
        assert_eq!((automatic_factor(640, 700), automatic_factor_half_even(640, 700)), (3, 2));
        assert_eq!(automatic_factor_half_even(384, 600), 2);
        assert_eq!(automatic_factor_half_even(10, 10), 1);
    }
}
