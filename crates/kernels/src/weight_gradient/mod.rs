//! The derivatives of a convolution for its weights and its bias.
//!
//! Every weight is a sum over all positions of all pictures, so positions are the inner dimension of a
//! product: one side stands in lines of sixteen channels, numbers of the other side are spread over all
//! lanes, and a tile of sums stays in registers for as long as a chunk of rows lasts. Lines are made of
//! the input (then the columns of a filter are neighbours in memory, and nothing is copied per tap),
//! or of the upstream gradient where the input has fewer channels than a line.
//!
//! Blocks of channels and fixed groups of chunks are tasks; groups are added in order.

mod pack;
mod sides;
mod tile;

use rayon::prelude::*;

use crate::elementwise::check;
use crate::lanes::{LANES, Line};
use crate::scratch::with_lines;
use crate::{Error, Padding, Processor, Result};
use sides::{Block, Sums};

/// A convolution of planes, one group of channels.
#[derive(Clone, Copy, Debug)]
pub struct PlaneConvolution {
    /// Batch, channels, height and width of the input.
    pub input: [usize; 4],
    /// Channels of the output.
    pub outputs: usize,
    /// Rows and columns of a filter.
    pub kernel: [usize; 2],
    /// Positions from one window to the next, in rows and in columns.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
}

impl PlaneConvolution {
    /// Batch, channels, height and width of the output.
    ///
    /// # Errors
    /// [`Error::Shape`] where a dimension or the stride is zero, [`Error::TooSmall`].
    pub fn output(&self) -> Result<[usize; 4]> {
        let [batch, _, height, width] = self.input;
        let shape = || [&self.input[..], &self.kernel, &[self.outputs, self.stride]].concat();
        if shape().contains(&0) {
            return Err(Error::Shape { what: "convolution", shape: shape() });
        }
        let [rows, columns] = self.padding.output([height, width], self.kernel, self.stride)?;
        Ok([batch, self.outputs, rows, columns])
    }
}

/// Channels that one task treats together, on either side.
const BLOCK: usize = 64;
/// Bytes of lines that a chunk may take: half of a second cache.
const CHUNK: usize = 256 << 10;
/// Positions of a chunk: more do not make loading and storing its sums any cheaper.
const POSITIONS: usize = 1024;
/// Tasks there should be.
const TASKS: usize = 16;

/// `weights[o][i][r][c] = Σ upstream[n][o][y][x] · input[n][i][y·stride + r − padding][x·stride + c −
/// padding]` and `bias[o] = Σ upstream[n][o][y][x]`.
///
/// # Errors
/// [`Error::Shape`], [`Error::TooSmall`] (see [`PlaneConvolution::output`]), [`Error::Count`].
pub fn weight_gradient(
    processor: Processor,
    convolution: &PlaneConvolution,
    input: &[f32],
    upstream: &[f32],
    weights: &mut [f32],
    bias: &mut [f32],
) -> Result<()> {
    let output = convolution.output()?;
    let [batch, inputs, ..] = convolution.input;
    let [outputs, taps] = [convolution.outputs, convolution.kernel[0] * convolution.kernel[1]];
    check("input", input, convolution.input.iter().product())?;
    check("upstream gradient", upstream, output.iter().product())?;
    check("gradient of the weights", weights, outputs * inputs * taps)?;
    check("gradient of the bias", bias, outputs)?;

    let of_input = outputs * inputs.next_multiple_of(LANES);
    let of_upstream = inputs * outputs.next_multiple_of(LANES);
    let lines_of_input = of_input <= of_upstream;
    let mut blocks = Vec::new();
    for first_input in (0..inputs).step_by(BLOCK) {
        for outputs in blocks_of(outputs) {
            let inputs = first_input..inputs.min(first_input + BLOCK);
            blocks.push(Block { convolution, output, inputs, outputs, lines_of_input });
        }
    }
    // Rows of a chunk, and the chunks of all pictures.
    let rows = blocks.iter().map(Block::rows).min().unwrap_or(1);
    let bands = output[2].div_ceil(rows);
    let chunks = batch * bands;
    let groups = TASKS.div_ceil(blocks.len()).min(chunks);
    let sizes: Vec<usize> = blocks.iter().map(Block::sums).collect();
    let size: usize = sizes.iter().sum();

    with_lines(groups * size, |lines| {
        let mut tasks = Vec::with_capacity(groups * blocks.len());
        let mut rest = &mut *lines;
        for group in 0..groups {
            for (block, &size) in blocks.iter().zip(&sizes) {
                let (sums, after) = rest.split_at_mut(size);
                rest = after;
                tasks.push((group * chunks / groups..(group + 1) * chunks / groups, block, sums));
            }
        }
        tasks.into_par_iter().for_each(|(chunks, block, lines)| {
            lines.fill(Line::ZERO);
            with_lines(block.scratch(rows), |scratch| {
                for chunk in chunks {
                    let (picture, first) = (chunk / bands, chunk % bands * rows);
                    let rows = first..output[2].min(first + rows);
                    let (lines, scratch) = (&mut *lines, &mut *scratch);
                    processor.run(Sums { block, picture, rows, input, upstream, lines, scratch });
                }
            });
        });
        // The first group takes up the others, then every block is brought to its place.
        let (total, others) = lines.split_at_mut(size);
        total.par_chunks_mut(1 << 10).enumerate().for_each(|(part, total)| {
            for group in others.chunks_exact(size) {
                for (sum, line) in total.iter_mut().zip(&group[part << 10..]) {
                    for (sum, number) in sum.0.iter_mut().zip(line.0) {
                        *sum += number;
                    }
                }
            }
        });
        let starts: Vec<usize> =
            sizes.iter().scan(0, |end, size| Some(std::mem::replace(end, *end + size))).collect();
        weights.par_chunks_mut(inputs * taps).zip(bias).enumerate().for_each(
            |(channel, (weights, bias))| {
                for (block, &start) in blocks.iter().zip(&starts) {
                    if block.outputs.contains(&channel) {
                        block.bring(channel, &total[start..], weights, bias);
                    }
                }
            },
        );
    });
    Ok(())
}

/// Even blocks of at most about [`BLOCK`] channels, each a multiple of the rows of a tile.
fn blocks_of(channels: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let even = channels.div_ceil(channels.div_ceil(BLOCK));
    let size = match even < channels {
        true => even.next_multiple_of(tile::ROWS),
        false => channels,
    };
    (0..channels).step_by(size).map(move |first| first..channels.min(first + size))
}

#[cfg(test)]
mod tests;
