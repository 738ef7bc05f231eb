//! At which noise levels losses of the estimated picture take part.
//!
//! With much noise the estimate x̂0 is the mean of all that it could be, or garbage: from a prediction of the noise
//! its errors are magnified by √(1−ᾱ)/√ᾱ. Losses of pictures are therefore weighted by example:
//!
//! * gate: m_i = 1 where the noise level is at most m, else 0; w_i = m_i/Σm, and 0 for all where none passes;
//! * ᾱ: w_i = ᾱ_i/n.
//!
//! One number says how much is signal, whatever the process: ᾱ, with x_t = √ᾱ·x0 + √(1−ᾱ)·ε. A rectified flow
//! x_s = (1−s)·x0 + s·ε has the same ratio of signal to noise, ᾱ/(1−ᾱ) = ((1−s)/s)², at
//! ᾱ = (1−s)²/((1−s)² + s²); so a gate for one is a gate for the other.
//!
//! Source of the gate: PixelGen (2026), whose perceptual losses have a mean over the examples whose clean
//! fraction 1 − s is at least 0.3: m = 0.7, a ratio of (0.3/0.7)² ≈ 0.18, steps 0 to 426 of the linear schedule
//! of 1000. The softer ᾱ suits networks that predict noise: squared errors of x̂0 are (1−ᾱ)/ᾱ times those
//! of the noise, so that ᾱ times them stays bounded. Choice: a level counts as at most m up to rounding, 10⁻⁹.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What conversions between levels and ratios may round: 1−ᾱ of little noise has few digits.
const ROUNDING: f64 = 1e-9;

/// How much of a noised picture is signal: ᾱ, in 0…1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Signal(f64);

impl Signal {
    /// Of a step of a discrete schedule.
    ///
    /// # Errors
    /// [`Error::Refused`] outside 0…1.
    pub fn of_alpha_bar(alpha_bar: f64) -> Result<Self> {
        within_one("ᾱ", alpha_bar).map(Self)
    }

    /// Of a noise level s of a rectified flow; a clean fraction t is s = 1 − t.
    ///
    /// # Errors
    /// [`Error::Refused`] outside 0…1.
    pub fn of_noise_level(level: f64) -> Result<Self> {
        let noise = within_one("a noise level", level)?;
        let (signal, noise) = ((1.0 - noise) * (1.0 - noise), noise * noise);
        Ok(Self(signal / (signal + noise)))
    }

    /// ᾱ.
    pub fn alpha_bar(self) -> f64 {
        self.0
    }

    /// The level of a rectified flow with the same ratio of signal to noise.
    pub fn noise_level(self) -> f64 {
        let (signal, noise) = (self.0.sqrt(), (1.0 - self.0).sqrt());
        noise / (signal + noise)
    }

    /// ᾱ/(1−ᾱ), infinite where there is no noise.
    pub fn snr(self) -> f64 {
        self.0 / (1.0 - self.0)
    }
}

/// Lets examples of little noise pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    most_noise: f64,
}

impl Default for Gate {
    /// PixelGen's.
    fn default() -> Self {
        Self { most_noise: 0.7 }
    }
}

impl Gate {
    /// A gate for noise levels of at most `most_noise`, of a rectified flow.
    ///
    /// # Errors
    /// [`Error::Refused`] outside 0…1.
    pub fn new(most_noise: f64) -> Result<Self> {
        Ok(Self { most_noise: within_one("the most noise of a gate", most_noise)? })
    }

    /// A gate for ratios of signal to noise of at least `least`, of any process.
    ///
    /// # Errors
    /// [`Error::Refused`] for less than 0 and for what is no number.
    pub fn of_snr(least: f64) -> Result<Self> {
        if least >= 0.0 {
            return Ok(Self { most_noise: 1.0 / (1.0 + least.sqrt()) });
        }
        Err(Error::Refused(format!(
            "a gate: expected a ratio of signal to noise of 0 or more, found {least}"
        )))
    }

    /// The most noise that passes, as a level of a rectified flow.
    pub fn most_noise(self) -> f64 {
        self.most_noise
    }

    /// The least ratio of signal to noise that passes.
    pub fn least_snr(self) -> f64 {
        ((1.0 - self.most_noise) / self.most_noise).powi(2)
    }

    /// Whether an example takes part.
    pub fn passes(self, signal: Signal) -> bool {
        signal.noise_level() <= self.most_noise + ROUNDING
    }
}

/// How examples are weighted: `alpha-bar`, `gate` (that is `gate=0.7`) or `gate=MOST_NOISE`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Weighting {
    /// The mean over those that pass.
    Gate(Gate),
    /// ᾱ of each.
    AlphaBar,
}

impl Default for Weighting {
    fn default() -> Self {
        Self::Gate(Gate::default())
    }
}

impl Weighting {
    /// What every example of a batch counts, the division by their number included; `signals` are the ᾱ of all, of
    /// a flow those of [`Signal::of_noise_level`]. Give all examples that a step of the optimiser sees, since a gate
    /// counts those that pass.
    ///
    /// # Errors
    /// [`Error::Refused`] for an ᾱ outside 0…1.
    pub fn weights(self, signals: &[f64]) -> Result<Vec<f64>> {
        let signals = signals.iter().map(|&alpha_bar| Signal::of_alpha_bar(alpha_bar));
        let signals: Vec<Signal> = signals.collect::<Result<_>>()?;
        Ok(match self {
            Self::AlphaBar => {
                let count = signals.len() as f64;
                signals.iter().map(|signal| signal.alpha_bar() / count).collect()
            }
            Self::Gate(gate) => {
                let passing = signals.iter().filter(|&&signal| gate.passes(signal)).count();
                let share = 1.0 / passing.max(1) as f64;
                let weight = |&signal| if gate.passes(signal) { share } else { 0.0 };
                signals.iter().map(weight).collect()
            }
        })
    }
}

