//! Sigmoid linear units `x·σ(f·x)` and their derivative `σ + f·x·σ·(1 − σ)`: SiLU with f = 1, and with
//! f = 1.702 what CLIP has in place of GELU.
//!
//! Source: Hendrycks and Gimpel 2016, equation 2; the factor as the code of Radford et al. 2021 has it. What
//! lies below −86/f, where the value is less than 10⁻³⁵, is taken as −86/f.

use crate::elementwise::{Binary, Unary, binary, unary};
use crate::exponential::exp;
use crate::lanes::Lanes;
use crate::{Processor, Result};

/// f of CLIP's unit.
const QUICK: f32 = 1.702;
/// The least f·x that is told apart.
const LOWEST: f32 = -86.0;

/// `output[i] = x·σ(x)` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn silu(processor: Processor, input: &[f32], output: &mut [f32]) -> Result<()> {
    unary(processor, Value(1.0), input, output)
}

/// `gradient[i] = upstream[i]·(σ + x·σ·(1 − σ))` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn silu_backward(
    processor: Processor,
    input: &[f32],
    upstream: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    binary(processor, Derivative(1.0), input, upstream, gradient)
}

/// `output[i] = x·σ(1.702·x)` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn quick_gelu(processor: Processor, input: &[f32], output: &mut [f32]) -> Result<()> {
    unary(processor, Value(QUICK), input, output)
}

/// `gradient[i] = upstream[i]·(σ + 1.702·x·σ·(1 − σ))` of `x = input[i]`.
///
/// # Errors
/// [`Error::Count`](crate::Error::Count).
pub fn quick_gelu_backward(
    processor: Processor,
    input: &[f32],
    upstream: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    binary(processor, Derivative(QUICK), input, upstream, gradient)
}

/// x and σ(f·x).
#[inline(always)]
fn parts<L: Lanes>(lanes: L, factor: f32, x: L::V) -> [L::V; 2] {
    let x = lanes.at_least(x, lanes.splat(LOWEST / factor));
    let power = exp(lanes, lanes.mul(x, lanes.splat(-factor)));
    let one = lanes.splat(1.0);
    [x, lanes.div(one, lanes.add(one, power))]
}

/// With its factor.
#[derive(Clone, Copy)]
struct Value(f32);

impl Unary for Value {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        let [x, share] = parts(lanes, self.0, x);
        lanes.mul(x, share)
    }
}

/// With its factor.
#[derive(Clone, Copy)]
struct Derivative(f32);

impl Binary for Derivative {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V, upstream: L::V) -> L::V {
        let [x, share] = parts(lanes, self.0, x);
        // f·x·(1 − σ) vanishes on the right, but x need not be finite there.
        let x = lanes.at_most(x, lanes.splat(-LOWEST / self.0));
        let rest = lanes.negate_mul_add(share, share, share);
        let slope = lanes.mul_add(lanes.mul(x, lanes.splat(self.0)), rest, share);
        lanes.mul(upstream, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Of = fn(Processor, &[f32], &mut [f32]) -> Result<()>;
    type Slope = fn(Processor, &[f32], &[f32], &mut [f32]) -> Result<()>;

    #[test]
    fn value_and_derivative() {
        let input: Vec<f32> = (0..1003).map(|i| (i as f32 - 501.0) / 60.0).collect();
        let upstream: Vec<f32> = (0..1003).map(|i| (i % 7) as f32 - 2.5).collect();
        let units: [(f64, Of, Slope); 2] =
            [(1.0, silu, silu_backward), (1.702, quick_gelu, quick_gelu_backward)];
        for (factor, of, slope_of) in units {
            let exact = |x: f64| x / (1.0 + (-factor * x).exp());
            for processor in Processor::available() {
                let (mut value, mut gradient) = (vec![0.0; 1003], vec![0.0; 1003]);
                of(processor, &input, &mut value).unwrap();
                slope_of(processor, &input, &upstream, &mut gradient).unwrap();
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
    }

    #[test]
    fn ends_and_what_is_no_number() {
        for processor in Processor::available() {
            let input = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 0.0, -1e38, 1e38];
            let (mut value, mut slope) = ([1.0; 6], [1.0; 6]);
            quick_gelu(processor, &input, &mut value).unwrap();
            quick_gelu_backward(processor, &input, &[1.0; 6], &mut slope).unwrap();
            assert!(value[2].is_nan() && slope[2].is_nan());
            assert!(value[0].abs() < 1e-30 && value[4].abs() < 1e-30);
            assert_eq!([value[1], value[3], value[5]], [f32::INFINITY, 0.0, 1e38]);
            assert_eq!([slope[1], slope[3], slope[5]], [1.0, 0.5, 1.0]);
            assert!(slope[0].abs() < 1e-30 && slope[4].abs() < 1e-30);
            assert!(quick_gelu(processor, &input, &mut [0.0; 5]).is_err());
        }
    }
}
