//! What becomes of transparent pixels.
//!
//! Compositing over a background B: with straight alpha C·α + B·(1 − α), with premultiplied
//! colours C + B·(1 − α), at the depth of the samples, rounded to nearest. Display-coded samples
//! are composited as they are coded, as browsers do; scene-linear ones in light, white being 1.
//! Ignoring alpha keeps the colours as stored, multiplied or not.

use crate::decode::decoded::{Alpha, Decoded};
use crate::decode::source::Source;
use crate::{AlphaPolicy, Error, Result, Samples};

/// The picture without alpha; `alpha=…` is recorded when there were transparent pixels.
pub(super) fn resolve(
    mut decoded: Decoded,
    policy: AlphaPolicy,
    source: &Source<'_>,
) -> Result<Decoded> {
    if decoded.alpha == Alpha::None {
        return Ok(decoded);
    }
    let stride = decoded.stride();
    let transparent = match &decoded.samples {
        Samples::U8(samples) => any_below(samples, stride, u8::MAX),
        Samples::U16(samples) => any_below(samples, stride, u16::MAX),
        Samples::F32(samples) => any_below(samples, stride, 1.0),
        Samples::F64(samples) => any_below(samples, stride, 1.0),
    };
    let background = match policy {
        _ if !transparent => None,
        AlphaPolicy::Error => return Err(Error::Transparent { name: source.name.to_owned() }),
        AlphaPolicy::Ignore => None,
        AlphaPolicy::White => Some(1),
        AlphaPolicy::Black => Some(0),
    };
    let premultiplied = decoded.alpha == Alpha::Premultiplied;
    match &mut decoded.samples {
        Samples::U8(samples) if background.is_none() => flatten(samples, stride, |c, _| c),
        Samples::U8(samples) => flatten(samples, stride, |colour, alpha| {
            let (colour, alpha) = (u64::from(colour), u64::from(alpha));
            over(colour, alpha, 255, background, premultiplied) as u8
        }),
        Samples::U16(samples) => flatten(samples, stride, |colour, alpha| {
            let (colour, alpha) = (u64::from(colour), u64::from(alpha));
            over(colour, alpha, 65535, background, premultiplied) as u16
        }),
        Samples::F32(samples) => flatten(samples, stride, |colour, alpha| {
            let (colour, alpha) = (f64::from(colour), f64::from(alpha));
            over_float(colour, alpha, background, premultiplied) as f32
        }),
        Samples::F64(samples) => flatten(samples, stride, |colour, alpha| {
            over_float(colour, alpha, background, premultiplied)
        }),
    }
    if decoded.encoding == crate::Encoding::Srgb {
        // Premultiplied colours larger than their alpha can exceed white.
        if let Samples::F32(samples) = &mut decoded.samples {
            samples.iter_mut().for_each(|sample| *sample = sample.min(1.0));
        }
    }
    decoded.alpha = Alpha::None;
    if transparent {
        decoded.steps.push(format!("alpha={}", policy.as_str()));
    }
    Ok(decoded)
}

/// Divides premultiplied colours by alpha, which a colour profile needs: it is defined on the
/// colours themselves. Fully transparent pixels keep their samples.
pub(super) fn divide_by_alpha(mut decoded: Decoded) -> Decoded {
    if decoded.alpha != Alpha::Premultiplied {
        return decoded;
    }
    let stride = decoded.stride();
    match &mut decoded.samples {
        Samples::U8(samples) => {
            divide(samples, stride, |c, a| quotient(c.into(), a.into(), 255) as u8)
        }
        Samples::U16(samples) => {
            divide(samples, stride, |c, a| quotient(c.into(), a.into(), 65535) as u16);
        }
        Samples::F32(samples) => {
            divide(samples, stride, |c, a| if a > 0.0 { (c / a).min(1.0) } else { c });
        }
        Samples::F64(samples) => {
            divide(samples, stride, |c, a| if a > 0.0 { (c / a).min(1.0) } else { c });
        }
    }
    decoded.alpha = Alpha::Straight;
    decoded
}

/// Whether any pixel's alpha is below `full`.
fn any_below<T: Copy + PartialOrd>(samples: &[T], stride: usize, full: T) -> bool {
    fn any<T: Copy + PartialOrd, const N: usize>(samples: &[T], full: T) -> bool {
        // Blocks without an early end compile to vector instructions.
        samples
            .as_chunks::<N>()
            .0
            .chunks(1024)
            .any(|block| block.iter().fold(false, |found, pixel| found | (pixel[N - 1] < full)))
    }
    if stride == 4 { any::<T, 4>(samples, full) } else { any::<T, 2>(samples, full) }
}

/// Every pixel becomes its colours after `combine(colour, alpha)`, in place.
fn flatten<T: Copy>(samples: &mut Vec<T>, stride: usize, combine: impl Fn(T, T) -> T) {
    let pixels = samples.len() / stride;
    if stride == 4 {
        for pixel in 0..pixels {
            let [red, green, blue, alpha] =
                [0, 1, 2, 3].map(|channel| samples[4 * pixel + channel]);
            let colours = [red, green, blue].map(|colour| combine(colour, alpha));
            samples[3 * pixel..3 * pixel + 3].copy_from_slice(&colours);
        }
    } else {
        for pixel in 0..pixels {
            samples[pixel] = combine(samples[2 * pixel], samples[2 * pixel + 1]);
        }
    }
    samples.truncate(pixels * (stride - 1));
    samples.shrink_to_fit();
}

fn divide<T: Copy>(samples: &mut [T], stride: usize, quotient: impl Fn(T, T) -> T) {
    for pixel in samples.chunks_exact_mut(stride) {
        let alpha = pixel[stride - 1];
        pixel[..stride - 1].iter_mut().for_each(|colour| *colour = quotient(*colour, alpha));
    }
}

/// Integer compositing; `full` is odd, so that nearest has no ties.
fn over(colour: u64, alpha: u64, full: u64, background: Option<u64>, premultiplied: bool) -> u64 {
    let Some(background) = background else { return colour };
    let behind = background * full * (full - alpha);
    let sum = if premultiplied { colour * full + behind } else { colour * alpha + behind };
    ((sum + full / 2) / full).min(full)
}

fn over_float(colour: f64, alpha: f64, background: Option<u64>, premultiplied: bool) -> f64 {
    let Some(background) = background else { return colour };
    let front = if premultiplied { colour } else { colour * alpha };
    front + background as f64 * (1.0 - alpha)
}

fn quotient(colour: u64, alpha: u64, full: u64) -> u64 {
    (colour * full + alpha / 2).checked_div(alpha).map_or(colour, |quotient| quotient.min(full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_compositing_is_the_nearest_integer_of_the_real_one() {
        for colour in 0..=255_u64 {
            for alpha in 0..=255_u64 {
                let exact = (colour * alpha) as f64 / 255.0 + (255 - alpha) as f64;
                assert_eq!(over(colour, alpha, 255, Some(1), false), exact.round() as u64);
                let exact = (colour * alpha) as f64 / 255.0;
                assert_eq!(over(colour, alpha, 255, Some(0), false), exact.round() as u64);
            }
        }
    }

    #[test]
    fn premultiplied_colours_are_not_multiplied_again() {
        assert_eq!(over(100, 100, 255, Some(1), true), 255);
        assert_eq!(over(100, 100, 255, Some(0), true), 100);
        assert_eq!(over(200, 100, 255, Some(1), true), 255);
        assert_eq!(quotient(100, 100, 255), 255);
        assert_eq!(quotient(50, 100, 255), 128);
        assert_eq!(quotient(7, 0, 255), 7);
    }
}
