//! Guidance: exaggerating what a condition changes in the network's output.
//!
//! * Classifier-free guidance (Ho & Salimans 2022): `u + s·(c − u)` of the outputs without (u) and
//!   with (c) the condition, s = 1 being c.
//! * Of some channels only: the published DiT guides the first three of the four channels of a
//!   latent, diffusers all four; neither guides the channels of a learned variance. What is not
//!   guided is c's.
//! * Of two conditions (InstructPix2Pix, Brooks et al. 2023, eq. 3):
//!   `u + s_img·(c_img − u) + s_clip·(c_full − c_img)`, where c_img has the source picture alone
//!   and c_full the embedding too.
//! * In an interval of noise levels only (Kynkäänniemi et al. 2024); outside it the conditional
//!   output stands alone, so the network need not be evaluated without conditions.
//!
//! The formulas are written as `c + (s−1)·(c − u)`, so that a scale of 1 gives c exactly.
//! Reproduces recorded outputs of both channel counts at scale 4 within 1e-6.

use serde::{Deserialize, Serialize};

use super::linear::{expect_length, expect_within};
use crate::{Error, Result};

/// How many of an output's channels guidance concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuidedChannels {
    guided: usize,
    channels: usize,
}

impl GuidedChannels {
    /// The first `guided` of `channels` channels. Both at least 1, `guided` at most `channels`.
    ///
    /// For a latent of four channels with a learned variance: 3 of 8 as in the published DiT, 4 of
    /// 8 as in diffusers.
    pub fn first(guided: usize, channels: usize) -> Result<Self> {
        if guided == 0 || guided > channels {
            return Err(Error::Refused(format!(
                "guidance of {guided} of {channels} channels: expected 1 to {channels}"
            )));
        }
        Ok(Self { guided, channels })
    }

    /// All channels of an output without a learned variance.
    pub fn all() -> Self {
        Self { guided: 1, channels: 1 }
    }

    /// How many leading values of an output (channels first) are guided.
    fn values(self, length: usize) -> Result<usize> {
        if !length.is_multiple_of(self.channels) {
            return Err(Error::Refused(format!(
                "an output of {length} values: expected a multiple of its {} channels",
                self.channels
            )));
        }
        Ok(length / self.channels * self.guided)
    }
}

/// `u + s·(c − u)` on the guided channels, c on the others; outputs of one length.
pub fn classifier_free(
    unconditional: &[f32],
    conditional: &[f32],
    scale: f64,
    channels: GuidedChannels,
) -> Result<Vec<f32>> {
    expect_within("the guidance scale", scale, f64::MIN, f64::MAX)?;
    expect_length("the unconditional output", unconditional.len(), conditional.len())?;
    let guided = channels.values(conditional.len())?;
    let mut output = conditional.to_vec();
    for (value, &without) in output.iter_mut().zip(unconditional).take(guided) {
        let with = f64::from(*value);
        *value = (with + (scale - 1.0) * (with - f64::from(without))) as f32;
    }
    Ok(output)
}

/// The scales of two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoScales {
    /// Of the source picture (InstructPix2Pix: 1.5).
    pub image: f64,
    /// Of the embedding given the source picture (InstructPix2Pix, of its text: 7.5).
    pub clip: f64,
}

/// The outputs two-condition guidance combines; of one length.
#[derive(Clone, Copy, Debug)]
pub struct TwoConditions<'a> {
    /// Without conditions.
    pub unconditional: &'a [f32],
    /// With the source picture alone.
    pub image: &'a [f32],
    /// With the source picture and the embedding.
    pub full: &'a [f32],
}

/// `u + s_img·(c_img − u) + s_clip·(c_full − c_img)` on the guided channels, c_full on the others.
pub fn two_conditions(
    outputs: TwoConditions<'_>,
    scales: TwoScales,
    channels: GuidedChannels,
) -> Result<Vec<f32>> {
    expect_within("the guidance scale of the source picture", scales.image, f64::MIN, f64::MAX)?;
    expect_within("the guidance scale of the embedding", scales.clip, f64::MIN, f64::MAX)?;
    let length = outputs.full.len();
    expect_length("the unconditional output", outputs.unconditional.len(), length)?;
    expect_length("the output with the source picture", outputs.image.len(), length)?;
    let guided = channels.values(length)?;
    let mut output = outputs.full.to_vec();
    let others = outputs.unconditional.iter().zip(outputs.image);
    for (value, (&without, &image)) in output.iter_mut().zip(others).take(guided) {
        let (full, image, without) = (f64::from(*value), f64::from(image), f64::from(without));
        let exaggeration =
            (scales.image - 1.0) * (image - without) + (scales.clip - 1.0) * (full - image);
        *value = (full + exaggeration) as f32;
    }
    Ok(output)
}

/// The noise levels at which guidance is used, both ends included.
///
/// The level of a rectified flow is its `s`; of the discrete process, by our choice, the index as
/// a share of the schedule, `t/T`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct GuidanceInterval {
    low: f64,
    high: f64,
}

impl Default for GuidanceInterval {
    /// Everywhere.
    fn default() -> Self {
        Self { low: 0.0, high: 1.0 }
    }
}

