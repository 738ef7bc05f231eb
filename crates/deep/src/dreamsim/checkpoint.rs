//! Files of weights: those in one piece that are read, and how the published pieces become one.
//!
//! A file in one piece has the tensors of all networks in DINO's layout, each behind the name of its
//! [`Branch`] and a dot, and in its header `arch=dreamsim`, `patches=yes` where the tokens of patches are
//! read, and `heads` where a head has not 64 features.
//!
//! The published pieces are the networks as they were and what fine-tuning added to the matrix of queries,
//! keys and values of every block: W + (α/r)·B A with A of r rows (Hu et al., "LoRA", ICLR 2022, section
//! 4.1), under `base_model.model.extractor_list.N.model.blocks.M.attn.qkv.lora_A.weight` and `…lora_B…`.

use std::collections::{BTreeMap, HashMap};

use lookalike_nn::vision_transformer::VisionTransformer;
use lookalike_weights::{Checkpoint, Tensor};

use super::branch::Branch;
use super::network::Network;
use super::positions::interpolated;
use crate::taken::Taken;
use crate::{Error, Result};

const ARCHITECTURE: &str = "dreamsim";
/// Pixels of the pictures that DreamSim's networks read, on each side.
const SIDE: usize = 224;
/// Pixels of DINOv2's patches, on each side.
const DINO_V2_PATCH: usize = 14;

/// What fine-tuning added, and α/r.
pub struct Adapter {
    /// The tensors A and B.
    pub file: Checkpoint,
    /// `lora_alpha / r` of the `adapter_config.json` beside them.
    pub scale: f64,
}

/// The networks of a file in one piece.
///
/// # Errors
/// [`Error::Weights`] with the first tensor or line of the header that is not as it should be.
pub(super) fn network(mut file: Checkpoint) -> Result<Network> {
    let about = file.about();
    let name = file.file().to_owned();
    let wrong = |reason: String| Error::Weights(format!("{name}: {reason}"));
    if about.get("arch").map(String::as_str) != Some(ARCHITECTURE) {
        return Err(wrong(format!(
            "expected a file with arch={ARCHITECTURE} in its header, as `lookalike weights convert FOLDER OUT.safetensors` writes"
        )));
    }
    let patches = about.get("patches").map(String::as_str) == Some("yes");
    let heads = about.get("heads").map(|text| {
        text.parse().map_err(|_| wrong(format!("expected a number as heads, found '{text}'")))
    });
    let heads = heads.transpose()?;
    let mut by_branch: BTreeMap<Branch, HashMap<String, Tensor>> = BTreeMap::new();
    let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
    for full in names {
        let branch = full.split_once('.').and_then(|(branch, rest)| {
            Some((Branch::ALL.into_iter().find(|known| known.as_str() == branch)?, rest))
        });
        let Some((branch, rest)) = branch else {
            return Err(wrong(format!("the tensor '{full}' belongs to no network")));
        };
        let tensor = file.tensor(&full).map_err(|error| wrong(error.to_string()))?;
        by_branch.entry(branch).or_default().insert(rest.to_owned(), tensor);
    }
    let mut branches = Vec::new();
    for (branch, tensors) in by_branch {
        let network = transformer(branch, heads, &tensors).map_err(|e| wrong(e.to_string()))?;
        branches.push((branch, network));
    }
    Network::new(branches, patches)
}

/// A network of tensors in DINO's layout, all of which it takes.
///
/// # Errors
/// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
pub(crate) fn transformer(
    branch: Branch,
    heads: Option<usize>,
    tensors: &HashMap<String, Tensor>,
) -> Result<VisionTransformer> {
    let shapes = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice()));
    let architecture = branch.architecture(heads, shapes)?;
    let parameters = Taken::of(tensors);
    let network = VisionTransformer::new(architecture, &parameters)?;
    match parameters.left(|_| false) {
        None => Ok(network),
        Some(name) => Err(Error::Weights(format!(
            "the tensor '{}.{name}' belongs to no layer",
            branch.as_str()
        ))),
    }
}

