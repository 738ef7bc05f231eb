//! From display-coded samples to colour: the sRGB curve, tristimulus values and CIELAB.
//!
//! Metrics disagree about the digits of the matrix, the white point and the linear end of the
//! CIELAB curve, so all three are arguments, and each metric states its own.

/// Light in 0…1 of an sRGB sample in 0…1 (IEC 61966-2-1, the exact two-piece curve).
pub(crate) fn srgb_decode(code: f64) -> f64 {
    if code <= 0.04045 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) }
}

/// A matrix times a column.
#[inline(always)]
pub(crate) fn transform(matrix: &[[f64; 3]; 3], [a, b, c]: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = matrix;
    [x[0] * a + x[1] * b + x[2] * c, y[0] * a + y[1] * b + y[2] * c, z[0] * a + z[1] * b + z[2] * c]
}

/// The inverse of a matrix with a determinant other than 0.
pub(crate) fn inverse(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    // Cofactor of row i and column j, indices taken modulo 3, which supplies its sign.
    let cofactor = |i: usize, j: usize| {
        let (i1, i2, j1, j2) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
        m[i1][j1] * m[i2][j2] - m[i1][j2] * m[i2][j1]
    };
    let determinant: f64 = (0..3).map(|j| m[0][j] * cofactor(0, j)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| cofactor(column, row) / determinant))
}

/// The cube root of a positive number to two units in the last place, in steps that vector
/// instructions can follow.
#[inline(always)]
pub(crate) fn cube_root(t: f64) -> f64 {
    // A third of the exponent and of the mantissa behind it, within 6 %: the upper half of the bits
    // is divided by 3 and the bias, two thirds of its own, added again.
    let third = ((t.to_bits() >> 32) * 0x5555_5556) >> 32;
    let mut root = f64::from_bits((third + 715_094_163) << 32);
    // Halley's iteration cubes the error; Newton's, written as a correction, removes its rounding.
    for _ in 0..2 {
        let cube = root * root * root;
        root *= (cube + 2.0 * t) / (2.0 * cube + t);
    }
    root - (root * root * root - t) / (3.0 * root * root)
}

/// CIELAB for one white point and one approximation of its curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lab {
    /// Tristimulus values of white.
    pub(crate) white: [f64; 3],
    /// Above it the curve is a cube root.
    pub(crate) threshold: f64,
    /// Up to it the curve is `slope·t + 16/116`.
    pub(crate) slope: f64,
}

impl Lab {
    /// L*, a*, b* of X, Y, Z.
    #[inline(always)]
    pub(crate) fn of_xyz(&self, xyz: [f64; 3]) -> [f64; 3] {
        let curve = |i: usize| {
            let t = xyz[i] / self.white[i];
            if t > self.threshold { cube_root(t) } else { self.slope * t + 16.0 / 116.0 }
        };
        let (x, y, z) = (curve(0), curve(1), curve(2));
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_continuous_and_keeps_black_and_white() {
        assert_eq!((srgb_decode(0.0), srgb_decode(1.0)), (0.0, 1.0));
        assert!((srgb_decode(0.040_450_001) - srgb_decode(0.04045)).abs() < 1e-7);
    }

    #[test]
    fn cube_roots_are_those_of_the_standard_library() {
        let mut t = 1e-6;
        while t < 1e6 {
            let (found, expected) = (cube_root(t), f64::cbrt(t));
            assert!((found / expected - 1.0).abs() <= 2.0 * f64::EPSILON, "{t}: {found}");
            t *= 1.000_37;
        }
        assert_eq!((cube_root(1.0), cube_root(8.0), cube_root(0.125)), (1.0, 2.0, 0.5));
    }

    #[test]
    fn a_matrix_times_its_inverse_changes_nothing() {
        let matrix = [[0.41, 0.36, 0.18], [0.21, 0.72, 0.07], [0.02, 0.12, 0.95]];
        let back = transform(&inverse(&matrix), transform(&matrix, [0.3, -2.0, 5.0]));
        for (found, expected) in back.iter().zip([0.3, -2.0, 5.0]) {
            assert!((found - expected).abs() < 1e-12, "{back:?}");
        }
    }

    #[test]
    fn white_and_black_have_no_chroma() {
        let lab = Lab { white: [0.95, 1.0, 1.09], threshold: 0.008_856, slope: 7.787 };
        assert_eq!(lab.of_xyz(lab.white), [100.0, 0.0, 0.0]);
        let black = lab.of_xyz([0.0; 3]);
        assert!(black.iter().all(|v| v.abs() < 1e-12), "{black:?}");
    }
}
