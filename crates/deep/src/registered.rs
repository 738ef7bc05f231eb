//! How a formula over activations becomes a [`Metric`]: checks, tiles, provenance.

use std::borrow::Cow;

use lookalike_core::{
    Channels, Error, Features, Gradient, Metric, MetricCard, MetricId, Picture, Prepared, Result,
    Score, ScoreProvenance, Want,
};
use lookalike_nn::Blocks;

use crate::evaluation::{References, activations, compare, compare_known, gradients};
use crate::plan::Plan;
use crate::tap_formula::{Outcome, TapFormula};

/// A formula under its id and card.
pub(crate) struct Registered<F> {
    pub(crate) id: MetricId,
    pub(crate) card: &'static MetricCard,
    pub(crate) formula: F,
    /// Names and hashes of the weights.
    pub(crate) weights: Option<String>,
}

impl<F: TapFormula> Registered<F> {
    fn check(&self, picture: &Picture) -> Result<()> {
        self.card.check(&self.id, picture, self.card.minimum_side)
    }

    fn score(&self, outcome: Outcome) -> Result<Score> {
        if outcome.value.is_nan() {
            return Err(self.undefined("the activations of the network overflow"));
        }
        Ok(Score {
            id: self.id.clone(),
            value: outcome.value,
            direction: self.card.direction,
            parts: outcome.parts,
            map: outcome.map,
            provenance: ScoreProvenance {
                software: concat!("lookalike-deep ", env!("CARGO_PKG_VERSION")).to_owned(),
                weights: self.weights.clone(),
                ..ScoreProvenance::default()
            },
        })
    }

    fn pair(
        &self,
        plan: &Plan,
        reference: References<'_>,
        candidate: &Picture,
        want: Want,
    ) -> Result<Score> {
        let outcomes = compare(&self.formula, plan, reference, &[candidate], want.map);
        let outcome = outcomes.map_err(|error| self.undefined(error))?.pop();
        self.score(outcome.ok_or_else(|| self.undefined("it gave no value"))?)
    }

    fn undefined(&self, reason: impl ToString) -> Error {
        Error::Undefined { id: self.id.to_string(), reason: reason.to_string() }
    }
}

impl<F: TapFormula> Metric for Registered<F> {
    fn id(&self) -> &MetricId {
        &self.id
    }

    fn card(&self) -> &MetricCard {
        self.card
    }

    fn weights(&self) -> Option<&str> {
        self.weights.as_deref()
    }

