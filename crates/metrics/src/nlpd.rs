//! Normalised Laplacian pyramid distance.
//!
//! Luma on 0…1 becomes a Laplacian pyramid of six bands: five differences J − expand(reduce(J)) and
//! the last low-pass. Each band b is divided by the local amplitude around it,
//!
//! * z_k = b_k / (σ_k + P_k ∗ |b_k|),
//! * value = mean over k = 1…6 of sqrt(mean (z_k of the reference − z_k of the candidate)²).
//!
//! Source: Laparra, Ballé, Berardino, Simoncelli, "Perceptual image quality assessment using a
//! normalized Laplacian pyramid", Human Vision and Electronic Imaging 2016, with the constants σ_k
//! and the 3×3 kernels P_k fitted there.
//!
//! Our choices, as in the authors' code: the pyramid's filter is the outer product of
//! (.05, .25, .4, .25, .05); reduce mirrors behind the edge sample and keeps ceil(n/2) samples;
//! expand repeats the edge sample; P ∗ is a true convolution with zeros beyond the border. Input is
//! display-coded luma_scaled, not luminance.
//!
//! Reproduces: pyiqa 0.1.16 `nlpd` (f32) to 1e-6.
//!
//! Limits: blind to chroma. The distance has no upper end.

use lookalike_core::{ColourUse, Direction, Luma, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma_scaled};
use crate::filter::{Border, Margins, Taps, blur, blur_decimated, correlate_3x3, pad};
use crate::plane::Plane;
use crate::registry::Definition;

/// One axis of the pyramid's filter.
const LOW_PASS: [f64; 5] = [0.05, 0.25, 0.4, 0.25, 0.05];

/// How a band is normalised.
struct Normalisation {
    /// σ_k.
    offset: f64,
    /// The entries of P_k above, left, right of and below its centre; the others are 0.
    up: f64,
    left: f64,
    right: f64,
    down: f64,
}

const fn normalisation(offset: f64, [up, left, right, down]: [f64; 4]) -> Normalisation {
    Normalisation { offset, up, left, right, down }
}

const BANDS: [Normalisation; 6] = [
    normalisation(0.0248, [0.1011, 0.1493, 0.1460, 0.1015]),
    normalisation(0.0185, [0.0757, 0.1986, 0.1846, 0.0837]),
    normalisation(0.0179, [0.0477, 0.2138, 0.2243, 0.0467]),
    normalisation(0.0191, [0.0, 0.2503, 0.2616, 0.0]),
    normalisation(0.0220, [0.0, 0.2598, 0.2552, 0.0]),
    normalisation(0.2782, [0.0, 0.2215, 0.0717, 0.0]),
];

struct Nlpd;

impl ClosedForm for Nlpd {
    /// Normalised bands, finest first.
    type Features = Vec<Plane>;

    fn features(&self, picture: &Picture) -> Result<Vec<Plane>, Reason> {
        let bands = laplacian_pyramid(luma_scaled(picture, Luma::Y601, |y| y / 255.0));
        Ok(bands.iter().zip(&BANDS).map(|(band, by)| by.divide(band)).collect())
    }

    fn compare(
        &self,
        reference: &Vec<Plane>,
        candidate: &Vec<Plane>,
        _want: Want,
    ) -> Result<Outcome, Reason> {
        let (mut outcome, mut sum) = (Outcome::default(), 0.0);
        for (band, (r, c)) in reference.iter().zip(candidate).enumerate() {
            let distance = r.zip(c, |r, c| (r - c).powi(2)).mean().sqrt();
            outcome = outcome.with_part(format!("band_{}", band + 1), distance);
            sum += distance;
        }
        outcome.value = sum / BANDS.len() as f64;
        Ok(outcome)
    }
}

impl Normalisation {
    fn divide(&self, band: &Plane) -> Plane {
        // A convolution is a correlation with the kernel turned by half a circle.
        let turned = [[0.0, self.down, 0.0], [self.right, 0.0, self.left], [0.0, self.up, 0.0]];
        let amplitude = correlate_3x3(&band.map(f64::abs), &turned);
        band.zip(&amplitude, |b, a| b / (self.offset + a))
    }
}

