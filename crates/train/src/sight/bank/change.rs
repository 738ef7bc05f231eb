//! What each distortion does at a severity.

use std::f64::consts::{PI, TAU};

use lookalike_core::Picture;

use super::canvas::Canvas;
use super::resampling::down_and_up;
use super::{Distortion, How, wavelet};
use crate::Result;
use crate::random::{Purpose, Stream};

impl Distortion {
    /// Whether a seed says how it is done.
    pub fn is_random(&self) -> bool {
        !matches!(self.how, How::Wavelet | How::Resampled(_))
    }

    /// The damaged picture, of 8 bits. `other` is a picture of the same size, which some distortions show
    /// in part. Severity 0 gives the picture itself.
    ///
    /// # Errors
    /// [`Error::Picture`](crate::Error::Picture) for a picture that cannot be coded as JPEG.
    pub fn apply(
        &self,
        picture: &Picture,
        severity: f64,
        seed: u64,
        other: &Picture,
    ) -> Result<Picture> {
        if severity.is_nan() || severity <= 0.0 {
            return Ok(picture.clone());
        }
        let severity = severity.min(1.0);
        let mut random = Stream::new(seed, Purpose::Distortion, 0);
        match self.how {
            How::Basic(basic, gently) => {
                let strength = if gently { severity.powf(1.5) } else { severity };
                return Ok(basic.apply(picture, strength, random.bits())?);
            }
            How::Resampled(kernel) => return down_and_up(picture, 1.0 + 5.0 * severity, kernel),
            _ => {}
        }
        let canvas = Canvas::of(picture);
        changed(self.how, &canvas, severity, &mut random, other).picture()
    }
}

