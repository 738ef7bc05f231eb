//! How a formula becomes a [`Metric`]: the checks, conversions and bookkeeping that all closed-form
//! metrics share, so that a metric's own file holds its paper and nothing else.

use std::any::Any;
use std::borrow::Cow;

use lookalike_core::{
    Channels, Error, Gradient, Metric, MetricCard, MetricId, Part, Picture, Prepared, Result,
    Score, ScoreMap, ScoreProvenance, Want,
};

pub(crate) use crate::pixels::{channels, luma, luma_halved, luma_scaled, rgb};
use crate::plane::Plane;

/// A formula over two pictures of one size and one number of channels.
///
/// `features` reads a picture once; `compare` needs nothing else. What the reference contributes is
/// therefore computed once for many candidates.
pub(crate) trait ClosedForm: Send + Sync {
    /// What is kept of a picture.
    type Features: Send + Sync;

    /// Reads a picture. Its shorter side is at least [`minimum_side`](Self::minimum_side).
    fn features(&self, picture: &Picture) -> Result<Self::Features, Reason>;

    /// The value, its parts and, when wanted, the map.
    fn compare(
        &self,
        reference: &Self::Features,
        candidate: &Self::Features,
        want: Want,
    ) -> Result<Outcome, Reason>;

    /// The outcomes of this formula and of another for a pair of pictures that both take, of one
    /// size and one number of channels; `None` where the two share no work.
    fn together(
        &self,
        _other: &dyn Any,
        _pair: [&Picture; 2],
        _wants: [Want; 2],
    ) -> Option<[Outcome; 2]> {
        None
    }

    /// The value and its derivative with respect to the candidate's channels on the 0…1 scale.
    fn gradient(
        &self,
        _reference: &Self::Features,
        _candidate: &Self::Features,
    ) -> Option<(f64, Vec<Plane>)> {
        None
    }

    /// [`gradient`](Self::gradient) with its planes one after the other, for formulas that can do
    /// without planes.
    fn gradient_samples(
        &self,
        reference: &Self::Features,
        candidate: &Self::Features,
    ) -> Option<(f64, Slopes)> {
        let (value, planes) = self.gradient(reference, candidate)?;
        Some((value, one_after_the_other(planes)))
    }

    /// Smallest shorter side; differs from the card's when an option changes it.
    fn minimum_side(&self, card: &MetricCard) -> usize {
        card.minimum_side
    }

    /// The crate and version that does the computing, when it is not this one.
    fn software(&self) -> String {
        SOFTWARE.to_owned()
    }
}

/// This crate, as the provenance of scores names it.
const SOFTWARE: &str = concat!("lookalike-metrics ", env!("CARGO_PKG_VERSION"));

/// Why a formula gives no number for a pair; becomes [`Error::Undefined`].
#[derive(Debug)]
pub(crate) struct Reason(pub(crate) String);

/// What a formula gives.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) value: f64,
    pub(crate) parts: Vec<Part>,
    pub(crate) map: Option<ScoreMap>,
}

impl Outcome {
    /// A value alone.
    pub(crate) fn of(value: f64) -> Self {
        Self { value, ..Self::default() }
    }

    /// The same with a part.
    pub(crate) fn with_part(mut self, name: impl Into<String>, value: f64) -> Self {
        self.parts.push(Part::new(name, value));
        self
    }

    /// The same with a map.
    pub(crate) fn with_map(self, map: Option<ScoreMap>) -> Self {
        Self { map, ..self }
    }
}

/// A plane as a map whose first sample lies at (`left`, `top`) and whose samples are `step` apart.
pub(crate) fn score_map(plane: &Plane, left: usize, top: usize, step: usize) -> ScoreMap {
    ScoreMap {
        width: plane.width,
        height: plane.height,
        values: plane.data.iter().map(|&v| v as f32).collect(),
        left,
        top,
        step,
    }
}

/// Derivatives by the samples of a picture, plane after plane, in the precision in which they were computed.
pub(crate) enum Slopes {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Slopes {
    pub(crate) fn in_double(self) -> Vec<f64> {
        match self {
            Self::Single(slopes) => slopes.into_iter().map(f64::from).collect(),
            Self::Double(slopes) => slopes,
        }
    }
}

/// The numbers of planes, plane after plane.
pub(crate) fn one_after_the_other(planes: Vec<Plane>) -> Slopes {
    let count = planes.len();
    let mut planes = planes.into_iter();
    let mut samples = planes.next().map(|plane| plane.data).unwrap_or_default();
    samples.reserve_exact(samples.len() * count.saturating_sub(1));
    for plane in planes {
        samples.extend_from_slice(&plane.data);
    }
    Slopes::Double(samples)
}

/// A formula under its id and card.
pub(crate) struct Registered<M> {
    id: MetricId,
    card: &'static MetricCard,
    formula: M,
}

impl<M: ClosedForm + 'static> Registered<M> {
    /// `id` is the full id, options of the metric included.
    pub(crate) fn boxed(id: MetricId, card: &'static MetricCard, formula: M) -> Box<dyn Metric> {
        Box::new(Self { id, card, formula })
    }
}

/// What a formula gave for the metric of this id.
fn score(id: &MetricId, card: &MetricCard, software: String, outcome: Outcome) -> Score {
    Score {
        id: id.clone(),
        value: outcome.value,
        direction: card.direction,
        parts: outcome.parts,
        map: outcome.map,
        provenance: ScoreProvenance { software, ..ScoreProvenance::default() },
    }
}

