//! Line drawings of pictures, to make pairs from pictures alone: black lines on white.
//!
//! * [`Method::Canny`]: Canny's edges ([`lookalike_judge::generation::canny`]), thinned to one pixel ([`thinning`]),
//!   without components of fewer than 5 pixels. The steps that follow the edge detector are those of pix2pix for
//!   edges2shoes, whose detector was a network (HED) and whose lines therefore follow objects more than textures.
//! * [`Method::Xdog`]: lines as a pen draws them, for comics ([`xdog`]).
//!
//! Luma is that of BT.601 in 0…1. Limits: Canny needs contrast, so soft shadows are lost and strong textures drawn.

pub mod thinning;
pub mod xdog;

use lookalike_core::{Channels, Encoding, Luma, Picture};
use lookalike_judge::generation::canny::Canny;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};
use xdog::Xdog;

/// Pixels of a line, at least.
pub const SHORTEST: usize = 5;
/// The widest Gaussian, in pixels.
const WIDEST: f64 = 64.0;

/// How lines are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Thin lines of one pixel where luma changes fastest.
    Canny(Canny),
    /// Soft lines of varying width, and black where it is dark.
    Xdog(Xdog),
}

/// The name of a method, with its usual parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodName {
    /// [`Method::Canny`].
    #[default]
    Canny,
    /// [`Method::Xdog`].
    Xdog,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Canny => Self::Canny(Canny::default()),
            MethodName::Xdog => Self::Xdog(Xdog::default()),
        }
    }
}

/// The lines of a picture: a grey picture of 8 bits and the same size, white with black lines.
///
/// # Errors
/// [`Error::Refused`] for parameters out of range and scene-linear light.
pub fn edge_map(picture: &Picture, method: Method) -> Result<Picture> {
    if picture.encoding() == Encoding::SceneLinear {
        return Err(Error::Refused(format!(
            "{}: expected a picture as it is shown, found light; tone-map it first",
            picture.name()
        )));
    }
    let (width, height) = (picture.width(), picture.height());
    let luma: Vec<f64> = picture.luma(Luma::Y601).iter().map(|luma| luma / 255.0).collect();
    let samples: Vec<u8> = match method {
        Method::Canny(canny) => {
            let drawn = canny_lines(width, &luma, canny)?;
            drawn.into_iter().map(|line| if line { 0 } else { 255 }).collect()
        }
        Method::Xdog(xdog) => {
            let drawn = xdog.drawn(width, &luma)?;
            drawn.into_iter().map(|tone| (255.0 * tone).round() as u8).collect()
        }
    };
    let drawn = Picture::from_u8(width, height, Channels::Grey, samples)?;
    Ok(drawn.with_provenance(picture.provenance().clone()))
}

fn canny_lines(width: usize, luma: &[f64], canny: Canny) -> Result<Vec<bool>> {
    check_sigma("canny", canny.sigma)?;
    if !(canny.low > 0.0 && canny.low <= canny.high && canny.high.is_finite()) {
        return Err(Error::Refused(format!(
            "canny: expected thresholds 0 < low <= high, found {} and {}",
            canny.low, canny.high
        )));
    }
    let edges = canny.edges(width, luma);
    let mut edges = edges.map_err(|error| Error::Refused(format!("canny: {error}")))?;
    thinning::thin(width, &mut edges);
    thinning::remove_short(width, &mut edges, SHORTEST);
    Ok(edges)
}

/// Refuses a Gaussian that is none.
fn check_sigma(title: &str, sigma: f64) -> Result<()> {
    if sigma > 0.0 && sigma <= WIDEST {
        return Ok(());
    }
    Err(Error::Refused(format!("{title}: expected sigma above 0 up to {WIDEST}, found {sigma}")))
}

#[cfg(test)]
mod tests {
    use lookalike_core::Samples;

    use super::*;

