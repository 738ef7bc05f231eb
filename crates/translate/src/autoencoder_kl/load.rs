//! An autoencoder's tensors in a file of any layout: all there, none unknown, of the expected shapes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookalike_nn::Parameters;
use lookalike_weights::{Checkpoint, read_file};

use super::config::Config;
use super::latent_scaling::LatentScaling;
use super::tensors::tensors;
use super::{AutoencoderKl, names};
use crate::{Error, Result};

/// Files of weights in a folder of diffusers.
const IN_FOLDER: [&str; 2] = ["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"];

/// How files of weights in a folder of diffusers begin, variants in half precision included.
const STEM: &str = "diffusion_pytorch_model";

/// The description beside them.
const DESCRIPTION: &str = "config.json";

/// How many offenders of each kind a message names.
const NAMED: usize = 4;

/// What a tensor of a file is: shape and name there.
struct Found {
    shape: Vec<usize>,
    in_file: String,
}

/// The tensors of a file by the names that diffusers has for them.
pub(super) struct Tensors {
    path: PathBuf,
    file: RefCell<Checkpoint>,
    by_name: BTreeMap<String, Found>,
}

/// Reads a folder, or a file that stands in one, by its description; any other file by its shapes.
pub(super) fn read(path: &Path) -> Result<AutoencoderKl> {
    if path.is_dir() {
        let Some(file) = IN_FOLDER.iter().map(|name| path.join(name)).find(|file| file.is_file())
        else {
            return Err(Error::Unsuitable {
                path: path.to_owned(),
                reason: format!("expected {} or {} in this folder", IN_FOLDER[0], IN_FOLDER[1]),
            });
        };
        return Tensors::open(&file)?.build(Config::read(&path.join(DESCRIPTION))?);
    }
    let of_diffusers =
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STEM));
    let description = path.with_file_name(DESCRIPTION);
    if of_diffusers && description.is_file() {
        return Tensors::open(path)?.build(Config::read(&description)?);
    }
    let tensors = Tensors::open(path)?;
    let config = tensors.config(super::config::GROUPS, LatentScaling::STABLE_DIFFUSION)?;
    if config.latent_channels != Config::stable_diffusion().latent_channels {
        return Err(tensors.unsuitable(format!(
            "its latents have {} channels, so their scale is not Stable Diffusion's and cannot be \
             told from the file; name it, or read a folder with a {DESCRIPTION}",
            config.latent_channels
        )));
    }
    tensors.build(config)
}

/// Reads a file by its shapes and what they do not tell.
pub(super) fn read_as(path: &Path, groups: usize, scaling: LatentScaling) -> Result<AutoencoderKl> {
    let tensors = Tensors::open(path)?;
    let config = tensors.config(groups, scaling)?;
    tensors.build(config)
}

impl Tensors {
    fn open(path: &Path) -> Result<Self> {
        let file = read_file(path)?;
        let in_file: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
        let own = names::own(&in_file);
        let levels = names::levels(own.iter().map(|(_, name)| *name));
        let mut by_name: BTreeMap<String, Found> = BTreeMap::new();
        for (index, name) in own {
            let in_file = in_file[index].clone();
            let shape = file.info(&in_file).map(|(shape, _)| shape.to_vec()).unwrap_or_default();
            let found = Found { shape, in_file };
            let current = names::current(name, levels);
            if let Some(first) = by_name.get(&current) {
                return Err(Error::Unsuitable {
                    path: path.to_owned(),
                    reason: format!(
                        "'{}' and '{}' are the same tensor; expected one of them",
                        first.in_file, found.in_file
                    ),
                });
            }
            by_name.insert(current, found);
        }
        Ok(Self { path: path.to_owned(), file: RefCell::new(file), by_name })
    }

    fn unsuitable(&self, reason: String) -> Error {
        Error::Unsuitable { path: self.path.clone(), reason }
    }

