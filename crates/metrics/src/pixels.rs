//! Planes that depend on each pixel of a picture by itself, made in one pass over its samples.

use lookalike_core::{Channels, Luma, Picture, Samples};
use rayon::prelude::*;

use crate::dispatch::vectorised;
use crate::downsample::{Halving, halve};
use crate::plane::Plane;
use crate::row_filter::STRIP;

/// Pixels that one task reads.
const CHUNK: usize = 1 << 14;

/// `N` planes of `colour`, which takes red, green and blue after `tone`, which takes a sample from 0
/// to `peak`. A grey channel counts three times. 8-bit samples cost `tone` nothing: it is tabulated.
pub(crate) fn planes_of<const N: usize>(
    picture: &Picture,
    peak: f64,
    tone: impl Fn(f64) -> f64 + Sync,
    colour: impl Fn([f64; 3]) -> [f64; N] + Sync,
) -> [Plane; N] {
    let full = picture.full_scale();
    let tone = |sample: f64| tone(if full == peak { sample } else { sample / full * peak });
    match picture.samples() {
        Samples::U8(samples) => {
            let table: [f64; 256] = std::array::from_fn(|code| tone(code as f64));
            read(picture, samples, |code| table[usize::from(code)], colour)
        }
        Samples::U16(samples) => read(picture, samples, |code| tone(f64::from(code)), colour),
        Samples::F32(samples) => read(picture, samples, |sample| tone(f64::from(sample)), colour),
        Samples::F64(samples) => read(picture, samples, tone, colour),
    }
}

fn read<const N: usize, T: Copy + Sync>(
    picture: &Picture,
    samples: &[T],
    tone: impl Fn(T) -> f64 + Sync,
    colour: impl Fn([f64; 3]) -> [f64; N] + Sync,
) -> [Plane; N] {
    let (width, height) = (picture.width(), picture.height());
    let mut planes = [(); N].map(|()| Plane::zeros(width, height));
    let mut parts = planes.each_mut().map(|plane| plane.data.chunks_mut(CHUNK));
    let stride = picture.channels().count();
    let tasks: Vec<(&[T], [&mut [f64]; N])> = samples
        .chunks(CHUNK * stride)
        .map(|samples| (samples, parts.each_mut().map(|part| part.next().unwrap_or_default())))
        .collect();
    tasks.into_par_iter().for_each(|(samples, mut to)| {
        let mut put = |i: usize, values: [f64; N]| {
            for (plane, value) in to.iter_mut().zip(values) {
                plane[i] = value;
            }
        };
        match picture.channels() {
            Channels::Grey => {
                let pixels = samples.iter().map(|&sample| colour([tone(sample); 3]));
                pixels.enumerate().for_each(|(i, values)| put(i, values));
            }
            Channels::Rgb => {
                let (pixels, _) = samples.as_chunks::<3>();
                let pixels = pixels.iter().map(|pixel| colour(pixel.map(&tone)));
                pixels.enumerate().for_each(|(i, values)| put(i, values));
            }
        }
    });
    planes
}

/// The colours of three planes of one shape, changed place by place.
pub(crate) fn recoloured(
    mut planes: [Plane; 3],
    colour: impl Fn([f64; 3]) -> [f64; 3] + Sync,
) -> [Plane; 3] {
    let [a, b, c] = planes.each_mut().map(|plane| plane.data.par_chunks_mut(CHUNK));
    a.zip(b).zip(c).for_each(|((a, b), c)| {
        vectorised(
            #[inline(always)]
            || {
                for ((a, b), c) in a.iter_mut().zip(b.iter_mut()).zip(c.iter_mut()) {
                    [*a, *b, *c] = colour([*a, *b, *c]);
                }
            },
        );
    });
    planes
}

/// A function of the two colours at every place.
pub(crate) fn colour_differences(
    reference: &[Plane; 3],
    candidate: &[Plane; 3],
    difference: impl Fn([f64; 3], [f64; 3]) -> f64 + Sync,
) -> Plane {
    let mut out = Plane::zeros(reference[0].width, reference[0].height);
    out.data.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
        let range = chunk * CHUNK..chunk * CHUNK + out.len();
        let [r, c] = [reference, candidate]
            .map(|planes| planes.each_ref().map(|plane| &plane.data[range.clone()]));
        vectorised(
            #[inline(always)]
            || {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = difference(r.map(|plane| plane[i]), c.map(|plane| plane[i]));
                }
            },
        );
    });
    out
}

/// The channels of a picture as planes from 0 to `peak`: one for grey, three for RGB.
pub(crate) fn channels(picture: &Picture, peak: f64) -> Vec<Plane> {
    match picture.channels() {
        Channels::Grey => planes_of(picture, peak, |v| v, |[grey, _, _]| [grey]).into(),
        Channels::Rgb => rgb(picture, peak).into(),
    }
}

/// Red, green and blue from 0 to `peak`; a grey channel is repeated.
pub(crate) fn rgb(picture: &Picture, peak: f64) -> [Plane; 3] {
    planes_of(picture, peak, |v| v, |colour| colour)
}

/// A luma plane on the 0…255 scale.
pub(crate) fn luma(picture: &Picture, luma: Luma) -> Plane {
    luma_scaled(picture, luma, |v| v)
}

