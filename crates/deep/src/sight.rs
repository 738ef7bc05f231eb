//! `sight`: our own small network and channel weights, in the program, so that nothing is fetched.
//!
//! The formula is that of [`Lpips`]; the network has half a million parameters. Both are learned by
//! `lookalike train sight` from graded distortions of pictures that anybody may use, with other metrics as
//! teachers. Weights are read as strictly as those from a file, and their hash is in the provenance of
//! scores. The card of the weights, with what was measured, is `docs/sight.md`.

use std::path::Path;
use std::sync::Arc;

use lookalike_nn::geometry::convolutions;
use lookalike_nn::{Parameters, Trunk};
use lookalike_weights::{Checkpoint, Specification, read_bytes, read_file};

use crate::lpips::{Head, Lpips, Net, Version};
use crate::{Error, Result};

/// Written by `lookalike train sight`; two megabytes.
const WEIGHTS: &[u8] = include_bytes!("../weights/sight.safetensors");

/// The metric with the weights of the program, and what goes into the provenance of scores.
pub(crate) fn built_in() -> Result<(Lpips, String)> {
    let file = read_bytes(WEIGHTS.to_vec(), "the weights of sight");
    of(file.map_err(refused)?, "sight")
}

/// The metric with weights that another run wrote.
pub(crate) fn of_file(path: &Path) -> Result<(Lpips, String)> {
    of(read_file(path).map_err(refused)?, "file")
}

/// Network and channel weights of the program.
pub(crate) fn parts_built_in() -> Result<(Trunk, Head, String)> {
    let file = read_bytes(WEIGHTS.to_vec(), "the weights of sight");
    parts(file.map_err(refused)?, "sight")
}

fn of(file: Checkpoint, origin: &str) -> Result<(Lpips, String)> {
    let (trunk, head, provenance) = parts(file, origin)?;
    Ok((Lpips::new(Net::Sight, Version::V0_1, Arc::new(trunk), head)?, provenance))
}

fn parts(file: Checkpoint, origin: &str) -> Result<(Trunk, Head, String)> {
    let provenance = format!("{origin}:{}", file.sha256());
    let weights = Numbers(file.into_weights(&specification()).map_err(refused)?);
    let head = Head::load(Net::Sight, &weights)?;
    let trunk = Trunk::placed(Net::Sight.backbone(), &weights)?;
    Ok((trunk, head, provenance))
}

fn refused(error: lookalike_weights::Error) -> Error {
    Error::Weights(error.to_string())
}

/// The tensors of a file: filters and biases of the network, `lin0`, `lin1`, … of the channels.
fn specification() -> Specification {
    let layers = Net::Sight.backbone().layers();
    let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
    for layer in convolutions(&layers) {
        let filters = vec![layer.output, layer.input, layer.kernel, layer.kernel];
        tensors.push((format!("{}.weight", layer.path), filters));
        tensors.push((format!("{}.bias", layer.path), vec![layer.output]));
    }
    for (tap, &channels) in Net::Sight.channels().iter().enumerate() {
        tensors.push((format!("lin{tap}"), vec![channels]));
    }
    Specification::new("sight", tensors.iter().map(|(n, s)| (n.as_str(), s.as_slice())))
}

struct Numbers(lookalike_weights::Weights);

impl Parameters for Numbers {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        self.0.f32(name, shape).map_err(|error| lookalike_nn::Error::Parameter {
            name: name.to_owned(),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_the_program_are_whole_and_small() {
        let (_, provenance) = built_in().unwrap();
        assert!(provenance.starts_with("sight:") && provenance.len() == 6 + 64);
        assert!(WEIGHTS.len() <= 4 << 20, "{} bytes", WEIGHTS.len());
        assert_eq!(specification().parameters(), 510_368);
    }

    #[test]
    fn files_are_read_strictly() {
        let folder = std::env::temp_dir().join(format!("sight-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("model.safetensors");
        std::fs::write(&path, WEIGHTS).unwrap();
        assert!(of_file(&path).unwrap().1.starts_with("file:"));
        std::fs::write(&path, &WEIGHTS[..WEIGHTS.len() - 4]).unwrap();
        assert!(of_file(&path).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
