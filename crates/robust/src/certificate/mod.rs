//! The formulas of certificates, on embeddings.
//!
//! f is the embedding with Lipschitz constant L. What is certified is a decision *as it is computed*: the
//! computed embedding of a picture x' at distance r from x lies within L r + s of that of x, where the slack s
//! is twice the bound on rounding in that arithmetic. So every formula is one about points: how far may f(x)
//! move before something changes? Divided by L, less s, that is a radius.
//!
//! Roundings of these few formulas themselves, in double precision, are covered by [`INWARD`].
//!
//! Source: derived here, in the heads of the files. The bound of Ghazanfari et al. (ICLR 2024, theorem on the
//! 2AFC decision) is [`compat_radius`], for comparison with published tables.

mod decision;
mod interval;
mod pixels;
mod retrieval;
mod threshold;

pub use decision::{compat_radius, distance_to_flip};
pub use interval::{Interval, jointly_stable, value_interval};
pub use pixels::PixelMetric;
pub use retrieval::{stays_in_top, top_set};
pub use threshold::distance_to_threshold;

/// What every radius is multiplied by, so that the rounding of its own formula never makes it larger.
pub const INWARD: f64 = 1.0 - 1e-12;

/// A radius of pictures, of a distance that an embedding may move: less the slack, by the constant.
pub fn radius(distance: f64, slack: f64, lipschitz: f64) -> f64 {
    ((distance - slack).max(0.0) / lipschitz * INWARD).max(0.0)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn subtract(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// The angle of two vectors of unit length, accurate at 0 and at π as well (Kahan).
fn angle(a: &[f64], b: &[f64]) -> f64 {
    let sum: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
    2.0 * norm(&subtract(a, b)).atan2(norm(&sum))
}
