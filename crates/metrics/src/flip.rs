//! ꟻLIP, the difference seen when two rendered pictures alternate, for pictures of low dynamic
//! range.
//!
//! Per pixel ΔE = ΔE_c^(1 − ΔE_f), in 0…1:
//!
//! * Colour ΔE_c: the pictures are filtered in the opponent space YCxCz by the contrast sensitivity
//!   of the eye at a given number of pixels per degree, brought back to linear RGB and clamped to
//!   0…1. Hunt-adjusted CIELAB colours are compared by the distance HyAB to the power .7; with c
//!   the same number between green and blue, errors 0….4c are spread over 0….95, the rest over
//!   .95…1.
//! * Features ΔE_f = √(max(|Δedges|, |Δpoints|)/√2) from first and second derivatives of Gaussians
//!   on the unfiltered achromatic channel, σ = .5·.082·ppd.
//!
//! The value is the mean of the map.
//!
//! Source: Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström, Fairchild, FLIP: A Difference
//! Evaluator for Alternating Images, Proceedings of the ACM on Computer Graphics and Interactive
//! Techniques 3(2), 2020.
//!
//! Choices: `+ppd=` sets the pixels per degree; the default is the tool's .7 m away from a screen
//! .7 m and 3840 pixels wide, 67.02. The edge sample is repeated beyond the border.
//!
//! Reproduces the map of the crate nv-flip 0.1.2, averaged in f64, to 3e-5, and flip-evaluator 1.7 to
//! 1e-6 on small pictures. The means that both tools print themselves drift from the mean of their
//! own maps as pictures and differences grow: by 3e-6 at 512×512 and ordinary quality, by 1e-4 on
//! an inverted or much brighter picture.
//!
//! Limits: the mean hides small strong errors, see the parts `p95` and `max`.

use std::f64::consts::SQRT_2;

use lookalike_core::{
    ColourUse, Direction, DisplayScale, Error, MetricCard, MetricId, Picture, ValueRange, Want,
};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, score_map};
use crate::colour_space::{Lab, inverse, srgb_decode, transform};
use crate::filter::{Border, Taps, blur, separable};
use crate::pixels::{colour_differences, planes_of, recoloured};
use crate::plane::Plane;
use crate::pooling::upper_parts;
use crate::registry::Definition;

/// Linear sRGB to X, Y, Z, from the primaries as exact fractions.
const XYZ: [[f64; 3]; 3] = [
    [10_135_552.0 / 24_577_794.0, 8_788_810.0 / 24_577_794.0, 4_435_075.0 / 24_577_794.0],
    [2_613_072.0 / 12_288_897.0, 8_788_810.0 / 12_288_897.0, 887_015.0 / 12_288_897.0],
    [1_425_312.0 / 73_733_382.0, 8_788_810.0 / 73_733_382.0, 70_074_185.0 / 73_733_382.0],
];

/// Exponent of HyAB distances.
const COLOUR_EXPONENT: f64 = 0.7;

/// Share of the largest colour error that is spread over the range up to [`KNEE_HEIGHT`].
const KNEE: f64 = 0.4;

/// Where the colour error arrives at the knee.
const KNEE_HEIGHT: f64 = 0.95;

/// Width of a feature in degrees of visual angle.
const FEATURE_WIDTH: f64 = 0.082;

struct Flip {
    pixels_per_degree: f64,
}

/// What a picture contributes.
struct Features {
    /// Hunt-adjusted CIELAB of the picture as the eye resolves it.
    colours: [Plane; 3],
    /// Strength of edges on the achromatic channel.
    edges: Plane,
    /// Strength of points on the achromatic channel.
    points: Plane,
}

