//! Pictures brought to the size that an embedder reads, and derivatives back.
//!
//! Every plane X becomes W_y·X·W_xᵀ, and derivatives G of that become W_yᵀ·G·W_x. The matrices have few numbers
//! other than 0, side by side in every row, and are kept as those; everything is computed in double precision.
//!
//! | resampling | row i of W for lengths n → m, r = n/m |
//! |---|---|
//! | bilinear | the two samples around (i + ½)·r − ½, which is at least 0; PyTorch's `align_corners=False` |
//! | bilinear, antialiased | 1 − \|t\| stretched by max(r, 1), Pillow's and PyTorch's `antialias=True` |
//! | bicubic, antialiased | the same with the cubic of Keys (1981), a = −½ |
//!
//! The antialiased ones are [`PillowFilter`]'s weights without rounding to 8 bits, so nothing is cut off at black
//! and white. Bilinear resampling without antialiasing skips samples where pictures are more than halved: those
//! have no derivative. It is there because published trainers use it.
//!
//! Pictures that are no squares: the shorter side comes to the embedder's size, the longer to
//! ⌊side·long/short⌋, of which the middle is taken as CLIP's own preprocessing does ([`Crop`]). What was cut off
//! has a derivative of 0.
//!
//! Reproduces derivatives through PyTorch's three resamplings of 48 × 48 to 32 × 32 within 1e-5 (recorded with
//! the loss of a small CLIP tower).

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use lookalike_core::{PillowFilter, PillowTaps};
use lookalike_deep::clip::Crop;
use serde::{Deserialize, Serialize};

use super::named;
use crate::{Error, Result};

/// Most samples along a side.
const LONGEST: usize = 1 << 20;

/// How samples are found between samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// Between two neighbours, whatever the sizes.
    Bilinear,
    /// A triangle that gets wider where pictures get smaller.
    #[default]
    BilinearAntialiased,
    /// A cubic that gets wider where pictures get smaller.
    BicubicAntialiased,
}

impl Resampling {
    /// All, in the order of their documentation.
    pub const ALL: [Self; 3] =
        [Self::Bilinear, Self::BilinearAntialiased, Self::BicubicAntialiased];

    /// The rows of the matrix between two lengths, neither of which is 0.
    fn rows(self, from: usize, to: usize) -> Vec<PillowTaps> {
        match self {
            Self::Bilinear => (0..to).map(|index| between_two(from, to, index)).collect(),
            Self::BilinearAntialiased => PillowFilter::Bilinear.taps(from, to),
            Self::BicubicAntialiased => PillowFilter::Bicubic.taps(from, to),
        }
    }
}

/// The two samples around a place, or the one at an end.
fn between_two(from: usize, to: usize, index: usize) -> PillowTaps {
    let at = ((index as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
    let first = (at as usize).min(from - 1);
    let share = at - first as f64;
    let weights = if first + 1 < from { vec![1.0 - share, share] } else { vec![1.0] };
    PillowTaps { first, weights }
}

impl Display for Resampling {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bilinear => "bilinear",
            Self::BilinearAntialiased => "bilinear-antialiased",
            Self::BicubicAntialiased => "bicubic-antialiased",
        })
    }
}

impl FromStr for Resampling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named("resampling", text, &Self::ALL)
    }
}

/// A change of the size of planes, between two heights and widths.
#[derive(Clone, Debug)]
pub struct Resize {
    from: [usize; 2],
    /// W_y.
    rows: Vec<PillowTaps>,
    /// W_x.
    columns: Vec<PillowTaps>,
}

impl Resize {
    /// From a height and width to others, all of the picture.
    ///
    /// # Errors
    /// [`Error::Refused`] for a side of no sample, or of more than 2²⁰.
    pub fn new(resampling: Resampling, from: [usize; 2], to: [usize; 2]) -> Result<Self> {
        let sides = 1..=LONGEST;
        if !from.iter().chain(&to).all(|side| sides.contains(side)) {
            return Err(Error::Refused(format!(
                "resizing: expected sides of 1 to {LONGEST} samples, found {}x{} to {}x{}",
                from[1], from[0], to[1], to[0]
            )));
        }
        let rows = resampling.rows(from[0], to[0]);
        Ok(Self { from, rows, columns: resampling.rows(from[1], to[1]) })
    }

