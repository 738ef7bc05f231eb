//! Bringing a candidate of another size to the reference's size, by a named policy.
//!
//! Different sizes are an error unless a policy is chosen, and the policy is recorded with the
//! pictures it changed, since it is part of what was measured.
//!
//! Resizing is a convolution with the cubic of Keys (1981), a = −0.5 (Catmull–Rom), whose support
//! widens with the reduction so that nothing aliases. It runs on the samples as they are coded, at
//! their own depth (double precision at 32 bits); what the kernel's negative lobes push beyond the
//! range of the samples is cut off.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, F32x3, U8, U8x3, U16, U16x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::{Channels, Encoding, Error, Picture, Result, Samples};

/// How pictures of different size are brought together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FitPolicy {
    /// Different sizes are an error.
    #[default]
    Error,
    /// The candidate is resampled to the reference's size (antialiased bicubic, a = −0.5).
    Resize,
    /// Both are cut to the common size, keeping their centres.
    Crop,
    /// Both are padded with black to the larger size on each axis, keeping the top left corner.
    Pad,
}

impl FitPolicy {
    /// The policy's name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Resize => "resize",
            Self::Crop => "crop",
            Self::Pad => "pad",
        }
    }
}

/// Both pictures at one size, reference first. Pictures of equal size come back unchanged, and
/// `fit=…` is recorded with those that were changed.
///
/// # Errors
/// [`Error::SizeMismatch`] under [`FitPolicy::Error`].
pub fn fit(
    reference: Picture,
    candidate: Picture,
    policy: FitPolicy,
) -> Result<(Picture, Picture)> {
    let (wanted, found) = (size(&reference), size(&candidate));
    if wanted == found {
        return Ok((reference, candidate));
    }
    let larger = (wanted.0.max(found.0), wanted.1.max(found.1));
    let common = (wanted.0.min(found.0), wanted.1.min(found.1));
    let recorded = |picture: Picture| picture.with_step(format!("fit={}", policy.as_str()));
    let change = |picture: Picture, to: (usize, usize)| {
        if size(&picture) == to {
            return Ok(picture);
        }
        match policy {
            FitPolicy::Crop => centre(&picture, to),
            FitPolicy::Pad => pad(&picture, to),
            FitPolicy::Resize | FitPolicy::Error => resize(&picture, to),
        }
        .map(recorded)
    };
    match policy {
        FitPolicy::Error => Err(Error::SizeMismatch { reference: wanted, candidate: found }),
        FitPolicy::Resize => Ok((reference, change(candidate, wanted)?)),
        FitPolicy::Crop => Ok((change(reference, common)?, change(candidate, common)?)),
        FitPolicy::Pad => Ok((change(reference, larger)?, change(candidate, larger)?)),
    }
}

fn size(picture: &Picture) -> (usize, usize) {
    (picture.width(), picture.height())
}

/// The middle of a picture; an odd pixel is cut off on the right and below.
fn centre(picture: &Picture, (width, height): (usize, usize)) -> Result<Picture> {
    let (left, top) = ((picture.width() - width) / 2, (picture.height() - height) / 2);
    picture.crop(left, top, width, height)
}

/// Black to the right and below.
fn pad(picture: &Picture, to: (usize, usize)) -> Result<Picture> {
    fn padded<T: Copy + Default>(
        samples: &[T],
        row: usize,
        (width, height): (usize, usize),
    ) -> Vec<T> {
        let mut padded = Vec::with_capacity(width * height);
        for line in samples.chunks_exact(row) {
            padded.extend_from_slice(line);
            padded.resize(padded.len() + width - row, T::default());
        }
        padded.resize(width * height, T::default());
        padded
    }
    let stride = picture.channels().count();
    let (row, target) = (picture.width() * stride, (to.0 * stride, to.1));
    let samples = match picture.samples() {
        Samples::U8(samples) => Samples::U8(padded(samples, row, target)),
        Samples::U16(samples) => Samples::U16(padded(samples, row, target)),
        Samples::F32(samples) => Samples::F32(padded(samples, row, target)),
        Samples::F64(samples) => Samples::F64(padded(samples, row, target)),
    };
    rebuilt(picture, to, samples)
}

