//! From samples to what a network reads: `(x − mean) / deviation` in double precision, rounded once to single.
//!
//! Divisions take longer than all else that is done to a sample. Products with the inverse are at most two units in the last
//! place away, which no rounding to single precision shows but that of numbers half-way between two. Where one is as near to
//! that, the run is divided. So every result is the rounded quotient, on any processor.

use crate::lanes::Lanes;
use crate::processor::Kernel;
use crate::{Error, Processor, Result};

/// Samples of one channel, and the range they are in.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// In 0…1, in double precision.
    Double(&'a [f64]),
    /// In 0…1.
    Single(&'a [f32]),
    /// In −1…1: `(x + 1) / 2` is standardised.
    Signed(&'a [f32]),
}

impl Samples<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Double(samples) => samples.len(),
            Self::Single(samples) | Self::Signed(samples) => samples.len(),
        }
    }
}

/// Subtracts `mean` from samples and divides by `deviation`.
///
/// # Errors
/// [`Error::Count`] where samples and results are not equally many.
pub fn standardise(
    processor: Processor,
    samples: Samples<'_>,
    mean: f64,
    deviation: f64,
    to: &mut [f32],
) -> Result<()> {
    let (expected, found) = (samples.len(), to.len());
    if expected != found {
        return Err(Error::Count { what: "standardised samples", expected, found });
    }
    processor.run(Standardise { samples, mean, deviation, to });
    Ok(())
}

struct Standardise<'a> {
    samples: Samples<'a>,
    mean: f64,
    deviation: f64,
    to: &'a mut [f32],
}

impl Kernel for Standardise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { samples, mean, deviation, to } = self;
        match samples {
            Samples::Double(samples) => quotients(samples, Double, mean, deviation, to),
            Samples::Single(samples) => quotients(samples, Single, mean, deviation, to),
            Samples::Signed(samples) => quotients(samples, Signed, mean, deviation, to),
        }
    }
}

/// A sample in 0…1, in double precision.
trait Widen<T>: Copy {
    fn widen(self, sample: T) -> f64;
}

#[derive(Clone, Copy)]
struct Double;

impl Widen<f64> for Double {
    #[inline(always)]
    fn widen(self, sample: f64) -> f64 {
        sample
    }
}

#[derive(Clone, Copy)]
struct Single;

impl Widen<f32> for Single {
    #[inline(always)]
    fn widen(self, sample: f32) -> f64 {
        f64::from(sample)
    }
}

#[derive(Clone, Copy)]
struct Signed;

impl Widen<f32> for Signed {
    #[inline(always)]
    fn widen(self, sample: f32) -> f64 {
        0.5 * (f64::from(sample) + 1.0)
    }
}

/// Samples that are divided together where one is half-way.
const RUN: usize = 64;
/// Bits of a number in double precision that single precision lacks.
const BELOW_SINGLE: u32 = (1 << 29) - 1;
/// What they are half-way between two numbers in single precision.
const HALF_WAY: u32 = 1 << 28;

#[inline(always)]
fn quotients<T: Copy>(
    samples: &[T],
    widen: impl Widen<T>,
    mean: f64,
    deviation: f64,
    to: &mut [f32],
) {
    let inverse = deviation.recip();
    for (samples, to) in samples.chunks(RUN).zip(to.chunks_mut(RUN)) {
        let mut half_way = false;
        for i in 0..samples.len().min(to.len()) {
            let product = (widen.widen(samples[i]) - mean) * inverse;
            half_way |= (product.to_bits() as u32 & BELOW_SINGLE).wrapping_sub(HALF_WAY - 2) <= 4;
            to[i] = product as f32;
        }
        if half_way {
            for i in 0..samples.len().min(to.len()) {
                to[i] = ((widen.widen(samples[i]) - mean) / deviation) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means and deviations of ImageNet and of CLIP, and halves.
    const SCALINGS: [[f64; 2]; 7] = [
        [0.485, 0.229],
        [0.456, 0.224],
        [0.406, 0.225],
        [0.481_454_66, 0.268_629_54],
        [0.457_827_5, 0.261_302_58],
        [0.408_210_73, 0.275_777_11],
        [0.5, 0.5],
    ];

    /// Fine samples, all of eight bits, and what is no sample.
    fn samples() -> Vec<f64> {
        let fine = (0..1 << 16)
            .map(|i: u32| f64::from(i.wrapping_mul(2_654_435_769) >> 8) / f64::from(1 << 24));
        let codes = (0..=255).map(|code| f64::from(code as f32 / 255.0));
        fine.chain(codes).chain([f64::NAN, -1.0, 2.0]).collect()
    }

    #[test]
    fn results_are_quotients_rounded_once() {
        let samples = samples();
        let mut half_way = 0;
        for processor in Processor::available() {
            for [mean, deviation] in SCALINGS {
                let mut found = vec![9.0; samples.len()];
                let double = Samples::Double(&samples);
                standardise(processor, double, mean, deviation, &mut found).unwrap();
                for (sample, found) in samples.iter().zip(found) {
                    let quotient = ((sample - mean) / deviation) as f32;
                    assert_eq!(found.to_bits(), quotient.to_bits(), "{sample} of {mean}");
                    let product = ((sample - mean) * deviation.recip()) as f32;
                    half_way += usize::from(product != quotient);
                }
            }
        }
        assert!(half_way > 100, "{half_way} samples, so that divisions were needed");
    }

    #[test]
    fn samples_in_single_precision_are_the_same_samples() {
        let single: Vec<f32> = samples().iter().map(|&sample| sample as f32).collect();
        let signed: Vec<f64> =
            single.iter().map(|&sample| 0.5 * (f64::from(sample) + 1.0)).collect();
        let double: Vec<f64> = single.iter().map(|&sample| f64::from(sample)).collect();
        for processor in Processor::available() {
            for [mean, deviation] in SCALINGS {
                let bits = |samples: Samples<'_>| {
                    let mut found = vec![9.0; single.len()];
                    standardise(processor, samples, mean, deviation, &mut found).unwrap();
                    found.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
                };
                assert_eq!(bits(Samples::Single(&single)), bits(Samples::Double(&double)));
                assert_eq!(bits(Samples::Signed(&single)), bits(Samples::Double(&signed)));
            }
        }
    }

    #[test]
    fn as_many_results_as_samples() {
        let mut to = [0.0; 2];
        let refused = standardise(Processor::best(), Samples::Single(&[1.0]), 0.0, 1.0, &mut to);
        assert!(matches!(refused, Err(Error::Count { expected: 1, found: 2, .. })));
    }
}
