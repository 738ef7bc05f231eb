//! The stochastic code of an autoencoder, and what it costs.
//!
//! q(z|x) = N(m, diag s²) with m and log s² from the encoder; z = m + s·ε with ε ~ N(0, 1), one sample a step; for
//! evaluation z = m.
//!
//! KL(q ‖ N(0, I)) = −½ Σ (1 + log s² − m² − s²), per picture.
//!
//! Source: Kingma and Welling 2014. The expected-loss objective of Snell et al. 2017 is C·E[Δ(x, x̂(z))] + KL with
//! Δ any loss; with Δ other than a squared or absolute error it is a trade of distortion for rate and no bound on a
//! likelihood.
//!
//! Choice: log s² is kept within −10…10, and has no gradient outside, so that no exponential overflows.

use crate::random::{Purpose, Stream};

/// Where log s² ends.
const MOST: f32 = 10.0;

/// A sample of the code and what derivatives need.
pub(super) struct Sampled {
    /// z, picture after picture.
    pub(super) code: Vec<f32>,
    /// The mean over the pictures.
    pub(super) kl: f64,
    noise: Vec<f32>,
}

/// Draws z of the encoder's output, per picture `width` means and as many log s².
pub(super) fn sample(encoded: &[f32], width: usize, seed: u64, step: u64) -> Sampled {
    let mut stream = Stream::new(seed, Purpose::Code, step);
    let pictures = encoded.len() / (2 * width);
    let noise: Vec<f32> = (0..pictures * width).map(|_| stream.normal() as f32).collect();
    let mut code = Vec::with_capacity(pictures * width);
    let mut kl = 0.0;
    for (encoded, noise) in encoded.chunks_exact(2 * width).zip(noise.chunks_exact(width)) {
        let (means, logs) = encoded.split_at(width);
        for ((&m, &log), &e) in means.iter().zip(logs).zip(noise) {
            let log = log.clamp(-MOST, MOST);
            code.push(m + (0.5 * log).exp() * e);
            let (m, log) = (f64::from(m), f64::from(log));
            kl -= 0.5 * (1.0 + log - m * m - log.exp());
        }
    }
    Sampled { code, kl: kl / pictures.max(1) as f64, noise }
}

/// The means of the encoder's output, picture after picture, and the mean KL.
pub(super) fn means(encoded: &[f32], width: usize) -> (Vec<f32>, f64) {
    let mut found = Vec::with_capacity(encoded.len() / 2);
    let mut kl = 0.0;
    for encoded in encoded.chunks_exact(2 * width) {
        let (means, logs) = encoded.split_at(width);
        found.extend_from_slice(means);
        for (&m, &log) in means.iter().zip(logs) {
            let (m, log) = (f64::from(m), f64::from(log.clamp(-MOST, MOST)));
            kl -= 0.5 * (1.0 + log - m * m - log.exp());
        }
    }
    let pictures = encoded.len() / (2 * width).max(1);
    (found, kl / pictures.max(1) as f64)
}

impl Sampled {
    /// Derivatives of C·Δ + KL with respect to the encoder's output, given those of C·Δ with respect to z.
    pub(super) fn backward(&self, encoded: &[f32], width: usize, of_code: &[f32]) -> Vec<f32> {
        let pictures = encoded.len() / (2 * width);
        let share = 1.0 / pictures.max(1) as f32;
        let mut slopes = Vec::with_capacity(encoded.len());
        let rows = encoded.chunks_exact(2 * width).zip(self.noise.chunks_exact(width));
        for ((encoded, noise), of_code) in rows.zip(of_code.chunks_exact(width)) {
            let (means, logs) = encoded.split_at(width);
            slopes.extend(means.iter().zip(of_code).map(|(m, g)| g + share * m));
            slopes.extend(logs.iter().zip(noise).zip(of_code).map(|((&log, e), g)| {
                if log.abs() > MOST {
                    return 0.0;
                }
                g * 0.5 * (0.5 * log).exp() * e + share * 0.5 * (log.exp() - 1.0)
            }));
        }
        slopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_normal_code_costs_nothing_and_others_what_the_formula_says() {
        let (found, kl) = means(&[0.0, 0.0, 0.0, 0.0], 2);
        assert_eq!((found, kl), (vec![0.0, 0.0], 0.0));
        // m = 1, s² = 4: ½ (m² + s² − 1 − ln s²).
        let (_, kl) = means(&[1.0, 4.0_f32.ln()], 1);
        assert!((kl - 0.5 * (1.0 + 4.0 - 1.0 - 4.0_f64.ln())).abs() < 1e-6);
    }

    #[test]
    fn derivatives_are_differences_and_samples_repeat() {
        let width = 3;
        let encoded: Vec<f32> = (0..4 * 2 * width).map(|i| (i as f32 * 0.7).sin()).collect();
        let slopes: Vec<f32> = (0..4 * width).map(|i| (i as f32 * 1.3).cos()).collect();
        let number = |encoded: &[f32]| {
            let found = sample(encoded, width, 5, 9);
            let product: f64 =
                found.code.iter().zip(&slopes).map(|(z, s)| f64::from(*z) * f64::from(*s)).sum();
            product + found.kl
        };
        let found = sample(&encoded, width, 5, 9).backward(&encoded, width, &slopes);
        for at in 0..encoded.len() {
            let moved = |by: f32| {
                let mut moved = encoded.clone();
                moved[at] += by;
                number(&moved)
            };
            let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((f64::from(found[at]) - difference).abs() < 2e-3, "{at}");
        }
        assert_eq!(sample(&encoded, width, 5, 9).code, sample(&encoded, width, 5, 9).code);
        assert_ne!(sample(&encoded, width, 5, 9).code, sample(&encoded, width, 5, 10).code);
        // Means as samples would be without noise.
        assert_eq!(means(&encoded, width).0[..3], encoded[..3]);
    }
}
