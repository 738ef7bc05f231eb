//! The choices that an LPIPS value depends on: network, version, weights of the channels.

use lookalike_nn::{Backbone, Parameters};

use crate::samples::Scaling;
use crate::{Error, Result};

/// The network whose activations are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Net {
    /// AlexNet, five taps. The authors' choice for evaluation.
    Alex,
    /// VGG-16, five taps. The authors' choice as a loss.
    Vgg,
    /// SqueezeNet 1.1, seven taps.
    Squeeze,
    /// Our own small network, five taps: not LPIPS, but the same formula, under the id `sight`.
    Sight,
}

impl Net {
    /// Those of LPIPS.
    pub const ALL: [Self; 3] = [Self::Alex, Self::Vgg, Self::Squeeze];

    /// `alex`, `vgg`, `squeeze` or `sight`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alex => "alex",
            Self::Vgg => "vgg",
            Self::Squeeze => "squeeze",
            Self::Sight => "sight",
        }
    }

    /// The network.
    pub fn backbone(self) -> Backbone {
        match self {
            Self::Alex => Backbone::AlexNet,
            Self::Vgg => Backbone::Vgg16,
            Self::Squeeze => Backbone::SqueezeNet1_1,
            Self::Sight => Backbone::Sight,
        }
    }

    /// Channels at its taps.
    pub fn channels(self) -> &'static [usize] {
        match self {
            Self::Alex => &[64, 192, 384, 256, 256],
            Self::Vgg => &[64, 128, 256, 512, 512],
            Self::Squeeze => &[64, 128, 256, 384, 384, 512, 512],
            Self::Sight => &[32, 32, 64, 128, 192],
        }
    }
}

/// The version of the published metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Of 2018: pictures in −1…1 reach the network as they are.
    V0_0,
    /// Pictures are scaled by ImageNet's mean and deviation, and the weights are others.
    V0_1,
}

impl Version {
    /// `0.0` or `0.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_0 => "0.0",
            Self::V0_1 => "0.1",
        }
    }

    pub(crate) fn scaling(self) -> Scaling {
        match self {
            Self::V0_0 => Scaling::SIGNED,
            Self::V0_1 => Scaling::IMAGENET,
        }
    }
}

/// The weights of the channels at every tap.
#[derive(Clone, Debug, PartialEq)]
pub enum Head {
    /// Learned from human judgements.
    Learned(Vec<Vec<f32>>),
    /// One for every channel: the "baseline", two less twice the cosine of the activations.
    Uniform,
}

impl Head {
    /// Reads learned weights: `lin0`, `lin1`, … of as many numbers as the taps have channels.
    ///
    /// # Errors
    /// When one is missing, misshapen, negative or not finite.
    pub fn load(net: Net, parameters: &dyn Parameters) -> Result<Self> {
        let taps = net.channels().iter().enumerate();
        let weights =
            taps.map(|(tap, &channels)| Ok(parameters.f32(&format!("lin{tap}"), &[channels])?));
        let head = Self::Learned(weights.collect::<Result<_>>()?);
        head.checked(net)
    }

    /// The head, if it is one of the network and cannot make a distance negative.
    pub(super) fn checked(self, net: Net) -> Result<Self> {
        let Self::Learned(weights) = &self else { return Ok(self) };
        let found: Vec<usize> = weights.iter().map(Vec::len).collect();
        if found != net.channels() {
            return Err(Error::Weights(format!(
                "expected channel weights for {:?} channels of lpips:{}, found {found:?}",
                net.channels(),
                net.as_str()
            )));
        }
        let taps = weights.iter().enumerate();
        let mut numbers = taps.flat_map(|(tap, w)| w.iter().enumerate().map(move |w| (tap, w)));
        match numbers.find(|(_, (_, w))| !(w.is_finite() && **w >= 0.0)) {
            Some((tap, (channel, weight))) => Err(Error::Weights(format!(
                "weight {weight} of channel {channel} at tap {tap} is not a number from 0 on, so \
                 the distance could be negative"
            ))),
            None => Ok(self),
        }
    }

    pub(crate) fn of_taps(&self, net: Net) -> Vec<Vec<f32>> {
        match self {
            Self::Learned(weights) => weights.clone(),
            Self::Uniform => net.channels().iter().map(|&channels| vec![1.0; channels]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_checked() {
        let good: Vec<Vec<f32>> = Net::Alex.channels().iter().map(|&c| vec![0.5; c]).collect();
        assert!(Head::Learned(good.clone()).checked(Net::Alex).is_ok());
        assert!(Head::Learned(good.clone()).checked(Net::Vgg).is_err());
        for wrong in [-0.1, f32::NAN, f32::INFINITY] {
            let mut bad = good.clone();
            bad[3][7] = wrong;
            let message = Head::Learned(bad).checked(Net::Alex).unwrap_err().to_string();
            assert!(message.contains("channel 7 at tap 3"), "{message}");
        }
    }
}
