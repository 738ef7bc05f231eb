//! Constants that are never too small.

/// Why a constant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// Sums of absolute values over a row of a Gram matrix (Gershgorin's circles).
    Gershgorin,
    /// Repeated squaring of a Gram matrix.
    GramIteration,
}

impl How {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gershgorin => "gershgorin",
            Self::GramIteration => "gram-iteration",
        }
    }
}

/// A proved Lipschitz constant for the Euclidean norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The constant, rounded outward.
    pub value: f64,
    /// How it was proved.
    pub how: How,
}

impl Bound {
    /// The constant 1.
    pub const ONE: Self = Self { value: 1.0, how: How::Gershgorin };

    /// The constant of one layer after another.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        // A product with exactly 1 is exact.
        let exact = self.value == 1.0 || next.value == 1.0;
        let product = self.value * next.value;
        Self { value: if exact { product } else { product.next_up() }, how: self.how }
    }
}

/// A bound on the relative error of a sum of `terms` products of single-precision numbers in double
/// precision, in any order: twice Higham's γ, of terms and a few operations more.
pub(crate) fn sum_error(terms: usize) -> f64 {
    (terms as f64 + 8.0) * f64::EPSILON
}

/// A number not above `1 / sum`, so that their product is not above 1; 0 where there is none.
pub(crate) fn reciprocal_below(sum: f64) -> f64 {
    if !(sum.is_finite() && sum > 0.0) {
        return 0.0;
    }
    // No infinity for the least of numbers.
    (1.0 / sum).min(f64::from(f32::MAX)).next_down().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lipschitz::Real;

    #[test]
    fn reciprocals_are_never_above() {
        for sum in [1.0, 3.0, 0.1, 7e-5, 1e30, 1e-50, 5e-324] {
            let t = reciprocal_below(sum);
            let single = f32::below(t);
            assert!(single.is_finite() && f64::from(single) <= t && t * sum <= 1.0, "{sum}");
            if (1e-30..1e30).contains(&sum) {
                assert!(f64::from(single) * sum > 1.0 - 2e-7, "{sum}");
            }
        }
        for sum in [0.0, f64::INFINITY, f64::NAN] {
            assert_eq!(reciprocal_below(sum), 0.0);
        }
    }

    #[test]
    fn products_are_rounded_up() {
        let third = Bound { value: 1.0 / 3.0, how: How::Gershgorin };
        assert_eq!(Bound::ONE.then(third).value, third.value);
        assert!(third.then(third).value > 1.0 / 9.0);
    }
}
