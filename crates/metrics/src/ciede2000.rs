//! Colour differences of single pixels, averaged over the picture: CIEDE2000, CIE94, CIE76.
//!
//! Both pictures pass through the sRGB curve, tristimulus values and CIELAB; ΔE is taken pixel by
//! pixel and averaged.
//!
//! * CIE76: Euclidean distance in CIELAB
//! * CIE94: lightness, chroma and hue differences, the latter two divided by 1 + .045 C and
//!   1 + .015 C with the chroma C of the reference, hence not symmetric
//! * CIEDE2000: the same three differences with weights that depend on lightness, chroma and hue,
//!   and a rotation between chroma and hue in the blue region; kL = kC = kH = 1
//!
//! Sources: CIE 15:2004; CIE 116-1995; Sharma, Wu, Dalal, The CIEDE2000 color-difference formula:
//! implementation notes, supplementary test data, and mathematical observations, Color Research and
//! Application 30 (2005).
//!
//! Choices: matrix and CIELAB curve with the digits of scikit-image (matrix to six digits, curve
//! .008856 and 7.787), white D65 at 2°. The white of the matrix and the white of CIELAB differ in
//! the fifth digit, so a grey pixel has a chroma of about .01. Parts: 95th percentile by nearest
//! rank, and maximum.
//!
//! Reproduces scikit-image 0.26 means to 1e-9, and the 34 pairs of Sharma et al. to 1e-4. CIE94 is
//! met to 1e-7 only: scikit-image forms the hue difference as 2(C₁C₂ − a₁a₂ − b₁b₂), whose rounding
//! leaves 6e-8 even between equal pictures.
//!
//! Limits: pixels are compared without their surroundings, so fine noise counts as much as a shift
//! of the whole picture. CIEDE2000 jumps where two hues are 180° apart.

use std::f64::consts::{PI, TAU};

use lookalike_core::{ColourUse, Direction, DisplayScale, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, score_map};
use crate::colour_space::{Lab, srgb_decode, transform};
use crate::pixels::{colour_differences, planes_of, recoloured};
use crate::plane::Plane;
use crate::pooling::upper_parts;
use crate::registry::Definition;

/// Which difference of two colours is averaged.
#[derive(Clone, Copy)]
enum ColourDifference {
    Cie76,
    Cie94,
    Ciede2000,
}

/// Linear sRGB to X, Y, Z.
const XYZ: [[f64; 3]; 3] = [
    [0.412_453, 0.357_580, 0.180_423],
    [0.212_671, 0.715_160, 0.072_169],
    [0.019_334, 0.119_193, 0.950_227],
];

/// CIELAB under D65, 2° observer.
const LAB: Lab = Lab { white: [0.950_47, 1.0, 1.088_83], threshold: 0.008_856, slope: 7.787 };

impl ClosedForm for ColourDifference {
    /// L*, a*, b*.
    type Features = [Plane; 3];

    fn features(&self, picture: &Picture) -> Result<[Plane; 3], Reason> {
        let light = planes_of(picture, 1.0, srgb_decode, |rgb| rgb);
        Ok(recoloured(
            light,
            #[inline(always)]
            |rgb| LAB.of_xyz(transform(&XYZ, rgb)),
        ))
    }

    fn compare(
        &self,
        reference: &[Plane; 3],
        candidate: &[Plane; 3],
        want: Want,
    ) -> Result<Outcome, Reason> {
        let plane = match self {
            Self::Cie76 => colour_differences(reference, candidate, cie76),
            Self::Cie94 => colour_differences(reference, candidate, cie94),
            Self::Ciede2000 => colour_differences(reference, candidate, ciede2000),
        };
        let map = want.map.then(|| score_map(&plane, 0, 0, 1));
        Ok(Outcome { value: plane.mean(), parts: upper_parts(&plane), map })
    }
}

/// Euclidean distance of two CIELAB colours.
#[inline(always)]
fn cie76(reference: [f64; 3], candidate: [f64; 3]) -> f64 {
    let square = |i: usize| (candidate[i] - reference[i]).powi(2);
    (square(0) + square(1) + square(2)).sqrt()
}

/// CIE94 for graphic arts: kL = kC = kH = 1, K1 = .045, K2 = .015.
#[inline(always)]
fn cie94(reference: [f64; 3], candidate: [f64; 3]) -> f64 {
    let [lightness, a, b] = [0, 1, 2].map(|i| candidate[i] - reference[i]);
    let chroma = |[_, a, b]: [f64; 3]| length(a, b);
    let (c1, c2) = (chroma(reference), chroma(candidate));
    let hue_squared = (a * a + b * b - (c2 - c1).powi(2)).max(0.0);
    let chroma_weighted = (c2 - c1) / (1.0 + 0.045 * c1);
    let hue_weight = 1.0 + 0.015 * c1;
    (lightness * lightness
        + chroma_weighted * chroma_weighted
        + hue_squared / (hue_weight * hue_weight))
        .sqrt()
}

