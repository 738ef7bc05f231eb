//! The discriminator: of every patch of a pair, a logit that its picture is the true one.
//!
//! Source and picture lie behind each other, six planes in −1…1. 4×4 filters with a zero around, of stride 2 so many
//! times and then of stride 1 twice, with w, 2w, 4w, 8w, 8w, … channels and one at last: with n strided layers a logit
//! sees a patch of 9·2ⁿ − 2 positions, 16 with one, 34 with two, 70 with three.
//!
//! Source: Isola et al. 2017, section 3.2.2 and appendix 6.1.2 (the patches of 16 and of 70; their code has those
//! between).
//!
//! Choices: patches as large in proportion to the picture as the paper's 70 to 256, but no less than 16: one strided
//! layer up to a side of 64, two at 128, three at 256, and so on. ReLU in place of leaky ReLU, since a [`Network`] has
//! no leaky one; no normalisation layers.

use lookalike_train::network::{Layer, Network, Trace};

use super::concatenation::{concatenate, split};
use super::{CHANNELS, check_sizes, expect, pictures};
use crate::Result;

/// The samples that sources and pictures have.
const RANGE: [f32; 2] = [-1.0, 1.0];
/// Rows and columns of a filter.
const KERNEL: usize = 4;

/// A discriminator; its parameters are kept elsewhere.
#[derive(Clone, Debug)]
pub struct PatchGan {
    side: usize,
    network: Network,
    strided: u32,
}

impl PatchGan {
    /// A discriminator of pairs of `side` × `side`, a power of two from 16 to 1024, whose first layer has `width`
    /// channels, from 1 to 1024 (the paper: 64).
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) for other sizes.
    pub fn new(side: usize, width: usize) -> Result<Self> {
        check_sizes("a discriminator", side, width)?;
        let strided = side.ilog2().saturating_sub(5).max(1);
        let mut layers = Vec::new();
        for at in 0..=strided {
            let stride = if at < strided { 2 } else { 1 };
            let outputs = width << at.min(3);
            let convolution = Layer::Convolution { outputs, kernel: KERNEL, stride, padding: 1 };
            layers.extend([convolution, Layer::Relu]);
        }
        layers.push(Layer::Convolution { outputs: 1, kernel: KERNEL, stride: 1, padding: 1 });
        let network = Network::new("discriminator", [2 * CHANNELS, side, side], &layers)?;
        Ok(Self { side, network, strided })
    }

    /// Height and width of sources and pictures.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Height and width of the map of logits.
    pub fn map(&self) -> usize {
        self.network.output()[1]
    }

    /// Height and width of the patch that a logit sees.
    pub fn patch(&self) -> usize {
        // Two layers of stride 1 see 7 positions of what the strided ones give, and each of those doubles and adds 2.
        (9 << self.strided) - 2
    }

    /// Parameters.
    pub fn count(&self) -> usize {
        self.network.count()
    }

    /// Names and shapes of all tensors, in the order of the parameters.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.network.tensors()
    }

    /// Parameters to start from: weights normal, with the variances of He et al. 2015, and biases 0. `first` counts
    /// the tensors before these, so that networks of one seed start apart.
    pub fn initial(&self, seed: u64, first: u64) -> Vec<f32> {
        self.network.initial(seed, first)
    }

    fn size(&self) -> usize {
        CHANNELS * self.side * self.side
    }

    /// The logits of pairs, each a source and a picture of three planes of side × side samples in −1…1:
    /// [`output`](Trace::output) has map × map numbers of every pair, positive for true ones.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where these are no pairs, a sample is NaN or outside its range, or
    /// the parameters are of another network; [`Error::Train`](crate::Error::Train).
    pub fn trace(&self, parameters: &[f32], sources: &[f32], drawn: &[f32]) -> Result<Trace> {
        expect("parameters of the discriminator", self.count(), parameters.len())?;
        let batch = pictures("sources", sources, self.size(), RANGE)?;
        expect("pictures", batch, pictures("pictures", drawn, self.size(), RANGE)?)?;
        let input = concatenate([sources, drawn], [self.size(); 2]);
        Ok(self.network.trace(parameters, &input)?)
    }

    /// Derivatives of a number with respect to the parameters, which replace what is in `gradient`, and to the
    /// pictures (in −1…1) where they are `wanted`, given those with respect to the logits.
    ///
    /// # Errors
    /// [`Error::Train`](crate::Error::Train) where parameters or derivatives are not as many as they should be.
    pub fn backward(
        &self,
        parameters: &[f32],
        trace: &Trace,
        upstream: Vec<f32>,
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<Vec<f32>>> {
        expect("parameters of the discriminator", self.count(), parameters.len())?;
        let found = self.network.backward(parameters, trace, upstream, gradient, wanted)?;
        Ok(found.map(|found| {
            let [_, of_pictures] = split(&found, [self.size(); 2]);
            of_pictures
        }))
    }
}
