//! Dense layers over rows of tokens: y = x Wᵀ + b, and their derivatives.
//!
//! Rows are taken in groups of a fixed number, so that a token has the same bits whatever stands beside it
//! in a batch and however many threads there are. Weights are outputs × inputs, row after row.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::{Error, Parameters, Result};

/// Rows of one task.
const ROWS: usize = 64;
/// Outputs of one task, where derivatives with respect to weights are summed.
const OUTPUTS: usize = 128;

/// Every row of inputs as one of outputs; there is a bias for each output, or none at all.
pub fn forward(weight: &[f32], bias: Option<&[f32]>, rows: &[f32], outputs: usize) -> Vec<f32> {
    let inputs = weight.len() / outputs.max(1);
    let count = rows.len() / inputs.max(1);
    let mut out = vec![0.0; count * outputs];
    let weight = MatRef::from_row_major_slice(&weight[..outputs * inputs], outputs, inputs);
    let chunks = rows.par_chunks(ROWS * inputs.max(1));
    out.par_chunks_mut(ROWS * outputs.max(1)).zip(chunks).for_each(|(out, rows)| {
        let count = rows.len() / inputs.max(1);
        if let Some(bias) = bias {
            out.chunks_exact_mut(outputs.max(1)).for_each(|row| row.copy_from_slice(bias));
        }
        let out = MatMut::from_row_major_slice_mut(out, count, outputs);
        let rows = MatRef::from_row_major_slice(rows, count, inputs);
        matmul(out, Accum::Add, rows, weight.transpose(), 1.0, Par::Seq);
    });
    out
}

/// The derivatives with respect to the rows, given those with respect to the outputs.
pub fn backward(weight: &[f32], upstream: &[f32], outputs: usize) -> Vec<f32> {
    let inputs = weight.len() / outputs.max(1);
    let count = upstream.len() / outputs.max(1);
    let mut slopes = vec![0.0; count * inputs];
    let weight = MatRef::from_row_major_slice(&weight[..outputs * inputs], outputs, inputs);
    let chunks = upstream.par_chunks(ROWS * outputs.max(1));
    slopes.par_chunks_mut(ROWS * inputs.max(1)).zip(chunks).for_each(|(slopes, rows)| {
        let count = rows.len() / outputs.max(1);
        let slopes = MatMut::from_row_major_slice_mut(slopes, count, inputs);
        let rows = MatRef::from_row_major_slice(rows, count, outputs);
        matmul(slopes, Accum::Replace, rows, weight, 1.0, Par::Seq);
    });
    slopes
}

/// Adds the derivatives with respect to weights and biases, given the rows and the derivatives with respect
/// to the outputs.
pub fn add_parameters(rows: &[f32], upstream: &[f32], weight: &mut [f32], bias: &mut [f32]) {
    let outputs = bias.len();
    let inputs = weight.len() / outputs.max(1);
    let count = upstream.len() / outputs.max(1);
    let rows = MatRef::from_row_major_slice(&rows[..count * inputs], count, inputs);
    let slopes = MatRef::from_row_major_slice(&upstream[..count * outputs], count, outputs);
    let parts = weight.par_chunks_mut(OUTPUTS * inputs.max(1));
    parts.enumerate().for_each(|(part, weight)| {
        let width = weight.len() / inputs.max(1);
        let slopes = slopes.subcols(part * OUTPUTS, width);
        let to = MatMut::from_row_major_slice_mut(weight, width, inputs);
        matmul(to, Accum::Add, slopes.transpose(), rows, 1.0, Par::Seq);
    });
    for row in upstream.chunks_exact(outputs.max(1)) {
        bias.iter_mut().zip(row).for_each(|(sum, slope)| *sum += slope);
    }
}

/// A weight matrix and perhaps a bias.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    outputs: usize,
    /// Outputs × inputs.
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
}

impl Dense {
    /// `PATH.weight`, outputs × inputs, and `PATH.bias`.
    pub(crate) fn load(
        parameters: &dyn Parameters,
        path: &str,
        [outputs, inputs]: [usize; 2],
    ) -> Result<Self> {
        let weight = parameters.f32(&format!("{path}.weight"), &[outputs, inputs])?;
        let bias = Some(parameters.f32(&format!("{path}.bias"), &[outputs])?);
        Ok(Self { outputs, weight, bias })
    }

    /// A matrix of inputs × `outputs`, by which rows are multiplied from the left, without a bias.
    pub(crate) fn of_columns(matrix: &[f32], outputs: usize) -> Self {
        let weight = (0..outputs)
            .flat_map(|output| matrix.iter().skip(output).step_by(outputs.max(1)).copied())
            .collect();
        Self { outputs, weight, bias: None }
    }

    /// A layer of its numbers.
    pub(crate) fn of(weight: Vec<f32>, bias: Vec<f32>) -> Result<Self> {
        let outputs = bias.len().max(1);
        Error::expect_numbers("a dense layer", weight.len() / outputs * outputs, weight.len())?;
        Ok(Self { outputs, weight, bias: Some(bias) })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Every row of `inputs` numbers as one of `outputs`.
    pub(crate) fn forward(&self, rows: &[f32]) -> Vec<f32> {
        forward(&self.weight, self.bias.as_deref(), rows, self.outputs)
    }

    /// The derivatives with respect to the rows, given those with respect to the outputs.
    pub(crate) fn backward(&self, upstream: &[f32]) -> Vec<f32> {
        backward(&self.weight, upstream, self.outputs)
    }
}
