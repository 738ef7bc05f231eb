//! LPIPS from triplets of which people said which candidate is closer to the reference.
//!
//! Source: Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018, appendix B, and the authors' code. The
//! channel weights and a [preference network](objective) are fitted to the shares of people by Adam
//! (rate 1e-4, β 0.5 and 0.999); after each step negative channel weights become 0, and those alone: the
//! authors' code clamps all 1×1 convolutions, of SqueezeNet's trunk as well.
//!
//! Reproduces three recorded steps of the authors' code on AlexNet: losses and parameters 1e-6,
//! gradients 1e-5.

mod cache;
mod card;
mod data;
mod dropout;
mod layout;
pub mod objective;
mod preference;
mod recipe;
mod run;
mod source;
mod trained;

use lookalike_kernels::{Adam, Processor};

pub use data::{Triplet, Triplets};
pub use layout::{Layout, Slot};
pub use objective::Evaluation;
pub use recipe::{Mode, Recipe};
pub(crate) use run::model;
pub use run::{Outcome, Validation, train};
pub use source::FeatureSource;
pub use trained::Batch;

pub use crate::session::{Progress, Resume, Settings, Stopped};
use crate::{Error, Result};

/// What is learned, and the state of the optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The numbers of all tensors of a [`Layout`].
    pub parameters: Vec<f32>,
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
    /// Steps that were done.
    pub step: u64,
}

impl State {
    /// No step yet.
    pub fn new(parameters: Vec<f32>) -> Self {
        let zeros = vec![0.0; parameters.len()];
        Self { parameters, first: zeros.clone(), second: zeros, step: 0 }
    }

    /// One step on a batch: evaluates it, moves the parameters against the gradient, and ends with
    /// negative channel weights at 0. `features` and `shares` are as [`objective::evaluate`] takes them.
    ///
    /// # Errors
    /// [`Error::Diverged`], with nothing changed, when the loss or a derivative is not finite;
    /// [`Error::Kernel`] when the layout is not that of the parameters.
    pub fn descend(
        &mut self,
        layout: &Layout,
        features: &[[Vec<f32>; 2]],
        shares: &[f32],
        rate: f64,
    ) -> Result<Evaluation> {
        self.descend_with(layout, features, shares, rate, |_, _| Ok(Vec::new()))
    }

    /// As [`descend`](Self::descend), for a layout with a trunk: `trunk` gives the derivatives of its
    /// parameters, from all parameters and the evaluation.
    ///
    /// # Errors
    /// As [`descend`](Self::descend), and what `trunk` gives.
    pub fn descend_with(
        &mut self,
        layout: &Layout,
        features: &[[Vec<f32>; 2]],
        shares: &[f32],
        rate: f64,
        trunk: impl FnOnce(&[f32], &Evaluation) -> Result<Vec<f32>>,
    ) -> Result<Evaluation> {
        let evaluation = objective::evaluate(layout, &self.parameters, features, shares);
        let step = self.step + 1;
        if !evaluation.loss.is_finite() {
            return Err(Error::Diverged { step, what: "the loss" });
        }
        let mut gradient: Vec<f32> = evaluation.gradient.iter().map(|&g| g as f32).collect();
        gradient.extend(trunk(&self.parameters, &evaluation)?);
        let adam = Adam { rate: rate as f32, betas: [0.5, 0.999], ..Adam::default() };
        self.moved(layout, &gradient, &adam)?;
        Ok(evaluation)
    }

    /// One step of Adam against a gradient; negative channel weights become 0.
    ///
    /// # Errors
    /// [`Error::Diverged`], with nothing changed, when a derivative is not finite; [`Error::Kernel`] when
    /// there are not as many derivatives as parameters.
    pub fn moved(&mut self, layout: &Layout, gradient: &[f32], adam: &Adam) -> Result<()> {
        let step = self.step + 1;
        if gradient.iter().any(|derivative| !derivative.is_finite()) {
            return Err(Error::Diverged { step, what: "a derivative" });
        }
        let Self { parameters, first, second, .. } = self;
        adam.step(Processor::best(), step, parameters, gradient, first, second)?;
        for weight in &mut parameters[layout.weights()] {
            *weight = weight.max(0.0);
        }
        self.step = step;
        Ok(())
    }
}

/// The rate in an epoch, counted from 1, of a run over `epochs`: the first half and one more at `rate`,
/// then down in equal parts, as the authors have it (10 epochs: six, then 0.8, 0.6, 0.4, 0.2 of it).
pub fn rate(rate: f64, epoch: u64, epochs: u64) -> f64 {
    let falling = epochs / 2;
    let passed = epoch.saturating_sub(epochs - falling + 1).min(falling);
    rate * (1.0 - passed as f64 / falling.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_as_the_authors_have_it() {
        let found: Vec<f64> = (1..=10).map(|epoch| rate(1.0, epoch, 10)).collect();
        let expected = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2];
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
        assert_eq!(rate(1.0, 1, 1), 1.0);
    }
}
