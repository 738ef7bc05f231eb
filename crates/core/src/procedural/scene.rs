//! A colourful scene in which every metric has something to see.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Picture;

type Colour = [f64; 3];

/// Rows and columns of the dot matrix of a letter-like mark, with a free column between marks.
const MARK: (usize, usize) = (7, 5);

/// A scene of 8-bit RGB samples: a sky-like gradient, soft blobs, hard-edged discs and boxes, a
/// patch of fine texture, a zone plate, and rows of letter-like strokes.
///
/// Equal arguments give equal samples. A size of 0 is taken as 1.
pub fn scene(seed: u64, width: usize, height: usize) -> Picture {
    let (width, height) = (width.max(1), height.max(1));
    let mut canvas = Canvas { width, height, samples: vec![[0.0; 3]; width * height] };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    canvas.gradient(&mut rng);
    for _ in 0..5 {
        canvas.soft_blob(&mut rng);
    }
    for _ in 0..4 {
        canvas.disc(&mut rng);
        canvas.slab(&mut rng);
    }
    canvas.texture(&mut rng);
    canvas.zone_plate(&mut rng);
    for _ in 0..3 {
        canvas.writing(&mut rng);
    }
    canvas.finish()
}

struct Canvas {
    width: usize,
    height: usize,
    /// 0…255, not rounded.
    samples: Vec<Colour>,
}

fn colour(rng: &mut ChaCha8Rng) -> Colour {
    [(); 3].map(|()| f64::from(rng.random_range(0..=255_u8)))
}

/// A number in 0…1 on a grid of 1/1024, exact in double precision.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.random_range(0..=1024_u16)) / 1024.0
}

fn mix(a: Colour, b: Colour, weight: f64) -> Colour {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * weight)
}

impl Canvas {
    /// The side on which shapes are measured.
    fn side(&self) -> f64 {
        self.width.min(self.height) as f64
    }

    fn point(&self, rng: &mut ChaCha8Rng) -> (f64, f64) {
        (unit(rng) * self.width as f64, unit(rng) * self.height as f64)
    }

