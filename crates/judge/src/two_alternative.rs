//! Two-alternative forced choice: which of two pictures is closer to a reference?
//!
//! With distances d₀ and d₁ of the two and the share g of people who chose the second, the agreement is
//! (1 − g)·\[d₀ < d₁\] + g·\[d₁ < d₀\] + ½·\[d₀ = d₁\], the share of people who would have chosen as the
//! distances do. A score is the mean over triplets.
//!
//! Source: Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a
//! Perceptual Metric", CVPR 2018, section 3.1 and the authors' `score_2afc_dataset`.
//!
//! Two bounds belong to a score. [`human`]: a person picked at random against another, mean of
//! g² + (1 − g)². [`oracle`]: whoever always sides with the majority, mean of max(g, 1 − g), which no
//! distance can surpass.
//!
//! Reproduces the authors' code, 1e-12, and the scores and bounds of the published validation set, 1e-9.

use crate::error::check_share;
use crate::{Error, Result};

/// A triplet that was judged by people and by a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triplet {
    /// Distances of the first and of the second picture from the reference.
    pub distances: [f64; 2],
    /// The share of people who found the second closer.
    pub second: f64,
}

/// The share of people who choose as the distances do; ½ where these are equal.
///
/// ```
/// use lookalike_judge::two_alternative::{Triplet, agreement};
/// assert_eq!(agreement(&Triplet { distances: [0.1, 0.3], second: 0.2 }), 0.8);
/// ```
pub fn agreement(triplet: &Triplet) -> f64 {
    let Triplet { distances: [first, second], second: share } = *triplet;
    if first < second {
        1.0 - share
    } else if second < first {
        share
    } else {
        0.5
    }
}

/// The mean agreement, from 0 to 1; ½ is chance.
///
/// # Errors
/// [`Error::Empty`], [`Error::NoDistance`], [`Error::Share`].
pub fn score(triplets: &[Triplet]) -> Result<f64> {
    for (index, triplet) in triplets.iter().enumerate() {
        check_share(index, triplet.second)?;
        if triplet.distances.iter().any(|distance| distance.is_nan()) {
            return Err(Error::NoDistance { index });
        }
    }
    mean(triplets.iter().map(agreement))
}

/// How often one person chooses as another does, given the shares of people who chose the second.
///
/// # Errors
/// [`Error::Empty`], [`Error::Share`].
pub fn human(shares: &[f64]) -> Result<f64> {
    of_shares(shares, |share| share * share + (1.0 - share) * (1.0 - share))
}

/// How often people choose as most of them do.
///
/// # Errors
/// As [`human`].
pub fn oracle(shares: &[f64]) -> Result<f64> {
    of_shares(shares, |share| share.max(1.0 - share))
}

fn of_shares(shares: &[f64], of: impl Fn(f64) -> f64) -> Result<f64> {
    for (index, &share) in shares.iter().enumerate() {
        check_share(index, share)?;
    }
    mean(shares.iter().map(|&share| of(share)))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Result<f64> {
    let count = values.len();
    if count == 0 { Err(Error::Empty) } else { Ok(values.sum::<f64>() / count as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_sides_with_the_majority_is_the_oracle() {
        let shares = [0.0, 0.2, 0.4, 0.8, 1.0];
        let triplets = shares.map(|second| Triplet { distances: [second, 1.0 - second], second });
        assert_eq!(score(&triplets), oracle(&shares));
        let turned = triplets.map(|t| Triplet { second: 1.0 - t.second, ..t });
        let sum = score(&triplets).unwrap() + score(&turned).unwrap();
        assert!((sum - 1.0).abs() < 1e-15, "{sum}");
        assert!(human(&shares).unwrap() < oracle(&shares).unwrap());
    }

    #[test]
    fn equal_distances_are_chance() {
        let tie = Triplet { distances: [0.0, 0.0], second: 1.0 };
        assert_eq!(score(&[tie]), Ok(0.5));
        let endless = Triplet { distances: [f64::INFINITY, 1.0], second: 1.0 };
        assert_eq!(score(&[tie, endless]), Ok(0.75));
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        assert_eq!(score(&[]), Err(Error::Empty));
        assert_eq!(human(&[]), Err(Error::Empty));
        let sound = Triplet { distances: [0.0, 1.0], second: 0.5 };
        let lost = Triplet { distances: [0.0, f64::NAN], ..sound };
        assert_eq!(score(&[sound, lost]), Err(Error::NoDistance { index: 1 }));
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(oracle(&[0.5, share]), Err(Error::Share { index: 1, .. })));
            assert!(score(&[Triplet { second: share, ..sound }]).is_err());
        }
    }
}
