//! Convolutions, their adjoints, and the derivatives of both, on the kernels of the processor.
//!
//! Filters change at every step, so they are packed at every step. Which kernel is taken depends on the shape of
//! the filters alone.

use lookalike_kernels::{
    Activation, Blocks, Direct, Filters, First, LANES, Padding, PlaneConvolution, Processor,
    Winograd, mask, weight_gradient,
};
use rayon::prelude::*;

use super::activations::Activations;
use super::doubled::doubled_weight_gradient;
use super::enlarge::halve;
use crate::Result;

/// A convolution of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Convolution {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Whether negative numbers become 0.
    pub(super) relu: bool,
}

/// Derivatives with respect to weights and biases.
pub(super) struct Slopes<'a> {
    pub(super) weights: &'a mut [f32],
    pub(super) bias: &'a mut [f32],
}

impl Convolution {
    fn filters<'a>(&self, weights: &'a [f32], bias: &'a [f32]) -> Filters<'a> {
        let Self { inputs, outputs, kernel, .. } = *self;
        Filters { weights, bias, inputs, outputs, kernel: [kernel; 2], groups: 1 }
    }

    fn activation(&self) -> Activation {
        if self.relu { Activation::Relu } else { Activation::None }
    }

    fn padding(&self) -> Padding {
        Padding::each(self.padding)
    }

    /// Whether Winograd's algorithm suits: below sixteen channels most of a transform would be of zeros.
    fn is_minimal(&self) -> bool {
        matches!(self.kernel, 3 | 5)
            && self.stride == 1
            && self.inputs.min(self.outputs) >= LANES
            && self.padding < self.kernel
    }

    pub(super) fn forward(
        &self,
        weights: &[f32],
        bias: &[f32],
        input: &Activations,
    ) -> Result<Activations> {
        let (processor, filters) = (Processor::best(), self.filters(weights, bias));
        let mut output = Blocks::new();
        if self.inputs < LANES {
            let first = First::new(processor, &filters, self.stride, self.activation())?;
            first.forward(input.shape(), input.planes(), self.padding(), &mut output)?;
        } else if self.is_minimal() {
            let winograd = Winograd::new(processor, &filters, self.activation())?;
            winograd.forward(input.blocks()?, self.padding(), &mut output)?;
        } else {
            let direct = Direct::new(processor, &filters, self.stride, self.activation())?;
            direct.forward(input.blocks()?, self.padding(), &mut output)?;
        }
        Ok(Activations::of_blocks(output))
    }

    /// Derivatives with respect to the parameters, and to the input where it is `wanted`.
    pub(super) fn backward(
        &self,
        weights: &[f32],
        [input, output]: [&Activations; 2],
        upstream: Activations,
        slopes: &mut Slopes<'_>,
        wanted: bool,
    ) -> Result<Option<Activations>> {
        let processor = Processor::best();
        let upstream = self.before_activation(output, upstream)?;
        let plain = PlaneConvolution {
            input: input.shape(),
            outputs: self.outputs,
            kernel: [self.kernel; 2],
            stride: self.stride,
            padding: self.padding(),
        };
        let Slopes { weights: of_weights, bias: of_bias } = slopes;
        let planes = [input.planes(), upstream.planes()];
        weight_gradient(processor, &plain, planes[0], planes[1], of_weights, of_bias)?;
        if !wanted {
            return Ok(None);
        }
        self.input_gradient(weights, input.shape(), &upstream).map(Some)
    }

    /// The same of a 3×3 convolution of the doubled input.
    pub(super) fn doubled_backward(
        &self,
        weights: &[f32],
        [input, output]: [&Activations; 2],
        upstream: Activations,
        slopes: &mut Slopes<'_>,
        wanted: bool,
    ) -> Result<Option<Activations>> {
        let upstream = self.before_activation(output, upstream)?;
        let small = (input.shape(), input.planes());
        doubled_weight_gradient(small, self.outputs, upstream.planes(), slopes)?;
        if !wanted {
            return Ok(None);
        }
        let [batch, channels, height, width] = input.shape();
        let large = [batch, channels, 2 * height, 2 * width];
        let gradient = self.input_gradient(weights, large, &upstream)?;
        Ok(Some(Activations::of_blocks(halve(gradient.blocks()?)?)))
    }

