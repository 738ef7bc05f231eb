//! A block of the transformer, whose normalisations and branches are scaled by what conditions it (adaLN-Zero).
//!
//! With (b₁, s₁, g₁, b₂, s₂, g₂) = W·SiLU(c) + b and LN without parameters of its own:
//!
//! h = x + g₁ ⊙ A(LN(x)·(1 + s₁) + b₁),  y = h + g₂ ⊙ F(LN(h)·(1 + s₂) + b₂),
//!
//! A is attention between two dense layers, F a dense layer, GELU (by the hyperbolic tangent) and another dense
//! layer. W and b start at 0, so that a new block gives what it reads.
//!
//! Source: Peebles and Xie 2023, section 3.2 and figure 3; the order of the six as in facebookresearch/DiT.
//! Reproduces a recorded block and all its derivatives within 1e-5.

use lookalike_kernels::{Processor, gelu_tanh, gelu_tanh_backward};
use lookalike_nn::vision_transformer::Attention;

use super::linear::Linear;
use super::modulation::{Normalised, add, modulated, modulated_backward};
use crate::Result;

/// The layers of a block, at their places among the parameters.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) attention: Attention,
    pub(super) modulation: Linear,
    pub(super) qkv: Linear,
    pub(super) projection: Linear,
    pub(super) feed: [Linear; 2],
    pub(super) epsilons: [f32; 2],
}

/// What the way back needs to know of one example's way through a block.
pub(super) struct Trace {
    input: Vec<f32>,
    modulation: Vec<f32>,
    first: Normalised,
    qkv: Vec<f32>,
    weights: Vec<Vec<f32>>,
    sums: Vec<f32>,
    attended: Vec<f32>,
    middle: Vec<f32>,
    second: Normalised,
    hidden: Vec<f32>,
    active: Vec<f32>,
    fed: Vec<f32>,
}

/// `x + g ⊙ branch`, row by row.
fn gated(x: &[f32], gate: &[f32], branch: &[f32]) -> Vec<f32> {
    let mut out = x.to_vec();
    let rows = out.chunks_exact_mut(gate.len().max(1)).zip(branch.chunks_exact(gate.len().max(1)));
    for (out, branch) in rows {
        for ((out, gate), branch) in out.iter_mut().zip(gate).zip(branch) {
            *out += gate * branch;
        }
    }
    out
}

/// The derivatives of `g ⊙ branch` with respect to the branch; those with respect to the gate are added.
fn gated_backward(gate: &[f32], branch: &[f32], upstream: &[f32], of_gate: &mut [f32]) -> Vec<f32> {
    let width = gate.len().max(1);
    let mut of_branch = upstream.to_vec();
    for (slopes, branch) in of_branch.chunks_exact_mut(width).zip(branch.chunks_exact(width)) {
        for (((slope, gate), branch), of_gate) in
            slopes.iter_mut().zip(gate).zip(branch).zip(&mut *of_gate)
        {
            *of_gate += *slope * branch;
            *slope *= gate;
        }
    }
    of_branch
}

impl Block {
    /// The tokens of one example through the block; `condition` is SiLU(c).
    pub(super) fn forward(
        &self,
        parameters: &[f32],
        condition: &[f32],
        input: Vec<f32>,
    ) -> Result<(Vec<f32>, Trace)> {
        let modulation = self.modulation.forward(parameters, condition);
        let part =
            |which: usize| &modulation[which * self.attention.width..][..self.attention.width];
        let first = modulated(&input, part(0), part(1), self.epsilons[0])?;
        let qkv = self.qkv.forward(parameters, &first.rows);
        let (sums, weights) = self.attention.forward(&qkv)?;
        let attended = self.projection.forward(parameters, &sums);
        let middle = gated(&input, part(2), &attended);
        let second = modulated(&middle, part(3), part(4), self.epsilons[1])?;
        let hidden = self.feed[0].forward(parameters, &second.rows);
        let mut active = vec![0.0; hidden.len()];
        gelu_tanh(Processor::best(), &hidden, &mut active)?;
        let fed = self.feed[1].forward(parameters, &active);
        let output = gated(&middle, part(5), &fed);
        let trace = Trace {
            input,
            modulation,
            first,
            qkv,
            weights,
            sums,
            attended,
            middle,
            second,
            hidden,
            active,
            fed,
        };
        Ok((output, trace))
    }

    /// The derivatives with respect to the tokens that went in. Those with respect to the parameters are added to
    /// `gradient`, those with respect to SiLU(c) to `of_condition`.
    pub(super) fn backward(
        &self,
        parameters: &[f32],
        condition: &[f32],
        trace: &Trace,
        upstream: Vec<f32>,
        gradient: &mut [f32],
        of_condition: &mut [f32],
    ) -> Result<Vec<f32>> {
        let width = self.attention.width;
        let part = |which: usize| &trace.modulation[which * width..][..width];
        let mut slopes = vec![0.0; 6 * width];
        let [shift_1, scale_1, gate_1, shift_2, scale_2, gate_2] = six(&mut slopes, width);

        let of_fed = gated_backward(part(5), &trace.fed, &upstream, gate_2);
        self.feed[1].add_parameters(&trace.active, &of_fed, gradient);
        let of_active = self.feed[1].backward(parameters, &of_fed);
        let mut of_hidden = vec![0.0; of_active.len()];
        gelu_tanh_backward(Processor::best(), &trace.hidden, &of_active, &mut of_hidden)?;
        self.feed[0].add_parameters(&trace.second.rows, &of_hidden, gradient);
        let of_rows = self.feed[0].backward(parameters, &of_hidden);
        let statistics = &trace.second.statistics;
        let mut of_middle =
            modulated_backward(&trace.middle, part(4), statistics, &of_rows, [shift_2, scale_2])?;
        add(&mut of_middle, &upstream);

        let of_attended = gated_backward(part(2), &trace.attended, &of_middle, gate_1);
        self.projection.add_parameters(&trace.sums, &of_attended, gradient);
        let of_sums = self.projection.backward(parameters, &of_attended);
        let of_qkv = self.attention.backward(&trace.qkv, &trace.weights, &of_sums)?;
        self.qkv.add_parameters(&trace.first.rows, &of_qkv, gradient);
        let of_rows = self.qkv.backward(parameters, &of_qkv);
        let statistics = &trace.first.statistics;
        let mut of_input =
            modulated_backward(&trace.input, part(1), statistics, &of_rows, [shift_1, scale_1])?;
        add(&mut of_input, &of_middle);

        self.modulation.add_parameters(condition, &slopes, gradient);
        add(of_condition, &self.modulation.backward(parameters, &slopes));
        Ok(of_input)
    }
}

/// Six parts of a width each.
fn six(numbers: &mut [f32], width: usize) -> [&mut [f32]; 6] {
    let mut parts = numbers.chunks_exact_mut(width.max(1));
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
