//! The losses of pix2pix, with their derivatives.
//!
//! Binary cross entropy of logits z: −ln σ(z) = max(−z, 0) + ln(1 + e^−|z|) where the pair is true, −ln(1 − σ(z)) =
//! max(z, 0) + ln(1 + e^−|z|) where the picture was drawn; derivatives (σ(z) − 1)/n and σ(z)/n of the mean over n
//! logits. In these forms no logit is too large: value and derivative go to |z| and 0 or ±1.
//!
//! Source: Isola et al. 2017, equations 1 to 4; the generator's form that does not saturate is Goodfellow et al. 2014,
//! section 3.
//!
//! Choices: sums in double precision, in the order of the numbers.

use crate::{Error, Result};

/// The mean over logits of the binary cross entropy with pairs that are all `real` or all drawn, and its derivatives.
///
/// # Errors
/// [`Error::Refused`] where there are no logits, or one is not finite.
pub fn binary_cross_entropy(logits: &[f32], real: bool) -> Result<(f64, Vec<f32>)> {
    check("logits", logits)?;
    let count = logits.len() as f64;
    let mut sum = 0.0;
    let slopes = logits.iter().map(|&logit| {
        // Towards the wrong side: of a true pair, the negative of the logit.
        let sign = if real { -1.0 } else { 1.0 };
        let wrong = sign * f64::from(logit);
        let power = (-wrong.abs()).exp();
        sum += wrong.max(0.0) + power.ln_1p();
        let share = if wrong >= 0.0 { 1.0 / (1.0 + power) } else { power / (1.0 + power) };
        (sign * share / count) as f32
    });
    let slopes = slopes.collect();
    Ok((sum / count, slopes))
}

/// The discriminator's loss ½·(−ln D(x, y) − ln(1 − D(x, G(x)))), each the mean over its logits, and the derivatives
/// with respect to those of true pairs and of drawn ones.
///
/// # Errors
/// As [`binary_cross_entropy`].
pub fn discriminator_loss(real: &[f32], drawn: &[f32]) -> Result<(f64, [Vec<f32>; 2])> {
    let (of_real, mut real) = binary_cross_entropy(real, true)?;
    let (of_drawn, mut drawn) = binary_cross_entropy(drawn, false)?;
    for slopes in [&mut real, &mut drawn] {
        slopes.iter_mut().for_each(|slope| *slope *= 0.5);
    }
    Ok((0.5 * (of_real + of_drawn), [real, drawn]))
}

/// The generator's loss −ln D(x, G(x)), the mean over the logits of drawn pairs, and its derivatives.
///
/// # Errors
/// As [`binary_cross_entropy`].
pub fn generator_loss(drawn: &[f32]) -> Result<(f64, Vec<f32>)> {
    binary_cross_entropy(drawn, true)
}

/// The mean absolute difference of samples, and its derivatives with respect to those `drawn`, 0 where there is no
/// difference.
///
/// # Errors
/// [`Error::Refused`] where there are no samples, not as many of both, or one is not finite.
pub fn absolute_error(drawn: &[f32], targets: &[f32]) -> Result<(f64, Vec<f32>)> {
    super::expect("samples to compare", targets.len(), drawn.len())?;
    check("drawn samples", drawn)?;
    check("samples to be drawn", targets)?;
    let count = drawn.len() as f64;
    let mut sum = 0.0;
    let slopes = drawn.iter().zip(targets).map(|(&drawn, &target)| {
        let difference = f64::from(drawn) - f64::from(target);
        sum += difference.abs();
        if difference == 0.0 { 0.0 } else { (difference.signum() / count) as f32 }
    });
    let slopes = slopes.collect();
    Ok((sum / count, slopes))
}

/// # Errors
/// [`Error::Refused`] where there are none, or one is not finite.
fn check(what: &str, numbers: &[f32]) -> Result<()> {
    if numbers.is_empty() {
        return Err(Error::Refused(format!("{what}: expected at least one, found none")));
    }
    match numbers.iter().find(|number| !number.is_finite()) {
        None => Ok(()),
        Some(found) => {
            Err(Error::Refused(format!("{what}: expected finite numbers, found {found}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_is_that_of_closed_forms() {
        // σ(ln 3) = 3/4.
        let logit = 3.0_f32.ln();
        for (logits, real, expected, slopes) in [
            (vec![0.0], true, 2.0_f64.ln(), vec![-0.5]),
            (vec![0.0], false, 2.0_f64.ln(), vec![0.5]),
            (vec![logit], true, -(0.75_f64.ln()), vec![-0.25]),
            (vec![logit], false, -(0.25_f64.ln()), vec![0.75]),
            (vec![-logit], true, -(0.25_f64.ln()), vec![-0.75]),
            (vec![0.0, logit], false, 0.5 * 8.0_f64.ln(), vec![0.25, 0.375]),
        ] {
            let (value, found) = binary_cross_entropy(&logits, real).unwrap();
            assert!((value - expected).abs() < 1e-7, "{logits:?} {real}: {value} {expected}");
            for (found, expected) in found.iter().zip(&slopes) {
                assert!((found - expected).abs() < 1e-7, "{logits:?} {real}: {found} {expected}");
            }
        }
    }

    #[test]
    fn large_logits_have_finite_values() {
        for (logit, real, expected, slope) in [
            (1000.0, true, 0.0, 0.0),
            (1000.0, false, 1000.0, 1.0),
            (-1000.0, true, 1000.0, -1.0),
            (f32::MAX, false, f64::from(f32::MAX), 1.0),
            (f32::MIN, false, 0.0, 0.0),
        ] {
            let (value, found) = binary_cross_entropy(&[logit], real).unwrap();
            assert_eq!((value, found[0]), (expected, slope), "{logit} {real}");
        }
        // Small probabilities are not rounded away: ln(1 + e⁻³⁰) = e⁻³⁰ to 14 digits.
        let (value, _) = binary_cross_entropy(&[30.0], true).unwrap();
        assert!((value / (-30.0_f64).exp() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn both_networks_losses_are_made_of_it() {
        let (value, [real, drawn]) = discriminator_loss(&[0.0, 0.0], &[0.0]).unwrap();
        assert!((value - 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!((real, drawn), (vec![-0.125, -0.125], vec![0.25]));
        // Its derivative does not vanish where the discriminator is sure that a picture was drawn.
        let (value, slopes) = generator_loss(&[-50.0]).unwrap();
        assert_eq!((value, slopes), (50.0, vec![-1.0]));
    }

    #[test]
    fn absolute_error_of_a_small_case() {
        let (value, slopes) =
            absolute_error(&[0.5, 0.0, 1.0, 0.25], &[0.0, 0.5, 1.0, 0.0]).unwrap();
        assert_eq!((value, slopes), (0.3125, vec![0.25, -0.25, 0.0, 0.25]));
    }

    #[test]
    fn what_has_no_loss_is_refused() {
        assert!(binary_cross_entropy(&[], true).is_err());
        assert!(binary_cross_entropy(&[0.0, f32::NAN], false).is_err());
        assert!(binary_cross_entropy(&[f32::INFINITY], true).is_err());
        assert!(discriminator_loss(&[0.0], &[]).is_err());
        assert!(absolute_error(&[0.0], &[0.0, 1.0]).is_err());
        assert!(absolute_error(&[f32::NAN], &[0.0]).is_err());
        assert!(absolute_error(&[0.0], &[f32::NAN]).is_err());
    }
}
