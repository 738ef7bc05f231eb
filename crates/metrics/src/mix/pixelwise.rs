//! The loss of Zhao et al. 2017 as its authors train with it: MS-SSIM without a pyramid.
//!
//! In place of smaller pictures there are wider windows: at every pixel and channel, with
//! Gaussians of σ = .5, 1, 2, 4, 8,
//!
//! loss = α·(1 − l_8·Π_σ cs_σ) + β·(G_8 ∗ |x − y|),
//!
//! averaged over pixels and channels. Windows have 33×33 taps (±2·8), C = (.01², .03²), samples in
//! 0…1, zeros beyond the border. The product has no fractional powers, so negative factors are
//! kept.
//!
//! Profiles: `mix-zhao` with the paper's α = .84, β = .16; `mix-zhao@kornia` with the .025 and .975
//! of the authors' published code, times 200. Zeros beyond the border bias a band of 16 pixels;
//! `+border=valid` leaves it out.
//!
//! `mix-zhao@kornia` reproduces kornia 0.9.0 `MS_SSIMLoss` to 1e-6 (f32). Ports that lay out the
//! fifteen masks as r, g, b, r, … for a grouped convolution give red only the narrow windows and
//! blue only the wide ones; that is not reproduced.
//!
//! Gradient: closed form, three adjoint filters per σ, with sign(0) = 0; exactly 0 at equality.

use lookalike_core::{
    Direction, DisplayScale, Error, MetricCard, MetricId, Picture, Result, ValueRange, Want,
};
use rayon::prelude::*;

use super::sign;
use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, channels, score_map};
use crate::filter::{Border, Taps};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::row_filter::RowFilter;
use crate::samples::CHANNEL_NAMES;
use crate::ssim::{Constants, Dissimilarity, Moments, Weights, Window, mean, pull_back};

/// Standard deviations of the windows in pixels.
pub const SIGMAS: [f64; 5] = [0.5, 1.0, 2.0, 4.0, 8.0];

/// Taps per axis of every window.
pub const WINDOW_LENGTH: usize = 33;

/// The loss of one channel.
#[derive(Clone, Debug)]
pub struct PixelwiseMix {
    /// Factor of the structural term.
    structure: f64,
    /// Factor of the smoothed absolute error.
    error: f64,
    /// One per σ, the widest last.
    windows: Vec<Window>,
}

impl PixelwiseMix {
    /// α = .84 and β = .16, as in the paper.
    ///
    /// `border` is [`Border::Zero`] as published, or [`Border::Valid`] to leave out pixels whose
    /// window reaches beyond the picture.
    pub fn zhao(border: Border) -> Self {
        Self::with_factors(super::ALPHA, 1.0 - super::ALPHA, border)
    }

    /// 200·(.025, .975), as in kornia.
    pub fn kornia(border: Border) -> Self {
        Self::with_factors(200.0 * 0.025, 200.0 * 0.975, border)
    }

    fn with_factors(structure: f64, error: f64, border: Border) -> Self {
        let window = |sigma| Window::gaussian_of(WINDOW_LENGTH, sigma).with_border(border);
        Self { structure, error, windows: SIGMAS.map(window).to_vec() }
    }

    /// Shortest side: 1 with zeros beyond the border, [`WINDOW_LENGTH`] with valid positions.
    pub fn minimum_side(&self) -> usize {
        self.widest().map_or(1, Window::minimum_side)
    }

    fn widest(&self) -> Option<&Window> {
        self.windows.last()
    }

