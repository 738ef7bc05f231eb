//! A residual block: y = s(x) + C₂(SiLU(N₂(C₁(SiLU(N₁(x)))))).
//!
//! C are 3×3 convolutions, N normalisations of groups, s a 1×1 convolution where the number of channels
//! changes and nothing elsewhere.

use lookalike_kernels::{Activation, Blocks, Processor, add};

use super::convolution::Convolution;
use super::group_norm::{GroupNorm, Statistics, Then};
use super::source::Source;
use crate::Result;

/// What a residual block has learned.
#[derive(Debug)]
pub(super) struct Residual {
    processor: Processor,
    norms: [GroupNorm; 2],
    convolutions: [Convolution; 2],
    shortcut: Option<Convolution>,
}

/// What the way back needs.
pub(super) struct Trace {
    pub(super) input: Blocks,
    hidden: Blocks,
    statistics: [Statistics; 2],
}

impl Residual {
    pub(super) fn load(
        source: &Source<'_>,
        path: &str,
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let of = |name: &str| format!("{path}.{name}");
        let shortcut = match inputs == outputs {
            true => None,
            false => Some(source.pointwise(&of("conv_shortcut"), [outputs, inputs])?),
        };
        Ok(Self {
            processor: source.processor(),
            norms: [
                source.normalisation(&of("norm1"), inputs)?,
                source.normalisation(&of("norm2"), outputs)?,
            ],
            convolutions: [
                source.same(&of("conv1"), [outputs, inputs])?,
                source.same(&of("conv2"), [outputs, outputs])?,
            ],
            shortcut,
        })
    }

    pub(super) fn forward(&self, input: Blocks) -> Result<(Blocks, Trace)> {
        let (active, first) = self.norms[0].forward(&input, Then::Silu)?;
        let hidden = self.convolutions[0].forward(&active)?;
        let (active, second) = self.norms[1].forward(&hidden, Then::Silu)?;
        let mut output = self.convolutions[1].forward(&active)?;
        match &self.shortcut {
            Some(shortcut) => {
                add(self.processor, &mut output, &shortcut.forward(&input)?, Activation::None)?;
            }
            None => add(self.processor, &mut output, &input, Activation::None)?,
        }
        Ok((output, Trace { input, hidden, statistics: [first, second] }))
    }

    pub(super) fn backward(&self, trace: &Trace, upstream: Blocks) -> Result<Blocks> {
        let Trace { input, hidden, statistics } = trace;
        let [_, _, height, width] = input.shape();
        let size = [height, width];
        let of_active = self.convolutions[1].backward(&upstream, size)?;
        let of_hidden = self.norms[1].backward(hidden, &statistics[1], of_active, Then::Silu)?;
        let of_active = self.convolutions[0].backward(&of_hidden, size)?;
        drop(of_hidden);
        let mut found = self.norms[0].backward(input, &statistics[0], of_active, Then::Silu)?;
        match &self.shortcut {
            Some(shortcut) => {
                let past = shortcut.backward(&upstream, size)?;
                add(self.processor, &mut found, &past, Activation::None)?;
            }
            None => add(self.processor, &mut found, &upstream, Activation::None)?,
        }
        Ok(found)
    }
}
