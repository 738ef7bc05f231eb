//! SSIMULACRA2, with the weights of the crate `fast-ssim2`.
//!
//! SSIM, edge artefacts and lost detail in a positive XYB colour space on six scales, each pooled
//! by mean and 4-norm; a weighted sum of the 108 numbers passes through a cubic and a power so that
//! 100 means equal and 90, 70, 50 are very high, high and medium quality. Unbounded below.
//!
//! Source: Sneyers, SSIMULACRA 2 (Cloudinary, 2022–2023), software without a paper.
//!
//! Choices: sums are computed strip by strip in f32 by kernels of ours
//! ([`artefacts`](crate::strips::artefacts)), for samples of every type; the weights and the final
//! curve are the crate's. Display codes become light by the exact sRGB curve. Pictures below 8×8
//! are refused as the authors' tool does.
//!
//! The map is the share of every pixel in the weighted sum, of which it has the mean; 0 where the
//! pictures agree, about 20 on average at score 0.
//!
//! Reproduces the formula in f64 within 2e-3, and `fast-ssim2` 0.9.1, which repeats every rounding
//! of the authors' tool, within 0.15 on a scale of 100: so much the tool's recursive filter loses in
//! f32. [`cloudinary`] has the tool's own bits.

mod cloudinary;
mod share;

use cloudinary::Cloudinary;
use fast_ssim2::pipeline::score::{ScaleAggregates, score};
use lookalike_core::{ColourUse, DisplayScale, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered};
use crate::registry::Definition;
use crate::strips::Schedule;
use crate::strips::artefacts::{Aggregates, LEAST_SIDE, LightRows, aggregates};

struct Ssimulacra2;

impl ClosedForm for Ssimulacra2 {
    /// Samples are shared, and read row by row.
    type Features = Picture;

    fn features(&self, picture: &Picture) -> Result<Picture, Reason> {
        Ok(picture.clone())
    }

    fn compare(
        &self,
        reference: &Picture,
        candidate: &Picture,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let rows = LightRows::new(reference, candidate);
        let scales = aggregates(&rows, want.map, Schedule::best());
        let norms: Vec<ScaleAggregates> = scales.iter().map(norms).collect();
        let map = want.map.then(|| share::map(&scales, &norms));
        Ok(Outcome::of(score(&norms)).with_map(map))
    }

    fn software(&self) -> String {
        SOFTWARE.to_owned()
    }
}

/// Means and 4-norms as the weights take them: structure by colour, artefacts and lost detail by
/// colour.
fn norms(scale: &Aggregates) -> ScaleAggregates {
    let norms = scale.means.map(|kinds| kinds.map(|mean| [mean.first, mean.fourth.powf(0.25)]));
    let [x, y, b] = norms;
    let structure = [x[0], y[0], b[0]];
    let edges = [x[1], x[2], y[1], y[2], b[1], b[2]];
    let mut all = ScaleAggregates { avg_ssim: [0.0; 6], avg_edgediff: [0.0; 12] };
    all.avg_ssim.copy_from_slice(structure.as_flattened());
    all.avg_edgediff.copy_from_slice(edges.as_flattened());
    all
}

const SOFTWARE: &str =
    concat!("lookalike-metrics ", env!("CARGO_PKG_VERSION"), ", weights of fast-ssim2 0.9.1");

const CARD: MetricCard = MetricCard {
    id: "ssimulacra2",
    default_profile: true,
    title: "SSIMULACRA2",
    definition: "SSIM, edge artefacts and lost detail in XYB on six scales, 108 weighted norms, mapped to 100 for equal pictures",
    source: "Sneyers, SSIMULACRA 2.1, Cloudinary 2023 (software)",
    reproduces: "the authors' formula in f64; fast-ssim2 0.9.1 within 0.15, the rounding of its f32",
    range: ValueRange { low: f64::NEG_INFINITY, high: 100.0 },
    equal: 100.0,
    symmetric: false,
    minimum_side: LEAST_SIDE,
    when_smaller: "use psnr or ciede2000",
    colour: ColourUse::Colour,
    map: Some(DisplayScale { same: 0.0, different: 20.0 }),
    blind_to: &["distance and size of the screen, which are fixed"],
    notes: &[
        "90, 70, 50, 30: very high, high, medium, low quality; far below 0 for unlike pictures",
        "the map is each pixel's share of the weighted sum before the final curve; lower is better",
    ],
    ..MetricCard::BASE
};

const CLOUDINARY: MetricCard = MetricCard {
    id: "ssimulacra2@cloudinary",
    default_profile: false,
    title: "SSIMULACRA2, the authors' tool bit by bit",
    definition: "as ssimulacra2, with every rounding of the tool: a recursive filter in single precision",
    reproduces: "fast-ssim2 0.9.1, exactly; ssimulacra2 0.5.1 within 0.08",
    notes: &[
        "for scores to be set beside published ones to the last digit; four times slower than ssimulacra2",
        "the map is each pixel's share of the weighted sum before the final curve; lower is better",
    ],
    ..CARD
};

pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition { card: &CARD, build: |id, card| Ok(Registered::boxed(id, card, Ssimulacra2)) },
    Definition { card: &CLOUDINARY, build: |id, card| Ok(Registered::boxed(id, card, Cloudinary)) },
];

#[cfg(test)]
mod tests {
    use lookalike_core::{Channels, Error, Metric};

