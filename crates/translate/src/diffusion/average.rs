//! The exponential moving average of a network's weights, with which it is evaluated.
//!
//! `a ← d·a + (1−d)·w` after every step of training. DiT's decay d is 0.9999, a memory of ten
//! thousand steps; for shorter runs the warm-up `min(d, (1+n)/(10+n))` at update n = 0, 1, …
//! (as in TensorFlow's moving average) forgets the initial weights sooner.
//!
//! Computed in f64, kept in f32: with d = 0.9999, changes below some 3e-4 of a weight's size
//! round away. Reproduces five recorded updates within 1e-6.

use serde::{Deserialize, Serialize};

use super::linear::{expect_length, expect_within};
use crate::Result;

/// DiT's decay.
pub const USUAL_DECAY: f64 = 0.9999;

/// How a moving average proceeds; the averages themselves are the caller's.
///
/// Each step of training takes one [`MovingAverage::advance`] and, with the decay it returns, one
/// [`average_into`] for each tensor. It is saved with a checkpoint, so that a resumed run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct MovingAverage {
    decay: f64,
    warm_up: bool,
    updates: u64,
}

/// What is written of a moving average; checked when read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    decay: f64,
    warm_up: bool,
    updates: u64,
}

impl TryFrom<State> for MovingAverage {
    type Error = crate::Error;

    fn try_from(state: State) -> Result<Self> {
        Ok(Self { updates: state.updates, ..Self::new(state.decay, state.warm_up)? })
    }
}

impl From<MovingAverage> for State {
    fn from(average: MovingAverage) -> Self {
        Self { decay: average.decay, warm_up: average.warm_up, updates: average.updates }
    }
}

impl MovingAverage {
    /// With a decay from 0 (no memory) to 1 (frozen).
    pub fn new(decay: f64, warm_up: bool) -> Result<Self> {
        expect_within("the decay of a moving average", decay, 0.0, 1.0)?;
        Ok(Self { decay, warm_up, updates: 0 })
    }

    /// How many updates there were.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The decay of the update that comes next; counts it.
    pub fn advance(&mut self) -> f64 {
        let updates = self.updates as f64;
        self.updates = self.updates.saturating_add(1);
        if self.warm_up { self.decay.min((1.0 + updates) / (10.0 + updates)) } else { self.decay }
    }
}

/// `average ← decay·average + (1−decay)·weights`; slices of one length, a decay in [0, 1].
pub fn average_into(average: &mut [f32], weights: &[f32], decay: f64) -> Result<()> {
    expect_within("the decay of a moving average", decay, 0.0, 1.0)?;
    expect_length("the tensor of weights", weights.len(), average.len())?;
    for (average, &weight) in average.iter_mut().zip(weights) {
        *average = (decay * f64::from(*average) + (1.0 - decay) * f64::from(weight)) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Reference, assert_close_f32};
    use super::*;

    #[test]
    fn averages_are_the_recorded_ones() {
        let Some(reference) = Reference::find("ema") else { return };
        let decay = reference.description["decay"].as_f64().unwrap();
        let mut state = MovingAverage::new(decay, false).unwrap();
        let mut average = reference.f32s("init");
        for weights in reference.f32s("params").chunks_exact(7) {
            average_into(&mut average, weights, state.advance()).unwrap();
        }
        assert_eq!(state.updates(), 5);
        assert_close_f32("ema", &average, &reference.f64s("ema_0.9"), 1e-6);
    }

    #[test]
    fn warm_up_forgets_sooner() {
        let mut state = MovingAverage::new(0.5, true).unwrap();
        let decays: Vec<f64> = (0..12).map(|_| state.advance()).collect();
        assert_eq!(decays[..3], [0.1, 2.0 / 11.0, 0.25]);
        assert_eq!(decays[8..], [0.5; 4]);
    }

    #[test]
    fn constant_weights_are_their_average() {
        let mut average = [0.0_f32, 8.0];
        average_into(&mut average, &[4.0, 4.0], 0.75).unwrap();
        assert_eq!(average, [1.0, 7.0]);
        average_into(&mut average, &[1.0, 7.0], 0.9999).unwrap();
        assert_eq!(average, [1.0, 7.0]);
    }

    #[test]
    fn a_saved_average_goes_on() {
        let mut state = MovingAverage::new(0.999, true).unwrap();
        state.advance();
        let written = serde_json::to_string(&state).unwrap();
        let mut resumed: MovingAverage = serde_json::from_str(&written).unwrap();
        assert_eq!(resumed, state);
        assert_eq!(resumed.advance(), 2.0 / 11.0);
        let wrong = written.replace("0.999", "1.5");
        assert!(serde_json::from_str::<MovingAverage>(&wrong).is_err());
    }

    #[test]
    fn senseless_input_is_refused() {
        assert!(MovingAverage::new(1.5, false).is_err());
        assert!(MovingAverage::new(f64::NAN, false).is_err());
        assert!(average_into(&mut [0.0], &[0.0, 1.0], 0.5).is_err());
        assert!(average_into(&mut [0.0], &[0.0], f64::NAN).is_err());
    }
}
