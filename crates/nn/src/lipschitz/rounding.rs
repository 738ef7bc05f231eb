//! How far computed activations may be from those of exact arithmetic, before anything is computed.
//!
//! A sum of n products in floating point is off by at most γ_n Σ|products|, γ_n = n u / (1 − n u), in any
//! order and with or without fused operations (Higham, "Accuracy and Stability of Numerical Algorithms",
//! 2002, §3.1); u is [`Real::UNIT`](super::Real::UNIT). For y = x − Wᵀ(2 t σ(W x + b)) that gives, with
//! A ≥ ‖|W|‖, B = ‖b‖ over all positions, t the largest normaliser and N ≥ ‖x‖:
//!
//! * the inner sums are off by γ(A N + B), and after σ and the scale, itself rounded down, by
//!   2t (γ + 4u)(A N + B);
//! * Wᵀ carries that on with A, and its own sums add γ(N + 2t A (A N + B)).
//!
//! Where sums are taken of transformed numbers, as Winograd's convolutions take them, they hold |products| that are
//! larger than those of the definition; γ is multiplied by how much larger.
//!
//! An error at the input comes through multiplied by the layer's constant, 1. All of it holds for every
//! input of norm at most N at once, so it is proved for pictures that nobody has seen yet. In single
//! precision and for large layers it is far above what is ever observed; in double precision it is
//! negligible.

/// What is known of a vector that was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rounding {
    /// No exact vector is longer.
    pub norm: f64,
    /// No computed vector is further from its exact one.
    pub error: f64,
}

/// Room for the roundings of these bounds themselves.
const SLACK: f64 = 1.0 + 1e-9;

/// γ of a sum of `terms` products.
fn gamma(terms: usize, unit: f64) -> f64 {
    let share = (terms as f64 + 2.0) * unit;
    if share < 0.5 { share / (1.0 - share) * SLACK } else { f64::INFINITY }
}

impl Rounding {
    /// Inputs of a norm, taken as they are.
    pub fn of_input(norm: f64) -> Self {
        Self { norm, error: 0.0 }
    }

    /// After a layer x − 2 Wᵀ D σ(W x + b) of constant 1, whose inner and outer sums have `terms`
    /// products, `absolute` at least the norm of |W|, and whose bias stands at `positions` places. The
    /// |products| that are summed are at most `amplification` times those of the definition.
    #[must_use]
    pub(crate) fn residual(
        self,
        unit: f64,
        (terms, amplification): ([usize; 2], f64),
        absolute: f64,
        bias: &[f32],
        scale: &[f64],
        positions: usize,
    ) -> Self {
        let largest = scale.iter().fold(0.0_f64, |most, &t| most.max(t));
        let squares = bias.iter().map(|&b| f64::from(b) * f64::from(b)).sum::<f64>();
        let bias = (squares * positions as f64).sqrt() * SLACK;
        // Computed inputs are that much longer than exact ones.
        let norm = self.norm + self.error;
        let [inner, outer] = terms.map(|terms| amplification * gamma(terms + 1, unit));
        let sums = absolute * norm + bias;
        let own = 2.0 * largest * absolute * (inner + 4.0 * unit) * sums * (1.0 + inner)
            + outer * (norm + 2.0 * largest * absolute * sums * (1.0 + inner) * (1.0 + 4.0 * unit));
        let moved = 2.0 * largest * absolute * bias;
        Self { norm: (self.norm + moved) * SLACK, error: (self.error + own) * SLACK }
    }

    /// After sums of windows of `terms` numbers, of constant 1.
    #[must_use]
    pub fn window_sum(self, unit: f64, terms: usize) -> Self {
        let own = gamma(terms + 1, unit) * (self.norm + self.error);
        Self { norm: self.norm, error: (self.error + own) * SLACK }
    }
}
