//! ConvNeXt: a convolutional network in the manner of a transformer.
//!
//! Patches of 4 × 4 pixels become positions by one dense layer and a normalisation; four stages of blocks
//! x + γ·F(norm(D(x))) follow, D a 7 × 7 convolution of every channel by itself and F two dense layers with GELU
//! between them; between stages positions are normalised and 2 × 2 of them become one. The embedding is the normalised
//! mean over positions, times a last matrix where there is one.
//!
//! Source: Liu et al., "A ConvNet for the 2020s", CVPR 2022, section 2, with the names of the library timm:
//! `stem.0`, `stages.1.downsample.1`, `stages.1.blocks.0.conv_dw`, `…mlp.fc1`, `…gamma`, `head.norm`; a last matrix is
//! `proj.weight`, outputs × inputs.
//!
//! Choices: positions in rows of channels between the convolutions, so that all else is a product of matrices; every
//! picture is computed by itself, so it has the same bits alone and among others, for any number of threads;
//! derivatives go to the picture, not to the parameters.
//!
//! Reproduces features and derivatives recorded of timm 1.0.31 (a small network, single precision) within 2e-5.
//!
//! Limits: sides that are multiples of 32.

mod block;
mod rows;

use self::block::Block;
use crate::vision_transformer::dense::Dense;
use crate::vision_transformer::norm::{Norm, Statistics};
use crate::{Error, Parameters, Result};

/// Pixels of a patch, on each side.
const PATCH: usize = 4;

/// What a ConvNeXt consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Blocks of each stage.
    pub depths: [usize; 4],
    /// Channels of each stage.
    pub widths: [usize; 4],
    /// What is added to variances.
    pub epsilon: f32,
    /// Numbers of an embedding, where there is a last matrix.
    pub projection: Option<usize>,
}

/// A ConvNeXt with its parameters.
#[derive(Debug)]
pub struct ConvNext {
    architecture: Architecture,
    patches: Dense,
    first: Norm,
    /// Before the second stage and those after it.
    downsamples: Vec<(Norm, Dense)>,
    stages: Vec<Vec<Block>>,
    last: Norm,
    projection: Option<Dense>,
}

/// Rows before a normalisation, and their statistics.
type Before = (Vec<f32>, Statistics);

/// What the way back needs to know of a picture's way through the network.
#[derive(Debug)]
pub struct Trace {
    side: usize,
    first: Before,
    downsamples: Vec<Before>,
    blocks: Vec<Vec<block::Trace>>,
    mean: Before,
}

impl ConvNext {
    /// A network of an architecture.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Unfit`] for an architecture that there cannot be.
    pub fn new(architecture: Architecture, parameters: &dyn Parameters) -> Result<Self> {
        let Architecture { depths, widths, epsilon, projection } = architecture.clone();
        if depths.contains(&0) || widths.contains(&0) || projection == Some(0) {
            return Err(Error::Unfit(format!(
                "a ConvNeXt has blocks and channels in every stage; found {architecture:?}"
            )));
        }
        let norm = |path: &str, width| Norm::load(parameters, path, width, epsilon);
        let filters = parameters.f32("stem.0.weight", &[widths[0], 3, PATCH, PATCH])?;
        let patches = Dense::of(filters, parameters.f32("stem.0.bias", &widths[..1])?)?;
        let (mut downsamples, mut stages) = (Vec::new(), Vec::new());
        for (stage, (&depth, &width)) in depths.iter().zip(&widths).enumerate() {
            if stage > 0 {
                let before = widths[stage - 1];
                let path = format!("stages.{stage}.downsample");
                let filters =
                    parameters.f32(&format!("{path}.1.weight"), &[width, before, 2, 2])?;
                let bias = parameters.f32(&format!("{path}.1.bias"), &[width])?;
                downsamples.push((norm(&format!("{path}.0"), before)?, Dense::of(filters, bias)?));
            }
            let block = |at| {
                Block::load(parameters, &format!("stages.{stage}.blocks.{at}"), width, epsilon)
            };
            stages.push((0..depth).map(block).collect::<Result<_>>()?);
        }
        let last = norm("head.norm", widths[3])?;
        let projection = match projection {
            None => None,
            Some(outputs) => {
                let matrix = parameters.f32("proj.weight", &[outputs, widths[3]])?;
                Some(Dense::of(matrix, vec![0.0; outputs])?)
            }
        };
        Ok(Self {
            architecture,
            patches,
            first: norm("stem.1", widths[0])?,
            downsamples,
            stages,
            last,
            projection,
        })
    }

