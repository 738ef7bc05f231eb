//! DreamSim as a metric under an id: `dreamsim@FILE`, `dreamsim:ensemble@FILE`, with its resizing as an
//! option.

use std::path::Path;

use lookalike_core::{
    ColourUse, Direction, Error as CoreError, Metric, MetricCard, MetricId, Picture,
    Result as CoreResult, ValueRange,
};
use lookalike_weights::read_file;

use super::branch::Branch;
use super::checkpoint;
use super::network::Network;
use crate::embedding_metric::{EmbeddingMetric, EmbeddingNetwork};
use crate::lipsim::{Head, Input};
use crate::{Error, Result};

/// The metric of a full id whose profile is a path.
pub(crate) fn make(id: MetricId, card: &'static MetricCard) -> CoreResult<Box<dyn Metric>> {
    let refused =
        |error: Error| CoreError::Weights { id: id.to_string(), reason: error.to_string() };
    let input = id.option("resize").map_or(Ok(Input::PillowU8), str::parse);
    let input = input.map_err(|reason| CoreError::InvalidOption { id: id.to_string(), reason })?;
    let path = id.profile().unwrap_or_default();
    let file =
        read_file(Path::new(path)).map_err(|error| refused(Error::Weights(error.to_string())))?;
    let weights = format!("file:{}", file.sha256());
    let network = checkpoint::network(file).map_err(refused)?;
    fits(&id, &network).map_err(refused)?;
    Ok(Box::new(EmbeddingMetric { id, card, network: Resized { network, input }, weights }))
}

/// The networks, and how pictures come to their size.
struct Resized {
    network: Network,
    input: Input,
}

impl EmbeddingNetwork for Resized {
    fn planes(&self, picture: &Picture) -> Result<Vec<f64>> {
        self.input.planes(picture, self.network.side())
    }

    fn pull(&self, picture: &Picture, slopes: &[f64]) -> Result<Vec<f64>> {
        self.input.pull(picture, self.network.side(), slopes)
    }

    fn embed(&self, planes: &[f64]) -> Result<Vec<f64>> {
        self.network.embedding(planes)
    }

    fn distance(&self, reference: &[f64], candidate: &[f64]) -> f64 {
        Head::Cosine.distance(reference, candidate)
    }

    fn gradient(&self, reference: &[f64], planes: &[f64]) -> Result<(f64, Vec<f64>)> {
        self.network.gradient(reference, planes)
    }
}

/// Refuses a file of other networks than the variant says.
fn fits(id: &MetricId, network: &Network) -> Result<()> {
    let Some(variant) = id.variant() else { return Ok(()) };
    let expected = VARIANTS.iter().find(|known| known.name == variant);
    let patch_sizes = network.patch_sizes();
    let found = expected.is_some_and(|known| {
        known.branches == network.branches()
            && known.patches == network.reads_patches()
            && patch_sizes.iter().all(|&size| size == known.size)
    });
    if found {
        return Ok(());
    }
    let names: Vec<&str> = network.branches().iter().map(|branch| branch.as_str()).collect();
    Err(Error::Weights(format!(
        "expected the networks of {variant}, found {} with patches of {patch_sizes:?} pixels{}; \
         dreamsim@FILE takes any",
        names.join(", "),
        if network.reads_patches() { ", which are read as well" } else { "" }
    )))
}

/// A published kind.
struct Variant {
    name: &'static str,
    branches: &'static [Branch],
    /// Pixels of a patch.
    size: usize,
    /// Whether the tokens of patches are read.
    patches: bool,
}

const VARIANTS: [Variant; 8] = [
    Variant {
        name: "ensemble",
        branches: &[Branch::Dino, Branch::Clip, Branch::OpenClip],
        size: 16,
        patches: false,
    },
    Variant { name: "dino-vitb16", branches: &[Branch::Dino], size: 16, patches: false },
    Variant { name: "clip-vitb32", branches: &[Branch::Clip], size: 32, patches: false },
    Variant { name: "open-clip-vitb32", branches: &[Branch::OpenClip], size: 32, patches: false },
    Variant { name: "dinov2-vitb14", branches: &[Branch::DinoV2], size: 14, patches: false },
    Variant { name: "synclr-vitb16", branches: &[Branch::SynClr], size: 16, patches: false },
    Variant { name: "dino-vitb16-patch", branches: &[Branch::Dino], size: 16, patches: true },
    Variant { name: "dinov2-vitb14-patch", branches: &[Branch::DinoV2], size: 14, patches: true },
];

const CARD: MetricCard = MetricCard {
    title: "DreamSim with weights from a file",
    definition: "1 − cos of embeddings of vision transformers, one after the other, without their mean",
    source: "Fu, Tamir, Sundaram, Chai, Zhang, Dekel, Isola, NeurIPS 2023",
    reproduces: "features recorded of small networks of the same layout, 2e-5; distances 2e-7",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 2.0 },
    equal: 0.0,
    colour: ColourUse::Colour,
    gradient: true,
    options: &[(
        "resize",
        "pil-u8 or linear, how pictures come to the networks' size; default pil-u8, as published",
    )],
    blind_to: &[
        "the size of pictures, all of which are resized to that of the networks",
        "fine detail and slight damage, of which its judgements held little",
        "the place of a change, for want of a map",
    ],
    notes: &[
        "`lookalike weights convert FOLDER OUT.safetensors` makes one file of the published ones",
        "gradients need resize=linear, or pictures of the networks' size",
        "values belong to the file, whose SHA-256 is in the provenance of scores",
    ],
    ..MetricCard::BASE
};

/// One card for files of any networks, and one for each published kind.
pub(crate) static CARDS: [MetricCard; 9] = [
    MetricCard { id: "dreamsim@FILE", ..CARD },
    MetricCard { id: "dreamsim:ensemble@FILE", title: "DreamSim, the ensemble", ..CARD },
    MetricCard { id: "dreamsim:dino-vitb16@FILE", title: "DreamSim on DINO", ..CARD },
    MetricCard { id: "dreamsim:clip-vitb32@FILE", title: "DreamSim on CLIP", ..CARD },
    MetricCard { id: "dreamsim:open-clip-vitb32@FILE", title: "DreamSim on OpenCLIP", ..CARD },
    MetricCard { id: "dreamsim:dinov2-vitb14@FILE", title: "DreamSim on DINOv2", ..CARD },
    MetricCard { id: "dreamsim:synclr-vitb16@FILE", title: "DreamSim on SynCLR", ..CARD },
    MetricCard {
        id: "dreamsim:dino-vitb16-patch@FILE",
        title: "DreamSim on DINO and its patches",
        ..CARD
    },
    MetricCard {
        id: "dreamsim:dinov2-vitb14-patch@FILE",
        title: "DreamSim on DINOv2 and its patches",
        ..CARD
    },
];