impl ClosedForm for Flip {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let opponent = opponent_planes(picture);
        let achromatic = opponent[0].map(|y| (y + 16.0) / 116.0);
        let edges = self.feature_strength(&achromatic, |x, _| -x);
        let points = self.feature_strength(&achromatic, |x, sigma| (x / sigma).powi(2) - 1.0);
        drop(achromatic);
        let colours = self.seen_colours(opponent);
        Ok(Features { colours, edges, points })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let largest = largest_colour_error();
        let features = {
            let edges = reference.edges.zip(&candidate.edges, |r, c| (r - c).abs());
            let points = reference.points.zip(&candidate.points, |r, c| (r - c).abs());
            edges.zip(&points, |edge, point| (edge.max(point) / SQRT_2).sqrt())
        };
        let distances = colour_differences(&reference.colours, &candidate.colours, hyab);
        let map = distances.zip(&features, |distance, feature| {
            spread(distance.powf(COLOUR_EXPONENT), largest).powf(1.0 - feature)
        });
        let shown = want.map.then(|| score_map(&map, 0, 0, 1));
        Ok(Outcome { value: map.mean(), parts: upper_parts(&map), map: shown })
    }
}

impl Flip {
    /// The colours left after filtering with the eye's contrast sensitivity.
    fn seen_colours(&self, [y, cx, cz]: [Plane; 3]) -> [Plane; 3] {
        // Per channel, the Gaussians a·√(π/b)·exp(−π² r²/b) with r in degrees.
        let y = self.filtered(y, &[(1.0, 0.0047)]);
        let cx = self.filtered(cx, &[(1.0, 0.0053)]);
        let cz = self.filtered(cz, &[(34.1, 0.04), (13.5, 0.025)]);
        let (white, to_rgb, lab) = (white(), inverse(&XYZ), lab());
        recoloured(
            [y, cx, cz],
            #[inline(always)]
            |[y, cx, cz]| {
                let y = (y + 16.0) / 116.0;
                let relative = [y + cx / 500.0, y, y - cz / 200.0];
                let xyz = [relative[0] * white[0], relative[1] * white[1], relative[2] * white[2]];
                let [r, g, b] = transform(&to_rgb, xyz);
                let rgb = [r.clamp(0.0, 1.0), g.clamp(0.0, 1.0), b.clamp(0.0, 1.0)];
                hunt_adjusted(lab.of_xyz(transform(&XYZ, rgb)))
            },
        )
    }

    /// A channel under a sum of two-dimensional Gaussians (a, b), normalised as a whole; each
    /// Gaussian is separable, their sum is not.
    fn filtered(&self, plane: Plane, gaussians: &[(f64, f64)]) -> Plane {
        let widest: f64 = 0.04;
        let deviation = (widest / (2.0 * std::f64::consts::PI.powi(2))).sqrt();
        let radius = (3.0 * deviation * self.pixels_per_degree).ceil();
        let terms: Vec<(f64, Taps)> = gaussians
            .iter()
            .map(|&(a, b)| {
                let bell = |x: f64| {
                    let degrees = x / self.pixels_per_degree;
                    (-std::f64::consts::PI.powi(2) * degrees * degrees / b).exp()
                };
                let weights: Vec<f64> = positions(radius).map(bell).collect();
                let sum: f64 = weights.iter().sum();
                let share = a * (std::f64::consts::PI / b).sqrt() * sum * sum;
                (share, Taps::centred(weights.into_iter().map(|w| w / sum).collect()))
            })
            .collect();
        let total: f64 = terms.iter().map(|(share, _)| share).sum();
        let filtered = terms.iter().map(|(share, taps)| {
            let weight = share / total;
            (weight, blur(&plane, taps, Border::Replicate))
        });
        let sum = filtered
            .reduce(|(first, a), (second, b)| (1.0, a.zip(&b, |a, b| first * a + second * b)));
        sum.map_or_else(|| plane.clone(), |(_, sum)| sum)
    }