fn resize(picture: &Picture, to: (usize, usize)) -> Result<Picture> {
    let from = size(picture);
    let grey = picture.channels() == Channels::Grey;
    let samples = match picture.samples() {
        Samples::U8(samples) if grey => {
            let pixels: Vec<_> = samples.iter().map(|&sample| U8::new(sample)).collect();
            Samples::U8(resampled(&pixels, from, to)?.iter().map(|pixel| pixel.0).collect())
        }
        Samples::U8(samples) => {
            let pixels: Vec<_> = samples.as_chunks().0.iter().map(|&rgb| U8x3::new(rgb)).collect();
            Samples::U8(resampled(&pixels, from, to)?.iter().flat_map(|pixel| pixel.0).collect())
        }
        Samples::U16(samples) if grey => {
            let pixels: Vec<_> = samples.iter().map(|&sample| U16::new(sample)).collect();
            Samples::U16(resampled(&pixels, from, to)?.iter().map(|pixel| pixel.0).collect())
        }
        Samples::U16(samples) => {
            let pixels: Vec<_> = samples.as_chunks().0.iter().map(|&rgb| U16x3::new(rgb)).collect();
            Samples::U16(resampled(&pixels, from, to)?.iter().flat_map(|pixel| pixel.0).collect())
        }
        Samples::F32(samples) => Samples::F32(resampled_float(samples, grey, from, to)?),
        Samples::F64(samples) => {
            let single: Vec<f32> = samples.iter().map(|&sample| sample as f32).collect();
            Samples::F32(resampled_float(&single, grey, from, to)?)
        }
    };
    rebuilt(picture, to, within_range(samples, picture))
}

fn resampled_float(
    samples: &[f32],
    grey: bool,
    from: (usize, usize),
    to: (usize, usize),
) -> Result<Vec<f32>> {
    if grey {
        let pixels: Vec<_> = samples.iter().map(|&sample| F32::new(sample)).collect();
        return Ok(resampled(&pixels, from, to)?.iter().map(|pixel| pixel.0).collect());
    }
    let pixels: Vec<_> = samples.as_chunks().0.iter().map(|&rgb| F32x3::new(rgb)).collect();
    Ok(resampled(&pixels, from, to)?.iter().flat_map(|pixel| pixel.0).collect())
}

fn resampled<P: PixelTrait + Default>(
    pixels: &[P],
    from: (usize, usize),
    to: (usize, usize),
) -> Result<Vec<P>> {
    let failed = |reason: String| Error::UnsupportedFormat {
        name: format!("{}x{} pixels to {}x{}", from.0, from.1, to.0, to.1),
        reason: format!("cannot be resized: {reason}"),
    };
    let side = |side: usize| {
        u32::try_from(side).map_err(|_| failed(format!("a side of {side} pixels is too long")))
    };
    let source = TypedImageRef::new(side(from.0)?, side(from.1)?, pixels)
        .map_err(|error| failed(error.to_string()))?;
    let mut target = TypedImage::new(side(to.0)?, side(to.1)?);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .use_alpha(false);
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|error| failed(error.to_string()))?;
    Ok(target.pixels().to_vec())
}

/// Cuts off what lies beyond the picture's range: 0…full scale, or 0 and above for light.
fn within_range(mut samples: Samples, picture: &Picture) -> Samples {
    let scene = picture.encoding() == Encoding::SceneLinear;
    let full = if scene { f64::INFINITY } else { picture.full_scale() };
    match &mut samples {
        Samples::U8(samples) => cut(samples, (full.min(255.0)) as u8),
        Samples::U16(samples) => cut(samples, (full.min(65535.0)) as u16),
        Samples::F32(samples) => {
            samples.iter_mut().for_each(|sample| *sample = sample.clamp(0.0, full as f32));
        }
        Samples::F64(samples) => {
            samples.iter_mut().for_each(|sample| *sample = sample.clamp(0.0, full));
        }
    }
    samples
}

fn cut<T: Copy + Ord>(samples: &mut [T], full: T) {
    samples.iter_mut().for_each(|sample| *sample = full.min(*sample));
}