    fn prepare_picture<'a>(
        &'a self,
        reference: Cow<'a, Picture>,
    ) -> Result<Box<dyn Prepared + 'a>> {
        self.check(&reference)?;
        let size = [reference.height(), reference.width()];
        let plan = Plan::new(&self.formula, size).map_err(|error| self.undefined(error))?;
        let known =
            plan.whole().map(|tile| activations(&self.formula, tile, &[reference.as_ref()]));
        let activations = known.transpose().map_err(|error| self.undefined(error))?;
        Ok(Box::new(PreparedTaps { metric: self, reference, plan, activations }))
    }

    /// Both pictures as one batch, whose activations are not kept.
    fn compare(&self, reference: &Picture, candidate: &Picture, want: Want) -> Result<Score> {
        self.check(reference)?;
        lookalike_core::check_same_size(reference, candidate)?;
        self.check(candidate)?;
        let size = [reference.height(), reference.width()];
        let plan = Plan::new(&self.formula, size).map_err(|error| self.undefined(error))?;
        self.pair(&plan, References::Pictures(&[reference]), candidate, want)
    }

    fn keeps_features(&self) -> bool {
        true
    }

    /// `None` for pictures that are computed in tiles: their activations are too many to be kept.
    fn features(&self, picture: &Picture) -> Option<Result<Features>> {
        let read = || -> Result<Option<Features>> {
            self.check(picture)?;
            let size = [picture.height(), picture.width()];
            let plan = Plan::new(&self.formula, size).map_err(|error| self.undefined(error))?;
            let Some(tile) = plan.whole() else { return Ok(None) };
            let taps = activations(&self.formula, tile, &[picture]);
            let taps = taps.map_err(|error| self.undefined(error))?;
            let bytes = taps.iter().map(|blocks| size_of_val(blocks.lines())).sum();
            let kept = Kept { id: self.id.clone(), weights: self.weights.clone(), plan, taps };
            Ok(Some(Features::new(kept, bytes)))
        };
        read().transpose()
    }

    /// `None` for pictures that are computed in tiles as well.
    fn embedding(&self, picture: &Picture) -> Option<Result<Vec<f64>>> {
        let read = || -> Result<Option<Vec<f64>>> {
            self.check(picture)?;
            let size = [picture.height(), picture.width()];
            let plan = Plan::new(&self.formula, size).map_err(|error| self.undefined(error))?;
            let Some(tile) = plan.whole() else { return Ok(None) };
            let taps = activations(&self.formula, tile, &[picture]);
            Ok(self.formula.embedding(&taps.map_err(|error| self.undefined(error))?))
        };
        read().transpose()
    }

    fn compare_features(
        &self,
        reference: &Features,
        candidate: &Features,
        want: Want,
    ) -> Option<Result<Score>> {
        let [reference, candidate] = [reference.get::<Kept>()?, candidate.get::<Kept>()?];
        let own = |kept: &Kept| kept.id == self.id && kept.weights == self.weights;
        if !own(reference) || !own(candidate) {
            return None;
        }
        let (plan, other) = (&reference.plan, &candidate.plan);
        if plan.size != other.size {
            let [reference, candidate] = [plan, other].map(|plan| (plan.size[1], plan.size[0]));
            return Some(Err(Error::SizeMismatch { reference, candidate }));
        }
        let taps = [reference.taps.as_slice(), candidate.taps.as_slice()];
        compare_known(&self.formula, plan, taps, want.map)
            .map(|outcome| self.score(outcome.map_err(|error| self.undefined(error))?))
    }
}

/// The activations of a picture that takes part in many pairs.
struct Kept {
    /// The metric and weights that they belong to.
    id: MetricId,
    weights: Option<String>,
    plan: Plan,
    taps: Vec<Blocks>,
}

/// A reference with its activations, where they are few enough to be kept.
struct PreparedTaps<'a, F> {
    metric: &'a Registered<F>,
    reference: Cow<'a, Picture>,
    plan: Plan,
    activations: Option<Vec<Blocks>>,
}

impl<F: TapFormula> PreparedTaps<'_, F> {
    /// Hands over what the reference is known by.
    fn with_reference<T>(&self, compute: impl FnOnce(References<'_>) -> T) -> T {
        match &self.activations {
            Some(known) => compute(References::Known(known)),
            None => compute(References::Pictures(&[self.reference.as_ref()])),
        }
    }

    fn check(&self, candidate: &Picture) -> Result<()> {
        lookalike_core::check_same_size(&self.reference, candidate)?;
        self.metric.check(candidate)
    }
}

impl<F: TapFormula> Prepared for PreparedTaps<'_, F> {
    fn compare(&self, candidate: &Picture, want: Want) -> Result<Score> {
        self.check(candidate)?;
        self.with_reference(|reference| self.metric.pair(&self.plan, reference, candidate, want))
    }

    fn gradient(&self, candidate: &Picture) -> Result<Gradient> {
        self.check(candidate)?;
        let metric = self.metric;
        let colour = self.with_reference(|reference| {
            gradients(&metric.formula, &self.plan, reference, &[candidate])
        });
        let colour = colour.map_err(|error| metric.undefined(error))?.pop();
        let colour = colour.ok_or_else(|| metric.undefined("it gave no gradient"))?;
        Ok(match candidate.channels() {
            Channels::Rgb => colour,
            // The one channel stands for all three.
            Channels::Grey => {
                let planes: Vec<&[f64]> =
                    colour.samples.chunks_exact(colour.samples.len() / 3).collect();
                let samples = (0..colour.samples.len() / 3)
                    .map(|at| planes.iter().map(|plane| plane[at]).sum())
                    .collect();
                Gradient { channels: 1, samples, ..colour }
            }
        })
    }
}
