//! From samples to what a network reads.

use std::ops::Range;

use lookalike_core::Picture;
use lookalike_kernels::{Processor, Samples, standardise};
use lookalike_nn::{Planes, Result};

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
    ///
    /// # Errors
    /// As [`scale`](Self::scale).
    pub(crate) fn apply(&self, samples: &[f64], to: &mut Vec<f32>) -> Result<()> {
        let plane = (samples.len() / 3).max(1);
        for (channel, plane) in samples.chunks(plane).take(3).enumerate() {
            let first = to.len();
            to.resize(first + plane.len(), 0.0);
            self.scale(channel, Samples::Double(plane), &mut to[first..])?;
        }
        Ok(())
    }

    /// Scales samples of one channel: the quotients in double precision, rounded to single.
    ///
    /// # Errors
    /// When there are not as many results as samples.
    pub(crate) fn scale(&self, channel: usize, samples: Samples<'_>, to: &mut [f32]) -> Result<()> {
        let (mean, deviation) = (self.mean[channel], self.deviation[channel]);
        Ok(standardise(Processor::best(), samples, mean, deviation, to)?)
    }
}

/// Red, green and blue in 0…1, wherever they are kept.
pub(crate) trait RgbSamples: Sync {
    /// Height and width.
    fn size(&self) -> [usize; 2];

    /// A rectangle: three planes one after the other.
    fn read(&self, rows: Range<usize>, columns: Range<usize>) -> Vec<f64>;

    /// A rectangle, scaled, one plane per channel.
    ///
    /// # Errors
    /// When the planes have not its size.
    fn scaled(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        scaling: &Scaling,
        planes: [&mut [f32]; 3],
    ) -> Result<()> {
        let samples = self.read(rows, columns);
        let parts = samples.chunks_exact((samples.len() / 3).max(1));
        for (channel, (samples, plane)) in parts.zip(planes).enumerate() {
            scaling.scale(channel, Samples::Double(samples), plane)?;
        }
        Ok(())
    }
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

    fn scaled(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        scaling: &Scaling,
        planes: [&mut [f32]; 3],
    ) -> Result<()> {
        let [height, width] = self.size();
        let picture = self.planes.picture(self.index);
        let of = match self.range {
            SampleRange::ZeroToOne => Samples::Single,
            SampleRange::MinusOneToOne => Samples::Signed,
        };
        for (channel, (from, to)) in picture.chunks(height * width).zip(planes).enumerate() {
            let from = &from[rows.start * width..rows.end * width];
            if columns.len() == width {
                scaling.scale(channel, of(from), to)?;
                continue;
            }
            for (from, to) in from.chunks(width).zip(to.chunks_mut(columns.len().max(1))) {
                scaling.scale(channel, of(&from[columns.clone()]), to)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_scaled_as_what_is_read_of_them() {
        let data = (0..3 * 7 * 9_u32).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let planes = Planes::new([1, 3, 7, 9], data).unwrap();
        for range in [SampleRange::ZeroToOne, SampleRange::MinusOneToOne] {
            let picture = PlanesSamples { planes: &planes, index: 0, range };
            for (rows, columns) in [(0..7, 0..9), (2..5, 0..9), (1..6, 3..8)] {
                let area = rows.len() * columns.len();
                let mut expected = Vec::new();
                let read = picture.read(rows.clone(), columns.clone());
                Scaling::IMAGENET.apply(&read, &mut expected).unwrap();
                let mut found = vec![9.0; 3 * area];
                let (red, others) = found.split_at_mut(area);
                let (green, blue) = others.split_at_mut(area);
                let into = [red, green, blue];
                picture.scaled(rows, columns, &Scaling::IMAGENET, into).unwrap();
                assert_eq!(found, expected);
            }
        }
    }
}
