//! Sums over the differences of two pictures' samples, row by row: nothing of a picture's size is
//! held beside the pictures.
//!
//! Integer codes on one scale are subtracted as integers and summed exactly, in any order, so parts of them
//! on several threads. All other
//! samples, and luma, are subtracted on 0…255 in f64, summed along each row and then over rows.

use lookalike_core::{Picture, Samples};
use rayon::prelude::*;

use crate::dispatch::vectorised;
use crate::samples::SamplesUsed;

/// What is averaged of the differences d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// |d|.
    Absolute,
    /// d².
    Square,
}

impl Power {
    fn of(self, difference: f64) -> f64 {
        match self {
            Self::Absolute => difference.abs(),
            Self::Square => difference * difference,
        }
    }

    /// The mean of this power of differences on 0…`full`, as if they had been on 0…1.
    fn to_unit(self, mean: f64, full: f64) -> f64 {
        match self {
            Self::Absolute => mean / full,
            Self::Square => mean / (full * full),
        }
    }
}

/// Mean over all samples of a power of candidate − reference, samples on 0…1.
pub(crate) fn mean(
    reference: &Picture,
    candidate: &Picture,
    used: SamplesUsed,
    power: Power,
) -> f64 {
    let full = reference.full_scale();
    let exact = used == SamplesUsed::Channels && full == candidate.full_scale();
    let sum = match (reference.samples(), candidate.samples()) {
        (Samples::U8(r), Samples::U8(c)) if exact => {
            sum_of_parts(r, c, |r, c| sum_of_bytes(r, c, power))
        }
        (Samples::U16(r), Samples::U16(c)) if exact => {
            sum_of_parts(r, c, |r, c| sum_of_words(r, c, power))
        }
        _ => return mean_of_rows(reference, candidate, used, power),
    };
    power.to_unit(sum as f64 / reference.samples().len() as f64, full)
}

/// Mean over planes of a power of the differences at every pixel of one row, samples on 0…1.
pub(crate) fn row(
    reference: &Picture,
    candidate: &Picture,
    used: SamplesUsed,
    power: Power,
    y: usize,
) -> Vec<f64> {
    let mut means = vec![0.0; reference.width()];
    let planes = planes(reference, used);
    for plane in 0..planes {
        let (r, c) = (samples(reference, used, plane, y), samples(candidate, used, plane, y));
        for ((mean, r), c) in means.iter_mut().zip(r).zip(c) {
            *mean += power.of((c - r) / 255.0);
        }
    }
    means.iter_mut().for_each(|mean| *mean /= planes as f64);
    means
}

fn mean_of_rows(reference: &Picture, candidate: &Picture, used: SamplesUsed, power: Power) -> f64 {
    let (width, height, planes) = (reference.width(), reference.height(), planes(reference, used));
    let row = |plane: usize, y: usize| -> f64 {
        let (r, c) = (samples(reference, used, plane, y), samples(candidate, used, plane, y));
        r.into_iter().zip(c).map(|(r, c)| power.of(c - r)).sum()
    };
    let plane = |plane: usize| -> f64 { (0..height).map(|y| row(plane, y)).sum() };
    let sum: f64 = (0..planes).map(plane).sum();
    power.to_unit(sum / (planes * width * height) as f64, 255.0)
}

fn planes(picture: &Picture, used: SamplesUsed) -> usize {
    match used {
        SamplesUsed::Channels => picture.channels().count(),
        SamplesUsed::Luma(_) => 1,
    }
}

/// One row of one plane on 0…255.
fn samples(picture: &Picture, used: SamplesUsed, plane: usize, y: usize) -> Vec<f64> {
    match used {
        SamplesUsed::Channels => picture.plane_rows(plane, 255.0, y..y + 1),
        SamplesUsed::Luma(kind) => picture.luma_rows(kind, y..y + 1),
    }
}

/// Samples summed before a wider type takes over: 255² times as many stay below 2³¹.
const BLOCK: usize = 1 << 15;

/// Samples that are worth a thread of their own: handing them over takes as long as some ten thousand.
const PART: usize = 1 << 19;

/// The sum over parts of two lists, on several threads where there is more than one part.
fn sum_of_parts<T: Sync>(
    reference: &[T],
    candidate: &[T],
    sum: impl Fn(&[T], &[T]) -> u128 + Sync,
) -> u128 {
    if reference.len() <= PART {
        return sum(reference, candidate);
    }
    let parts = reference.par_chunks(PART).zip(candidate.par_chunks(PART));
    parts.map(|(r, c)| sum(r, c)).sum()
}

