//! What is attacked: a loss on planes, its gradient, and whether the attack has succeeded.

use lookalike_deep::lipsim::{Head, Network};

use crate::Result;

/// A loss at some planes.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// To be raised.
    pub loss: f64,
    /// Its derivative for the planes.
    pub gradient: Vec<f64>,
    /// Whether the target has given way here.
    pub succeeded: bool,
}

/// Something to attack.
pub trait Target {
    /// The loss at planes.
    ///
    /// # Errors
    /// What the network gives.
    fn evaluate(&self, planes: &[f64]) -> Result<Evaluation>;

    /// The loss at planes and whether the target gives way, for attacks that need no derivative.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    fn value(&self, planes: &[f64]) -> Result<(f64, bool)> {
        self.evaluate(planes).map(|found| (found.loss, found.succeeded))
    }

    /// Whether an attack may end as soon as the target gives way.
    fn ends_with_success(&self) -> bool {
        false
    }
}

/// What is raised to flip a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// How much further away the chosen picture is than the other.
    #[default]
    Margin,
    /// Cross-entropy of the two distances as logits, as in LipSim's code; nearly flat.
    CrossEntropy,
}

/// The decision which of two is nearer to the planes.
#[derive(Clone, Debug)]
pub struct FlipDecision<'a> {
    /// The network.
    pub network: &'a Network,
    /// The head.
    pub head: Head,
    /// The embedding of the picture that is to stop being the nearer one.
    pub chosen: &'a [f64],
    /// The embedding of the other.
    pub other: &'a [f64],
    /// What is raised.
    pub loss: Loss,
}

impl Target for FlipDecision<'_> {
    fn evaluate(&self, planes: &[f64]) -> Result<Evaluation> {
        let (embedding, trace) = self.network.trace(planes)?;
        let (head, chosen, other) = (self.head, self.chosen, self.other);
        let margin = head.distance(chosen, &embedding) - head.distance(other, &embedding);
        let (loss, slope) = match self.loss {
            Loss::Margin => (margin, 1.0),
            Loss::CrossEntropy => {
                let odds = margin.exp();
                (odds.ln_1p(), odds / (1.0 + odds))
            }
        };
        let away = head.gradient(chosen, &embedding);
        let towards = head.gradient(other, &embedding);
        let upstream: Vec<f64> = away.iter().zip(&towards).map(|(a, t)| (a - t) * slope).collect();
        let gradient = self.network.pull(&trace, &upstream)?;
        Ok(Evaluation { loss, gradient, succeeded: margin > 0.0 })
    }
}

/// The distance of the planes from an embedding, which is to grow.
#[derive(Clone, Debug)]
pub struct MoveAway<'a> {
    /// The network.
    pub network: &'a Network,
    /// The head.
    pub head: Head,
    /// Where the planes are to get away from.
    pub from: &'a [f64],
    /// The distance that counts as success.
    pub threshold: f64,
}

impl Target for MoveAway<'_> {
    fn evaluate(&self, planes: &[f64]) -> Result<Evaluation> {
        let (embedding, trace) = self.network.trace(planes)?;
        let loss = self.head.distance(self.from, &embedding);
        let upstream = self.head.gradient(self.from, &embedding);
        let gradient = self.network.pull(&trace, &upstream)?;
        Ok(Evaluation { loss, gradient, succeeded: loss > self.threshold })
    }
}
