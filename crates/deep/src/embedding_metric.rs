//! How a distance between embeddings becomes a [`Metric`]: checks, resizing, features that are kept,
//! provenance.

use std::borrow::Cow;

use lookalike_core::{
    Channels, Error as CoreError, Features, Gradient, Metric, MetricCard, MetricId, Picture,
    Prepared, Result as CoreResult, Score, ScoreProvenance, Want,
};

use crate::Result;

/// A network that makes a vector of a picture, and what is made of two vectors.
pub(crate) trait EmbeddingNetwork: Send + Sync {
    /// A picture as three planes of numbers in 0…1, at the size that is read.
    fn planes(&self, picture: &Picture) -> Result<Vec<f64>>;

    /// The derivative with respect to the picture's samples, given that with respect to its planes.
    fn pull(&self, picture: &Picture, slopes: &[f64]) -> Result<Vec<f64>>;

    /// The embedding of planes.
    fn embed(&self, planes: &[f64]) -> Result<Vec<f64>>;

    /// The distance of two embeddings.
    fn distance(&self, reference: &[f64], candidate: &[f64]) -> f64;

    /// The distance of planes from a picture with an embedding, and its derivative with respect to them.
    fn gradient(&self, reference: &[f64], planes: &[f64]) -> Result<(f64, Vec<f64>)>;
}

/// ½‖a − b‖², which of vectors of length one is 1 − cos.
pub(crate) fn half_square(a: &[f64], b: &[f64]) -> f64 {
    0.5 * a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
}

/// A network under its id and card.
pub(crate) struct EmbeddingMetric<N> {
    pub(crate) id: MetricId,
    pub(crate) card: &'static MetricCard,
    pub(crate) network: N,
    /// Name and hash of the weights.
    pub(crate) weights: String,
}

impl<N: EmbeddingNetwork> EmbeddingMetric<N> {
    fn planes(&self, picture: &Picture) -> CoreResult<Vec<f64>> {
        self.card.check(&self.id, picture, self.card.minimum_side)?;
        self.network.planes(picture).map_err(|error| self.undefined(error))
    }

    fn embed(&self, picture: &Picture) -> CoreResult<Vec<f64>> {
        let embedding = self.network.embed(&self.planes(picture)?);
        let embedding = embedding.map_err(|error| self.undefined(error))?;
        if embedding.iter().any(|value| !value.is_finite()) {
            return Err(self.undefined("its embedding overflows"));
        }
        Ok(embedding)
    }

    fn undefined(&self, reason: impl ToString) -> CoreError {
        CoreError::Undefined { id: self.id.to_string(), reason: reason.to_string() }
    }

    fn score(&self, reference: &[f64], candidate: &[f64]) -> Score {
        Score {
            id: self.id.clone(),
            value: self.network.distance(reference, candidate),
            direction: self.card.direction,
            parts: Vec::new(),
            map: None,
            provenance: ScoreProvenance {
                software: concat!("lookalike-deep ", env!("CARGO_PKG_VERSION")).to_owned(),
                weights: Some(self.weights.clone()),
                ..ScoreProvenance::default()
            },
        }
    }
}

impl<N: EmbeddingNetwork> Metric for EmbeddingMetric<N> {
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
        let embedding = self.embed(&reference)?;
        let size = (reference.width(), reference.height());
        Ok(Box::new(PreparedEmbedding { metric: self, size, embedding }))
    }

    fn keeps_features(&self) -> bool {
        true
    }

    fn features(&self, picture: &Picture) -> Option<CoreResult<Features>> {
        Some(self.embed(picture).map(|embedding| {
            let bytes = size_of_val(embedding.as_slice());
            let size = (picture.width(), picture.height());
            let of = (self.id.clone(), self.weights.clone());
            Features::new(Kept { of, size, embedding }, bytes)
        }))
    }

    fn compare_features(
        &self,
        reference: &Features,
        candidate: &Features,
        _want: Want,
    ) -> Option<CoreResult<Score>> {
        let [reference, candidate] = [reference.get::<Kept>()?, candidate.get::<Kept>()?];
        let own = |kept: &Kept| kept.of.0 == self.id && kept.of.1 == self.weights;
        if !own(reference) || !own(candidate) {
            return None;
        }
        if reference.size != candidate.size {
            let (reference, candidate) = (reference.size, candidate.size);
            return Some(Err(CoreError::SizeMismatch { reference, candidate }));
        }
        Some(Ok(self.score(&reference.embedding, &candidate.embedding)))
    }
}

/// The embedding of a picture that takes part in many pairs.
struct Kept {
    /// The metric and weights that it belongs to.
    of: (MetricId, String),
    size: (usize, usize),
    embedding: Vec<f64>,
}

struct PreparedEmbedding<'a, N> {
    metric: &'a EmbeddingMetric<N>,
    size: (usize, usize),
    embedding: Vec<f64>,
}

impl<N> PreparedEmbedding<'_, N> {
    fn check_size(&self, candidate: &Picture) -> CoreResult<()> {
        let found = (candidate.width(), candidate.height());
        if found == self.size {
            return Ok(());
        }
        Err(CoreError::SizeMismatch { reference: self.size, candidate: found })
    }
}

impl<N: EmbeddingNetwork> Prepared for PreparedEmbedding<'_, N> {
    fn compare(&self, candidate: &Picture, _want: Want) -> CoreResult<Score> {
        self.check_size(candidate)?;
        Ok(self.metric.score(&self.embedding, &self.metric.embed(candidate)?))
    }

    fn gradient(&self, candidate: &Picture) -> CoreResult<Gradient> {
        self.check_size(candidate)?;
        let network = &self.metric.network;
        let planes = self.metric.planes(candidate)?;
        let run = || -> Result<(f64, Vec<f64>)> {
            let (value, slopes) = network.gradient(&self.embedding, &planes)?;
            Ok((value, network.pull(candidate, &slopes)?))
        };
        let (value, samples) = run().map_err(|error| self.metric.undefined(error))?;
        let channels = match candidate.channels() {
            Channels::Grey => 1,
            Channels::Rgb => 3,
        };
        let (width, height) = self.size;
        Ok(Gradient { value, width, height, channels, samples })
    }
}