    /// The loss at every position of two planes of one shape.
    pub fn map(&self, reference: &Plane, candidate: &Plane) -> Plane {
        let Some(widest) = self.widest() else { return Plane::zeros(0, 0) };
        let size = (reference.width, reference.height);
        let mut similarity: Option<Plane> = None;
        for (index, sigma) in SIGMAS.into_iter().enumerate() {
            let taps = Taps::gaussian(WINDOW_LENGTH, sigma);
            let is_widest = index + 1 == SIGMAS.len();
            let before = similarity.take();
            let [product] = RowFilter::new(size, &taps, &taps, widest.border()).run(
                #[inline(always)]
                |y, rows| read_sum_and_difference(reference.row(y), candidate.row(y), rows),
                #[inline(always)]
                |y, means, [to]| {
                    match &before {
                        Some(product) => to.copy_from_slice(product.row(y)),
                        None => to.fill(1.0),
                    }
                    multiply_by_similarity(to, means, is_widest);
                },
            );
            similarity = Some(product);
        }
        let Some(similarity) = similarity else { return Plane::zeros(0, 0) };
        let error = widest.filter(&reference.zip(candidate, |x, y| (y - x).abs()));
        similarity.zip(&error, |s, e| self.structure * (1.0 - s) + self.error * e)
    }

    /// The mean of the loss and its derivative with respect to every sample of the candidate;
    /// `None` for borders other than zero and valid.
    pub fn value_and_gradient(&self, reference: &Plane, candidate: &Plane) -> Option<(f64, Plane)> {
        let widest = self.widest()?;
        let scales: Vec<(Moments, Dissimilarity)> = self
            .windows
            .par_iter()
            .map(|window| {
                let moments = Moments::of(reference, candidate, window);
                let maps = moments.dissimilarity(Constants::WANG);
                (moments, maps)
            })
            .collect();
        let difference = reference.zip(candidate, |x, y| y - x);
        let error = widest.filter(&difference.map(f64::abs));
        let positions = error.data.len();
        let share = self.structure / positions as f64;

        // The factors of a position, cs of every σ and then l, each replaced by the product of the
        // others: what a change of it is multiplied by.
        let mut others = vec![Plane::zeros(error.width, error.height); self.windows.len() + 1];
        let mut loss = error;
        let mut factors = vec![0.0; others.len()];
        for i in 0..positions {
            for (factor, (_, maps)) in factors.iter_mut().zip(&scales) {
                *factor = 1.0 - maps.structure.data[i];
            }
            if let (Some(last), Some((_, maps))) = (factors.last_mut(), scales.last()) {
                *last = 1.0 - maps.luminance.data[i];
            }
            let mut before = 1.0;
            for (plane, factor) in others.iter_mut().zip(&factors) {
                plane.data[i] = before;
                before *= factor;
            }
            loss.data[i] = self.structure * (1.0 - before) + self.error * loss.data[i];
            let mut after = -share;
            for (plane, factor) in others.iter_mut().zip(&factors).rev() {
                plane.data[i] *= after;
                after *= factor;
            }
        }

        let mut luminance = others.pop();
        let mut sum = widest.adjoint(&loss.map(|_| self.error / positions as f64))?;
        for (g, d) in sum.data.iter_mut().zip(&difference.data) {
            *g *= sign(*d);
        }
        let scales = self.windows.iter().zip(&scales).zip(others);
        for ((window, (moments, _)), structure) in scales.rev() {
            // l belongs to the widest window alone, which comes first here.
            let weights = Weights { luminance: luminance.take(), structure };
            let pair = (reference, candidate);
            let gradient = pull_back(pair, moments, window, Constants::WANG, &weights)?;
            sum = sum.zip(&gradient, |a, b| a + b);
        }
        Some((loss.mean(), sum))
    }
}

/// Rows of s = x + y, d = y − x, s² and d².
type SumAndDifference = [Vec<f64>; 4];

#[inline(always)]
fn read_sum_and_difference(x: &[f64], y: &[f64], rows: &mut SumAndDifference) {
    let [sums, differences, sum_squares, difference_squares] = rows;
    let to = sums.iter_mut().zip(differences).zip(sum_squares.iter_mut().zip(difference_squares));
    for (((sum, difference), (ss, dd)), (x, y)) in to.zip(x.iter().zip(y)) {
        (*sum, *difference) = (x + y, y - x);
        (*ss, *dd) = (*sum * *sum, *difference * *difference);
    }
}

