//! The similarity of two numbers that many metrics are built of.

/// `(2ab + c) / (a² + b² + c)`: 1 for equal numbers, whatever they are; c > 0 sets the size at which
/// differences start to count.
pub(crate) fn similarity(a: f64, b: f64, c: f64) -> f64 {
    (2.0 * a * b + c) / (a * a + b * b + c)
}

/// The real part of the principal complex power; of a negative number `|x|^p · cos(πp)`.
pub(crate) fn real_power(x: f64, exponent: f64) -> f64 {
    let magnitude = x.abs().powf(exponent);
    if x < 0.0 { magnitude * (std::f64::consts::PI * exponent).cos() } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_alike_and_opposite_ones_are_not() {
        assert_eq!(similarity(3.3, 3.3, 1e-9), 1.0);
        assert_eq!(similarity(0.0, 0.0, 1e-9), 1.0);
        assert!(similarity(5.0, -5.0, 1.0) < 0.0);
    }

    #[test]
    fn powers_of_negative_numbers_turn_in_the_complex_plane() {
        assert_eq!(real_power(4.0, 0.5), 2.0);
        assert!(real_power(-4.0, 0.5).abs() < 1e-15);
        assert!((real_power(-8.0, 1.0 / 3.0) - 1.0).abs() < 1e-12);
    }
}