fn changed(how: How, canvas: &Canvas, s: f64, random: &mut Stream, other: &Picture) -> Canvas {
    let (width, height) = (canvas.width as f64, canvas.height as f64);
    let gently = s.powf(1.5);
    let mut found = canvas.clone();
    let angle = random.unit() * TAU;
    let direction = (angle.cos(), angle.sin());
    let sign = if angle < PI { 1.0 } else { -1.0 };
    match how {
        How::Basic(..) | How::Resampled(_) => {}
        How::Wavelet => return wavelet::coded(canvas, (0.004 * (4.2 * s).exp()) as f32),
        How::Pink => pink(&mut found, 0.2 * gently, random),
        How::Speckle => {
            for sample in found.planes.iter_mut().flatten() {
                *sample *= 1.0 + (0.7 * gently * random.normal()) as f32;
            }
        }
        How::Salt => {
            for at in 0..canvas.planes[0].len() {
                let (hit, white) = (random.unit() < 0.2 * gently, random.unit() < 0.5);
                if hit {
                    found.planes.iter_mut().for_each(|plane| plane[at] = f32::from(white));
                }
            }
        }
        How::Lens => return canvas.smeared(&spiral(5.0 * s)),
        How::Motion => {
            let length = 1.0 + 15.0 * s;
            let count = (2.0 * length).ceil() as i32;
            let place = |i: i32| (f64::from(i) / f64::from(count) - 0.5) * length;
            let offsets = (0..=count).map(|i| (place(i) * direction.0, place(i) * direction.1));
            return canvas.smeared(&offsets.collect::<Vec<_>>());
        }
        How::Sharpen => {
            let soft = canvas.smeared(&spiral(1.6));
            return canvas.mixed(&soft, (-4.0 * s) as f32);
        }
        How::Darken => found.each(|v| v * (1.0 - 0.7 * s) as f32),
        How::Tint => {
            let gains = [0.0, TAU / 3.0, 2.0 * TAU / 3.0]
                .map(|turn| (0.6 * s * (angle + turn).cos()).exp());
            for (plane, gain) in found.planes.iter_mut().zip(gains) {
                plane.iter_mut().for_each(|v| *v *= gain as f32);
            }
        }
        How::Gamma => {
            let exponent = (1.1 * s * sign).exp() as f32;
            found.each(|v| v.clamp(0.0, 1.0).powf(exponent));
        }
        How::Shift => {
            let (dx, dy) = (7.0 * s * direction.0, 7.0 * s * direction.1);
            return canvas.moved(|_, x, y| (x + dx, y + dy));
        }
        How::Rotate => {
            let turn = sign * 0.22 * s;
            return affine(canvas, [turn.cos(), -turn.sin(), turn.sin(), turn.cos()]);
        }
        How::Zoom => {
            let scale = (sign * 0.28 * s).exp();
            return affine(canvas, [scale, 0.0, 0.0, scale]);
        }
        How::Shear => {
            let [a, b] = [direction.0, direction.1].map(|part| 0.26 * s * part);
            return affine(canvas, [1.0 + b, a, a, 1.0 - b]);
        }
        How::Elastic => {
            let field = [(); 2].map(|()| Grid::draw(5, random));
            let place = |x: f64, y: f64| (x / width, y / height);
            return canvas.moved(|_, x, y| {
                let (u, v) = place(x, y);
                (x + 5.0 * s * field[0].at(u, v), y + 5.0 * s * field[1].at(u, v))
            });
        }
        How::Ghost => {
            let far = 3.0 + 7.0 * random.unit();
            let copy = canvas.moved(|_, x, y| (x + far * direction.0, y + far * direction.1));
            return canvas.mixed(&copy, (0.5 * s) as f32);
        }
        How::Jumble => jumble(&mut found, s, random),
        How::Mixed => return canvas.mixed(&Canvas::of(other), (0.6 * s) as f32),
        How::Fringe => {
            let far = 4.0 * s;
            return canvas.moved(|channel, x, y| {
                let side = [1.0, 0.0, -1.0][channel] * far;
                (x + side * direction.0, y + side * direction.1)
            });
        }
        How::Occlusion => {
            let paint = [(); 3].map(|()| random.unit() as f32);
            let (cx, cy) =
                ((0.3 + 0.4 * random.unit()) * width, (0.3 + 0.4 * random.unit()) * height);
            let half = 0.5 * (0.2 * s).sqrt() * width.min(height);
            for (plane, paint) in found.planes.iter_mut().zip(paint) {
                for (at, sample) in plane.iter_mut().enumerate() {
                    let (x, y) = ((at % canvas.width) as f64, (at / canvas.width) as f64);
                    if (x - cx).abs() < half && (y - cy).abs() < half {
                        *sample = paint;
                    }
                }
            }
        }
    }
    found
}

/// Offsets that fill a disc evenly (the golden angle).
fn spiral(radius: f64) -> Vec<(f64, f64)> {
    const COUNT: usize = 32;
    let turn = PI * (3.0 - 5.0_f64.sqrt());
    (0..COUNT)
        .map(|i| {
            let far = radius * ((i as f64 + 0.5) / COUNT as f64).sqrt();
            let (sin, cos) = (i as f64 * turn).sin_cos();
            (far * cos, far * sin)
        })
        .collect()
}

/// A linear map of places around the centre.
fn affine(canvas: &Canvas, [a, b, c, d]: [f64; 4]) -> Canvas {
    let (cx, cy) = (0.5 * (canvas.width as f64 - 1.0), 0.5 * (canvas.height as f64 - 1.0));
    canvas.moved(|_, x, y| {
        let (x, y) = (x - cx, y - cy);
        (cx + a * x + b * y, cy + c * x + d * y)
    })
}

/// Numbers in −1…1 on the corners of a grid, and smoothly between them.
struct Grid {
    side: usize,
    values: Vec<f64>,
}

impl Grid {
    fn draw(side: usize, random: &mut Stream) -> Self {
        Self { side, values: (0..side * side).map(|_| 2.0 * random.unit() - 1.0).collect() }
    }

