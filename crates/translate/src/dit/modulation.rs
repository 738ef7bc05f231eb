//! Normalisation of rows with the shift and scale of an example: LN(x)·(1 + s) + b.
//!
//! LN has no parameters of its own; mean and variance are of a row. Source: Peebles and Xie 2023, section 3.2.

use lookalike_kernels::{
    LayerNorm, LayerNormGradients, Processor, layer_norm, layer_norm_backward,
};

use crate::Result;

/// A normalisation on its way back: what came out, and the statistics of every row.
pub(super) struct Normalised {
    pub(super) rows: Vec<f32>,
    pub(super) statistics: Vec<[f32; 2]>,
}

/// A normalisation with the shift and scale of an example.
pub(super) fn modulated(
    rows: &[f32],
    shift: &[f32],
    scale: &[f32],
    epsilon: f32,
) -> Result<Normalised> {
    let weight: Vec<f32> = scale.iter().map(|scale| 1.0 + scale).collect();
    let norm = LayerNorm { weight: &weight, bias: shift, epsilon };
    let mut out = vec![0.0; rows.len()];
    let mut statistics = vec![[0.0; 2]; rows.len() / scale.len().max(1)];
    layer_norm(Processor::best(), norm, rows, &mut out, &mut statistics)?;
    Ok(Normalised { rows: out, statistics })
}

/// The derivatives with respect to rows, shift and scale.
pub(super) fn modulated_backward(
    rows: &[f32],
    scale: &[f32],
    statistics: &[[f32; 2]],
    upstream: &[f32],
    [of_shift, of_scale]: [&mut [f32]; 2],
) -> Result<Vec<f32>> {
    let weight: Vec<f32> = scale.iter().map(|scale| 1.0 + scale).collect();
    let mut of_rows = vec![0.0; rows.len()];
    let gradients = LayerNormGradients { input: &mut of_rows, weight: of_scale, bias: of_shift };
    layer_norm_backward(Processor::best(), &weight, rows, statistics, upstream, gradients)?;
    Ok(of_rows)
}

/// Adds numbers to as many others.
pub(super) fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}
