//! A row of layers on a device of the tensor engine, with its derivatives.
//!
//! The same layers and the same parameters as on the processor, which go to the device for every batch; what comes
//! of it, and the derivatives, come back. Losses and the optimiser stay with the processor, so that runs are repeated,
//! continued and shipped as they are there.
//!
//! Reproduces: outputs and derivatives of the kernels within 1e-5 of their largest number, on the engine's processor
//! and on a graphics card by a software driver of Vulkan.
//!
//! Limits: single precision; other bits on every device.

use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::{Layer, Network, Stage, expect};
use crate::{Error, Result};

/// What a way forward leaves on the device.
pub(super) struct Traced {
    /// What the network gave, as numbers.
    pub(super) numbers: Vec<f32>,
    input: Tensor<4>,
    output: Tensor<4>,
    /// Weights and biases of the stages that have some.
    parameters: Vec<Option<(Tensor<1>, Tensor<1>)>>,
}

impl Network {
    fn input_shape(&self, count: usize) -> [usize; 4] {
        let [channels, height, width] = self.input;
        [count / (channels * height * width).max(1), channels, height, width]
    }

    /// What comes of pictures.
    pub(super) fn run_on(
        &self,
        device: &Device,
        parameters: &[f32],
        input: &[f32],
    ) -> Result<Vec<f32>> {
        let mut x = tensor(input, device).reshape(self.input_shape(input.len()));
        for stage in &self.stages {
            let [weights, bias] = stage.on(device, parameters);
            x = stage.apply(weights, bias, x);
        }
        numbers(x)
    }

    /// The same, with what the way back needs.
    pub(super) fn trace_on(
        &self,
        device: &Device,
        parameters: &[f32],
        input: &[f32],
    ) -> Result<Traced> {
        let device = &device.clone().autodiff();
        let input = tensor(input, device).reshape(self.input_shape(input.len())).require_grad();
        let (mut x, mut kept) = (input.clone(), Vec::new());
        for stage in &self.stages {
            let [weights, bias] = stage.on(device, parameters).map(Tensor::require_grad);
            x = stage.apply(weights.clone(), bias.clone(), x);
            kept.push((!stage.weights.is_empty()).then_some((weights, bias)));
        }
        let numbers = numbers(x.clone().inner())?;
        Ok(Traced { numbers, input, output: x, parameters: kept })
    }

    /// The derivatives with respect to the parameters, and to the input where they are `wanted`.
    pub(super) fn backward_on(
        &self,
        traced: &Traced,
        upstream: &[f32],
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<Vec<f32>>> {
        expect("derivatives", traced.numbers.len(), upstream.len())?;
        let shape = traced.output.dims();
        // The derivative of Σ output·constant is the constant pulled back through the network.
        let upstream = tensor(upstream, &traced.output.device()).reshape(shape);
        let slopes = (traced.output.clone() * upstream).sum().backward();
        for (stage, parameters) in self.stages.iter().zip(&traced.parameters) {
            let Some((weights, bias)) = parameters else { continue };
            for (tensor, place) in [(weights, &stage.weights), (bias, &stage.bias)] {
                let found = tensor.grad(&slopes).ok_or_else(no_derivative)?;
                gradient[place.clone()].copy_from_slice(&numbers(found)?);
            }
        }
        if !wanted {
            return Ok(None);
        }
        numbers(traced.input.grad(&slopes).ok_or_else(no_derivative)?).map(Some)
    }
}

fn no_derivative() -> Error {
    Error::Refused("the tensor engine gave no derivative".to_owned())
}

fn tensor(numbers: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [numbers.len()]), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let found = tensor.into_data().try_into_vec::<f32>();
    found.map_err(|error| Error::Refused(format!("what the tensor engine gave: {error:?}")))
}

impl Stage {
    /// Weights and biases on a device; empty where there are none.
    fn on(&self, device: &Device, parameters: &[f32]) -> [Tensor<1>; 2] {
        [&self.weights, &self.bias].map(|place| tensor(&parameters[place.clone()], device))
    }

    fn apply(&self, weights: Tensor<1>, bias: Tensor<1>, x: Tensor<4>) -> Tensor<4> {
        let [inputs, ..] = self.input;
        let [channels, height, width] = self.output;
        let [batch, ..] = x.dims();
        let y = match self.layer {
            Layer::Convolution { outputs, kernel, stride, padding } => {
                let x = if self.doubled { doubled(x) } else { x };
                let weights = weights.reshape([outputs, inputs, kernel, kernel]);
                let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
                conv2d(x, weights, Some(bias), options)
            }
            Layer::Transposed { outputs, kernel, stride, side } => {
                let weights = weights.reshape([inputs, outputs, kernel, kernel]);
                let [_, _, rows, columns] = x.dims();
                // Rows and columns that no window begins at.
                let rest = [rows, columns].map(|length| side - ((length - 1) * stride + kernel));
                let options = ConvTransposeOptions::new([stride; 2], [0, 0], rest, [1, 1], 1);
                conv_transpose2d(x, weights, Some(bias), options)
            }
            Layer::Dense(outputs) => {
                let read: usize = self.input.into_iter().product();
                let rows: Tensor<2> = x.reshape([batch, read]);
                let weights: Tensor<2> = weights.reshape([outputs, read]);
                let found = rows.matmul(weights.transpose()) + bias.reshape([1, outputs]);
                found.reshape([batch, outputs, 1, 1])
            }
            Layer::Relu => activation::relu(x),
            Layer::Sigmoid => activation::sigmoid(x),
            Layer::Double => doubled(x),
            Layer::Shape(_) => x.reshape([batch, channels, height, width]),
        };
        if self.relu { activation::relu(y) } else { y }
    }
}

/// Every number becomes four.
fn doubled(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x: Tensor<6> = x.reshape([batch, channels, height, 1, width, 1]);
    let x = x.expand([batch, channels, height, 2, width, 2]);
    x.reshape([batch, channels, 2 * height, 2 * width])
}
