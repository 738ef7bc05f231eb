//! A vector cut off, or continued with zeros.
//!
//! Proof of the constant 1: dropping coordinates shortens every difference or leaves it, zeros leave it.

use super::Real;

/// The first `count` coordinates; zeros where there are fewer.
pub fn fit_coordinates<R: Real>(x: &[R], count: usize) -> Vec<R> {
    let mut y: Vec<R> = x.iter().take(count).copied().collect();
    y.resize(count, R::default());
    y
}

/// The derivative for a vector of `count` coordinates, which is the same operation.
pub fn fit_coordinates_backward<R: Real>(upstream: &[R], count: usize) -> Vec<R> {
    fit_coordinates(upstream, count)
}
