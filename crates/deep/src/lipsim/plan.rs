//! What a network consists of, stage by stage.
//!
//! A plan is written as text, `depth 2, channels 24, convolution 16, window 2, dense 64`, which is how files of our
//! own networks say it: windows of 2 by 2 pixels become channels, channels are filled up to 24 with zeros, an
//! SDP-based convolution has 16 channels inside, windows are summed, an SDP-based dense layer has 64 rows. Numbers
//! are laid out flat, channel after channel, before the first dense layer; after it there are dense layers alone.
//! The embedding is the first `outputs` of what comes out at last.
//!
//! Limits: pictures are square; every stage has the Lipschitz constant 1.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// A stage of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Channels are filled up to this many with zeros.
    Channels(usize),
    /// Windows of this side become channels.
    SpaceToDepth(usize),
    /// Windows of this side are summed and divided by it.
    WindowSum(usize),
    /// A convolution with this many channels inside.
    Convolution(usize),
    /// A dense layer with this many rows.
    Dense(usize),
}

/// Stages in order, for square pictures of three channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Height and width of the input.
    pub image: usize,
    /// Coordinates of the embedding.
    pub outputs: usize,
    /// What happens in between.
    pub stages: Vec<Stage>,
}

/// What a stage reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Channels; of flat numbers, all of them.
    pub channels: usize,
    /// Height and width; 1 of flat numbers.
    pub side: usize,
}

impl Extent {
    /// Numbers in all.
    pub fn numbers(self) -> usize {
        self.channels * self.side * self.side
    }
}

/// A tensor of a network: its name in files of our own and its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// `conv.0.kernel`, `dense.2.q`, ….
    pub name: String,
    /// Extents, slowest first.
    pub shape: Vec<usize>,
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "expected channels, depth, window, convolution or dense and a number, found '{text}'"
            )
        };
        let (name, number) = text.trim().split_once(' ').ok_or_else(wrong)?;
        // Larger ones would overflow before they are refused.
        let sensible = |n: &usize| (1..=1 << 24).contains(n);
        let number = number.trim().parse().ok().filter(sensible).ok_or_else(wrong)?;
        match name {
            "channels" => Ok(Self::Channels(number)),
            "depth" => Ok(Self::SpaceToDepth(number)),
            "window" => Ok(Self::WindowSum(number)),
            "convolution" => Ok(Self::Convolution(number)),
            "dense" => Ok(Self::Dense(number)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels(n) => write!(f, "channels {n}"),
            Self::SpaceToDepth(n) => write!(f, "depth {n}"),
            Self::WindowSum(n) => write!(f, "window {n}"),
            Self::Convolution(n) => write!(f, "convolution {n}"),
            Self::Dense(n) => write!(f, "dense {n}"),
        }
    }
}

impl Plan {
    /// Reads stages from text.
    ///
    /// # Errors
    /// [`Error::Weights`] with what was expected, also for stages that do not fit each other.
    pub fn parse(image: usize, outputs: Option<usize>, stages: &str) -> Result<Self> {
        let stages = stages.split(',').map(str::parse).collect::<Result<Vec<Stage>, String>>();
        let mut plan = Self { image, outputs: 0, stages: stages.map_err(Error::Weights)? };
        let width = plan.extents()?.last().map_or(0, |last| last.numbers());
        plan.outputs = outputs.unwrap_or(width);
        if plan.outputs == 0 || plan.outputs > width {
            let found = plan.outputs;
            return Err(Error::Weights(format!("expected 1 to {width} outputs, found {found}")));
        }
        Ok(plan)
    }

    /// The stages as text.
    pub fn stages_text(&self) -> String {
        self.stages.iter().map(Stage::to_string).collect::<Vec<_>>().join(", ")
    }

