//! Attention of all positions to all others: y = x + W·A(N(x)).
//!
//! A is attention with one head as wide as the channels are many, N a normalisation of groups, W and those of
//! queries, keys and values matrices with biases.

use lookalike_kernels::{Activation, Blocks, LANES, Processor, add};
use lookalike_nn::vision_transformer::Attention;

use super::convolution::Convolution;
use super::group_norm::{GroupNorm, Statistics, Then};
use super::source::Source;
use crate::{Error, Result};

/// Most positions, of which every pair has a weight: a gibibyte in single precision, and as much again while it
/// is computed. A picture of 1024 × 1024 pixels has as many where a latent stands for 8 × 8 of them.
const MOST_POSITIONS: usize = 1 << 14;

/// What it has learned.
#[derive(Debug)]
pub(super) struct AttentionBlock {
    processor: Processor,
    norm: GroupNorm,
    attention: Attention,
    /// To queries, keys and values.
    parts: Convolution,
    last: Convolution,
}

/// What the way back needs.
pub(super) struct Trace {
    input: Blocks,
    statistics: Statistics,
    parts: Vec<f32>,
    weights: Vec<Vec<f32>>,
}

impl AttentionBlock {
    pub(super) fn load(source: &Source<'_>, path: &str, channels: usize) -> Result<Self> {
        Ok(Self {
            processor: source.processor(),
            norm: source.normalisation(&format!("{path}.group_norm"), channels)?,
            attention: Attention { width: channels, heads: 1 },
            parts: source.matrices(path, &["to_q", "to_k", "to_v"], [channels; 2])?,
            last: source.matrices(path, &["to_out.0"], [channels; 2])?,
        })
    }

    /// # Errors
    /// [`Error::Refused`] for more positions than there is memory for.
    pub(super) fn forward(&self, input: Blocks) -> Result<(Blocks, Trace)> {
        let [_, _, height, width] = input.shape();
        if input.area() > MOST_POSITIONS {
            return Err(Error::Refused(format!(
                "attention: expected {MOST_POSITIONS} positions at most, found {height} x {width}; \
                 cut the picture into tiles"
            )));
        }
        let (normal, statistics) = self.norm.forward(&input, Then::Nothing)?;
        let parts = to_rows(&self.parts.forward(&normal)?);
        let (sums, weights) = self.attention.forward(&parts)?;
        let mut output = self.last.forward(&to_blocks(&sums, [height, width])?)?;
        add(self.processor, &mut output, &input, Activation::None)?;
        Ok((output, Trace { input, statistics, parts, weights }))
    }

    pub(super) fn backward(&self, trace: &Trace, upstream: Blocks) -> Result<Blocks> {
        let Trace { input, statistics, parts, weights } = trace;
        let [_, _, height, width] = input.shape();
        let size = [height, width];
        let of_sums = to_rows(&self.last.backward(&upstream, size)?);
        let of_parts = self.attention.backward(parts, weights, &of_sums)?;
        let of_normal = self.parts.backward(&to_blocks(&of_parts, size)?, size)?;
        let mut found = self.norm.backward(input, statistics, of_normal, Then::Nothing)?;
        add(self.processor, &mut found, &upstream, Activation::None)?;
        Ok(found)
    }
}

/// Positions as rows of channels.
fn to_rows(blocks: &Blocks) -> Vec<f32> {
    let [_, channels, ..] = blocks.shape();
    let area = blocks.area();
    let mut rows = vec![0.0; channels * area];
    for (at, row) in rows.chunks_exact_mut(channels).enumerate() {
        for (depth, channels) in row.chunks_mut(LANES).enumerate() {
            channels.copy_from_slice(&blocks.lines()[depth * area + at].0[..channels.len()]);
        }
    }
    rows
}

/// Rows of channels as blocks of a height and width.
fn to_blocks(rows: &[f32], [height, width]: [usize; 2]) -> Result<Blocks> {
    let area = height * width;
    let channels = rows.len() / area.max(1);
    let mut blocks = Blocks::zeros([1, channels, height, width])?;
    for (at, row) in rows.chunks_exact(channels.max(1)).enumerate() {
        for (depth, channels) in row.chunks(LANES).enumerate() {
            blocks.lines_mut()[depth * area + at].0[..channels.len()].copy_from_slice(channels);
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let rows: Vec<f32> = (0..6 * 19).map(|n| n as f32).collect();
        let blocks = to_blocks(&rows, [2, 3]).unwrap();
        assert_eq!(to_rows(&blocks), rows);
        assert_eq!(blocks.to_planes()[..3], [0.0, 19.0, 38.0]);
    }
}
