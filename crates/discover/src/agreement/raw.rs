//! Raw agreement: of all pairs of raters who judged the same unit, the share that gave the same grade.
//!
//! P = Σ_u Σ_c n_uc (n_uc − 1) / Σ_u n_u (n_u − 1), with n_uc votes of grade c among the n_u of unit u.
//!
//! Choices: pairs of votes weigh the same, so a unit with many raters weighs more than one with two.

use super::{Unit, counts, grades};

/// The agreement, from 0 to 1; `None` where no unit has two votes.
pub fn raw(units: &[Unit]) -> Option<f64> {
    let grades = grades(units);
    let (mut agreeing, mut all) = (0.0, 0.0);
    for unit in units {
        let counts = counts(unit, &grades);
        let votes: f64 = counts.iter().sum();
        agreeing += counts.iter().map(|n| n * (n - 1.0)).sum::<f64>();
        all += votes * (votes - 1.0);
    }
    (all > 0.0).then(|| agreeing / all)
}
