//! Just-noticeable differences: do two pictures look the same?
//!
//! Pairs in the order of their distance, the least first. Every pair counts as found with the share s of
//! people who called it the same, and as wrong with 1 − s. Precision after k pairs is Σs / k, recall
//! Σs over that of all pairs; the average precision is the area under the precision, where precision at
//! a recall is the best at that or any greater recall (PASCAL VOC since 2010).
//!
//! Source: Zhang et al., CVPR 2018, section 3.2 and the authors' `score_jnd_dataset`, as it was before
//! shapes of arrays broke it. The published score is the mean over two sets.
//!
//! Choices: pairs of equal distance keep the order they come in; the original leaves theirs open. The
//! form of 2007, which reads the precision at eleven recalls, is not offered: in the reference values
//! the rounding of a recall that equals one of the eleven decides whether a share of 1/11 counts.
//!
//! Reproduces the authors' code, 1e-12.

use std::cmp::Ordering;

use crate::error::check_share;
use crate::{Error, Result};

/// A pair that was judged by people and by a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The distance of the two pictures.
    pub distance: f64,
    /// The share of people who called them the same.
    pub same: f64,
}

/// The average precision of finding pairs that look the same, from 0 to 1.
///
/// ```
/// use lookalike_judge::just_noticeable::{Pair, average_precision};
/// let pairs = [(0.1, 1.0), (0.2, 0.0), (0.3, 1.0)];
/// let found = average_precision(&pairs.map(|(distance, same)| Pair { distance, same }))?;
/// assert!((found - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), lookalike_judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`], [`Error::NoDistance`], [`Error::Share`]; [`Error::NothingSame`] where nobody called
/// any pair the same.
pub fn average_precision(pairs: &[Pair]) -> Result<f64> {
    let mut sorted = checked(pairs)?.to_vec();
    // None is NaN, so there is always an order; by it a zero with a sign equals one without.
    sorted.sort_by(|a, b| a.distance.partial_cmp(&b.distance).unwrap_or(Ordering::Equal));
    let total: f64 = sorted.iter().map(|pair| pair.same).sum();
    if total == 0.0 {
        return Err(Error::NothingSame);
    }
    // From the greatest recall down, so that the best precision so far is that of any greater recall.
    let mut found = total;
    let (mut best, mut area) = (0.0_f64, 0.0);
    for (index, pair) in sorted.iter().enumerate().rev() {
        best = best.max(found / (index + 1) as f64);
        area += pair.same / total * best;
        found -= pair.same;
    }
    Ok(area)
}

/// At least one pair, each with a distance and a share.
pub(crate) fn checked(pairs: &[Pair]) -> Result<&[Pair]> {
    for (index, pair) in pairs.iter().enumerate() {
        check_share(index, pair.same)?;
        if pair.distance.is_nan() {
            return Err(Error::NoDistance { index });
        }
    }
    if pairs.is_empty() { Err(Error::Empty) } else { Ok(pairs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(judged: &[(f64, f64)]) -> Vec<Pair> {
        judged.iter().map(|&(distance, same)| Pair { distance, same }).collect()
    }

    #[test]
    fn the_best_and_the_worst_order() {
        let best = pairs(&[(3.0, 0.0), (1.0, 1.0), (2.0, 1.0), (4.0, 0.0)]);
        assert_eq!(average_precision(&best), Ok(1.0));
        let worst = pairs(&[(1.0, 0.0), (2.0, 0.0), (3.0, 1.0), (4.0, 1.0)]);
        assert_eq!(average_precision(&worst), Ok(0.5));
        let all = pairs(&[(1.0, 1.0), (1.0, 1.0)]);
        assert_eq!(average_precision(&all), Ok(1.0));
    }

    #[test]
    fn equal_distances_keep_their_order() {
        let sames_first = pairs(&[(1.0, 1.0), (1.0, 0.0)]);
        let sames_last = pairs(&[(1.0, 0.0), (1.0, 1.0)]);
        assert_eq!(average_precision(&sames_first), Ok(1.0));
        assert_eq!(average_precision(&sames_last), Ok(0.5));
        // A zero with a sign is a zero.
        let zeros = pairs(&[(0.0, 1.0), (-0.0, 0.0)]);
        assert_eq!(average_precision(&zeros), Ok(1.0));
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        assert_eq!(average_precision(&[]), Err(Error::Empty));
        assert_eq!(average_precision(&pairs(&[(1.0, 0.0)])), Err(Error::NothingSame));
        let lost = pairs(&[(1.0, 1.0), (f64::NAN, 0.0)]);
        assert_eq!(average_precision(&lost), Err(Error::NoDistance { index: 1 }));
        let share = average_precision(&pairs(&[(1.0, 1.5)]));
        assert_eq!(share, Err(Error::Share { index: 0, share: 1.5 }));
    }
}