    /// From a height and width to the middle square of `side` by `side` samples.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn to_middle(
        resampling: Resampling,
        from: [usize; 2],
        side: usize,
        crop: Crop,
    ) -> Result<Self> {
        let [height, width] = from;
        let shorter = height.min(width).max(1);
        let to = from.map(|length| side.saturating_mul(length) / shorter);
        let mut whole = Self::new(resampling, from, to)?;
        for axis in [&mut whole.rows, &mut whole.columns] {
            axis.drain(..middle(axis.len(), side, crop));
            axis.truncate(side);
        }
        Ok(whole)
    }

    /// Height and width before.
    pub fn from(&self) -> [usize; 2] {
        self.from
    }

    /// Height and width after.
    pub fn to(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    /// W_y·X·W_xᵀ of every plane.
    ///
    /// # Errors
    /// [`Error::Refused`] unless the numbers fill whole planes.
    pub fn apply(&self, planes: &[f64]) -> Result<Vec<f64>> {
        let [height, width] = self.from;
        let columns = self.columns.len();
        let planes = whole_planes("resizing", planes, self.from)?;
        let mut resized = Vec::new();
        let mut narrow = vec![0.0; height * columns];
        for plane in planes {
            for (row, to) in plane.chunks_exact(width).zip(narrow.chunks_exact_mut(columns)) {
                for (taps, to) in self.columns.iter().zip(to) {
                    *to = row[taps.first..].iter().zip(&taps.weights).map(|(x, w)| w * x).sum();
                }
            }
            for taps in &self.rows {
                let start = resized.len();
                resized.resize(start + columns, 0.0);
                let rows = narrow.chunks_exact(columns).skip(taps.first);
                for (row, w) in rows.zip(&taps.weights) {
                    resized[start..].iter_mut().zip(row).for_each(|(to, x)| *to += w * x);
                }
            }
        }
        Ok(resized)
    }

    /// W_yᵀ·G·W_x of every plane: derivatives with respect to the planes before, given those with respect to the
    /// planes after.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn pull(&self, upstream: &[f64]) -> Result<Vec<f64>> {
        let [height, width] = self.from;
        let columns = self.columns.len();
        let planes = whole_planes("derivatives of resizing", upstream, self.to())?;
        let mut slopes = Vec::new();
        let mut narrow = vec![0.0; height * columns];
        for plane in planes {
            narrow.fill(0.0);
            for (taps, from) in self.rows.iter().zip(plane.chunks_exact(columns)) {
                let rows = narrow.chunks_exact_mut(columns).skip(taps.first);
                for (row, w) in rows.zip(&taps.weights) {
                    row.iter_mut().zip(from).for_each(|(to, g)| *to += w * g);
                }
            }
            let start = slopes.len();
            slopes.resize(start + height * width, 0.0);
            let rows = slopes[start..].chunks_exact_mut(width);
            for (from, to) in narrow.chunks_exact(columns).zip(rows) {
                for (taps, g) in self.columns.iter().zip(from) {
                    let to = to[taps.first..].iter_mut();
                    to.zip(&taps.weights).for_each(|(to, w)| *to += w * g);
                }
            }
        }
        Ok(slopes)
    }
}

/// Where the middle of `side` begins in a length that is not less.
fn middle(length: usize, side: usize, crop: Crop) -> usize {
    let beyond = length.saturating_sub(side);
    match crop {
        Crop::OpenAi => (beyond as f64 / 2.0).round_ties_even() as usize,
        Crop::HuggingFace => beyond / 2,
    }
}

