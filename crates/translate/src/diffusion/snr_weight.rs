//! Weights that keep cleaner and noisier steps in balance: Min-SNR-γ.
//!
//! Hang et al. (2023) weigh the loss on x0 by min(SNR, γ). Written for what the network outputs,
//! whose squared error is SNR, 1 and SNR/(SNR+1) times as large:
//!
//! | prediction | weight |
//! |---|---|
//! | ε | min(SNR, γ)/SNR |
//! | x0 | min(SNR, γ) |
//! | v | min(SNR, γ)/(SNR+1) |
//!
//! γ = 5 is the authors' choice. Reproduces recorded weights of the linear schedule for γ = 1 and
//! 5 within 1e-12.

use super::Prediction;
use super::linear::expect_within;
use crate::Result;

/// The γ of Hang et al.
pub const USUAL_GAMMA: f64 = 5.0;

/// The weight of a step with that ratio of signal to noise (0 and more, [`Schedule::snr`] or
/// [`flow::snr`]) and γ more than 0.
///
/// At a ratio of 0 the weight of ε is its limit, 1.
///
/// [`Schedule::snr`]: super::Schedule::snr
/// [`flow::snr`]: super::flow::snr
pub fn min_snr_weight(prediction: Prediction, snr: f64, gamma: f64) -> Result<f64> {
    expect_within("the ratio of signal to noise", snr, 0.0, f64::MAX)?;
    expect_within("γ of the min-SNR weight", gamma, f64::MIN_POSITIVE, f64::MAX)?;
    let limited = snr.min(gamma);
    Ok(match prediction {
        Prediction::Epsilon if snr <= gamma => 1.0,
        Prediction::Epsilon => limited / snr,
        Prediction::Sample => limited,
        Prediction::Velocity => limited / (snr + 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Reference, assert_close};
    use super::super::{Betas, Schedule};
    use super::*;

    #[test]
    fn weights_are_the_recorded_ones() {
        let Some(reference) = Reference::find("losses") else { return };
        let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
        for gamma in [1.0, 5.0] {
            for (prediction, name) in [
                (Prediction::Epsilon, "eps"),
                (Prediction::Sample, "x0"),
                (Prediction::Velocity, "v"),
            ] {
                let found: Vec<f64> = schedule
                    .snr()
                    .iter()
                    .map(|&snr| min_snr_weight(prediction, snr, gamma).unwrap())
                    .collect();
                let name = format!("minsnr{gamma}.{name}");
                assert_close(&name, &found, &reference.f64s(&name), 1e-12);
            }
        }
    }

    #[test]
    fn the_same_loss_on_x0_whatever_is_predicted() {
        for snr in [1e-3, 0.5, 5.0, 400.0] {
            let x0 = min_snr_weight(Prediction::Sample, snr, USUAL_GAMMA).unwrap();
            let eps = min_snr_weight(Prediction::Epsilon, snr, USUAL_GAMMA).unwrap();
            let v = min_snr_weight(Prediction::Velocity, snr, USUAL_GAMMA).unwrap();
            // |Δε|² = SNR·|Δx0|², |Δv|² = (SNR+1)·|Δx0|².
            assert!((eps * snr - x0).abs() < 1e-12 && (v * (snr + 1.0) - x0).abs() < 1e-12);
        }
        assert_eq!(min_snr_weight(Prediction::Epsilon, 0.0, 5.0).unwrap(), 1.0);
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for (snr, gamma) in [(-1.0, 5.0), (f64::NAN, 5.0), (f64::INFINITY, 5.0), (1.0, 0.0)] {
            assert!(min_snr_weight(Prediction::Velocity, snr, gamma).is_err());
        }
    }
}
