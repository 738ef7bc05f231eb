//! Attacks: the change of a picture, within a ball, that a metric minds most.
//!
//! | attack | step | source |
//! |---|---|---|
//! | [`fgsm`] | one, of the whole radius | Goodfellow, Shlens, Szegedy, ICLR 2015 |
//! | [`pgd`] | many, each along the normalised gradient, then back into the ball | Madry et al., ICLR 2018 |
//! | [`mim`] | along a running mean of gradients | Dong et al., CVPR 2018 |
//! | [`apgd`] | as pgd, with momentum and a step that halves when it stops helping | Croce and Hein, ICML 2020 |
//! | [`square`] | random squares, kept where they help; needs no gradient | Andriushchenko et al., ECCV 2020 |
//!
//! An attack raises the loss of a [`Target`] on planes in 0…1 and says what it found. [`MetricDecision`],
//! [`MetricDistance`] and [`MetricRetrieval`] are targets of any metric in the picture's own samples;
//! [`FlipDecision`] and [`MoveAway`] are LipSim's in double precision, at the network's size, whose norm counts there.
//! Steps are normalised gradients (l2) or their signs (l∞); into the ball means scaling or cutting the change, then
//! cutting samples off to 0…1. [`Attack`] has them all under their names, with seeded random starts.
//!
//! Limits: an attack that fails proves nothing, it only bounds what can be certified from above.

mod apgd;
mod ball;
mod method;
mod momentum;
mod noise;
mod picture_target;
mod projected;
mod square;
mod target;

pub use apgd::apgd;
pub use ball::{Ball, Norm};
pub use method::{Attack, Method};
pub use momentum::mim;
pub use picture_target::{MetricDecision, MetricDistance, MetricRetrieval, picture, planes, shape};
pub use projected::{fgsm, pgd};
pub use square::{Shape, square};
pub use target::{Evaluation, FlipDecision, Loss, MoveAway, Target};

/// What an attack found.
#[derive(Clone, Debug)]
pub struct Attacked {
    /// The planes with the highest loss; the first that succeeded, where any did.
    pub planes: Vec<f64>,
    /// The loss there.
    pub loss: f64,
    /// Whether the target gave way.
    pub succeeded: bool,
    /// The last planes; of apgd, those with the highest loss.
    pub last: Vec<f64>,
    /// The loss before the first and after every step.
    pub losses: Vec<f64>,
}

/// Keeps the best of what an attack has seen.
#[derive(Default)]
struct Best {
    found: Option<(Vec<f64>, f64, bool)>,
    losses: Vec<f64>,
}

impl Best {
    fn see(&mut self, planes: &[f64], evaluation: &Evaluation) {
        self.losses.push(evaluation.loss);
        let better = match &self.found {
            None => true,
            Some((_, _, true)) => false,
            Some((_, loss, false)) => evaluation.succeeded || evaluation.loss > *loss,
        };
        if better {
            self.found = Some((planes.to_vec(), evaluation.loss, evaluation.succeeded));
        }
    }

    fn finish(self, last: Vec<f64>) -> Attacked {
        let losses = self.losses;
        match self.found {
            Some((planes, loss, succeeded)) => Attacked { planes, loss, succeeded, last, losses },
            // No attack ends without having seen its start.
            None => {
                Attacked { planes: last.clone(), loss: f64::NAN, succeeded: false, last, losses }
            }
        }
    }
}
