//! A pair of pictures read row by row as sum and difference.
//!
//! Numbers are in the unit in which integer samples are exact: 255 for 8 bits, 65535 for 16, and so
//! are s = x + y − L and d = y − x in f32. Half the range is taken off each sample because variances
//! lose fewer digits around 0; nothing else that is computed from s notices, except the mean, to
//! which L is added back.

use std::ops::Range;

use lookalike_core::{Channels, Luma, Picture, Samples};

use super::level::Shape;
use super::processor::Processor;
use super::unchanged::behind_mirrors;
use crate::filter::{Border, source};
use crate::samples::SamplesUsed;

/// The rows of s and d of one scale.
pub(super) trait Rows: Sync {
    /// Their size.
    fn shape(&self) -> Shape;

    /// Reads row `y` into both slices, which are as long as a row.
    fn read(&self, processor: Processor, y: usize, sum: &mut [f32], difference: &mut [f32]);
}

/// How rows are read from the samples of both pictures.
enum Reader<'a> {
    U8(&'a [u8], &'a [u8]),
    U16(&'a [u16], &'a [u16]),
    F32(&'a [f32], &'a [f32]),
    /// Two pictures of different sample types, both on 0…1.
    Mixed(&'a Picture, &'a Picture),
    Luma(Luma, &'a Picture, &'a Picture),
    /// Of 8-bit red, green and blue.
    LumaU8(Luma, &'a [u8], &'a [u8]),
}

/// The rows of a pair, interleaved as in the pictures.
pub(crate) struct PairRows<'a> {
    reader: Reader<'a>,
    /// Columns, those beyond the picture included.
    width: usize,
    /// Rows, those beyond the picture included.
    height: usize,
    /// Samples per pixel.
    channels: usize,
    /// The number L that stands for full intensity.
    pub(super) full_scale: f32,
    /// Pixels by which rows and columns reach beyond the picture, mirrored on the edge sample.
    margin: usize,
    picture_height: usize,
}

impl<'a> PairRows<'a> {
    /// Of two pictures of one size and one number of channels, `margin` mirrored pixels added on
    /// every side; the shorter side is longer than `margin`.
    ///
    /// `None` for samples in double precision, whose digits would be lost here.
    pub(crate) fn new(
        reference: &'a Picture,
        candidate: &'a Picture,
        samples: SamplesUsed,
        margin: usize,
    ) -> Option<Self> {
        let scales = (reference.full_scale(), candidate.full_scale());
        let (reader, full_scale) = match (samples, reference.samples(), candidate.samples()) {
            (_, Samples::F64(_), _) | (_, _, Samples::F64(_)) => return None,
            (SamplesUsed::Luma(kind), Samples::U8(x), Samples::U8(y))
                if scales == (255.0, 255.0) && reference.channels() == Channels::Rgb =>
            {
                (Reader::LumaU8(kind, x, y), 255.0)
            }
            (SamplesUsed::Luma(kind), ..) => (Reader::Luma(kind, reference, candidate), 255.0),
            (_, Samples::U8(x), Samples::U8(y)) if scales.0 == scales.1 => {
                (Reader::U8(x, y), scales.0)
            }
            (_, Samples::U16(x), Samples::U16(y)) if scales.0 == scales.1 => {
                (Reader::U16(x, y), scales.0)
            }
            (_, Samples::F32(x), Samples::F32(y)) if scales.0 == scales.1 => {
                (Reader::F32(x, y), scales.0)
            }
            _ => (Reader::Mixed(reference, candidate), 1.0),
        };
        let channels = match reader {
            Reader::Luma(..) | Reader::LumaU8(..) => 1,
            _ => reference.channels().count(),
        };
        Some(Self {
            reader,
            width: reference.width() + 2 * margin,
            height: reference.height() + 2 * margin,
            channels,
            full_scale: full_scale as f32,
            margin,
            picture_height: reference.height(),
        })
    }

    /// Whether s and d are integers up to 255.
    pub(super) fn integers(&self) -> bool {
        matches!(self.reader, Reader::U8(..)) && self.full_scale == 255.0
    }

    /// Whether both pictures are known to be the same in these rows.
    pub(super) fn unchanged(&self, rows: &Range<usize>) -> bool {
        let rows = behind_mirrors(rows, self.margin, self.picture_height);
        let numbers = (self.width - 2 * self.margin) * self.channels;
        let span = rows.start * numbers..rows.end * numbers;
        match self.reader {
            Reader::U8(x, y) => x[span.clone()] == y[span],
            Reader::U16(x, y) => x[span.clone()] == y[span],
            Reader::F32(x, y) => x[span.clone()] == y[span],
            Reader::LumaU8(_, x, y) => {
                let span = 3 * span.start..3 * span.end;
                x[span.clone()] == y[span]
            }
            Reader::Mixed(..) | Reader::Luma(..) => false,
        }
    }

    /// Numbers per row.
    fn row_length(&self) -> usize {
        self.width * self.channels
    }

    /// Fills the margins of a row whose inside is there.
    fn mirror(&self, row: &mut [f32]) {
        let (margin, channels) = (self.margin, self.channels);
        for beyond in 1..=margin {
            for channel in 0..channels {
                let at = |x: usize| x * channels + channel;
                row[at(margin - beyond)] = row[at(margin + beyond)];
                let last = self.width - margin - 1;
                row[at(last + beyond)] = row[at(last - beyond)];
            }
        }
    }
}

