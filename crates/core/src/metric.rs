//! The contract every metric keeps.

use std::any::Any;
use std::borrow::Cow;

use crate::{Direction, Error, Features, MetricCard, MetricId, Picture, Result, Score};

/// What is wanted besides the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// The map of the metric, where it has one.
    pub map: bool,
}

/// The derivative of a metric's value with respect to every sample of the candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// The value at the candidate.
    pub value: f64,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Channels: 1 or 3.
    pub channels: usize,
    /// `channels × height × width` derivatives with respect to samples on the 0…1 scale, channel
    /// after channel, row by row. Finite everywhere: at singular points the metric's documentation
    /// names the subgradient that is taken.
    pub samples: Vec<f64>,
}

/// A full-reference metric under one id.
///
/// Implementations own their preprocessing: a caller hands over pictures, never ranges, means or
/// channel orders. Results do not depend on the number of threads or on what else is scored.
pub trait Metric: Send + Sync {
    /// The full id, profile and options included.
    fn id(&self) -> &MetricId;

    /// What is known about it.
    fn card(&self) -> &MetricCard;

    /// Names and sha256 of its weights, as its scores have them; `None` without any.
    fn weights(&self) -> Option<&str> {
        None
    }

    /// Reads the reference once, for scoring many candidates against it.
    ///
    /// # Errors
    /// When the metric is not defined on the picture: too small, not display-coded.
    fn prepare<'a>(&'a self, reference: &'a Picture) -> Result<Box<dyn Prepared + 'a>> {
        self.prepare_picture(Cow::Borrowed(reference))
    }

    /// As [`prepare`](Self::prepare), of a reference that may be handed over; the one method that
    /// implementations write.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    fn prepare_picture<'a>(&'a self, reference: Cow<'a, Picture>)
    -> Result<Box<dyn Prepared + 'a>>;

    /// Scores one pair.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare) and [`Prepared::compare`].
    fn compare(&self, reference: &Picture, candidate: &Picture, want: Want) -> Result<Score> {
        self.prepare(reference)?.compare(candidate, want)
    }

    /// Whether reading a picture is so costly that it is worth keeping what was read for all its
    /// pairs: then [`features`](Self::features) and
    /// [`compare_features`](Self::compare_features) have answers.
    fn keeps_features(&self) -> bool {
        false
    }

    /// Reads a picture that takes part in many pairs, as reference or as candidate; `None` for
    /// metrics to which reading is cheap.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    fn features(&self, _picture: &Picture) -> Option<Result<Features>> {
        None
    }

    /// Scores a pair of which [`features`](Self::features) was called: the same bits as
    /// [`compare`](Self::compare). `None` for features of another metric.
    ///
    /// # Errors
    /// As [`Prepared::compare`].
    fn compare_features(
        &self,
        _reference: &Features,
        _candidate: &Features,
        _want: Want,
    ) -> Option<Result<Score>> {
        None
    }

    /// The vector of a picture between whose like the metric is a distance, or from which it comes by
    /// averaging over places; `None` for metrics that have no such vector. Its length depends on the metric
    /// alone.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    fn embedding(&self, _picture: &Picture) -> Option<Result<Vec<f64>>> {
        None
    }

    /// What metrics that can be computed together know each other by; `None` for a metric that is
    /// always computed alone.
    fn formula(&self) -> Option<&dyn Any> {
        None
    }

    /// Scores a pair, reference first, by this metric and by `other`, where the two have so much
    /// work in common that one walk over the pictures costs less than two: the same bits as
    /// [`compare`](Self::compare) gives for each.
    ///
    /// `None` where they share nothing, and for pairs that either of them refuses: each is then to
    /// be asked alone.
    fn compare_together(
        &self,
        _other: &dyn Metric,
        _pair: [&Picture; 2],
        _wants: [Want; 2],
    ) -> Option<[Score; 2]> {
        None
    }

    /// Which way is better.
    fn direction(&self) -> Direction {
        self.card().direction
    }
}

/// A metric that has read its reference.
pub trait Prepared: Send + Sync {
    /// Scores one candidate.
    ///
    /// A greyscale picture meets a colour picture as if its channel were repeated.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when the sizes differ; [`Error::Undefined`] when the formula gives
    /// no number.
    fn compare(&self, candidate: &Picture, want: Want) -> Result<Score>;

    /// The derivative of the value with respect to the candidate.
    ///
    /// # Errors
    /// [`Error::NoGradient`] for metrics whose card offers none; otherwise as
    /// [`compare`](Self::compare).
    fn gradient(&self, candidate: &Picture) -> Result<Gradient>;

    /// Adds `factor` times the derivative to `to`, and gives the value: [`gradient`](Self::gradient) in single
    /// precision, as trainers want it. `to` is `channels × height × width` numbers of the candidate, or as many as
    /// one channel has, which then gets the sum over the channels.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn add_gradient(&self, candidate: &Picture, factor: f64, to: &mut [f32]) -> Result<f64> {
        let Gradient { value, samples, .. } = self.gradient(candidate)?;
        let planes = samples.len() / to.len().max(1);
        for (at, to) in to.iter_mut().enumerate() {
            let slope: f64 = samples.iter().skip(at).step_by(samples.len() / planes.max(1)).sum();
            *to += (factor * slope) as f32;
        }
        Ok(value)
    }
}

/// Checks that two pictures have one size.
///
/// # Errors
/// [`Error::SizeMismatch`].
pub fn check_same_size(reference: &Picture, candidate: &Picture) -> Result<()> {
    if (reference.width(), reference.height()) == (candidate.width(), candidate.height()) {
        return Ok(());
    }
    Err(Error::SizeMismatch {
        reference: (reference.width(), reference.height()),
        candidate: (candidate.width(), candidate.height()),
    })
}
