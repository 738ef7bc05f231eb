//! Whether a distance is at most τ: how far an embedding may move before that changes.
//!
//! **Cosine.** d ≤ τ is an angle of at most α_τ = acos(1 − τ): f lies inside or outside a cone around the other
//! embedding. The distance of a vector of length R at the angle α from that cone is R |sin(α − α_τ)| where
//! |α − α_τ| < π/2, else R, at the origin. **Euclidean.** |d − τ|.
//!
//! The appended head has one coordinate that does not move; the distance in all coordinates is a lower bound of
//! that in the others, so the same formula holds for it.

use std::f64::consts::{FRAC_PI_2, PI};

use lookalike_deep::lipsim::Head;

use super::angle;

/// How far `moving` is from where its distance to `fixed` crosses `threshold`.
pub fn distance_to_threshold(head: Head, moving: &[f64], fixed: &[f64], threshold: f64) -> f64 {
    if head == Head::Euclidean {
        return (head.distance(moving, fixed) - threshold).abs();
    }
    let ((a, length), (b, _)) = (head.project(moving), head.project(fixed));
    let angle = angle(&a, &b);
    let limit = if threshold < 0.0 {
        return f64::INFINITY;
    } else if threshold >= 2.0 {
        PI
    } else {
        2.0 * (threshold / 2.0).sqrt().asin()
    };
    let apart = (angle - limit).abs();
    if apart < FRAC_PI_2 { length * apart.sin() } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_distance_from_a_cone() {
        // At 45 degrees; the cone of 30 degrees is 15 degrees away.
        let (x, y) = ([2.0, 2.0], [1.0, 0.0]);
        let threshold = 1.0 - (PI / 6.0).cos();
        let found = distance_to_threshold(Head::Cosine, &x, &y, threshold);
        assert!((found - 8_f64.sqrt() * (PI / 12.0).sin()).abs() < 1e-12, "{found}");
        let opposite = distance_to_threshold(Head::Cosine, &[-3.0, 0.0], &y, threshold);
        assert_eq!(opposite, 3.0, "the origin is nearest");
        let found = distance_to_threshold(Head::Euclidean, &x, &y, 1.0);
        assert!((found - (5_f64.sqrt() - 1.0)).abs() < 1e-12);
    }
}
