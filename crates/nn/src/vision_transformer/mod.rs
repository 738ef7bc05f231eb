//! The vision transformer: a picture as a sequence of patches.
//!
//! Patches of p × p pixels become tokens by one dense layer; a learned token for the class goes before them,
//! learned positions are added, and blocks of attention and dense layers follow (pre-norm). What is
//! read from the last tokens differs ([`Readout`]).
//!
//! Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 3.1, in the layout and with
//! the names of DINO's code: `cls_token`, `pos_embed`, `patch_embed.proj`, `blocks.0.attn.qkv`, …, `norm`. CLIP
//! (Radford et al. 2021) in that layout has a normalisation before the blocks under `pos_drop`, and a last
//! matrix `proj`; DINOv2 (Oquab et al. 2023) factors `ls1.gamma` and `ls2.gamma`; BEiT (Bao et al., "BEiT: BERT
//! Pre-Training of Image Transformers", ICLR 2022) such factors and, in place of positions,
//! `blocks.0.attn.relative_position_bias_table`.
//!
//! Choices: pictures have the one size that the positions were learned for; every picture is computed by
//! itself, so it has the same bits alone and among others, for any number of threads; derivatives go to the
//! picture, not to the parameters.
//!
//! Reproduces recorded features of small networks of three kinds within 2e-5.

mod attention;
mod block;
pub mod dense;
pub(crate) mod norm;
mod relative;

pub use self::attention::Attention;
use self::block::Block;
use self::dense::Dense;
use self::norm::{Norm, Statistics};
use crate::{Error, Parameters, Result};

/// The function between the dense layers of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x·Φ(x).
    Gelu,
    /// x·σ(1.702·x), CLIP's.
    QuickGelu,
}

/// What a vision transformer consists of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Architecture {
    /// Features of a token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention, among which the features are shared out.
    pub heads: usize,
    /// Features between the dense layers of a block.
    pub hidden: usize,
    /// Pixels of a patch, on each side.
    pub patch: usize,
    /// Pixels of a picture, on each side.
    pub side: usize,
    /// What is added to variances.
    pub epsilon: f32,
    /// Between the dense layers of a block.
    pub activation: Activation,
    /// Whether tokens are normalised before the blocks.
    pub normalised_first: bool,
    /// Whether blocks scale what they add.
    pub layer_scale: bool,
    /// Numbers of an embedding, where there is a last matrix.
    pub projection: Option<usize>,
    /// How tokens know where they are.
    pub positions: Positions,
}

/// How tokens know where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// By a vector that is added to each, before the blocks.
    Added,
    /// By what every head of every block adds to the products of queries and keys, for each distance of two
    /// patches (BEiT).
    Relative,
}

/// What is read from the tokens that the last block gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readout {
    /// The token of the class as it is.
    Class,
    /// The token of the class as it is, then the mean of the others.
    ClassAndPatches,
    /// The token of the class, normalised and, where there is a last matrix, multiplied by it.
    Embedding,
    /// The mean of the others, normalised (BEiT).
    Patches,
}

/// A vision transformer with its parameters.
#[derive(Clone, Debug)]
pub struct VisionTransformer {
    architecture: Architecture,
    patches: Dense,
    class: Vec<f32>,
    positions: Vec<f32>,
    first: Option<Norm>,
    blocks: Vec<Block>,
    last: Norm,
    projection: Option<Dense>,
}

/// Tokens before a normalisation, and their statistics.
type Before = (Vec<f32>, Statistics);

/// What the way back needs to know of a picture's way through the network.
#[derive(Clone, Debug)]
pub struct Trace {
    first: Option<Before>,
    blocks: Vec<block::Trace>,
    tokens: Vec<f32>,
}

impl Architecture {
    /// Patches along a side.
    fn along(&self) -> usize {
        self.side / self.patch.max(1)
    }

    /// Tokens of a picture: its patches, and that of the class.
    pub fn tokens(&self) -> usize {
        1 + self.along() * self.along()
    }