impl GuidanceInterval {
    /// From a lower to a higher level in [0, 1].
    pub fn new(low: f64, high: f64) -> Result<Self> {
        expect_within("the lower end of the guidance interval", low, 0.0, 1.0)?;
        expect_within("the higher end of the guidance interval", high, low, 1.0)?;
        Ok(Self { low, high })
    }

    /// Whether guidance is used at a level; otherwise the conditional output alone.
    pub fn contains(&self, level: f64) -> bool {
        (self.low..=self.high).contains(&level)
    }
}

impl TryFrom<[f64; 2]> for GuidanceInterval {
    type Error = Error;

    fn try_from([low, high]: [f64; 2]) -> Result<Self> {
        Self::new(low, high)
    }
}

impl From<GuidanceInterval> for [f64; 2] {
    fn from(interval: GuidanceInterval) -> Self {
        [interval.low, interval.high]
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Reference, assert_close_f32, noise};
    use super::*;

    #[test]
    fn guided_channels_are_the_recorded_ones() {
        let Some(reference) = Reference::find("dit_cfg") else { return };
        let scale = reference.description["scale"].as_f64().unwrap();
        let outputs = reference.f32s("model_out");
        for (name, guided) in [("three_channels", 3), ("all_eps_channels", 4)] {
            let channels = GuidedChannels::first(guided, 8).unwrap();
            let expected = reference.f64s(name);
            for i in 0..2 {
                let conditional = &outputs[i * 512..(i + 1) * 512];
                let unconditional = &outputs[(i + 2) * 512..(i + 3) * 512];
                let found = classifier_free(unconditional, conditional, scale, channels).unwrap();
                assert_close_f32(name, &found, &expected[i * 512..(i + 1) * 512], 1e-6);
                // The recorded batch repeats the guided channels in its unconditional half.
                let (repeated, values) = (&expected[(i + 2) * 512..], guided * 64);
                assert_close_f32(name, &found[..values], &repeated[..values], 1e-6);
            }
        }
    }

    #[test]
    fn a_scale_of_one_is_the_conditional_output() {
        let (u, image, full) = (noise(24, 1), noise(24, 2), noise(24, 3));
        let all = GuidedChannels::all();
        assert_eq!(classifier_free(&u, &full, 1.0, all).unwrap(), full);
        let outputs = TwoConditions { unconditional: &u, image: &image, full: &full };
        let at = |image, clip| two_conditions(outputs, TwoScales { image, clip }, all).unwrap();
        assert_eq!(at(1.0, 1.0), full);
        let close = |found: Vec<f32>, expected: &[f32]| {
            let expected: Vec<f64> = expected.iter().map(|&value| value.into()).collect();
            assert_close_f32("limit", &found, &expected, 1e-6);
        };
        close(at(0.0, 0.0), &u);
        close(at(1.0, 0.0), &image);
        close(classifier_free(&u, &full, 0.0, all).unwrap(), &u);
    }

    #[test]
    fn two_conditions_by_hand() {
        let outputs = TwoConditions { unconditional: &[1.0], image: &[2.0], full: &[4.0] };
        let scales = TwoScales { image: 1.5, clip: 3.0 };
        let found = two_conditions(outputs, scales, GuidedChannels::all()).unwrap();
        assert_eq!(found, [1.0 + 1.5 + 6.0]);
    }

    #[test]
    fn the_rest_stays_conditional() {
        let channels = GuidedChannels::first(1, 2).unwrap();
        let found = classifier_free(&[0.0; 4], &[1.0; 4], 3.0, channels).unwrap();
        assert_eq!(found, [3.0, 3.0, 1.0, 1.0]);
    }

    #[test]
    fn intervals() {
        let interval = GuidanceInterval::new(0.1, 0.9).unwrap();
        assert!(interval.contains(0.1) && interval.contains(0.9));
        assert!(
            !interval.contains(0.05) && !interval.contains(1.0) && !interval.contains(f64::NAN)
        );
        assert!(GuidanceInterval::default().contains(1.0));
        let written = serde_json::to_string(&interval).unwrap();
        assert_eq!(written, "[0.1,0.9]");
        assert_eq!(serde_json::from_str::<GuidanceInterval>(&written).unwrap(), interval);
        assert!(serde_json::from_str::<GuidanceInterval>("[0.9,0.1]").is_err());
    }

    #[test]
    fn senseless_input_is_refused() {
        let all = GuidedChannels::all();
        assert!(classifier_free(&[0.0], &[0.0, 1.0], 2.0, all).is_err());
        assert!(classifier_free(&[0.0], &[0.0], f64::NAN, all).is_err());
        assert!(GuidedChannels::first(0, 4).is_err());
        assert!(GuidedChannels::first(5, 4).is_err());
        let channels = GuidedChannels::first(1, 2).unwrap();
        assert!(classifier_free(&[0.0; 3], &[0.0; 3], 2.0, channels).is_err());
        assert!(GuidanceInterval::new(0.5, 0.4).is_err());
        assert!(GuidanceInterval::new(-0.5, 0.4).is_err());
    }
}
