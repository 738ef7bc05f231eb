//! The names of CLIP's tensors, in OpenAI's files and in those of Hugging Face, and where each stands in DINO's
//! layout.
//!
//! OpenAI has queries, keys and values in one matrix, Hugging Face in three; the last matrix has inputs × outputs
//! there and outputs × inputs here. Tensors of the text's tower are left out.

use std::collections::HashMap;

use lookalike_nn::vision_transformer::{Activation, Architecture, Positions};
use lookalike_weights::{Checkpoint, Tensor};

use crate::{Error, Result};

/// A tower's tensors by their names in DINO's layout.
pub(super) struct Tensors {
    by_name: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

/// What stands beside the tower in a file, by its first letters.
pub(super) const LEFT_OUT: [&str; 15] = [
    "text.",
    "text_model.",
    "text_projection",
    "logit_scale",
    "logit_bias",
    "transformer.",
    "token_embedding.",
    "positional_embedding",
    "ln_final.",
    "input_resolution",
    "context_length",
    "vocab_size",
    "vision_model.embeddings.position_ids",
    "attn_mask",
    "num_batches_tracked",
];

impl Tensors {
    /// Reads the tower of a file.
    ///
    /// # Errors
    /// [`Error::Weights`] for tensors that belong to no tower.
    pub(super) fn read(mut file: Checkpoint) -> Result<Self> {
        let path = file.file().to_owned();
        let wrong = |reason: String| Error::Weights(format!("{path}: {reason}"));
        let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
        let mut by_name = HashMap::new();
        let mut thirds: HashMap<String, [Option<Tensor>; 3]> = HashMap::new();
        for name in names {
            let place = match openai(&name).or_else(|| hugging_face(&name)) {
                Some(place) => place,
                None if LEFT_OUT.iter().any(|start| name.starts_with(start)) => continue,
                None => {
                    return Err(wrong(format!(
                        "the tensor '{name}' belongs to no tower of CLIP; expected names such as visual.conv1.weight or vision_model.embeddings.class_embedding"
                    )));
                }
            };
            let tensor = file.tensor(&name).map_err(|error| wrong(error.to_string()))?;
            if let Some((part, joined)) = third(&place) {
                thirds.entry(joined).or_default()[part] = Some(tensor);
                continue;
            }
            let numbers = tensor.to_f32().map_err(|error| wrong(error.to_string()))?;
            let placed = match (place.as_str(), &tensor.shape[..]) {
                ("cls_token", &[width]) => (vec![1, 1, width], numbers),
                ("pos_embed", &[count, width]) => (vec![1, count, width], numbers),
                ("proj.transposed", &[outputs, inputs]) => {
                    let columns = (0..inputs)
                        .flat_map(|i| numbers.iter().skip(i).step_by(inputs.max(1)).copied());
                    (vec![inputs, outputs], columns.collect())
                }
                (_, shape) => (shape.to_vec(), numbers),
            };
            by_name.insert(place.trim_end_matches(".transposed").to_owned(), placed);
        }
        for (name, parts) in thirds {
            let [Some(queries), Some(keys), Some(values)] = parts else {
                return Err(wrong(format!("{name}: expected queries, keys and values")));
            };
            let mut shape = queries.shape.clone();
            let mut joined = Vec::new();
            for tensor in [queries, keys, values] {
                joined.extend(tensor.to_f32().map_err(|error| wrong(error.to_string()))?);
            }
            if let Some(first) = shape.first_mut() {
                *first *= 3;
            }
            by_name.insert(name, (shape, joined));
        }
        let found = Self { by_name };
        if found.shape("cls_token").is_none() {
            return Err(wrong("expected the image tower of CLIP, found none".to_owned()));
        }
        Ok(found)
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.by_name.get(name).map(|(shape, _)| shape.as_slice())
    }

    /// The architecture that the shapes tell.
    ///
    /// # Errors
    /// [`Error::Weights`] where one that tells is missing.
    pub(super) fn architecture(
        &self,
        heads: Option<usize>,
        activation: Activation,
    ) -> Result<Architecture> {
        let shape = |name: &str, count: usize| {
            let shape = self.shape(name).filter(|shape| shape.len() == count);
            shape.ok_or_else(|| Error::Weights(format!("CLIP's {name} is missing or misshapen")))
        };
        let filters = shape("patch_embed.proj.weight", 4)?;
        let (width, patch) = (filters[0], filters[2]);
        let patches = shape("pos_embed", 3)?[1].saturating_sub(1);
        let block = |index: usize| format!("blocks.{index}.attn.qkv.weight");
        Ok(Architecture {
            width,
            depth: (0..).take_while(|&index| self.shape(&block(index)).is_some()).count(),
            heads: heads.unwrap_or(width / 64),
            hidden: shape("blocks.0.mlp.fc1.weight", 2)?[0],
            patch,
            side: patches.isqrt() * patch,
            epsilon: 1e-5,
            activation,
            normalised_first: true,
            layer_scale: false,
            projection: Some(shape("proj", 2)?[1]),
            positions: Positions::Added,
        })
    }

