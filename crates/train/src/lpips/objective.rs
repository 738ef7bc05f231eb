//! The loss of a batch of triplets and its derivatives, given what the network saw.
//!
//! The distance of a pair is Σ w·q over the channels of all taps, with q the mean squared difference of
//! unit activations per channel; both distances of a triplet go to the preference
//! network; the loss is the mean over the batch. Sums are in double precision.
//!
//! Reproduces three recorded steps of the authors' code: losses 1e-6, gradients 1e-5 relative.

use super::layout::Layout;
use super::preference::{Answer, answer};

/// What a batch of triplets gives.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The mean loss.
    pub loss: f64,
    /// The mean share of people who chose as the distances do; ties count as the first picture.
    pub accuracy: f64,
    /// Both distances of every triplet.
    pub distances: Vec<[f64; 2]>,
    /// The share that the preference network predicts for the second picture.
    pub predicted: Vec<f64>,
    /// Derivatives of the loss with respect to the channel weights and the preference network.
    pub gradient: Vec<f64>,
    /// Derivatives of the loss with respect to the distances.
    pub by_distances: Vec<[f64; 2]>,
}

/// The distance of a pair.
pub fn distance(weights: &[f32], features: &[f32]) -> f64 {
    weights.iter().zip(features).map(|(&w, &q)| f64::from(w) * f64::from(q)).sum()
}

/// Evaluates a batch: `features` are those of the reference with the left and with the right picture,
/// `shares` the shares of people who chose the right one.
pub fn evaluate(
    layout: &Layout,
    parameters: &[f32],
    features: &[[Vec<f32>; 2]],
    shares: &[f32],
) -> Evaluation {
    let weights = &parameters[layout.weights()];
    let head: Vec<f64> = parameters[layout.preference()].iter().map(|&p| f64::from(p)).collect();
    let mut gradient = vec![0.0; layout.preference().end];
    let (by_weights, by_head) = gradient.split_at_mut(weights.len());
    let scale = 1.0 / features.len().max(1) as f64;
    let mut all = Evaluation {
        loss: 0.0,
        accuracy: 0.0,
        distances: Vec::with_capacity(features.len()),
        predicted: Vec::with_capacity(features.len()),
        gradient: Vec::new(),
        by_distances: Vec::with_capacity(features.len()),
    };
    for (pair, &share) in features.iter().zip(shares) {
        let share = f64::from(share);
        let distances = [0, 1].map(|side| distance(weights, &pair[side]));
        let Answer { share: predicted, loss, distances: slopes } =
            answer(&head, distances, share, scale, by_head);
        let slopes = slopes.map(|slope| scale * slope);
        for (features, slope) in pair.iter().zip(slopes) {
            for (sum, &feature) in by_weights.iter_mut().zip(features) {
                *sum += slope * f64::from(feature);
            }
        }
        all.loss += scale * loss;
        all.accuracy += scale * if distances[1] < distances[0] { share } else { 1.0 - share };
        all.distances.push(distances);
        all.predicted.push(predicted);
        all.by_distances.push(slopes);
    }
    all.gradient = gradient;
    all
}
