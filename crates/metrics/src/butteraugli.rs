//! Butteraugli through the crate `butteraugli`.
//!
//! A model of the eye: light of a given brightness passes into an opponent space XYB, is split into
//! four frequency bands, compared band by band and weakened where the reference masks errors. The
//! result is a map of visible difference at full resolution; below 1 a difference is meant to be
//! invisible.
//!
//! * `butteraugli`: the largest value of the map (part `p3`: the 3-norm)
//! * `butteraugli:p3`: the 3-norm, which is the mean of the norms with exponents 3, 6 and 12 (part
//!   `max`: the largest value)
//!
//! Source: Alakuijala et al., Guetzli: Perceptually guided JPEG encoder (2017), and libjxl, whose
//! later form of the metric the crate ports.
//!
//! Choices: white is 80 candela per square metre, the library's default (libjxl's command line tool
//! assumes another, and its numbers differ accordingly). 8-bit codes become light by the crate's
//! own table, all other samples by the exact sRGB curve in f64. Scene-linear pictures go in as they
//! are, 1.0 being those 80 candela per square metre. Equal pictures give exactly 0.
//!
//! Reproduces `butteraugli` 0.9.3 on 8-bit pictures exactly on one kind of processor; vector units
//! of other widths round differently in the last digits.

use std::sync::OnceLock;

use butteraugli::{ButteraugliError, ButteraugliParams, ButteraugliReference};
use lookalike_core::{
    ColourUse, Direction, DisplayScale, MetricCard, Part, Picture, ScoreMap, ValueRange, Want,
};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered};
use crate::interleaved::{linear_rgb, rgb_u8};
use crate::registry::Definition;

/// Brightness of white, in candela per square metre.
const WHITE: f32 = 80.0;

/// Which norm of the map is the value.
#[derive(Clone, Copy)]
enum Butteraugli {
    Largest,
    ThreeNorm,
}

/// What the crate reads.
#[derive(PartialEq)]
enum Light {
    /// 8-bit codes, which it decodes.
    Codes(Vec<u8>),
    Linear(Vec<f32>),
}

/// Light and, once the picture has served as reference, its frequency bands.
struct Features {
    width: usize,
    height: usize,
    light: Light,
    bands: OnceLock<Result<ButteraugliReference, ButteraugliError>>,
}

impl ClosedForm for Butteraugli {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        let light = match rgb_u8(picture) {
            Some(codes) => Light::Codes(codes),
            None => Light::Linear(linear_rgb(picture)),
        };
        let (width, height) = (picture.width(), picture.height());
        Ok(Features { width, height, light, bands: OnceLock::new() })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let Features { width, height, .. } = *reference;
        if reference.light == candidate.light {
            let map = want.map.then(|| vec![0.0; width * height]);
            return Ok(self.outcome(0.0, 0.0, map, width, height));
        }
        let bands = reference.bands.get_or_init(|| {
            let params = ButteraugliParams::new().with_intensity_target(WHITE);
            match &reference.light {
                Light::Codes(codes) => ButteraugliReference::new(codes, width, height, params),
                Light::Linear(light) => {
                    ButteraugliReference::new_linear(light, width, height, params)
                }
            }
        });
        let result = match (bands, &candidate.light) {
            (Ok(bands), Light::Codes(codes)) => bands.compare(codes),
            (Ok(bands), Light::Linear(light)) => bands.compare_linear(light),
            (Err(error), _) => Err(error.clone()),
        };
        let result = result.map_err(|error| Reason(error.to_string()))?;
        let map = result.diffmap.filter(|_| want.map).map(|map| map.pixels().collect());
        Ok(self.outcome(result.score, result.pnorm_3, map, width, height))
    }

    fn software(&self) -> String {
        SOFTWARE.to_owned()
    }
}

impl Butteraugli {
    fn outcome(
        self,
        largest: f64,
        three_norm: f64,
        map: Option<Vec<f32>>,
        width: usize,
        height: usize,
    ) -> Outcome {
        let (value, part) = match self {
            Self::Largest => (largest, Part::new("p3", three_norm)),
            Self::ThreeNorm => (three_norm, Part::new("max", largest)),
        };
        let map = map.map(|values| ScoreMap { width, height, values, left: 0, top: 0, step: 1 });
        Outcome { value, parts: vec![part], map }
    }
}

const SOFTWARE: &str = "butteraugli 0.9.3";

