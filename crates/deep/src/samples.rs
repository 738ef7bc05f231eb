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
            to.extend(self.scaled(channel, plane));
        }
    }

    /// Scaled samples of one channel. They are divided, slow as it is: quotients by 0.224 that lie half-way between two
    /// numbers of single precision are exact, products with its inverse are not.
    pub(crate) fn scaled(
        &self,
        channel: usize,
        samples: &[f64],
    ) -> impl ExactSizeIterator<Item = f32> {
        let (mean, deviation) = (self.mean[channel], self.deviation[channel]);
        samples.iter().map(move |&sample| ((sample - mean) / deviation) as f32)
    }
}

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