/// # Errors
/// [`Error::Refused`] where numbers are left over.
fn whole_planes<'a>(
    what: &str,
    numbers: &'a [f64],
    [height, width]: [usize; 2],
) -> Result<std::slice::ChunksExact<'a, f64>> {
    let planes = numbers.chunks_exact(height * width);
    if planes.remainder().is_empty() {
        return Ok(planes);
    }
    Err(Error::Refused(format!(
        "{what}: expected planes of {width}x{height} numbers, found {} numbers",
        numbers.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::super::tests::numbers;
    use super::*;

    const SIZES: [([usize; 2], [usize; 2]); 6] = [
        ([48, 48], [32, 32]),
        ([7, 9], [16, 11]),
        ([40, 16], [16, 16]),
        ([1, 5], [3, 1]),
        ([13, 1], [1, 4]),
        ([6, 6], [6, 6]),
    ];

    fn plane(count: usize, seed: u64) -> Vec<f64> {
        numbers(count, seed).into_iter().map(f64::from).collect()
    }

    fn product(a: &[f64], b: &[f64]) -> f64 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_way_back_is_the_adjoint() {
        for resampling in Resampling::ALL {
            for (from, to) in SIZES {
                let whole = Resize::new(resampling, from, to).unwrap();
                let middle = Resize::to_middle(resampling, from, 5, Crop::OpenAi).unwrap();
                for resize in [whole, middle] {
                    let area = resize.to()[0] * resize.to()[1];
                    let x = plane(3 * from[0] * from[1], 1);
                    let g = plane(3 * area, 2);
                    let forward = product(&resize.apply(&x).unwrap(), &g);
                    let back = product(&x, &resize.pull(&g).unwrap());
                    assert!((forward - back).abs() < 1e-11, "{resampling} {from:?}");
                }
            }
        }
    }

    #[test]
    fn flat_pictures_stay_and_equal_sizes_change_nothing() {
        for resampling in Resampling::ALL {
            for (from, to) in SIZES {
                let resize = Resize::new(resampling, from, to).unwrap();
                let flat = resize.apply(&vec![0.3; from[0] * from[1]]).unwrap();
                assert_eq!(flat.len(), to[0] * to[1]);
                assert!(flat.iter().all(|x| (x - 0.3).abs() < 1e-14), "{resampling} {from:?}");
            }
            let x = plane(2 * 36, 3);
            assert_eq!(Resize::new(resampling, [6, 6], [6, 6]).unwrap().apply(&x).unwrap(), x);
        }
    }

    #[test]
    fn neighbours_are_those_of_the_definitions() {
        let halved = |resampling| Resize::new(resampling, [1, 6], [1, 3]).unwrap();
        let step = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(halved(Resampling::Bilinear).apply(&step).unwrap(), [0.0, 0.5, 1.0]);
        // A triangle of four samples, 1 3 3 1 over 8, and at the ends 3 3 1 over 7.
        let found = halved(Resampling::BilinearAntialiased).apply(&step).unwrap();
        let expected = [0.0, 0.5, 1.0];
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-15), "{found:?}");
        let ramp = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let found = halved(Resampling::BilinearAntialiased).apply(&ramp).unwrap();
        let expected = [5.0 / 7.0, 2.5, 30.0 / 7.0];
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-14), "{found:?}");
        // Keys' cubic between four samples: −1 9 9 −1 over 16.
        let grown = Resize::new(Resampling::BicubicAntialiased, [1, 5], [1, 10]).unwrap();
        let found = grown.apply(&[0.0, 0.0, 0.0, 1.0, 1.0]).unwrap()[5];
        let quarter = |t: f64| (1.5 * t - 2.5) * t * t + 1.0;
        let far = |t: f64| -0.5 * (((t - 5.0) * t + 8.0) * t - 4.0);
        let expected =
            (quarter(0.75) + far(1.75)) / (quarter(0.75) + far(1.75) + quarter(0.25) + far(1.25));
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }

    #[test]
    fn every_other_sample_has_no_derivative_without_antialiasing() {
        let slopes = |resampling| {
            let resize = Resize::new(resampling, [1, 9], [1, 3]).unwrap();
            resize.pull(&[1.0; 3]).unwrap()
        };
        assert_eq!(slopes(Resampling::Bilinear), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        assert!(slopes(Resampling::BilinearAntialiased).iter().all(|&slope| slope > 0.0));
    }

    #[test]
    fn the_middle_is_clips() {
        // 4 × 7 to a side of 4: three columns beyond, half of which are rounded to the even number or down.
        let x: Vec<f64> = (0..28).map(|at| f64::from(at % 7)).collect();
        for (crop, first) in [(Crop::OpenAi, 2.0), (Crop::HuggingFace, 1.0)] {
            let resize = Resize::to_middle(Resampling::default(), [4, 7], 4, crop).unwrap();
            let found = resize.apply(&x).unwrap();
            assert_eq!(found[..4], [first, first + 1.0, first + 2.0, first + 3.0]);
            let slopes = resize.pull(&[1.0; 16]).unwrap();
            assert_eq!(slopes.iter().filter(|&&slope| slope == 0.0).count(), 12);
        }
        let tall = Resize::to_middle(Resampling::default(), [19, 8], 6, Crop::OpenAi).unwrap();
        assert_eq!((tall.from(), tall.to()), ([19, 8], [6, 6]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let resampling = Resampling::default();
        for (from, to) in [([0, 4], [2, 2]), ([4, 4], [2, 0]), ([4, LONGEST + 1], [2, 2])] {
            assert!(Resize::new(resampling, from, to).is_err());
        }
        assert!(Resize::to_middle(resampling, [0, 0], 4, Crop::OpenAi).is_err());
        assert!(Resize::to_middle(resampling, [1, LONGEST], 4, Crop::OpenAi).is_err());
        let resize = Resize::new(resampling, [4, 4], [2, 2]).unwrap();
        assert!(resize.apply(&[0.0; 17]).is_err() && resize.pull(&[0.0; 3]).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for resampling in Resampling::ALL {
            assert_eq!(resampling.to_string().parse::<Resampling>().unwrap(), resampling);
            assert_eq!(serde_json::to_string(&resampling).unwrap(), format!("\"{resampling}\""));
        }
        let message = "bicubic".parse::<Resampling>().unwrap_err().to_string();
        assert!(message.contains("bicubic-antialiased"), "{message}");
    }
}