    /// At a place of the unit square.
    fn at(&self, u: f64, v: f64) -> f64 {
        let cell = |t: f64| {
            let t = t.clamp(0.0, 1.0) * (self.side - 1) as f64;
            let first = (t.floor() as usize).min(self.side - 2);
            let t = t - first as f64;
            (first, t * t * (3.0 - 2.0 * t))
        };
        let ((x, s), (y, t)) = (cell(u), cell(v));
        let value = |x: usize, y: usize| self.values[y * self.side + x];
        let line = |y: usize| value(x, y) * (1.0 - s) + value(x + 1, y) * s;
        line(y) * (1.0 - t) + line(y + 1) * t
    }
}

/// Grain of several sizes, the same in all channels or in each its own.
fn pink(canvas: &mut Canvas, deviation: f64, random: &mut Stream) {
    let (width, height) = (canvas.width, canvas.height);
    let grey = random.unit() < 0.5;
    let count = if grey { 1 } else { 3 };
    let grain: Vec<Vec<f64>> = (0..count)
        .map(|_| {
            let mut sum = vec![0.0; width * height];
            for cells in [6, 12, 24, 48] {
                let grid = Grid::draw(cells + 1, random);
                for (at, sum) in sum.iter_mut().enumerate() {
                    let (x, y) = ((at % width) as f64, (at / width) as f64);
                    *sum += grid.at(x / width as f64, y / height as f64);
                }
            }
            sum
        })
        .collect();
    for (channel, plane) in canvas.planes.iter_mut().enumerate() {
        let grain = &grain[channel.min(count - 1)];
        for (sample, grain) in plane.iter_mut().zip(grain) {
            *sample += (1.3 * deviation * grain) as f32;
        }
    }
}

/// Blocks of eight pixels change places in pairs; all but a few at full severity.
fn jumble(canvas: &mut Canvas, s: f64, random: &mut Stream) {
    const SIDE: usize = 8;
    let (columns, rows) = (canvas.width / SIDE, canvas.height / SIDE);
    let order = random.permutation(columns * rows);
    let pairs = ((0.5 * s * order.len() as f64 / 2.0).ceil() as usize).min(order.len() / 2);
    for pair in order.chunks_exact(2).take(pairs) {
        let [a, b] =
            [pair[0], pair[1]].map(|block| [block % columns * SIDE, block / columns * SIDE]);
        for plane in &mut canvas.planes {
            for (y, x) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (y, x))) {
                let at = |[left, top]: [usize; 2]| (top + y) * canvas.width + left + x;
                plane.swap(at(a), at(b));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::procedural::scene;

    use super::super::{BANK, Group};
    use super::*;

    fn error(a: &Picture, b: &Picture) -> f64 {
        let squares = (0..3).flat_map(|channel| {
            let planes = a.plane(channel, 1.0).into_iter().zip(b.plane(channel, 1.0));
            planes.map(|(a, b)| (a - b) * (a - b)).collect::<Vec<_>>()
        });
        squares.sum::<f64>() / (3 * a.width() * a.height()) as f64
    }

    #[test]
    fn every_distortion_is_graded_and_follows_its_seed() {
        let (picture, other) = (scene(4, 96, 96), scene(5, 96, 96));
        for distortion in BANK {
            let at = |severity, seed| distortion.apply(&picture, severity, seed, &other).unwrap();
            assert_eq!(at(0.0, 1), picture);
            assert_eq!(at(0.5, 1), at(0.5, 1), "{}", distortion.name);
            let damage = [0.05, 0.3, 1.0].map(|severity| error(&picture, &at(severity, 3)));
            let least = if distortion.group == Group::Compression { 0.0 } else { 1e-7 };
            assert!(damage[0] > least && damage[0] < 0.01, "{} {damage:?}", distortion.name);
            assert!(damage[1] > damage[0], "{} {damage:?}", distortion.name);
            assert!(damage[2] > 1.2 * damage[1], "{} {damage:?}", distortion.name);
        }
    }

    #[test]
    fn of_every_group_some_are_held_out_and_names_differ() {
        for group in Group::ALL {
            let of = |held| BANK.iter().any(|d| d.group == group && d.held_out == held);
            assert!(of(true) && of(false), "{}", group.name());
        }
        let mut names: Vec<&str> = BANK.iter().map(|distortion| distortion.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BANK.len());
    }
}
