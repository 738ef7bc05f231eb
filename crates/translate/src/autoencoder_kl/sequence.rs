//! Steps behind each other, and the way back through them.

use lookalike_kernels::{Activation, Blocks, Processor, add};
use lookalike_train::network::enlarge::{double, halve};

use super::attention::{self, AttentionBlock};
use super::convolution::Convolution;
use super::group_norm::{GroupNorm, Statistics, Then};
use super::residual::{self, Residual};
use crate::{Error, Result};

/// What is done to activations.
#[derive(Debug)]
pub(super) enum Step {
    Convolution(Convolution),
    Residual(Box<Residual>),
    Attention(Box<AttentionBlock>),
    /// Nearest neighbours at twice the height and width.
    Double,
    /// A normalisation with SiLU behind it.
    Active(GroupNorm),
}

/// What the way back through a step needs.
pub(super) enum StepTrace {
    /// Height and width before a convolution.
    Size([usize; 2]),
    Residual(residual::Trace),
    Attention(attention::Trace),
    Double,
    Active(Blocks, Statistics),
}

/// Steps behind each other.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) processor: Processor,
    pub(super) steps: Vec<Step>,
    /// Steps before which activations are features. They are residual blocks or normalisations, whose traces
    /// hold what went in.
    pub(super) features: Vec<usize>,
}

/// What the way back needs.
pub(super) struct Trace(Vec<StepTrace>);

impl Step {
    fn forward(&self, input: Blocks) -> Result<(Blocks, StepTrace)> {
        Ok(match self {
            Self::Convolution(convolution) => {
                let [_, _, height, width] = input.shape();
                (convolution.forward(&input)?, StepTrace::Size([height, width]))
            }
            Self::Residual(block) => {
                let (output, trace) = block.forward(input)?;
                (output, StepTrace::Residual(trace))
            }
            Self::Attention(block) => {
                let (output, trace) = block.forward(input)?;
                (output, StepTrace::Attention(trace))
            }
            Self::Double => (double(&input)?, StepTrace::Double),
            Self::Active(norm) => {
                let (output, statistics) = norm.forward(&input, Then::Silu)?;
                (output, StepTrace::Active(input, statistics))
            }
        })
    }

    fn backward(&self, trace: &StepTrace, upstream: Blocks) -> Result<Blocks> {
        match (self, trace) {
            (Self::Convolution(convolution), StepTrace::Size(size)) => {
                convolution.backward(&upstream, *size)
            }
            (Self::Residual(block), StepTrace::Residual(trace)) => block.backward(trace, upstream),
            (Self::Attention(block), StepTrace::Attention(trace)) => {
                block.backward(trace, upstream)
            }
            (Self::Double, StepTrace::Double) => Ok(halve(&upstream)?),
            (Self::Active(norm), StepTrace::Active(input, statistics)) => {
                norm.backward(input, statistics, upstream, Then::Silu)
            }
            _ => Err(Error::Refused("a step left the trace of another".to_owned())),
        }
    }
}

impl StepTrace {
    /// What went into a residual block or a normalisation.
    fn input(&self) -> Option<&Blocks> {
        match self {
            Self::Residual(trace) => Some(&trace.input),
            Self::Active(input, _) => Some(input),
            _ => None,
        }
    }
}

impl Sequence {
    /// What comes out. Of the way nothing is kept.
    pub(super) fn forward(&self, input: Blocks) -> Result<Blocks> {
        self.steps.iter().try_fold(input, |input, step| Ok(step.forward(input)?.0))
    }

    /// What comes out, and what the way back needs.
    pub(super) fn trace(&self, mut input: Blocks) -> Result<(Blocks, Trace)> {
        let mut traces = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let (output, trace) = step.forward(input)?;
            traces.push(trace);
            input = output;
        }
        Ok((input, Trace(traces)))
    }

    /// The features, without the steps behind the last of them.
    pub(super) fn features(&self, mut input: Blocks) -> Result<Vec<Blocks>> {
        let mut found = Vec::with_capacity(self.features.len());
        for (index, step) in self.steps.iter().enumerate() {
            if self.features.contains(&index) {
                found.push(input.clone());
                if found.len() == self.features.len() {
                    break;
                }
            }
            input = step.forward(input)?.0;
        }
        Ok(found)
    }

    /// The features of a way that was traced.
    pub(super) fn traced_features<'t>(&self, trace: &'t Trace) -> Vec<&'t Blocks> {
        let inputs = self.features.iter().filter_map(|&index| trace.0.get(index)?.input());
        inputs.collect()
    }

    /// The derivative with respect to the input, given those with respect to the output and to the features;
    /// `None` stands for 0, of all of them for 0 throughout.
    pub(super) fn backward(
        &self,
        trace: &Trace,
        output: Option<Blocks>,
        mut features: Vec<Option<Blocks>>,
    ) -> Result<Option<Blocks>> {
        let mut slopes = output;
        for (index, (step, trace)) in self.steps.iter().zip(&trace.0).enumerate().rev() {
            if let Some(upstream) = slopes.take() {
                slopes = Some(step.backward(trace, upstream)?);
            }
            let feature = self.features.iter().position(|&at| at == index);
            let own = feature.and_then(|at| features.get_mut(at)).and_then(Option::take);
            slopes = match (slopes, own) {
                (Some(mut slopes), Some(own)) => {
                    add(self.processor, &mut slopes, &own, Activation::None)?;
                    Some(slopes)
                }
                (slopes, own) => slopes.or(own),
            };
        }
        Ok(slopes)
    }
}
