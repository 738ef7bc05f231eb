//! Distortions of graded strength.
//!
//! Strength s runs from 0, which leaves a picture as it is, to 1, which no one would overlook. The
//! damage grows with s. Samples are computed on the 0…1 scale and rounded to the picture's own
//! depth.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageDecoder};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Channels, Encoding, Error, Picture, Result, Samples};

/// A way to damage a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distortion {
    /// Added noise, near-Gaussian, of standard deviation 0.25·s, independent in every sample.
    Noise,
    /// Three box filters in a row, near-Gaussian, of a radius that grows to a sixteenth of the
    /// shorter side (at least 4 pixels).
    Blur,
    /// JPEG of 8 bits at quality 95 − 94·s, rounded. Needs a display-coded picture.
    Jpeg,
    /// Fewer levels: steps of size s/2.
    Quantise,
    /// Contrast around the mean, times 1 − 0.9·s.
    Contrast,
    /// Brightness raised by 0.5·s and cut off at white.
    Brightness,
    /// Moved to the right by up to an eighth of the width (at least 1 pixel), the left edge
    /// repeated.
    Shift,
    /// Colour faded towards BT.601 luma; grey pictures stay as they are.
    Saturation,
}

impl Distortion {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Noise,
        Self::Blur,
        Self::Jpeg,
        Self::Quantise,
        Self::Contrast,
        Self::Brightness,
        Self::Shift,
        Self::Saturation,
    ];

    /// The distortion's name, one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Blur => "blur",
            Self::Jpeg => "jpeg",
            Self::Quantise => "quantise",
            Self::Contrast => "contrast",
            Self::Brightness => "brightness",
            Self::Shift => "shift",
            Self::Saturation => "saturation",
        }
    }

    /// The damaged picture, at the same depth and size. `strength` is cut to 0…1, NaN counting as
    /// 0; `seed` matters to noise only.
    ///
    /// # Errors
    /// [`Error::UnsupportedFormat`] for JPEG of scene-linear pictures or of sides beyond 65535.
    pub fn apply(self, picture: &Picture, strength: f64, seed: u64) -> Result<Picture> {
        let strength = if strength > 0.0 { strength.min(1.0) } else { 0.0 };
        if strength == 0.0 {
            return Ok(picture.clone());
        }
        let mut planes: Vec<Vec<f64>> =
            (0..picture.channels().count()).map(|channel| picture.plane(channel, 1.0)).collect();
        let (width, height) = (picture.width(), picture.height());
        match self {
            Self::Noise => add_noise(&mut planes, 0.25 * strength, seed),
            Self::Blur => {
                let radius = (width.min(height) as f64 / 16.0).max(4.0) * strength;
                for plane in &mut planes {
                    *plane = blurred(plane, width, height, radius);
                }
            }
            Self::Jpeg => planes = through_jpeg(picture, &planes, 95.0 - 94.0 * strength)?,
            Self::Quantise => {
                each(&mut planes, |v| (v / (strength / 2.0)).round() * (strength / 2.0))
            }
            Self::Contrast => {
                for plane in &mut planes {
                    let mean = plane.iter().sum::<f64>() / plane.len() as f64;
                    plane.iter_mut().for_each(|v| *v = mean + (*v - mean) * (1.0 - 0.9 * strength));
                }
            }
            Self::Brightness => each(&mut planes, |v| (v + 0.5 * strength).min(1.0_f64.max(v))),
            Self::Shift => {
                let most = (width as f64 / 8.0).max(1.0);
                let columns = ((most * strength).ceil() as usize).min(width - 1);
                for row in planes.iter_mut().flat_map(|plane| plane.chunks_exact_mut(width)) {
                    row.copy_within(..width - columns, columns);
                    let edge = row[0];
                    row[..columns].fill(edge);
                }
            }
            Self::Saturation => fade(&mut planes, strength),
        }
        rebuilt(picture, &planes)
    }
}

fn each(planes: &mut [Vec<f64>], change: impl Fn(f64) -> f64) {
    planes.iter_mut().flatten().for_each(|sample| *sample = change(*sample));
}

/// Adds the sum of twelve uniform numbers less 6 (mean 0, variance 1), times the deviation; unlike
/// a logarithm it is the same number on every machine.
fn add_noise(planes: &mut [Vec<f64>], deviation: f64, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for sample in planes.iter_mut().flatten() {
        let sum: f64 = (0..12).map(|_| f64::from(rng.random::<u16>()) / 65535.0).sum();
        *sample += deviation * (sum - 6.0);
    }
}