    /// A dark disc on white.
    fn disc(side: usize, radius: f64) -> Picture {
        let middle = side as f64 / 2.0;
        let samples = (0..side * side).map(|at| {
            let (x, y) = ((at % side) as f64 + 0.5 - middle, (at / side) as f64 + 0.5 - middle);
            if x * x + y * y < radius * radius { 60 } else { 255 }
        });
        Picture::from_u8(side, side, Channels::Grey, samples.collect()).unwrap()
    }

    fn codes(picture: &Picture) -> Vec<u8> {
        let Samples::U8(samples) = picture.samples() else { panic!("8 bits") };
        samples.clone()
    }

    #[test]
    fn a_disc_is_a_closed_thin_circle() {
        let drawn = codes(&edge_map(&disc(48, 15.0), MethodName::Canny.into()).unwrap());
        let lines: Vec<usize> = (0..48 * 48).filter(|&at| drawn[at] == 0).collect();
        assert!(drawn.iter().all(|&code| code == 0 || code == 255));
        // The circumference is 94 pixels; a line of eight directions has 8/9 of that or a little more.
        assert!((75..=110).contains(&lines.len()), "{}", lines.len());
        for &at in &lines {
            let (x, y) = ((at % 48) as f64 + 0.5 - 24.0, (at / 48) as f64 + 0.5 - 24.0);
            let radius = (x * x + y * y).sqrt();
            assert!((radius - 15.0).abs() < 1.6, "{radius}");
        }
        // Closed: white is in two parts.
        let mut seen: Vec<bool> = drawn.iter().map(|&code| code == 0).collect();
        let mut parts = 0;
        for start in 0..seen.len() {
            if seen[start] {
                continue;
            }
            parts += 1;
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                if std::mem::replace(&mut seen[at], true) {
                    continue;
                }
                let (x, y) = (at % 48, at / 48);
                open.extend((x > 0).then(|| at - 1));
                open.extend((x < 47).then_some(at + 1));
                open.extend((y > 0).then(|| at - 48));
                open.extend((y < 47).then_some(at + 48));
            }
        }
        assert_eq!(parts, 2);
    }

    #[test]
    fn colour_counts_by_its_luma_and_flat_is_white() {
        let flat = Picture::from_u8(9, 7, Channels::Rgb, [200, 30, 90].repeat(63)).unwrap();
        for name in [MethodName::Canny, MethodName::Xdog] {
            let drawn = edge_map(&flat, name.into()).unwrap();
            assert_eq!(codes(&drawn), [255; 63], "{name:?}");
            assert_eq!((drawn.width(), drawn.height()), (9, 7));
        }
    }

    #[test]
    fn a_pen_draws_on_the_dark_side() {
        let drawn = codes(&edge_map(&disc(48, 15.0), MethodName::Xdog.into()).unwrap());
        let at = |x: usize| drawn[24 * 48 + x];
        assert!(at(38) < 40, "{}", at(38));
        assert_eq!((at(24), at(46)), (255, 255));
    }

    #[test]
    fn parameters_are_checked() {
        let picture = disc(8, 2.0);
        for canny in [
            Canny { sigma: 0.0, ..Canny::default() },
            Canny { sigma: f64::NAN, ..Canny::default() },
            Canny { low: 0.3, high: 0.2, sigma: 1.0 },
            Canny { low: 0.1, high: f64::INFINITY, sigma: 1.0 },
        ] {
            assert!(edge_map(&picture, Method::Canny(canny)).is_err(), "{canny:?}");
        }
        for xdog in [
            Xdog { sigma: -1.0, ..Xdog::default() },
            Xdog { sharpness: f64::NAN, ..Xdog::default() },
            Xdog { softness: 0.0, ..Xdog::default() },
        ] {
            assert!(edge_map(&picture, Method::Xdog(xdog)).is_err(), "{xdog:?}");
        }
        let tiny = Picture::from_u8(1, 1, Channels::Grey, vec![3]).unwrap();
        for name in [MethodName::Canny, MethodName::Xdog] {
            edge_map(&tiny, name.into()).unwrap();
        }
    }
}
