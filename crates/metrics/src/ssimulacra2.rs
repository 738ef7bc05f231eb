//! SSIMULACRA2 through the crate `fast-ssim2`.
//!
//! SSIM, edge artefacts and lost detail in a positive XYB colour space on six scales, each pooled
//! by mean and 4-norm; a weighted sum of the 108 numbers passes through a cubic and a power so that
//! 100 means equal and 90, 70, 50 are very high, high and medium quality. Unbounded below.
//!
//! Source: Sneyers, SSIMULACRA 2 (Cloudinary, 2022–2023), software without a paper.
//!
//! Choices: pictures whose samples are 8-bit codes, of whatever type, go in as such; 16-bit pictures
//! go in as 16-bit codes, all others as sRGB-coded `f32`. The whole picture is scored at once, without strips. Pictures below 8×8 are
//! refused as the authors' tool does, although the crate would mirror them up to that size.
//!
//! The map is the share of every pixel in the weighted sum, of which it has the mean; 0 where the
//! pictures agree, about 20 on average at score 0.
//!
//! Reproduces `fast-ssim2` 0.9.1 exactly; the crate `ssimulacra2` 0.5.1 lies within 0.08.

use std::sync::OnceLock;

use fast_ssim2::{
    PixelDescriptor, PixelSlice, Ssimulacra2Error, Ssimulacra2Reference, TransferFunction,
};
use lookalike_core::{
    Channels, ColourUse, DisplayScale, Encoding, MetricCard, Picture, Samples, ScoreMap,
    ValueRange, Want,
};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered};
use crate::interleaved::{rgb_f64, rgb_u8, sides};
use crate::registry::Definition;

struct Ssimulacra2;

/// A picture in the crate's form and, once it has served as reference, its pyramid.
struct Features {
    pixels: Pixels,
    pyramid: OnceLock<Result<Ssimulacra2Reference, String>>,
}

fn refusal(error: Ssimulacra2Error) -> Reason {
    Reason(error.to_string())
}

impl ClosedForm for Ssimulacra2 {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        Ok(Features { pixels: Pixels::of(picture)?, pyramid: OnceLock::new() })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Result<Outcome, Reason> {
        let pyramid = reference.pyramid.get_or_init(|| {
            let pixels = reference.pixels.as_slice().map_err(|Reason(reason)| reason)?;
            Ssimulacra2Reference::new(&pixels).map_err(|error| error.to_string())
        });
        let pyramid = pyramid.as_ref().map_err(|reason| Reason(reason.clone()))?;
        let candidate = candidate.pixels.as_slice()?;
        if !want.map {
            return Ok(Outcome::of(pyramid.compare(&candidate).map_err(refusal)?));
        }
        let maps = pyramid.compare_with_maps(&candidate).map_err(refusal)?;
        let map = ScoreMap {
            width: maps.width,
            height: maps.height,
            values: maps.diffmap(),
            left: 0,
            top: 0,
            step: 1,
        };
        Ok(Outcome::of(maps.score).with_map(Some(map)))
    }

    fn software(&self) -> String {
        SOFTWARE.to_owned()
    }
}

/// sRGB-coded samples in the form in which the crate takes them.
enum Pixels {
    /// The picture's own, 8 or 16 bits, grey or RGB.
    Shared(Picture),
    /// 8-bit codes of another type.
    Codes(Sides, Vec<u8>),
    /// All others.
    Floats(Sides, Vec<f32>),
}

/// Width and height.
type Sides = (u32, u32);

impl Pixels {
    fn of(picture: &Picture) -> Result<Self, Reason> {
        let sides = sides(picture)?;
        let whole = picture.full_scale() == picture.samples().full_scale();
        let coded = picture.encoding() == Encoding::Srgb && whole;
        if coded && matches!(picture.samples(), Samples::U8(_)) {
            return Ok(Self::Shared(picture.clone()));
        }
        if let Some(codes) = rgb_u8(picture) {
            return Ok(Self::Codes(sides, codes));
        }
        if coded && matches!(picture.samples(), Samples::U16(_)) {
            return Ok(Self::Shared(picture.clone()));
        }
        Ok(Self::Floats(sides, rgb_f64(picture).map(|sample| sample as f32).collect()))
    }

    fn as_slice(&self) -> Result<PixelSlice<'_>, Reason> {
        let float = PixelDescriptor::RGBF32.with_transfer(TransferFunction::Srgb);
        let (bytes, (width, height), descriptor): (&[u8], _, _) = match self {
            Self::Codes(sides, codes) => (codes, *sides, PixelDescriptor::RGB8_SRGB),
            Self::Floats(sides, samples) => (bytemuck::cast_slice(samples), *sides, float),
            Self::Shared(picture) => {
                let grey = picture.channels() == Channels::Grey;
                let (bytes, descriptor) = match picture.samples() {
                    Samples::U8(codes) if grey => (&codes[..], PixelDescriptor::GRAY8_SRGB),
                    Samples::U8(codes) => (&codes[..], PixelDescriptor::RGB8_SRGB),
                    Samples::U16(codes) if grey => {
                        (bytemuck::cast_slice(codes), PixelDescriptor::GRAY16_SRGB)
                    }
                    Samples::U16(codes) => {
                        (bytemuck::cast_slice(codes), PixelDescriptor::RGB16_SRGB)
                    }
                    // Never shared.
                    Samples::F32(_) | Samples::F64(_) => (&[][..], float),
                };
                (bytes, sides(picture)?, descriptor)
            }
        };
        let stride = bytes.len() / height.max(1) as usize;
        PixelSlice::new(bytes, width, height, stride, descriptor)
            .map_err(|error| Reason(error.to_string()))
    }
}

const SOFTWARE: &str = "fast-ssim2 0.9.1";

const CARD: MetricCard = MetricCard {
    id: "ssimulacra2",
    default_profile: true,
    title: "SSIMULACRA2",
    definition: "SSIM, edge artefacts and lost detail in XYB on six scales, 108 weighted norms, mapped to 100 for equal pictures",
    source: "Sneyers, SSIMULACRA 2.1, Cloudinary 2023 (software)",
    reproduces: "fast-ssim2 0.9.1, exactly; ssimulacra2 0.5.1 within 0.08",
    range: ValueRange { low: f64::NEG_INFINITY, high: 100.0 },
    equal: 100.0,
    symmetric: false,
    minimum_side: 8,
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

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &CARD, build: |id, card| Ok(Registered::boxed(id, card, Ssimulacra2)) }];

#[cfg(test)]
mod tests {
    use lookalike_core::{Error, Metric};

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
        assert_eq!(SOFTWARE, format!("fast-ssim2 {}", fast_ssim2::VERSION));
        assert!(CARD.reproduces.starts_with(SOFTWARE));
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
            let samples = rgb_f64(picture).collect();
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