impl Display for Weighting {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gate(gate) => write!(f, "gate={}", gate.most_noise),
            Self::AlphaBar => f.write_str("alpha-bar"),
        }
    }
}

impl FromStr for Weighting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::Refused(format!(
                "weighting '{text}': expected alpha-bar, gate, or gate=NOISE with the most noise that passes, from 0 to 1"
            ))
        };
        match text.split_once('=') {
            None if text == "alpha-bar" => Ok(Self::AlphaBar),
            None if text == "gate" => Ok(Self::default()),
            Some(("gate", most)) => {
                let most = most.parse().map_err(|_| refused())?;
                Gate::new(most).map(Self::Gate).map_err(|_| refused())
            }
            _ => Err(refused()),
        }
    }
}

impl TryFrom<String> for Weighting {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Weighting> for String {
    fn from(weighting: Weighting) -> Self {
        weighting.to_string()
    }
}

fn within_one(what: &str, number: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&number) {
        return Ok(number);
    }
    Err(Error::Refused(format!("{what}: expected a number from 0 to 1, found {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_levels(weighting: Weighting, levels: &[f64]) -> Vec<f64> {
        let signals =
            levels.iter().map(|&level| Signal::of_noise_level(level).unwrap().alpha_bar());
        weighting.weights(&signals.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_mean_over_those_that_pass() {
        let gate = Weighting::default();
        assert_eq!(of_levels(gate, &[0.9, 0.71, 1.0]), [0.0; 3]);
        assert_eq!(of_levels(gate, &[0.1, 0.0, 0.69, 0.5]), [0.25; 4]);
        assert_eq!(of_levels(gate, &[0.8, 0.2, 0.9, 0.3]), [0.0, 0.5, 0.0, 0.5]);
        assert_eq!(of_levels(gate, &[]), [0.0; 0]);
        // On the threshold itself, whatever the thresholds.
        for hundredths in 0..=100 {
            let level = f64::from(hundredths) / 100.0;
            let gate = Gate::new(level).unwrap();
            assert!(gate.passes(Signal::of_noise_level(level).unwrap()), "{level}");
            if let Ok(more) = Signal::of_noise_level(level + 1e-6) {
                assert!(!gate.passes(more), "{level}");
            }
        }
    }

    #[test]
    fn the_same_gate_for_discrete_schedules() {
        let gate = Gate::default();
        assert!((gate.least_snr() - (0.3_f64 / 0.7).powi(2)).abs() < 1e-15);
        let of_snr = Gate::of_snr(gate.least_snr()).unwrap();
        assert!((of_snr.most_noise() - 0.7).abs() < 1e-15);
        for alpha_bar in [0.0, 0.1, 0.1551, 0.1552, 0.5, 1.0] {
            let signal = Signal::of_alpha_bar(alpha_bar).unwrap();
            assert_eq!(gate.passes(signal), signal.snr() >= gate.least_snr(), "{alpha_bar}");
        }
        for level in [0.0, 0.2, 0.5, 0.7, 1.0] {
            let signal = Signal::of_noise_level(level).unwrap();
            assert!((signal.noise_level() - level).abs() < 1e-15);
            let snr = ((1.0 - level) / level).powi(2);
            assert!(snr == signal.snr() || (snr - signal.snr()).abs() < 1e-12 * snr, "{level}");
        }
        assert_eq!(Gate::of_snr(0.0).unwrap().most_noise(), 1.0);
        assert_eq!(Gate::of_snr(f64::INFINITY).unwrap().most_noise(), 0.0);
    }

    #[test]
    fn signal_as_a_weight() {
        let weights = |signals: &[f64]| Weighting::AlphaBar.weights(signals).unwrap();
        assert_eq!(weights(&[0.9, 0.1, 0.0, 1.0]), [0.225, 0.025, 0.0, 0.25]);
        assert_eq!(weights(&[]), [0.0; 0]);
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for number in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Signal::of_alpha_bar(number).is_err());
            assert!(Signal::of_noise_level(number).is_err());
            assert!(Gate::new(number).is_err());
            assert!(Weighting::AlphaBar.weights(&[0.5, number]).is_err());
            assert!(Weighting::default().weights(&[0.5, number]).is_err());
        }
        assert!(Gate::of_snr(-1.0).is_err() && Gate::of_snr(f64::NAN).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for weighting in
            [Weighting::default(), Weighting::AlphaBar, Weighting::Gate(Gate::new(0.25).unwrap())]
        {
            let text = weighting.to_string();
            assert_eq!(text.parse::<Weighting>().unwrap(), weighting);
            let json = serde_json::to_string(&weighting).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Weighting>(&json).unwrap(), weighting);
        }
        assert_eq!("gate".parse::<Weighting>().unwrap().to_string(), "gate=0.7");
        for text in ["", "gate=", "gate=2", "gate=NaN", "alpha", "alpha-bar=1", "snr=0.1"] {
            let message = text.parse::<Weighting>().unwrap_err().to_string();
            assert!(message.contains("alpha-bar, gate"), "{message}");
        }
    }
}
