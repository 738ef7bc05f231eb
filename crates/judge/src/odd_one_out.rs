//! Odd one out: which of three pictures is least like the other two?
//!
//! A metric puts the two with the smallest distance together and calls the third the odd one. With the
//! shares p₁, p₂, p₃ of people who called each picture the odd one, the agreement is the share of the one
//! the metric names; where several distances are the smallest, the mean over the pictures they leave.
//! A score is the mean over triplets; ⅓ is chance.
//!
//! Source: Hebart, Zheng, Pereira, Baker, "Revealing the multidimensional mental representations of
//! natural objects underlying human similarity judgements", Nature Human Behaviour 2020 (the THINGS
//! task). Evaluations of embeddings on it count a tie as right; ours shares it, so that a constant
//! distance is chance.
//!
//! Bounds as of [two-alternative forced choice](crate::two_alternative): [`human`] is the mean of Σpᵢ²,
//! [`majority`] that of max pᵢ.

use crate::error::check_share;
use crate::{Error, Result};

/// Three pictures that were judged by people and by a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triplet {
    /// Distances of the first and second, the first and third, and the second and third picture.
    pub distances: [f64; 3],
    /// The shares of people who called the first, second and third the odd one; their sum is 1.
    pub odd: [f64; 3],
}

/// The share of people who name the odd one that the distances name.
///
/// ```
/// use lookalike_judge::odd_one_out::{Triplet, agreement};
/// // The first and third belong together, so the second is odd.
/// let triplet = Triplet { distances: [0.4, 0.1, 0.3], odd: [0.25, 0.75, 0.0] };
/// assert_eq!(agreement(&triplet), 0.75);
/// ```
pub fn agreement(triplet: &Triplet) -> f64 {
    let smallest = triplet.distances.into_iter().fold(f64::INFINITY, f64::min);
    // The third picture is left by the first distance, the second by the second, the first by the third.
    let left = triplet.odd.iter().rev();
    let named = triplet.distances.iter().zip(left).filter(|(distance, _)| **distance <= smallest);
    let (sum, count) =
        named.fold((0.0, 0_u32), |(sum, count), (_, share)| (sum + share, count + 1));
    sum / f64::from(count)
}

/// The mean agreement, from 0 to 1.
///
/// # Errors
/// [`Error::Empty`], [`Error::NoDistance`], [`Error::Share`], [`Error::Shares`].
pub fn score(triplets: &[Triplet]) -> Result<f64> {
    for (index, triplet) in triplets.iter().enumerate() {
        check_shares(index, &triplet.odd)?;
        if triplet.distances.iter().any(|distance| distance.is_nan()) {
            return Err(Error::NoDistance { index });
        }
    }
    mean(triplets.iter().map(agreement))
}

/// How often one person names the odd one that another does.
///
/// # Errors
/// [`Error::Empty`], [`Error::Share`], [`Error::Shares`].
pub fn human(shares: &[[f64; 3]]) -> Result<f64> {
    of_shares(shares, |odd| odd.iter().map(|share| share * share).sum())
}

/// How often people name the odd one that most of them do; no distance does better.
///
/// # Errors
/// As [`human`].
pub fn majority(shares: &[[f64; 3]]) -> Result<f64> {
    of_shares(shares, |odd| odd.iter().copied().fold(0.0, f64::max))
}

fn of_shares(shares: &[[f64; 3]], of: impl Fn(&[f64; 3]) -> f64) -> Result<f64> {
    for (index, odd) in shares.iter().enumerate() {
        check_shares(index, odd)?;
    }
    mean(shares.iter().map(of))
}

fn check_shares(index: usize, odd: &[f64; 3]) -> Result<()> {
    for &share in odd {
        check_share(index, share)?;
    }
    let sum: f64 = odd.iter().sum();
    if (sum - 1.0).abs() < 1e-9 { Ok(()) } else { Err(Error::Shares { index, sum }) }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Result<f64> {
    let count = values.len();
    if count == 0 { Err(Error::Empty) } else { Ok(values.sum::<f64>() / count as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_two_leave_the_odd_one() {
        let odd = [0.1, 0.2, 0.7];
        let of = |distances| agreement(&Triplet { distances, odd });
        assert_eq!(
            [of([1.0, 2.0, 3.0]), of([2.0, 1.0, 3.0]), of([3.0, 2.0, 1.0])],
            [0.7, 0.2, 0.1]
        );
        // Two smallest, and no difference at all.
        assert!((of([1.0, 1.0, 3.0]) - 0.45).abs() < 1e-15);
        assert!((of([f64::INFINITY; 3]) - 1.0 / 3.0).abs() < 1e-15);
        assert!((of([0.0; 3]) - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn a_metric_that_names_what_most_name_is_the_majority() {
        let shares = [[0.6, 0.2, 0.2], [0.0, 1.0, 0.0], [0.1, 0.4, 0.5]];
        let triplets = shares.map(|odd| {
            let [first, second, third] = odd.map(|share| 1.0 - share);
            Triplet { distances: [third, second, first], odd }
        });
        assert_eq!(score(&triplets), majority(&shares));
        assert!((majority(&shares).unwrap() - 0.7).abs() < 1e-15);
        assert!((human(&shares).unwrap() - (0.44 + 1.0 + 0.42) / 3.0).abs() < 1e-15);
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        assert_eq!(score(&[]), Err(Error::Empty));
        assert!(matches!(human(&[[0.5, 0.2, 0.2]]), Err(Error::Shares { index: 0, .. })));
        assert!(matches!(majority(&[[1.5, -0.5, 0.0]]), Err(Error::Share { index: 0, .. })));
        let lost = Triplet { distances: [0.0, f64::NAN, 1.0], odd: [1.0, 0.0, 0.0] };
        assert_eq!(score(&[lost]), Err(Error::NoDistance { index: 0 }));
    }
}
