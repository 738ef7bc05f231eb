//! From a picture to what the network sees: RGB in 0…1 at the size of the network.
//!
//! Source: LipSim's loader, which resizes to 224×224 with Pillow's bicubic filter, whatever the aspect, and
//! subtracts and divides nothing. Choices: by default the same filter in floating point, cut off to 0…1
//! ([`Input::Linear`]), since a certificate can be carried through it to the picture's own pixels; `pil-u8`
//! rounds to 8 bits as the loader does. A grey channel stands for all three.

use std::str::FromStr;

use lookalike_core::{Channels, Picture, Samples};

use super::resize::Resize;
use crate::{Error, Result};

/// How pictures come to the size of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// Bicubic, in floating point.
    #[default]
    Linear,
    /// Bicubic, rounded to 8 bits after each pass.
    PillowU8,
}

/// How much further apart two pictures can be for the network than in their own samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// By this factor at most.
    Factor(f64),
    /// There is no such factor, for this reason.
    Unbounded(String),
}

/// The square of a resized picture that a network sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Height and width before anything is cut off.
    pub(crate) resized: [usize; 2],
    /// Row and column of the first pixel.
    pub(crate) corner: [usize; 2],
    /// Rows and columns.
    pub(crate) side: usize,
}

impl Frame {
    fn whole(side: usize) -> Self {
        Self { resized: [side; 2], corner: [0; 2], side }
    }

    /// Where its rows lie in a plane.
    fn rows(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let Self { resized: [_, width], corner: [top, left], side } = self;
        (top..top + side).map(move |row| row * width + left..row * width + left + side)
    }
}

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "linear" => Ok(Self::Linear),
            "pil-u8" => Ok(Self::PillowU8),
            _ => Err(format!("resize takes linear or pil-u8, found '{text}'")),
        }
    }
}

impl Input {
    /// Three planes of `side` by `side` numbers in 0…1.
    ///
    /// # Errors
    /// [`Error::Weights`] where 8 bits are asked for of a picture that has others.
    pub fn planes(self, picture: &Picture, side: usize) -> Result<Vec<f64>> {
        self.planes_in(picture, Frame::whole(side))
    }

    /// The derivative with respect to the picture's samples, channel after channel, given that with
    /// respect to the planes. What was cut off has none.
    ///
    /// # Errors
    /// [`Error::Weights`] for pictures that were rounded to 8 bits.
    pub(crate) fn pull(self, picture: &Picture, side: usize, upstream: &[f64]) -> Result<Vec<f64>> {
        self.pull_in(picture, Frame::whole(side), upstream)
    }

    /// [`planes`](Self::planes) of a part of the resized picture.
    pub(crate) fn planes_in(self, picture: &Picture, frame: Frame) -> Result<Vec<f64>> {
        let size = [picture.height(), picture.width()];
        let resize = Resize::new(size, frame.resized);
        let mut planes = Vec::with_capacity(3 * frame.side * frame.side);
        for channel in 0..picture.channels().count() {
            let plane = if size == frame.resized {
                picture.plane(channel, 1.0)
            } else {
                self.plane(picture, channel, &resize)?
            };
            for row in frame.rows() {
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

    /// A channel, resized, in 0…1.
    fn plane(self, picture: &Picture, channel: usize, resize: &Resize) -> Result<Vec<f64>> {
        match self {
            Self::Linear => {
                let resized = resize.apply(&picture.plane(channel, 1.0));
                Ok(resized.into_iter().map(|x| x.clamp(0.0, 1.0)).collect())
            }
            Self::PillowU8 => {
                let (Samples::U8(_), 255.0) = (picture.samples(), picture.full_scale()) else {
                    return Err(Error::Weights(
                        "resize=pil-u8 takes pictures of 8 bits; use resize=linear for others"
                            .to_owned(),
                    ));
                };
                let codes = picture.plane(channel, 255.0);
                let codes: Vec<u8> = codes.into_iter().map(|code| code as u8).collect();
                let resized = resize.apply_8_bits(&codes);
                Ok(resized.into_iter().map(|code| f64::from(code) / 255.0).collect())
            }
        }
    }

    /// [`pull`](Self::pull) of a part of the resized picture.
    pub(crate) fn pull_in(
        self,
        picture: &Picture,
        frame: Frame,
        upstream: &[f64],
    ) -> Result<Vec<f64>> {
        let size = [picture.height(), picture.width()];
        if size != frame.resized && self == Self::PillowU8 {
            let reason = "resize=pil-u8 rounds, so there is no derivative; use resize=linear";
            return Err(Error::Weights(reason.to_owned()));
        }
        let area = frame.side * frame.side;
        let mut samples = Vec::new();
        for channel in 0..picture.channels().count() {
            let mut slopes = upstream[channel * area..][..area].to_vec();
            if picture.channels() == Channels::Grey {
                for other in upstream[area..].chunks_exact(area) {
                    slopes.iter_mut().zip(other).for_each(|(sum, slope)| *sum += slope);
                }
            }
            let mut plane = vec![0.0; frame.resized[0] * frame.resized[1]];
            for (row, slopes) in frame.rows().zip(slopes.chunks_exact(frame.side)) {
                plane[row].copy_from_slice(slopes);
            }
            if size == frame.resized {
                samples.extend(plane);
                continue;
            }
            let resize = Resize::new(size, frame.resized);
            let resized = resize.apply(&picture.plane(channel, 1.0));
            for (slope, x) in plane.iter_mut().zip(resized) {
                if !(0.0..=1.0).contains(&x) {
                    *slope = 0.0;
                }
            }
            samples.extend(resize.adjoint(&plane));
        }
        Ok(samples)
    }

    /// The constant of [`planes`](Self::planes) for pictures of a height and width.
    ///
    /// # Errors
    /// Where the singular values of a resize cannot be found.
    pub fn scale(self, size: [usize; 2], channels: Channels, side: usize) -> Result<Scale> {
        // One grey sample moves three.
        let repeated = if channels == Channels::Grey { 3_f64.sqrt().next_up() } else { 1.0 };
        if size == [side; 2] {
            return Ok(Scale::Factor(repeated));
        }
        if self == Self::PillowU8 {
            return Ok(Scale::Unbounded(format!(
                "{}x{} pixels are resized to {side}x{side} and rounded to 8 bits, which can move \
                 pictures that hardly differ up to a level apart in every sample",
                size[1], size[0]
            )));
        }
        Ok(Scale::Factor((Resize::new(size, [side; 2]).norm()? * repeated).next_up()))
    }
}
