//! The networks of which DreamSim consists, and how each is run.
//!
//! All are vision transformers in DINO's layout. What differs is not in their tensors: the scale of their
//! input, which token is read, the activation, ε, whether tokens are normalised before the blocks.

use lookalike_nn::vision_transformer::{Activation, Architecture, Positions, Readout};

use crate::samples::Scaling;
use crate::{Error, Result};

/// Where a network comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Branch {
    /// DINO (Caron et al. 2021): the token of the class before the last normalisation.
    Dino,
    /// CLIP (Radford et al. 2021): its embedding.
    Clip,
    /// OpenCLIP on LAION-400M: its embedding, with another activation than CLIP's.
    OpenClip,
    /// DINOv2 (Oquab et al. 2023), as DINO.
    DinoV2,
    /// SynCLR (Tian et al. 2023), as DINO.
    SynClr,
}

impl Branch {
    /// In the order of the published ensemble.
    pub const ALL: [Self; 5] = [Self::Dino, Self::Clip, Self::OpenClip, Self::DinoV2, Self::SynClr];

    /// The name before its tensors: `dino`, `clip`, `open_clip`, `dinov2`, `synclr`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dino => "dino",
            Self::Clip => "clip",
            Self::OpenClip => "open_clip",
            Self::DinoV2 => "dinov2",
            Self::SynClr => "synclr",
        }
    }

    fn is_clip(self) -> bool {
        matches!(self, Self::Clip | Self::OpenClip)
    }

    /// What is read; `patches` of the variants that read the others as well.
    pub(super) fn readout(self, patches: bool) -> Readout {
        match (self.is_clip(), patches) {
            (true, _) => Readout::Embedding,
            (false, true) => Readout::ClassAndPatches,
            (false, false) => Readout::Class,
        }
    }

    /// What its input is scaled by.
    pub(super) fn scaling(self) -> Scaling {
        match self.is_clip() {
            true => Scaling::CLIP,
            false => Scaling::IMAGENET,
        }
    }

    /// The architecture of tensors with given shapes.
    ///
    /// # Errors
    /// [`Error::Weights`] where one that tells is missing.
    pub(super) fn architecture<'a>(
        self,
        heads: Option<usize>,
        tensors: impl Iterator<Item = (&'a str, &'a [usize])> + Clone,
    ) -> Result<Architecture> {
        let shape = |name: &str, count: usize| {
            let found = tensors.clone().find(|(found, _)| *found == name).map(|(_, shape)| shape);
            found.filter(|shape| shape.len() == count).ok_or_else(|| {
                let name = format!("{}.{name}", self.as_str());
                Error::Weights(match found {
                    Some(shape) => format!("{name} has the shape {shape:?}"),
                    None => format!("{name} is missing"),
                })
            })
        };
        let filters = shape("patch_embed.proj.weight", 4)?;
        let (width, patch) = (filters[0], filters[2]);
        let patches = shape("pos_embed", 3)?[1].saturating_sub(1);
        let depth = (0..)
            .take_while(|index| shape(&format!("blocks.{index}.attn.qkv.weight"), 2).is_ok())
            .count();
        let projection =
            self.is_clip().then(|| Ok::<_, Error>(shape("proj", 2)?[1])).transpose()?;
        Ok(Architecture {
            width,
            depth,
            // Published ones have 64 features a head.
            heads: heads.unwrap_or(width / 64),
            hidden: shape("blocks.0.mlp.fc1.weight", 2)?[0],
            patch,
            side: patches.isqrt() * patch,
            epsilon: if self.is_clip() { 1e-5 } else { 1e-6 },
            activation: match self {
                Self::Clip => Activation::QuickGelu,
                _ => Activation::Gelu,
            },
            normalised_first: self.is_clip(),
            layer_scale: self == Self::DinoV2,
            projection,
            positions: Positions::Added,
        })
    }
}
