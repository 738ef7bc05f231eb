//! The derivative of SSIM with respect to the candidate, in closed form.
//!
//! In the terms of [`statistics`](super::statistics), with B = Vs + Vd + 2C2 and
//! D = μs² + μd² + 2C1:
//!
//! * ∂cs/∂Vs = 2Vd / B², ∂cs/∂Vd = −2(Vs + 2C2) / B²
//! * ∂l/∂μs = 4μd²μs / D², ∂l/∂μd = −4μd(μs² + 2C1) / D²
//!
//! A change of y moves μs and μd by G, Vs by 2G(s·) − 2μs G and Vd by 2G(d·) − 2μd G. With
//! a, b, p, q the four derivatives above times the weights of a position, the whole is
//!
//! Gᵀ(p + q − 2aμs − 2bμd) + 2s·Gᵀa + 2d·Gᵀb,
//!
//! three adjoint filters. Every term has a factor that vanishes where the pictures are equal, so
//! the gradient there is exactly 0. All denominators are at least the constants: no singular
//! points.

use crate::plane::Plane;
use crate::ssim::{Constants, Moments, Window};

/// Weights with which l and cs of every position enter the number that is differentiated.
pub(crate) struct Weights {
    /// Of l; `None` when it does not enter.
    pub(crate) luminance: Option<Plane>,
    /// Of cs.
    pub(crate) structure: Plane,
}

/// The derivative of Σ (weight_l·l + weight_cs·cs) with respect to the candidate; `None` for
/// windows without an adjoint.
pub(crate) fn pull_back(
    (reference, candidate): (&Plane, &Plane),
    moments: &Moments,
    window: &Window,
    constants: Constants,
    weights: &Weights,
) -> Option<Plane> {
    if !window.has_adjoint() {
        return None;
    }
    let Constants { c1, c2 } = constants;
    let Moments { mean_sum, mean_difference, variance_sum, variance_difference } = moments;
    let (width, height) = (mean_sum.width, mean_sum.height);
    let [mut direct, mut by_sum, mut by_difference] = [(); 3].map(|()| Plane::zeros(width, height));
    for i in 0..mean_sum.data.len() {
        let (mean_s, mean_d) = (mean_sum.data[i], mean_difference.data[i]);
        let (var_s, var_d) = (variance_sum.data[i], variance_difference.data[i]);
        let b = var_s + var_d + 2.0 * c2;
        let scale = 2.0 * window.covariance_factor() * weights.structure.data[i] / (b * b);
        let a_s = scale * var_d;
        let a_d = -scale * (var_s + 2.0 * c2);
        let mut through_means = 0.0;
        if let Some(luminance) = &weights.luminance {
            let d = mean_s * mean_s + mean_d * mean_d + 2.0 * c1;
            through_means = 4.0 * luminance.data[i] * mean_d / (d * d)
                * (mean_d * mean_s - mean_s * mean_s - 2.0 * c1);
        }
        direct.data[i] = through_means - 2.0 * a_s * mean_s - 2.0 * a_d * mean_d;
        by_sum.data[i] = a_s;
        by_difference.data[i] = a_d;
    }
    let (direct, (by_sum, by_difference)) = rayon::join(
        || window.adjoint(&direct),
        || rayon::join(|| window.adjoint(&by_sum), || window.adjoint(&by_difference)),
    );
    let (mut gradient, by_sum, by_difference) = (direct?, by_sum?, by_difference?);
    for (i, derivative) in gradient.data.iter_mut().enumerate() {
        let (x, y) = (reference.data[i], candidate.data[i]);
        *derivative += 2.0 * (x + y) * by_sum.data[i] + 2.0 * (y - x) * by_difference.data[i];
    }
    Some(gradient)
}

/// The mean of SSIM over all positions of two planes, and its derivative with respect to every
/// sample of the candidate; `None` for windows without an adjoint
/// ([`Window::has_adjoint`]).
///
/// Planes as for [`dissimilarity`](super::dissimilarity); samples outside 0…1 are allowed.
pub fn value_and_gradient(
    reference: &Plane,
    candidate: &Plane,
    window: &Window,
    constants: Constants,
) -> Option<(f64, Plane)> {
    let moments = Moments::of(reference, candidate, window);
    let maps = moments.dissimilarity(constants);
    let value = 1.0 - maps.combined().mean();
    let share = 1.0 / maps.luminance.data.len() as f64;
    // The derivative of l·cs by each factor is the other one.
    let weights = Weights {
        luminance: Some(maps.structure.map(|v| (1.0 - v) * share)),
        structure: maps.luminance.map(|v| (1.0 - v) * share),
    };
    let gradient = pull_back((reference, candidate), &moments, window, constants, &weights)?;
    Some((value, gradient))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Border;

    #[test]
    fn agrees_with_central_differences_sample_by_sample() {
        let x = Plane::from_fn(9, 8, |x, y| ((x * 7 + y * 13) % 11) as f64 / 11.0);
        let y = Plane::from_fn(9, 8, |x, y| ((x * 5 + y * 3) % 13) as f64 / 13.0);
        for border in [Border::Valid, Border::Zero] {
            let window = Window::gaussian(5).with_border(border).with_sample_covariance();
            let at = |plane: &Plane| value_and_gradient(&x, plane, &window, Constants::WANG);
            let (_, gradient) = at(&y).unwrap();
            let step = 1e-5;
            for i in 0..y.data.len() {
                let (mut above, mut below) = (y.clone(), y.clone());
                above.data[i] += step;
                below.data[i] -= step;
                let slope = (at(&above).unwrap().0 - at(&below).unwrap().0) / (2.0 * step);
                assert!((slope - gradient.data[i]).abs() < 1e-8, "{border:?} {i}");
            }
        }
    }

    #[test]
    fn vanishes_exactly_at_equality() {
        let x = Plane::from_fn(12, 13, |x, y| ((x * 7 + y * 13) % 11) as f64 / 11.0);
        let (value, gradient) =
            value_and_gradient(&x, &x, &Window::gaussian(11), Constants::WANG).unwrap();
        assert_eq!(value, 1.0);
        assert!(gradient.data.iter().all(|&g| g == 0.0));
    }
}
