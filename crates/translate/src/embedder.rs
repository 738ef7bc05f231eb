//! What makes a vector of a picture: CLIP's image tower from a file, or the embedder that ships.
//!
//! Vectors have length √n for n numbers, so that each number is as large as the others that a network reads.

use std::path::Path;

use lookalike_core::Picture;
use lookalike_deep::SightEmbedder;
use lookalike_deep::clip::{Activation, Clip, Input};
use lookalike_weights::read_file;

use crate::{Error, Result};

/// An embedder by name: `sight`, or `clip@FILE`.
pub struct Embedder {
    name: String,
    network: Network,
    size: usize,
    fingerprint: String,
}

enum Network {
    Sight(Box<SightEmbedder>),
    Clip(Box<Clip>),
}

impl Embedder {
    /// `sight`, or `clip@FILE` with a file of CLIP's image tower.
    ///
    /// # Errors
    /// [`Error::Refused`] for other names; what a file is refused for.
    pub fn named(name: &str) -> Result<Self> {
        let (network, fingerprint) = if name == "sight" {
            let version = concat!("sight of ", env!("CARGO_PKG_VERSION")).to_owned();
            (Network::Sight(Box::new(SightEmbedder::new()?)), version)
        } else if let Some(path) = name.strip_prefix("clip@") {
            let file = read_file(Path::new(path))?;
            let (input, sha256) = (Input::default(), file.sha256().to_owned());
            let clip = Clip::read(file, None, Activation::QuickGelu, input)?;
            (Network::Clip(Box::new(clip)), format!("clip {sha256}"))
        } else {
            return Err(Error::Refused(format!(
                "an embedder: expected sight, or clip@FILE with CLIP's image tower (`openai/clip-vit-large-patch14`'s model.safetensors), found '{name}'"
            )));
        };
        let mut embedder = Self { name: name.to_owned(), network, size: 0, fingerprint };
        embedder.size = match &embedder.network {
            Network::Sight(sight) => sight.dimensions(),
            Network::Clip(clip) => {
                let side = clip.side();
                clip.features(&vec![0.5; 3 * side * side])?.len()
            }
        };
        Ok(embedder)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its vectors depend on, beside the picture.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Numbers of a vector.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The vector of a picture.
    ///
    /// # Errors
    /// What the network refuses.
    pub fn vector(&self, picture: &Picture) -> Result<Vec<f32>> {
        let numbers: Vec<f64> = match &self.network {
            Network::Sight(sight) => {
                sight.embed(&[picture])?.concat().into_iter().map(f64::from).collect()
            }
            Network::Clip(clip) => clip.embed(picture)?,
        };
        let length = numbers.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        let scale = (numbers.len() as f64).sqrt() / length;
        Ok(numbers.iter().map(|x| (x * scale) as f32).collect())
    }
}
