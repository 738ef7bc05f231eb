//! A network as its training starts, as a file.
//!
//! Filters and weights have the variance 2 / (fan-in + fan-out) (Glorot and Bengio, AISTATS 2010) with the
//! fans of the stored shapes; biases are uniform within 1/√fan-in; q has the variance 1. Source: LipSim's
//! code as described. Choices: all are uniform rather than normal; the streams are those of
//! [`Seeded`](lookalike_nn::Seeded), by name and seed.

use lookalike_nn::{Parameters, Seeded};

use super::file::{model_file, written};
use super::{Architecture, Plan, Tensor};
use crate::Result;

/// A safetensors file of random weights in our own layout, with the weights exp(q) in convolutions as well.
///
/// # Errors
/// [`Error::Weights`](crate::Error::Weights) for an architecture that cannot be.
pub fn initial_file(architecture: Architecture, seed: u64) -> Result<Vec<u8>> {
    architecture.check()?;
    let plan = architecture.plan();
    let about = format!(r#""image":"{}","outputs":"{}""#, plan.image, plan.outputs);
    written(&plan, &about, &parameters(&plan, seed)?)
}

/// The same of any plan.
///
/// # Errors
/// [`Error::Weights`](crate::Error::Weights) for a plan that cannot be.
pub fn initial_file_of(plan: &Plan, seed: u64) -> Result<Vec<u8>> {
    model_file(plan, &parameters(plan, seed)?)
}

fn parameters(plan: &Plan, seed: u64) -> Result<Vec<f32>> {
    let mut all = Vec::new();
    let mut of_bias = 0.0;
    for Tensor { name, shape } in plan.tensors()? {
        let bound = if name.ends_with(".q") {
            3_f64.sqrt()
        } else if name.ends_with(".bias") {
            of_bias
        } else {
            let taps: usize = shape.iter().skip(2).product();
            let fan_in: usize = shape.iter().skip(1).product();
            // The bias of a layer comes after its matrix.
            of_bias = 1.0 / (fan_in as f64).sqrt();
            3_f64.sqrt() * (2.0 / (fan_in + shape[0] * taps) as f64).sqrt()
        };
        // The stream of a name that stands for no kind of parameter is uniform within 0.05.
        let numbers = Seeded::new(format!("lipsim/{seed}")).f32(&format!("{name}.u"), &shape)?;
        all.extend(numbers.iter().map(|u| (f64::from(*u) * 20.0 * bound) as f32));
    }
    Ok(all)
}
