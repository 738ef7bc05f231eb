//! How a distance between embeddings becomes a [`Metric`]: sizes that agree, features that are kept, provenance.
//!
//! [`EmbeddingDistance`] is what such a metric says of itself; [`prepare`], [`features`] and [`compare_features`]
//! are the rest of its [`Metric`], whatever the network. [`EmbeddingMetric`] is one of any [`EmbeddingNetwork`].

use std::borrow::Cow;

use lookalike_core::{
    Channels, Error as CoreError, Features, Gradient, Metric, MetricCard, MetricId, Picture,
    Prepared, Result as CoreResult, Score, ScoreProvenance, Want,
};

use crate::Result;

/// A metric that is a distance between vectors of pictures.
pub(crate) trait EmbeddingDistance: Metric + Sized {
    /// The vector of a picture.
    fn vector(&self, picture: &Picture) -> CoreResult<Vec<f64>>;

    /// The distance of two vectors.
    fn between(&self, reference: &[f64], candidate: &[f64]) -> f64;

    /// The distance of a picture from one with a vector, and its derivative with respect to the picture's
    /// samples.
    fn slopes(&self, reference: &[f64], candidate: &Picture) -> CoreResult<(f64, Vec<f64>)>;
}

/// Of [`Metric::prepare_picture`].
pub(crate) fn prepare<'a, M: EmbeddingDistance>(
    metric: &'a M,
    reference: &Picture,
) -> CoreResult<Box<dyn Prepared + 'a>> {
    let vector = metric.vector(reference)?;
    let size = (reference.width(), reference.height());
    Ok(Box::new(PreparedVector { metric, size, vector }))
}

/// Of [`Metric::features`].
pub(crate) fn features<M: EmbeddingDistance>(
    metric: &M,
    picture: &Picture,
) -> CoreResult<Features> {
    let vector = metric.vector(picture)?;
    let bytes = size_of_val(vector.as_slice());
    let size = (picture.width(), picture.height());
    Ok(Features::new(Kept { of: of(metric), size, vector }, bytes))
}

/// Of [`Metric::compare_features`].
pub(crate) fn compare_features<M: EmbeddingDistance>(
    metric: &M,
    reference: &Features,
    candidate: &Features,
) -> Option<CoreResult<Score>> {
    let [reference, candidate] = [reference.get::<Kept>()?, candidate.get::<Kept>()?];
    let own = of(metric);
    if reference.of != own || candidate.of != own {
        return None;
    }
    if reference.size != candidate.size {
        let (reference, candidate) = (reference.size, candidate.size);
        return Some(Err(CoreError::SizeMismatch { reference, candidate }));
    }
    Some(Ok(score(metric, &reference.vector, &candidate.vector)))
}

fn score<M: EmbeddingDistance>(metric: &M, reference: &[f64], candidate: &[f64]) -> Score {
    Score {
        id: metric.id().clone(),
        value: metric.between(reference, candidate),
        direction: metric.card().direction,
        parts: Vec::new(),
        map: None,
        provenance: ScoreProvenance {
            software: concat!("lookalike-deep ", env!("CARGO_PKG_VERSION")).to_owned(),
            weights: metric.weights().map(str::to_owned),
            ..ScoreProvenance::default()
        },
    }
}

/// Which metric and weights vectors belong to.
fn of<M: Metric>(metric: &M) -> (MetricId, Option<String>) {
    (metric.id().clone(), metric.weights().map(str::to_owned))
}

/// The vector of a picture that takes part in many pairs.
struct Kept {
    of: (MetricId, Option<String>),
    size: (usize, usize),
    vector: Vec<f64>,
}

struct PreparedVector<'a, M> {
    metric: &'a M,
    size: (usize, usize),
    vector: Vec<f64>,
}

impl<M> PreparedVector<'_, M> {
    fn check_size(&self, candidate: &Picture) -> CoreResult<()> {
        let found = (candidate.width(), candidate.height());
        if found == self.size {
            return Ok(());
        }
        Err(CoreError::SizeMismatch { reference: self.size, candidate: found })
    }
}

impl<M: EmbeddingDistance> Prepared for PreparedVector<'_, M> {
    fn compare(&self, candidate: &Picture, _want: Want) -> CoreResult<Score> {
        self.check_size(candidate)?;
        Ok(score(self.metric, &self.vector, &self.metric.vector(candidate)?))
    }

    fn gradient(&self, candidate: &Picture) -> CoreResult<Gradient> {
        self.check_size(candidate)?;
        let (value, samples) = self.metric.slopes(&self.vector, candidate)?;
        let channels = match candidate.channels() {
            Channels::Grey => 1,
            Channels::Rgb => 3,
        };
        let (width, height) = self.size;
        Ok(Gradient { value, width, height, channels, samples })
    }
}

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

    fn undefined(&self, reason: impl ToString) -> CoreError {
        CoreError::Undefined { id: self.id.to_string(), reason: reason.to_string() }
    }
}

impl<N: EmbeddingNetwork> EmbeddingDistance for EmbeddingMetric<N> {
    fn vector(&self, picture: &Picture) -> CoreResult<Vec<f64>> {
        let embedding = self.network.embed(&self.planes(picture)?);
        let embedding = embedding.map_err(|error| self.undefined(error))?;
        if embedding.iter().any(|value| !value.is_finite()) {
            return Err(self.undefined("its embedding overflows"));
        }
        Ok(embedding)
    }

    fn between(&self, reference: &[f64], candidate: &[f64]) -> f64 {
        self.network.distance(reference, candidate)
    }

    fn slopes(&self, reference: &[f64], candidate: &Picture) -> CoreResult<(f64, Vec<f64>)> {
        let planes = self.planes(candidate)?;
        let run = || -> Result<(f64, Vec<f64>)> {
            let (value, slopes) = self.network.gradient(reference, &planes)?;
            Ok((value, self.network.pull(candidate, &slopes)?))
        };
        run().map_err(|error| self.undefined(error))
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
        prepare(self, &reference)
    }

    fn keeps_features(&self) -> bool {
        true
    }

    fn features(&self, picture: &Picture) -> Option<CoreResult<Features>> {
        Some(features(self, picture))
    }

    fn embedding(&self, picture: &Picture) -> Option<CoreResult<Vec<f64>>> {
        Some(self.vector(picture))
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