/// A picture of the same meaning with another size.
fn rebuilt(
    picture: &Picture,
    (width, height): (usize, usize),
    samples: Samples,
) -> Result<Picture> {
    let provenance = picture.provenance().clone();
    let (channels, encoding) = (picture.channels(), picture.encoding());
    Picture::new(width, height, channels, samples, encoding, provenance)?
        .with_full_scale(picture.full_scale())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, sample: impl Fn(usize, usize) -> u8) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let samples = pixels.map(|(x, y)| sample(x, y)).collect();
        Picture::from_u8(width, height, Channels::Grey, samples).unwrap()
    }

    const POLICIES: [FitPolicy; 4] =
        [FitPolicy::Error, FitPolicy::Resize, FitPolicy::Crop, FitPolicy::Pad];

    #[test]
    fn equal_sizes_are_unchanged_under_every_policy() {
        let (a, b) = (grey(5, 4, |x, _| x as u8), grey(5, 4, |_, y| y as u8));
        for policy in POLICIES {
            let fitted = fit(a.clone(), b.clone(), policy).unwrap();
            assert_eq!(fitted, (a.clone(), b.clone()), "{policy:?}");
        }
    }

    #[test]
    fn different_sizes_are_an_error_by_default() {
        let error = fit(grey(5, 4, |_, _| 0), grey(4, 4, |_, _| 0), FitPolicy::default());
        let sizes = Error::SizeMismatch { reference: (5, 4), candidate: (4, 4) };
        assert_eq!(error.unwrap_err().to_string(), sizes.to_string());
    }

    #[test]
    fn cropping_keeps_both_centres() {
        let (a, b) = (grey(6, 3, |x, _| x as u8), grey(3, 5, |_, y| y as u8));
        let (a, b) = fit(a, b, FitPolicy::Crop).unwrap();
        assert_eq!((size(&a), size(&b)), ((3, 3), (3, 3)));
        assert_eq!(a.plane(0, 255.0)[..3], [1.0, 2.0, 3.0]);
        assert_eq!(b.plane(0, 255.0), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(a.provenance().steps, ["fit=crop"]);
        assert_eq!(b.provenance().steps, ["fit=crop"]);
    }

    #[test]
    fn padding_adds_black_right_and_below_to_those_that_need_it() {
        let reference = Picture::from_u16(1, 2, Channels::Rgb, vec![9; 6]).unwrap();
        let (a, b) = fit(reference, grey(3, 2, |_, _| 7), FitPolicy::Pad).unwrap();
        let row = [9, 9, 9, 0, 0, 0, 0, 0, 0];
        assert_eq!(a.samples(), &Samples::U16([row, row].concat()));
        assert_eq!(a.provenance().steps, ["fit=pad"]);
        assert!(b.provenance().steps.is_empty());
    }

    #[test]
    fn resizing_changes_the_candidate_only_and_keeps_its_depth() {
        let reference = grey(8, 6, |_, _| 0);
        let rgb = |samples: Samples| {
            let provenance = crate::Provenance::default();
            Picture::new(5, 7, Channels::Rgb, samples, Encoding::Srgb, provenance).unwrap()
        };
        let candidates = [
            (rgb(Samples::U8(vec![100; 105])), "u8", 100.0 / 255.0),
            (rgb(Samples::U16(vec![1000; 105])), "u16", 1000.0 / 65535.0),
            (rgb(Samples::F32(vec![0.25; 105])), "f32", 0.25),
            (rgb(Samples::F64(vec![0.25; 105])), "f32", 0.25),
            (grey(9, 9, |_, _| 51), "u8", 0.2),
        ];
        for (candidate, name, value) in candidates {
            let channels = candidate.channels();
            let (a, b) = fit(reference.clone(), candidate, FitPolicy::Resize).unwrap();
            assert_eq!(a, reference);
            assert_eq!((size(&b), b.channels(), b.samples().type_name()), ((8, 6), channels, name));
            assert_eq!(b.provenance().steps, ["fit=resize"]);
            assert!(b.plane(0, 1.0).iter().all(|sample| (sample - value).abs() < 1e-6), "{name}");
        }
    }

    #[test]
    fn reducing_averages_what_it_covers() {
        let stripes = grey(64, 64, |x, _| if x % 2 == 0 { 0 } else { 255 });
        let (_, small) = fit(grey(8, 8, |_, _| 0), stripes, FitPolicy::Resize).unwrap();
        let middle = &small.plane(0, 255.0)[8 * 4 + 2..8 * 4 + 6];
        assert!(middle.iter().all(|sample| (sample - 127.5).abs() <= 1.5), "{middle:?}");
    }

    #[test]
    fn enlarging_follows_the_cubic_and_stays_within_the_full_scale() {
        // A step from 0 to 1 doubled in size: Keys' cubic at a quarter pixel from the edge.
        let step = Picture::from_f32(8, 1, Channels::Grey, [[0.0; 4], [1.0; 4]].concat()).unwrap();
        let (_, large) = fit(grey(16, 1, |_, _| 0), step, FitPolicy::Resize).unwrap();
        let row = large.plane(0, 1.0);
        assert!((row[7] - 0.203_125).abs() < 1e-6, "{}", row[7]);
        assert!((row[8] - 0.796_875).abs() < 1e-6, "{}", row[8]);
        assert_eq!((row[6], row[9]), (0.0, 1.0), "overshoot is cut off");
        let twelve_bits = Picture::from_u16(2, 1, Channels::Grey, vec![0, 4095]).unwrap();
        let twelve_bits = twelve_bits.with_full_scale(4095.0).unwrap();
        let (_, large) = fit(grey(16, 1, |_, _| 0), twelve_bits, FitPolicy::Resize).unwrap();
        assert_eq!(large.full_scale(), 4095.0);
    }
}
