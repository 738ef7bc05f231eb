//! CLIP's distance as a metric under an id: `clip@FILE`, `clip:b32@FILE`.

use std::path::Path;

use lookalike_core::{
    ColourUse, Direction, Error as CoreError, Metric, MetricCard, MetricId, Result as CoreResult,
    ValueRange,
};
use lookalike_nn::Compute;
use lookalike_weights::read_file;

use super::input::Input;
use super::tower::{Activation, Clip};
use crate::Error;
use crate::embedding_metric::EmbeddingMetric;

/// Names, features of a token, pixels of a patch and of a picture.
const SIZES: [(&str, usize, usize, usize); 4] = [
    ("b32", 768, 32, 224),
    ("b16", 768, 16, 224),
    ("l14", 1024, 14, 224),
    ("l14-336", 1024, 14, 336),
];

/// The metric of a full id whose profile is a path.
pub(crate) fn make(id: MetricId, card: &'static MetricCard) -> CoreResult<Box<dyn Metric>> {
    let invalid = |reason: String| CoreError::InvalidOption { id: id.to_string(), reason };
    let refused = |reason: String| CoreError::Weights { id: id.to_string(), reason };
    let crop = id.option("crop").map_or(Ok(Default::default()), str::parse).map_err(invalid)?;
    let linear = match id.option("resize") {
        None | Some("pil-u8") => false,
        Some("linear") => true,
        Some(other) => {
            return Err(invalid(format!("resize takes pil-u8 or linear, found '{other}'")));
        }
    };
    let activation = match id.option("activation") {
        None | Some("quick-gelu") => Activation::QuickGelu,
        Some("gelu") => Activation::Gelu,
        Some(other) => {
            return Err(invalid(format!("activation takes quick-gelu or gelu, found '{other}'")));
        }
    };
    let path = id.profile().unwrap_or_default();
    Compute::expect_kernels("CLIP").map_err(|error| refused(error.to_string()))?;
    let file = read_file(Path::new(path)).map_err(|error| refused(error.to_string()))?;
    let weights = format!("file:{}", file.sha256());
    let input = Input { crop, linear };
    let network = if id.variant() == Some("convnext-b") {
        let side = id.option("side").unwrap_or("224").parse::<usize>();
        let side = side.map_err(|_| invalid("side takes a multiple of 32".to_owned()))?;
        Clip::read_conv_next(file, side, input)
    } else {
        Clip::read(file, None, activation, input)
    };
    let network = network.map_err(|error: Error| refused(error.to_string()))?;
    let size = SIZES.iter().find(|(name, ..)| Some(*name) == id.variant());
    if let Some(&(name, width, patch, side)) = size
        && [network.width(), network.patch(), network.side()] != [width, patch, side]
    {
        return Err(refused(format!(
            "expected the tower {name} of {width} features and patches of {patch} pixels at {side}, found {}, {} and {}; clip@FILE takes any",
            network.width(),
            network.patch(),
            network.side()
        )));
    }
    Ok(Box::new(EmbeddingMetric { id, card, network, weights }))
}

const CARD: MetricCard = MetricCard {
    title: "CLIP with weights from a file",
    definition: "1 − cos of the embeddings of CLIP's image tower",
    source: "Radford et al., ICML 2021; the distance is common practice",
    reproduces: "embeddings recorded of a small tower, 2e-5; preprocessing to the last bit",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: 2.0 },
    equal: 0.0,
    colour: ColourUse::Colour,
    gradient: true,
    options: &[
        ("crop", "openai or hf, which middle is taken of an odd rest; default openai"),
        ("resize", "pil-u8 or linear, how pictures come to the tower's size; default pil-u8"),
        (
            "activation",
            "quick-gelu, OpenAI's, or gelu, that of most of OpenCLIP; default quick-gelu",
        ),
    ],
    blind_to: &[
        "what lies beyond the middle square",
        "damage: it was taught to tell what pictures show",
        "the place of a change, for want of a map",
    ],
    notes: &[
        "files of Hugging Face or with OpenAI's names; the tower of text is left out",
        "gradients need resize=linear, or pictures of the tower's size",
    ],
    ..MetricCard::BASE
};

/// One card for files of any size, and one for each size with a name.
pub(crate) static CARDS: [MetricCard; 6] = [
    MetricCard { id: "clip@FILE", ..CARD },
    MetricCard { id: "clip:b32@FILE", title: "CLIP ViT-B/32 with weights from a file", ..CARD },
    MetricCard { id: "clip:b16@FILE", title: "CLIP ViT-B/16 with weights from a file", ..CARD },
    MetricCard { id: "clip:l14@FILE", title: "CLIP ViT-L/14 with weights from a file", ..CARD },
    MetricCard {
        id: "clip:l14-336@FILE",
        title: "CLIP ViT-L/14 at 336 pixels with weights from a file",
        ..CARD
    },
    MetricCard {
        id: "clip:convnext-b@FILE",
        title: "CLIP ConvNeXt-B with weights from a file, such as the robust one of R-CLIP",
        definition: "1 − cos of the embeddings of a ConvNeXt that was learned as CLIP's image tower",
        source: "Liu et al., CVPR 2022; OpenCLIP; Croce, Schlarmann, Singh, Hein 2024 (R-CLIP)",
        reproduces: "embedding and derivatives of a small network of timm 1.0.31, 2e-5; published weights were not at hand",
        options: &[
            ("crop", "openai or hf, which middle is taken of an odd rest; default openai"),
            ("resize", "pil-u8 or linear, how pictures come to the tower's size; default pil-u8"),
            (
                "side",
                "pixels that pictures are brought to, a multiple of 32; default 224, OpenCLIP's own setting is 256",
            ),
        ],
        notes: &[
            "files with OpenCLIP's names; the tower of text is left out",
            "gradients need resize=linear, or pictures of the tower's size",
        ],
        ..CARD
    },
];
