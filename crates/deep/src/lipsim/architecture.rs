//! The sizes of the network.

use super::plan::{Plan, Stage};
use crate::{Error, Result};

/// How often windows of [`WINDOW`] by [`WINDOW`] are summed.
pub(crate) const POOLS: usize = 2;
/// The side of a window.
pub(crate) const WINDOW: usize = 4;

/// What a network consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Channels that the three of a picture are filled up to.
    pub channels: usize,
    /// Convolutions.
    pub depth: usize,
    /// Channels inside a convolution.
    pub inner: usize,
    /// Dense layers.
    pub dense: usize,
    /// Rows of the weight of a dense layer.
    pub dense_inner: usize,
    /// Height and width of its input.
    pub image: usize,
    /// Coordinates of the embedding.
    pub outputs: usize,
}

/// The sizes that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The one that was published.
    Small,
    /// Medium.
    Medium,
    /// Large.
    Large,
    /// Extra large.
    ExtraLarge,
}

impl Size {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Small, Self::Medium, Self::Large, Self::ExtraLarge];

    /// Its name in ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::ExtraLarge => "xlarge",
        }
    }

    /// What it consists of.
    pub fn architecture(self) -> Architecture {
        let (depth, channels, dense, dense_inner) = match self {
            Self::Small => (20, 45, 7, 1024),
            Self::Medium => (30, 60, 10, 2048),
            Self::Large => (50, 90, 10, 2048),
            Self::ExtraLarge => (70, 120, 15, 2048),
        };
        let outputs = Architecture::PUBLISHED_OUTPUTS;
        Architecture { channels, depth, inner: 5, dense, dense_inner, image: 224, outputs }
    }
}

impl Architecture {
    /// Coordinates of the teacher of the published networks, an ensemble of three.
    pub(crate) const PUBLISHED_OUTPUTS: usize = 1792;

    /// Numbers that a dense layer reads and writes.
    pub fn width(&self) -> usize {
        let side = self.image / WINDOW.pow(POOLS as u32);
        self.channels * side * side
    }

    /// Numbers in all parameters.
    pub fn parameters(&self) -> usize {
        let convolution = 9 * self.channels * self.inner + 2 * self.inner;
        let dense = self.dense_inner * self.width() + 2 * self.dense_inner;
        self.depth * convolution + self.dense * dense
    }

    /// Whether a network can be like this.
    pub(crate) fn check(&self) -> Result<()> {
        let refused = |reason: String| Err(Error::Weights(reason));
        if self.channels < 3 {
            return refused(format!("expected at least 3 channels, found {}", self.channels));
        }
        let window = WINDOW.pow(POOLS as u32);
        if self.image == 0 || !self.image.is_multiple_of(window) {
            return refused(format!("expected a side that {window} divides, found {}", self.image));
        }
        if self.outputs == 0 || self.outputs > self.width() {
            let width = self.width();
            return refused(format!("expected 1 to {width} outputs, found {}", self.outputs));
        }
        Ok(())
    }

    /// The stages of it.
    pub fn plan(&self) -> Plan {
        let mut stages = vec![Stage::Channels(self.channels)];
        stages.extend(vec![Stage::Convolution(self.inner); self.depth]);
        stages.extend([Stage::WindowSum(WINDOW); POOLS]);
        stages.extend(vec![Stage::Dense(self.dense_inner); self.dense]);
        Plan { image: self.image, outputs: self.outputs, stages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_sizes_have_the_published_number_of_parameters() {
        let counts = Size::ALL.map(|size| size.architecture().parameters());
        assert_eq!(counts, [63_276_796, 240_967_060, 361_511_160, 722_974_540]);
        assert!(Size::ALL.iter().all(|size| size.architecture().check().is_ok()));
        assert_eq!(Size::Small.architecture().width(), 8820);
    }

    #[test]
    fn impossible_ones_are_refused() {
        let small = Size::Small.architecture();
        for wrong in [
            Architecture { channels: 2, ..small },
            Architecture { image: 220, ..small },
            Architecture { outputs: 0, ..small },
            Architecture { outputs: 8821, ..small },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
