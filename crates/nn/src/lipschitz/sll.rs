//! What both SDP-based Lipschitz layers have in common.
//!
//! h(x) = x − 2 Wᵀ D σ(W x + b), with σ the positive part and D = diag(t).
//!
//! **h is 1-Lipschitz where W Wᵀ ≤ D⁻¹.** Let δ = x − y and s = σ(W x + b) − σ(W y + b). Since σ neither
//! decreases nor grows faster than its argument, s_i (W δ)_i ≥ s_i². Then
//! ‖h(x) − h(y)‖² = ‖δ‖² − 4 sᵀD W δ + 4 sᵀD W Wᵀ D s ≤ ‖δ‖² − 4 sᵀD (W δ − s) ≤ ‖δ‖², where the first step
//! used W Wᵀ ≤ D⁻¹. A row with t_i = 0 takes no part in any of the sums.
//!
//! **The choice of t.** With any r > 0 and t_i ≤ 1/T_i, T_i = Σ_j |W Wᵀ|_ij r_j / r_i, the matrix D⁻¹ − W Wᵀ
//! is diagonally dominant after the similarity by diag(r), so its eigenvalues are not negative.
//!
//! Source: Araujo, Havens, Delattre, Allauzen, Hu, "A Unified Algebraic Perspective on Lipschitz Neural
//! Networks", ICLR 2023. Choices: T is computed in double precision and rounded up, t rounded down, and
//! down again where values are computed in single precision, so that the layer with the parameters as
//! stored has the constant 1 exactly; `t = 0` where T is 0 or not finite.

/// How rows are weighed against each other in T, the r of the proof.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighting<'a> {
    /// All alike. So does the convolution of LipSim as released, whose `q` cancels.
    Uniform,
    /// r = exp(q), with a learned `q`.
    Exponential(&'a [f32]),
}

impl Weighting<'_> {
    /// r_j / r_i, not too small by more than the slack of the sums.
    pub(crate) fn ratio(&self, i: usize, j: usize) -> f64 {
        match self {
            Self::Exponential(q) if i != j => (f64::from(q[j]) - f64::from(q[i])).exp(),
            _ => 1.0,
        }
    }

    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Self::Uniform => None,
            Self::Exponential(q) => Some(q.len()),
        }
    }
}
