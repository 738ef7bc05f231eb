//! How a formula over activations becomes a [`Metric`]: checks, tiles, provenance.

use std::borrow::Cow;

use lookalike_core::{
    Channels, Encoding, Error, Gradient, Metric, MetricCard, MetricId, Picture, Prepared, Result,
    Score, ScoreProvenance, Want,
};
use lookalike_nn::Planes;

use crate::evaluation::{Plan, Reference, activations, compare, gradient};
use crate::tap_formula::TapFormula;

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
        if picture.encoding() == Encoding::SceneLinear {
            return Err(Error::NotDisplayCoded {
                name: picture.name(),
                found: "the samples are scene-linear".to_owned(),
                id: self.id.to_string(),
            });
        }
        let minimum = self.card.minimum_side;
        if picture.shorter_side() < minimum {
            let hint = match self.card.when_smaller {
                "" => String::new(),
                advice => format!("; {advice}"),
            };
            let (width, height) = (picture.width(), picture.height());
            return Err(Error::TooSmall { id: self.id.to_string(), minimum, width, height, hint });
        }
        Ok(())
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

    fn prepare_picture<'a>(
        &'a self,
        reference: Cow<'a, Picture>,
    ) -> Result<Box<dyn Prepared + 'a>> {
        self.check(&reference)?;
        let size = [reference.height(), reference.width()];
        let plan = Plan::new(&self.formula, size).map_err(|error| self.undefined(error))?;
        let known = plan.whole().map(|tile| activations(&self.formula, tile, reference.as_ref()));
        let activations = known.transpose().map_err(|error| self.undefined(error))?;
        Ok(Box::new(PreparedTaps { metric: self, reference, plan, activations }))
    }
}

/// A reference with its activations, where they are few enough to be kept.
struct PreparedTaps<'a, F> {
    metric: &'a Registered<F>,
    reference: Cow<'a, Picture>,
    plan: Plan,
    activations: Option<Vec<Planes>>,
}

impl<F: TapFormula> PreparedTaps<'_, F> {
    fn reference(&self) -> Reference<'_> {
        Reference { samples: self.reference.as_ref(), activations: self.activations.as_deref() }
    }

    fn check(&self, candidate: &Picture) -> Result<()> {
        lookalike_core::check_same_size(&self.reference, candidate)?;
        self.metric.check(candidate)
    }
}

impl<F: TapFormula> Prepared for PreparedTaps<'_, F> {
    fn compare(&self, candidate: &Picture, want: Want) -> Result<Score> {
        self.check(candidate)?;
        let metric = self.metric;
        let outcome = compare(&metric.formula, &self.plan, &self.reference(), candidate, want.map)
            .map_err(|error| metric.undefined(error))?;
        if outcome.value.is_nan() {
            return Err(metric.undefined("the activations of the network overflow"));
        }
        Ok(Score {
            id: metric.id.clone(),
            value: outcome.value,
            direction: metric.card.direction,
            parts: outcome.parts,
            map: outcome.map,
            provenance: ScoreProvenance {
                software: concat!("lookalike-deep ", env!("CARGO_PKG_VERSION")).to_owned(),
                weights: metric.weights.clone(),
                ..ScoreProvenance::default()
            },
        })
    }

    fn gradient(&self, candidate: &Picture) -> Result<Gradient> {
        self.check(candidate)?;
        let metric = self.metric;
        let colour = gradient(&metric.formula, &self.plan, &self.reference(), candidate)
            .map_err(|error| metric.undefined(error))?;
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
