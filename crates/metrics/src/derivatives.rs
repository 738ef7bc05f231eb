//! 3×3 operators: derivatives, the gradient made of them, and any other correlation of that size.

use rayon::prelude::*;

use crate::dispatch::vectorised;
use crate::plane::Plane;
use crate::row_filter::STRIP;

/// A 3×3 correlation whose result has the plane's size, with zeros beyond the border.
pub fn correlate_3x3(plane: &Plane, kernel: &[[f64; 3]; 3]) -> Plane {
    let width = plane.width;
    let mut out = Plane::zeros(width, plane.height);
    let rows = out.data.par_chunks_exact_mut(width).enumerate().with_min_len(STRIP);
    rows.for_each_init(
        || [0; 3].map(|_| vec![0.0; width + 2]),
        |lines, (y, out)| {
            for (dy, line) in lines.iter_mut().enumerate() {
                match (y + dy).checked_sub(1).filter(|&row| row < plane.height) {
                    Some(row) => line[1..=width].copy_from_slice(plane.row(row)),
                    None => line.fill(0.0),
                }
            }
            vectorised(
                #[inline(always)]
                || {
                    for (line, &[a, b, c]) in lines.iter().zip(kernel) {
                        let neighbours = line.iter().zip(&line[1..]).zip(&line[2..]);
                        for (sum, ((left, here), right)) in out.iter_mut().zip(neighbours) {
                            *sum += a * left + b * here + c * right;
                        }
                    }
                },
            );
        },
    );
    out
}

/// Horizontal and vertical derivative of a plane by a 3×3 operator with zeros beyond the border.
///
/// `smoothing` are the three weights across the derivative, already divided by their sum:
/// `[1/3; 3]` is Prewitt, `[3/16, 10/16, 3/16]` Scharr. The sign is that of `[1 0 −1]`.
pub fn derivatives(plane: &Plane, smoothing: [f64; 3]) -> (Plane, Plane) {
    let (width, height) = (plane.width, plane.height);
    let (mut across, mut down) = (Plane::zeros(width, height), Plane::zeros(width, height));
    let rows = across.data.par_chunks_exact_mut(width).zip(down.data.par_chunks_exact_mut(width));
    rows.enumerate().with_min_len(STRIP).for_each_init(
        || DerivativeLines::new(width),
        |lines, (y, (across, down))| {
            vectorised(
                #[inline(always)]
                || lines.derive(plane, smoothing, y, across, down),
            );
        },
    );
    (across, down)
}

/// Room for one row smoothed, and one row differentiated, from above to below, with a zero on both
/// sides.
struct DerivativeLines {
    smoothed: Vec<f64>,
    differences: Vec<f64>,
    zeros: Vec<f64>,
}

impl DerivativeLines {
    fn new(width: usize) -> Self {
        let line = || vec![0.0; width + 2];
        Self { smoothed: line(), differences: line(), zeros: line() }
    }

    /// Row `y` of both derivatives.
    #[inline(always)]
    fn derive(
        &mut self,
        plane: &Plane,
        [a, b, c]: [f64; 3],
        y: usize,
        across: &mut [f64],
        down: &mut [f64],
    ) {
        let width = plane.width;
        let (smoothed, differences) = (&mut self.smoothed[..], &mut self.differences[..]);
        let above = if y > 0 { plane.row(y - 1) } else { &self.zeros };
        let below = if y + 1 < plane.height { plane.row(y + 1) } else { &self.zeros };
        let rows = above.iter().zip(plane.row(y)).zip(below);
        let lines = smoothed[1..].iter_mut().zip(&mut differences[1..]);
        for (((above, here), below), (smooth, difference)) in rows.zip(lines) {
            *smooth = a * above + b * here + c * below;
            *difference = above - below;
        }
        for ((gx, left), right) in across.iter_mut().zip(&*smoothed).zip(&smoothed[2..]) {
            *gx = left - right;
        }
        let neighbours = differences[..width].iter().zip(&differences[1..]).zip(&differences[2..]);
        for (gy, ((left, here), right)) in down.iter_mut().zip(neighbours) {
            *gy = a * left + b * here + c * right;
        }
    }
}

/// Prewitt's smoothing weights for [`derivatives`].
pub const PREWITT: [f64; 3] = [1.0 / 3.0; 3];

/// Scharr's smoothing weights for [`derivatives`].
pub const SCHARR: [f64; 3] = [3.0 / 16.0, 10.0 / 16.0, 3.0 / 16.0];

/// Length of the gradient at every position, `sqrt(gx² + gy²)`.
pub fn gradient_magnitude(plane: &Plane, smoothing: [f64; 3]) -> Plane {
    let width = plane.width;
    let mut out = Plane::zeros(width, plane.height);
    let rows = out.data.par_chunks_exact_mut(width).enumerate().with_min_len(STRIP);
    rows.for_each_init(
        || (DerivativeLines::new(width), vec![0.0; width]),
        |(lines, down), (y, magnitude)| {
            vectorised(
                #[inline(always)]
                || {
                    lines.derive(plane, smoothing, y, magnitude, down);
                    for (gx, gy) in magnitude.iter_mut().zip(&*down) {
                        *gx = (*gx * *gx + gy * gy).sqrt();
                    }
                },
            );
        },
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_a_ramp_are_constant_inside() {
        let ramp = Plane::from_fn(6, 5, |x, y| 3.0 * x as f64 + 10.0 * y as f64);
        let (across, down) = derivatives(&ramp, SCHARR);
        assert!((across.at(2, 2) + 6.0).abs() < 1e-12);
        assert!((down.at(2, 2) + 20.0).abs() < 1e-12);
    }

    #[test]
    fn derivatives_are_correlations() {
        let plane = Plane::from_fn(19, 37, |x, y| ((x * x * 7 + y * 13) % 31) as f64);
        let [a, b, c] = SCHARR;
        let (across, down) = derivatives(&plane, SCHARR);
        let expected = correlate_3x3(&plane, &[[a, 0.0, -a], [b, 0.0, -b], [c, 0.0, -c]]);
        let close = |found: &Plane, expected: &Plane| {
            let pairs = found.data.iter().zip(&expected.data);
            pairs.into_iter().all(|(f, e)| (f - e).abs() < 1e-12)
        };
        assert!(close(&across, &expected));
        assert!(close(&down, &correlate_3x3(&plane, &[[a, b, c], [0.0; 3], [-a, -b, -c]])));
        let length = across.zip(&down, |x, y| (x * x + y * y).sqrt());
        assert_eq!(gradient_magnitude(&plane, SCHARR), length);
    }
}
