//! A block: x + γ·F(norm(D(x))).

use lookalike_kernels::{
    Activation, Blocks, Depthwise, Filters, Padding, Processor, gelu, gelu_backward,
};

use super::rows::{of_blocks, to_blocks};
use crate::vision_transformer::dense::Dense;
use crate::vision_transformer::norm::{Norm, Statistics};
use crate::{Parameters, Result};

/// Rows and columns of the filters.
const KERNEL: usize = 7;
/// How many times as many features stand between the dense layers.
const WIDER: usize = 4;

/// What a block has learned.
#[derive(Debug)]
pub(super) struct Block {
    convolution: Depthwise,
    norm: Norm,
    feed: [Dense; 2],
    scale: Vec<f32>,
}

/// What the way back needs to know of a picture's way through a block.
#[derive(Debug)]
pub(super) struct Trace {
    convolved: Vec<f32>,
    statistics: Statistics,
    hidden: Vec<f32>,
}

impl Block {
    pub(super) fn load(
        parameters: &dyn Parameters,
        path: &str,
        width: usize,
        epsilon: f32,
    ) -> Result<Self> {
        let weights =
            parameters.f32(&format!("{path}.conv_dw.weight"), &[width, 1, KERNEL, KERNEL])?;
        let bias = parameters.f32(&format!("{path}.conv_dw.bias"), &[width])?;
        let filters = Filters {
            weights: &weights,
            bias: &bias,
            inputs: width,
            outputs: width,
            kernel: [KERNEL; 2],
            groups: width,
        };
        let dense =
            |name: &str, shape| Dense::load(parameters, &format!("{path}.mlp.{name}"), shape);
        Ok(Self {
            convolution: Depthwise::new(Processor::best(), &filters, 1, Activation::None)?,
            norm: Norm::load(parameters, &format!("{path}.norm"), width, epsilon)?,
            feed: [dense("fc1", [WIDER * width, width])?, dense("fc2", [width, WIDER * width])?],
            scale: parameters.f32(&format!("{path}.gamma"), &[width])?,
        })
    }

    /// The rows of a square of positions through the block.
    pub(super) fn forward(&self, rows: Vec<f32>, side: usize) -> Result<(Vec<f32>, Trace)> {
        let mut blocks = Blocks::new();
        let padding = Padding::each(KERNEL / 2);
        self.convolution.forward(&to_blocks(&rows, side)?, padding, &mut blocks)?;
        let convolved = of_blocks(&blocks);
        let (normed, statistics) = self.norm.forward(&convolved)?;
        let hidden = self.feed[0].forward(&normed);
        let mut active = vec![0.0; hidden.len()];
        gelu(Processor::best(), &hidden, &mut active)?;
        let mut output = self.feed[1].forward(&active);
        self.scaled(&mut output);
        output.iter_mut().zip(&rows).for_each(|(to, from)| *to += from);
        Ok((output, Trace { convolved, statistics, hidden }))
    }

    /// The derivatives with respect to the rows that went in.
    pub(super) fn backward(
        &self,
        trace: &Trace,
        upstream: Vec<f32>,
        side: usize,
    ) -> Result<Vec<f32>> {
        let mut of_feed = upstream.clone();
        self.scaled(&mut of_feed);
        let of_active = self.feed[1].backward(&of_feed);
        let mut of_hidden = vec![0.0; of_active.len()];
        gelu_backward(Processor::best(), &trace.hidden, &of_active, &mut of_hidden)?;
        let of_normed = self.feed[0].backward(&of_hidden);
        let of_convolved = self.norm.backward(&trace.convolved, &trace.statistics, &of_normed)?;
        let mut gradient = Blocks::new();
        let blocks = to_blocks(&of_convolved, side)?;
        let padding = Padding::each(KERNEL / 2);
        self.convolution.input_gradient(&blocks, padding, [side; 2], &mut gradient)?;
        let mut found = of_blocks(&gradient);
        found.iter_mut().zip(&upstream).for_each(|(to, from)| *to += from);
        Ok(found)
    }

    /// γ·rows.
    fn scaled(&self, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(self.scale.len().max(1)) {
            row.iter_mut().zip(&self.scale).for_each(|(number, scale)| *number *= scale);
        }
    }
}
