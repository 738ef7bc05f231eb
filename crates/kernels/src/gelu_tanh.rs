//! GELU's approximation by a hyperbolic tangent, `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, and its
//! derivative.
//!
//! It is `x·σ(u)` with `u = √(8/π)·(x + 0.044715·x³)`, the derivative `σ + x·σ·(1 − σ)·u′`.
//!
//! Source: Hendrycks and Gimpel 2016, equation 1. Diffusion transformers were trained with it; it differs
//! from the exact unit by up to 5·10⁻⁴. What lies below −10, where the value is less than 10⁻³⁵, is taken
//! as −10.

use crate::elementwise::{Binary, Unary, binary, unary};
use crate::exponential::exp;
use crate::lanes::Lanes;
use crate::{Processor, Result};

/// `√(8/π)`.
const LINEAR: f32 = 1.595_769_2;
/// `√(8/π)·0.044715`.
const CUBIC: f32 = 0.071_354_814;
/// From here on, σ(u) is 0 or 1 in single precision.
const FARTHEST: f32 = 10.0;

/// `output[i] = x·σ(u)` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn gelu_tanh(processor: Processor, input: &[f32], output: &mut [f32]) -> Result<()> {
    unary(processor, Value, input, output)
}

/// `gradient[i] = upstream[i]·(σ + x·σ·(1 − σ)·u′)` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn gelu_tanh_backward(
    processor: Processor,
    input: &[f32],
    upstream: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    binary(processor, Derivative, input, upstream, gradient)
}

/// x within the range where σ(u) changes, σ(u) and e^(−u).
#[inline(always)]
fn parts<L: Lanes>(lanes: L, x: L::V) -> [L::V; 3] {
    let near = lanes.at_most(lanes.at_least(x, lanes.splat(-FARTHEST)), lanes.splat(FARTHEST));
    let square = lanes.mul(near, near);
    let slope = lanes.mul_add(square, lanes.splat(-CUBIC), lanes.splat(-LINEAR));
    let power = exp(lanes, lanes.mul(near, slope));
    let one = lanes.splat(1.0);
    [near, lanes.div(one, lanes.add(one, power)), power]
}

#[derive(Clone, Copy)]
struct Value;

impl Unary for Value {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        let [_, share, _] = parts(lanes, x);
        lanes.mul(lanes.at_least(x, lanes.splat(-FARTHEST)), share)
    }
}

#[derive(Clone, Copy)]
struct Derivative;

impl Binary for Derivative {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V, upstream: L::V) -> L::V {
        let [near, share, power] = parts(lanes, x);
        // σ·(1 − σ) = e^(−u)·σ², without a difference of near equals.
        let rest = lanes.mul(lanes.mul(power, share), share);
        let square = lanes.mul(near, near);
        let along = lanes.mul_add(square, lanes.splat(3.0 * CUBIC), lanes.splat(LINEAR));
        let slope = lanes.mul_add(lanes.mul(near, along), rest, share);
        lanes.mul(upstream, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_derivative() {
        let input: Vec<f32> = (0..1003).map(|i| (i as f32 - 501.0) / 60.0).collect();
        let upstream: Vec<f32> = (0..1003).map(|i| (i % 7) as f32 - 2.5).collect();
        let exact = |x: f64| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        };
        for processor in Processor::available() {
            let (mut value, mut gradient) = (vec![0.0; 1003], vec![0.0; 1003]);
            gelu_tanh(processor, &input, &mut value).unwrap();
            gelu_tanh_backward(processor, &input, &upstream, &mut gradient).unwrap();
            for i in 0..1003 {
                let x = f64::from(input[i]);
                let error = (f64::from(value[i]) - exact(x)).abs();
                assert!(error < 3e-7 * (1.0 + x.abs()), "{x}: {error}");
                let slope = (exact(x + 1e-5) - exact(x - 1e-5)) / 2e-5;
                let error = (f64::from(gradient[i]) - slope * f64::from(upstream[i])).abs();
                assert!(error < 4e-6, "{x}: {error}");
            }
        }
    }

    #[test]
    fn ends_and_what_is_no_number() {
        for processor in Processor::available() {
            let input = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 0.0, -1e38, 1e38];
            let (mut value, mut slope) = ([1.0; 6], [1.0; 6]);
            gelu_tanh(processor, &input, &mut value).unwrap();
            gelu_tanh_backward(processor, &input, &[1.0; 6], &mut slope).unwrap();
            assert!(value[2].is_nan() && slope[2].is_nan());
            assert!(value[0].abs() < 1e-30 && value[4].abs() < 1e-30);
            assert_eq!([value[1], value[3], value[5]], [f32::INFINITY, 0.0, 1e38]);
            assert_eq!([slope[1], slope[3], slope[5]], [1.0, 0.5, 1.0]);
            assert!(slope[0].abs() < 1e-30 && slope[4].abs() < 1e-30);
            assert!(gelu_tanh(processor, &input, &mut [0.0; 5]).is_err());
        }
    }
}
