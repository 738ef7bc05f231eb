//! Pictures at another size, by the crate fast_image_resize.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use lookalike_core::{Channels, Picture};

use super::canvas::bytes;
use crate::{Error, Result};

/// How pixels become others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    Nearest,
    Bilinear,
    CatmullRom,
    Lanczos,
}

impl Kernel {
    fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Nearest => ResizeAlg::Nearest,
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::CatmullRom => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
        }
    }
}

/// A square of a picture of 8 bits (left, top, side), brought to another side.
pub(crate) fn square(
    picture: &Picture,
    [left, top, side]: [usize; 3],
    to: usize,
    kernel: Kernel,
) -> Result<Picture> {
    let failed = |error: String| Error::Refused(format!("{}: {error}", picture.name()));
    let size = |side: usize| u32::try_from(side).map_err(|error| failed(error.to_string()));
    let (width, height) = (size(picture.width())?, size(picture.height())?);
    let from = Image::from_vec_u8(width, height, bytes(picture)?, PixelType::U8x3)
        .map_err(|error| failed(error.to_string()))?;
    let mut found = Image::new(size(to)?, size(to)?, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(kernel.algorithm()).use_alpha(false).crop(
        left as f64,
        top as f64,
        side as f64,
        side as f64,
    );
    Resizer::new().resize(&from, &mut found, &options).map_err(|e| failed(e.to_string()))?;
    Ok(Picture::from_u8(to, to, Channels::Rgb, found.into_vec())?)
}

/// A square picture made smaller by a factor, and as large again.
pub(crate) fn down_and_up(picture: &Picture, factor: f64, kernel: Kernel) -> Result<Picture> {
    let side = picture.shorter_side();
    let small = ((side as f64 / factor).round() as usize).max(1);
    let smaller = square(picture, [0, 0, side], small, kernel)?;
    square(&smaller, [0, 0, small], side, kernel)
}
