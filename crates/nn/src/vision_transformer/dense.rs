//! Dense layers over rows of tokens: y = x Wᵀ + b.
//!
//! Rows are taken in groups of a fixed number, so that a token has the same bits whatever stands beside it
//! in a batch and however many threads there are.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::{Error, Parameters, Result};

/// Rows of one task.
const ROWS: usize = 64;

/// A weight matrix and perhaps a bias.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    inputs: usize,
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
        Ok(Self { inputs, outputs, weight, bias })
    }

    /// A matrix of inputs × outputs, by which rows are multiplied from the left, without a bias.
    pub(crate) fn of_columns(matrix: &[f32], [inputs, outputs]: [usize; 2]) -> Self {
        let weight = (0..outputs)
            .flat_map(|output| matrix.iter().skip(output).step_by(outputs.max(1)).copied())
            .collect();
        Self { inputs, outputs, weight, bias: None }
    }

    /// A layer of its numbers.
    pub(crate) fn of(weight: Vec<f32>, bias: Vec<f32>) -> Result<Self> {
        let outputs = bias.len().max(1);
        Error::expect_numbers("a dense layer", weight.len() / outputs * outputs, weight.len())?;
        let inputs = weight.len() / outputs;
        Ok(Self { inputs, outputs, weight, bias: Some(bias) })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Every row of `inputs` numbers as one of `outputs`.
    pub(crate) fn forward(&self, rows: &[f32]) -> Vec<f32> {
        let count = rows.len() / self.inputs.max(1);
        let mut out = vec![0.0; count * self.outputs];
        let weight = MatRef::from_row_major_slice(&self.weight, self.outputs, self.inputs);
        let chunks = rows.par_chunks(ROWS * self.inputs.max(1));
        out.par_chunks_mut(ROWS * self.outputs.max(1)).zip(chunks).for_each(|(out, rows)| {
            let count = rows.len() / self.inputs.max(1);
            if let Some(bias) = &self.bias {
                out.chunks_exact_mut(self.outputs.max(1)).for_each(|row| row.copy_from_slice(bias));
            }
            let out = MatMut::from_row_major_slice_mut(out, count, self.outputs);
            let rows = MatRef::from_row_major_slice(rows, count, self.inputs);
            matmul(out, Accum::Add, rows, weight.transpose(), 1.0, Par::Seq);
        });
        out
    }

    /// The derivatives with respect to the rows, given those with respect to the outputs.
    pub(crate) fn backward(&self, upstream: &[f32]) -> Vec<f32> {
        let count = upstream.len() / self.outputs.max(1);
        let mut slopes = vec![0.0; count * self.inputs];
        let weight = MatRef::from_row_major_slice(&self.weight, self.outputs, self.inputs);
        let chunks = upstream.par_chunks(ROWS * self.outputs.max(1));
        slopes.par_chunks_mut(ROWS * self.inputs.max(1)).zip(chunks).for_each(|(slopes, rows)| {
            let count = rows.len() / self.outputs.max(1);
            let slopes = MatMut::from_row_major_slice_mut(slopes, count, self.inputs);
            let rows = MatRef::from_row_major_slice(rows, count, self.outputs);
            matmul(slopes, Accum::Replace, rows, weight, 1.0, Par::Seq);
        });
        slopes
    }
}
