//! BEiT in the files that are published of it.
//!
//! Names are those of the library timm and of the authors' own files (`blocks.0.gamma_1`, `blocks.0.attn.q_bias`,
//! `fc_norm`), or those of Hugging Face (`beit.encoder.layer.0.lambda_1`, `…attention.attention.query`,
//! `beit.pooler.layernorm`), each with what it adds to variances. Keys have no bias, for which zeros are written.

use std::collections::HashMap;

use lookalike_nn::vision_transformer::{Activation, Architecture, Positions, VisionTransformer};
use lookalike_weights::{DType, Tensor};

use crate::taken::Taken;
use crate::{Error, Result};

/// What is added to variances, by where a file comes from.
const TIMM: f32 = 1e-6;
const HUGGING_FACE: f32 = 1e-12;

/// The network of a file's tensors.
///
/// # Errors
/// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
pub(super) fn network(tensors: HashMap<String, Tensor>) -> Result<VisionTransformer> {
    let hugging_face = tensors.keys().any(|name| name.starts_with("encoder.layer."));
    let mut placed: HashMap<String, Tensor> = HashMap::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let place = if hugging_face { of_hugging_face(&name) } else { of_timm(&name) };
        if let Some(place) = place {
            placed.insert(place, tensor);
        }
    }
    let epsilon = if hugging_face { HUGGING_FACE } else { TIMM };
    let architecture = architecture(&placed, epsilon)?;
    join(&mut placed, architecture.depth)?;
    let given = Taken::of(&placed);
    let network = VisionTransformer::new(architecture, &given)?;
    match given.left(|_| false) {
        None => Ok(network),
        Some(name) => Err(Error::Weights(format!("BEiT: the tensor '{name}' belongs to no layer"))),
    }
}

/// Where a tensor of timm's stands in DINO's layout; `None` for what an embedding does without.
fn of_timm(name: &str) -> Option<String> {
    // What stands behind the embedding, what is of training, and positions that are computed.
    let without = name.starts_with("head.")
        || name == "mask_token"
        || name.ends_with("relative_position_index");
    if without {
        return None;
    }
    Some(match name.strip_prefix("fc_norm.") {
        Some(rest) => format!("norm.{rest}"),
        None => name.replace(".gamma_1", ".ls1.gamma").replace(".gamma_2", ".ls2.gamma"),
    })
}

/// The same of Hugging Face's, behind `beit.`.
fn of_hugging_face(name: &str) -> Option<String> {
    if name.starts_with("classifier.")
        || name == "embeddings.mask_token"
        || name.ends_with("relative_position_index")
    {
        return None;
    }
    let Some((block, rest)) =
        name.strip_prefix("encoder.layer.").and_then(|rest| rest.split_once('.'))
    else {
        let whole = [
            ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
            ("embeddings.cls_token", "cls_token"),
            ("pooler.layernorm", "norm"),
        ];
        let found = whole.iter().find_map(|(from, to)| Some((name.strip_prefix(from)?, to)));
        return Some(found.map_or_else(|| name.to_owned(), |(rest, to)| format!("{to}{rest}")));
    };
    let parts = [
        ("lambda_1", "ls1.gamma"),
        ("lambda_2", "ls2.gamma"),
        ("attention.attention.query.bias", "attn.q_bias"),
        ("attention.attention.value.bias", "attn.v_bias"),
        ("attention.attention.relative_position_bias.", "attn."),
        ("attention.attention.", "attn.part."),
        ("attention.output.dense", "attn.proj"),
        ("intermediate.dense", "mlp.fc1"),
        ("output.dense", "mlp.fc2"),
        ("layernorm_before", "norm1"),
        ("layernorm_after", "norm2"),
    ];
    let found = parts.iter().find_map(|(from, to)| Some((rest.strip_prefix(from)?, to)));
    let rest = found.map_or_else(|| rest.to_owned(), |(rest, to)| format!("{to}{rest}"));
    Some(format!("blocks.{block}.{rest}"))
}

/// The architecture that shapes tell.
fn architecture(tensors: &HashMap<String, Tensor>, epsilon: f32) -> Result<Architecture> {
    let shape = |name: &str, count: usize| match tensors.get(name).map(|tensor| &tensor.shape) {
        Some(shape) if shape.len() == count => Ok(shape.as_slice()),
        Some(shape) => Err(Error::Weights(format!("BEiT: {name} has the shape {shape:?}"))),
        None => Err(Error::Weights(format!("BEiT: {name} is missing"))),
    };
    let filters = shape("patch_embed.proj.weight", 4)?;
    let (width, patch) = (filters[0], filters[2]);
    let table = shape("blocks.0.attn.relative_position_bias_table", 2)?;
    // (2n − 1)² distances of n × n patches, and three with the class.
    let along = table[0].saturating_sub(3).isqrt().div_ceil(2);
    let depth = (0..)
        .take_while(|index| tensors.contains_key(&format!("blocks.{index}.norm1.weight")))
        .count();
    Ok(Architecture {
        width,
        depth,
        heads: table[1],
        hidden: shape("blocks.0.mlp.fc1.weight", 2)?[0],
        patch,
        side: along * patch,
        epsilon,
        activation: Activation::Gelu,
        normalised_first: false,
        layer_scale: true,
        projection: None,
        positions: Positions::Relative,
    })
}

/// Brings queries, keys and values together.
fn join(tensors: &mut HashMap<String, Tensor>, depth: usize) -> Result<()> {
    for block in 0..depth {
        let path = format!("blocks.{block}.attn");
        let parts = ["query", "key", "value"].map(|part| format!("{path}.part.{part}.weight"));
        if parts.iter().any(|part| tensors.contains_key(part)) {
            joined(tensors, parts, format!("{path}.qkv.weight"))?;
        }
        let [query, value] = ["q_bias", "v_bias"].map(|part| format!("{path}.{part}"));
        let key = format!("{path}.k_bias");
        let Some(of_query) = tensors.get(&query) else {
            return Err(Error::Weights(format!("BEiT: {query} is missing")));
        };
        let none = Tensor {
            name: key.clone(),
            shape: of_query.shape.clone(),
            dtype: of_query.dtype,
            bytes: vec![0; of_query.bytes.len()],
        };
        tensors.insert(key.clone(), none);
        joined(tensors, [query, key, value], format!("{path}.qkv.bias"))?;
    }
    Ok(())
}

fn joined(tensors: &mut HashMap<String, Tensor>, parts: [String; 3], name: String) -> Result<()> {
    let mut all: Option<Tensor> = None;
    let wrong = |reason: String| Err(Error::Weights(format!("BEiT: {reason}")));
    for part in parts {
        let Some(tensor) = tensors.remove(&part) else {
            return wrong(format!("{part} is missing"));
        };
        match &mut all {
            None => all = Some(Tensor { name: name.clone(), ..tensor }),
            Some(all) => {
                let (first, dtype): (Option<&mut usize>, DType) =
                    (all.shape.first_mut(), all.dtype);
                match (first, tensor.shape.first()) {
                    (Some(rows), Some(more)) if dtype == tensor.dtype => *rows += more,
                    _ => return wrong(format!("{part} is not as the parts before it")),
                }
                all.bytes.extend_from_slice(&tensor.bytes);
            }
        }
    }
    if let Some(all) = all {
        tensors.insert(name, all);
    }
    Ok(())
}
