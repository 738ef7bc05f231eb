//! LipSim as a metric under an id: `lipsim@FILE`, `lipsim:small@FILE`, with its head and its resizing as
//! options.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use lookalike_core::{
    ColourUse, Direction, Error as CoreError, Features, Metric, MetricCard, MetricId, Picture,
    Prepared, Result as CoreResult, Score, ValueRange, Want,
};
use lookalike_nn::lipschitz::Real;
use lookalike_weights::{Checkpoint, read_bytes};

use super::architecture::Size;
use super::checkpoint;
use super::head::Head;
use super::input::{Input, Scale};
use super::network::Network;
use crate::embedding_metric::{EmbeddingDistance, compare_features, features, prepare};
use crate::{Error, Result};

/// Our own small network, written by `lookalike train lipsim`: `lipsim:mini`.
const MINI: &[u8] = include_bytes!("../../weights/lipsim-mini.safetensors");

/// LipSim with its weights.
#[derive(Clone)]
pub struct LipSim {
    id: MetricId,
    card: &'static MetricCard,
    network: Arc<Network>,
    head: Head,
    input: Input,
    weights: String,
}

impl LipSim {
    /// The metric of an id such as `lipsim:mini` or `lipsim:small@weights.pth+head=euclidean`.
    ///
    /// # Errors
    /// [`CoreError::InvalidId`], [`CoreError::UnknownMetric`] for another family, [`CoreError::InvalidOption`],
    /// also for options that act on pictures before any metric; [`CoreError::Weights`].
    pub fn by_id(id: &str) -> CoreResult<Self> {
        let asked: MetricId = id.parse()?;
        let name = asked.without_options();
        let before = name.to_string();
        let before = before.split('@').next().unwrap_or_default().to_owned();
        let (asked, name) = match before.as_str() {
            "lipsim" if name.profile().is_none() => {
                let full = asked.to_string().replacen("lipsim", MINI_CARD.id, 1);
                (full.parse()?, full.parse::<MetricId>()?.without_options())
            }
            _ => (asked, name),
        };
        let own = name.to_string() == MINI_CARD.id;
        let card = CARDS.iter().find(|card| card.id.split('@').next() == Some(before.as_str()));
        let card = if own { Some(&MINI_CARD) } else { card.filter(|_| name.profile().is_some()) };
        let Some(card) = card else {
            let known: Vec<&str> =
                [&MINI_CARD].into_iter().chain(&CARDS).map(|card| card.id).collect();
            let hint = format!("; metrics with certificates are {}", known.join(", "));
            return Err(CoreError::UnknownMetric { id: id.to_owned(), hint });
        };
        for (option, _) in asked.options() {
            if !card.options.iter().any(|(known, _)| known == option) {
                let known: Vec<&str> = card.options.iter().map(|(name, _)| *name).collect();
                let known = known.join(", ");
                let reason = format!("a certificate has no option '{option}'; it takes {known}");
                return Err(CoreError::InvalidOption { id: id.to_owned(), reason });
            }
        }
        Self::make(asked, card)
    }

    /// The metric of a full id whose profile is a path, or of our own weights.
    pub(crate) fn make(id: MetricId, card: &'static MetricCard) -> CoreResult<Self> {
        let path = id.profile().unwrap_or_default().to_owned();
        let file = if card.id == MINI_CARD.id {
            let file = read_bytes(MINI.to_vec(), "the weights of lipsim:mini");
            file.map_err(|error| Error::Weights(error.to_string()))
        } else {
            checkpoint::open(Path::new(&path))
        };
        let file = file.map_err(|error| CoreError::Weights {
            id: id.to_string(),
            reason: error.to_string(),
        })?;
        Self::of(id, card, file)
    }

    /// The metric of an id on weights that are read already; what the id has after `@` is not opened.
    ///
    /// # Errors
    /// As [`by_id`](Self::by_id).
    pub fn from_checkpoint(id: &str, file: Checkpoint) -> CoreResult<Self> {
        let id: MetricId = id.parse()?;
        let variant = id.variant();
        let card = CARDS.iter().find(|card| {
            let known = card.id.split('@').next().and_then(|name| name.split_once(':'));
            known.map(|(_, variant)| variant) == variant
        });
        let card = card
            .filter(|_| id.family() == "lipsim")
            .ok_or_else(|| CoreError::UnknownMetric { id: id.to_string(), hint: String::new() })?;
        Self::of(id, card, file)
    }

