//! Published checkpoints: the authors' files, and diffusers' folders.
//!
//! The authors' names are this network's own. Diffusers splits queries, keys and values and repeats time and classes
//! in every block; the repetitions must be equal. Nothing may be missing, unknown, misshapen or not finite; positions
//! that a file brings must be the sines and cosines that they are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lookalike_weights::{Checkpoint, Tensor, read_file, read_file_key};
use serde::Deserialize;

use super::architecture::{Architecture, Convention, Size};
use super::network::Dit;
use super::positions::positions;
use crate::{Error, Result};

/// How far positions of a file may be from the formula.
const NEAR: f32 = 1e-5;

/// Tensors of a file by name.
struct Tensors {
    file: PathBuf,
    by_name: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

/// What of diffusers' configuration says what the network is.
#[derive(Deserialize)]
struct Configuration {
    num_attention_heads: usize,
    attention_head_dim: usize,
    in_channels: usize,
    out_channels: usize,
    num_layers: usize,
    sample_size: usize,
    patch_size: usize,
    num_embeds_ada_norm: usize,
    activation_fn: String,
    norm_type: String,
    norm_elementwise_affine: bool,
    #[serde(default)]
    norm_eps: Option<f64>,
}

/// Reads a network and its parameters: a file with the authors' names (the averaged ones of a training checkpoint),
/// or a folder of diffusers. `heads` where the width is none of the published ones.
///
/// # Errors
/// [`Error::Unsuitable`] with the first tensor that is missing, unknown, misshapen, not finite or out of place;
/// [`Error::File`], [`Error::Weights`].
pub fn read_published(path: &Path, heads: Option<usize>) -> Result<(Dit, Vec<f32>)> {
    if path.is_dir() {
        return diffusers(path);
    }
    let file = match read_file(path) {
        Err(lookalike_weights::Error::Key { .. }) => read_file_key(path, "ema")?,
        file => file?,
    };
    let mut tensors = Tensors::read(path, file)?;
    let shape = |name: &str, extents: usize| tensors.shape(name, extents).map(<[usize]>::to_vec);
    let patches = shape("x_embedder.proj.weight", 4)?;
    let (width, channels, patch) = (patches[0], patches[1], patches[2].max(1));
    let count = shape("pos_embed", 3)?[1];
    let classes = match tensors.by_name.contains_key("y_embedder.embedding_table.weight") {
        true => shape("y_embedder.embedding_table.weight", 2)?[0],
        false => 0,
    };
    let block = |index: usize| format!("blocks.{index}.attn.qkv.weight");
    let depth = (0..).take_while(|&index| tensors.by_name.contains_key(&block(index))).count();
    let sizes = ["S", "B", "L", "XL"].map(str::parse::<Size>);
    let published = sizes.into_iter().flatten().find(|size| size.width == width);
    let heads = heads.or(published.map(|size| size.heads)).ok_or_else(|| {
        tensors.wrong(format!("a network of {width} features: its number of heads must be given"))
    })?;
    let architecture = Architecture {
        side: count.isqrt() * patch,
        patch,
        channels,
        outputs: shape("final_layer.linear.weight", 2)?[0] / (patch * patch),
        beside: 0,
        sequence: 0,
        vector: 0,
        classes,
        width,
        depth,
        heads,
        convention: Convention::Original,
    };
    let dit = Dit::new(architecture)?;
    let along = architecture.along();
    let found = tensors.take("pos_embed", &[1, along * along, width])?;
    let expected = positions([along, along], width, None);
    if found.iter().zip(&expected).any(|(a, b)| (a - b).abs() > NEAR) {
        return Err(tensors.wrong("pos_embed: expected sines and cosines".to_owned()));
    }
    let parameters = tensors.parameters(&dit)?;
    Ok((dit, parameters))
}

/// A folder of diffusers, or the folder with its transformer.
fn diffusers(folder: &Path) -> Result<(Dit, Vec<f32>)> {
    let inner = folder.join("transformer");
    let folder = if inner.is_dir() { inner } else { folder.to_owned() };
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).map_err(|reason| Error::File {
        path: path.clone(),
        action: "read",
        reason,
    })?;
    let wrong = |reason: String| Error::Unsuitable { path: path.clone(), reason };
    let found: Configuration = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let published = found.activation_fn == "gelu-approximate"
        && found.norm_type == "ada_norm_zero"
        && !found.norm_elementwise_affine
        && found.norm_eps.is_none_or(|epsilon| epsilon == 1e-5);
    if !published {
        return Err(wrong(
            "expected a DiT: gelu-approximate, ada_norm_zero, norms without parameters and norm_eps 1e-5".to_owned(),
        ));
    }
    let architecture = Architecture {
        side: found.sample_size,
        patch: found.patch_size,
        channels: found.in_channels,
        outputs: found.out_channels,
        beside: 0,
        sequence: 0,
        vector: 0,
        classes: found.num_embeds_ada_norm + 1,
        width: found.num_attention_heads * found.attention_head_dim,
        depth: found.num_layers,
        heads: found.num_attention_heads,
        convention: Convention::Diffusers,
    };
    let dit = Dit::new(architecture)?;
    let names = ["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"];
    let file = names.map(|name| folder.join(name)).into_iter().find(|path| path.is_file());
    let Some(file) = file else {
        return Err(wrong(format!("expected {} beside it", names.join(" or "))));
    };
    let mut tensors = Tensors::read(&file, read_file(&file)?)?;
    tensors.rename(architecture.depth)?;
    let parameters = tensors.parameters(&dit)?;
    Ok((dit, parameters))
}