    /// What every stage reads, and at last what comes out.
    ///
    /// # Errors
    /// [`Error::Weights`] for stages that do not fit each other.
    pub fn extents(&self) -> Result<Vec<Extent>> {
        let refused = |reason: String| Err(Error::Weights(reason));
        // Larger ones would have more numbers than memory has room for.
        if self.image == 0 || self.image > 4096 {
            return refused(format!("expected a side from 1 to 4096, found {}", self.image));
        }
        let mut at = Extent { channels: 3, side: self.image };
        let (mut flat, mut all) = (false, vec![at]);
        for stage in &self.stages {
            if flat && !matches!(stage, Stage::Dense(_)) {
                return refused(format!("'{stage}' comes after a dense layer"));
            }
            match *stage {
                Stage::Channels(n) if n < at.channels => {
                    return refused(format!(
                        "expected at least {} channels, found {n}",
                        at.channels
                    ));
                }
                Stage::Channels(n) => at.channels = n,
                Stage::SpaceToDepth(n) | Stage::WindowSum(n) if !at.side.is_multiple_of(n) => {
                    return refused(format!("'{stage}' does not divide a side of {}", at.side));
                }
                Stage::SpaceToDepth(n) => {
                    at = Extent { channels: at.channels * n * n, side: at.side / n };
                }
                Stage::WindowSum(n) => at.side /= n,
                Stage::Convolution(_) => {}
                Stage::Dense(_) => {
                    flat = true;
                    at = Extent { channels: at.numbers(), side: 1 };
                }
            }
            if at.numbers() > 1 << 28 {
                return refused(format!("'{stage}' has {} numbers, too many", at.numbers()));
            }
            all.push(at);
        }
        Ok(all)
    }

    /// The tensors of all layers in order: kernel or weight, bias and q of each.
    ///
    /// # Errors
    /// As [`extents`](Self::extents).
    pub fn tensors(&self) -> Result<Vec<Tensor>> {
        let mut found = Vec::new();
        let (mut convolutions, mut dense) = (0, 0);
        for (stage, at) in self.stages.iter().zip(self.extents()?) {
            let (layer, matrix, shape, inner) = match *stage {
                Stage::Convolution(inner) => {
                    convolutions += 1;
                    let name = format!("conv.{}", convolutions - 1);
                    (name, "kernel", vec![inner, at.channels, 3, 3], inner)
                }
                Stage::Dense(inner) => {
                    dense += 1;
                    let name = format!("dense.{}", dense - 1);
                    (name, "weight", vec![inner, at.numbers()], inner)
                }
                _ => continue,
            };
            found.push(Tensor { name: format!("{layer}.{matrix}"), shape });
            found.push(Tensor { name: format!("{layer}.bias"), shape: vec![inner] });
            found.push(Tensor { name: format!("{layer}.q"), shape: vec![inner] });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_and_extents_follow() {
        let text = "depth 2, channels 24, convolution 16, window 4, dense 64, dense 8";
        let plan = Plan::parse(32, None, text).unwrap();
        assert_eq!((plan.stages_text(), plan.outputs), (text.to_owned(), 384));
        let extents = plan.extents().unwrap();
        assert_eq!(extents[1], Extent { channels: 12, side: 16 });
        assert_eq!(extents[6], Extent { channels: 384, side: 1 });
        let names: Vec<String> = plan.tensors().unwrap().into_iter().map(|t| t.name).collect();
        assert_eq!(names[3..6], ["dense.0.weight", "dense.0.bias", "dense.0.q"]);
        assert_eq!(plan.tensors().unwrap()[0].shape, [16, 24, 3, 3]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (image, outputs, text) in [
            (32, None, "depth 3"),
            (32, None, "channels 2"),
            (32, None, "dense 4, window 2"),
            (32, None, "convolution"),
            (32, None, "convolution 0"),
            (32, Some(0), "dense 4"),
            (32, Some(3073), "dense 4"),
            (0, None, "dense 4"),
            (4096, None, "channels 999999999"),
        ] {
            assert!(Plan::parse(image, outputs, text).is_err(), "{text}");
        }
    }
}
