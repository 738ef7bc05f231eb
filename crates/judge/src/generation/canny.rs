//! Canny's edges: thin lines where luma changes fastest.
//!
//! Luma is smoothed by a Gaussian of σ pixels; with its derivatives g = (g_x, g_y) by Sobel's filters
//! ([1 2 1] across, [−1 0 1] along), a pixel is on an edge where |g| is no smaller than on either side of it
//! along g, one pixel away in the direction in which g is larger, linearly between the two neighbours there
//! (non-maximum suppression). Of those with |g| ≥ low, the groups that touch (in eight directions) and hold one
//! with |g| ≥ high stay (hysteresis).
//!
//! Source: Canny, "A Computational Approach to Edge Detection", IEEE PAMI 8(6), 1986. Choices: those of
//! scikit-image: σ = 1, low = 0.1 and high = 0.2 for luma in 0…1; the Gaussian ends at 4σ and weighs only what
//! is inside the picture; Sobel mirrors the border; the outermost pixels are no edges. Reproduces
//! `skimage.feature.canny` 0.26, the same pixels on drawn pictures. Limits: a Gaussian in double precision, one
//! thread.

use std::ops::Range;

use crate::{Error, Result};

/// What an edge is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canny {
    /// The deviation of the Gaussian, in pixels.
    pub sigma: f64,
    /// The least gradient on an edge.
    pub low: f64,
    /// The gradient that an edge reaches somewhere.
    pub high: f64,
}

impl Default for Canny {
    fn default() -> Self {
        Self { sigma: 1.0, low: 0.1, high: 0.2 }
    }
}

impl Canny {
    /// The edges of a picture, row after row, from luma in 0…1.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`] where rows are not whole; [`Error::NotFinite`].
    pub fn edges(&self, width: usize, luma: &[f64]) -> Result<Vec<bool>> {
        if width == 0 || luma.is_empty() {
            return Err(Error::Empty);
        }
        if !luma.len().is_multiple_of(width) {
            return Err(Error::Shape { numbers: luma.len(), columns: width });
        }
        crate::error::check_finite(luma)?;
        let smooth = smoothed(width, luma, self.sigma);
        let (along_x, along_y) = sobel(width, &smooth);
        let size = along_x.iter().zip(&along_y).map(|(x, y)| (y * y + x * x).sqrt());
        let size: Vec<f64> = size.collect();
        let mut thin = vec![0.0; luma.len()];
        for y in 1..(luma.len() / width).saturating_sub(1) {
            for at in y * width + 1..(y + 1) * width - 1 {
                if size[at] >= self.low && largest(at, width, along_x[at], along_y[at], &size) {
                    thin[at] = size[at];
                }
            }
        }
        Ok(connected(width, &thin, self.high))
    }
}

/// A Gaussian that weighs what is inside.
fn smoothed(width: usize, luma: &[f64], sigma: f64) -> Vec<f64> {
    let reach = (4.0 * sigma + 0.5) as usize;
    let weights = (0..=reach).map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp());
    let weights: Vec<f64> = weights.collect();
    let all = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let weights: Vec<f64> = weights.iter().map(|weight| weight / all).collect();
    let height = luma.len() / width;
    let filter = |values: &[f64], at: usize, count: usize, index: &dyn Fn(usize) -> usize| {
        let inside: Range<usize> = at.saturating_sub(reach)..(at + reach + 1).min(count);
        inside.map(|other| weights[other.abs_diff(at)] * values[index(other)]).sum::<f64>()
    };
    let both = |values: &[f64]| {
        let down =
            (0..luma.len()).map(|i| filter(values, i / width, height, &|y| y * width + i % width));
        let down: Vec<f64> = down.collect();
        let across =
            (0..luma.len()).map(|i| filter(&down, i % width, width, &|x| i - i % width + x));
        across.collect::<Vec<f64>>()
    };
    let share = both(&vec![1.0; luma.len()]);
    let sums = both(luma);
    sums.iter().zip(&share).map(|(sum, share)| sum / (share + f64::EPSILON)).collect()
}

