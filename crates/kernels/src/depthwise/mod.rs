//! Convolutions with one filter per channel.
//!
//! The sixteen channels of a block are filtered side by side; nothing is shared between them, so the
//! loads of the input are what such a convolution costs.
//!
//! Every output is summed in one order: rows, columns.

mod run;

use std::sync::OnceLock;

use self::run::Run;
use crate::blocks::Blocks;
use crate::convolution::{Activation, Filters, Padding};
use crate::direct::{channel_lines, expect, expect_shape};
use crate::lanes::{LANES, Line};
use crate::phase::{Phase, Taps};
use crate::processor::Processor;
use crate::{Error, Result};

/// A convolution of every channel with a filter of its own, with what follows it.
#[derive(Debug)]
pub struct Depthwise {
    processor: Processor,
    channels: usize,
    kernel: [usize; 2],
    stride: usize,
    activation: Activation,
    /// Blocks of channels, rows, columns.
    weights: Vec<Line>,
    bias: Vec<Line>,
    backward: OnceLock<Vec<Vec<Line>>>,
}

impl Depthwise {
    /// Packs filters with as many groups as inputs and outputs; they are applied at every `stride`-th
    /// position.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Count`]; [`Error::Dimension`] where groups, inputs and outputs are
    /// not equal in number or the stride is 0.
    pub fn new(
        processor: Processor,
        filters: &Filters<'_>,
        stride: usize,
        activation: Activation,
    ) -> Result<Self> {
        filters.check()?;
        let Filters { inputs: channels, kernel, .. } = *filters;
        expect("groups of a depthwise convolution", channels, filters.groups)?;
        expect("outputs of a depthwise convolution", channels, filters.outputs)?;
        if stride == 0 {
            return Err(Error::Dimension { what: "stride", expected: 1, found: 0 });
        }
        let taps = kernel[0] * kernel[1];
        let mut weights = vec![Line::ZERO; channels.div_ceil(LANES) * taps];
        for (channel, filter) in filters.weights.chunks_exact(taps).enumerate() {
            for (tap, &weight) in filter.iter().enumerate() {
                weights[channel / LANES * taps + tap].0[channel % LANES] = weight;
            }
        }
        let bias = channel_lines(filters.bias);
        let backward = OnceLock::new();
        Ok(Self { processor, channels, kernel, stride, activation, weights, bias, backward })
    }

    /// Channels read and written.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Batch, channels, height and width of what comes of an input.
    ///
    /// # Errors
    /// [`Error::Dimension`] where the channels are not those of the filters, [`Error::TooSmall`].
    pub fn output_shape(&self, input: [usize; 4], padding: Padding) -> Result<[usize; 4]> {
        let [batch, channels, height, width] = input;
        expect("channels of a convolution's input", self.channels, channels)?;
        let [height, width] = padding.output([height, width], self.kernel, self.stride)?;
        Ok([batch, channels, height, width])
    }

    /// Convolves all of `input` into `output`, which gets the shape that follows.
    ///
    /// # Errors
    /// As [`output_shape`](Self::output_shape).
    pub fn forward(&self, input: &Blocks, padding: Padding, output: &mut Blocks) -> Result<()> {
        let shape = self.output_shape(input.shape(), padding)?;
        output.reshape(shape)?;
        let phase = Phase::forward(self.kernel, self.stride, padding, [shape[2], shape[3]]);
        let phases = [(phase, self.weights.as_slice())];
        let (processor, activation) = (self.processor, self.activation);
        Run { processor, phases: &phases, bias: &self.bias, activation }.run(input, output);
        Ok(())
    }

    /// The derivative with respect to an input of height and width `input_size`, given that with
    /// respect to the sums before the activation.
    ///
    /// # Errors
    /// [`Error::Dimension`] where `upstream` has not the shape that such an input gives,
    /// [`Error::TooSmall`].
    pub fn input_gradient(
        &self,
        upstream: &Blocks,
        padding: Padding,
        input_size: [usize; 2],
        gradient: &mut Blocks,
    ) -> Result<()> {
        let input = [upstream.shape()[0], self.channels, input_size[0], input_size[1]];
        let expected = self.output_shape(input, padding)?;
        expect_shape(expected, upstream.shape())?;
        gradient.reshape(input)?;
        let phases = Phase::backward(self.kernel, self.stride, padding, input_size);
        let weights = self
            .backward
            .get_or_init(|| phases.iter().map(|(_, taps)| self.rotated(taps)).collect());
        let phases = phases.into_iter().zip(weights);
        let phases: Vec<(Phase, &[Line])> =
            phases.map(|((phase, _), weights)| (phase, weights.as_slice())).collect();
        let bias = vec![Line::ZERO; self.bias.len()];
        let (processor, activation) = (self.processor, Activation::None);
        Run { processor, phases: &phases, bias: &bias, activation }.run(upstream, gradient);
        Ok(())
    }

    /// The taps of one phase of the derivative.
    fn rotated(&self, [down, across]: &[Taps; 2]) -> Vec<Line> {
        let [rows, columns] = self.kernel;
        let mut weights = Vec::with_capacity(self.weights.len());
        for filter in self.weights.chunks_exact(rows * columns) {
            for row in 0..down.count() {
                let from = &filter[down.at(row) * columns..];
                weights.extend((0..across.count()).map(|column| from[across.at(column)]));
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests;