/// Three passes of a box of 2·radius + 1 pixels along each axis, radius being fractional.
fn blurred(plane: &[f64], width: usize, height: usize, radius: f64) -> Vec<f64> {
    let mut plane = plane.to_vec();
    let mut line = Vec::new();
    for _ in 0..3 {
        for row in plane.chunks_exact_mut(width) {
            box_filter(row, radius, &mut line);
        }
        for x in 0..width {
            let mut column: Vec<f64> = plane.iter().skip(x).step_by(width).copied().collect();
            box_filter(&mut column, radius, &mut line);
            for y in 0..height {
                plane[y * width + x] = column[y];
            }
        }
    }
    plane
}

/// The mean of `radius` pixels on both sides, the two outermost weighed by what is left of the
/// radius; edges are repeated. `sums` is scratch space.
fn box_filter(line: &mut [f64], radius: f64, sums: &mut Vec<f64>) {
    let whole = radius.floor() as usize;
    let part = radius - radius.floor();
    let last = line.len() - 1;
    let at = |line: &[f64], index: usize| line[index.saturating_sub(whole + 1).min(last)];
    // sums[i] is the sum of the first i samples of the line with its edges repeated.
    sums.clear();
    sums.push(0.0);
    let mut sum = 0.0;
    for index in 0..line.len() + 2 * (whole + 1) {
        sum += at(line, index);
        sums.push(sum);
    }
    let sample = |index: usize| sums[index + 1] - sums[index];
    for (x, out) in line.iter_mut().enumerate() {
        let inner = sums[x + 2 * whole + 2] - sums[x + 1];
        let outer = sample(x) + sample(x + 2 * whole + 2);
        *out = (inner + part * outer) / (2.0 * radius + 1.0);
    }
}

/// Encodes at 8 bits and decodes.
fn through_jpeg(picture: &Picture, planes: &[Vec<f64>], quality: f64) -> Result<Vec<Vec<f64>>> {
    let failed = |reason: String| Error::UnsupportedFormat {
        name: picture.name(),
        reason: format!("cannot be coded as JPEG: {reason}"),
    };
    if picture.encoding() == Encoding::SceneLinear {
        return Err(failed("it is scene-linear; tone-map it first".to_owned()));
    }
    let side = |side: usize| u32::try_from(side).map_err(|error| failed(error.to_string()));
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    let kind = match picture.channels() {
        Channels::Grey => ExtendedColorType::L8,
        Channels::Rgb => ExtendedColorType::Rgb8,
    };
    let samples: Vec<u8> =
        interleaved(planes).map(|sample| (sample * 255.0).round() as u8).collect();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality.round() as u8)
        .encode(&samples, width, height, kind)
        .map_err(|error| failed(error.to_string()))?;
    let decoder =
        JpegDecoder::new(Cursor::new(bytes)).map_err(|error| failed(error.to_string()))?;
    let mut samples = vec![0; samples.len()];
    if decoder.total_bytes() != samples.len() as u64 {
        return Err(failed("it came back in another shape".to_owned()));
    }
    decoder.read_image(&mut samples).map_err(|error| failed(error.to_string()))?;
    let count = planes.len();
    Ok((0..count)
        .map(|channel| {
            let channel = samples.iter().skip(channel).step_by(count);
            channel.map(|&sample| f64::from(sample) / 255.0).collect()
        })
        .collect())
}

fn fade(planes: &mut [Vec<f64>], strength: f64) {
    let [red, green, blue] = planes else { return };
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let luma = 0.299 * *r + 0.587 * *g + 0.114 * *b;
        for sample in [r, g, b] {
            *sample += (luma - *sample) * strength;
        }
    }
}

fn interleaved(planes: &[Vec<f64>]) -> impl Iterator<Item = f64> {
    let count = planes.first().map_or(0, Vec::len);
    (0..count).flat_map(move |pixel| planes.iter().map(move |plane| plane[pixel]))
}

