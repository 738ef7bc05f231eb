//! Certificates of decisions, of whatever metric has them.

use lookalike_core::{MetricId, Picture};
use lookalike_deep::lipsim::LipSim;

use crate::attack::planes;
use crate::certificate::PixelMetric;
use crate::{Certifier, Pixels, Result};

/// A metric whose decisions between two pictures can be certified.
#[derive(Debug)]
pub enum DecisionCertifier {
    /// LipSim.
    LipSim(Box<Certifier>),
    /// A metric of the samples themselves.
    Pixels(PixelMetric),
}

/// A decision and how firm it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CertifiedDecision {
    /// `true` for the left one; `None` where neither is nearer.
    pub left: Option<bool>,
    /// The Euclidean radius over the reference's samples in 0…1; 0 where none is known.
    pub radius: f64,
}

impl DecisionCertifier {
    /// That of a full id; `None` for metrics without certificates.
    ///
    /// # Errors
    /// What reading the weights gives.
    pub fn of(id: &MetricId) -> Result<Option<Self>> {
        if id.family() == "lipsim" {
            return match LipSim::by_id(&id.to_string()) {
                Ok(metric) => Ok(Some(Self::LipSim(Box::new(Certifier::new(metric))))),
                // Options that change the pictures.
                Err(lookalike_core::Error::InvalidOption { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            };
        }
        Ok(PixelMetric::of(&id.to_string()).map(Self::Pixels))
    }

    /// Which of two pictures is nearer to a reference, and by how much the reference may change.
    ///
    /// # Errors
    /// What the metric gives.
    pub fn decide(&self, [reference, left, right]: [&Picture; 3]) -> Result<CertifiedDecision> {
        match self {
            Self::LipSim(certifier) => {
                let [x, a, b] = [reference, left, right].map(|p| certifier.embed(p));
                let decision = certifier.decide(&x?, &a?, &b?);
                let radius = match decision.radius.pixels {
                    Pixels::Radius(radius) => radius,
                    Pixels::Unknown(_) => 0.0,
                };
                Ok(CertifiedDecision { left: decision.left, radius })
            }
            Self::Pixels(metric) => {
                let [x, a, b] = [reference, left, right].map(planes);
                // A grey channel that stands for three moves three samples.
                let signed = if x.len() == a.len() && x.len() == b.len() {
                    metric.radius(&x, &a, &b)
                } else {
                    0.0
                };
                let left = (signed != 0.0).then_some(signed > 0.0);
                Ok(CertifiedDecision { left, radius: signed.abs() })
            }
        }
    }
}
