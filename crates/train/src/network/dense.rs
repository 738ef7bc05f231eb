//! Dense layers: Y = X Wᵀ + b, one row per picture, and their derivatives.
//!
//! Pictures go in groups of a fixed number, the last filled up with zeros, so that a picture has the same bits
//! whatever stands beside it; outputs and inputs are cut into fixed parts, which are the tasks.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Pictures of a group.
const GROUP: usize = 64;
/// Outputs or inputs of a task.
const PART: usize = 64;

/// Rows of `inputs` numbers to rows of as many as there are biases; negative numbers become 0 with `relu`.
pub(super) fn forward(weights: &[f32], bias: &[f32], rows: &[f32], relu: bool) -> Vec<f32> {
    let (outputs, inputs) = (bias.len(), weights.len() / bias.len());
    let mut found = Vec::with_capacity(rows.len() / inputs * outputs);
    for group in rows.chunks(GROUP * inputs) {
        let count = group.len() / inputs;
        let mut filled = Vec::new();
        let group = if count == GROUP {
            group
        } else {
            filled.extend_from_slice(group);
            filled.resize(GROUP * inputs, 0.0);
            &filled
        };
        let group = MatRef::from_row_major_slice(group, GROUP, inputs);
        // Outputs × pictures, so that parts of the outputs are neighbours in memory.
        let mut columns = vec![0.0; outputs * GROUP];
        let parts = columns.par_chunks_mut(PART * GROUP).zip(weights.par_chunks(PART * inputs));
        parts.zip(bias.par_chunks(PART)).for_each(|((columns, weights), bias)| {
            let weights = MatRef::from_row_major_slice(weights, bias.len(), inputs);
            let to = MatMut::from_row_major_slice_mut(columns, bias.len(), GROUP);
            matmul(to, Accum::Replace, weights, group.transpose(), 1.0, Par::Seq);
            for (row, bias) in columns.chunks_exact_mut(GROUP).zip(bias) {
                for number in row {
                    *number += bias;
                    if relu {
                        *number = number.max(0.0);
                    }
                }
            }
        });
        for picture in 0..count {
            found.extend((0..outputs).map(|output| columns[output * GROUP + picture]));
        }
    }
    found
}

/// The derivatives with respect to weights and biases, given those with respect to the outputs.
pub(super) fn parameters(rows: &[f32], upstream: &[f32], weights: &mut [f32], bias: &mut [f32]) {
    let (outputs, inputs) = (bias.len(), weights.len() / bias.len());
    let count = rows.len() / inputs;
    let rows = MatRef::from_row_major_slice(rows, count, inputs);
    let parts = weights.par_chunks_mut(PART * inputs).zip(bias.par_chunks_mut(PART));
    parts.enumerate().for_each(|(part, (weights, bias))| {
        let from = part * PART;
        let slopes = MatRef::from_row_major_slice(upstream, count, outputs);
        let slopes = slopes.subcols(from, bias.len());
        let to = MatMut::from_row_major_slice_mut(weights, bias.len(), inputs);
        matmul(to, Accum::Replace, slopes.transpose(), rows, 1.0, Par::Seq);
        for (at, bias) in bias.iter_mut().enumerate() {
            let column = upstream.iter().skip(from + at).step_by(outputs);
            *bias = column.map(|&slope| f64::from(slope)).sum::<f64>() as f32;
        }
    });
}

/// The derivatives with respect to the rows.
pub(super) fn rows(weights: &[f32], upstream: &[f32], inputs: usize) -> Vec<f32> {
    let outputs = weights.len() / inputs;
    let count = upstream.len() / outputs;
    let upstream = MatRef::from_row_major_slice(upstream, count, outputs);
    let weights = MatRef::from_row_major_slice(weights, outputs, inputs);
    // Inputs × pictures, part by part.
    let mut columns = vec![0.0; inputs * count];
    columns.par_chunks_mut(PART * count).enumerate().for_each(|(part, columns)| {
        let width = columns.len() / count;
        let to = MatMut::from_row_major_slice_mut(columns, width, count);
        let weights = weights.subcols(part * PART, width);
        matmul(to, Accum::Replace, weights.transpose(), upstream.transpose(), 1.0, Par::Seq);
    });
    let at = |place: usize| columns[place % inputs * count + place / inputs];
    (0..inputs * count).map(at).collect()
}