/// Length of (a, b).
#[inline(always)]
fn length(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// CIEDE2000 of two CIELAB colours, in the names of Sharma et al.
///
/// Hues are kept as points of the unit circle, (cos h, sin h), which spares most of the angles:
/// the chord between two of them is 2·|sin(Δh/2)|, their sum points to the mean hue, and powers of
/// the mean give the cosines of its multiples.
#[inline(always)]
fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    // √(C⁷ / (C⁷ + 25⁷)): 0 for greys, 1 for saturated colours.
    let saturation = |chroma: f64| {
        let seventh = chroma.powi(7);
        (seventh / (seventh + 25.0_f64.powi(7))).sqrt()
    };
    let g = 0.5 * (1.0 - saturation((length(a1, b1) + length(a2, b2)) / 2.0));
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (length(a1, b1), length(a2, b2));
    // Greys have no hue and leave the mean to the other colour.
    let hue = |a: f64, b: f64, c: f64| if c > 0.0 { (a / c, b / c) } else { (0.0, 0.0) };
    let (h1, h2) = (hue(a1, b1, c1), hue(a2, b2, c2));

    let (dl, dc) = (l2 - l1, c2 - c1);
    let chord = length(h2.0 - h1.0, h2.1 - h1.1);
    let sum = (h1.0 + h2.0, h1.1 + h2.1);
    let size = length(sum.0, sum.1);
    let (turn, mean_hue) = if size > OPPOSITE {
        let turn = if h1.0 * h2.1 < h1.1 * h2.0 { -1.0 } else { 1.0 };
        (turn, (sum.0 / size, sum.1 / size))
    } else {
        opposite_hues((a1, b1), (a2, b2))
    };
    let dh = turn * chord * (c1 * c2).sqrt();

    let (mean_l, mean_c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let times =
        |(x, y): (f64, f64)| (x * mean_hue.0 - y * mean_hue.1, x * mean_hue.1 + y * mean_hue.0);
    let wave = |(x, y): (f64, f64), degrees: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        x * cos - y * sin
    };
    let twice = times(mean_hue);
    let thrice = times(twice);
    let t = 1.0 - 0.17 * wave(mean_hue, -30.0) + 0.24 * twice.0 + 0.32 * wave(thrice, 6.0)
        - 0.20 * wave(times(thrice), -63.0);
    let from_middle = (mean_l - 50.0) * (mean_l - 50.0);
    let lightness = dl / (1.0 + 0.015 * from_middle / (20.0 + from_middle).sqrt());
    let chroma = dc / (1.0 + 0.045 * mean_c);
    let hue = dh / (1.0 + 0.015 * mean_c * t);
    let degrees = mean_hue.1.atan2(mean_hue.0).to_degrees();
    let from_blue = (if degrees < 0.0 { degrees + 360.0 } else { degrees } - 275.0) / 25.0;
    let angle = 30.0_f64.to_radians() * (-from_blue * from_blue).exp();
    let rotation = -(2.0 * angle).sin() * 2.0 * saturation(mean_c);
    (lightness * lightness + chroma * chroma + hue * hue + rotation * chroma * hue).max(0.0).sqrt()
}

/// Length of the sum of two hues below which it points anywhere.
const OPPOSITE: f64 = 1e-6;

/// The sign of the turn from the first of two opposite hues to the second, and the hue halfway: the
/// angles in 0…2π decide between the two ways round. Two missing hues have the mean 0.
#[cold]
fn opposite_hues(first: (f64, f64), second: (f64, f64)) -> (f64, (f64, f64)) {
    let angle = |(a, b): (f64, f64)| b.atan2(a).rem_euclid(TAU);
    let (h1, h2) = (angle(first), angle(second));
    let mean = match h1 + h2 {
        sum if (h1 - h2).abs() <= PI => sum / 2.0,
        sum if sum < TAU => (sum + TAU) / 2.0,
        sum => (sum - TAU) / 2.0,
    };
    let turn = if (h2 < h1) == ((h1 - h2).abs() <= PI) { -1.0 } else { 1.0 };
    (turn, (mean.cos(), mean.sin()))
}

const CIEDE2000: MetricCard = MetricCard {
    id: "ciede2000",
    default_profile: true,
    title: "CIEDE2000 colour difference",
    definition: "mean over pixels of the CIEDE2000 difference in CIELAB (sRGB, D65), kL = kC = kH = 1",
    source: "Sharma, Wu, Dalal, Color Research and Application 30, 2005",
    reproduces: "scikit-image 0.26, 1e-9; Sharma's 34 pairs, 1e-4",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: 0.0,
    colour: ColourUse::Colour,
    map: Some(DisplayScale { same: 0.0, different: 20.0 }),
    blind_to: &["structure: fine noise counts as much as a tint of the whole picture"],
    notes: &["2.3 is often called just noticeable for large patches; jumps at opposite hues"],
    ..MetricCard::BASE
};

const CIE94: MetricCard = MetricCard {
    id: "de94",
    title: "CIE94 colour difference",
    definition: "mean over pixels of the CIE94 difference for graphic arts in CIELAB (sRGB, D65)",
    source: "CIE 116-1995",
    reproduces: "scikit-image 0.26, 1e-7 (its rounding; equal pictures give it 6e-8)",
    symmetric: false,
    notes: &["weights come from the chroma of the reference"],
    ..CIEDE2000
};