/// Multiplies by cs, or by l·cs, as [`Moments`] and [`Dissimilarity`] have them for whole planes.
#[inline(always)]
fn multiply_by_similarity(to: &mut [f64], means: &SumAndDifference, with_luminance: bool) {
    let Constants { c1, c2 } = Constants::WANG;
    let [s, d, ss, dd] = means;
    let means = s.iter().zip(d).zip(ss.iter().zip(dd));
    for (to, ((&s, &d), (&ss, &dd))) in to.iter_mut().zip(means) {
        let (variance_s, variance_d) = ((ss - s * s).max(0.0), (dd - d * d).max(0.0));
        let structure = 2.0 * variance_d / (variance_s + variance_d + 2.0 * c2);
        let luminance = 2.0 * d * d / (s * s + d * d + 2.0 * c1);
        let combined = luminance + structure - luminance * structure;
        *to *= 1.0 - if with_luminance { combined } else { structure };
    }
}

impl ClosedForm for PixelwiseMix {
    /// The channels on 0…1.
    type Features = Vec<Plane>;

    fn features(&self, picture: &Picture) -> Result<Vec<Plane>, Reason> {
        Ok(channels(picture, 1.0))
    }

    fn compare(
        &self,
        reference: &Vec<Plane>,
        candidate: &Vec<Plane>,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let maps: Vec<Plane> =
            reference.iter().zip(candidate).map(|(x, y)| self.map(x, y)).collect();
        let values: Vec<f64> = maps.iter().map(Plane::mean).collect();
        let mut outcome = Outcome::of(mean(&values));
        if values.len() == CHANNEL_NAMES.len() {
            for (name, value) in CHANNEL_NAMES.into_iter().zip(&values) {
                outcome = outcome.with_part(name, *value);
            }
        }
        Ok(outcome.with_map(want.map.then(|| {
            let count = maps.len() as f64;
            let average = Plane::from_fn(maps[0].width, maps[0].height, |x, y| {
                maps.iter().map(|map| map.at(x, y)).sum::<f64>() / count
            });
            let inset = self.widest().map_or(0, Window::inset);
            score_map(&average, inset, inset, 1)
        })))
    }

    fn gradient(
        &self,
        reference: &Vec<Plane>,
        candidate: &Vec<Plane>,
    ) -> Option<(f64, Vec<Plane>)> {
        let answers: Option<Vec<(f64, Plane)>> =
            reference.iter().zip(candidate).map(|(x, y)| self.value_and_gradient(x, y)).collect();
        let (values, gradients): (Vec<f64>, Vec<Plane>) = answers?.into_iter().unzip();
        let count = values.len() as f64;
        let gradients = gradients.into_iter().map(|plane| plane.map(|v| v / count)).collect();
        Some((mean(&values), gradients))
    }

    fn minimum_side(&self, _card: &MetricCard) -> usize {
        self.minimum_side()
    }
}

const ZHAO_CARD: MetricCard = MetricCard {
    id: "mix-zhao",
    default_profile: true,
    title: "MS-SSIM and L1 at every pixel",
    definition: "mean of .84 (1 - l_8 prod cs_s) + .16 G_8*|x - y|, 33x33 Gaussians of sigma .5, \
                 1, 2, 4, 8, zeros beyond the border",
    source: "Zhao, Gallo, Frosio, Kautz 2017",
    reproduces: "an independent f64 implementation of the formula, 1e-9",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 1.84 },
    equal: 0.0,
    when_smaller: "leave out +border=valid",
    map: Some(DisplayScale { same: 0.0, different: 1.0 }),
    gradient: true,
    options: &[("border", "zero (default), or valid: leave out 16 pixels on every side")],
    blind_to: &["distortions above the scale of its widest window, but for their L1"],
    notes: &[
        "zeros beyond the border bias a band of 16 pixels",
        "the authors' published code weighs .025 and .975; some ports mix up the windows of the \
         channels",
    ],
    ..MetricCard::BASE
};