    use super::*;

    fn metric() -> Box<dyn Metric> {
        crate::metric("ssimulacra2").unwrap()
    }

    fn texture(width: usize, height: usize, step: usize) -> Vec<u8> {
        (0..width * height * 3).map(|i| (i * step % 251) as u8).collect()
    }

    fn rgb(width: usize, height: usize, step: usize) -> Picture {
        Picture::from_u8(width, height, Channels::Rgb, texture(width, height, step)).unwrap()
    }

    #[test]
    fn the_version_named_is_the_one_linked() {
        let linked = format!("fast-ssim2 {}", fast_ssim2::VERSION);
        assert!(SOFTWARE.ends_with(&linked), "{SOFTWARE}");
        assert_eq!(cloudinary::SOFTWARE, linked);
        assert!(CLOUDINARY.reproduces.starts_with(&linked) && CARD.reproduces.contains(&linked));
    }

    #[test]
    fn equal_pictures_score_100_and_order_matters() {
        let (a, b) = (rgb(19, 9, 7), rgb(19, 9, 11));
        let value =
            |r: &Picture, c: &Picture| metric().compare(r, c, Want::default()).unwrap().value;
        assert_eq!(value(&a, &a), 100.0);
        assert!(value(&a, &b) < 100.0);
        assert_ne!(value(&a, &b), value(&b, &a));
        let flat = |level| Picture::from_u8(8, 8, Channels::Grey, vec![level; 64]).unwrap();
        assert_eq!(value(&flat(0), &flat(0)), 100.0);
        let apart = value(&flat(0), &flat(255));
        assert!(apart < 50.0, "{apart}");
    }

    #[test]
    fn the_map_leaves_the_value_alone_and_covers_the_picture() {
        let (a, b) = (rgb(21, 13, 7), rgb(21, 13, 5));
        let plain = metric().compare(&a, &b, Want::default()).unwrap();
        let mapped = metric().compare(&a, &b, Want { map: true }).unwrap();
        assert_eq!(plain.value, mapped.value);
        let map = mapped.map.unwrap();
        assert_eq!((map.width, map.height, map.values.len()), (21, 13, 21 * 13));
        assert!(map.values.iter().all(|v| *v >= 0.0) && map.values.iter().any(|v| *v > 0.0));
    }

    #[test]
    fn value_and_map_are_those_of_the_original_up_to_its_rounding() {
        let (a, b) = (rgb(83, 61, 7), rgb(83, 61, 5));
        let want = Want { map: true };
        let found = metric().compare(&a, &b, want).unwrap();
        let original = crate::metric("ssimulacra2@cloudinary").unwrap();
        let original = original.compare(&a, &b, want).unwrap();
        let difference = (found.value - original.value).abs();
        assert!(difference <= 0.15 + 1e-4 * original.value.abs(), "{difference}");
        let (found, original) = (found.map.unwrap(), original.map.unwrap());
        assert_eq!((found.width, found.height), (original.width, original.height));
        let highest = original.values.iter().copied().fold(0.0, f32::max);
        for (found, original) in found.values.iter().zip(&original.values) {
            assert!((found - original).abs() < 2e-3 * highest, "{found} {original} of {highest}");
        }
    }

    #[test]
    fn the_score_is_that_of_the_formula_in_double_precision() {
        use crate::strips::artefacts::oracle;
        use crate::test_pictures::{noisy, textured};
        for (width, height, amplitude) in [(97, 75, 2.0), (160, 120, 25.0), (61, 130, 70.0)] {
            let reference = textured(width, height, Channels::Rgb, 3);
            let candidate = noisy(&reference, amplitude, 4);
            let found = metric().compare(&reference, &candidate, Want::default()).unwrap().value;
            let scales = oracle::aggregates(&reference, &candidate);
            let expected = score(&scales.iter().map(norms).collect::<Vec<_>>());
            assert!((found - expected).abs() <= 3e-5, "{found} {expected}");
        }
    }

    #[test]
    fn sample_types_agree() {
        let (a, b) = (rgb(16, 12, 7), rgb(16, 12, 5));
        let expected = metric().compare(&a, &b, Want::default()).unwrap().value;
        let deep = |picture: &Picture| {
            let codes = picture.plane(0, 255.0).into_iter().zip(picture.plane(1, 255.0));
            let codes = codes.zip(picture.plane(2, 255.0));
            let codes: Vec<u16> =
                codes.flat_map(|((r, g), b)| [r, g, b]).map(|v| v as u16 * 257).collect();
            Picture::from_u16(16, 12, Channels::Rgb, codes).unwrap()
        };
        let float = |picture: &Picture| {
            let samples = (0..16 * 12 * 3).map(|i| picture.samples().get(i) / 255.0).collect();
            Picture::from_f64(16, 12, Channels::Rgb, samples).unwrap()
        };
        for (a, b) in [(deep(&a), deep(&b)), (float(&a), float(&b)), (a.clone(), float(&b))] {
            let found = metric().compare(&a, &b, Want::default()).unwrap().value;
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn seven_pixels_are_too_few() {
        let error = metric().compare(&rgb(7, 20, 3), &rgb(7, 20, 3), Want::default()).unwrap_err();
        assert!(
            matches!(error, Error::TooSmall { minimum: 8, width: 7, height: 20, .. }),
            "{error}"
        );
    }
}
