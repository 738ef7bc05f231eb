//! The first convolution of a network: it reads planes of few channels and writes blocks.
//!
//! With three channels, lines of sixteen inputs would be mostly empty, so the inputs are single numbers
//! here: a tile of positions and outputs stays in registers while channels, rows and columns of the
//! filters run past it.
//!
//! Every output is summed in one order: channels, rows, columns.

mod forward;
mod gradient;
mod pooling;

use std::sync::OnceLock;

use crate::blocks::Blocks;
use crate::convolution::{Activation, Filters, Padding};
use crate::direct::{channel_lines, expect, expect_shape};
use crate::lanes::{LANES, Line};
use crate::max_pool::MaxPool;
use crate::processor::Processor;
use crate::product::Packed;
use crate::{Error, Result};

/// A convolution of planes, with what follows it.
#[derive(Debug)]
pub struct First {
    processor: Processor,
    inputs: usize,
    outputs: usize,
    kernel: [usize; 2],
    stride: usize,
    activation: Activation,
    shape: Packed,
    weights: Vec<Line>,
    bias: Vec<Line>,
    backward: OnceLock<(Packed, Vec<Line>)>,
}

impl First {
    /// Packs filters of one group; they are applied at every `stride`-th position.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Count`]; [`Error::Dimension`] where there are several groups or the
    /// stride is 0.
    pub fn new(
        processor: Processor,
        filters: &Filters<'_>,
        stride: usize,
        activation: Activation,
    ) -> Result<Self> {
        filters.check()?;
        expect("groups of a first convolution", 1, filters.groups)?;
        if stride == 0 {
            return Err(Error::Dimension { what: "stride", expected: 1, found: 0 });
        }
        let Filters { inputs, outputs, kernel, .. } = *filters;
        let depth = inputs * kernel[0] * kernel[1];
        let shape = Packed { depth, lines: outputs.div_ceil(LANES), panel: processor.panel() };
        let mut weights: Vec<Line> = bytemuck::zeroed_vec(shape.len());
        for (output, filter) in filters.weights.chunks_exact(depth).enumerate() {
            for (position, &weight) in filter.iter().enumerate() {
                weights[shape.place(position, output / LANES)].0[output % LANES] = weight;
            }
        }
        let bias = channel_lines(filters.bias);
        Ok(Self {
            processor,
            inputs,
            outputs,
            kernel,
            stride,
            activation,
            shape,
            weights,
            bias,
            backward: OnceLock::new(),
        })
    }

    /// Channels read.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels written.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Batch, channels, height and width of what comes of an input.
    ///
    /// # Errors
    /// [`Error::Dimension`] where the channels are not those of the filters, [`Error::TooSmall`],
    /// [`Error::Shape`].
    pub fn output_shape(&self, input: [usize; 4], padding: Padding) -> Result<[usize; 4]> {
        let [batch, channels, height, width] = input;
        expect("channels of a convolution's input", self.inputs, channels)?;
        if input.contains(&0) {
            return Err(Error::Shape { what: "planes", shape: input.to_vec() });
        }
        let [height, width] = padding.output([height, width], self.kernel, self.stride)?;
        Ok([batch, self.outputs, height, width])
    }

    /// Convolves planes, which are batch × channels × height × width numbers, into `output`, which gets
    /// the shape that follows.
    ///
    /// # Errors
    /// As [`output_shape`](Self::output_shape), and [`Error::Count`].
    pub fn forward(
        &self,
        shape: [usize; 4],
        planes: &[f32],
        padding: Padding,
        output: &mut Blocks,
    ) -> Result<()> {
        let output_shape = self.output_shape(shape, padding)?;
        expect_count(shape, planes.len())?;
        output.reshape(output_shape)?;
        forward::run(self, shape, planes, padding, output, None);
        Ok(())
    }

    /// As [`forward`](Self::forward), with the outputs pooled as well: while they are in the second cache.
    ///
    /// # Errors
    /// As [`forward`](Self::forward) and [`MaxPool::output`]; [`Error::Dimension`] where the pool has padding.
    pub fn forward_pooled(
        &self,
        shape: [usize; 4],
        planes: &[f32],
        padding: Padding,
        output: &mut Blocks,
        (pool, pooled): (&MaxPool, &mut Blocks),
    ) -> Result<()> {
        let output_shape = self.output_shape(shape, padding)?;
        let [batch, channels, height, width] = output_shape;
        expect_count(shape, planes.len())?;
        expect("padding of a pool behind a first convolution", 0, pool.padding)?;
        let [rows, columns] = pool.output([height, width])?;
        output.reshape(output_shape)?;
        pooled.reshape([batch, channels, rows, columns])?;
        forward::run(self, shape, planes, padding, output, Some((pool, pooled)));
        Ok(())
    }

    /// The derivative with respect to planes of height and width `input_size`, given that with respect
    /// to the sums before the activation. `gradient` takes batch × channels × height × width numbers.
    ///
    /// # Errors
    /// [`Error::Dimension`] where `upstream` has not the shape that such an input gives,
    /// [`Error::TooSmall`], [`Error::Shape`], [`Error::Count`].
    pub fn input_gradient(
        &self,
        upstream: &Blocks,
        padding: Padding,
        input_size: [usize; 2],
        gradient: &mut [f32],
    ) -> Result<()> {
        let input = [upstream.shape()[0], self.inputs, input_size[0], input_size[1]];
        let expected = self.output_shape(input, padding)?;
        expect_shape(expected, upstream.shape())?;
        expect_count(input, gradient.len())?;
        let packed = self.backward.get_or_init(|| gradient::pack(self));
        gradient::run(self, packed, upstream, padding, input_size, gradient);
        Ok(())
    }
}

/// # Errors
/// [`Error::Shape`], [`Error::Count`].
fn expect_count(shape: [usize; 4], found: usize) -> Result<()> {
    let expected = shape.iter().try_fold(1_usize, |count, &extent| count.checked_mul(extent));
    match expected {
        None => Err(Error::Shape { what: "planes", shape: shape.to_vec() }),
        Some(expected) if expected != found => {
            Err(Error::Count { what: "planes", expected, found })
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
