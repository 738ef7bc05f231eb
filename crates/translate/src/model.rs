//! A translation model as a file: what the network is, how it was trained to draw, and its parameters.

use std::path::Path;

use lookalike_nn::Compute;
use lookalike_train::{model_file, sha256, write_whole};
use serde::{Deserialize, Serialize};

use crate::diffusion::Prediction;
use crate::dit::{Architecture, Dit};
use crate::process::Process;
use crate::{Error, Result};

/// Under which the plan stands in the header of a file.
const KEY: &str = "lookalike.translate";
/// Of the layout of files.
const VERSION: u32 = 1;
/// The model that ships.
const SHIPPED: &[u8] = include_bytes!("../weights/edges-to-shoes.safetensors");

/// Latents that a model draws in place of pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latents {
    /// Pixels of the pictures, on each side.
    pub side: usize,
    /// SHA-256 of the autoencoder's file.
    pub sha256: String,
}

impl Latents {
    /// Those of an autoencoder in a file or folder, for pictures of a side.
    ///
    /// # Errors
    /// [`Error::Weights`] where it cannot be read.
    pub fn of(path: &Path, side: usize) -> Result<Self> {
        let names = ["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"];
        let inside = names.map(|name| path.join(name)).into_iter().find(|path| path.is_file());
        let file = inside.unwrap_or_else(|| path.to_owned());
        let sha256 = lookalike_weights::read_file(&file)?.sha256().to_owned();
        Ok(Self { side, sha256 })
    }
}

/// What a model is, besides its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Of the layout of the file.
    pub version: u32,
    /// The network.
    pub architecture: Architecture,
    /// How noise came in.
    pub process: Process,
    /// What the network says.
    pub prediction: Prediction,
    /// What makes its vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// The latents that it draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latents: Option<Latents>,
}

/// A model with its parameters.
#[derive(Clone, Debug)]
pub struct Model {
    /// What it is.
    pub plan: Plan,
    /// The network.
    pub dit: Dit,
    /// Its parameters.
    pub parameters: Vec<f32>,
    /// SHA-256 of its file.
    pub sha256: String,
}

impl Plan {
    /// The plan of a network.
    pub fn new(architecture: Architecture, process: Process, prediction: Prediction) -> Self {
        let version = VERSION;
        Self { version, architecture, process, prediction, embedder: None, latents: None }
    }

    /// Pixels of the pictures that are drawn, on each side.
    pub fn side(&self) -> usize {
        self.latents.as_ref().map_or(self.architecture.side, |latents| latents.side)
    }

    /// The file of a model of this plan.
    ///
    /// # Errors
    /// [`Error::Train`] where the numbers are not as many.
    pub fn file(&self, dit: &Dit, parameters: &[f32]) -> Result<Vec<u8>> {
        Ok(model_file::write(KEY, self, &dit.tensors(), parameters)?)
    }
}

impl Model {
    /// The model that ships: outlines of shoes to shoes, 32×32.
    ///
    /// # Errors
    /// Never in a complete build.
    pub fn shipped() -> Result<Self> {
        Self::of_bytes(SHIPPED, Path::new("the model that ships"))
    }

    /// Reads a file. The network is computed where this process computes ([`Compute::chosen`]).
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Unsuitable`] where a tensor is missing, unknown, misshapen or not finite.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|reason| Error::File {
            path: path.to_owned(),
            action: "read",
            reason,
        })?;
        Self::of_bytes(&bytes, path)
    }

    fn of_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let unsuitable = |reason: String| Error::Unsuitable {
            path: path.to_owned(),
            reason: format!(
                "expected the model.safetensors of lookalike train translate: {reason}"
            ),
        };
        let plan: Plan = model_file::plan(KEY, bytes).map_err(unsuitable)?;
        if plan.version != VERSION {
            let found = plan.version;
            return Err(unsuitable(format!("expected version {VERSION}, found {found}")));
        }
        plan.process.check()?;
        let dit = Dit::new(plan.architecture)?.on(&Compute::chosen())?;
        let parameters = model_file::numbers(bytes, &dit.tensors()).map_err(unsuitable)?;
        Ok(Self { plan, dit, parameters, sha256: sha256(bytes) })
    }

    /// Writes the file; it appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Train`].
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_whole(path, &self.plan.file(&self.dit, &self.parameters)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_that_ships_is_that_of_its_card() {
        let model = Model::shipped().unwrap();
        let card = include_str!("../weights/edges-to-shoes.md");
        assert!(card.contains(&model.sha256), "{}", model.sha256);
        assert!(card.contains(&format!("| parameters | {} |", model.parameters.len())));
        assert_eq!((model.plan.side(), model.plan.embedder.as_deref()), (32, None));
        let file = model.plan.file(&model.dit, &model.parameters).unwrap();
        assert_eq!(file, SHIPPED);
        let recipe: crate::Recipe =
            toml::from_str(include_str!("../weights/edges-to-shoes.toml")).unwrap();
        assert_eq!(recipe.architecture(0, None).unwrap(), model.plan.architecture);
    }

    #[test]
    fn files_are_read_strictly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let shipped = Model::shipped().unwrap();
        let read = |plan: &Plan, parameters: &[f32]| {
            let dit = Dit::new(plan.architecture).unwrap();
            std::fs::write(&path, plan.file(&dit, parameters).unwrap()).unwrap();
            Model::read(&path).map(|model| model.parameters)
        };
        assert_eq!(read(&shipped.plan, &shipped.parameters).unwrap(), shipped.parameters);
        let mut broken = shipped.parameters.clone();
        broken[7] = f32::NAN;
        assert!(read(&shipped.plan, &broken).unwrap_err().to_string().contains("NaN"));
        let later = Plan { version: 2, ..shipped.plan.clone() };
        assert!(read(&later, &shipped.parameters).unwrap_err().to_string().contains("version 1"));
        std::fs::write(&path, &SHIPPED[..SHIPPED.len() / 2]).unwrap();
        assert!(Model::read(&path).is_err());
        std::fs::write(&path, b"no model").unwrap();
        assert!(Model::read(&path).unwrap_err().to_string().contains("train translate"));
        assert!(Model::read(&folder.path().join("none")).is_err());
        assert!(shipped.plan.file(&shipped.dit, &broken[1..]).is_err());
    }
}
