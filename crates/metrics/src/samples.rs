//! Which samples of a picture a metric compares, and the way back for derivatives.

use lookalike_core::{Luma, Picture};

use crate::closed_form::{channels, luma, luma_scaled};
use crate::plane::Plane;

/// Which samples are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SamplesUsed {
    /// Every channel by itself.
    Channels,
    /// One luma plane.
    Luma(Luma),
}

impl SamplesUsed {
    /// The planes on 0…`peak`: one per channel, or one. On 255, 8-bit samples are exact integers.
    pub(crate) fn planes(self, picture: &Picture, peak: f64) -> Vec<Plane> {
        match self {
            Self::Channels => channels(picture, peak),
            Self::Luma(kind) if peak == 255.0 => vec![luma(picture, kind)],
            Self::Luma(kind) => vec![luma_scaled(picture, kind, |v| v / 255.0 * peak)],
        }
    }

    /// Whether the planes are differentiable in the samples.
    pub(crate) fn is_smooth(self) -> bool {
        self != Self::Luma(Luma::Y601Integer)
    }

    /// Derivatives with respect to the planes become derivatives with respect to `count` channels.
    pub(crate) fn pull_back(self, planes: Vec<Plane>, count: usize) -> Vec<Plane> {
        let Self::Luma(kind) = self else { return planes };
        let Some(plane) = planes.first() else { return planes };
        if count == 1 {
            let weight = kind.of_grey(1.0) - kind.of_grey(0.0);
            return vec![plane.map(|v| v * weight)];
        }
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let weights = unit.map(|channel| kind.of(channel) - kind.of([0.0; 3]));
        weights.iter().map(|weight| plane.map(|v| v * weight)).collect()
    }
}

/// Names of a picture's channels for the parts of a score.
pub(crate) const CHANNEL_NAMES: [&str; 3] = ["red", "green", "blue"];
