//! A square of samples in 0…1 that distortions are computed on, and how it is looked at between pixels.

use lookalike_core::{Channels, Picture, Samples};

use crate::{Error, Result};

/// Red, green and blue planes of a picture; beyond the edges they are repeated.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) planes: [Vec<f32>; 3],
}

impl Canvas {
    /// The samples of a picture.
    pub(crate) fn of(picture: &Picture) -> Self {
        let plane = |channel| picture.plane(channel, 1.0).into_iter().map(|v| v as f32).collect();
        Self {
            width: picture.width(),
            height: picture.height(),
            planes: [plane(0), plane(1), plane(2)],
        }
    }

    /// The samples rounded to 8 bits.
    pub(crate) fn picture(&self) -> Result<Picture> {
        let [red, green, blue] = &self.planes;
        let code = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
        let samples = red.iter().zip(green).zip(blue);
        let samples = samples.flat_map(|((&r, &g), &b)| [code(r), code(g), code(b)]).collect();
        Ok(Picture::from_u8(self.width, self.height, Channels::Rgb, samples)?)
    }

    /// Changes every sample by itself.
    pub(crate) fn each(&mut self, change: impl Fn(f32) -> f32) {
        self.planes.iter_mut().flatten().for_each(|sample| *sample = change(*sample));
    }

    /// A sample, those of the edge beyond it.
    pub(crate) fn at(&self, channel: usize, x: isize, y: isize) -> f32 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.planes[channel][y * self.width + x]
    }

    /// The value between pixels, by cubic interpolation (Catmull and Rom).
    pub(crate) fn between(&self, channel: usize, x: f64, y: f64) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (columns, rows) = (catmull_rom(x - left), catmull_rom(y - top));
        let mut sum = 0.0;
        for (row, weight) in rows.into_iter().enumerate() {
            let y = top as isize + row as isize - 1;
            let mut line = 0.0;
            for (column, weight) in columns.into_iter().enumerate() {
                line += weight * self.at(channel, left as isize + column as isize - 1, y);
            }
            sum += weight * line;
        }
        sum
    }

    /// The canvas with every sample taken from where `from` says, by channel and position.
    pub(crate) fn moved(&self, from: impl Fn(usize, f64, f64) -> (f64, f64)) -> Self {
        let mut moved = self.clone();
        for (channel, plane) in moved.planes.iter_mut().enumerate() {
            for (at, sample) in plane.iter_mut().enumerate() {
                let (x, y) = from(channel, (at % self.width) as f64, (at / self.width) as f64);
                *sample = self.between(channel, x, y);
            }
        }
        moved
    }

    /// The mean of copies at offsets.
    pub(crate) fn smeared(&self, offsets: &[(f64, f64)]) -> Self {
        let mut sum = self.clone();
        sum.each(|_| 0.0);
        let share = 1.0 / offsets.len().max(1) as f32;
        for &(dx, dy) in offsets {
            let copy = self.moved(|_, x, y| (x + dx, y + dy));
            for (sum, copy) in sum.planes.iter_mut().flatten().zip(copy.planes.iter().flatten()) {
                *sum += share * copy;
            }
        }
        sum
    }

    /// `1 − share` of this and `share` of another of the same size.
    pub(crate) fn mixed(&self, other: &Self, share: f32) -> Self {
        let mut mixed = self.clone();
        for (own, other) in mixed.planes.iter_mut().flatten().zip(other.planes.iter().flatten()) {
            *own += share * (other - *own);
        }
        mixed
    }
}

fn catmull_rom(t: f64) -> [f32; 4] {
    let (square, cube) = (t * t, t * t * t);
    [
        -0.5 * cube + square - 0.5 * t,
        1.5 * cube - 2.5 * square + 1.0,
        -1.5 * cube + 2.0 * square + 0.5 * t,
        0.5 * cube - 0.5 * square,
    ]
    .map(|weight| weight as f32)
}

/// The 8-bit samples of a picture in three channels.
pub(crate) fn bytes(picture: &Picture) -> Result<Vec<u8>> {
    match picture.to_rgb().samples() {
        Samples::U8(samples) => Ok(samples.clone()),
        other => Err(Error::Refused(format!(
            "{}: expected samples of 8 bits, found {}",
            picture.name(),
            other.type_name()
        ))),
    }
}
