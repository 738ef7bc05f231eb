//! Convolution with 3×3 and 5×5 filters at every position by the minimal algorithms of Winograd,
//! F(4×4, 3×3) and F(2×2, 5×5).
//!
//! Sixteen outputs of a tile cost 36 products per pair of channels instead of 144, four with 5×5 filters
//! 36 instead of 100 (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"). Per block
//! of tiles: 6×6 inputs of all channels are transformed into 36 matrices, each is multiplied by its matrix of transformed filters, and the
//! products are transformed back, with bias and activation on the way to memory. A block belongs to one task, and is small
//! enough for its matrices to stay in the second cache, unless there are so many channels that filters had to be read too
//! often. Where there are too few blocks to go round, the three phases are each cut into tasks instead. Either way every
//! number is computed in the same order.
//!
//! Error against f64, relative to the largest output: 1e-6 with 64 channels, 3e-6 with 512. Packed
//! filters of 3×3 take four times the memory of plain ones, of 5×5 one and a half times.

mod ahead;
mod gather;
mod pack;
mod pass;
mod scatter;
mod tasks;
mod transform;

use rayon::prelude::*;

use self::pack::PackLine;
use self::pass::{Behind, Pass};
use self::transform::{INPUT, PRODUCTS};
use crate::blocks::Blocks;
use crate::convolution::{Activation, Filters, Padding};
use crate::direct::{channel_lines, expect, expect_part, expect_shape};
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Line};
use crate::processor::Processor;
use crate::product::Packed;
use crate::{Error, Result};

/// A convolution with 3×3 or 5×5 filters, stride 1.
#[derive(Clone, Debug)]
pub struct Winograd {
    processor: Processor,
    /// Whether products are of pairs of bfloat16 numbers.
    in_pairs: bool,
    /// Rows and columns of a filter.
    side: usize,
    inputs: usize,
    outputs: usize,
    /// Shape of one of the 36 matrices, of numbers or pairs.
    packed: Packed,
    matrices: Vec<Line>,
    bias: Vec<Line>,
    activation: Activation,
}

/// What filters are packed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Forward,
    /// The same with pairs of bfloat16 numbers.
    InPairs,
    /// The way of derivatives.
    Transposed,
}

impl Winograd {
    /// Transforms filters.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Count`]; [`Error::Dimension`] unless filters are 3×3 or 5×5 in one group.
    pub fn new(
        processor: Processor,
        filters: &Filters<'_>,
        activation: Activation,
    ) -> Result<Self> {
        check(filters)?;
        Ok(Self::pack(processor, filters, activation, Form::Forward))
    }