    /// Length of the responses to a detector along rows and along columns. The detector is
    /// `profile(x, σ)` times a Gaussian; its positive and its negative part each sum to 1.
    fn feature_strength(&self, plane: &Plane, profile: fn(f64, f64) -> f64) -> Plane {
        let sigma = 0.5 * FEATURE_WIDTH * self.pixels_per_degree;
        let radius = (3.0 * sigma).ceil();
        let bell = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
        let detector: Vec<f64> = positions(radius).map(|x| profile(x, sigma) * bell(x)).collect();
        let part = |sign: f64| detector.iter().map(|w| (sign * w).max(0.0)).sum::<f64>();
        let (positive, negative) = (part(1.0), part(-1.0));
        let balanced = |w: &f64| if *w > 0.0 { w / positive } else { w / negative };
        let detector = Taps::centred(detector.iter().map(balanced).collect());
        let smoothing = Taps::gaussian(2 * radius as usize + 1, sigma);
        let across = separable(plane, &detector, &smoothing, Border::Replicate);
        let down = separable(plane, &smoothing, &detector, Border::Replicate);
        across.zip(&down, |x, y| (x * x + y * y).sqrt())
    }
}

/// The whole numbers from −radius to radius.
fn positions(radius: f64) -> impl Iterator<Item = f64> {
    let radius = radius as i64;
    (-radius..=radius).map(|x| x as f64)
}

/// Tristimulus values of linear RGB (1, 1, 1).
fn white() -> [f64; 3] {
    transform(&XYZ, [1.0; 3])
}

fn lab() -> Lab {
    let corner: f64 = 6.0 / 29.0;
    Lab { white: white(), threshold: corner.powi(3), slope: 1.0 / (3.0 * corner * corner) }
}

/// YCxCz, a linear relative of CIELAB.
fn opponent_planes(picture: &Picture) -> [Plane; 3] {
    let white = white();
    planes_of(picture, 1.0, srgb_decode, |rgb| {
        let xyz = transform(&XYZ, rgb);
        let [x, y, z] = [xyz[0] / white[0], xyz[1] / white[1], xyz[2] / white[2]];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    })
}

/// CIELAB with chroma growing in proportion to lightness.
#[inline(always)]
fn hunt_adjusted([l, a, b]: [f64; 3]) -> [f64; 3] {
    [l, 0.01 * l * a, 0.01 * l * b]
}

