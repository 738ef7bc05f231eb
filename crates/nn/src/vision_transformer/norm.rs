//! Layer normalisation of tokens with what was learned.

use lookalike_kernels::{
    LayerNorm, LayerNormGradients, Processor, layer_norm, layer_norm_backward,
};

use crate::{Parameters, Result};

/// Mean and reciprocal deviation of every token.
pub(crate) type Statistics = Vec<[f32; 2]>;

/// Weight, bias and ε.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    /// `PATH.weight` and `PATH.bias`.
    pub(crate) fn load(
        parameters: &dyn Parameters,
        path: &str,
        width: usize,
        epsilon: f32,
    ) -> Result<Self> {
        let weight = parameters.f32(&format!("{path}.weight"), &[width])?;
        let bias = parameters.f32(&format!("{path}.bias"), &[width])?;
        Ok(Self { weight, bias, epsilon })
    }

    pub(crate) fn forward(&self, rows: &[f32]) -> Result<(Vec<f32>, Statistics)> {
        let mut output = vec![0.0; rows.len()];
        let mut statistics = vec![[0.0; 2]; rows.len() / self.weight.len().max(1)];
        let Self { weight, bias, epsilon } = self;
        let norm = LayerNorm { weight, bias, epsilon: *epsilon };
        layer_norm(Processor::best(), norm, rows, &mut output, &mut statistics)?;
        Ok((output, statistics))
    }

    /// The derivatives with respect to the rows that gave these statistics.
    pub(crate) fn backward(
        &self,
        rows: &[f32],
        statistics: &Statistics,
        upstream: &[f32],
    ) -> Result<Vec<f32>> {
        let mut input = vec![0.0; rows.len()];
        let (mut weight, mut bias) = (self.weight.clone(), self.bias.clone());
        let gradients =
            LayerNormGradients { input: &mut input, weight: &mut weight, bias: &mut bias };
        let processor = Processor::best();
        layer_norm_backward(processor, &self.weight, rows, statistics, upstream, gradients)?;
        Ok(input)
    }
}