    /// Replaces every pixel by `paint(x, y, pixel)`, x and y being its centre.
    fn paint(&mut self, paint: impl Fn(f64, f64, Colour) -> Colour) {
        for (y, row) in self.samples.chunks_exact_mut(self.width).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = paint(x as f64 + 0.5, y as f64 + 0.5, *pixel);
            }
        }
    }

    fn gradient(&mut self, rng: &mut ChaCha8Rng) {
        let corners = [(); 4].map(|()| colour(rng));
        let (width, height) = (self.width as f64, self.height as f64);
        self.paint(|x, y, _| {
            let top = mix(corners[0], corners[1], x / width);
            mix(top, mix(corners[2], corners[3], x / width), y / height)
        });
    }

    /// A blob that fades as (1 − d²)², without an edge.
    fn soft_blob(&mut self, rng: &mut ChaCha8Rng) {
        let ((cx, cy), radius) = (self.point(rng), self.side() * (0.15 + 0.35 * unit(rng)));
        let paint = colour(rng);
        self.paint(|x, y, pixel| {
            let distance = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (radius * radius);
            let weight = (1.0 - distance).max(0.0);
            mix(pixel, paint, 0.8 * weight * weight)
        });
    }

    /// A disc whose edge is one pixel wide.
    fn disc(&mut self, rng: &mut ChaCha8Rng) {
        let ((cx, cy), radius) = (self.point(rng), self.side() * (0.03 + 0.15 * unit(rng)));
        let paint = colour(rng);
        self.paint(|x, y, pixel| {
            let distance = ((x - cx) * (x - cx) + (y - cy) * (y - cy)).sqrt();
            mix(pixel, paint, (radius - distance + 0.5).clamp(0.0, 1.0))
        });
    }

    /// A box with hard edges on pixel borders.
    fn slab(&mut self, rng: &mut ChaCha8Rng) {
        let ((left, top), paint) = (self.point(rng), colour(rng));
        let wide = self.side() * (0.05 + 0.25 * unit(rng));
        let high = self.side() * (0.05 + 0.25 * unit(rng));
        self.paint(|x, y, pixel| {
            let inside = x >= left && x < left + wide && y >= top && y < top + high;
            if inside { paint } else { pixel }
        });
    }

    /// Noise of one-pixel grain over a third of the scene.
    fn texture(&mut self, rng: &mut ChaCha8Rng) {
        let (left, top) = self.point(rng);
        let (wide, high) = (self.width as f64 / 3.0, self.height as f64 / 3.0);
        let grain: Vec<f64> = (0..self.samples.len()).map(|_| 60.0 * (unit(rng) - 0.5)).collect();
        let width = self.width;
        self.paint(|x, y, pixel| {
            let inside = x >= left - wide / 2.0
                && x < left + wide
                && y >= top - high / 2.0
                && y < top + high;
            let grain = grain[y as usize * width + x as usize];
            if inside { pixel.map(|sample| sample + grain) } else { pixel }
        });
    }

    /// Rings that narrow outwards to two pixels, a triangle wave of the squared distance.
    fn zone_plate(&mut self, rng: &mut ChaCha8Rng) {
        let ((cx, cy), radius) = (self.point(rng), self.side() * 0.2);
        let paint = colour(rng);
        // At the rim the squared distance grows by 2·radius a pixel, which is half a period here.
        let period = (4.0 * radius).max(1.0);
        self.paint(|x, y, pixel| {
            let square = (x - cx) * (x - cx) + (y - cy) * (y - cy);
            if square > radius * radius {
                return pixel;
            }
            let phase = square / period - (square / period).floor();
            mix(pixel, paint, (2.0 * phase - 1.0).abs())
        });
    }

    /// A line of letter-like marks, each a random dot matrix symmetric to its middle column.
    fn writing(&mut self, rng: &mut ChaCha8Rng) {
        let dot = (self.height / 96).max(1);
        let (left, top) = self.point(rng);
        let (left, top) = ((left / 2.0) as usize, top as usize);
        let ink = if rng.random_range(0..2) == 0 { [12.0; 3] } else { [244.0; 3] };
        let (rows, columns) = MARK;
        for mark in 0..(self.width / 2 / ((columns + 1) * dot)).max(1) {
            let bits: u32 = rng.random();
            for row in 0..rows {
                for column in 0..columns {
                    let folded = column.min(columns - 1 - column);
                    if bits >> (row * 3 + folded) & 1 == 1 {
                        let x = left + (mark * (columns + 1) + column) * dot;
                        self.dot(x, top + row * dot, dot, ink);
                    }
                }
            }
        }
    }

    fn dot(&mut self, left: usize, top: usize, side: usize, ink: Colour) {
        for y in top..(top + side).min(self.height) {
            for x in left..(left + side).min(self.width) {
                self.samples[y * self.width + x] = ink;
            }
        }
    }

    fn finish(self) -> Picture {
        let round = |sample: f64| (sample.clamp(0.0, 255.0) + 0.5).floor() as u8;
        let pixels: Vec<[u8; 3]> = self.samples.iter().map(|pixel| pixel.map(round)).collect();
        Picture::from_rows(self.width, &pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Samples;

    #[test]
    fn a_seed_gives_one_scene_and_another_seed_another() {
        assert_eq!(scene(1, 40, 30), scene(1, 40, 30));
        assert_ne!(scene(1, 40, 30), scene(2, 40, 30));
        let picture = scene(3, 1, 9);
        assert_eq!((picture.width(), picture.height()), (1, 9));
        assert_eq!(scene(3, 0, 0).width(), 1);
    }

    #[test]
    fn samples_are_the_same_on_every_machine() {
        let Samples::U8(samples) = scene(42, 96, 64).samples().clone() else { panic!("8 bits") };
        // FNV-1a, 64 bits.
        let hash = samples.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &sample| {
            (hash ^ u64::from(sample)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(hash, 0x7205_65a9_1122_62ce, "{hash:#018x}");
    }

    #[test]
    fn there_is_colour_contrast_and_detail() {
        let picture = scene(5, 128, 96);
        let planes = [0, 1, 2].map(|channel| picture.plane(channel, 255.0));
        for plane in &planes {
            let (low, high) =
                plane.iter().fold((255.0_f64, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
            assert!(high - low > 100.0);
        }
        let saturated = (0..planes[0].len())
            .filter(|&i| {
                let pixel = [planes[0][i], planes[1][i], planes[2][i]];
                pixel.iter().copied().fold(0.0, f64::max)
                    - pixel.iter().copied().fold(255.0, f64::min)
                    > 60.0
            })
            .count();
        assert!(saturated * 5 > planes[0].len(), "a fifth of the pixels is colourful");
        let steps = planes[1].windows(2).filter(|pair| (pair[0] - pair[1]).abs() > 20.0).count();
        assert!(steps * 50 > planes[1].len(), "one neighbour in fifty is an edge");
    }
}
