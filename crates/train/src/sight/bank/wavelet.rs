//! Coding by wavelets: what JPEG 2000 does to a picture, without its entropy coder.
//!
//! BT.601 luma and chroma go through three levels of the reversible 5/3 transform (Le Gall and Tabatabai
//! 1988) in floating point; coefficients are quantised with a dead zone and a step that doubles from level
//! to level towards the fine, for chroma one and a half of it, and transformed back.

use super::canvas::Canvas;

const LEVELS: usize = 3;

/// The picture behind a quantisation of a step at the coarsest level.
pub(crate) fn coded(canvas: &Canvas, step: f32) -> Canvas {
    let mut planes = to_luma_chroma(&canvas.planes);
    let (width, height) = (canvas.width, canvas.height);
    for (channel, plane) in planes.iter_mut().enumerate() {
        let step = if channel == 0 { step } else { 1.5 * step };
        let mut size = [width, height];
        let mut sizes = Vec::new();
        for level in 0..LEVELS {
            analyse(plane, width, size);
            sizes.push(size);
            let half = size.map(|length| length.div_ceil(2));
            let step = step * (1 << (LEVELS - 1 - level)) as f32;
            for y in 0..size[1] {
                for x in 0..size[0] {
                    if x >= half[0] || y >= half[1] {
                        let value = &mut plane[y * width + x];
                        *value = quantised(*value, step);
                    }
                }
            }
            size = half;
        }
        for &size in sizes.iter().rev() {
            synthesise(plane, width, size);
        }
    }
    Canvas { width, height, planes: to_rgb(&planes) }
}

/// The middle of the interval a value lies in; the one around zero is twice as wide.
fn quantised(value: f32, step: f32) -> f32 {
    let index = (value.abs() / step).floor();
    if index == 0.0 { 0.0 } else { value.signum() * (index + 0.5) * step }
}

fn to_luma_chroma(planes: &[Vec<f32>; 3]) -> [Vec<f32>; 3] {
    let [red, green, blue] = planes;
    let mut out = planes.clone();
    for at in 0..red.len() {
        let (r, g, b) = (red[at], green[at], blue[at]);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        out[0][at] = luma;
        out[1][at] = (b - luma) / 1.772;
        out[2][at] = (r - luma) / 1.402;
    }
    out
}

fn to_rgb(planes: &[Vec<f32>; 3]) -> [Vec<f32>; 3] {
    let [luma, cb, cr] = planes;
    let mut out = planes.clone();
    for at in 0..luma.len() {
        let (r, b) = (luma[at] + 1.402 * cr[at], luma[at] + 1.772 * cb[at]);
        out[0][at] = r;
        out[1][at] = (luma[at] - 0.299 * r - 0.114 * b) / 0.587;
        out[2][at] = b;
    }
    out
}

fn analyse(plane: &mut [f32], stride: usize, [width, height]: [usize; 2]) {
    for y in 0..height {
        let row: Vec<f32> = plane[y * stride..y * stride + width].to_vec();
        plane[y * stride..y * stride + width].copy_from_slice(&forward(&row));
    }
    for x in 0..width {
        let column: Vec<f32> = (0..height).map(|y| plane[y * stride + x]).collect();
        for (y, value) in forward(&column).into_iter().enumerate() {
            plane[y * stride + x] = value;
        }
    }
}

fn synthesise(plane: &mut [f32], stride: usize, [width, height]: [usize; 2]) {
    for x in 0..width {
        let column: Vec<f32> = (0..height).map(|y| plane[y * stride + x]).collect();
        for (y, value) in backward(&column).into_iter().enumerate() {
            plane[y * stride + x] = value;
        }
    }
    for y in 0..height {
        let row: Vec<f32> = plane[y * stride..y * stride + width].to_vec();
        plane[y * stride..y * stride + width].copy_from_slice(&backward(&row));
    }
}

/// Where a position beyond an end is mirrored to.
fn mirrored(at: isize, length: usize) -> usize {
    let last = length as isize - 1;
    let at = if at < 0 { -at } else { at };
    (if at > last { 2 * last - at } else { at }).clamp(0, last.max(0)) as usize
}

/// Low-pass values, then high-pass values.
fn forward(line: &[f32]) -> Vec<f32> {
    let mut lifted = line.to_vec();
    lift(&mut lifted, 1, -0.5);
    lift(&mut lifted, 0, 0.25);
    let low = lifted.iter().step_by(2);
    low.chain(lifted.iter().skip(1).step_by(2)).copied().collect()
}

fn backward(line: &[f32]) -> Vec<f32> {
    let half = line.len().div_ceil(2);
    let at = |i: usize| if i.is_multiple_of(2) { line[i / 2] } else { line[half + i / 2] };
    let mut lifted: Vec<f32> = (0..line.len()).map(at).collect();
    lift(&mut lifted, 0, -0.25);
    lift(&mut lifted, 1, 0.5);
    lifted
}

/// Adds a multiple of both neighbours to every second value, from `first` on.
fn lift(line: &mut [f32], first: usize, factor: f32) {
    let length = line.len();
    if length < 2 {
        return;
    }
    for at in (first..length).step_by(2) {
        let neighbours = [at as isize - 1, at as isize + 1].map(|at| line[mirrored(at, length)]);
        line[at] += factor * (neighbours[0] + neighbours[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        for length in [1, 2, 3, 8, 13] {
            let line: Vec<f32> = (0..length).map(|i| ((i * 7 + 3) % 11) as f32).collect();
            let back = backward(&forward(&line));
            assert!(line.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-4), "{line:?} {back:?}");
        }
    }

    #[test]
    fn a_small_step_changes_little_and_a_large_one_much() {
        let picture = lookalike_core::procedural::scene(1, 48, 40);
        let canvas = Canvas::of(&picture);
        let error = |step: f32| -> f32 {
            let found = coded(&canvas, step);
            let pairs = found.planes.iter().flatten().zip(canvas.planes.iter().flatten());
            pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / (3 * 48 * 40) as f32
        };
        assert!(error(1e-5) < 1e-3, "{}", error(1e-5));
        assert!(error(0.2) > 5.0 * error(0.005), "{} {}", error(0.2), error(0.005));
    }
}
