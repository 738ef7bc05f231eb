//! A dense layer at its place among all parameters.

use std::ops::Range;

use lookalike_nn::vision_transformer::dense;

/// Where a layer's weights (outputs × inputs) and biases stand; the biases follow the weights.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub(super) weight: Range<usize>,
    pub(super) bias: Range<usize>,
}

impl Linear {
    /// At a place, behind which `next` then stands.
    pub(super) fn place(next: &mut usize, [outputs, inputs]: [usize; 2]) -> Self {
        let weight = *next..*next + outputs * inputs;
        let bias = weight.end..weight.end + outputs;
        *next = bias.end;
        Self { weight, bias }
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.weight.start..self.bias.end
    }

    fn outputs(&self) -> usize {
        self.bias.len()
    }

    pub(super) fn forward(&self, parameters: &[f32], rows: &[f32]) -> Vec<f32> {
        let bias = &parameters[self.bias.clone()];
        dense::forward(&parameters[self.weight.clone()], Some(bias), rows, self.outputs())
    }

    /// The derivatives with respect to the rows.
    pub(super) fn backward(&self, parameters: &[f32], upstream: &[f32]) -> Vec<f32> {
        dense::backward(&parameters[self.weight.clone()], upstream, self.outputs())
    }

    /// Adds the derivatives with respect to the layer's own parameters to all.
    pub(super) fn add_parameters(&self, rows: &[f32], upstream: &[f32], gradient: &mut [f32]) {
        let (weight, bias) = gradient[self.range()].split_at_mut(self.weight.len());
        dense::add_parameters(rows, upstream, weight, bias);
    }
}