const LARGEST: MetricCard = MetricCard {
    id: "butteraugli",
    default_profile: true,
    title: "Butteraugli, largest difference",
    definition: "maximum over the picture of the modelled visible difference, white at 80 cd/m2",
    source: "Alakuijala et al., Guetzli, 2017; libjxl (software)",
    reproduces: "butteraugli 0.9.3, 1e-6 relative",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: 0.0,
    symmetric: false,
    minimum_side: 8,
    when_smaller: "use ciede2000",
    colour: ColourUse::Colour,
    scene_linear: true,
    map: Some(DisplayScale { same: 0.0, different: 4.0 }),
    blind_to: &["how much of the picture differs, since the worst place decides"],
    notes: &[
        "below 1: meant to be invisible; above 2: visible",
        "libjxl's tool and library assume different brightness of white, so their numbers differ",
        "scene-linear pictures: 1.0 is 80 cd/m2",
    ],
    ..MetricCard::BASE
};

const THREE_NORM: MetricCard = MetricCard {
    id: "butteraugli:p3",
    title: "Butteraugli, 3-norm",
    definition: "mean of the norms with exponents 3, 6 and 12 of the modelled visible difference, white at 80 cd/m2",
    blind_to: &["a faint difference spread over the whole picture counts little"],
    ..LARGEST
};

pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition {
        card: &LARGEST,
        build: |id, card| Ok(Registered::boxed(id, card, Butteraugli::Largest)),
    },
    Definition {
        card: &THREE_NORM,
        build: |id, card| Ok(Registered::boxed(id, card, Butteraugli::ThreeNorm)),
    },
];

#[cfg(test)]
mod tests {
    use butteraugli::{Img, RGB8};
    use lookalike_core::{Channels, Encoding, Error, Samples};

    use super::*;
    use crate::test_pictures::value;

    fn codes(width: usize, height: usize, step: usize) -> Vec<u8> {
        (0..width * height * 3).map(|i| (i * step % 251) as u8).collect()
    }

    fn picture(width: usize, height: usize, codes: Vec<u8>) -> Picture {
        Picture::from_u8(width, height, Channels::Rgb, codes).unwrap()
    }

    #[test]
    fn a_kept_reference_gives_the_bits_of_the_direct_call() {
        for (width, height) in [(8, 8), (9, 31), (14, 15), (16, 15), (33, 17)] {
            let (a, b) = (codes(width, height, 7), codes(width, height, 5));
            let image = |codes: &[u8]| {
                let pixels = codes.chunks(3).map(|c| RGB8::new(c[0], c[1], c[2])).collect();
                Img::new(pixels, width, height)
            };
            let (left, right): (Img<Vec<RGB8>>, Img<Vec<RGB8>>) = (image(&a), image(&b));
            let params = ButteraugliParams::default();
            let direct = butteraugli::butteraugli(left.as_ref(), right.as_ref(), &params).unwrap();
            let (a, b) = (picture(width, height, a), picture(width, height, b));
            assert_eq!(value("butteraugli", &a, &b), direct.score, "{width}x{height}");
            assert_eq!(value("butteraugli:p3", &a, &b), direct.pnorm_3, "{width}x{height}");
        }
    }

    #[test]
    fn equal_pictures_and_constants() {
        let flat = |level| Picture::from_u8(9, 8, Channels::Grey, vec![level; 72]).unwrap();
        for id in ["butteraugli", "butteraugli:p3"] {
            assert_eq!(value(id, &flat(0), &flat(0)), 0.0);
            assert_eq!(value(id, &flat(255), &flat(255)), 0.0);
            assert!(value(id, &flat(0), &flat(255)) > 10.0);
        }
    }

    #[test]
    fn the_map_holds_the_largest_value() {
        let (a, b) = (picture(20, 11, codes(20, 11, 7)), picture(20, 11, codes(20, 11, 5)));
        let metric = crate::metric("butteraugli").unwrap();
        let score = metric.compare(&a, &b, Want { map: true }).unwrap();
        let map = score.map.unwrap();
        assert_eq!((map.width, map.height, map.values.len()), (20, 11, 220));
        let largest = map.values.iter().copied().fold(0.0, f32::max);
        assert_eq!(f64::from(largest), score.value);
        assert!(score.parts[0].value < score.value);
    }

    #[test]
    fn light_above_white_is_seen() {
        let light = |level: f32| {
            let base = Picture::from_u8(8, 8, Channels::Grey, vec![0; 64]).unwrap();
            let samples = (0..64).map(|i| if i == 27 { level } else { 0.2 }).collect();
            base.with_samples(Channels::Grey, Samples::F32(samples), Encoding::SceneLinear).unwrap()
        };
        assert!(value("butteraugli", &light(1.0), &light(8.0)) > 1.0);
    }

    #[test]
    fn seven_pixels_are_too_few() {
        let small = picture(30, 7, codes(30, 7, 3));
        let metric = crate::metric("butteraugli").unwrap();
        let error = metric.compare(&small, &small, Want::default()).unwrap_err();
        assert!(matches!(error, Error::TooSmall { minimum: 8, height: 7, .. }), "{error}");
    }
}