/// A luma plane, each value of the 0…255 scale passed through `scale`.
pub(crate) fn luma_scaled(
    picture: &Picture,
    luma: Luma,
    scale: impl Fn(f64) -> f64 + Sync,
) -> Plane {
    if let Some(pixels) = eight_bit_colours(picture) {
        let mut plane = Plane::zeros(picture.width(), picture.height());
        plane.data.par_chunks_mut(CHUNK).zip(pixels.par_chunks(CHUNK)).for_each(|(to, pixels)| {
            vectorised(
                #[inline(always)]
                || {
                    luma_of(luma, pixels, to);
                    to.iter_mut().for_each(|v| *v = scale(*v));
                },
            );
        });
        return plane;
    }
    let [plane] = match picture.channels() {
        Channels::Grey => {
            planes_of(picture, 255.0, |v| scale(luma.of_grey(v)), |[grey, _, _]| [grey])
        }
        Channels::Rgb => planes_of(picture, 255.0, |v| v, |colour| [scale(luma.of(colour))]),
    };
    plane
}

/// [`luma`] at half size, zeros beyond the edge ([`Halving::ZeroBeyond`]): the same bits, of 8-bit
/// colour without the plane at full size.
pub(crate) fn luma_halved(picture: &Picture, kind: Luma) -> Plane {
    let Some(pixels) = eight_bit_colours(picture) else {
        return halve(&luma(picture, kind), Halving::ZeroBeyond);
    };
    let width = picture.width();
    let mut out = Plane::zeros(width.div_ceil(2), picture.height().div_ceil(2));
    let pairs_of_rows = pixels.par_chunks(2 * width);
    let rows = out.data.par_chunks_exact_mut(width.div_ceil(2)).zip(pairs_of_rows);
    rows.with_min_len(STRIP).for_each_init(
        // Two rows, each with a place beyond an odd last pixel.
        || [(); 2].map(|()| vec![0.0; width.next_multiple_of(2)]),
        |lines, (to, pixels)| {
            let (above, below) = pixels.split_at(width);
            vectorised(
                #[inline(always)]
                || {
                    let [first, second] = &mut *lines;
                    if below.is_empty() {
                        second.fill(0.0);
                    }
                    luma_of(kind, above, first);
                    luma_of(kind, below, second);
                    let pairs = lines[0].as_chunks::<2>().0.iter().zip(lines[1].as_chunks::<2>().0);
                    for (to, ([a, b], [c, d])) in to.iter_mut().zip(pairs) {
                        *to = ((a + b) + (c + d)) / 4.0;
                    }
                },
            );
        },
    );
    out
}

/// The pixels of an 8-bit colour picture whose codes are on the 0…255 scale as they are.
fn eight_bit_colours(picture: &Picture) -> Option<&[[u8; 3]]> {
    match picture.samples() {
        Samples::U8(codes)
            if picture.full_scale() == 255.0 && picture.channels() == Channels::Rgb =>
        {
            Some(codes.as_chunks::<3>().0)
        }
        _ => None,
    }
}

#[inline(always)]
fn luma_of(kind: Luma, pixels: &[[u8; 3]], to: &mut [f64]) {
    // One loop for each kind, so that none asks for it pixel by pixel.
    match kind {
        Luma::Y601 => luma_of_kind(Luma::Y601, pixels, to),
        Luma::Y601Integer => luma_of_kind(Luma::Y601Integer, pixels, to),
        Luma::Y601Studio => luma_of_kind(Luma::Y601Studio, pixels, to),
        Luma::Y709 => luma_of_kind(Luma::Y709, pixels, to),
    }
}

#[inline(always)]
fn luma_of_kind(kind: Luma, pixels: &[[u8; 3]], to: &mut [f64]) {
    for (to, [r, g, b]) in to.iter_mut().zip(pixels) {
        *to = kind.of([f64::from(*r), f64::from(*g), f64::from(*b)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halved_luma_is_that_of_the_whole() {
        for (width, height) in [(1, 1), (2, 3), (7, 5), (40, 31), (33, 70)] {
            let codes = (0..width * height * 3).map(|i| (i * 37 % 256) as u8).collect();
            let colour = Picture::from_u8(width, height, Channels::Rgb, codes).unwrap();
            let other_range = colour.clone().with_full_scale(300.0).unwrap();
            for picture in [colour, other_range] {
                for kind in [Luma::Y601, Luma::Y601Integer, Luma::Y601Studio, Luma::Y709] {
                    let expected = halve(&luma(&picture, kind), Halving::ZeroBeyond);
                    assert_eq!(luma_halved(&picture, kind), expected, "{width}×{height} {kind:?}");
                }
            }
        }
    }

    #[test]
    fn planes_are_those_of_the_picture() {
        let codes: Vec<u8> = (0..7 * 5 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let colour = Picture::from_u8(7, 5, Channels::Rgb, codes.clone()).unwrap();
        let grey = Picture::from_u8(7, 15, Channels::Grey, codes).unwrap();
        for picture in [&colour, &grey] {
            for peak in [1.0, 255.0] {
                for (channel, plane) in rgb(picture, peak).into_iter().enumerate() {
                    assert_eq!(plane.data, picture.plane(channel, peak));
                }
            }
            for kind in [Luma::Y601, Luma::Y601Integer, Luma::Y601Studio, Luma::Y709] {
                assert_eq!(luma(picture, kind).data, picture.luma(kind), "{kind:?}");
            }
        }
        assert_eq!((channels(&colour, 1.0).len(), channels(&grey, 1.0).len()), (3, 1));
    }
}
