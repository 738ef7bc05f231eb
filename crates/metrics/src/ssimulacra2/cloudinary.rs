//! SSIMULACRA2 with every bit of the authors' tool, through the crate `fast-ssim2`.
//!
//! The tool filters by recursion in f32, whose rounding alone moves scores by up to 0.15 (most near
//! 90, where little else does); the crate repeats each of its operations. A picture is scored as a
//! whole, without strips.
//!
//! Choices: pictures whose samples are 8-bit codes, of whatever type, go in as such; 16-bit pictures
//! go in as 16-bit codes, all others as sRGB-coded `f32`.
//!
//! Reproduces `fast-ssim2` 0.9.1 exactly; the crate `ssimulacra2` 0.5.1 lies within 0.08.

use std::sync::OnceLock;

use fast_ssim2::{
    PixelDescriptor, PixelSlice, Ssimulacra2Error, Ssimulacra2Reference, TransferFunction,
};
use lookalike_core::{Channels, Encoding, Picture, Samples, ScoreMap, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason};
use crate::interleaved::{rgb_f64, rgb_u8, sides};

pub(super) struct Cloudinary;

/// A picture in the crate's form and, once it has served as reference, its pyramid.
pub(super) struct Features {
    pixels: Pixels,
    pyramid: OnceLock<Result<Ssimulacra2Reference, String>>,
}

fn refusal(error: Ssimulacra2Error) -> Reason {
    Reason(error.to_string())
}

impl ClosedForm for Cloudinary {
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

pub(super) const SOFTWARE: &str = "fast-ssim2 0.9.1";
