//! From samples to what a network reads.

use std::ops::Range;

use lookalike_core::Picture;
use lookalike_nn::Planes;

/// The range in which samples are given where there is no [`Picture`] to say it. There is no default:
/// a wrong guess gives a plausible number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleRange {
    /// 0 is black, 1 is white.
    ZeroToOne,
    /// −1 is black, 1 is white.
    MinusOneToOne,
}

/// What is subtracted from samples in 0…1, and what the difference is divided by, per channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) mean: [f64; 3],
    pub(crate) deviation: [f64; 3],
}

impl Scaling {
    /// Mean and deviation of ImageNet.
    pub(crate) const IMAGENET: Self =
        Self { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
    /// Mean and deviation of a half each: −1…1.
    pub(crate) const HALVES: Self = Self { mean: [0.5; 3], deviation: [0.5; 3] };
    /// Mean and deviation of CLIP.
    pub(crate) const CLIP: Self = Self {
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        deviation: [0.268_629_54, 0.261_302_58, 0.275_777_11],
    };
    /// From 0…1 to −1…1.
    pub(crate) const SIGNED: Self = Self { mean: [0.5; 3], deviation: [0.5; 3] };

    /// Appends the scaled samples of three planes that stand one after the other.
    pub(crate) fn apply(&self, samples: &[f64], to: &mut Vec<f32>) {
        let plane = (samples.len() / 3).max(1);
        for (channel, plane) in samples.chunks(plane).take(3).enumerate() {
            let first = to.len();
            to.resize(first + plane.len(), 0.0);
            self.scale(channel, plane, &mut to[first..]);
        }
    }

    /// Scales samples of one channel: the quotients in double precision, rounded to single.
    ///
    /// Divisions take longer than all else that is done to a sample. Products with the inverse are at most two units in the
    /// last place away, which no rounding to single precision shows but that of numbers half-way between two. Where one is
    /// as near to that, the run is divided.
    pub(crate) fn scale(&self, channel: usize, samples: &[f64], to: &mut [f32]) {
        let (mean, deviation) = (self.mean[channel], self.deviation[channel]);
        let inverse = deviation.recip();
        for (samples, to) in samples.chunks(RUN).zip(to.chunks_mut(RUN)) {
            let mut half_way = false;
            for (to, &sample) in to.iter_mut().zip(samples) {
                let product = (sample - mean) * inverse;
                half_way |=
                    (product.to_bits() as u32 & BELOW_SINGLE).wrapping_sub(HALF_WAY - 2) <= 4;
                *to = product as f32;
            }
            if half_way {
                for (to, &sample) in to.iter_mut().zip(samples) {
                    *to = ((sample - mean) / deviation) as f32;
                }
            }
        }
    }
}

/// Samples that are scaled together.
const RUN: usize = 64;
/// Bits of a number in double precision that single precision lacks.
const BELOW_SINGLE: u32 = (1 << 29) - 1;
/// What they are half-way between two numbers in single precision.
const HALF_WAY: u32 = 1 << 28;

/// Red, green and blue in 0…1, wherever they are kept.
pub(crate) trait RgbSamples: Sync {
    /// Height and width.
    fn size(&self) -> [usize; 2];

    /// A rectangle: three planes one after the other.
    fn read(&self, rows: Range<usize>, columns: Range<usize>) -> Vec<f64>;
}

impl RgbSamples for Picture {
    fn size(&self) -> [usize; 2] {
        [self.height(), self.width()]
    }

    fn read(&self, rows: Range<usize>, columns: Range<usize>) -> Vec<f64> {
        let mut samples = Vec::with_capacity(3 * rows.len() * columns.len());
        for channel in 0..3 {
            // A grey picture gives its one channel three times.
            let plane = self.plane_rows(channel, 1.0, rows.clone());
            for row in plane.chunks(self.width()) {
                samples.extend_from_slice(&row[columns.clone()]);
            }
        }
        samples
    }
}

/// One picture of a batch of planes in a known range.
pub(crate) struct PlanesSamples<'a> {
    pub(crate) planes: &'a Planes,
    pub(crate) index: usize,
    pub(crate) range: SampleRange,
}

impl RgbSamples for PlanesSamples<'_> {
    fn size(&self) -> [usize; 2] {
        [self.planes.height(), self.planes.width()]
    }

    fn read(&self, rows: Range<usize>, columns: Range<usize>) -> Vec<f64> {
        let [height, width] = self.size();
        let picture = self.planes.picture(self.index);
        let mut samples = Vec::with_capacity(3 * rows.len() * columns.len());
        for plane in picture.chunks(height * width) {
            for row in plane.chunks(width).skip(rows.start).take(rows.len()) {
                let row = row[columns.clone()].iter().map(|&sample| f64::from(sample));
                match self.range {
                    SampleRange::ZeroToOne => samples.extend(row),
                    SampleRange::MinusOneToOne => {
                        samples.extend(row.map(|sample| 0.5 * (sample + 1.0)));
                    }
                }
            }
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_samples_are_quotients_rounded_once() {
        let fine = (0..1 << 16)
            .map(|i: u32| f64::from(i.wrapping_mul(2_654_435_769) >> 8) / f64::from(1 << 24));
        let codes = (0..=255).map(|code| f64::from(code as f32 / 255.0));
        let samples: Vec<f64> = fine.chain(codes).chain([f64::NAN, -1.0, 2.0]).collect();
        let mut half_way = 0;
        for scaling in [Scaling::IMAGENET, Scaling::HALVES, Scaling::CLIP] {
            for channel in 0..3 {
                let mut scaled = vec![9.0; samples.len()];
                scaling.scale(channel, &samples, &mut scaled);
                let (mean, deviation) = (scaling.mean[channel], scaling.deviation[channel]);
                for (sample, scaled) in samples.iter().zip(scaled) {
                    let quotient = ((sample - mean) / deviation) as f32;
                    assert_eq!(scaled.to_bits(), quotient.to_bits(), "{sample} of {scaling:?}");
                    half_way +=
                        usize::from(((sample - mean) * deviation.recip()) as f32 != quotient);
                }
            }
        }
        assert!(half_way > 100, "{half_way} samples, so that divisions were needed");
    }
}
