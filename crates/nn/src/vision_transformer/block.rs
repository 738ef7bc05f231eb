//! A block of the encoder: h = x + s₁·A(norm₁(x)), y = h + s₂·F(norm₂(h)).
//!
//! A is attention between two dense layers, F a dense layer, an [`Activation`] and another dense layer; the
//! factors s per feature (LayerScale) are 1 but for DINOv2.

use lookalike_kernels::{Processor, gelu, gelu_backward, quick_gelu, quick_gelu_backward};

use super::attention::Attention;
use super::dense::Dense;
use super::norm::{Norm, Statistics};
use super::relative;
use super::{Activation, Architecture, Positions};
use crate::{Parameters, Result};

/// What a block has learned.
#[derive(Clone, Debug)]
pub(super) struct Block {
    norms: [Norm; 2],
    attention: Attention,
    qkv: Dense,
    projection: Dense,
    feed: [Dense; 2],
    activation: Activation,
    scales: Option<[Vec<f32>; 2]>,
    /// What the heads add to products of queries and keys, tokens × tokens each.
    biases: Option<Vec<Vec<f32>>>,
}

/// What the way back needs to know of a picture's way through a block.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    input: Vec<f32>,
    statistics: [Statistics; 2],
    qkv: Vec<f32>,
    weights: Vec<Vec<f32>>,
    middle: Vec<f32>,
    hidden: Vec<f32>,
}

impl Block {
    pub(super) fn load(
        architecture: &Architecture,
        parameters: &dyn Parameters,
        path: &str,
    ) -> Result<Self> {
        let Architecture { width, heads, hidden, epsilon, activation, .. } = *architecture;
        let norm = |name: &str| Norm::load(parameters, &format!("{path}.{name}"), width, epsilon);
        let dense = |name: &str, shape| Dense::load(parameters, &format!("{path}.{name}"), shape);
        let scale = |name: &str| parameters.f32(&format!("{path}.{name}.gamma"), &[width]);
        let scales = match architecture.layer_scale {
            true => Some([scale("ls1")?, scale("ls2")?]),
            false => None,
        };
        let biases = match architecture.positions {
            Positions::Added => None,
            Positions::Relative => {
                let (along, count) = (architecture.along(), relative::count(architecture.along()));
                let name = format!("{path}.attn.relative_position_bias_table");
                let table = parameters.f32(&name, &[count, heads])?;
                Some(relative::biases(&table, along, heads))
            }
        };
        Ok(Self {
            biases,
            norms: [norm("norm1")?, norm("norm2")?],
            attention: Attention { width, heads },
            qkv: dense("attn.qkv", [3 * width, width])?,
            projection: dense("attn.proj", [width, width])?,
            feed: [dense("mlp.fc1", [hidden, width])?, dense("mlp.fc2", [width, hidden])?],
            activation,
            scales,
        })
    }

    /// The tokens of one picture through the block.
    pub(super) fn forward(&self, input: Vec<f32>) -> Result<(Vec<f32>, Trace)> {
        let (rows, first) = self.norms[0].forward(&input)?;
        let qkv = self.qkv.forward(&rows);
        let (sums, weights) = self.attention.forward_with(&qkv, self.biases.as_deref())?;
        let middle = self.plus(0, &input, self.projection.forward(&sums));
        let (rows, second) = self.norms[1].forward(&middle)?;
        let hidden = self.feed[0].forward(&rows);
        let mut active = vec![0.0; hidden.len()];
        match self.activation {
            Activation::Gelu => gelu(Processor::best(), &hidden, &mut active)?,
            Activation::QuickGelu => quick_gelu(Processor::best(), &hidden, &mut active)?,
        }
        let output = self.plus(1, &middle, self.feed[1].forward(&active));
        let statistics = [first, second];
        Ok((output, Trace { input, statistics, qkv, weights, middle, hidden }))
    }

    /// The derivatives with respect to the tokens that went in.
    pub(super) fn backward(&self, trace: &Trace, upstream: &[f32]) -> Result<Vec<f32>> {
        let of_active = self.feed[1].backward(&self.scaled(1, upstream));
        let mut of_hidden = vec![0.0; of_active.len()];
        let processor = Processor::best();
        match self.activation {
            Activation::Gelu => {
                gelu_backward(processor, &trace.hidden, &of_active, &mut of_hidden)?;
            }
            Activation::QuickGelu => {
                quick_gelu_backward(processor, &trace.hidden, &of_active, &mut of_hidden)?;
            }
        }
        let of_rows = self.feed[0].backward(&of_hidden);
        let mut of_middle =
            self.norms[1].backward(&trace.middle, &trace.statistics[1], &of_rows)?;
        add(&mut of_middle, upstream);
        let of_sums = self.projection.backward(&self.scaled(0, &of_middle));
        let of_qkv = self.attention.backward(&trace.qkv, &trace.weights, &of_sums)?;
        let of_rows = self.qkv.backward(&of_qkv);
        let mut of_input = self.norms[0].backward(&trace.input, &trace.statistics[0], &of_rows)?;
        add(&mut of_input, &of_middle);
        Ok(of_input)
    }

    /// `tokens + s·branch`.
    fn plus(&self, which: usize, tokens: &[f32], branch: Vec<f32>) -> Vec<f32> {
        let mut sum = match &self.scales {
            Some(_) => self.scaled(which, &branch),
            None => branch,
        };
        add(&mut sum, tokens);
        sum
    }

    /// `s·rows`.
    fn scaled(&self, which: usize, rows: &[f32]) -> Vec<f32> {
        let mut rows = rows.to_vec();
        if let Some(scales) = &self.scales {
            let scale = &scales[which];
            for row in rows.chunks_exact_mut(scale.len().max(1)) {
                row.iter_mut().zip(scale).for_each(|(number, scale)| *number *= scale);
            }
        }
        rows
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}