fn sum_of_bytes(reference: &[u8], candidate: &[u8], power: Power) -> u128 {
    #[inline(always)]
    fn sum(r: &[u8], c: &[u8], term: impl Fn(i32) -> i32) -> u128 {
        let blocks = r.chunks(BLOCK).zip(c.chunks(BLOCK));
        blocks.map(|(r, c)| block(r, c, &term) as u128).sum()
    }
    #[inline(always)]
    fn block(r: &[u8], c: &[u8], term: impl Fn(i32) -> i32) -> i32 {
        r.iter().zip(c).map(|(&r, &c)| term(i32::from(c) - i32::from(r))).sum()
    }
    vectorised(
        #[inline(always)]
        || match power {
            Power::Absolute => sum(reference, candidate, i32::abs),
            Power::Square => sum(reference, candidate, |d| d * d),
        },
    )
}

fn sum_of_words(reference: &[u16], candidate: &[u16], power: Power) -> u128 {
    let blocks = reference.chunks(BLOCK).zip(candidate.chunks(BLOCK));
    let block = |(r, c): (&[u16], &[u16])| -> u128 {
        let distances = r.iter().zip(c).map(|(&r, &c)| u64::from(c.abs_diff(r)));
        match power {
            Power::Absolute => distances.sum::<u64>().into(),
            Power::Square => distances.map(|d| d * d).sum::<u64>().into(),
        }
    };
    blocks.map(block).sum()
}

#[cfg(test)]
mod tests {
    use lookalike_core::{Channels, Encoding, Luma, Provenance};

    use super::*;

    fn picture(samples: Samples, full_scale: f64) -> Picture {
        let (width, count) = (37, samples.len());
        let (encoding, provenance) = (Encoding::Srgb, Provenance::default());
        Picture::new(width, count / width / 3, Channels::Rgb, samples, encoding, provenance)
            .and_then(|picture| picture.with_full_scale(full_scale))
            .unwrap()
    }

    /// More than one block, with every pair of extremes in it.
    fn codes(step: usize) -> impl Iterator<Item = usize> {
        (0..37 * 400 * 3).map(move |i| if i % 5 == 0 { i % 2 * 65535 } else { i * step % 65536 })
    }

    fn agree(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-15 + 1e-13 * expected, "{found} {expected}");
    }

    #[test]
    fn integers_agree_with_the_sum_in_floating_point() {
        let bytes = |step| codes(step).map(|code| (code >> 8) as u8).collect();
        let words = |step| codes(step).map(|code| code as u16).collect();
        let pairs = [
            (picture(Samples::U8(bytes(7919)), 255.0), picture(Samples::U8(bytes(104_729)), 255.0)),
            (
                picture(Samples::U16(words(7919)), 65535.0),
                picture(Samples::U16(words(31)), 65535.0),
            ),
        ];
        for (a, b) in pairs {
            for power in [Power::Absolute, Power::Square] {
                let used = SamplesUsed::Channels;
                agree(mean(&a, &b, used, power), mean_of_rows(&a, &b, used, power));
                assert_eq!(mean(&a, &a, used, power), 0.0);
            }
        }
    }

    #[test]
    fn the_largest_differences_do_not_overflow() {
        let flat = |level| picture(Samples::U8(vec![level; 37 * 3 * 2000]), 255.0);
        let deep = |level| picture(Samples::U16(vec![level; 37 * 3 * 2000]), 65535.0);
        for power in [Power::Absolute, Power::Square] {
            assert_eq!(mean(&flat(0), &flat(255), SamplesUsed::Channels, power), 1.0);
            assert_eq!(mean(&flat(255), &flat(0), SamplesUsed::Channels, power), 1.0);
            assert_eq!(mean(&deep(65535), &deep(0), SamplesUsed::Channels, power), 1.0);
        }
    }

    #[test]
    fn scales_and_types_may_differ() {
        let codes: Vec<u8> = (0..37 * 6 * 3).map(|i| (i * 13 % 200) as u8).collect();
        let bytes = picture(Samples::U8(codes.clone()), 255.0);
        let floats = codes.iter().map(|&code| f64::from(code) / 255.0).collect();
        let floats = picture(Samples::F64(floats), 1.0);
        let rescaled = picture(Samples::U8(codes), 200.0);
        for used in [SamplesUsed::Channels, SamplesUsed::Luma(Luma::Y601)] {
            assert!(mean(&bytes, &floats, used, Power::Absolute) < 1e-15);
            assert!(mean(&bytes, &rescaled, used, Power::Square) > 0.0);
        }
    }

    #[test]
    fn rows_have_the_mean_of_the_picture() {
        let a = picture(Samples::U8((0..37 * 4 * 3).map(|i| (i * 7) as u8).collect()), 255.0);
        let b = picture(Samples::U8((0..37 * 4 * 3).map(|i| (i * 11) as u8).collect()), 255.0);
        for used in [SamplesUsed::Channels, SamplesUsed::Luma(Luma::Y601)] {
            let rows = (0..4).flat_map(|y| row(&a, &b, used, Power::Square, y));
            agree(rows.sum::<f64>() / (37.0 * 4.0), mean(&a, &b, used, Power::Square));
        }
    }
}
