//! Weighted sums of losses, as recipes declare them: `0.84*ms-ssim@small,0.16*l1`.

use lookalike_core::{MetricId, metric_among};
use lookalike_deep::{Net, WeightSource};

use super::metric::MetricLoss;
use super::pixelwise::Pixelwise;
use super::style::{ActivationLoss, Compared};
use super::{Batch, Loss};
use crate::{Error, Result};

/// Below this side MS-SSIM as published has no five scales.
const FIVE_SCALES: usize = 161;

/// A loss and what it counts.
pub struct Term {
    /// What its value and gradient are multiplied by.
    pub weight: f64,
    /// The loss.
    pub loss: Box<dyn Loss>,
}

/// A weighted sum.
pub struct Terms(Vec<Term>);

impl Terms {
    /// Losses by name, separated by commas, each with a factor before a `*` where it is not 1. Names are `mse`,
    /// `l1`, `charbonnier`, `tv`, `content:NETWORK`, `style:NETWORK` and ids of metrics. `side` is the shortest
    /// side of the pictures: `ms-ssim` without a profile is `ms-ssim@small` where five scales have no room, as under
    /// `compare`.
    ///
    /// # Errors
    /// [`Error::Refused`] for an unknown name, for a metric without gradient, and for weights that are no
    /// numbers or all 0; [`Error::Picture`], [`Error::Deep`] for metrics that cannot be made.
    pub fn parse(text: &str, side: usize, weights: &dyn WeightSource) -> Result<Self> {
        let mut terms = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (weight, name) = match part.split_once('*') {
                None => (1.0, part),
                Some((weight, name)) => {
                    let weight = weight.trim().parse::<f64>().ok().filter(|w| w.is_finite());
                    let refused = || Error::Refused(format!("loss '{part}': expected WEIGHT*NAME"));
                    (weight.ok_or_else(refused)?, name.trim())
                }
            };
            terms.push(Term { weight, loss: make(name, side, weights)? });
        }
        if !terms.iter().any(|term| term.weight != 0.0) {
            return Err(Error::Refused(format!("loss '{text}': expected a weight other than 0")));
        }
        Ok(Self(terms))
    }

    /// The terms.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// The sum as it can be parsed, with full names.
    pub fn name(&self) -> String {
        let one = |term: &Term| match term.weight {
            1.0 => term.loss.name().to_owned(),
            weight => format!("{weight}*{}", term.loss.name()),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }

    /// The sum, and every term's value without its weight; `gradient` is replaced by the derivatives of the sum.
    ///
    /// # Errors
    /// As [`Loss::evaluate`].
    pub fn evaluate(
        &self,
        target: &Batch<'_>,
        output: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<(f64, Vec<f64>)> {
        gradient.fill(0.0);
        let values: Vec<f64> = self
            .0
            .iter()
            .map(|term| term.loss.evaluate(target, output, term.weight, gradient))
            .collect::<Result<_>>()?;
        let sum = self.0.iter().zip(&values).map(|(term, value)| term.weight * value).sum();
        Ok((sum, values))
    }
}

/// A loss by its name.
///
/// # Errors
/// As [`Terms::parse`].
fn make(name: &str, side: usize, weights: &dyn WeightSource) -> Result<Box<dyn Loss>> {
    if let Some(loss) = Pixelwise::ALL.into_iter().find(|loss| loss.name() == name) {
        return Ok(Box::new(loss));
    }
    for (kind, compared) in [("content:", Compared::Content), ("style:", Compared::Style)] {
        if let Some(network) = name.strip_prefix(kind) {
            let net = [Net::Alex, Net::Vgg, Net::Squeeze].into_iter();
            let net = net.into_iter().find(|net| net.as_str() == network).ok_or_else(|| {
                Error::Refused(format!("{name}: expected alex, vgg or squeeze behind {kind}"))
            })?;
            return Ok(Box::new(ActivationLoss::new(compared, net, weights)?));
        }
    }
    let name = if name == "ms-ssim" && side < FIVE_SCALES { "ms-ssim@small" } else { name };
    let id: MetricId = name.parse()?;
    let closed_form = lookalike_metrics::definitions();
    let metric = match lookalike_core::find_among(closed_form.clone(), &id) {
        Some(_) => metric_among(closed_form, name)?,
        None => lookalike_deep::metric_from(name, weights).map_err(|error| match error {
            lookalike_core::Error::UnknownMetric { .. } => Error::Refused(format!(
                "loss '{name}': expected mse, l1, charbonnier, tv, content:NETWORK, style:NETWORK or a metric \
                 with a gradient; `lookalike metrics` lists them"
            )),
            other => other.into(),
        })?,
    };
    Ok(Box::new(MetricLoss::new(metric)?))
}
