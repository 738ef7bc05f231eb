//! The Gaussian error linear unit `x·Φ(x)`, exact but for rounding (no tanh), and its derivative
//! `Φ(x) + x·φ(x)`.
//!
//! Value and derivative keep their relative accuracy in the left tail, where they nearly vanish.

use crate::elementwise::{Binary, Unary, binary, unary};
use crate::exponential::normal_tail;
use crate::lanes::Lanes;
use crate::{Processor, Result};

/// `1/√(2π)`.
const PEAK: f32 = 0.398_942_3;

/// `output[i] = x·Φ(x)` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn gelu(processor: Processor, input: &[f32], output: &mut [f32]) -> Result<()> {
    unary(processor, Value, input, output)
}

/// `gradient[i] = upstream[i]·(Φ(x) + x·φ(x))` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn gelu_backward(
    processor: Processor,
    input: &[f32],
    upstream: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    binary(processor, Derivative, input, upstream, gradient)
}

#[derive(Clone, Copy)]
struct Value;

impl Unary for Value {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        let [a, tail, _] = normal_tail(lanes, x);
        // x·Φ(−a) on the left, x − x·Φ(−a) on the right.
        lanes.negate_mul_add(a, tail, lanes.at_least(x, lanes.splat(0.0)))
    }
}

#[derive(Clone, Copy)]
struct Derivative;

impl Binary for Derivative {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V, upstream: L::V) -> L::V {
        let [a, tail, bell] = normal_tail(lanes, x);
        // On the left Φ(−a) − a·φ(a), on the right one minus that.
        let left = lanes.negate_mul_add(lanes.mul(a, lanes.splat(PEAK)), bell, tail);
        let right = lanes.sub(lanes.splat(1.0), left);
        lanes.mul(upstream, lanes.where_less(x, lanes.splat(0.0), left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Φ(x)` by integrating the density with Simpson's rule.
    fn phi(x: f64) -> f64 {
        let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let steps = 2000;
        let h = x / f64::from(steps);
        let inner = (1..steps).map(|i| density(f64::from(i) * h) * f64::from(2 + 2 * (i % 2)));
        0.5 + h / 3.0 * (density(0.0) + inner.sum::<f64>() + density(x))
    }

    #[test]
    fn value_and_derivative() {
        let input: Vec<f32> = (0..1003).map(|i| (i as f32 - 501.0) / 80.0).collect();
        let upstream: Vec<f32> = (0..1003).map(|i| (i % 7) as f32 - 2.5).collect();
        for processor in Processor::available() {
            let (mut value, mut gradient) = (vec![0.0; 1003], vec![0.0; 1003]);
            gelu(processor, &input, &mut value).unwrap();
            gelu_backward(processor, &input, &upstream, &mut gradient).unwrap();
            for i in 0..1003 {
                let x = f64::from(input[i]);
                let exact = x * phi(x);
                assert!((f64::from(value[i]) - exact).abs() < 2e-7 * (1.0 + x.abs()), "{x}");
                let h = 1e-4;
                let slope = ((x + h) * phi(x + h) - (x - h) * phi(x - h)) / (2.0 * h);
                let exact = slope * f64::from(upstream[i]);
                assert!((f64::from(gradient[i]) - exact).abs() < 2e-6, "{x}");
            }
        }
    }

    #[test]
    fn ends_and_what_is_no_number() {
        for processor in Processor::available() {
            let input = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 0.0, -1e38, 1e38];
            let (mut value, mut slope) = ([1.0; 6], [1.0; 6]);
            gelu(processor, &input, &mut value).unwrap();
            gelu_backward(processor, &input, &[1.0; 6], &mut slope).unwrap();
            assert!(value[2].is_nan() && slope[2].is_nan());
            let rest = |numbers: [f32; 6]| [0, 1, 3, 4, 5].map(|i| numbers[i]);
            assert_eq!(rest(value), [0.0, f32::INFINITY, 0.0, 0.0, 1e38]);
            assert!((slope[3] - 0.5).abs() < 1e-7);
            slope[3] = 0.5;
            assert_eq!(rest(slope), [0.0, 1.0, 0.5, 0.0, 1.0]);
            assert!(gelu(processor, &input, &mut [0.0; 5]).is_err());
        }
    }
}
