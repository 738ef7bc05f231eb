//! DenseNet: every layer of a block reads what all layers before it have written.
//!
//! A convolution of 7 × 7 with stride 2 and a pool of 3 × 3 are followed by four blocks of layers
//! x ⟼ [x, C₃(ρ(norm₂(C₁(ρ(norm₁(x))))))], C₁ of 1 × 1 to a few times the channels that the layer adds (the
//! growth), C₃ of 3 × 3; between blocks a convolution of 1 × 1 to half the channels and the mean of 2 × 2
//! positions. The embedding is the mean over positions of the last channels, normalised and without what is
//! negative.
//!
//! Source: Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, section 3, with the names of
//! torchvision: `features.conv0`, `features.denseblock1.denselayer1.norm1`, `features.transition1.conv`,
//! `features.norm5`.
//!
//! Choices: the normalisation behind a convolution is folded into it, the others are applied with the ReLU
//! behind them; a block's channels lie in memory that is its whole output from the start. Every picture is
//! computed by itself, so it has the same bits for any number of threads.
//!
//! Reproduces features recorded of torchvision 0.29.2 (a small network, double precision) within 1e-5.
//!
//! Limits: channels in multiples of sixteen, which all published ones have; sides of 32 at least; no
//! derivatives.

use std::sync::Arc;

use lookalike_kernels::{Activation, Blocks, LANES, Line, Processor};
use rayon::prelude::*;

use crate::filters::{Filters, fold};
use crate::layer::{Convolution, MaxPool, Padding};
use crate::packed::{Convolve, Kind, Packing, Precision};
use crate::{Error, Parameters, Planes, Result};

const NAME: &str = "DenseNet";

/// The shortest side that the last block has a position of.
const MINIMUM: usize = 32;

/// What a DenseNet consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Channels that the first convolution writes.
    pub initial: usize,
    /// Channels that a layer adds.
    pub growth: usize,
    /// Channels between the two convolutions of a layer, in units of the growth.
    pub bottleneck: usize,
    /// Layers of each block.
    pub blocks: [usize; 4],
}

impl Architecture {
    /// DenseNet-161.
    pub const DENSE_NET_161: Self =
        Self { initial: 96, growth: 48, bottleneck: 4, blocks: [6, 12, 36, 24] };

    /// Numbers of an embedding.
    pub fn features(&self) -> usize {
        let mut channels = self.initial;
        for (block, layers) in self.blocks.into_iter().enumerate() {
            channels = if block > 0 { channels / 2 } else { channels } + layers * self.growth;
        }
        channels
    }

    fn check(&self) -> Result<()> {
        let Self { initial, growth, bottleneck, blocks } = self;
        let mut whole = [*initial, *growth].iter().all(|n| *n > 0 && n.is_multiple_of(LANES));
        let mut channels = *initial;
        for (block, layers) in blocks.iter().enumerate() {
            whole &= block == 0 || channels.is_multiple_of(2 * LANES);
            channels = if block > 0 { channels / 2 } else { channels } + layers * growth;
        }
        if whole && *bottleneck > 0 && !blocks.contains(&0) {
            return Ok(());
        }
        Err(Error::Unfit(format!(
            "a DenseNet has layers in every block, and channels in multiples of {LANES}; found {self:?}"
        )))
    }
}

/// A DenseNet with its parameters.
#[derive(Debug)]
pub struct DenseNet {
    architecture: Architecture,
    processor: Processor,
    first: Convolve,
    blocks: Vec<Vec<Layer>>,
    transitions: Vec<(Norm, Convolve)>,
    last: Norm,
}

/// What adds channels.
#[derive(Debug)]
struct Layer {
    norm: Norm,
    convolutions: [Convolve; 2],
}

/// A normalisation with frozen statistics, and the ReLU behind it: a factor and a summand for each channel.
#[derive(Debug)]
struct Norm {
    factors: Vec<Line>,
    summands: Vec<Line>,
}

impl Norm {
    fn load(path: &str, channels: usize, parameters: &dyn Parameters) -> Result<Self> {
        let mut factors = vec![1.0; channels];
        let summands = fold(path, &mut factors, channels, parameters)?;
        if factors.iter().chain(&summands).any(|number| !number.is_finite()) {
            let reason = "it holds a number that is not finite".to_owned();
            return Err(Error::Parameter { name: path.to_owned(), reason });
        }
        let lines = |numbers: &[f32]| {
            let (whole, _) = numbers.as_chunks::<LANES>();
            whole.iter().map(|&sixteen| Line(sixteen)).collect()
        };
        Ok(Self { factors: lines(&factors), summands: lines(&summands) })
    }

    /// As many of the first channels as there are factors.
    fn forward(&self, input: &Blocks, output: &mut Blocks) -> Result<()> {
        let [batch, _, height, width] = input.shape();
        output.reshape([batch, self.factors.len() * LANES, height, width])?;
        let area = (height * width).max(1);
        let blocks = output.lines_mut().par_chunks_mut(area).zip(input.lines().par_chunks(area));
        blocks.zip(self.factors.par_iter().zip(&self.summands)).for_each(
            |((to, from), (factor, summand))| {
                for (to, from) in to.iter_mut().zip(from) {
                    for lane in 0..LANES {
                        to.0[lane] = (from.0[lane] * factor.0[lane] + summand.0[lane]).max(0.0);
                    }
                }
            },
        );
        Ok(())
    }
}

