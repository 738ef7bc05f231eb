//! Agreement beyond chance that does not collapse where nearly all units have one grade.
//!
//! * PABAK, prevalence- and bias-adjusted: (q·P − 1)/(q − 1) for q grades, 2P − 1 for two (Byrt, Bishop and
//!   Carlin 1993), P the raw agreement
//! * AC1: (P − P_e)/(1 − P_e), P_e = Σ_c π_c (1 − π_c)/(q − 1), π_c the mean over units of the share of votes
//!   for c (Gwet 2008)
//!
//! Choices: P of AC1 is the mean over units with at least two votes, as Gwet has it; π_c is over all units.
//! Where only one grade is known two are assumed: a pair is similar or not. Reproduces Gwet's coefficient on
//! a worked example, 1e-6.

use super::raw::raw;
use super::{Unit, counts, grades};

/// PABAK, from −1 to 1; `None` where no unit has two votes.
pub fn pabak(units: &[Unit]) -> Option<f64> {
    let kinds = grades(units).len().max(2) as f64;
    raw(units).map(|agreement| (kinds * agreement - 1.0) / (kinds - 1.0))
}

/// Gwet's AC1; `None` where no unit has two votes.
pub fn ac1(units: &[Unit]) -> Option<f64> {
    let grades = grades(units);
    let kinds = grades.len().max(2) as f64;
    let (mut agreement, mut judged, mut voted) = (0.0, 0.0, 0.0);
    let mut shares = vec![0.0; grades.len()];
    for unit in units {
        let counts = counts(unit, &grades);
        let votes: f64 = counts.iter().sum();
        if votes == 0.0 {
            continue;
        }
        voted += 1.0;
        shares.iter_mut().zip(&counts).for_each(|(share, count)| *share += count / votes);
        if votes > 1.0 {
            judged += 1.0;
            let same: f64 = counts.iter().map(|n| n * (n - 1.0)).sum();
            agreement += same / (votes * (votes - 1.0));
        }
    }
    if judged == 0.0 {
        return None;
    }
    let spread: f64 = shares.iter().map(|share| share / voted * (1.0 - share / voted)).sum();
    let chance = spread / (kinds - 1.0);
    (chance < 1.0).then(|| (agreement / judged - chance) / (1.0 - chance))
}
