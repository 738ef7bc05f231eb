//! Pictures as a page shows them: 8-bit sRGB, reduced, as `data:` addresses.
//!
//! Samples of any depth and full scale are brought to 8 bits; scene-linear light takes the curve
//! that was asked for, else it is cut off at diffuse white. A picture is JPEG unless a lossless WebP
//! is about as small, as it is for screenshots and drawings. Reducing averages the pixels that fall
//! together, in their coding.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError, RgbImage, imageops};
use lookalike::{Channels, Encoding, Picture, PictureOptions, Samples, Tonemap};

/// Longest side of a preview, in pixels.
const PREVIEW_SIDE: u32 = 1024;
/// Longest side of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 160;
/// Bytes that a thumbnail may take before it is coded more coarsely.
pub(super) const THUMBNAIL_BYTES: usize = 4096;
/// Sides and JPEG qualities of thumbnails, tried until one is small enough.
const THUMBNAIL_STEPS: [(u32, u8); 5] =
    [(THUMBNAIL_SIDE, 80), (THUMBNAIL_SIDE, 60), (THUMBNAIL_SIDE, 35), (112, 35), (64, 30)];
/// Bytes that a preview may take before it is coded more coarsely.
const PREVIEW_BYTES: usize = 192 << 10;
/// JPEG qualities of previews, tried until one is small enough.
const PREVIEW_QUALITIES: [u8; 3] = [88, 75, 60];

/// An encoded picture.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The picture as a `data:` address.
    pub(crate) address: Arc<str>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Shown {
    /// What it adds to the page, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.address.len()
    }
}

/// The picture in 8-bit sRGB, at its own size. `None` when its sides exceed 32 bits.
pub(crate) fn displayed(picture: &Picture, options: &PictureOptions) -> Option<RgbImage> {
    let full_scale = options.range.unwrap_or(picture.full_scale());
    let curve = match picture.encoding() {
        Encoding::SceneLinear => Some(options.tonemap.unwrap_or(Tonemap::Clip)),
        _ => None,
    };
    let samples = picture.samples();
    let code = |index: usize| {
        let share = samples.get(index) / full_scale;
        let share = curve.map_or(share, |curve| curve.apply(share));
        (share * 255.0).round().clamp(0.0, 255.0) as u8
    };
    let codes: Vec<u8> = match samples {
        Samples::U8(codes) if full_scale == 255.0 => codes.clone(),
        _ => (0..samples.len()).map(code).collect(),
    };
    let codes = match picture.channels() {
        Channels::Rgb => codes,
        Channels::Grey => codes.iter().flat_map(|&code| [code; 3]).collect(),
    };
    RgbImage::from_raw(picture.width().try_into().ok()?, picture.height().try_into().ok()?, codes)
}

/// A picture for the detail view.
pub(crate) fn preview(picture: &RgbImage) -> Option<Shown> {
    let reduced = reduced(picture, PREVIEW_SIDE);
    let mut coded = Vec::new();
    for quality in PREVIEW_QUALITIES {
        coded = jpeg(&reduced, quality).ok()?;
        if coded.len() <= PREVIEW_BYTES {
            break;
        }
    }
    // Where JPEG needs many bits per pixel there is noise, which lossless coding cannot shorten.
    let pixels = reduced.width() as usize * reduced.height() as usize;
    if coded.len() < pixels / 4 + 2048
        && let Ok(exact) = lossless(&reduced)
        && exact.len() <= coded.len() + coded.len() / 2
    {
        return Some(shown(&reduced, "webp", &exact));
    }
    Some(shown(&reduced, "jpeg", &coded))
}

/// A picture for the table, of at most [`THUMBNAIL_BYTES`] except for the coarsest coding.
pub(crate) fn thumbnail(picture: &RgbImage) -> Option<Shown> {
    let mut small = reduced(picture, THUMBNAIL_SIDE).into_owned();
    let mut coded = None;
    for (side, quality) in THUMBNAIL_STEPS {
        if small.width().max(small.height()) > side {
            small = reduced(&small, side).into_owned();
        }
        let bytes = jpeg(&small, quality).ok()?;
        let fits = bytes.len() <= THUMBNAIL_BYTES;
        coded = Some(shown(&small, "jpeg", &bytes));
        if fits {
            break;
        }
    }
    coded
}

