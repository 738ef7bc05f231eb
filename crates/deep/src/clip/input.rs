//! From a picture to what CLIP sees: the shorter side to R pixels by Pillow's bicubic filter, and the middle of
//! the other.
//!
//! The longer side becomes ⌊R·long/short⌋. Where an odd number of pixels is cut off, OpenAI's code (torchvision)
//! rounds half the number to the even one, Hugging Face's down. Choices: 8 bits are rounded as Pillow does
//! unless `linear` is asked for, which takes other pictures and has derivatives. A grey channel stands for all
//! three.

use std::str::FromStr;

use lookalike_core::Picture;

use crate::Result;
use crate::lipsim::{Frame, Input as Filter};

/// Which middle is taken where none is in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crop {
    /// Half the pixels that are cut off, a half rounded to the even number.
    #[default]
    OpenAi,
    /// Half the pixels that are cut off, rounded down.
    HuggingFace,
}

/// How pictures come to the size of the tower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Which middle is taken.
    pub crop: Crop,
    /// Whether the filter stays in floating point.
    pub linear: bool,
}

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "openai" => Ok(Self::OpenAi),
            "hf" => Ok(Self::HuggingFace),
            _ => Err(format!("crop takes openai or hf, found '{text}'")),
        }
    }
}

impl Crop {
    /// Where the middle of `side` begins in a length.
    fn start(self, length: usize, side: usize) -> usize {
        let beyond = length - side;
        match self {
            Self::HuggingFace => beyond / 2,
            Self::OpenAi => (beyond as f64 / 2.0).round_ties_even() as usize,
        }
    }
}

impl Input {
    /// Three planes of `side` by `side` numbers in 0…1.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) where 8 bits are rounded to and the picture has others.
    pub fn planes(self, picture: &Picture, side: usize) -> Result<Vec<f64>> {
        self.filter().planes_in(picture, self.frame(picture, side))
    }

    /// The derivative with respect to the picture's samples, channel after channel, given that with respect to
    /// the planes. What was cut off has none.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) for pictures that were rounded to 8 bits.
    pub fn pull(self, picture: &Picture, side: usize, upstream: &[f64]) -> Result<Vec<f64>> {
        self.filter().pull_in(picture, self.frame(picture, side), upstream)
    }

    fn filter(self) -> Filter {
        if self.linear { Filter::Linear } else { Filter::PillowU8 }
    }

    fn frame(self, picture: &Picture, side: usize) -> Frame {
        let resized = resized([picture.height(), picture.width()], side);
        let corner = resized.map(|length| self.crop.start(length, side));
        Frame { resized, corner, side }
    }
}

/// Height and width once the shorter side has `side` pixels.
fn resized([height, width]: [usize; 2], side: usize) -> [usize; 2] {
    if height <= width {
        [side, (side * width / height.max(1)).max(side)]
    } else {
        [side * height / width.max(1), side]
    }
}
