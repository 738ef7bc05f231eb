//! Krippendorff's α = 1 − D_o/D_e: observed over expected disagreement, missing votes allowed.
//!
//! With the coincidences o_ck = Σ_u n_uc (n_uk − \[c = k\]) / (m_u − 1) over units with m_u ≥ 2 votes,
//! n_c = Σ_k o_ck and n = Σ_c n_c: D_o = Σ o_ck δ²_ck / n, D_e = Σ n_c n_k δ²_ck / (n (n − 1)).
//!
//! * nominal: δ² = \[c ≠ k\]
//! * ordinal: δ² = (Σ_{g=c…k} n_g − (n_c + n_k)/2)²
//! * interval: δ² = (c − k)²
//!
//! Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011. Reproduces the package
//! `krippendorff` on worked examples, 1e-6.

use super::{Unit, counts, grades};

/// What grades mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// Names.
    Nominal,
    /// An order.
    Ordinal,
    /// Distances.
    Interval,
}

/// α, at most 1; `None` where no unit has two votes, or all votes are alike.
pub fn alpha(units: &[Unit], measurement: Measurement) -> Option<f64> {
    let grades = grades(units);
    let size = grades.len();
    let mut coincidences = vec![vec![0.0; size]; size];
    for unit in units {
        let counts = counts(unit, &grades);
        let votes: f64 = counts.iter().sum();
        if votes < 2.0 {
            continue;
        }
        for (c, row) in coincidences.iter_mut().enumerate() {
            for (k, cell) in row.iter_mut().enumerate() {
                let other = counts[k] - f64::from(u8::from(c == k));
                *cell += counts[c] * other / (votes - 1.0);
            }
        }
    }
    let totals: Vec<f64> = coincidences.iter().map(|row| row.iter().sum()).collect();
    let all: f64 = totals.iter().sum();
    let apart = |c: usize, k: usize| -> f64 {
        let (from, to) = (c.min(k), c.max(k));
        match measurement {
            Measurement::Nominal => f64::from(u8::from(c != k)),
            Measurement::Ordinal if c == k => 0.0,
            Measurement::Ordinal => {
                let between: f64 = totals[from..=to].iter().sum();
                (between - (totals[c] + totals[k]) / 2.0).powi(2)
            }
            Measurement::Interval => (f64::from(grades[c]) - f64::from(grades[k])).powi(2),
        }
    };
    let (mut observed, mut expected) = (0.0, 0.0);
    for c in 0..size {
        for k in 0..size {
            observed += coincidences[c][k] * apart(c, k);
            expected += totals[c] * totals[k] * apart(c, k);
        }
    }
    (expected > 0.0).then(|| 1.0 - (all - 1.0) * observed / expected)
}
