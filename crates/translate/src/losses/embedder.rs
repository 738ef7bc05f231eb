//! What makes a vector of a picture, with a way back: the frozen networks of [`similarity`](super::similarity).
//!
//! CLIP's image tower is one ([`ClipEmbedder`], [`lookalike_deep::clip`]); it scales 0…1 by its own mean and
//! deviation, and gives the embedding as the last matrix does, not of length one.
//!
//! Source: Radford et al., ICML 2021, section 2.4. Limits: the way back runs the tower forward once more.

use std::path::Path;

use lookalike_deep::clip::{Activation, Clip, Crop, Input};
use lookalike_weights::read_file;

use crate::{Error, Result};

/// Digits of a hash that a name tells.
const DIGITS: usize = 12;

/// What makes a vector of a picture. Vectors are finite, and the same on every call.
pub trait Embedder: Send + Sync {
    /// Pixels of the pictures it reads, on each side.
    fn side(&self) -> usize;

    /// The embedding of 3 × side × side samples, red before green before blue, usually in 0…1; it is defined
    /// beyond.
    ///
    /// # Errors
    /// For other numbers of samples.
    fn features(&self, planes: &[f64]) -> Result<Vec<f64>>;

    /// The derivatives with respect to all samples, given those with respect to the embedding.
    ///
    /// # Errors
    /// For other numbers of samples or derivatives.
    fn pull(&self, planes: &[f64], upstream: &[f64]) -> Result<Vec<f64>>;

    /// What it is, with all that its vectors depend on.
    fn name(&self) -> &str;
}

/// How the tower in a file is to be taken.
#[derive(Clone, Copy, Debug)]
pub struct ClipOptions {
    /// Heads of attention, where one has not 64 features.
    pub heads: Option<usize>,
    /// Between dense layers: OpenAI's, or that of most of OpenCLIP.
    pub activation: Activation,
    /// Which middle is taken of pictures that are no squares.
    pub crop: Crop,
}

impl Default for ClipOptions {
    /// As OpenAI published it.
    fn default() -> Self {
        Self { heads: None, activation: Activation::QuickGelu, crop: Crop::OpenAi }
    }
}

/// CLIP's image tower.
#[derive(Clone, Debug)]
pub struct ClipEmbedder {
    tower: Clip,
    name: String,
}

impl ClipEmbedder {
    /// A tower under a name; the name should tell its weights.
    pub fn new(tower: Clip, name: String) -> Self {
        Self { tower, name }
    }

    /// The tower in a file with OpenAI's or Hugging Face's names. Its name tells the file's SHA-256.
    ///
    /// # Errors
    /// [`Error::Weights`] for a file that cannot be read, [`Error::Deep`] for one of no tower.
    pub fn open(path: &Path, options: ClipOptions) -> Result<Self> {
        let file = read_file(path)?;
        let activation = match options.activation {
            Activation::QuickGelu => "",
            Activation::Gelu => ":gelu",
        };
        let hash: String = file.sha256().chars().take(DIGITS).collect();
        // Pictures come resized, so nothing is rounded here.
        let input = Input { crop: options.crop, linear: true };
        let tower = Clip::read(file, options.heads, options.activation, input)?;
        Ok(Self { tower, name: format!("clip:{hash}{activation}") })
    }

    /// Three planes of the tower's size: what is not would fail inside it with less to say.
    fn expect(&self, planes: &[f64]) -> Result<()> {
        let side = self.tower.side();
        if planes.len() == 3 * side * side {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "{}: expected 3 planes of {side}x{side} samples, found {} samples",
            self.name,
            planes.len()
        )))
    }
}

impl Embedder for ClipEmbedder {
    fn side(&self) -> usize {
        self.tower.side()
    }

    fn features(&self, planes: &[f64]) -> Result<Vec<f64>> {
        self.expect(planes)?;
        Ok(self.tower.features(planes)?)
    }

    fn pull(&self, planes: &[f64], upstream: &[f64]) -> Result<Vec<f64>> {
        self.expect(planes)?;
        Ok(self.tower.pull_features(planes, upstream)?)
    }

    fn name(&self) -> &str {
        &self.name
    }
}