    /// The derivatives with respect to an input of a shape, given those with respect to what is before the
    /// activation.
    fn input_gradient(
        &self,
        weights: &[f32],
        input: [usize; 4],
        upstream: &Activations,
    ) -> Result<Activations> {
        let processor = Processor::best();
        let [batch, channels, height, width] = input;
        let zeros = vec![0.0; self.outputs];
        let filters = self.filters(weights, &zeros);
        let mut gradient = Blocks::new();
        if self.inputs < LANES {
            let first = First::new(processor, &filters, self.stride, Activation::None)?;
            let mut planes = vec![0.0; batch * channels * height * width];
            let blocks = upstream.blocks()?;
            first.input_gradient(blocks, self.padding(), [height, width], &mut planes)?;
            return Ok(Activations::of_planes(input, planes));
        }
        if self.is_minimal() {
            let winograd = Winograd::transposed(processor, &filters)?;
            let padding = Padding::each(self.kernel - 1 - self.padding);
            winograd.forward(upstream.blocks()?, padding, &mut gradient)?;
        } else {
            let direct = Direct::new(processor, &filters, self.stride, Activation::None)?;
            let blocks = upstream.blocks()?;
            direct.input_gradient(blocks, self.padding(), [height, width], &mut gradient)?;
        }
        Ok(Activations::of_blocks(gradient))
    }

    /// What is upstream of the activation.
    fn before_activation(
        &self,
        output: &Activations,
        upstream: Activations,
    ) -> Result<Activations> {
        if !self.relu {
            return Ok(upstream);
        }
        let mut blocks = upstream.into_blocks()?;
        mask(Processor::best(), Activation::Relu, output.blocks()?, &mut blocks)?;
        Ok(Activations::of_blocks(blocks))
    }

    /// The convolution of which a transposed one is the adjoint.
    fn mirrored(&self) -> Self {
        Self { inputs: self.outputs, outputs: self.inputs, relu: false, ..*self }
    }

    /// As a transposed convolution: the adjoint of filters `[input][output][row][column]`, to a size.
    pub(super) fn transposed(
        &self,
        weights: &[f32],
        bias: &[f32],
        input: &Activations,
        size: [usize; 2],
    ) -> Result<Activations> {
        let zeros = vec![0.0; self.inputs];
        let mirrored = self.mirrored();
        let filters = mirrored.filters(weights, &zeros);
        let direct = Direct::new(Processor::best(), &filters, self.stride, Activation::None)?;
        let mut output = Blocks::new();
        direct.input_gradient(input.blocks()?, Padding::default(), size, &mut output)?;
        let (depth, area) = (output.depth(), output.area());
        output.lines_mut().par_chunks_mut(area).enumerate().for_each(|(index, lines)| {
            let mut biases = [0.0; LANES];
            let own = bias.chunks(LANES).nth(index % depth).unwrap_or_default();
            biases[..own.len()].copy_from_slice(own);
            for line in lines {
                for (number, bias) in line.0.iter_mut().zip(biases) {
                    *number += bias;
                    if self.relu {
                        *number = number.max(0.0);
                    }
                }
            }
        });
        Ok(Activations::of_blocks(output))
    }

    /// The derivatives of [`transposed`](Self::transposed).
    pub(super) fn transposed_backward(
        &self,
        weights: &[f32],
        [input, output]: [&Activations; 2],
        upstream: Activations,
        slopes: &mut Slopes<'_>,
    ) -> Result<Activations> {
        let processor = Processor::best();
        let upstream = self.before_activation(output, upstream)?;
        let [_, channels, height, width] = upstream.shape();
        let plain = PlaneConvolution {
            input: upstream.shape(),
            outputs: self.inputs,
            kernel: [self.kernel; 2],
            stride: self.stride,
            padding: Padding::default(),
        };
        // The adjoint exchanges what goes in and what comes from above.
        let mut of_inputs = vec![0.0; self.inputs];
        let planes = [upstream.planes(), input.planes()];
        let Slopes { weights: of_weights, bias } = slopes;
        weight_gradient(processor, &plain, planes[0], planes[1], of_weights, &mut of_inputs)?;
        let area = height * width;
        bias.par_iter_mut().enumerate().for_each(|(channel, bias)| {
            let own = planes[0].chunks_exact(area).skip(channel).step_by(channels);
            *bias = own.flatten().map(|&slope| f64::from(slope)).sum::<f64>() as f32;
        });
        let zeros = vec![0.0; self.inputs];
        let mirrored = self.mirrored();
        let filters = mirrored.filters(weights, &zeros);
        let direct = Direct::new(processor, &filters, self.stride, Activation::None)?;
        let mut gradient = Blocks::new();
        direct.forward(upstream.blocks()?, Padding::default(), &mut gradient)?;
        Ok(Activations::of_blocks(gradient))
    }
}
