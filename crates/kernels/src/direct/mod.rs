//! Convolutions without a transform: any size of filters, any stride, one group.
//!
//! Positions by outputs is a matrix product whose left side is gathered on the way: a tile of six
//! positions and up to 64 outputs stays in registers while blocks of inputs, rows and columns of the
//! filters run past it. Bias and activation are applied before the tile is stored.
//!
//! Every output is summed in one order: blocks of inputs, rows, columns, inputs of the block.

mod filters;
mod run;
mod tile;

use std::sync::OnceLock;

use self::filters::Packing;
use self::run::Run;
use crate::blocks::Blocks;
use crate::convolution::{Activation, Filters, Padding};
use crate::lanes::{LANES, Line};
use crate::phase::Phase;
use crate::processor::Processor;
use crate::{Error, Result};

pub(crate) use self::filters::channel_lines;

/// A convolution of blocks, with what follows it.
#[derive(Debug)]
pub struct Direct {
    processor: Processor,
    stride: usize,
    activation: Activation,
    packing: Packing,
    bias: Vec<Line>,
    backward: OnceLock<Vec<Packing>>,
}

impl Direct {
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
        for (what, found) in [("groups of a direct convolution", filters.groups)] {
            if found != 1 {
                return Err(Error::Dimension { what, expected: 1, found });
            }
        }
        if stride == 0 {
            return Err(Error::Dimension { what: "stride", expected: 1, found: 0 });
        }
        let (inputs, [rows, columns]) = (filters.inputs, filters.kernel);
        let weight = |output: usize, input: usize, row: usize, column: usize| {
            filters.weights[((output * inputs + input) * rows + row) * columns + column]
        };
        let channels = [filters.outputs, inputs];
        let packing = Packing::new(processor.panel(), channels, filters.kernel, weight);
        let bias = channel_lines(filters.bias);
        Ok(Self { processor, stride, activation, packing, bias, backward: OnceLock::new() })
    }

    /// Channels read.
    pub fn inputs(&self) -> usize {
        self.packing.inputs
    }

    /// Channels written.
    pub fn outputs(&self) -> usize {
        self.packing.outputs
    }

    /// Batch, channels, height and width of what comes of an input.
    ///
    /// # Errors
    /// [`Error::Dimension`] where the channels are not those of the filters, [`Error::TooSmall`].
    pub fn output_shape(&self, input: [usize; 4], padding: Padding) -> Result<[usize; 4]> {
        let [batch, channels, height, width] = input;
        expect("channels of a convolution's input", self.inputs(), channels)?;
        let [height, width] = padding.output([height, width], self.packing.kernel, self.stride)?;
        Ok([batch, self.outputs(), height, width])
    }

    /// Convolves all of `input` into `output`, which gets the shape that follows.
    ///
    /// # Errors
    /// As [`output_shape`](Self::output_shape).
    pub fn forward(&self, input: &Blocks, padding: Padding, output: &mut Blocks) -> Result<()> {
        output.reshape(self.output_shape(input.shape(), padding)?)?;
        self.forward_into(input, padding, output, 0)
    }

    /// As [`forward`](Self::forward), into the channels from `first_channel` of an output that has its
    /// shape already: several convolutions of one input can stand side by side.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`Error::Dimension`] where the output has another batch,
    /// height or width, `first_channel` is no multiple of 16, the channels do not fit, or they end
    /// amid a block of others.
    pub fn forward_into(
        &self,
        input: &Blocks,
        padding: Padding,
        output: &mut Blocks,
        first_channel: usize,
    ) -> Result<()> {
        let [batch, channels, height, width] = self.output_shape(input.shape(), padding)?;
        let found = output.shape();
        expect("batch of a convolution's output", batch, found[0])?;
        expect("height of a convolution's output", height, found[2])?;
        expect("width of a convolution's output", width, found[3])?;
        expect_part(first_channel, channels, found[1])?;
        let phase = Phase::forward(self.packing.kernel, self.stride, padding, [height, width]);
        let phases = [(phase, &self.packing)];
        let (processor, activation) = (self.processor, self.activation);
        let run = Run { processor, phases: &phases, bias: &self.bias, activation };
        run.run(input, output, first_channel / LANES);
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
        let batch = upstream.shape()[0];
        let input = [batch, self.inputs(), input_size[0], input_size[1]];
        let expected = self.output_shape(input, padding)?;
        expect_shape(expected, upstream.shape())?;
        gradient.reshape(input)?;
        let phases = Phase::backward(self.packing.kernel, self.stride, padding, input_size);
        let packings = self.backward.get_or_init(|| {
            let channels = [self.inputs(), self.outputs()];
            let pack = |(phase, [down, across]): &(Phase, [crate::phase::Taps; 2])| {
                let weight = |output: usize, input: usize, row: usize, column: usize| {
                    self.weight(input, output, down.at(row), across.at(column))
                };
                Packing::new(self.processor.panel(), channels, phase.kernel, weight)
            };
            phases.iter().map(pack).collect()
        });
        let phases: Vec<(Phase, &Packing)> =
            phases.into_iter().map(|(phase, _)| phase).zip(packings).collect();
        let bias = vec![Line::ZERO; self.inputs().div_ceil(LANES)];
        let (processor, activation) = (self.processor, Activation::None);
        Run { processor, phases: &phases, bias: &bias, activation }.run(upstream, gradient, 0);
        Ok(())
    }

    /// A weight where it stands packed.
    fn weight(&self, output: usize, input: usize, row: usize, column: usize) -> f32 {
        let Packing { inputs, kernel, shape, weights, .. } = &self.packing;
        let [rows, columns] = *kernel;
        let first = input / LANES * LANES;
        let present = LANES.min(inputs - first);
        let position =
            first * rows * columns + (row * columns + column) * present + (input - first);
        weights[shape.place(position, output / LANES)].0[output % LANES]
    }
}

/// # Errors
/// [`Error::Dimension`].
pub(crate) fn expect(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Dimension { what, expected, found }) }
}

/// Whether activations have the expected batch, channels, height and width.
///
/// # Errors
/// [`Error::Dimension`].
pub(crate) fn expect_shape(expected: [usize; 4], found: [usize; 4]) -> Result<()> {
    let dimensions = ["batch", "channels", "height", "width"].into_iter();
    let mut pairs = dimensions.zip(expected.into_iter().zip(found));
    pairs.try_for_each(|(what, (expected, found))| expect(what, expected, found))
}

/// Whether `channels` from `first` may be written in blocks among `all`.
///
/// # Errors
/// [`Error::Dimension`].
pub(crate) fn expect_part(first: usize, channels: usize, all: usize) -> Result<()> {
    expect("remainder of the first channel by 16", 0, first % LANES)?;
    let end = first.saturating_add(channels);
    if end > all {
        return Err(Error::Dimension { what: "channels of the output", expected: end, found: all });
    }
    if end < all { expect("remainder of the last channel by 16", 0, end % LANES) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
