//! A picture: samples as they were decoded, with everything needed to read them right.
//!
//! Samples stay as they came (8 or 16 bits, or floating point), interleaved, grey or RGB.
//! Metrics ask for planes on the scale they are defined on, [`Picture::plane`] and
//! [`Picture::luma`], so 8-bit samples reach a metric on 0…255 as exact integers.

use std::ops::Range;
use std::sync::Arc;

use crate::{Channels, Encoding, Error, Luma, Provenance, Result, Samples};

/// A picture with its meaning. Clones share their samples, so that a clone costs nothing of the
/// picture's size.
///
/// ```
/// use lookalike_core::{Channels, Picture};
/// let picture = Picture::from_u8(2, 1, Channels::Rgb, vec![255, 0, 0, 0, 0, 255])?;
/// assert_eq!(picture.plane(0, 1.0), [1.0, 0.0]);
/// assert_eq!(picture.plane(2, 255.0), [0.0, 255.0]);
/// # Ok::<(), lookalike_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: Channels,
    samples: Arc<Samples>,
    full_scale: f64,
    encoding: Encoding,
    provenance: Provenance,
}

impl Picture {
    /// A picture from interleaved samples, `width × height × channels` of them.
    ///
    /// # Errors
    /// [`Error::SampleCount`] when the count does not fit or is zero; [`Error::NotFinite`] for NaN
    /// or infinite samples; [`Error::OutOfRange`] for display-coded samples outside 0…1 and for
    /// negative scene-linear samples.
    pub fn new(
        width: usize,
        height: usize,
        channels: Channels,
        samples: Samples,
        encoding: Encoding,
        provenance: Provenance,
    ) -> Result<Self> {
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(channels.count()));
        if samples.is_empty() || expected != Some(samples.len()) {
            return Err(Error::SampleCount {
                width,
                height,
                channels: channels.count(),
                expected: match expected {
                    Some(0) => "at least 1".to_owned(),
                    Some(count) => count.to_string(),
                    None => "fewer".to_owned(),
                },
                found: samples.len(),
            });
        }
        let (full_scale, samples) = (samples.full_scale(), Arc::new(samples));
        let picture = Self { width, height, channels, samples, full_scale, encoding, provenance };
        picture.check_samples()?;
        Ok(picture)
    }

    /// A display-coded picture from 8-bit samples.
    ///
    /// # Errors
    /// [`Error::SampleCount`].
    pub fn from_u8(
        width: usize,
        height: usize,
        channels: Channels,
        samples: Vec<u8>,
    ) -> Result<Self> {
        let samples = Samples::U8(samples);
        Self::new(width, height, channels, samples, Encoding::Srgb, Provenance::default())
    }

    /// A display-coded picture from whole pixels in rows of `width`, at least one of them.
    #[cfg(feature = "procedural")]
    pub(crate) fn from_rows(width: usize, pixels: &[[u8; 3]]) -> Self {
        let samples = Samples::U8(pixels.as_flattened().to_vec());
        Self {
            width,
            height: pixels.len() / width,
            channels: Channels::Rgb,
            full_scale: samples.full_scale(),
            samples: Arc::new(samples),
            encoding: Encoding::Srgb,
            provenance: Provenance::default(),
        }
    }

    /// A display-coded picture from 16-bit samples.
    ///
    /// # Errors
    /// [`Error::SampleCount`].
    pub fn from_u16(
        width: usize,
        height: usize,
        channels: Channels,
        samples: Vec<u16>,
    ) -> Result<Self> {
        let samples = Samples::U16(samples);
        Self::new(width, height, channels, samples, Encoding::Srgb, Provenance::default())
    }

    /// A display-coded picture from samples in 0…1.
    ///
    /// # Errors
    /// [`Error::SampleCount`], [`Error::NotFinite`], [`Error::OutOfRange`].
    pub fn from_f32(
        width: usize,
        height: usize,
        channels: Channels,
        samples: Vec<f32>,
    ) -> Result<Self> {
        let samples = Samples::F32(samples);
        Self::new(width, height, channels, samples, Encoding::Srgb, Provenance::default())
    }

    /// A display-coded picture from samples in 0…1, in double precision.
    ///
    /// # Errors
    /// [`Error::SampleCount`], [`Error::NotFinite`], [`Error::OutOfRange`].
    pub fn from_f64(
        width: usize,
        height: usize,
        channels: Channels,
        samples: Vec<f64>,
    ) -> Result<Self> {
        let samples = Samples::F64(samples);
        Self::new(width, height, channels, samples, Encoding::Srgb, Provenance::default())
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The shorter side.
    pub fn shorter_side(&self) -> usize {
        self.width.min(self.height)
    }

    /// Grey or RGB.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// The interleaved samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The sample value that stands for full intensity: 255, 65535, 1, or what
    /// [`with_full_scale`](Self::with_full_scale) said.
    pub fn full_scale(&self) -> f64 {
        self.full_scale
    }

    /// How samples relate to light.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Where the picture came from and what was done to it.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// A name for messages: the path, or "picture".
    pub fn name(&self) -> String {
        match &self.provenance.path {
            Some(path) => path.display().to_string(),
            None => "picture".to_owned(),
        }
    }

    /// The same samples with another full scale, such as 4095 for 12-bit data in 16-bit files.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when a sample is larger or the scale is not a positive number.
    pub fn with_full_scale(mut self, full_scale: f64) -> Result<Self> {
        self.full_scale = full_scale;
        self.check_samples()?;
        Ok(self)
    }

    /// The same picture with another provenance.
    #[must_use]
    pub fn with_provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// The same picture with one more step in its provenance.
    #[must_use]
    pub fn with_step(mut self, step: impl Into<String>) -> Self {
        self.provenance.steps.push(step.into());
        self
    }

    /// One channel as numbers from 0 to `peak`, row by row. A grey picture gives its only channel
    /// for every index. `peak` 255 keeps 8-bit samples exact integers.
    pub fn plane(&self, channel: usize, peak: f64) -> Vec<f64> {
        self.plane_rows(channel, peak, 0..self.height)
    }

    /// Rows of [`plane`](Self::plane); rows beyond the picture are left out.
    pub fn plane_rows(&self, channel: usize, peak: f64, rows: Range<usize>) -> Vec<f64> {
        fn read<T: Copy>(
            samples: &[T],
            (first, end, stride): (usize, usize, usize),
            convert: impl Fn(T) -> f64,
        ) -> Vec<f64> {
            let samples = samples.get(first..end).unwrap_or_default();
            samples.iter().step_by(stride).map(|&sample| convert(sample)).collect()
        }
        let stride = self.channels.count();
        let at = |row: usize| row.min(self.height) * self.width * stride;
        let range = (at(rows.start) + channel.min(stride - 1), at(rows.end), stride);
        let (full, exact) = (self.full_scale, self.full_scale == peak);
        let scaled = |sample: f64| if exact { sample } else { sample / full * peak };
        match self.samples() {
            Samples::U8(samples) => read(samples, range, |s| scaled(f64::from(s))),
            Samples::U16(samples) => read(samples, range, |s| scaled(f64::from(s))),
            Samples::F32(samples) => read(samples, range, |s| scaled(f64::from(s))),
            Samples::F64(samples) => read(samples, range, scaled),
        }
    }

    /// Luma as numbers on the 0…255 scale, row by row.
    pub fn luma(&self, luma: Luma) -> Vec<f64> {
        self.luma_rows(luma, 0..self.height)
    }

    /// Rows of [`luma`](Self::luma); rows beyond the picture are left out.
    pub fn luma_rows(&self, luma: Luma, rows: Range<usize>) -> Vec<f64> {
        let channel = |channel| self.plane_rows(channel, 255.0, rows.clone());
        let mut first = channel(0);
        match self.channels {
            Channels::Grey => first.iter_mut().for_each(|sample| *sample = luma.of_grey(*sample)),
            Channels::Rgb => {
                for ((r, g), b) in first.iter_mut().zip(channel(1)).zip(channel(2)) {
                    *r = luma.of([*r, g, b]);
                }
            }
        }
        first
    }

    /// The picture in colour: a grey channel is repeated three times.
    #[must_use]
    pub fn to_rgb(&self) -> Self {
        fn thrice<T: Copy>(samples: &[T]) -> Vec<T> {
            samples.iter().flat_map(|&sample| [sample; 3]).collect()
        }
        if self.channels == Channels::Rgb {
            return self.clone();
        }
        let samples = match self.samples() {
            Samples::U8(samples) => Samples::U8(thrice(samples)),
            Samples::U16(samples) => Samples::U16(thrice(samples)),
            Samples::F32(samples) => Samples::F32(thrice(samples)),
            Samples::F64(samples) => Samples::F64(thrice(samples)),
        };
        Self { channels: Channels::Rgb, samples: Arc::new(samples), ..self.clone() }
    }

    /// The rectangle that starts at (`left`, `top`) and has the given size.
    ///
    /// # Errors
    /// [`Error::SampleCount`] when the rectangle is empty or reaches beyond the picture.
    pub fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Result<Self> {
        fn cut<T: Copy>(samples: &[T], stride: usize, rows: &[(usize, usize)]) -> Vec<T> {
            rows.iter()
                .flat_map(|&(from, to)| samples[from * stride..to * stride].iter().copied())
                .collect()
        }
        let fits = |start: usize, length: usize, side: usize| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= side)
        };
        if !fits(left, width, self.width) || !fits(top, height, self.height) {
            return Err(Error::SampleCount {
                width,
                height,
                channels: self.channels.count(),
                expected: format!(
                    "a rectangle inside {}x{} pixels and therefore at most {}",
                    self.width,
                    self.height,
                    self.samples.len()
                ),
                found: width.saturating_mul(height).saturating_mul(self.channels.count()),
            });
        }
        let rows: Vec<(usize, usize)> = (top..top + height)
            .map(|y| (y * self.width + left, y * self.width + left + width))
            .collect();
        let stride = self.channels.count();
        let samples = match self.samples() {
            Samples::U8(samples) => Samples::U8(cut(samples, stride, &rows)),
            Samples::U16(samples) => Samples::U16(cut(samples, stride, &rows)),
            Samples::F32(samples) => Samples::F32(cut(samples, stride, &rows)),
            Samples::F64(samples) => Samples::F64(cut(samples, stride, &rows)),
        };
        Ok(Self { width, height, samples: Arc::new(samples), ..self.clone() })
    }

    /// A picture of the same place, size and meaning with other samples.
    ///
    /// # Errors
    /// As [`Picture::new`].
    pub fn with_samples(
        &self,
        channels: Channels,
        samples: Samples,
        encoding: Encoding,
    ) -> Result<Self> {
        Self::new(self.width, self.height, channels, samples, encoding, self.provenance.clone())
    }

    fn check_samples(&self) -> Result<()> {
        let full_scale = self.full_scale;
        let scene = self.encoding == Encoding::SceneLinear;
        let wrong =
            |value: f64| !value.is_finite() || value < 0.0 || (!scene && value > full_scale);
        let first_wrong = match self.samples() {
            // An integer type cannot leave its own full scale.
            Samples::U8(_) | Samples::U16(_) if full_scale == self.samples.full_scale() => None,
            Samples::U8(samples) => samples.iter().position(|&s| wrong(f64::from(s))),
            Samples::U16(samples) => samples.iter().position(|&s| wrong(f64::from(s))),
            Samples::F32(samples) => {
                let most = if scene { f32::MAX } else { at_most(full_scale) };
                let first = first_outside(samples, |s| (0.0..=most).contains(&s));
                first.and_then(|from| {
                    Some(from + samples[from..].iter().position(|&s| wrong(f64::from(s)))?)
                })
            }
            Samples::F64(samples) => {
                let most = if scene { f64::MAX } else { full_scale };
                let first = first_outside(samples, |s| (0.0..=most).contains(&s));
                first.and_then(|from| Some(from + samples[from..].iter().position(|&s| wrong(s))?))
            }
        };
        let scale_is_sound = full_scale.is_finite() && full_scale > 0.0;
        let Some(index) = first_wrong.or((!scale_is_sound).then_some(0)) else { return Ok(()) };
        let stride = self.channels.count();
        let (pixel, channel) = (index / stride, index % stride);
        let (x, y) = (pixel % self.width, pixel / self.width);
        let (name, value) = (self.name(), self.samples.get(index));
        Err(if value.is_finite() {
            Error::OutOfRange { name, value, x, y, channel, full_scale }
        } else {
            Error::NotFinite { name, value, x, y, channel }
        })
    }
}

