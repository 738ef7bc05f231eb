//! CW-SSIM, structural similarity of complex wavelet coefficients.
//!
//! Small shifts turn the phases of neighbouring coefficients alike and keep their relations, so the
//! index hardly moves. Per orientation of one level of a complex steerable pyramid, over 7×7
//! windows of coefficients c,
//!
//! S = (2|Σ c_x·c̄_y| + K) / (Σ|c_x|² + Σ|c_y|² + K), K = 0,
//!
//! averaged with a Gaussian around the centre of the band, then over the orientations. Where neither
//! picture has any coefficients, S = 1.
//!
//! Sources: Sampat, Wang, Gupta, Bovik, Markey, Complex Wavelet Structural Similarity: A New Image
//! Similarity Index, IEEE Transactions on Image Processing 18(11), 2009; pyramid: Portilla,
//! Simoncelli, International Journal of Computer Vision 40, 2000.
//!
//! Choices: integer BT.601 luma on 0…255, 4 levels of 8 orientations of which only the coarsest
//! enters, σ of the weights a quarter of the band's height on both axes. Constant factors of the
//! pyramid are left out, since they cancel with K = 0.
//!
//! Reproduces pyiqa 0.1.16 `cw_ssim` (`f32`) to 1e-6. Unrounded luma would move dark pictures by up
//! to 3e-3.
//!
//! Limits: the sign of coefficients does not count, so an inverted picture scores 1; with K = 0
//! faint noise on a flat ground counts as much as strong structure.

use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::ops::Range;

use lookalike_core::{ColourUse, Luma, MetricCard, Picture, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma};
use crate::filter::{Border, Taps, blur};
use crate::fourier::{Complex, ComplexPlane, Fourier, Spectrum};
use crate::plane::Plane;
use crate::registry::Definition;

const LEVELS: i32 = 4;
const ORIENTATIONS: usize = 8;
/// Side of the windows, in coefficients.
const WINDOW: usize = 7;

struct CwSsim;

impl ClosedForm for CwSsim {
    /// One band of coefficients per orientation.
    type Features = Vec<ComplexPlane>;

    fn features(&self, picture: &Picture) -> Result<Vec<ComplexPlane>, Reason> {
        Ok(coarsest_bands(&luma(picture, Luma::Y601Integer)))
    }

    fn compare(
        &self,
        reference: &Vec<ComplexPlane>,
        candidate: &Vec<ComplexPlane>,
        _want: Want,
    ) -> Result<Outcome, Reason> {
        let bands = reference.par_iter().zip(candidate);
        let indices: Vec<f64> = bands.map(|(r, c)| band_similarity(r, c)).collect();
        let mean = indices.iter().sum::<f64>() / indices.len() as f64;
        // |Σ c_x·c̄_y| ≤ (Σ|c_x|² + Σ|c_y|²)/2; only rounding can exceed it.
        Ok(Outcome::of(mean.min(1.0)))
    }
}

/// The weighted mean of S over one band.
fn band_similarity(reference: &ComplexPlane, candidate: &ComplexPlane) -> f64 {
    let (width, height) = (reference.width, reference.height);
    let window = Taps::centred(vec![1.0; WINDOW]);
    let window_sums = |value: fn(Complex<f64>, Complex<f64>) -> f64| {
        let pairs = reference.data.iter().zip(&candidate.data);
        let data = pairs.map(|(&r, &c)| value(r, c)).collect();
        blur(&Plane::new(width, height, data), &window, Border::Valid)
    };
    let cross_real = window_sums(|r, c| (r * c.conj()).re);
    let cross_imaginary = window_sums(|r, c| (r * c.conj()).im);
    let power =
        window_sums(|r, _| r.norm_sqr()).zip(&window_sums(|_, c| c.norm_sqr()), |r, c| r + c);
    let cross = cross_real.zip(&cross_imaginary, |x, y| (x * x + y * y).sqrt());
    let map = cross.zip(&power, |c, p| if p > 0.0 { 2.0 * c / p } else { 1.0 });
    let sigma = height as f64 / 4.0;
    let across = Taps::gaussian(map.width, sigma).weights;
    let down = Taps::gaussian(map.height, sigma).weights;
    let weights = Plane::from_fn(map.width, map.height, |x, y| across[x] * down[y]);
    map.zip(&weights, |s, w| s * w).sum() / weights.sum()
}

