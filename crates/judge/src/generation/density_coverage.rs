//! Density and coverage: precision and recall that a few outliers do not fool.
//!
//! With balls around the N real pictures that reach to their k-th nearest real neighbour: density is the
//! number of balls that hold a generated picture, summed over these and divided by kM; coverage is the share
//! of balls that hold any.
//!
//! Source: Naeem, Oh, Uh, Choi, Yoo, "Reliable Fidelity and Diversity Metrics for Generative Models", ICML
//! 2020, and the authors' `prdc`; k = 5.
//!
//! Choices: what lies on the surface is outside, as in the authors' code (where precision counts it as
//! inside). Reproduces the definition in NumPy, 1e-12. Limits: density is not bounded by 1.

use super::features::check_columns;
use super::precision_recall::squared_radii;
use super::{Features, products};
use crate::Result;

/// The authors' k.
pub const NEIGHBOURS: usize = 5;

/// Both, 0 and above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityCoverage {
    /// How densely generated pictures lie where real ones are; 1 is expected of real ones.
    pub density: f64,
    /// The share of real pictures with a generated one nearby, at most 1.
    pub coverage: f64,
}

/// Density and coverage of generated pictures, given more than `neighbours` real ones.
///
/// # Errors
/// As [`precision_recall::of`](super::precision_recall::of).
pub fn of(real: &Features, generated: &Features, neighbours: usize) -> Result<DensityCoverage> {
    check_columns(real, generated)?;
    let radii = squared_radii(real, neighbours)?;
    let held = products::squared_distances(real, generated, |ball, distances| {
        distances.iter().filter(|&&distance| distance < radii[ball]).count()
    });
    let pairs: usize = held.iter().sum();
    let balls = held.iter().filter(|&&count| count > 0).count();
    Ok(DensityCoverage {
        density: pairs as f64 / (neighbours as f64 * generated.rows() as f64),
        coverage: balls as f64 / real.rows() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balls_on_a_line() {
        let line = |values: &[f64]| Features::new(1, values.to_vec()).unwrap();
        let real = line(&[0.0, 1.0, 3.0]);
        // Radii 1, 1, 2: 0.5 is in two balls, 1.5 in two, −1 on a surface, 9 in none.
        let found = of(&real, &line(&[0.5, 1.5, -1.0, 9.0]), 1).unwrap();
        assert_eq!(found, DensityCoverage { density: 1.0, coverage: 1.0 });
        let found = of(&real, &line(&[-0.5]), 1).unwrap();
        assert_eq!(found, DensityCoverage { density: 1.0, coverage: 1.0 / 3.0 });
    }
}
