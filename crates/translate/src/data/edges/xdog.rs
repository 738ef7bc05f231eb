//! The extended difference of Gaussians: lines as a pen draws them.
//!
//! With G_s the luma in 0…1 smoothed by a Gaussian of deviation s, and p the sharpness,
//! S = (1 + p)·G_σ − p·G_kσ, and the drawing is 1 where S ≥ ε and 1 + tanh(φ·(S − ε)) elsewhere, k = 1.6. S is G_σ
//! where nothing changes, so with ε near 0 only the dark sides of edges are drawn, and what is darker than ε is
//! filled, as a comic has its spotted blacks.
//!
//! Source: Winnemöller, Kyprianidis and Olsen, "XDoG: An eXtended difference-of-Gaussians compendium including advanced
//! image stylization", Computers & Graphics 36(6), 2012, equations 7 and 8. Choices: σ = 0.8 and p = 20 for pictures of
//! 256 pixels, ε = 0.1, φ = 10; Gaussians end at 4 deviations, and the outermost pixels go on beyond the border.
//! Limits: Gaussians of all directions alike, without the flow along edges that the paper has as an option.

use crate::{Error, Result};

use super::check_sigma;

/// The wider Gaussian over the narrower one, which approximates a Laplacian.
const RATIO: f64 = 1.6;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Xdog {
    /// σ, the deviation of the narrower Gaussian in pixels: the width of lines.
    pub sigma: f64,
    /// p, how much edges are strengthened.
    pub sharpness: f64,
    /// ε, the luma below which it is black.
    pub threshold: f64,
    /// φ, above 0, how fast lines fade to white: large for hard ones.
    pub softness: f64,
}

impl Default for Xdog {
    fn default() -> Self {
        Self { sigma: 0.8, sharpness: 20.0, threshold: 0.1, softness: 10.0 }
    }
}

impl Xdog {
    /// The drawing in 0…1, row after row, from luma in 0…1 of whole rows.
    pub(super) fn drawn(&self, width: usize, luma: &[f64]) -> Result<Vec<f64>> {
        check_sigma("xdog", self.sigma)?;
        let sound = |number: f64| number.is_finite() && number >= 0.0;
        if !(sound(self.sharpness) && sound(self.threshold) && sound(self.softness))
            || self.softness == 0.0
        {
            return Err(Error::Refused(format!(
                "xdog: expected sharpness and threshold of at least 0 and softness above 0, found {}, {} and {}",
                self.sharpness, self.threshold, self.softness
            )));
        }
        let narrow = smoothed(width, luma, self.sigma);
        let wide = smoothed(width, luma, RATIO * self.sigma);
        let tone = |(narrow, wide): (&f64, &f64)| {
            let strengthened = (1.0 + self.sharpness) * narrow - self.sharpness * wide;
            let below = (strengthened - self.threshold).min(0.0);
            1.0 + (self.softness * below).tanh()
        };
        Ok(narrow.iter().zip(&wide).map(tone).collect())
    }
}

/// Convolves rows, then columns, with a Gaussian.
fn smoothed(width: usize, values: &[f64], sigma: f64) -> Vec<f64> {
    if width == 0 {
        return Vec::new();
    }
    let reach = (4.0 * sigma).ceil() as usize;
    let weights: Vec<f64> =
        (0..=2 * reach).map(|at| gaussian(at.abs_diff(reach) as f64 / sigma)).collect();
    let all: f64 = weights.iter().sum();
    let height = values.len() / width;
    let sum = |at: usize, count: usize, value: &dyn Fn(usize) -> f64| {
        let terms = weights.iter().enumerate().map(|(step, weight)| {
            let beside = (at + step).saturating_sub(reach).min(count - 1);
            weight * value(beside)
        });
        terms.sum::<f64>() / all
    };
    let across: Vec<f64> = (0..values.len())
        .map(|at| sum(at % width, width, &|x| values[at - at % width + x]))
        .collect();
    (0..values.len())
        .map(|at| sum(at / width, height, &|y| across[y * width + at % width]))
        .collect()
}

fn gaussian(deviations: f64) -> f64 {
    (-0.5 * deviations * deviations).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_value_of_the_error_function() {
        // Far from borders a step from 0 to 1 is Φ(t/σ), and S = (1 + p)Φ(t/σ) − pΦ(t/1.6σ).
        let luma: Vec<f64> = (0..80).map(|x| f64::from(u8::from(x >= 40))).collect();
        let smooth = smoothed(80, &luma, 3.0);
        // Φ(0.5/3) and Φ(3.5/3), half a pixel from centres to the step.
        assert!((smooth[40] - 0.566_18).abs() < 2e-3, "{}", smooth[40]);
        assert!((smooth[43] - 0.878_33).abs() < 2e-3, "{}", smooth[43]);
        assert!((smooth[36] + smooth[43] - 1.0).abs() < 1e-12);
        let tall = smoothed(1, &luma, 3.0);
        assert!(tall.iter().zip(&smooth).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn dark_is_filled_and_light_is_not() {
        let drawn = |luma: f64| Xdog::default().drawn(5, &[luma; 25]).unwrap()[12];
        assert_eq!(drawn(0.3), 1.0);
        assert!((drawn(0.0) - (1.0 + (-1.0_f64).tanh())).abs() < 1e-12);
    }
}
