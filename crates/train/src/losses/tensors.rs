//! The same losses between tensors of the engine, for networks that are trained there.
//!
//! With g = ∂L/∂output, computed by the processor's kernels whatever the device, the number Σ output·g has g as its
//! derivative; less its own value, as a constant, plus L, it is L. So the graph gets value and gradient of
//! [`Terms`] without an operation of its own, on every device that the engine has. Only the samples travel.
//!
//! Limits: second derivatives are 0; single precision.

use burn::tensor::{Tensor, TensorData};

use super::{Batch, Terms};
use crate::{Error, Result};

/// The loss between batch × channels × height × width tensors, differentiable with respect to `output`. The target is a
/// constant.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use lookalike_deep::SeededWeights;
/// use lookalike_train::losses::{Terms, between_tensors};
/// let device = Device::flex().autodiff();
/// let target = Tensor::<4>::zeros([1, 3, 16, 16], &device);
/// let output = Tensor::<4>::full([1, 3, 16, 16], 0.5, &device).require_grad();
/// let terms = Terms::parse("mse", 16, &SeededWeights)?;
/// let loss = between_tensors(&terms, &target, &output)?;
/// let gradients = loss.backward();
/// assert!(output.grad(&gradients).is_some());
/// # Ok::<(), lookalike_train::Error>(())
/// ```
///
/// # Errors
/// Those of [`Terms::evaluate`]; [`Error::Refused`] where the engine gives no numbers in single precision.
pub fn between_tensors(terms: &Terms, target: &Tensor<4>, output: &Tensor<4>) -> Result<Tensor<1>> {
    let [target_numbers, numbers] = [target, output].map(numbers);
    let (target_numbers, numbers) = (target_numbers?, numbers?);
    let batches =
        (Batch::new(target.dims(), &target_numbers)?, Batch::new(output.dims(), &numbers)?);
    let mut gradient = vec![0.0; numbers.len()];
    let (value, _) = terms.evaluate(&batches.0, &batches.1, &mut gradient)?;
    let gradient = TensorData::new(gradient, output.dims());
    let gradient = Tensor::<4>::from_data(gradient, &output.device());
    let sum = (output.clone() * gradient).sum();
    Ok(sum.clone() - sum.detach() + value)
}

fn numbers(tensor: &Tensor<4>) -> Result<Vec<f32>> {
    let data = tensor.clone().into_data().convert::<f32>();
    data.try_to_vec().map_err(|error| Error::Refused(format!("tensors: {error:?}")))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use lookalike_deep::SeededWeights;

    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn value_and_gradient_go_through_a_graph() {
        let shape = [2, 3, 24, 24];
        let count = shape.into_iter().product();
        let samples = |seed| -> Vec<f32> {
            let mut stream = Stream::new(seed, Purpose::Observer, 0);
            (0..count).map(|_| 0.2 + 0.6 * stream.unit() as f32).collect()
        };
        let (target, input) = (samples(1), samples(2));
        let terms = Terms::parse("0.84*ms-ssim,0.16*l1", 24, &SeededWeights).unwrap();
        let device = Device::flex().autodiff();
        let tensor = |numbers: &[f32]| {
            Tensor::<4>::from_data(TensorData::new(numbers.to_vec(), shape), &device)
        };
        // output = x², so that the derivative is 2x·g.
        let x = tensor(&input).require_grad();
        let output = x.clone() * x.clone();
        let loss = between_tensors(&terms, &tensor(&target), &output).unwrap();
        let found: Vec<f32> = loss.clone().into_data().try_to_vec().unwrap();
        let squares: Vec<f32> = input.iter().map(|x| x * x).collect();
        let mut gradient = vec![0.0; count];
        let batches = [&target, &squares].map(|of| Batch::new(shape, of).unwrap());
        let (value, _) = terms.evaluate(&batches[0], &batches[1], &mut gradient).unwrap();
        assert!((f64::from(found[0]) - value).abs() < 1e-6, "{found:?} {value}");
        let gradients = loss.backward();
        let slopes: Vec<f32> = x.grad(&gradients).unwrap().into_data().try_to_vec().unwrap();
        for ((slope, g), x) in slopes.iter().zip(&gradient).zip(&input) {
            assert!((slope - 2.0 * x * g).abs() < 1e-9, "{slope} {g} {x}");
        }
        let other = Tensor::<4>::zeros([2, 3, 24, 20], &device);
        assert!(between_tensors(&terms, &other, &output).is_err());
    }
}