    /// Refuses what no layer has asked for.
    pub(super) fn all_in(&self, depth: usize) -> Result<()> {
        let beyond = self.by_name.keys().find(|name| {
            let index = name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.'));
            index.is_some_and(|(index, _)| index.parse::<usize>().is_ok_and(|at| at >= depth))
        });
        match beyond {
            None => Ok(()),
            Some(name) => Err(Error::Weights(format!("CLIP's {name} follows no block before it"))),
        }
    }
}

impl lookalike_nn::Parameters for Tensors {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        let refused =
            |reason: String| lookalike_nn::Error::Parameter { name: name.to_owned(), reason };
        match self.by_name.get(name) {
            // Patches have no bias here.
            None if name == "patch_embed.proj.bias" => Ok(vec![0.0; shape.iter().product()]),
            None => Err(refused("it is missing".to_owned())),
            Some((found, _)) if found != shape => {
                Err(refused(format!("expected shape {shape:?}, found {found:?}")))
            }
            Some((_, numbers)) => Ok(numbers.clone()),
        }
    }
}

/// The place of a name of OpenAI's.
fn openai(name: &str) -> Option<String> {
    let rest = name.strip_prefix("visual.")?;
    let whole = match rest {
        "class_embedding" => "cls_token",
        "positional_embedding" => "pos_embed",
        "proj" => "proj",
        "conv1.weight" => "patch_embed.proj.weight",
        "ln_pre.weight" => "pos_drop.weight",
        "ln_pre.bias" => "pos_drop.bias",
        "ln_post.weight" => "norm.weight",
        "ln_post.bias" => "norm.bias",
        _ => "",
    };
    if !whole.is_empty() {
        return Some(whole.to_owned());
    }
    let (index, part) = rest.strip_prefix("transformer.resblocks.")?.split_once('.')?;
    let part = match part {
        "ln_1.weight" => "norm1.weight",
        "ln_1.bias" => "norm1.bias",
        "ln_2.weight" => "norm2.weight",
        "ln_2.bias" => "norm2.bias",
        "attn.in_proj_weight" => "attn.qkv.weight",
        "attn.in_proj_bias" => "attn.qkv.bias",
        "attn.out_proj.weight" => "attn.proj.weight",
        "attn.out_proj.bias" => "attn.proj.bias",
        "mlp.c_fc.weight" => "mlp.fc1.weight",
        "mlp.c_fc.bias" => "mlp.fc1.bias",
        "mlp.c_proj.weight" => "mlp.fc2.weight",
        "mlp.c_proj.bias" => "mlp.fc2.bias",
        _ => return None,
    };
    Some(format!("blocks.{index}.{part}"))
}

/// The place of a name of Hugging Face's.
fn hugging_face(name: &str) -> Option<String> {
    if name == "visual_projection.weight" {
        return Some("proj.transposed".to_owned());
    }
    let rest = name.strip_prefix("vision_model.")?;
    let whole = match rest {
        "embeddings.class_embedding" => "cls_token",
        "embeddings.position_embedding.weight" => "pos_embed",
        "embeddings.patch_embedding.weight" => "patch_embed.proj.weight",
        // As it is spelt there.
        "pre_layrnorm.weight" => "pos_drop.weight",
        "pre_layrnorm.bias" => "pos_drop.bias",
        "post_layernorm.weight" => "norm.weight",
        "post_layernorm.bias" => "norm.bias",
        _ => "",
    };
    if !whole.is_empty() {
        return Some(whole.to_owned());
    }
    let (index, part) = rest.strip_prefix("encoder.layers.")?.split_once('.')?;
    let (path, last) = part.rsplit_once('.')?;
    let path = match path {
        "layer_norm1" => "norm1",
        "layer_norm2" => "norm2",
        "self_attn.q_proj" => "attn.0",
        "self_attn.k_proj" => "attn.1",
        "self_attn.v_proj" => "attn.2",
        "self_attn.out_proj" => "attn.proj",
        "mlp.fc1" => "mlp.fc1",
        "mlp.fc2" => "mlp.fc2",
        _ => return None,
    };
    matches!(last, "weight" | "bias").then(|| format!("blocks.{index}.{path}.{last}"))
}

/// Which third of queries, keys and values a place is, and of what.
fn third(place: &str) -> Option<(usize, String)> {
    let (block, rest) = place.split_once(".attn.")?;
    let (part, last) = rest.split_once('.')?;
    Some((part.parse().ok()?, format!("{block}.attn.qkv.{last}")))
}