impl Rows for PairRows<'_> {
    fn shape(&self) -> Shape {
        Shape { width: self.width, height: self.height, channels: self.channels }
    }

    fn read(&self, processor: Processor, y: usize, sum: &mut [f32], difference: &mut [f32]) {
        let y = y as isize - self.margin as isize;
        // Mirrors exist for every row that the margin can ask for.
        let Some(y) = source(y, self.picture_height, Border::Mirror) else { return };
        let inside = self.margin * self.channels..self.row_length() - self.margin * self.channels;
        let (s, d) = (&mut sum[inside.clone()], &mut difference[inside]);
        let (from, to) = (y * s.len(), (y + 1) * s.len());
        let full = self.full_scale;
        processor.run_closure(
            #[inline(always)]
            || match self.reader {
                Reader::U8(x, y) => convert(&x[from..to], &y[from..to], s, d, full, f32::from),
                Reader::U16(x, y) => convert(&x[from..to], &y[from..to], s, d, full, f32::from),
                Reader::F32(x, y) => convert(&x[from..to], &y[from..to], s, d, full, |v| v),
                Reader::Mixed(x, y) => {
                    let (x, y) = (Scaled::of(x), Scaled::of(y));
                    for (i, (s, d)) in s.iter_mut().zip(d.iter_mut()).enumerate() {
                        let (x, y) = (x.at(from + i), y.at(from + i));
                        (*s, *d) = ((x + y - 1.0) as f32, (y - x) as f32);
                    }
                }
                Reader::LumaU8(kind, x, y) => {
                    let [x, y] = [x, y].map(|codes| &codes.as_chunks::<3>().0[from..to]);
                    // One loop for each kind, so that none asks for it pixel by pixel.
                    match kind {
                        Luma::Y601 => convert_luma(Luma::Y601, x, y, s, d),
                        Luma::Y601Integer => convert_luma(Luma::Y601Integer, x, y, s, d),
                        Luma::Y601Studio => convert_luma(Luma::Y601Studio, x, y, s, d),
                        Luma::Y709 => convert_luma(Luma::Y709, x, y, s, d),
                    }
                }
                Reader::Luma(kind, x, y) => {
                    let (x, y) = (LumaOf::new(kind, x), LumaOf::new(kind, y));
                    for (i, (s, d)) in s.iter_mut().zip(d.iter_mut()).enumerate() {
                        let (x, y) = (x.at(from + i), y.at(from + i));
                        (*s, *d) = ((x + y - 255.0) as f32, (y - x) as f32);
                    }
                }
            },
        );
        for row in [sum, difference] {
            self.mirror(row);
        }
    }
}

#[inline(always)]
fn convert<T: Copy>(
    x: &[T],
    y: &[T],
    sum: &mut [f32],
    difference: &mut [f32],
    full_scale: f32,
    number: impl Fn(T) -> f32,
) {
    for ((s, d), (&x, &y)) in sum.iter_mut().zip(difference).zip(x.iter().zip(y)) {
        let (x, y) = (number(x), number(y));
        (*s, *d) = (x + y - full_scale, y - x);
    }
}

#[inline(always)]
fn convert_luma(kind: Luma, x: &[[u8; 3]], y: &[[u8; 3]], sum: &mut [f32], difference: &mut [f32]) {
    for ((s, d), (x, y)) in sum.iter_mut().zip(difference).zip(x.iter().zip(y)) {
        let of = |[r, g, b]: &[u8; 3]| kind.of([f64::from(*r), f64::from(*g), f64::from(*b)]);
        let (x, y) = (of(x), of(y));
        (*s, *d) = ((x + y - 255.0) as f32, (y - x) as f32);
    }
}

/// A picture's samples on another scale.
struct Scaled<'a> {
    samples: &'a Samples,
    full_scale: f64,
}

impl<'a> Scaled<'a> {
    /// On 0…1.
    fn of(picture: &'a Picture) -> Self {
        Self { samples: picture.samples(), full_scale: picture.full_scale() }
    }

    #[inline(always)]
    fn at(&self, index: usize) -> f64 {
        self.samples.get(index) / self.full_scale
    }
}

/// Luma on 0…255, pixel by pixel.
struct LumaOf<'a> {
    kind: Luma,
    samples: &'a Samples,
    full_scale: f64,
    grey: bool,
}

impl<'a> LumaOf<'a> {
    fn new(kind: Luma, picture: &'a Picture) -> Self {
        let grey = picture.channels() == Channels::Grey;
        Self { kind, samples: picture.samples(), full_scale: picture.full_scale(), grey }
    }

    #[inline(always)]
    fn at(&self, pixel: usize) -> f64 {
        let sample = |index: usize| {
            let sample = self.samples.get(index);
            if self.full_scale == 255.0 { sample } else { sample / self.full_scale * 255.0 }
        };
        if self.grey {
            self.kind.of_grey(sample(pixel))
        } else {
            let first = 3 * pixel;
            self.kind.of([sample(first), sample(first + 1), sample(first + 2)])
        }
    }
}