    /// The architecture that the shapes tell.
    fn config(&self, groups: usize, scaling: LatentScaling) -> Result<Config> {
        let filters = |name: &str| match self.by_name.get(name).map(|found| &found.shape[..]) {
            Some(&[outputs, inputs, _, _]) => Ok([outputs, inputs]),
            Some(shape) => {
                Err(self.unsuitable(format!("'{name}': expected four dimensions, found {shape:?}")))
            }
            None => Err(self.unsuitable(format!(
                "expected the tensors of an AutoencoderKL, found no '{name}' in any layout"
            ))),
        };
        let first = |level: usize, index: usize| {
            format!("encoder.down_blocks.{level}.resnets.{index}.conv1.weight")
        };
        let has = |name: &str| self.by_name.contains_key(name);
        let levels = (0..).take_while(|&level| has(&first(level, 0))).count();
        let outputs =
            (0..levels).map(|level| filters(&first(level, 0)).map(|[outputs, _]| outputs));
        let config = Config {
            channels: filters("encoder.conv_in.weight")?[1],
            block_out_channels: outputs.collect::<Result<_>>()?,
            layers_per_block: (0..).take_while(|&index| has(&first(0, index))).count(),
            latent_channels: filters("decoder.conv_in.weight")?[1],
            groups,
            quant_conv: has("quant_conv.weight"),
            post_quant_conv: has("post_quant_conv.weight"),
            scaling,
        };
        config.check().map_err(|error| self.unsuitable(error.to_string()))?;
        Ok(config)
    }

    /// The autoencoder of an architecture, of exactly its tensors.
    fn build(self, config: Config) -> Result<AutoencoderKl> {
        self.conform(&config)?;
        AutoencoderKl::new(config, &self).map_err(|error| match error {
            Error::Network(error) => self.unsuitable(error.to_string()),
            other => other,
        })
    }

    /// # Errors
    /// [`Error::Unsuitable`] with what is missing, unknown or of another shape.
    fn conform(&self, config: &Config) -> Result<()> {
        let expected = tensors(config);
        let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
        for (name, shape) in &expected {
            match self.by_name.get(name) {
                None => missing.push(name.clone()),
                Some(Found { shape: found, in_file }) if !fits(shape, found) => {
                    misshapen.push(format!("{in_file} (expected {shape:?}, found {found:?})"));
                }
                Some(_) => {}
            }
        }
        let known: std::collections::HashSet<&str> =
            expected.iter().map(|(name, _)| name.as_str()).collect();
        let unknown = self.by_name.iter().filter(|(name, _)| !known.contains(name.as_str()));
        let unknown: Vec<String> = unknown.map(|(_, found)| found.in_file.clone()).collect();
        let kinds = [("missing", missing), ("unknown", unknown), ("misshapen", misshapen)];
        let wrong: Vec<String> = kinds
            .into_iter()
            .filter(|(_, offenders)| !offenders.is_empty())
            .map(|(kind, offenders)| {
                let (named, rest) = offenders.split_at(NAMED.min(offenders.len()));
                let more = if rest.is_empty() {
                    String::new()
                } else {
                    format!(" and {} more", rest.len())
                };
                format!("{kind}: {}{more}", named.join(", "))
            })
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(self.unsuitable(format!(
            "these are not the tensors of this AutoencoderKL: {}",
            wrong.join("; ")
        )))
    }
}

/// Whether a shape is the expected one; matrices may be stored as 1×1 filters.
fn fits(expected: &[usize], found: &[usize]) -> bool {
    match (expected, found) {
        ([outputs, inputs], [first, second, 1, 1]) => [outputs, inputs] == [first, second],
        _ => expected == found,
    }
}

impl Parameters for Tensors {
    fn f32(&self, name: &str, shape: &[usize]) -> lookalike_nn::Result<Vec<f32>> {
        let refused =
            |reason: String| lookalike_nn::Error::Parameter { name: name.to_owned(), reason };
        let found = self.by_name.get(name).ok_or_else(|| refused("it is missing".to_owned()))?;
        if !fits(shape, &found.shape) {
            return Err(refused(format!("expected shape {shape:?}, found {:?}", found.shape)));
        }
        let mut file =
            self.file.try_borrow_mut().map_err(|_| refused("it is being read".to_owned()))?;
        let tensor = file.tensor(&found.in_file).and_then(|tensor| tensor.to_f32());
        tensor.map_err(|error| refused(error.to_string()))
    }
}