/// Five differences and the low-pass that is left.
fn laplacian_pyramid(mut plane: Plane) -> Vec<Plane> {
    let taps = Taps::centred(LOW_PASS.to_vec());
    let mut bands = Vec::with_capacity(BANDS.len());
    for _ in 1..BANDS.len() {
        let reduced = blur_decimated(&plane, &taps, Border::Symmetric, 2);
        let expanded = expand(&reduced, &taps, plane.width, plane.height);
        bands.push(plane.zip(&expanded, |fine, coarse| fine - coarse));
        plane = reduced;
    }
    bands.push(plane);
    bands
}

/// Doubles a plane: one repeated sample around it, zeros between samples, four times the filter.
fn expand(plane: &Plane, taps: &Taps, width: usize, height: usize) -> Plane {
    let around = pad(plane, Margins::all(1), Border::Replicate);
    let mut sparse = Plane::zeros(2 * around.width, 2 * around.height);
    for y in 0..around.height {
        let row = &mut sparse.data[2 * y * 2 * around.width..][..2 * around.width];
        for (pair, &sample) in row.chunks_exact_mut(2).zip(around.row(y)) {
            pair[0] = 4.0 * sample;
        }
    }
    blur(&sparse, taps, Border::Zero).crop(2, 2, width, height)
}

const NLPD: MetricCard = MetricCard {
    id: "nlpd",
    default_profile: true,
    title: "Normalised Laplacian pyramid distance",
    definition: "mean over six bands of the root mean squared difference of Laplacian bands of luma 0..1, each divided by its local amplitude",
    source: "Laparra, Balle, Berardino, Simoncelli: Perceptual image quality assessment using a normalized Laplacian pyramid, HVEI 2016",
    reproduces: "pyiqa 0.1.16 nlpd (f32), 1e-6",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: 0.0,
    // Five halvings leave one sample.
    minimum_side: 32,
    when_smaller: "use gmsd",
    colour: ColourUse::Luma,
    blind_to: &["chroma"],
    notes: &["reads display-coded luma; later work of the authors starts from luminance instead"],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &NLPD, build: |id, card| Ok(Registered::boxed(id, card, Nlpd)) }];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, flat, textured, value};
    use lookalike_core::Channels;

    #[test]
    fn card_holds() {
        check_card("nlpd");
    }

    #[test]
    fn pyramids_of_flat_planes_hold_nothing_but_the_low_pass() {
        for (width, height) in [(32, 32), (33, 47), (70, 35)] {
            let bands = laplacian_pyramid(Plane::from_fn(width, height, |_, _| 0.5));
            let sizes: Vec<usize> = bands.iter().map(|band| band.width).collect();
            assert_eq!(sizes[..3], [width, width.div_ceil(2), width.div_ceil(4)]);
            for band in &bands[..5] {
                assert!(band.data.iter().all(|b| b.abs() < 1e-15));
            }
            assert!(bands[5].data.iter().all(|b| (b - 0.5).abs() < 1e-15));
        }
    }

    #[test]
    fn flat_pictures_differ_in_the_low_pass_alone() {
        // One sample is left, so its kernel meets only zeros: z = b/σ.
        let (dark, light) = (flat(32, 32, [51; 3]), flat(32, 32, [204; 3]));
        let expected = (0.8 - 0.2) / BANDS[5].offset / 6.0;
        assert!((value("nlpd", &dark, &light) - expected).abs() < 1e-12);
    }

    #[test]
    fn kernels_are_convolved_not_correlated() {
        let point = Plane::from_fn(5, 5, |x, y| if (x, y) == (2, 2) { 1.0 } else { 1e-3 });
        let normalised = BANDS[0].divide(&point);
        let beside = |x, y| 1e-3 / normalised.at(x, y) - BANDS[0].offset;
        let others = |own: f64| 1e-3 * (0.1011 + 0.1493 + 0.1460 + 0.1015 - own);
        // The sample above the point sees it through the entry above the centre.
        assert!((beside(2, 1) - (0.1011 + others(0.1011))).abs() < 1e-12);
        assert!((beside(1, 2) - (0.1493 + others(0.1493))).abs() < 1e-12);
    }

    #[test]
    fn small_differences_are_small() {
        let reference = textured(40, 37, Channels::Rgb, 1);
        let near = crate::test_pictures::noisy(&reference, 2.0, 2);
        let far = crate::test_pictures::noisy(&reference, 20.0, 2);
        assert!(value("nlpd", &reference, &near) < 0.5 * value("nlpd", &reference, &far));
    }
}