    /// What it consists of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The embedding of a square picture: three planes of scaled samples.
    ///
    /// # Errors
    /// [`Error::Unfit`] unless the side is a multiple of 32.
    pub fn features(&self, planes: &[f32]) -> Result<Vec<f32>> {
        Ok(self.trace(planes)?.0)
    }

    /// The same, with what the way back needs.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn trace(&self, planes: &[f32]) -> Result<(Vec<f32>, Trace)> {
        let side = (planes.len() / 3).isqrt();
        if side == 0 || 3 * side * side != planes.len() || !side.is_multiple_of(32) {
            return Err(Error::Unfit(format!(
                "ConvNeXt reads three square planes whose side is a multiple of 32, found {} numbers",
                planes.len()
            )));
        }
        let mut at = side / PATCH;
        let tokens = self.patches.forward(&rows::patches(planes, side, PATCH));
        let (mut x, statistics) = self.first.forward(&tokens)?;
        let first = (tokens, statistics);
        let (mut downsamples, mut blocks) = (Vec::new(), Vec::new());
        for (stage, own) in self.stages.iter().enumerate() {
            if let Some((norm, dense)) =
                stage.checked_sub(1).and_then(|at| self.downsamples.get(at))
            {
                let (normed, statistics) = norm.forward(&x)?;
                downsamples.push((x, statistics));
                x = dense.forward(&rows::fours(&normed, at));
                at /= 2;
            }
            let mut traces = Vec::new();
            for block in own {
                let (y, trace) = block.forward(x, at)?;
                x = y;
                traces.push(trace);
            }
            blocks.push(traces);
        }
        let mean = rows::mean(&x, self.architecture.widths[3]);
        let (normed, statistics) = self.last.forward(&mean)?;
        let features = match &self.projection {
            Some(projection) => projection.forward(&normed),
            None => normed,
        };
        Ok((features, Trace { side, first, downsamples, blocks, mean: (mean, statistics) }))
    }

    /// The derivative with respect to the planes, given that with respect to the embedding.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the trace is of another network.
    pub fn pull(&self, trace: &Trace, upstream: &[f32]) -> Result<Vec<f32>> {
        let upstream = match &self.projection {
            Some(projection) => projection.backward(upstream),
            None => upstream.to_vec(),
        };
        let (mean, statistics) = &trace.mean;
        let of_mean = self.last.backward(mean, statistics, &upstream)?;
        let mut at = trace.side / PATCH / 8;
        let mut slopes = rows::spread(&of_mean, at * at);
        for (stage, own) in self.stages.iter().enumerate().rev() {
            for (block, trace) in own.iter().zip(&trace.blocks[stage]).rev() {
                slopes = block.backward(trace, slopes, at)?;
            }
            if let Some(before) = stage.checked_sub(1) {
                let (norm, dense) = &self.downsamples[before];
                let (rows, statistics) = &trace.downsamples[before];
                at *= 2;
                let of_fours = dense.backward(&slopes);
                slopes = norm.backward(rows, statistics, &rows::from_fours(&of_fours, at))?;
            }
        }
        let (rows, statistics) = &trace.first;
        let of_patches = self.patches.backward(&self.first.backward(rows, statistics, &slopes)?);
        Ok(rows::from_patches(&of_patches, trace.side, PATCH))
    }
}