/// The planes at the depth of the picture, cut to its range.
fn rebuilt(picture: &Picture, planes: &[Vec<f64>]) -> Result<Picture> {
    let full = picture.full_scale();
    let most = if picture.encoding() == Encoding::SceneLinear { f64::INFINITY } else { full };
    let scaled = interleaved(planes).map(|sample| (sample * full).clamp(0.0, most));
    let samples = match picture.samples() {
        Samples::U8(_) => Samples::U8(scaled.map(|sample| sample.round() as u8).collect()),
        Samples::U16(_) => Samples::U16(scaled.map(|sample| sample.round() as u16).collect()),
        Samples::F32(_) => Samples::F32(scaled.map(|sample| sample as f32).collect()),
        Samples::F64(_) => Samples::F64(scaled.collect()),
    };
    picture.with_samples(picture.channels(), samples, picture.encoding())?.with_full_scale(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedural::scene;

    fn mean_square(a: &Picture, b: &Picture) -> f64 {
        let squares = (0..3).flat_map(|channel| {
            let planes = a.plane(channel, 1.0).into_iter().zip(b.plane(channel, 1.0));
            planes.map(|(a, b)| (a - b) * (a - b)).collect::<Vec<_>>()
        });
        squares.sum()
    }

    #[test]
    fn damage_grows_with_strength_from_none() {
        let reference = scene(11, 96, 64);
        for distortion in Distortion::ALL {
            let mut before = 0.0;
            for step in 0..=4 {
                let candidate = distortion.apply(&reference, f64::from(step) / 4.0, 1).unwrap();
                let damage = mean_square(&reference, &candidate);
                match step {
                    0 => assert_eq!(candidate, reference),
                    _ => assert!(damage > before, "{} {step}: {damage}", distortion.name()),
                }
                before = damage;
            }
        }
    }

    #[test]
    fn depth_channels_and_full_scale_are_kept() {
        let rgb = scene(3, 24, 17);
        let half = |picture: &Picture| -> Vec<f64> { picture.plane(1, 0.5) };
        let pictures = [
            Picture::from_u8(24, 17, Channels::Grey, vec![90; 24 * 17]).unwrap(),
            Picture::from_u16(24, 17, Channels::Grey, vec![2000; 24 * 17])
                .unwrap()
                .with_full_scale(4095.0)
                .unwrap(),
            Picture::from_f64(24, 17, Channels::Grey, half(&rgb)).unwrap(),
        ];
        for picture in pictures {
            for distortion in Distortion::ALL {
                let candidate = distortion.apply(&picture, 0.5, 1).unwrap();
                let kept = |p: &Picture| (p.channels(), p.samples().type_name(), p.full_scale());
                assert_eq!(kept(&candidate), kept(&picture), "{}", distortion.name());
            }
        }
    }

    #[test]
    fn smallest_pictures_and_odd_strengths_are_taken() {
        let pixel = Picture::from_u8(1, 1, Channels::Rgb, vec![10, 200, 30]).unwrap();
        for distortion in Distortion::ALL {
            assert_eq!(distortion.apply(&pixel, f64::NAN, 0).unwrap(), pixel);
            assert_eq!(distortion.apply(&pixel, -1.0, 0).unwrap(), pixel);
            let most = distortion.apply(&pixel, 7.0, 0).unwrap();
            assert_eq!(most, distortion.apply(&pixel, 1.0, 0).unwrap());
        }
    }

    #[test]
    fn noise_follows_its_seed_and_deviation() {
        let grey = Picture::from_f64(64, 64, Channels::Grey, vec![0.5; 4096]).unwrap();
        let noisy = |seed| Distortion::Noise.apply(&grey, 0.2, seed).unwrap();
        assert_eq!(noisy(1), noisy(1));
        assert_ne!(noisy(1), noisy(2));
        let square: f64 = noisy(1).plane(0, 1.0).iter().map(|v| (v - 0.5) * (v - 0.5)).sum();
        let deviation = (square / 4096.0).sqrt();
        assert!((deviation - 0.05).abs() < 0.003, "{deviation}");
    }

    #[test]
    fn the_box_filter_keeps_the_mean_and_its_shape() {
        let mut line = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        box_filter(&mut line, 1.5, &mut Vec::new());
        let expected = [0.0, 0.125, 0.25, 0.25, 0.25, 0.125, 0.0];
        assert!(line.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{line:?}");
    }

    #[test]
    fn light_cannot_be_coded_as_jpeg() {
        let light = Picture::from_f32(8, 8, Channels::Grey, vec![0.5; 64]).unwrap();
        let samples = Samples::F32(vec![4.0; 64]);
        let light = light.with_samples(Channels::Grey, samples, Encoding::SceneLinear).unwrap();
        assert!(Distortion::Jpeg.apply(&light, 0.5, 0).is_err());
        assert!(Distortion::Blur.apply(&light, 0.5, 0).is_ok());
    }
}
