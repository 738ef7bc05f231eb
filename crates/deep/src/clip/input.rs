//! From a picture to what CLIP sees: the shorter side to R pixels by Pillow's bicubic filter, and the middle of
//! the other.
//!
//! The longer side becomes ⌊R·long/short⌋. Where an odd number of pixels is cut off, OpenAI's code (torchvision)
//! rounds half the number to the even one, Hugging Face's down. Choices: 8 bits are rounded as Pillow does
//! unless `linear` is asked for, which takes other pictures and has derivatives. A grey channel stands for all
//! three.

use std::str::FromStr;

use lookalike_core::{Channels, Picture, Samples};

use crate::lipsim::resize::Resize;
use crate::{Error, Result};

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
    /// [`Error::Weights`] where 8 bits are rounded to and the picture has others.
    pub fn planes(self, picture: &Picture, side: usize) -> Result<Vec<f64>> {
        let size = [picture.height(), picture.width()];
        let resized = resized(size, side);
        let resize = Resize::new(size, resized);
        let mut planes = Vec::with_capacity(3 * side * side);
        for channel in 0..picture.channels().count() {
            let plane = if size == resized {
                picture.plane(channel, 1.0)
            } else if self.linear {
                let resized = resize.apply(&picture.plane(channel, 1.0));
                resized.into_iter().map(|x| x.clamp(0.0, 1.0)).collect()
            } else {
                let (Samples::U8(_), 255.0) = (picture.samples(), picture.full_scale()) else {
                    return Err(Error::Weights(
                        "pictures of 8 bits are rounded to 8 bits, as published; use resize=linear for others"
                            .to_owned(),
                    ));
                };
                let codes = picture.plane(channel, 255.0).into_iter().map(|code| code as u8);
                let codes = resize.apply_8_bits(&codes.collect::<Vec<u8>>());
                codes.into_iter().map(|code| f64::from(code) / 255.0).collect()
            };
            for row in self.rows(resized, side) {
                planes.extend_from_slice(&plane[row]);
            }
        }
        if picture.channels() == Channels::Grey {
            let grey = planes.clone();
            planes.extend_from_slice(&grey);
            planes.extend_from_slice(&grey);
        }
        Ok(planes)
    }

    /// The derivative with respect to the picture's samples, channel after channel, given that with respect to
    /// the planes. What was cut off has none.
    ///
    /// # Errors
    /// [`Error::Weights`] for pictures that were rounded to 8 bits.
    pub fn pull(self, picture: &Picture, side: usize, upstream: &[f64]) -> Result<Vec<f64>> {
        let size = [picture.height(), picture.width()];
        let resized = resized(size, side);
        if size != resized && !self.linear {
            let reason = "rounding to 8 bits has no derivative; use resize=linear";
            return Err(Error::Weights(reason.to_owned()));
        }
        let area = side * side;
        let mut samples = Vec::new();
        for channel in 0..picture.channels().count() {
            let mut slopes = upstream[channel * area..][..area].to_vec();
            if picture.channels() == Channels::Grey {
                for other in upstream[area..].chunks_exact(area) {
                    slopes.iter_mut().zip(other).for_each(|(sum, slope)| *sum += slope);
                }
            }
            let mut plane = vec![0.0; resized[0] * resized[1]];
            for (row, slopes) in self.rows(resized, side).zip(slopes.chunks_exact(side)) {
                plane[row].copy_from_slice(slopes);
            }
            if size == resized {
                samples.extend(plane);
                continue;
            }
            let resize = Resize::new(size, resized);
            let values = resize.apply(&picture.plane(channel, 1.0));
            for (slope, value) in plane.iter_mut().zip(values) {
                if !(0.0..=1.0).contains(&value) {
                    *slope = 0.0;
                }
            }
            samples.extend(resize.adjoint(&plane));
        }
        Ok(samples)
    }

    /// The rows of the middle in a plane.
    fn rows(
        self,
        [height, width]: [usize; 2],
        side: usize,
    ) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (top, left) = (self.crop.start(height, side), self.crop.start(width, side));
        (top..top + side).map(move |row| row * width + left..row * width + left + side)
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