/// Means of 2 × 2 positions.
fn halved(input: &Blocks, output: &mut Blocks) -> Result<()> {
    let [batch, channels, height, width] = input.shape();
    output.reshape([batch, channels, height / 2, width / 2])?;
    let (from, to) = (height * width, (height / 2) * (width / 2));
    let blocks = output.lines_mut().par_chunks_mut(to.max(1));
    blocks.zip(input.lines().par_chunks(from.max(1))).for_each(|(to, from)| {
        for (row, to) in to.chunks_exact_mut((width / 2).max(1)).enumerate() {
            let rows = from[2 * row * width..].split_at(width);
            for (column, to) in to.iter_mut().enumerate() {
                let place = 2 * column;
                for lane in 0..LANES {
                    let above = rows.0[place].0[lane] + rows.0[place + 1].0[lane];
                    let below = rows.1[place].0[lane] + rows.1[place + 1].0[lane];
                    to.0[lane] = (above + below) / 4.0;
                }
            }
        }
    });
    Ok(())
}

impl DenseNet {
    /// A network of an architecture.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Unfit`] for an architecture that there cannot be here.
    pub fn new(architecture: Architecture, parameters: &dyn Parameters) -> Result<Self> {
        architecture.check()?;
        let Architecture { initial, growth, bottleneck, blocks: counts } = architecture.clone();
        let kind = Kind {
            processor: Processor::chosen()?,
            packing: Packing::of_environment()?,
            precision: Precision::Single,
        };
        let convolve = |convolution: Convolution, activation: Activation, first: bool| {
            // Without a normalisation there is no bias either.
            let filters = Arc::new(match &convolution.normalisation {
                Some(_) => Filters::load(&convolution, parameters)?,
                None => Filters::without_bias(&convolution, parameters)?,
            });
            Convolve::new(&filters, kind, activation, first)
        };
        let stem = Convolution::new("features.conv0", 3, initial, 7)
            .stride(2)
            .padding(Padding::Each(3))
            .normalised("features.norm0");
        let first = convolve(stem, Activation::Relu, true)?;
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        let mut channels = initial;
        for (block, layers) in counts.into_iter().enumerate() {
            if block > 0 {
                let path = format!("features.transition{block}");
                let half = Convolution::new(format!("{path}.conv"), channels, channels / 2, 1);
                let norm = Norm::load(&format!("{path}.norm"), channels, parameters)?;
                transitions.push((norm, convolve(half, Activation::None, false)?));
                channels /= 2;
            }
            let mut own = Vec::with_capacity(layers);
            for layer in 0..layers {
                let path = format!("features.denseblock{}.denselayer{}", block + 1, layer + 1);
                let between = bottleneck * growth;
                let narrow = Convolution::new(format!("{path}.conv1"), channels, between, 1)
                    .normalised(format!("{path}.norm2"));
                let wide = Convolution::new(format!("{path}.conv2"), between, growth, 3)
                    .padding(Padding::Each(1));
                own.push(Layer {
                    norm: Norm::load(&format!("{path}.norm1"), channels, parameters)?,
                    convolutions: [
                        convolve(narrow, Activation::Relu, false)?,
                        convolve(wide, Activation::None, false)?,
                    ],
                });
                channels += growth;
            }
            blocks.push(own);
        }
        let last = Norm::load("features.norm5", channels, parameters)?;
        Ok(Self { architecture, processor: kind.processor, first, blocks, transitions, last })
    }

    /// What it consists of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The embedding of one picture, `[1, 3, height, width]` on the scale that the network was trained on.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::TooSmall`]; [`Error::Unfit`] for several pictures.
    pub fn features(&self, picture: &Planes) -> Result<Vec<f32>> {
        let [count, channels, height, width] = picture.shape();
        if channels != 3 {
            return Err(Error::Channels { network: NAME, expected: 3, found: channels });
        }
        if height.min(width) < MINIMUM {
            return Err(Error::TooSmall { network: NAME, minimum: MINIMUM, width, height });
        }
        if count != 1 {
            return Err(Error::Unfit(format!("expected one picture, found {count}")));
        }
        let [mut now, mut rows, mut narrow] = [Blocks::new(), Blocks::new(), Blocks::new()];
        self.first.forward_planes(picture, &mut rows)?;
        let pool = MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false };
        pool.forward(self.processor, &rows, &mut now)?;
        for (index, block) in self.blocks.iter().enumerate() {
            if let Some((norm, half)) = index.checked_sub(1).and_then(|at| self.transitions.get(at))
            {
                norm.forward(&now, &mut rows)?;
                half.forward(&rows, &mut narrow)?;
                halved(&narrow, &mut now)?;
            }
            let [_, channels, height, width] = now.shape();
            let growth = self.architecture.growth;
            let mut all = Blocks::zeros([1, channels + block.len() * growth, height, width])?;
            let given = now.lines();
            if let Some(to) = all.lines_mut().get_mut(..given.len()) {
                to.copy_from_slice(given);
            }
            for (index, layer) in block.iter().enumerate() {
                layer.norm.forward(&all, &mut rows)?;
                layer.convolutions[0].forward(&rows, &mut narrow)?;
                layer.convolutions[1].forward_into(&narrow, &mut all, channels + index * growth)?;
            }
            now = all;
        }
        self.last.forward(&now, &mut rows)?;
        let area = rows.area().max(1);
        let mean = |plane: &[f32]| {
            (plane.iter().map(|&number| f64::from(number)).sum::<f64>() / area as f64) as f32
        };
        Ok(rows.to_planes().chunks(area).map(mean).collect())
    }
}