/// The start of the first few samples of which one is outside. Samples are looked at many at a time, without a way out
/// between them, so that compilers take them in vectors.
fn first_outside<T: Copy>(samples: &[T], inside: impl Fn(T) -> bool) -> Option<usize> {
    const FEW: usize = 256;
    let is_inside = |few: &[T]| few.iter().fold(true, |all, &sample| all & inside(sample));
    samples.chunks(FEW).position(|few| !is_inside(few)).map(|few| few * FEW)
}

/// The greatest number in single precision that is not above another.
fn at_most(number: f64) -> f32 {
    let nearest = number as f32;
    if f64::from(nearest) > number { nearest.next_down() } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_planes_on_any_scale() {
        let picture = Picture::from_u16(1, 1, Channels::Rgb, vec![65535, 0, 257]).unwrap();
        assert_eq!(picture.plane(0, 1.0), [1.0]);
        assert!((picture.plane(2, 255.0)[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn rows_are_those_of_the_whole_plane() {
        let samples = (0..2 * 5 * 3).map(|code| code * 7).collect();
        let picture = Picture::from_u8(2, 5, Channels::Rgb, samples).unwrap();
        for rows in [0..5, 0..1, 1..3, 4..5] {
            let (start, end) = (2 * rows.start, 2 * rows.end);
            for channel in 0..3 {
                let whole = picture.plane(channel, 1.0);
                assert_eq!(picture.plane_rows(channel, 1.0, rows.clone()), whole[start..end]);
            }
            let whole = picture.luma(Luma::Y601);
            assert_eq!(picture.luma_rows(Luma::Y601, rows.clone()), whole[start..end]);
        }
        assert!(picture.plane_rows(2, 1.0, 5..9).is_empty());
        assert_eq!(picture.plane_rows(2, 1.0, 4..usize::MAX).len(), 2);
    }

    #[test]
    fn samples_far_behind_and_next_to_the_scale_are_seen() {
        // 0.1 has no single precision; its nearest number is above it.
        for (full_scale, above) in [(1.0, 1.0_f32.next_up()), (0.1, 0.1_f32)] {
            let within = above.next_down();
            let of = |last: f32| {
                let mut samples = vec![within; 700];
                samples[690] = last;
                let picture = Picture::from_f32(700, 1, Channels::Grey, vec![0.0; 700])?;
                let picture = picture.with_full_scale(full_scale)?;
                let samples = Samples::F32(samples);
                let (encoding, provenance) = (picture.encoding(), Provenance::default());
                Picture::new(700, 1, Channels::Grey, samples, encoding, provenance)?
                    .with_full_scale(full_scale)
            };
            assert!(of(within).is_ok(), "{full_scale}");
            assert!(matches!(of(above), Err(Error::OutOfRange { x: 690, .. })), "{full_scale}");
        }
        let doubles = |last| {
            let mut samples = vec![1.0; 300];
            samples[299] = last;
            Picture::from_f64(100, 1, Channels::Rgb, samples)
        };
        assert!(doubles(1.0).is_ok());
        assert!(matches!(doubles(1.0_f64.next_up()), Err(Error::OutOfRange { x: 99, .. })));
        assert!(matches!(doubles(f64::NAN), Err(Error::NotFinite { x: 99, channel: 2, .. })));
    }

    #[test]
    fn names_the_first_bad_sample() {
        let mut samples = vec![0.5_f32; 2 * 2 * 3];
        samples[10] = f32::NAN;
        let error = Picture::from_f32(2, 2, Channels::Rgb, samples.clone()).unwrap_err();
        assert!(matches!(error, Error::NotFinite { x: 1, y: 1, channel: 1, .. }), "{error}");
        samples[10] = 1.5;
        let error = Picture::from_f32(2, 2, Channels::Rgb, samples).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { x: 1, y: 1, channel: 1, .. }), "{error}");
    }

    #[test]
    fn refuses_wrong_counts_and_overflowing_sizes() {
        assert!(Picture::from_u8(2, 2, Channels::Rgb, vec![0; 11]).is_err());
        assert!(Picture::from_u8(0, 2, Channels::Rgb, vec![]).is_err());
        assert!(Picture::from_u8(usize::MAX, 2, Channels::Rgb, vec![0; 6]).is_err());
    }

    #[test]
    fn a_smaller_full_scale_is_checked_against_the_samples() {
        let picture = Picture::from_u16(2, 1, Channels::Grey, vec![0, 4095]).unwrap();
        assert_eq!(picture.clone().with_full_scale(4095.0).unwrap().plane(0, 1.0), [0.0, 1.0]);
        assert!(picture.clone().with_full_scale(4000.0).is_err());
        assert!(picture.with_full_scale(f64::NAN).is_err());
    }

    #[test]
    fn clones_share_their_samples() {
        let picture = Picture::from_u8(2, 1, Channels::Grey, vec![1, 2]).unwrap();
        let clone = picture.clone().with_step("a step");
        assert!(std::ptr::eq(picture.samples(), clone.samples()));
        let colour = picture.to_rgb();
        assert!(std::ptr::eq(colour.samples(), colour.to_rgb().samples()));
    }

    #[test]
    fn crops_and_widens() {
        let picture = Picture::from_u8(3, 2, Channels::Grey, vec![0, 1, 2, 3, 4, 5]).unwrap();
        let cut = picture.crop(1, 1, 2, 1).unwrap();
        assert_eq!(cut.samples(), &Samples::U8(vec![4, 5]));
        assert_eq!(cut.to_rgb().samples(), &Samples::U8(vec![4, 4, 4, 5, 5, 5]));
        assert!(picture.crop(2, 0, 2, 1).is_err());
        assert!(picture.crop(0, 0, 0, 1).is_err());
    }
}
