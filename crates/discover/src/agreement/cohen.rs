//! Cohen's κ of two raters: κ = 1 − Σ w_ij o_ij / Σ w_ij e_ij, o the share of units to which one gave grade i
//! and the other j, e the product of how often each gives them, w how bad the difference is.
//!
//! w is 1 for different grades (Cohen 1960), |i − j| (linear) or (i − j)² (quadratic; Cohen 1968).
//!
//! Choices: units that both judged count. Grades are compared by their place among those that either gave, as
//! scikit-learn does. Where both always give one and the same grade there is no κ.
//!
//! Reproduces `sklearn.metrics.cohen_kappa_score` on worked examples, 1e-6.

use super::Unit;

/// How bad a difference of grades is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// All differences are alike.
    None,
    /// By the number of grades between.
    Linear,
    /// By its square.
    Quadratic,
}

/// κ of the raters in two places; `None` where they share no unit or chance alone would agree on all.
pub fn kappa(units: &[Unit], [first, second]: [usize; 2], weighting: Weighting) -> Option<f64> {
    let both: Vec<(u8, u8)> = units
        .iter()
        .filter_map(|unit| Some(((*unit.get(first)?)?, (*unit.get(second)?)?)))
        .collect();
    let mut grades: Vec<u8> = both.iter().flat_map(|&(a, b)| [a, b]).collect();
    grades.sort_unstable();
    grades.dedup();
    let place = |grade: u8| grades.binary_search(&grade).unwrap_or_default();
    let weight = |i: usize, j: usize| {
        let apart = i.abs_diff(j) as f64;
        match weighting {
            Weighting::None => f64::from(u8::from(i != j)),
            Weighting::Linear => apart,
            Weighting::Quadratic => apart * apart,
        }
    };
    let count = both.len() as f64;
    let (mut firsts, mut seconds) = (vec![0.0; grades.len()], vec![0.0; grades.len()]);
    let mut observed = 0.0;
    for &(a, b) in &both {
        let (a, b) = (place(a), place(b));
        firsts[a] += 1.0;
        seconds[b] += 1.0;
        observed += weight(a, b) / count;
    }
    let mut expected = 0.0;
    for (i, first) in firsts.iter().enumerate() {
        for (j, second) in seconds.iter().enumerate() {
            expected += weight(i, j) * first * second / (count * count);
        }
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}
