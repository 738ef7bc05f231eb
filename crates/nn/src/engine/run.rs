//! Layers on the tensor engine: the only file that calls its operations.
//!
//! Shapes are checked before, in [`Trunk`](crate::Trunk), because the engine panics on what does not
//! fit.

use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};

use crate::filters::Filters;
use crate::layer::{Convolution, Join, Layer, MaxPool};
use crate::{Error, Planes, Result};

/// A convolution with its parameters on a device.
#[derive(Clone, Debug)]
pub(crate) struct Tensors {
    weight: Tensor<4>,
    bias: Tensor<1>,
    convolution: Convolution,
}

impl Tensors {
    pub(crate) fn new(filters: &Filters, device: &Device) -> Self {
        let Filters { weight, bias, convolution } = filters;
        let shape = Filters::shape(convolution);
        Self {
            weight: Tensor::from_data(TensorData::new(weight.clone(), shape), device),
            bias: Tensor::from_data(TensorData::new(bias.clone(), [bias.len()]), device),
            convolution: convolution.clone(),
        }
    }

    fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let Convolution { kernel, stride, padding, groups, .. } = self.convolution;
        let padding = [height, width].map(|length| padding.of(length, kernel, stride));
        let options = ConvOptions::new_with_padding([stride; 2], padding, [1, 1], groups);
        let (mut weight, mut bias) = (self.weight.clone(), self.bias.clone());
        if x.is_autodiff() {
            // Constants beside a tracked input: no node, so no derivative of theirs is computed.
            (weight, bias) = (weight.autodiff(), bias.autodiff());
        }
        conv2d(x, weight, Some(bias), options)
    }
}

/// Runs layers and collects the activations at the taps.
pub(crate) fn run(layers: &[Layer<Tensors>], x: Tensor<4>, taps: &mut Vec<Tensor<4>>) -> Tensor<4> {
    layers.iter().fold(x, |x, layer| match layer {
        Layer::Convolution(tensors) => tensors.apply(x),
        Layer::Relu => activation::relu(x),
        Layer::Relu6 => x.clamp(0.0, 6.0),
        Layer::MaxPool(pool) => max_pool(x, *pool),
        Layer::HanningPool => hanning_pool(x),
        Layer::Branches(branches, join) => {
            let outputs: Vec<_> =
                branches.iter().map(|branch| run(branch, x.clone(), taps)).collect();
            match join {
                Join::Channels => Tensor::cat(outputs, 1),
                Join::Sum => outputs.into_iter().reduce(|sum, output| sum + output).unwrap_or(x),
            }
        }
        Layer::Tap => {
            taps.push(x.clone());
            x
        }
    })
}

fn max_pool(x: Tensor<4>, pool: MaxPool) -> Tensor<4> {
    let options = MaxPoolOptions::new([pool.kernel; 2])
        .with_stride([pool.stride; 2])
        .with_padding([pool.padding; 2])
        .with_ceil_mode(pool.ceil);
    max_pool2d(x, options)
}

/// The root keeps a distance from 0, where its derivative is infinite.
const HANNING_EPSILON: f64 = 1e-12;

fn hanning_pool(x: Tensor<4>) -> Tensor<4> {
    let channels = x.dims()[1];
    // The three inner values of a Hanning window of five are ½, 1, ½; their products in two
    // directions sum to 4.
    let window: [f32; 9] = [0.0625, 0.125, 0.0625, 0.125, 0.25, 0.125, 0.0625, 0.125, 0.0625];
    let filters = TensorData::new(window.repeat(channels), [channels, 1, 3, 3]);
    let filters = Tensor::<4>::from_data(filters, &x.device());
    let options = ConvOptions::new([2, 2], [1, 1], [1, 1], channels);
    (conv2d(x.clone() * x, filters, None, options) + HANNING_EPSILON).sqrt()
}

/// Planes as a tensor.
pub(crate) fn upload(planes: &Planes, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(planes.data().to_vec(), planes.shape()), device)
}

/// A tensor as planes.
pub(crate) fn download(tensor: Tensor<4>) -> Result<Planes> {
    let shape = tensor.dims();
    let data = tensor.into_data();
    let data = data.try_into_vec::<f32>().map_err(|error| Error::Engine(format!("{error:?}")))?;
    Planes::new(shape, data)
}