/// The middle of a picture's spectrum, the part that belongs to the coarsest level, column by column
/// with frequency 0 in its own middle.
struct InnerSpectrum {
    width: usize,
    height: usize,
    values: Vec<Complex<f64>>,
    /// Angle of every frequency.
    angles: Vec<f64>,
}

/// The bands of the coarsest level, one per orientation.
fn coarsest_bands(plane: &Plane) -> Vec<ComplexPlane> {
    let spectrum = InnerSpectrum::of(plane);
    let fourier = Fourier::new(spectrum.width, spectrum.height);
    (0..ORIENTATIONS)
        .into_par_iter()
        .map(|orientation| fourier.inverse(spectrum.oriented(orientation)))
        .collect()
}

/// What the levels leave of a frequency: every level keeps the lower half of the spectrum of the one
/// before, and the coarsest loses its own low-pass.
fn level_mask(octave: f64) -> f64 {
    let low: f64 = (0..LEVELS).map(|level| low_mask(octave, -level)).product();
    low * high_mask(octave, -LEVELS)
}

/// Rises from 0 to 1 over the octave that ends at `end`.
fn high_mask(octave: f64, end: i32) -> f64 {
    (FRAC_PI_2 * (octave - f64::from(end - 1)).clamp(0.0, 1.0)).sin()
}

/// What [`high_mask`] leaves: their squares sum to 1.
fn low_mask(octave: f64, end: i32) -> f64 {
    let high = high_mask(octave, end);
    (1.0 - high * high).max(0.0).sqrt()
}

impl InnerSpectrum {
    fn of(plane: &Plane) -> Self {
        let (across, down) = (CentredAxis::new(plane.width), CentredAxis::new(plane.height));
        let (width, height) = (across.kept.len(), down.kept.len());
        // The bands exclude frequency 0; without the offset flat pictures vanish exactly.
        let offset = plane.at(0, 0);
        let columns: Vec<usize> = across.kept.clone().map(|x| across.index(x)).collect();
        let spectrum =
            Fourier::new(plane.width, plane.height).forward_columns(plane, offset, &columns);
        let octave = |x: usize, y: usize| across.coordinate(x).hypot(down.coordinate(y)).log2();
        let mut values = Vec::with_capacity(width * height);
        let mut angles = Vec::with_capacity(width * height);
        for (column, x) in across.kept.clone().enumerate() {
            for y in down.kept.clone() {
                // The logarithm needs a radius in the middle; its left neighbour's is the smallest
                // there.
                let middle = (x, y) == (across.middle(), down.middle());
                let mask = level_mask(octave(if middle { x - 1 } else { x }, y));
                values.push(spectrum.data[column * spectrum.height + down.index(y)] * mask);
                angles.push(down.coordinate(y).atan2(across.coordinate(x)));
            }
        }
        Self { width, height, values, angles }
    }

    /// The part in one direction, in the order of the transform.
    fn oriented(&self, orientation: usize) -> Spectrum {
        let direction = PI * orientation as f64 / ORIENTATIONS as f64;
        let (width, height) = (self.width, self.height);
        let mut data = Vec::with_capacity(self.values.len());
        for x in 0..width {
            let column = (x + width / 2) % width * height;
            for y in 0..height {
                let i = column + (y + height / 2) % height;
                let mut angle = (self.angles[i] - direction).rem_euclid(TAU);
                if angle > PI {
                    angle -= TAU;
                }
                let mask = if angle.abs() < FRAC_PI_2 { angle.cos().powi(7) } else { 0.0 };
                data.push(self.values[i] * mask);
            }
        }
        Spectrum { height, data }
    }
}

/// An axis of a spectrum with frequency 0 in the middle.
struct CentredAxis {
    length: usize,
    /// The places that belong to the coarsest level.
    kept: Range<usize>,
}

impl CentredAxis {
    fn new(length: usize) -> Self {
        let mut kept = 0..length;
        for _ in 1..LEVELS {
            let (start, half) = inner_range(kept.len());
            kept = kept.start + start..kept.start + start + half;
        }
        Self { length, kept }
    }

    fn middle(&self) -> usize {
        self.length / 2
    }

    /// Where the transform puts the frequency at a place.
    fn index(&self, place: usize) -> usize {
        (place + self.length - self.middle()) % self.length
    }