    /// As [`new`](Self::new) with products in bfloat16: transformed inputs and filters are rounded to three digits,
    /// and products added in single precision. Everything else is as it is, so that the error is about a hundredth of the
    /// largest output. It is fast where the processor [has such instructions](Processor::has_bfloat16).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn in_bfloat16(
        processor: Processor,
        filters: &Filters<'_>,
        activation: Activation,
    ) -> Result<Self> {
        check(filters)?;
        Ok(Self::pack(processor.in_pairs(), filters, activation, Form::InPairs))
    }

    /// The convolution that takes derivatives with respect to the outputs of `filters` to those with
    /// respect to its inputs: filters turned by half a turn, inputs and outputs exchanged, no bias.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn transposed(processor: Processor, filters: &Filters<'_>) -> Result<Self> {
        check(filters)?;
        Ok(Self::pack(processor, filters, Activation::None, Form::Transposed))
    }

    fn pack(
        processor: Processor,
        filters: &Filters<'_>,
        activation: Activation,
        form: Form,
    ) -> Self {
        let in_pairs = form == Form::InPairs;
        let (inputs, outputs, bias) = match form {
            Form::Forward | Form::InPairs => {
                (filters.inputs, filters.outputs, channel_lines(filters.bias))
            }
            Form::Transposed => {
                let lines = filters.inputs.div_ceil(LANES);
                (filters.outputs, filters.inputs, vec![Line::ZERO; lines])
            }
        };
        let panel = processor.panel();
        let depth = inputs.next_multiple_of(LANES) / if in_pairs { 2 } else { 1 };
        let packed = Packed { depth, lines: outputs.div_ceil(LANES), panel };
        let mut matrices: Vec<Line> = bytemuck::zeroed_vec(PRODUCTS * packed.len());
        let to = &Disjoint::new(&mut matrices);
        let side = filters.kernel[0];
        (0..packed.lines).into_par_iter().for_each(|line| {
            let packed = &packed;
            match side {
                3 => processor.run(PackLine::<3> { filters, form, packed, line, to }),
                _ => processor.run(PackLine::<5> { filters, form, packed, line, to }),
            }
        });
        Self { processor, in_pairs, side, inputs, outputs, packed, matrices, bias, activation }
    }

    /// Channels read and written.
    pub fn channels(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// The convolution of `input` with `padding` around it.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::TooSmall`], [`Error::Shape`].
    pub fn forward(&self, input: &Blocks, padding: Padding, output: &mut Blocks) -> Result<()> {
        output.reshape(self.output_shape(input.shape(), padding)?)?;
        self.forward_into(input, padding, output, 0)
    }

    /// As [`forward`](Self::forward), with the largest of every 2×2 outputs, side by side, in `pooled`: a pool that costs
    /// no way to memory and back. A last row or column that is alone is left out, as by a
    /// [`MaxPool`](crate::MaxPool) without `ceil`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); [`Error::TooSmall`] where there are not two rows and columns.
    pub fn forward_pooled(
        &self,
        input: &Blocks,
        padding: Padding,
        output: &mut Blocks,
        pooled: &mut Blocks,
    ) -> Result<()> {
        let shape = self.output_shape(input.shape(), padding)?;
        let [batch, channels, rows, columns] = shape;
        if rows.min(columns) < 2 {
            return Err(Error::TooSmall { window: 2, found: rows.min(columns) });
        }
        output.reshape(shape)?;
        pooled.reshape([batch, channels, rows / 2, columns / 2])?;
        let pooled = Some(Disjoint::new(pooled.lines_mut()));
        self.pass(input, padding, output, 0, Behind { pooled, ..Behind::default() })
    }

    /// As [`forward`](Self::forward) of derivatives, which then go back through the activation that gave `given`: as
    /// [`mask`](crate::mask) would have them, without a way to memory and back.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`Error::Dimension`] where `given` has not the shape of the output.
    pub fn forward_masked(
        &self,
        input: &Blocks,
        padding: Padding,
        output: &mut Blocks,
        activation: Activation,
        given: &Blocks,
    ) -> Result<()> {
        let shape = self.output_shape(input.shape(), padding)?;
        expect_shape(shape, given.shape())?;
        output.reshape(shape)?;
        let behind = Behind { mask: Some((activation, given.lines())), ..Behind::default() };
        self.pass(input, padding, output, 0, behind)
    }

    /// Batch, channels, height and width of what comes of an input.
    fn output_shape(&self, input: [usize; 4], padding: Padding) -> Result<[usize; 4]> {
        let [batch, channels, height, width] = input;
        expect("channels of a convolution's input", self.inputs, channels)?;
        let [height, width] = padding.output([height, width], [self.side; 2], 1)?;
        Ok([batch, self.outputs, height, width])
    }

    /// The same, into blocks of larger shape: the outputs become the channels from `first` on, which
    /// is a multiple of sixteen, as is their end unless it is that of all channels.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::TooSmall`].
    pub fn forward_into(
        &self,
        input: &Blocks,
        padding: Padding,
        output: &mut Blocks,
        first: usize,
    ) -> Result<()> {
        self.pass(input, padding, output, first, Behind::default())
    }

    fn pass(
        &self,
        input: &Blocks,
        padding: Padding,
        output: &mut Blocks,
        first: usize,
        behind: Behind<'_>,
    ) -> Result<()> {
        let [_, _, height, width] = input.shape();
        let [batch, channels, rows, columns] = self.output_shape(input.shape(), padding)?;
        let all = output.shape()[1];
        expect_shape([batch, all, rows, columns], output.shape())?;
        expect_part(first, channels, all)?;
        let depth = [input.depth(), output.depth()];
        let tiles = [rows, columns].map(|length| length.div_ceil(self.outputs_of_tile()));
        let pass = Pass {
            convolution: self,
            input: input.lines(),
            output: Disjoint::new(output.lines_mut()),
            behind,
            depth,
            first: first / LANES,
            size: [height, width],
            result: [rows, columns],
            offset: [padding.rows[0], padding.columns[0]],
            tiles,
        };
        pass.run(batch * tiles[0] * tiles[1]);
        Ok(())
    }

    /// Lines of channels read.
    #[inline(always)]
    fn lines_read(&self) -> usize {
        self.inputs.div_ceil(LANES)
    }

    /// Outputs of a tile along one axis.
    #[inline(always)]
    fn outputs_of_tile(&self) -> usize {
        INPUT + 1 - self.side
    }

    /// Tiles of a block, whole products of six rows. Few leave room in the second cache for what is asked for ahead;
    /// but where filters do not fit into the third, a block takes many to read them rarely.
    fn block(&self) -> usize {
        if self.has_large_blocks() { 192 } else { 18 }
    }

    #[inline(always)]
    fn has_large_blocks(&self) -> bool {
        (self.lines_read() + self.packed.lines) * LANES > 512
    }
}

/// # Errors
/// [`Error::Shape`], [`Error::Count`]; [`Error::Dimension`] unless filters are 3×3 or 5×5 in one group.
fn check(filters: &Filters<'_>) -> Result<()> {
    filters.check()?;
    let [rows, columns] = filters.kernel;
    expect("rows of a filter", if rows == 5 { 5 } else { 3 }, rows)?;
    expect("columns of a filter", rows, columns)?;
    expect("groups of channels", 1, filters.groups)
}

#[cfg(test)]
mod tests;