    fn of(id: MetricId, card: &'static MetricCard, file: Checkpoint) -> CoreResult<Self> {
        let option = |name: &str| id.option(name);
        let invalid = |reason: String| CoreError::InvalidOption { id: id.to_string(), reason };
        let head = option("head").map_or(Ok(Head::default()), str::parse).map_err(invalid)?;
        let input = option("resize").map_or(Ok(Input::default()), str::parse).map_err(invalid)?;
        let outputs = option("outputs").map(|text| {
            text.parse().map_err(|_| invalid(format!("outputs takes a number, found '{text}'")))
        });
        let outputs = outputs.transpose()?;
        let origin = if card.id == MINI_CARD.id { MINI_CARD.id } else { "file" };
        let weights = format!("{origin}:{}", file.sha256());
        let made = checkpoint::network(file, outputs).and_then(|network| {
            let size = Size::ALL.into_iter().find(|size| Some(size.as_str()) == id.variant());
            match size {
                Some(size) if network.plan().stages != size.architecture().plan().stages => {
                    Err(Error::Weights(format!(
                        "expected the size {}: {}; found {}; use lipsim@FILE for other sizes",
                        size.as_str(),
                        size.architecture().plan().stages_text(),
                        network.plan().stages_text()
                    )))
                }
                _ => Ok(network),
            }
        });
        let network = made.map_err(|error| CoreError::Weights {
            id: id.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self { id, card, network: Arc::new(network), head, input, weights })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What is made of two embeddings.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How pictures come to the network.
    pub fn input(&self) -> Input {
        self.input
    }

    /// Three planes of a picture as the network sees it.
    ///
    /// # Errors
    /// As [`Metric::prepare`].
    pub fn planes(&self, picture: &Picture) -> CoreResult<Vec<f64>> {
        self.card.check(&self.id, picture, self.card.minimum_side)?;
        let side = self.network.image();
        self.input.planes(picture, side).map_err(|error| self.undefined(error))
    }

    /// The embedding of a picture, computed in a precision.
    ///
    /// # Errors
    /// As [`Metric::prepare`].
    pub fn embed<R: Real>(&self, picture: &Picture) -> CoreResult<Vec<f64>> {
        let planes: Vec<R> = self.planes(picture)?.into_iter().map(R::nearest).collect();
        let embedding = self.network.embed(&planes).map_err(|error| self.undefined(error))?;
        let embedding: Vec<f64> = embedding.into_iter().map(R::double).collect();
        if embedding.iter().any(|value| !value.is_finite()) {
            return Err(self.undefined("its embedding overflows"));
        }
        Ok(embedding)
    }

    /// How much further apart two pictures of this size can be for the network than in their own samples.
    ///
    /// # Errors
    /// [`CoreError::Undefined`] where it cannot be computed.
    pub fn scale(&self, picture: &Picture) -> CoreResult<Scale> {
        let side = self.network.image();
        let size = [picture.height(), picture.width()];
        let scale = self.input.scale(size, picture.channels(), side);
        scale.map_err(|error| self.undefined(error))
    }

    fn undefined(&self, reason: impl ToString) -> CoreError {
        CoreError::Undefined { id: self.id.to_string(), reason: reason.to_string() }
    }
}

impl EmbeddingDistance for LipSim {
    fn vector(&self, picture: &Picture) -> CoreResult<Vec<f64>> {
        self.embed::<f32>(picture)
    }

    fn between(&self, reference: &[f64], candidate: &[f64]) -> f64 {
        self.head.distance(reference, candidate)
    }

    fn slopes(&self, reference: &[f64], candidate: &Picture) -> CoreResult<(f64, Vec<f64>)> {
        let planes: Vec<f32> = self.planes(candidate)?.into_iter().map(|x| x as f32).collect();
        let run = || -> Result<(f64, Vec<f64>)> {
            let (embedding, trace) = self.network.trace(&planes)?;
            let embedding: Vec<f64> = embedding.into_iter().map(f64::from).collect();
            let upstream = self.head.gradient(reference, &embedding);
            let upstream: Vec<f32> = upstream.into_iter().map(|g| g as f32).collect();
            let slopes = self.network.pull(&trace, &upstream)?;
            let slopes: Vec<f64> = slopes.into_iter().map(f64::from).collect();
            let value = self.head.distance(reference, &embedding);
            Ok((value, self.input.pull(candidate, self.network.image(), &slopes)?))
        };
        run().map_err(|error| self.undefined(error))
    }
}

impl Metric for LipSim {
    fn id(&self) -> &MetricId {
        &self.id
    }

    fn card(&self) -> &MetricCard {
        self.card
    }

    fn weights(&self) -> Option<&str> {
        Some(&self.weights)
    }

    fn prepare_picture<'a>(
        &'a self,
        reference: Cow<'a, Picture>,
    ) -> CoreResult<Box<dyn Prepared + 'a>> {
        prepare(self, &reference)
    }