const KORNIA_CARD: MetricCard = MetricCard {
    id: "mix-zhao@kornia",
    default_profile: false,
    definition: "200 times mix-zhao with .025 and .975",
    reproduces: "kornia 0.9.0 MS_SSIMLoss, 1e-6 (f32)",
    range: ValueRange { low: 0.0, high: 205.0 },
    map: Some(DisplayScale { same: 0.0, different: 40.0 }),
    notes: &["the factor 200 matters to learning rates that are carried over"],
    ..ZHAO_CARD
};

pub(super) const ZHAO: Definition = Definition {
    card: &ZHAO_CARD,
    build: |id, card| {
        let formula = PixelwiseMix::zhao(border_option(&id)?);
        Ok(Registered::boxed(id, card, formula))
    },
};

pub(super) const KORNIA: Definition = Definition {
    card: &KORNIA_CARD,
    build: |id, card| {
        let formula = PixelwiseMix::kornia(border_option(&id)?);
        Ok(Registered::boxed(id, card, formula))
    },
};

fn border_option(id: &MetricId) -> Result<Border> {
    match id.option("border") {
        None | Some("zero") => Ok(Border::Zero),
        Some("valid") => Ok(Border::Valid),
        Some(other) => Err(Error::InvalidOption {
            id: id.to_string(),
            reason: format!("border takes zero or valid, found '{other}'"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use lookalike_core::Channels;

    fn planes(width: usize, height: usize) -> (Plane, Plane) {
        let x = Plane::from_fn(width, height, |x, y| ((x * 7 + y * 13) % 11) as f64 / 11.0);
        let y = Plane::from_fn(width, height, |x, y| ((x * 5 + y * 3) % 13) as f64 / 13.0);
        (x, y)
    }

    #[test]
    fn value_and_gradient_agree_with_the_map() {
        for (definition, width, height) in [
            (PixelwiseMix::zhao(Border::Zero), 7, 5),
            (PixelwiseMix::kornia(Border::Zero), 1, 4),
            (PixelwiseMix::zhao(Border::Valid), 34, 33),
        ] {
            let (x, y) = planes(width, height);
            let (value, gradient) = definition.value_and_gradient(&x, &y).unwrap();
            assert_eq!(value, definition.map(&x, &y).mean());
            let step = 1e-6;
            for i in (0..y.data.len()).step_by(5) {
                let (mut above, mut below) = (y.clone(), y.clone());
                above.data[i] += step;
                below.data[i] -= step;
                let slope = (definition.map(&x, &above).mean() - definition.map(&x, &below).mean())
                    / (2.0 * step);
                let error = (slope - gradient.data[i]).abs();
                assert!(error < 1e-6 * gradient.data[i].abs().max(0.01), "{i}: {error}");
            }
        }
    }

    #[test]
    fn flat_pictures_differ_by_luminance_and_error() {
        let flat = |level| Plane::new(40, 40, vec![level; 1600]);
        let definition = PixelwiseMix::zhao(Border::Valid);
        let value = |a, b| definition.map(&flat(a), &flat(b)).mean();
        for level in [0.0, 0.5, 1.0] {
            assert_eq!(value(level, level), 0.0);
        }
        let expected = 0.84 * (1.0 - 1e-4 / (1.0 + 1e-4)) + 0.16;
        assert!((value(0.0, 1.0) - expected).abs() < 1e-9, "{}", value(0.0, 1.0));
    }

    #[test]
    fn the_border_option_decides_the_size() {
        let picture = Picture::from_u8(32, 40, Channels::Grey, vec![7; 32 * 40]).unwrap();
        let refused =
            metric("mix-zhao+border=valid").unwrap().compare(&picture, &picture, Want::default());
        assert!(matches!(refused, Err(Error::TooSmall { minimum: 33, .. })));
        assert!(matches!(metric("mix-zhao+border=reflect"), Err(Error::InvalidOption { .. })));
        let score = metric("mix-zhao").unwrap().compare(&picture, &picture, Want { map: true });
        let map = score.unwrap().map.unwrap();
        assert_eq!((map.width, map.height, map.left), (32, 40, 0));
    }
}
