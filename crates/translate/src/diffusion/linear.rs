//! Linear combinations of slices, with the checks every formula of this module needs.
//!
//! Each value is computed in f64 and rounded once to f32.

use crate::{Error, Result};

/// Refuses a slice whose length is not the expected one.
pub(super) fn expect_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{what} has {found} values, expected {expected}: \
         give all slices of one picture the same shape"
    )))
}

/// Refuses NaN and infinities.
pub(super) fn expect_finite(what: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Refused(format!(
            "{what} is not finite at value {at} of {}: the network or its input has overflowed",
            values.len()
        ))),
    }
}

/// Refuses a number outside [low, high], and NaN.
pub(super) fn expect_within(what: &str, found: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err(Error::Refused(format!("{what} is {found}, expected a number from {low} to {high}")))
}

/// `a·x + b·y`; `x` and `y` are (coefficient, name, values).
pub(super) fn combined(x: (f64, &[f32]), y: (f64, &str, &[f32])) -> Result<Vec<f32>> {
    expect_length(y.1, y.2.len(), x.1.len())?;
    Ok(x.1
        .iter()
        .zip(y.2)
        .map(|(&u, &v)| (x.0 * f64::from(u) + y.0 * f64::from(v)) as f32)
        .collect())
}

/// Adds `b·y` to `x`.
pub(super) fn add_scaled(x: &mut [f32], b: f64, what: &str, y: &[f32]) -> Result<()> {
    expect_length(what, y.len(), x.len())?;
    for (x, &y) in x.iter_mut().zip(y) {
        *x = (f64::from(*x) + b * f64::from(y)) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combination_is_rounded_once() {
        assert_eq!(combined((0.5, &[2.0, 4.0]), (-1.0, "y", &[1.0, 1.0])).unwrap(), vec![0.0, 1.0]);
        let mut x = [1.0, 2.0];
        add_scaled(&mut x, 2.0, "y", &[1.0, -1.0]).unwrap();
        assert_eq!(x, [3.0, 0.0]);
    }

    #[test]
    fn disagreement_is_named() {
        let error = combined((1.0, &[1.0]), (1.0, "the noise", &[1.0, 2.0])).unwrap_err();
        assert!(error.to_string().contains("the noise has 2 values, expected 1"), "{error}");
        assert!(expect_finite("the output", &[0.0, f32::NAN]).is_err());
        assert!(expect_within("eta", f64::NAN, 0.0, 1.0).is_err());
        assert!(expect_within("eta", 1.0, 0.0, 1.0).is_ok());
    }
}