impl<M: ClosedForm> Registered<M> {
    fn check(&self, picture: &Picture) -> Result<()> {
        self.card.check(&self.id, picture, self.formula.minimum_side(self.card))
    }

    fn features(&self, picture: &Picture) -> Result<M::Features> {
        self.formula.features(picture).map_err(|reason| self.undefined(reason))
    }

    fn undefined(&self, Reason(reason): Reason) -> Error {
        Error::Undefined { id: self.id.to_string(), reason }
    }
}

impl<M: ClosedForm + 'static> Metric for Registered<M> {
    fn id(&self) -> &MetricId {
        &self.id
    }

    fn card(&self) -> &MetricCard {
        self.card
    }

    fn prepare_picture<'a>(
        &'a self,
        reference: Cow<'a, Picture>,
    ) -> Result<Box<dyn Prepared + 'a>> {
        self.check(&reference)?;
        let features = self.features(&reference)?;
        Ok(Box::new(PreparedClosedForm { metric: self, reference, features }))
    }

    fn formula(&self) -> Option<&dyn Any> {
        Some(&self.formula)
    }

    fn compare_together(
        &self,
        other: &dyn Metric,
        pair: [&Picture; 2],
        wants: [Want; 2],
    ) -> Option<[Score; 2]> {
        let [reference, candidate] = pair;
        lookalike_core::check_same_size(reference, candidate).ok()?;
        if reference.channels() != candidate.channels() {
            return None;
        }
        let (id, card) = (other.id(), other.card());
        for picture in pair {
            self.check(picture).ok()?;
            card.check(id, picture, card.minimum_side).ok()?;
        }
        let outcomes = self.formula.together(other.formula()?, pair, wants)?;
        if outcomes.iter().any(|outcome| outcome.value.is_nan()) {
            return None;
        }
        let [own, of_other] = outcomes;
        let software = || SOFTWARE.to_owned();
        Some([score(&self.id, self.card, software(), own), score(id, card, software(), of_other)])
    }
}

struct PreparedClosedForm<'a, M: ClosedForm> {
    metric: &'a Registered<M>,
    reference: Cow<'a, Picture>,
    features: M::Features,
}

impl<M: ClosedForm> PreparedClosedForm<'_, M> {
    /// Calls `act` with both pictures' features; a grey picture meets a colour picture as if its
    /// channel were repeated.
    fn with_features<T>(
        &self,
        candidate: &Picture,
        act: impl FnOnce(&M::Features, &M::Features) -> Result<T>,
    ) -> Result<T> {
        lookalike_core::check_same_size(&self.reference, candidate)?;
        self.metric.check(candidate)?;
        match (self.reference.channels(), candidate.channels()) {
            (Channels::Grey, Channels::Rgb) => {
                let reference = self.metric.features(&self.reference.to_rgb())?;
                act(&reference, &self.metric.features(candidate)?)
            }
            (Channels::Rgb, Channels::Grey) => {
                act(&self.features, &self.metric.features(&candidate.to_rgb())?)
            }
            _ => act(&self.features, &self.metric.features(candidate)?),
        }
    }
}

impl<M: ClosedForm> Prepared for PreparedClosedForm<'_, M> {
    fn compare(&self, candidate: &Picture, want: Want) -> Result<Score> {
        let metric = self.metric;
        let outcome = self.with_features(candidate, |reference, candidate| {
            let outcome = metric.formula.compare(reference, candidate, want);
            outcome.map_err(|reason| metric.undefined(reason))
        })?;
        if outcome.value.is_nan() {
            return Err(metric.undefined(Reason("the formula gives NaN".to_owned())));
        }
        Ok(score(&metric.id, metric.card, metric.formula.software(), outcome))
    }

    fn gradient(&self, candidate: &Picture) -> Result<Gradient> {
        let (value, slopes) = self.slopes(candidate)?;
        Ok(Gradient {
            value,
            width: candidate.width(),
            height: candidate.height(),
            channels: candidate.channels().count(),
            samples: slopes.in_double(),
        })
    }

    fn add_gradient(&self, candidate: &Picture, factor: f64, to: &mut [f32]) -> Result<f64> {
        let (value, slopes) = self.slopes(candidate)?;
        match slopes {
            Slopes::Single(slopes) => {
                let factor = factor as f32;
                to.iter_mut().zip(slopes).for_each(|(to, slope)| *to += factor * slope);
            }
            Slopes::Double(slopes) => {
                to.iter_mut().zip(slopes).for_each(|(to, slope)| *to += (factor * slope) as f32);
            }
        }
        Ok(value)
    }
}

impl<M: ClosedForm> PreparedClosedForm<'_, M> {
    /// The value and its derivatives by the candidate's own channels.
    fn slopes(&self, candidate: &Picture) -> Result<(f64, Slopes)> {
        let metric = self.metric;
        // The derivative has the candidate's own channels, so a grey candidate stays grey.
        let mixed = self.reference.channels() != candidate.channels();
        let answer = if mixed {
            None
        } else {
            self.with_features(candidate, |r, c| Ok(metric.formula.gradient_samples(r, c)))?
        };
        answer.ok_or_else(|| {
            let reason = if mixed {
                "reference and candidate must both be grey or both be RGB"
            } else {
                "its formula is singular or not continuous on ordinary pictures"
            };
            Error::NoGradient { id: metric.id.to_string(), reason: reason.to_owned() }
        })
    }
}