/// The picture with sides of at most `side`, or as it is.
fn reduced(picture: &RgbImage, side: u32) -> Cow<'_, RgbImage> {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= side {
        return Cow::Borrowed(picture);
    }
    let to = |length: u32| {
        let scaled = u64::from(length) * u64::from(side) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    Cow::Owned(imageops::thumbnail(picture, to(width), to(height)))
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
}

fn lossless(picture: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    WebPEncoder::new_lossless(&mut bytes).write_image(
        picture.as_raw(),
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

fn shown(picture: &RgbImage, format: &str, bytes: &[u8]) -> Shown {
    let mut address = String::with_capacity(bytes.len() * 4 / 3 + 32);
    let _ = write!(address, "data:image/{format};base64,");
    STANDARD.encode_string(bytes, &mut address);
    Shown { address: address.into(), width: picture.width(), height: picture.height() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(shown: &Shown) -> RgbImage {
        let (_, coded) = shown.address.split_once(',').unwrap();
        image::load_from_memory(&STANDARD.decode(coded).unwrap()).unwrap().to_rgb8()
    }

    fn noise(width: u32, height: u32) -> RgbImage {
        let mut state = 1_u32;
        RgbImage::from_fn(width, height, |_, _| {
            image::Rgb([0; 3].map(|_: u8| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }))
        })
    }

    #[test]
    fn every_depth_becomes_eight_bits() {
        let none = PictureOptions::default();
        let grey = Picture::from_u16(2, 1, Channels::Grey, vec![0, 65535]).unwrap();
        assert_eq!(displayed(&grey, &none).unwrap().as_raw(), &[0, 0, 0, 255, 255, 255]);
        let twelve = Picture::from_u16(1, 1, Channels::Grey, vec![4095]).unwrap();
        let range = PictureOptions { range: Some(4095.0), ..none };
        assert_eq!(displayed(&twelve, &range).unwrap().as_raw(), &[255, 255, 255]);
        let float = Picture::from_f32(1, 1, Channels::Rgb, vec![0.0, 0.5, 1.0]).unwrap();
        assert_eq!(displayed(&float, &none).unwrap().as_raw(), &[0, 128, 255]);
        let samples = Samples::F32(vec![0.0, 0.18, 40.0]);
        let light = float.with_samples(Channels::Rgb, samples, Encoding::SceneLinear).unwrap();
        assert_eq!(displayed(&light, &none).unwrap().as_raw(), &[0, 118, 255]);
        let curve = PictureOptions { tonemap: Some(Tonemap::Reinhard), ..none };
        assert_eq!(displayed(&light, &curve).unwrap().as_raw(), &[0, 109, 252]);
    }

    #[test]
    fn thumbnails_stay_within_their_bytes_whatever_they_show() {
        for (width, height) in [(800, 600), (600, 800), (160, 160), (1, 4000), (3, 2)] {
            let small = thumbnail(&noise(width, height)).unwrap();
            assert!(small.bytes() <= THUMBNAIL_BYTES * 4 / 3 + 32, "{width}x{height}");
            assert!(small.width.max(small.height) <= THUMBNAIL_SIDE);
            assert_eq!(decoded(&small).dimensions(), (small.width, small.height));
        }
    }

    #[test]
    fn drawings_are_kept_exactly_and_noise_is_not() {
        let drawing = RgbImage::from_fn(300, 200, |x, y| {
            image::Rgb([(x / 40 * 30) as u8, (y / 50) as u8, 9])
        });
        let exact = preview(&drawing).unwrap();
        assert!(exact.address.starts_with("data:image/webp;"));
        assert_eq!(decoded(&exact), drawing);
        let noisy = preview(&noise(2048, 300)).unwrap();
        assert!(noisy.address.starts_with("data:image/jpeg;"));
        assert_eq!((noisy.width, noisy.height), (1024, 150));
    }
}
