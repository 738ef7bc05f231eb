//! The network on a device of the tensor engine, a batch at a time, with its derivatives.
//!
//! The arithmetic is that of [`network`](super::network) and [`block`](super::block), with the engine's own derivatives.
//! Parameters go to the device for every batch; outputs and derivatives come back. Losses, noise and the optimiser stay
//! with the processor, so that runs are repeated, continued and shipped as they are there.
//!
//! Reproduces: outputs and derivatives of the kernels within 1e-5 of their largest number (derivatives with respect
//! to parameters 1e-4), on the engine's processor and on a graphics card by a software driver of Vulkan.
//!
//! Mixed precision ([`Precision`]): factors of products are rounded to 16 bits and what comes of them is single
//! precision again. For `f16` derivatives with respect to the output are first multiplied by the power of two that
//! brings the greatest of them to 0.5…1, so that small ones do not vanish; where derivatives leave its range after
//! all, they are computed once more with smaller ones.
//!
//! Limits: other bits on every device and in every batch; no derivatives with respect to the input.

use burn::tensor::{Device, FloatDType, Tensor, TensorData, activation};

use super::architecture::Architecture;
use super::block::Block;
use super::linear::Linear;
use super::network::{Dit, Input, expect};
use super::patches::{drawn, drawn_backward, patches};
use super::places::Places;
use super::precision::Precision;
use super::time::{self, time_embedding};
use crate::{Error, Result};

/// Powers of two by which derivatives in `f16` are tried to be smaller, one after the other.
const SMALLER: [i32; 3] = [0, 6, 12];

/// The parameters on a device, as one row of numbers of which every layer takes its part.
struct OnDevice<'a> {
    places: &'a Places,
    architecture: &'a Architecture,
    parameters: Tensor<1>,
    device: Device,
    /// Of products of matrices; single precision without.
    half: Option<FloatDType>,
}

impl Dit {
    /// What comes of examples: outputs × side × side samples each.
    pub(super) fn run_on(
        &self,
        device: &Device,
        parameters: &[f32],
        inputs: &[Input<'_>],
    ) -> Result<Vec<Vec<f32>>> {
        let on = self.on_device(device, numbers_on(parameters, device));
        self.outputs(&on.forward(self.positions(), inputs)?)
    }

    /// As [`gradients`](Self::gradients).
    pub(super) fn gradients_on<T: Send>(
        &self,
        device: &Device,
        parameters: &[f32],
        inputs: &[Input<'_>],
        each: impl Fn(usize, &[f32]) -> Result<(T, Vec<f32>)> + Sync,
        gradient: &mut [f32],
    ) -> Result<Vec<T>> {
        use rayon::prelude::*;

        let device = &device.clone().autodiff();
        let on = self.on_device(device, numbers_on(parameters, device).require_grad());
        let tokens = on.forward(self.positions(), inputs)?;
        let outputs = self.outputs(&tokens.clone().inner())?;
        let found = outputs.par_iter().enumerate().map(|(at, output)| {
            let (value, upstream) = each(at, output)?;
            expect("derivatives of the output", output.len(), upstream.len())?;
            Ok((value, upstream))
        });
        let (values, upstream): (Vec<T>, Vec<Vec<f32>>) =
            found.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let Architecture { side, patch, .. } = *self.architecture();
        let rows: Vec<f32> =
            upstream.iter().flat_map(|planes| drawn_backward(planes, side, patch)).collect();
        // The derivative of Σ output·constant is the constant pulled back through the network.
        let pulled_back = |tokens: Tensor<3>, scale: f32| -> Result<Vec<f32>> {
            let constant = numbers_on(&rows, device).reshape(tokens.dims()) * scale;
            let slopes = (tokens * constant).sum().backward();
            let found = on.parameters.grad(&slopes);
            let found = found
                .ok_or_else(|| Error::Refused("the tensor engine gave no derivative".to_owned()))?;
            numbers_of(found * (1.0 / scale))
        };
        if self.precision() != Precision::F16 {
            gradient.copy_from_slice(&pulled_back(tokens, 1.0)?);
            return Ok(values);
        }
        let greatest = rows.iter().fold(0.0_f32, |greatest, slope| greatest.max(slope.abs()));
        let above = if greatest > 0.0 { greatest.log2().floor() as i32 + 1 } else { 0 };
        let above = above.clamp(-100, 100);
        let mut tokens = Some(tokens);
        for smaller in SMALLER {
            let tokens = match tokens.take() {
                Some(tokens) => tokens,
                None => on.forward(self.positions(), inputs)?,
            };
            let found = pulled_back(tokens, 2.0_f32.powi(-above - smaller))?;
            if found.iter().all(|slope| slope.is_finite()) {
                gradient.copy_from_slice(&found);
                return Ok(values);
            }
        }
        Err(Error::Refused(
            "derivatives in f16 are not finite: train in f32, or in bf16 where the device has it"
                .to_owned(),
        ))
    }

    fn on_device(&self, device: &Device, parameters: Tensor<1>) -> OnDevice<'_> {
        let (places, architecture) = (self.places(), self.architecture());
        let half = self.precision().half();
        OnDevice { places, architecture, parameters, device: device.clone(), half }
    }

    /// Planes of the patches that tokens give.
    fn outputs(&self, tokens: &Tensor<3>) -> Result<Vec<Vec<f32>>> {
        let Architecture { side, patch, outputs, .. } = *self.architecture();
        let numbers = numbers_of(tokens.clone())?;
        let examples = numbers.chunks_exact(outputs * side * side);
        Ok(examples.map(|rows| drawn(rows, side, patch)).collect())
    }
}

fn numbers_on(numbers: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [numbers.len()]), device)
}