impl Tensors {
    fn read(path: &Path, mut file: Checkpoint) -> Result<Self> {
        let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
        let mut by_name = HashMap::with_capacity(names.len());
        for name in names {
            let tensor: Tensor = file.tensor(&name)?;
            let numbers = tensor.to_f32()?;
            by_name.insert(name, (tensor.shape, numbers));
        }
        Ok(Self { file: path.to_owned(), by_name })
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Unsuitable { path: self.file.clone(), reason }
    }

    fn shape(&self, name: &str, extents: usize) -> Result<&[usize]> {
        let found = self.by_name.get(name).map(|(shape, _)| shape.as_slice());
        found.filter(|shape| shape.len() == extents).ok_or_else(|| {
            self.wrong(format!(
                "'{name}' is missing, or has not {extents} extents; expected the names of a DiT"
            ))
        })
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some((found, numbers)) = self.by_name.remove(name) else {
            return Err(self.wrong(format!("'{name}' is missing")));
        };
        if found != shape {
            return Err(self.wrong(format!("'{name}': expected shape {shape:?}, found {found:?}")));
        }
        if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(self.wrong(format!("'{name}' holds {number}")));
        }
        Ok(numbers)
    }

    /// All numbers in the order of a network; none may be left.
    fn parameters(mut self, dit: &Dit) -> Result<Vec<f32>> {
        let mut parameters = Vec::with_capacity(dit.count());
        for (name, shape) in dit.tensors() {
            parameters.extend(self.take(&name, &shape)?);
        }
        match self.by_name.keys().min() {
            None => Ok(parameters),
            Some(name) => Err(self.wrong(format!("'{name}' belongs to no part of this network"))),
        }
    }

    /// Gives diffusers' tensors the authors' names.
    fn rename(&mut self, depth: usize) -> Result<()> {
        for (from, to) in [
            ("pos_embed.proj", "x_embedder.proj"),
            ("proj_out_1", "final_layer.adaLN_modulation.1"),
            ("proj_out_2", "final_layer.linear"),
        ] {
            self.moved(from, to);
        }
        let once = [
            ("timestep_embedder.linear_1", "t_embedder.mlp.0"),
            ("timestep_embedder.linear_2", "t_embedder.mlp.2"),
            ("class_embedder.embedding_table", "y_embedder.embedding_table"),
        ];
        for index in 0..depth {
            let (old, new) = (format!("transformer_blocks.{index}"), format!("blocks.{index}"));
            for (from, to) in [
                ("norm1.linear", "adaLN_modulation.1"),
                ("attn1.to_out.0", "attn.proj"),
                ("ff.net.0.proj", "mlp.fc1"),
                ("ff.net.2", "mlp.fc2"),
            ] {
                self.moved(&format!("{old}.{from}"), &format!("{new}.{to}"));
            }
            for (from, to) in once {
                for last in ["weight", "bias"] {
                    let from = format!("{old}.norm1.emb.{from}.{last}");
                    let to = format!("{to}.{last}");
                    let Some(tensor) = self.by_name.remove(&from) else { continue };
                    if self.by_name.get(&to).is_some_and(|first| *first != tensor) {
                        return Err(
                            self.wrong(format!("'{from}' differs from that of the first block"))
                        );
                    }
                    self.by_name.insert(to, tensor);
                }
            }
            for last in ["weight", "bias"] {
                let part = |letter: &str| format!("{old}.attn1.to_{letter}.{last}");
                let parts = ["q", "k", "v"].map(|letter| self.by_name.remove(&part(letter)));
                let [Some(q), Some(k), Some(v)] = parts else {
                    return Err(self.wrong(format!("'{}' or its like is missing", part("q"))));
                };
                if q.0.is_empty() || q.0 != k.0 || q.0 != v.0 {
                    return Err(self.wrong(format!("'{}' and its like differ in shape", part("q"))));
                }
                let mut shape = q.0.clone();
                shape[0] *= 3;
                let numbers = [q.1, k.1, v.1].concat();
                self.by_name.insert(format!("{new}.attn.qkv.{last}"), (shape, numbers));
            }
        }
        Ok(())
    }

    fn moved(&mut self, from: &str, to: &str) {
        for last in ["weight", "bias"] {
            if let Some(tensor) = self.by_name.remove(&format!("{from}.{last}")) {
                self.by_name.insert(format!("{to}.{last}"), tensor);
            }
        }
    }
}
