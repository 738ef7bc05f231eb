//! Tests of many pairs at once.
//!
//! Of m p-values in ascending order the k-th becomes max over i ≤ k of (m − i + 1)·pᵢ, at most 1: rejecting
//! what is then at or below α errs anywhere among them with probability α at most, however they depend on
//! each other.
//!
//! Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
//! Statistics 6, 1979. Reproduces R's `p.adjust(method = "holm")` on its published form, 1e-15.

use super::ranks::ascending;
use crate::{Error, Result};

/// The adjusted p-values, in the order given.
///
/// ```
/// use lookalike_judge::statistics::holm::adjust;
/// assert_eq!(adjust(&[0.25, 0.125, 0.75]), Ok(vec![0.5, 0.375, 0.75]));
/// ```
///
/// # Errors
/// [`Error::Probability`] of what is not in 0…1.
pub fn adjust(p_values: &[f64]) -> Result<Vec<f64>> {
    if let Some(index) = p_values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(Error::Probability { index, value: p_values[index] });
    }
    let mut adjusted = vec![0.0; p_values.len()];
    let mut greatest = 0.0_f64;
    for (before, index) in ascending(p_values).into_iter().enumerate() {
        let left = (p_values.len() - before) as f64;
        greatest = greatest.max(left * p_values[index]).min(1.0);
        adjusted[index] = greatest;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_published() {
        // 0.01·4, 0.02·3, then no less than before, then 0.04·1 no less either.
        let found = adjust(&[0.01, 0.04, 0.03, 0.02]).unwrap();
        for (found, expected) in found.iter().zip([0.04, 0.06, 0.06, 0.06]) {
            assert!((found - expected).abs() < 1e-15, "{found} against {expected}");
        }
        assert_eq!(adjust(&[0.9, 0.6]), Ok(vec![1.0, 1.0]));
        assert_eq!(adjust(&[0.3]), Ok(vec![0.3]));
        assert_eq!(adjust(&[]), Ok(vec![]));
        // Equal ones stay equal.
        assert_eq!(adjust(&[0.125; 3]), Ok(vec![0.375; 3]));
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let found = adjust(&[0.1, 1.5]);
        assert_eq!(found, Err(Error::Probability { index: 1, value: 1.5 }));
        assert!(adjust(&[f64::NAN]).is_err());
    }
}