    /// Numbers that a readout gives.
    pub fn features(&self, readout: Readout) -> usize {
        match readout {
            Readout::Class | Readout::Patches => self.width,
            Readout::ClassAndPatches => 2 * self.width,
            Readout::Embedding => self.projection.unwrap_or(self.width),
        }
    }

    fn check(&self) -> Result<()> {
        let Self { width, depth, heads, hidden, patch, side, .. } = *self;
        let whole = |a: usize, b: usize| b > 0 && a > 0 && a.is_multiple_of(b);
        if whole(width, heads) && whole(side, patch) && depth > 0 && hidden > 0 {
            return Ok(());
        }
        Err(Error::Unfit(format!(
            "a vision transformer has blocks of as many features for every head, and whole patches; found {self:?}"
        )))
    }
}

impl VisionTransformer {
    /// A network of an architecture.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Unfit`] for an architecture that there cannot be.
    pub fn new(architecture: Architecture, parameters: &dyn Parameters) -> Result<Self> {
        architecture.check()?;
        let Architecture { width, depth, patch, epsilon, projection, .. } = architecture;
        let filters = parameters.f32("patch_embed.proj.weight", &[width, 3, patch, patch])?;
        let patches = Dense::of(filters, parameters.f32("patch_embed.proj.bias", &[width])?)?;
        let first = architecture.normalised_first;
        let first =
            first.then(|| Norm::load(parameters, "pos_drop", width, epsilon)).transpose()?;
        let block = |index| Block::load(&architecture, parameters, &format!("blocks.{index}"));
        let projection = projection
            .map(|outputs| {
                let matrix = parameters.f32("proj", &[width, outputs])?;
                Ok::<_, Error>(Dense::of_columns(&matrix, outputs))
            })
            .transpose()?;
        Ok(Self {
            architecture,
            patches,
            class: parameters.f32("cls_token", &[1, 1, width])?,
            positions: match architecture.positions {
                Positions::Added => {
                    parameters.f32("pos_embed", &[1, architecture.tokens(), width])?
                }
                Positions::Relative => Vec::new(),
            },
            first,
            blocks: (0..depth).map(block).collect::<Result<_>>()?,
            last: Norm::load(parameters, "norm", width, epsilon)?,
            projection,
        })
    }

