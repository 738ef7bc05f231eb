//! A loss with its gradient, and the squared error all of this module's losses come down to.

use super::linear::{expect_length, expect_within};
use crate::{Error, Result};

/// A loss of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Its value.
    pub value: f64,
    /// Its gradient with respect to the network's output, of the output's length.
    pub gradient: Vec<f32>,
}

/// `weight·mean((output − target)²)` and its gradient `2·weight·(output − target)/n`.
///
/// The weight is finite and not negative; an empty output or one that is not of the target's
/// length is an error.
pub fn squared_error(output: &[f32], target: &[f32], weight: f64) -> Result<Loss> {
    expect_length("the target", target.len(), output.len())?;
    expect_within("the weight of a squared error", weight, 0.0, f64::MAX)?;
    if output.is_empty() {
        return Err(Error::Refused("a squared error of no values: give at least one".into()));
    }
    let count = output.len() as f64;
    let mut sum = 0.0;
    let gradient = output
        .iter()
        .zip(target)
        .map(|(&output, &target)| {
            let difference = f64::from(output) - f64::from(target);
            sum += difference * difference;
            (2.0 * weight * difference / count) as f32
        })
        .collect();
    let value = weight * sum / count;
    if !value.is_finite() {
        return Err(Error::Refused(format!(
            "a squared error of {value}: the output or the target holds NaN or infinity"
        )));
    }
    Ok(Loss { value, gradient })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_gradient_of_a_small_case() {
        let loss = squared_error(&[1.0, 3.0], &[0.0, 5.0], 2.0).unwrap();
        assert_eq!(loss, Loss { value: 5.0, gradient: vec![2.0, -4.0] });
    }

    #[test]
    fn what_has_no_value_is_refused() {
        assert!(squared_error(&[], &[], 1.0).is_err());
        assert!(squared_error(&[1.0], &[1.0, 2.0], 1.0).is_err());
        assert!(squared_error(&[f32::NAN], &[1.0], 1.0).is_err());
        assert!(squared_error(&[1.0], &[1.0], f64::NAN).is_err());
        assert!(squared_error(&[1.0], &[1.0], -1.0).is_err());
    }
}