fn numbers_of<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let found = tensor.into_data().try_into_vec::<f32>();
    found.map_err(|error| Error::Refused(format!("what the tensor engine gave: {error:?}")))
}

impl OnDevice<'_> {
    fn part(&self, range: &std::ops::Range<usize>) -> Tensor<1> {
        self.parameters.clone().slice([range.clone()])
    }

    /// The product of matrices.
    fn product<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        match self.half {
            None => a.matmul(b),
            Some(half) => a.cast(half).matmul(b.cast(half)).cast(FloatDType::F32),
        }
    }

    /// Rows through a dense layer.
    fn linear(&self, layer: &Linear, rows: Tensor<2>) -> Tensor<2> {
        let [_, inputs] = rows.dims();
        let outputs = layer.bias.len();
        let weight: Tensor<2> = self.part(&layer.weight).reshape([outputs, inputs]);
        self.product(rows, weight.transpose()) + self.part(&layer.bias).reshape([1, outputs])
    }

    /// The tokens of all examples through a dense layer.
    fn dense(&self, layer: &Linear, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, count, inputs] = tokens.dims();
        let rows = self.linear(layer, tokens.reshape([batch * count, inputs]));
        rows.reshape([batch, count, layer.bias.len()])
    }

    /// Rows of numbers as tokens.
    fn tokens(&self, layer: &Linear, batch: usize, rows: &[f32], inputs: usize) -> Tensor<3> {
        let rows = numbers_on(rows, &self.device);
        let count = rows.dims()[0] / (batch * inputs).max(1);
        self.dense(layer, rows.reshape([batch, count, inputs]))
    }

    /// The patches that the last layer gives, examples × tokens × numbers of a patch.
    fn forward(&self, positions: &[f32], inputs: &[Input<'_>]) -> Result<Tensor<3>> {
        let Architecture { side, patch, width, channels, beside, sequence, .. } =
            *self.architecture;
        let batch = inputs.len();
        let along = [1, self.architecture.tokens(), width];
        let positions = numbers_on(positions, &self.device).reshape(along);
        let condition = activation::silu(self.condition(inputs));
        let area = side * side;
        let mut rows = Vec::with_capacity(batch * (channels + beside) * area);
        for input in inputs {
            let mut planes = input.x.to_vec();
            match input.source.filter(|_| beside > 0) {
                Some(source) => planes.extend_from_slice(source),
                None => planes.resize((channels + beside) * area, 0.0),
            }
            rows.extend(patches(&planes, side, patch));
        }
        let read = self.architecture.of_patch(channels + beside);
        let mut tokens = self.tokens(&self.places.patches, batch, &rows, read) + positions.clone();
        if let Some((layer, kind)) = &self.places.sequence {
            let zeros = vec![0.0; sequence * area];
            let rows: Vec<f32> = inputs
                .iter()
                .flat_map(|input| patches(input.source.unwrap_or(&zeros), side, patch))
                .collect();
            let read = self.architecture.of_patch(sequence);
            let behind = self.tokens(layer, batch, &rows, read) + positions;
            let behind = behind + self.part(kind).reshape([1, 1, width]);
            tokens = Tensor::cat(vec![tokens, behind], 1);
        }
        for block in &self.places.blocks {
            tokens = self.block(block, tokens, &condition);
        }
        let count = self.architecture.tokens();
        let tokens = tokens.slice([0..batch, 0..count, 0..width]);
        let modulation = self.linear(&self.places.last_modulation, condition);
        let [shift, scale] = [0, 1].map(|at| of_modulation(&modulation, at, width));
        Ok(self.dense(&self.places.last, modulated(tokens, shift, scale, 1e-6)))
    }

    /// c of every example.
    fn condition(&self, inputs: &[Input<'_>]) -> Tensor<2> {
        let Architecture { width, convention, vector, .. } = *self.architecture;
        let batch = inputs.len();
        let times: Vec<f32> = inputs
            .iter()
            .flat_map(|input| time_embedding(input.time, time::COUNT, convention))
            .collect();
        let times: Tensor<2> = numbers_on(&times, &self.device).reshape([batch, time::COUNT]);
        let [first, second] = &self.places.time;
        let mut sum = self.linear(second, activation::silu(self.linear(first, times)));
        if let Some(table) = &self.places.classes {
            let rows = inputs.iter().map(|input| {
                let start = table.start + input.class.unwrap_or(0) * width;
                self.part(&(start..start + width)).reshape([1, width])
            });
            sum = sum + Tensor::cat(rows.collect::<Vec<Tensor<2>>>(), 0);
        }
        if let Some((layer, null)) = &self.places.vector {
            let rows = inputs.iter().map(|input| match input.vector {
                Some(found) => numbers_on(found, &self.device).reshape([1, vector]),
                None => self.part(null).reshape([1, vector]),
            });
            let rows = Tensor::cat(rows.collect::<Vec<Tensor<2>>>(), 0);
            sum = sum + self.linear(layer, rows);
        }
        sum
    }

    fn block(&self, block: &Block, input: Tensor<3>, condition: &Tensor<2>) -> Tensor<3> {
        let width = block.attention.width;
        let modulation = self.linear(&block.modulation, condition.clone());
        let part = |at: usize| of_modulation(&modulation, at, width);
        let rows = modulated(input.clone(), part(0), part(1), block.epsilons[0]);
        let attended = self.attention(block, self.dense(&block.qkv, rows));
        let middle = input + part(2) * self.dense(&block.projection, attended);
        let rows = modulated(middle.clone(), part(3), part(4), block.epsilons[1]);
        let hidden = gelu_tanh(self.dense(&block.feed[0], rows));
        middle + part(5) * self.dense(&block.feed[1], hidden)
    }

    fn attention(&self, block: &Block, qkv: Tensor<3>) -> Tensor<3> {
        let (width, heads) = (block.attention.width, block.attention.heads);
        let [batch, tokens, _] = qkv.dims();
        let size = width / heads;
        let [queries, keys, values] = [0, 1, 2].map(|part| {
            let part = qkv.clone().slice([0..batch, 0..tokens, part * width..(part + 1) * width]);
            let part: Tensor<4> = part.reshape([batch, tokens, heads, size]);
            part.swap_dims(1, 2)
        });
        // Divided before they are multiplied, so that products stay in the range of 16 bits.
        let queries = queries * (1.0 / (size as f32).sqrt());
        let products = self.product(queries, keys.transpose());
        let sums = self.product(activation::softmax(products, 3), values);
        sums.swap_dims(1, 2).reshape([batch, tokens, width])
    }
}

/// One of the parts of what modulates, for all tokens of each example.
fn of_modulation(modulation: &Tensor<2>, at: usize, width: usize) -> Tensor<3> {
    let [batch, _] = modulation.dims();
    let part = modulation.clone().slice([0..batch, at * width..(at + 1) * width]);
    part.reshape([batch, 1, width])
}

/// LN(x)·(1 + s) + b.
fn modulated(x: Tensor<3>, shift: Tensor<3>, scale: Tensor<3>, epsilon: f32) -> Tensor<3> {
    let centred = x.clone() - x.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    centred / (variance + epsilon).sqrt() * (scale + 1.0) + shift
}

/// GELU by the hyperbolic tangent, from operations whose derivatives every device has right.
fn gelu_tanh(x: Tensor<3>) -> Tensor<3> {
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube * 0.044_715) * (2.0 / std::f64::consts::PI).sqrt();
    x * (inner.tanh() + 1.0) * 0.5
}