/// Derivatives along rows and along columns.
fn sobel(width: usize, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let height = values.len() / width;
    // The outermost pixel once more, as what lies beyond it.
    let at = |x: isize, y: isize| {
        let (x, y) = (x.clamp(0, width as isize - 1), y.clamp(0, height as isize - 1));
        values[y as usize * width + x as usize]
    };
    let derivatives = (0..values.len()).map(|index| {
        let (x, y) = ((index % width) as isize, (index / width) as isize);
        let across = |y: isize| at(x + 1, y) - at(x - 1, y);
        let down = |x: isize| at(x, y + 1) - at(x, y - 1);
        let weighted = |first: f64, middle: f64, last: f64| first + 2.0 * middle + last;
        (
            weighted(across(y - 1), across(y), across(y + 1)),
            weighted(down(x - 1), down(x), down(x + 1)),
        )
    });
    derivatives.unzip()
}

/// Whether no gradient next to a pixel, along its own, is larger.
fn largest(at: usize, width: usize, along_x: f64, along_y: f64, size: &[f64]) -> bool {
    if along_x == 0.0 && along_y == 0.0 {
        return false;
    }
    let step_x: isize = if along_x < 0.0 { -1 } else { 1 };
    let step_y: isize = if along_y < 0.0 { -1 } else { 1 } * width as isize;
    let (x, y) = (along_x.abs(), along_y.abs());
    let (straight, diagonal, share) =
        if y > x { (step_y, step_x + step_y, x / y) } else { (step_x, step_x + step_y, y / x) };
    [1, -1].into_iter().all(|side| {
        let beside = |step: isize| size[at.wrapping_add_signed(side * step)];
        beside(diagonal) * share + beside(straight) * (1.0 - share) <= size[at]
    })
}

/// What touches something strong.
fn connected(width: usize, thin: &[f64], high: f64) -> Vec<bool> {
    let height = thin.len() / width;
    let mut edges: Vec<bool> = thin.iter().map(|&size| size > 0.0 && size >= high).collect();
    let mut open: Vec<usize> = (0..thin.len()).filter(|&at| edges[at]).collect();
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let beside = y * width + x;
                if thin[beside] > 0.0 && !edges[beside] {
                    edges[beside] = true;
                    open.push(beside);
                }
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(width: usize, height: usize, luma: impl Fn(usize, usize) -> f64) -> Vec<bool> {
        let luma: Vec<f64> = (0..width * height).map(|i| luma(i % width, i / width)).collect();
        Canny::default().edges(width, &luma).unwrap()
    }

    #[test]
    fn a_step_is_a_line() {
        let edges = found(12, 9, |x, _| f64::from(u8::from(x >= 6)));
        for (y, row) in edges.chunks(12).enumerate() {
            let found: Vec<usize> = (0..12).filter(|&x| row[x]).collect();
            // The gradient is the same on both sides of the step, up to rounding.
            let inside = (1..8).contains(&y);
            assert_eq!(!found.is_empty(), inside, "{y}");
            assert!(found.iter().all(|x| [5, 6].contains(x)), "{y}: {found:?}");
        }
    }

    #[test]
    fn weak_lines_need_a_strong_part() {
        // Its contrast falls from left to right.
        let falling = |x: usize, y: usize| if y < 8 { 0.0 } else { 0.12 - 0.004 * x as f64 };
        let weak = |x: usize, y: usize| if y < 8 { 0.0 } else { 0.04 + 0.0 * x as f64 };
        assert!(found(20, 16, falling)[7 * 20 + 15] || found(20, 16, falling)[8 * 20 + 15]);
        assert!(!found(20, 16, weak).contains(&true));
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert!(!found(9, 7, |_, _| 0.7).contains(&true));
        for (width, height) in [(1, 1), (2, 5), (5, 2), (1, 9)] {
            let edges = found(width, height, |x, y| (x + y) as f64 % 2.0);
            assert!(!edges.contains(&true), "{width} {height}");
        }
        let canny = Canny::default();
        assert_eq!(canny.edges(0, &[]), Err(Error::Empty));
        assert_eq!(canny.edges(2, &[0.0; 3]), Err(Error::Shape { numbers: 3, columns: 2 }));
        assert!(canny.edges(1, &[f64::NAN]).is_err());
    }
}