const CIE76: MetricCard = MetricCard {
    id: "de76",
    title: "CIE76 colour difference",
    definition: "mean over pixels of the Euclidean distance in CIELAB (sRGB, D65)",
    source: "CIE 15:2004 (defined 1976)",
    reproduces: "scikit-image 0.26, 1e-9",
    notes: &["overstates differences of saturated colours"],
    ..CIEDE2000
};

macro_rules! definition {
    ($card:expr, $difference:expr) => {
        Definition { card: &$card, build: |id, card| Ok(Registered::boxed(id, card, $difference)) }
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(CIEDE2000, ColourDifference::Ciede2000),
    definition!(CIE94, ColourDifference::Cie94),
    definition!(CIE76, ColourDifference::Cie76),
];

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;

    use super::*;

    /// L*, a*, b* of both colours and ΔE00, from the paper's table 1.
    const SHARMA: [[f64; 7]; 34] = [
        [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425],
        [50.0, 3.1571, -77.2803, 50.0, 0.0, -82.7485, 2.8615],
        [50.0, 2.8361, -74.0200, 50.0, 0.0, -82.7485, 3.4412],
        [50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0],
        [50.0, -1.1848, -84.8006, 50.0, 0.0, -82.7485, 1.0],
        [50.0, -0.9009, -85.5211, 50.0, 0.0, -82.7485, 1.0],
        [50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669],
        [50.0, -1.0, 2.0, 50.0, 0.0, 0.0, 2.3669],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0009, 7.1792],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.001, 7.1792],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195],
        [50.0, 2.49, -0.001, 50.0, -2.49, 0.0012, 7.2195],
        [50.0, -0.001, 2.49, 50.0, 0.0009, -2.49, 4.8045],
        [50.0, -0.001, 2.49, 50.0, 0.001, -2.49, 4.8045],
        [50.0, -0.001, 2.49, 50.0, 0.0011, -2.49, 4.7461],
        [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
        [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492],
        [50.0, 2.5, 0.0, 61.0, -5.0, 29.0, 22.8977],
        [50.0, 2.5, 0.0, 56.0, -27.0, -3.0, 31.9030],
        [50.0, 2.5, 0.0, 58.0, 24.0, 15.0, 19.4535],
        [50.0, 2.5, 0.0, 50.0, 3.1736, 0.5854, 1.0],
        [50.0, 2.5, 0.0, 50.0, 3.2972, 0.0, 1.0],
        [50.0, 2.5, 0.0, 50.0, 1.8634, 0.5757, 1.0],
        [50.0, 2.5, 0.0, 50.0, 3.2592, 0.3350, 1.0],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ];

    #[test]
    fn agrees_with_the_published_pairs_in_both_orders() {
        for [l1, a1, b1, l2, a2, b2, expected] in SHARMA {
            let (first, second) = ([l1, a1, b1], [l2, a2, b2]);
            for found in [ciede2000(first, second), ciede2000(second, first)] {
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{first:?} {second:?}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn cie94_weighs_by_the_chroma_of_the_reference() {
        let (grey, red) = ([50.0, 0.0, 0.0], [50.0, 40.0, 0.0]);
        assert_eq!(cie76(grey, red), 40.0);
        assert_eq!(cie94(grey, red), 40.0);
        assert!((cie94(red, grey) - 40.0 / 2.8).abs() < 1e-12);
    }

    #[test]
    fn equal_is_exactly_zero_and_black_to_white_is_100() {
        let flat = |level| Picture::from_u8(3, 1, Channels::Grey, vec![level; 3]).unwrap();
        let colours = Picture::from_u8(2, 1, Channels::Rgb, vec![0, 90, 255, 7, 7, 200]).unwrap();
        for id in ["ciede2000", "de94", "de76"] {
            let metric = crate::metric(id).unwrap();
            let value =
                |r: &Picture, c: &Picture| metric.compare(r, c, Want::default()).unwrap().value;
            assert_eq!(value(&colours, &colours), 0.0);
            assert_eq!(value(&flat(9), &flat(9)), 0.0);
            assert!((value(&flat(0), &flat(255)) - 100.0).abs() < 1e-3, "{id}");
        }
    }

    #[test]
    fn map_and_parts_show_where_colours_differ() {
        let black = Picture::from_u8(40, 1, Channels::Grey, vec![0; 40]).unwrap();
        let dot = (0..40).map(|x| if x == 31 { 255 } else { 0 }).collect();
        let dot = Picture::from_u8(40, 1, Channels::Grey, dot).unwrap();
        let metric = crate::metric("ciede2000").unwrap();
        let score = metric.compare(&black, &dot, Want { map: true }).unwrap();
        assert_eq!((score.parts[0].name.as_str(), score.parts[0].value), ("p95", 0.0));
        assert!((score.parts[1].value / 40.0 - score.value).abs() < 1e-12);
        assert!(score.map.unwrap().at_pixel(31, 0) > 99.0);
    }
}
