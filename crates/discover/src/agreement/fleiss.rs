//! Fleiss' κ of several raters: κ = (P̄ − P̄_e)/(1 − P̄_e), P̄ the mean over units of the share of agreeing
//! pairs of votes, P̄_e = Σ_c p_c², p_c the share of all votes that gave grade c.
//!
//! Source: Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin 76, 1971.
//!
//! Choices: it asks for as many votes on every unit, so units with fewer than most have are left out; see
//! [`krippendorff`](super::krippendorff) for those. Reproduces `statsmodels` on a worked example, 1e-6.

use super::{Unit, counts, grades};

/// κ over the units that have as many votes as any; `None` where that is below two, or all votes are alike.
pub fn kappa(units: &[Unit]) -> Option<f64> {
    let votes = |unit: &Unit| unit.iter().flatten().count();
    let most = units.iter().map(votes).max().filter(|&most| most > 1)?;
    let whole: Vec<Unit> = units.iter().filter(|unit| votes(unit) == most).cloned().collect();
    let grades = grades(&whole);
    let most = most as f64;
    let (mut agreement, mut totals) = (0.0, vec![0.0; grades.len()]);
    for unit in &whole {
        let counts = counts(unit, &grades);
        agreement += counts.iter().map(|n| n * (n - 1.0)).sum::<f64>() / (most * (most - 1.0));
        totals.iter_mut().zip(&counts).for_each(|(total, count)| *total += count);
    }
    let units = whole.len() as f64;
    let chance: f64 = totals.iter().map(|total| (total / (units * most)).powi(2)).sum();
    (chance < 1.0).then(|| (agreement / units - chance) / (1.0 - chance))
}