/// A file in one piece of the published ones: networks in the order of the ensemble, and what fine-tuning
/// added. CLIP's patches have no bias, for which zeros are written; `heads` is 64 features each where it is not
/// given.
///
/// # Errors
/// [`Error::Weights`] for tensors that are missing, misshapen or belong nowhere.
pub fn one_piece(
    branches: Vec<(Branch, Checkpoint)>,
    adapter: Option<Adapter>,
    patches: bool,
    heads: Option<usize>,
) -> Result<Vec<u8>> {
    let mut pieces = Pieces::default();
    let mut added = adapter.map(Added::read).transpose()?;
    for (index, (branch, mut file)) in branches.into_iter().enumerate() {
        let prefixes = ["module.visual.", "module.", "model.", "visual."];
        prefixes.into_iter().for_each(|prefix| {
            file.strip_prefix(prefix);
        });
        let path = file.file().to_owned();
        let wrong = |reason: String| Error::Weights(format!("{path}: {reason}"));
        let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
        let has = |name: &str| names.iter().any(|found| found == name);
        if !has("cls_token") {
            return Err(wrong(format!(
                "expected the tensors of {} (cls_token, pos_embed, blocks.0.attn.qkv.weight, …), found none",
                branch.as_str()
            )));
        }
        for name in &names {
            // Of training with masks; nothing is masked here.
            if name == "mask_token" || name.starts_with("head.") {
                continue;
            }
            let tensor = file.tensor(name).map_err(|error| wrong(error.to_string()))?;
            let mut numbers = tensor.to_f32().map_err(|error| wrong(error.to_string()))?;
            if let Some(block) =
                name.strip_prefix("blocks.").and_then(|rest| rest.strip_suffix(".attn.qkv.weight"))
                && let Some(added) = &mut added
            {
                added.add(index, block, &tensor.shape, &mut numbers)?;
            }
            let mut shape = tensor.shape;
            if let (Branch::DinoV2, "pos_embed", &[1, count, width]) =
                (branch, &name[..], &shape[..])
            {
                // Learned for larger pictures than these.
                let (from, to) = (count.saturating_sub(1).isqrt(), SIDE / DINO_V2_PATCH);
                if from > to && 1 + from * from == count {
                    let patches = interpolated(&numbers[width..], width, from, to);
                    numbers.truncate(width);
                    numbers.extend(patches);
                    shape = vec![1, 1 + to * to, width];
                }
            }
            pieces.push(&format!("{}.{name}", branch.as_str()), &shape, &numbers);
        }
        if !has("patch_embed.proj.bias") {
            let width = file.info("cls_token").and_then(|(shape, _)| shape.last().copied());
            let zeros = vec![0.0; width.unwrap_or(0)];
            let name = format!("{}.patch_embed.proj.bias", branch.as_str());
            pieces.push(&name, &[zeros.len()], &zeros);
        }
    }
    if let Some(name) = added.as_ref().and_then(Added::left) {
        return Err(Error::Weights(format!("what was added to {name} belongs to no network")));
    }
    Ok(pieces.file(patches, heads))
}

/// What fine-tuning added, by network and block.
struct Added {
    scale: f64,
    factors: BTreeMap<(usize, String), [Option<Tensor>; 2]>,
}

impl Added {
    fn read(Adapter { mut file, scale }: Adapter) -> Result<Self> {
        let path = file.file().to_owned();
        let wrong = |reason: String| Error::Weights(format!("{path}: {reason}"));
        if !(scale.is_finite() && scale > 0.0) {
            return Err(wrong(format!("expected alpha/r above 0, found {scale}")));
        }
        let mut factors: BTreeMap<(usize, String), [Option<Tensor>; 2]> = BTreeMap::new();
        let names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
        for name in names {
            let Some((network, block, which)) = place(&name) else {
                return Err(wrong(format!("the tensor '{name}' belongs to no matrix of a block")));
            };
            let tensor = file.tensor(&name).map_err(|error| wrong(error.to_string()))?;
            factors.entry((network, block)).or_default()[which] = Some(tensor);
        }
        Ok(Self { scale, factors })
    }