    /// What it consists of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The features of one picture: `planes` are 3 × side × side numbers on the scale that the network was
    /// trained on.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn features(&self, planes: &[f32], readout: Readout) -> Result<Vec<f32>> {
        let mut tokens = self.first(self.embed(planes)?)?.0;
        for block in &self.blocks {
            tokens = block.forward(tokens)?.0;
        }
        self.read(&tokens, readout)
    }

    /// The features, and what [`pull`](Self::pull) needs.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn trace(&self, planes: &[f32], readout: Readout) -> Result<(Vec<f32>, Trace)> {
        let (mut tokens, first) = self.first(self.embed(planes)?)?;
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (next, trace) = block.forward(tokens)?;
            blocks.push(trace);
            tokens = next;
        }
        Ok((self.read(&tokens, readout)?, Trace { first, blocks, tokens }))
    }

    /// The derivative with respect to the planes of a [`trace`](Self::trace), given that with respect to its
    /// features.
    ///
    /// # Errors
    /// [`Error::Numbers`].
    pub fn pull(&self, trace: &Trace, readout: Readout, upstream: &[f32]) -> Result<Vec<f32>> {
        let features = self.architecture.features(readout);
        Error::expect_numbers("derivatives of features", features, upstream.len())?;
        let mut slopes = self.read_backward(&trace.tokens, readout, upstream)?;
        for (block, trace) in self.blocks.iter().zip(&trace.blocks).rev() {
            slopes = block.backward(trace, &slopes)?;
        }
        if let (Some(norm), Some((tokens, statistics))) = (&self.first, &trace.first) {
            slopes = norm.backward(tokens, statistics, &slopes)?;
        }
        let Architecture { width, side, .. } = self.architecture;
        let mut planes = vec![0.0; 3 * side * side];
        let of_patches = self.patches.backward(&slopes[width..]);
        self.each_row(|patch, plane| planes[plane].copy_from_slice(&of_patches[patch]));
        Ok(planes)
    }

    /// Patches as tokens, with the class and positions.
    fn embed(&self, planes: &[f32]) -> Result<Vec<f32>> {
        let Architecture { width, side, .. } = self.architecture;
        Error::expect_numbers("the planes of a picture", 3 * side * side, planes.len())?;
        let mut patches = vec![0.0; planes.len()];
        self.each_row(|patch, plane| patches[patch].copy_from_slice(&planes[plane]));
        let mut tokens = self.class.clone();
        tokens.extend(self.patches.forward(&patches));
        debug_assert_eq!(self.patches.outputs(), width);
        tokens.iter_mut().zip(&self.positions).for_each(|(token, position)| *token += position);
        Ok(tokens)
    }

    /// Where the rows of patches lie, patch after patch and plane after plane in each, and where in planes.
    fn each_row(&self, mut act: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
        let Architecture { patch, side, .. } = self.architecture;
        let along = self.architecture.along();
        let mut place = 0;
        for index in 0..along * along {
            let (top, left) = (index / along * patch, index % along * patch);
            for plane in 0..3 {
                for row in top..top + patch {
                    let start = (plane * side + row) * side + left;
                    act(place..place + patch, start..start + patch);
                    place += patch;
                }
            }
        }
    }

    /// The normalisation before the blocks, where there is one.
    fn first(&self, tokens: Vec<f32>) -> Result<(Vec<f32>, Option<Before>)> {
        let Some(norm) = &self.first else { return Ok((tokens, None)) };
        let (normalised, statistics) = norm.forward(&tokens)?;
        Ok((normalised, Some((tokens, statistics))))
    }

    fn read(&self, tokens: &[f32], readout: Readout) -> Result<Vec<f32>> {
        let (class, others) = tokens.split_at(self.architecture.width);
        Ok(match readout {
            Readout::Class => class.to_vec(),
            Readout::ClassAndPatches => [class, &mean(others, class.len())].concat(),
            Readout::Patches => self.last.forward(&mean(others, class.len()))?.0,
            Readout::Embedding => {
                let normalised = self.last.forward(class)?.0;
                self.projection
                    .as_ref()
                    .map_or(normalised.clone(), |last| last.forward(&normalised))
            }
        })
    }

    fn read_backward(
        &self,
        tokens: &[f32],
        readout: Readout,
        upstream: &[f32],
    ) -> Result<Vec<f32>> {
        let width = self.architecture.width;
        let mut slopes = vec![0.0; tokens.len()];
        match readout {
            Readout::Class => slopes[..width].copy_from_slice(upstream),
            Readout::ClassAndPatches => {
                let (of_class, of_mean) = upstream.split_at(width);
                slopes[..width].copy_from_slice(of_class);
                share(of_mean, &mut slopes[width..]);
            }
            Readout::Patches => {
                let mean = mean(&tokens[width..], width);
                let (_, statistics) = self.last.forward(&mean)?;
                let of_mean = self.last.backward(&mean, &statistics, upstream)?;
                share(&of_mean, &mut slopes[width..]);
            }
            Readout::Embedding => {
                let class = &tokens[..width];
                let (_, statistics) = self.last.forward(class)?;
                let of_normalised = match &self.projection {
                    Some(last) => last.backward(upstream),
                    None => upstream.to_vec(),
                };
                let of_class = self.last.backward(class, &statistics, &of_normalised)?;
                slopes[..width].copy_from_slice(&of_class);
            }
        }
        Ok(slopes)
    }
}

/// The mean of tokens of a width.
fn mean(tokens: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; width];
    for token in tokens.chunks_exact(width) {
        sums.iter_mut().zip(token).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let count = (tokens.len() / width) as f64;
    sums.iter().map(|sum| (sum / count) as f32).collect()
}

/// The derivatives with respect to tokens, given that with respect to their mean.
fn share(of_mean: &[f32], tokens: &mut [f32]) {
    let count = (tokens.len() / of_mean.len()) as f32;
    for token in tokens.chunks_exact_mut(of_mean.len()) {
        token.iter_mut().zip(of_mean).for_each(|(to, slope)| *to = slope / count);
    }
}
