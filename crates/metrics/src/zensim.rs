//! zensim through the crate `zensim`, profile `zensim-preview-v0.2`.
//!
//! SSIM, edge artefacts, lost detail, squared error and high-frequency energy in XYB on four scales;
//! their weighted sum d becomes `100 − 18·d^0.7`. The weights were fitted to scores of synthetic
//! codec artefacts, so far from such pictures the number means little.
//!
//! Source: the crate (Lilith River and contributors), software without a paper.
//!
//! Choices: the crate names its weight sets; the id holds the name, so that newer weights come
//! under another id. 8-bit codes go in as they are, all other samples as light in `f32`, decoded in
//! f64. One thread, which makes the sums independent of the number of processors.
//!
//! Reproduces `zensim` 0.2.7 with this profile exactly on one kind of processor; vector units of
//! other widths round differently in the last digits.

use lookalike_core::{ColourUse, MetricCard, Picture, ValueRange, Want};
use zensim::{AlphaMode, ImageSource, PixelFormat, ZensimError, ZensimProfile};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered};
use crate::interleaved::{linear_rgb, rgb_u8};
use crate::registry::Definition;

const PROFILE: ZensimProfile = ZensimProfile::PreviewV0_2;

struct Zensim;

/// A picture in one of the two forms that the crate reads.
struct Pixels {
    width: usize,
    height: usize,
    format: PixelFormat,
    bytes: Vec<u8>,
    /// Bytes before the first row, so that rows of `f32` are aligned.
    start: usize,
}

impl Pixels {
    fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width(), picture.height());
        if let Some(bytes) = rgb_u8(picture) {
            return Self { width, height, format: PixelFormat::Srgb8Rgb, bytes, start: 0 };
        }
        let light = linear_rgb(picture);
        let alignment = align_of::<f32>();
        let mut bytes: Vec<u8> = Vec::with_capacity(light.len() / 3 * 16 + alignment);
        let start = bytes.as_ptr().align_offset(alignment).min(alignment);
        bytes.resize(start, 0);
        for pixel in light.chunks_exact(3) {
            for sample in pixel.iter().chain(&[1.0]) {
                bytes.extend_from_slice(&sample.to_ne_bytes());
            }
        }
        Self { width, height, format: PixelFormat::LinearF32Rgba, bytes, start }
    }
}

impl ImageSource for Pixels {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn pixel_format(&self) -> PixelFormat {
        self.format
    }

    fn alpha_mode(&self) -> AlphaMode {
        AlphaMode::Opaque
    }

    fn row_bytes(&self, y: usize) -> &[u8] {
        let stride = self.width * self.format.bytes_per_pixel();
        &self.bytes[self.start + y * stride..][..stride]
    }
}

impl ClosedForm for Zensim {
    type Features = Pixels;

    fn features(&self, picture: &Picture) -> Result<Pixels, Reason> {
        Ok(Pixels::of(picture))
    }

    fn compare(
        &self,
        reference: &Pixels,
        candidate: &Pixels,
        _want: Want,
    ) -> Result<Outcome, Reason> {
        let refusal = |error: ZensimError| Reason(error.to_string());
        let zensim = zensim::Zensim::new(PROFILE).with_parallel(false);
        let result = zensim.compute(reference, candidate).map_err(refusal)?;
        Ok(Outcome::of(result.score()).with_part("distance", result.raw_distance()))
    }

    fn software(&self) -> String {
        SOFTWARE.to_owned()
    }
}

const SOFTWARE: &str = "zensim 0.2.7";

const CARD: MetricCard = MetricCard {
    id: "zensim@preview-v0.2",
    default_profile: true,
    title: "zensim",
    definition: "100 - 18 d^0.7, d a weighted sum of SSIM, edge, error and high-frequency terms in XYB on four scales",
    source: "crate zensim, 2025 (software)",
    reproduces: "zensim 0.2.7, profile zensim-preview-v0.2, exactly",
    range: ValueRange { low: f64::NEG_INFINITY, high: 100.0 },
    equal: 100.0,
    symmetric: false,
    minimum_side: 8,
    when_smaller: "use psnr or ciede2000",
    colour: ColourUse::Colour,
    blind_to: &["anything unlike the codec artefacts its weights were fitted to"],
    notes: &["a preview: the crate may drop this set of weights in a later version"],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &CARD, build: |id, card| Ok(Registered::boxed(id, card, Zensim)) }];

#[cfg(test)]
mod tests {
    use lookalike_core::{Channels, Error, Samples};

    use super::*;
    use crate::test_pictures::{pattern, value};

    #[test]
    fn the_id_names_the_profile() {
        assert_eq!(CARD.id, PROFILE.name().replacen('-', "@", 1));
    }

    #[test]
    fn equal_pictures_score_100() {
        for (width, height) in [(8, 8), (9, 17), (64, 40)] {
            let a = pattern(width, height, 7);
            assert_eq!(value("zensim", &a, &a), 100.0, "{width}x{height}");
            assert!(value("zensim", &a, &pattern(width, height, 5)) < 90.0);
        }
        let flat = |level| Picture::from_u8(8, 8, Channels::Grey, vec![level; 64]).unwrap();
        assert_eq!(value("zensim", &flat(0), &flat(0)), 100.0);
        assert!(value("zensim", &flat(0), &flat(255)) < 50.0);
    }

    #[test]
    fn the_crate_s_own_view_of_8_bit_pixels_gives_the_same_bits() {
        let (a, b) = (pattern(24, 11, 7), pattern(24, 11, 5));
        let triples = |picture: &Picture| -> Vec<[u8; 3]> {
            let Samples::U8(codes) = picture.samples() else { panic!() };
            codes.chunks(3).map(|c| [c[0], c[1], c[2]]).collect()
        };
        let (left, right) = (triples(&a), triples(&b));
        let direct = zensim::Zensim::new(PROFILE)
            .compute(&zensim::RgbSlice::new(&left, 24, 11), &zensim::RgbSlice::new(&right, 24, 11))
            .unwrap();
        assert_eq!(value("zensim", &a, &b), direct.score());
    }

    #[test]
    fn sample_types_agree() {
        let (a, b) = (pattern(16, 12, 7), pattern(16, 12, 5));
        let float = |picture: &Picture| {
            let samples = crate::interleaved::rgb_f64(picture).collect();
            Picture::from_f64(16, 12, Channels::Rgb, samples).unwrap()
        };
        let (codes, light) = (value("zensim", &a, &b), value("zensim", &float(&a), &float(&b)));
        assert!((codes - light).abs() < 1e-5 * codes.abs(), "{codes} {light}");
        assert_eq!(value("zensim", &float(&a), &float(&a)), 100.0);
    }

    #[test]
    fn seven_pixels_are_too_few() {
        let metric = crate::metric("zensim").unwrap();
        let error =
            metric.compare(&pattern(7, 9, 3), &pattern(7, 9, 3), Want::default()).unwrap_err();
        assert!(matches!(error, Error::TooSmall { minimum: 8, width: 7, .. }), "{error}");
    }
}