    /// W + (α/r)·B A, summed in f64.
    fn add(&mut self, network: usize, block: &str, shape: &[usize], to: &mut [f32]) -> Result<()> {
        let Some(factors) = self.factors.remove(&(network, block.to_owned())) else {
            return Ok(());
        };
        let wrong = |reason: String| {
            Error::Weights(format!(
                "what was added to block {block} of network {network}: {reason}"
            ))
        };
        let [Some(a), Some(b)] = factors else {
            return Err(wrong("expected lora_A and lora_B, found one of them".to_owned()));
        };
        let (&[rank, inputs], &[outputs, other]) = (&a.shape[..], &b.shape[..]) else {
            return Err(wrong(format!("expected matrices, found {:?}, {:?}", a.shape, b.shape)));
        };
        if shape != [outputs, inputs] || rank != other || rank == 0 {
            return Err(wrong(format!(
                "expected {shape:?} as a product, found {:?} and {:?}",
                b.shape, a.shape
            )));
        }
        let numbers = |tensor: &Tensor| tensor.to_f32().map_err(|error| wrong(error.to_string()));
        let (a, b) = (numbers(&a)?, numbers(&b)?);
        for (row, b) in to.chunks_exact_mut(inputs).zip(b.chunks_exact(rank)) {
            for (column, to) in row.iter_mut().enumerate() {
                let of_rank = |k: usize| f64::from(b[k]) * f64::from(a[k * inputs + column]);
                let sum: f64 = (0..rank).map(of_rank).sum();
                *to = (f64::from(*to) + self.scale * sum) as f32;
            }
        }
        Ok(())
    }

    fn left(&self) -> Option<String> {
        let ((network, block), _) = self.factors.first_key_value()?;
        Some(format!("block {block} of network {network}"))
    }
}

/// Network, block, and 0 for A, 1 for B.
fn place(name: &str) -> Option<(usize, String, usize)> {
    let rest = name.strip_prefix("base_model.model.").unwrap_or(name);
    let rest = rest.strip_prefix("extractor_list.")?;
    let (network, rest) = rest.split_once(".model.blocks.")?;
    let (block, rest) = rest.split_once(".attn.qkv.")?;
    let which = match rest.replace(".default", "").as_str() {
        "lora_A.weight" => 0,
        "lora_B.weight" => 1,
        _ => return None,
    };
    Some((network.parse().ok()?, block.to_owned(), which))
}

/// Tensors on their way to a file.
#[derive(Default)]
struct Pieces {
    header: String,
    data: Vec<u8>,
}

impl Pieces {
    fn push(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        let start = self.data.len();
        self.data.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let end = self.data.len();
        self.header.push_str(&format!(
            r#","{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        ));
    }

    fn file(self, patches: bool, heads: Option<usize>) -> Vec<u8> {
        let mut about = format!(r#""arch":"{ARCHITECTURE}""#);
        if patches {
            about.push_str(r#","patches":"yes""#);
        }
        if let Some(heads) = heads {
            about.push_str(&format!(r#","heads":"{heads}""#));
        }
        let header = format!(r#"{{"__metadata__":{{{about}}}{}}}"#, self.header);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &self.data].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_was_added() {
        let name = "base_model.model.extractor_list.2.model.blocks.11.attn.qkv.lora_B.weight";
        assert_eq!(place(name), Some((2, "11".to_owned(), 1)));
        let name = "extractor_list.0.model.blocks.3.attn.qkv.lora_A.default.weight";
        assert_eq!(place(name), Some((0, "3".to_owned(), 0)));
        for name in ["extractor_list.0.model.blocks.3.mlp.fc1.lora_A.weight", "proj", "x.y"] {
            assert_eq!(place(name), None, "{name}");
        }
    }
}