    /// Frequency at a place, ±1 being the highest.
    fn coordinate(&self, place: usize) -> f64 {
        (place as f64 - self.middle() as f64) / (self.length as f64 / 2.0)
    }
}

/// First index and length of the lower half of the frequencies of an axis.
fn inner_range(length: usize) -> (usize, usize) {
    // ⌈(n + ½)/2⌉ and ⌈(n − ½)/2⌉ of the pyramid's authors, in whole numbers.
    let upper = |n: usize| n / 2 + 1;
    let half = length.div_ceil(2);
    (upper(length) - upper(half), half)
}

const CARD: MetricCard = MetricCard {
    id: "cw-ssim@pyiqa",
    default_profile: true,
    title: "Complex wavelet structural similarity",
    definition: "2|sum of x conj(y)| / sum of |x|^2 + |y|^2 over 7x7 windows of the coarsest of 4 levels, 8 orientations, integer luma, K = 0",
    source: "Sampat, Wang, Gupta, Bovik, Markey, IEEE TIP 18(11), 2009",
    reproduces: "pyiqa 0.1.16, 1e-6",
    minimum_side: 64,
    when_smaller: "use ssim",
    colour: ColourUse::Luma,
    blind_to: &["inversion (1.0)", "shifts of a few pixels", "fine detail", "chroma"],
    notes: &["luma is rounded to integers; without rounding dark pictures change by up to 3e-3"],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &CARD, build: |id, card| Ok(Registered::boxed(id, card, CwSsim)) }];

#[cfg(test)]
mod tests {
    use lookalike_core::{Channels, Error};

    use super::*;
    use crate::test_pictures::value;

    fn texture(width: usize, height: usize, step: usize) -> Picture {
        let codes = (0..width * height).map(|i| (i * i / 7 * step % 251) as u8).collect();
        Picture::from_u8(width, height, Channels::Grey, codes).unwrap()
    }

    #[test]
    fn equal_is_exactly_one_and_the_order_does_not_matter() {
        for (width, height) in [(64, 64), (65, 70), (101, 67)] {
            let (a, b) = (texture(width, height, 7), texture(width, height, 5));
            assert_eq!(value("cw-ssim", &a, &a), 1.0);
            assert_eq!(value("cw-ssim", &a, &b), value("cw-ssim", &b, &a));
            assert!((0.0..0.99).contains(&value("cw-ssim", &a, &b)), "{width}x{height}");
        }
    }

    #[test]
    fn flat_pictures_are_equal_to_each_other_and_unlike_structure() {
        let flat = |level| Picture::from_u8(64, 64, Channels::Grey, vec![level; 4096]).unwrap();
        assert_eq!(value("cw-ssim", &flat(0), &flat(0)), 1.0);
        assert_eq!(value("cw-ssim", &flat(3), &flat(255)), 1.0);
        assert_eq!(value("cw-ssim", &flat(3), &texture(64, 64, 7)), 0.0);
    }

    #[test]
    fn the_sign_of_contrast_does_not_count() {
        let negative = |picture: &Picture| {
            let codes = picture.plane(0, 255.0).into_iter().map(|v| 255 - v as u8).collect();
            Picture::from_u8(64, 80, Channels::Grey, codes).unwrap()
        };
        let a = texture(64, 80, 7);
        assert!((value("cw-ssim", &a, &negative(&a)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_middle_of_a_spectrum_stays_in_the_middle() {
        for length in [64, 65, 81, 161, 512] {
            let (start, half) = inner_range(length);
            assert_eq!(half, length.div_ceil(2));
            assert_eq!(length / 2 - start, half / 2, "{length}");
        }
    }

    #[test]
    fn masks_share_the_energy() {
        for octave in [-9.0, -4.7, -4.2, 0.3] {
            let sum = high_mask(octave, -4).powi(2) + low_mask(octave, -4).powi(2);
            assert!((sum - 1.0).abs() < 1e-12);
        }
        assert_eq!((high_mask(-5.0, -4), high_mask(-4.0, -4)), (0.0, 1.0));
    }

    #[test]
    fn sixty_three_pixels_are_too_few() {
        let small = texture(63, 80, 3);
        let metric = crate::metric("cw-ssim").unwrap();
        let error = metric.compare(&small, &small, Want::default()).unwrap_err();
        assert!(matches!(error, Error::TooSmall { minimum: 64, width: 63, .. }), "{error}");
    }
}