/// City-block distance of lightness plus Euclidean distance of chroma.
#[inline(always)]
fn hyab([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let (a, b) = (a1 - a2, b1 - b2);
    (l1 - l2).abs() + (a * a + b * b).sqrt()
}

/// The colour error between green and blue, the largest of all sRGB colours.
fn largest_colour_error() -> f64 {
    let colour = |rgb| hunt_adjusted(lab().of_xyz(transform(&XYZ, rgb)));
    hyab(colour([0.0, 1.0, 0.0]), colour([0.0, 0.0, 1.0])).powf(COLOUR_EXPONENT)
}

/// Spreads colour errors over 0…1, with most of the range for small ones.
fn spread(error: f64, largest: f64) -> f64 {
    let knee = KNEE * largest;
    if error < knee {
        KNEE_HEIGHT / knee * error
    } else {
        KNEE_HEIGHT + (error - knee) / (largest - knee) * (1.0 - KNEE_HEIGHT)
    }
}

/// Pixels per degree of the tool's default viewing conditions.
fn default_pixels_per_degree() -> f64 {
    let (distance, pixels, screen_width) = (0.7, 3840.0, 0.7);
    distance * (pixels / screen_width) * (std::f64::consts::PI / 180.0)
}

/// Reads `+ppd=`. The bounds keep the feature detectors from vanishing and filters affordable.
fn pixels_per_degree(id: &MetricId) -> Result<f64, Error> {
    let Some(text) = id.option("ppd") else { return Ok(default_pixels_per_degree()) };
    match text.parse::<f64>() {
        Ok(ppd) if (1.0..=1000.0).contains(&ppd) => Ok(ppd),
        _ => Err(Error::InvalidOption {
            id: id.to_string(),
            reason: format!("ppd takes pixels per degree from 1 to 1000, found '{text}'"),
        }),
    }
}

const CARD: MetricCard = MetricCard {
    id: "flip",
    default_profile: true,
    title: "FLIP",
    definition: "mean over pixels of colour error after contrast-sensitivity filtering, raised to 1 minus feature error",
    source: "Andersson, Nilsson, Akenine-Moeller, Oskarsson, Astroem, Fairchild, HPG 2020",
    reproduces: "nv-flip 0.1.2, f64 mean of its map, 3e-5; flip-evaluator 1.7, 1e-6, whose own mean drifts by up to 1.1e-4 on large strong differences",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 1.0 },
    equal: 0.0,
    colour: ColourUse::Colour,
    map: Some(DisplayScale { same: 0.0, different: 1.0 }),
    options: &[(
        "ppd",
        "pixels per degree of visual angle, 1 to 1000; default 67.02 (0.7 m from a 0.7 m, 3840 pixel screen)",
    )],
    blind_to: &["small strong errors, in the mean; see p95 and max"],
    notes: &["values for different ppd do not compare"],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] = &[Definition {
    card: &CARD,
    build: |id, card| {
        let formula = Flip { pixels_per_degree: pixels_per_degree(&id)? };
        Ok(Registered::boxed(id, card, formula))
    },
}];

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;

    use super::*;
    use crate::test_pictures::value;

    fn flat(colour: [u8; 3]) -> Picture {
        Picture::from_u8(5, 3, Channels::Rgb, colour.repeat(15)).unwrap()
    }

    fn texture(step: usize) -> Picture {
        let codes = (0..13 * 7 * 3).map(|i| (i * step % 251) as u8).collect();
        Picture::from_u8(13, 7, Channels::Rgb, codes).unwrap()
    }

    #[test]
    fn the_default_is_67_pixels_per_degree() {
        assert!((default_pixels_per_degree() - 67.020_643).abs() < 1e-6);
    }

    #[test]
    fn equal_is_exactly_zero_and_the_order_does_not_matter() {
        assert_eq!(value("flip", &texture(7), &texture(7)), 0.0);
        assert_eq!(value("flip", &flat([9; 3]), &flat([9; 3])), 0.0);
        let there = value("flip", &texture(7), &texture(5));
        assert_eq!(there, value("flip", &texture(5), &texture(7)));
        assert!(there > 0.0 && there < 1.0);
    }

    #[test]
    fn green_and_blue_differ_most() {
        let hues = value("flip", &flat([0, 255, 0]), &flat([0, 0, 255]));
        assert!((hues - 1.0).abs() < 1e-9, "{hues}");
        let greys = value("flip", &flat([0; 3]), &flat([255; 3]));
        assert!(greys > 0.9 && greys < 1.0, "{greys}");
    }

    #[test]
    fn fine_detail_vanishes_from_afar() {
        let codes = (0..40 * 40).map(|i| ((i % 40 + i / 40) % 2 * 255) as u8).collect();
        let checks = Picture::from_u8(40, 40, Channels::Grey, codes).unwrap();
        let grey = Picture::from_u8(40, 40, Channels::Grey, vec![188; 1600]).unwrap();
        assert!(value("flip+ppd=200", &grey, &checks) < value("flip+ppd=20", &grey, &checks));
    }

    #[test]
    fn one_pixel_is_enough() {
        let dot = |level| Picture::from_u8(1, 1, Channels::Grey, vec![level]).unwrap();
        assert!(value("flip", &dot(0), &dot(200)) > 0.5);
    }

    #[test]
    fn viewing_conditions_are_checked_and_shown() {
        for wrong in ["0", "0.5", "-3", "inf", "NaN", "1e9", "far"] {
            let error = crate::metric(&format!("flip+ppd={wrong}")).err().unwrap();
            assert!(matches!(error, Error::InvalidOption { .. }), "{wrong}: {error}");
        }
        assert_eq!(crate::metric("flip+ppd=30").unwrap().id().to_string(), "flip+ppd=30");
        for ppd in ["1", "1000"] {
            let value = value(&format!("flip+ppd={ppd}"), &texture(7), &texture(5));
            assert!(value > 0.0 && value <= 1.0, "{ppd}: {value}");
        }
    }
}