    fn keeps_features(&self) -> bool {
        true
    }

    fn features(&self, picture: &Picture) -> Option<CoreResult<Features>> {
        Some(features(self, picture))
    }

    fn embedding(&self, picture: &Picture) -> Option<CoreResult<Vec<f64>>> {
        Some(self.embed::<f64>(picture))
    }

    fn compare_features(
        &self,
        reference: &Features,
        candidate: &Features,
        _want: Want,
    ) -> Option<CoreResult<Score>> {
        compare_features(self, reference, candidate)
    }
}

const CARD: MetricCard = MetricCard {
    title: "LipSim with weights from a file",
    definition: "1 − cos(f(x), f(y)), f a network of Lipschitz constant 1; with head=euclidean ‖f(x) − f(y)‖",
    source: "Ghazanfari, Araujo, Krishnamurthy, Khorrami, Garg, ICLR 2024",
    reproduces: "embeddings recorded from the published layers, 2e-5; distances 2e-7",
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: 0.0,
    symmetric: true,
    colour: ColourUse::Colour,
    gradient: true,
    options: &[
        ("head", "cosine, appended or euclidean; default cosine"),
        ("resize", "linear or pil-u8, how pictures come to the network's size; default linear"),
        ("outputs", "coordinates of the embedding, where the file does not say; default 1792"),
    ],
    blind_to: &[
        "the size of pictures, all of which are resized to that of the network",
        "the place of a change, for want of a map",
    ],
    notes: &[
        "from 0 to 2, but for head=euclidean; values belong to the file, whose SHA-256 is in the \
         provenance of scores",
        "the published weights have no stated licence and are not part of the program",
        "`lookalike certify` says by how much a picture may change without changing a decision",
        "as published, pictures are resized in 8 bits: that is resize=pil-u8",
    ],
    ..MetricCard::BASE
};

/// Our own, whose weights are in the program.
pub(crate) static MINI_CARD: MetricCard = MetricCard {
    id: "lipsim:mini",
    default_profile: true,
    title: "Our own small network that cannot stretch",
    definition: CARD.definition,
    source: "this project: `lookalike train lipsim`, measured in docs/lipsim.md; the idea is that of \
             Ghazanfari, Araujo, Krishnamurthy, Khorrami, Garg, ICLR 2024",
    reproduces: "no other implementation; layers as recorded from the published ones, 2e-5",
    options: &[CARD.options[0], CARD.options[1]],
    blind_to: &[
        "the size of pictures and all detail: they are resized to 32x32 pixels",
        "the place of a change, for want of a map",
    ],
    notes: &[
        "from 0 to 2, but for head=euclidean",
        "weights are in the program, and nothing is fetched; they are under the licence of the project",
        "distilled from `sight` on CC0 photographs of clothes and Kodak's pictures, then tuned on a synthetic \
         observer, which is arithmetic: no person was asked",
        "made for its certificates, `lookalike certify`, and not for agreement with people, for which docs/lipsim.md \
         says where it stands",
    ],
    ..CARD
};

/// One card for files of any size, and one for each size with a name.
pub(crate) static CARDS: [MetricCard; 5] = [
    MetricCard { id: "lipsim@FILE", ..CARD },
    MetricCard {
        id: "lipsim:small@FILE",
        title: "LipSim, small, with weights from a file",
        ..CARD
    },
    MetricCard {
        id: "lipsim:medium@FILE",
        title: "LipSim, medium, with weights from a file",
        ..CARD
    },
    MetricCard {
        id: "lipsim:large@FILE",
        title: "LipSim, large, with weights from a file",
        ..CARD
    },
    MetricCard {
        id: "lipsim:xlarge@FILE",
        title: "LipSim, extra large, with weights from a file",
        ..CARD
    },
];
