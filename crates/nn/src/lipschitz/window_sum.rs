//! Sums over k×k windows, divided by k: as a mean would, but without shrinking what is constant.
//!
//! Proof of the constant 1: a window is ⟨x, 1/k⟩ with ‖(1/k, …)‖ = √(k²)/k = 1, so |y| ≤ ‖x‖ on each window
//! (Cauchy and Schwarz), with equality where the window is constant; windows do not overlap.
//!
//! Reproduces `AvgPool2d(k, divisor_override=k)` of PyTorch. Limits: rows and columns beyond a multiple of k
//! belong to no window.

use super::{Real, Rows};

/// Sums of windows of `side` by `side`, divided by `side`.
pub fn window_sum<R: Real>(x: &Rows<R>, side: usize) -> Rows<R> {
    let side = side.max(1);
    let mut y = Rows::zeros([x.channels, x.height / side, x.width / side]);
    let share = R::nearest(1.0 / side as f64);
    for row in 0..y.height {
        for channel in 0..y.channels {
            let at = (row * y.channels + channel) * y.width;
            for column in 0..y.width {
                let mut sum = R::default();
                for from in row * side..(row + 1) * side {
                    let window = &x.row(from, channel)[column * side..(column + 1) * side];
                    window.iter().for_each(|&value| sum += value);
                }
                y.data[at + column] = sum * share;
            }
        }
    }
    y
}

/// The derivative for an input of height and width `size`.
pub fn window_sum_backward<R: Real>(upstream: &Rows<R>, side: usize, size: [usize; 2]) -> Rows<R> {
    let side = side.max(1);
    let mut x = Rows::zeros([upstream.channels, size[0], size[1]]);
    let share = R::nearest(1.0 / side as f64);
    for row in 0..upstream.height * side {
        for channel in 0..x.channels {
            let at = (row * x.channels + channel) * x.width;
            let from = upstream.row(row / side, channel);
            for (to, &g) in x.data[at..].chunks_exact_mut(side).zip(from) {
                to.fill(g * share);
            }
        }
    }
    x
}
