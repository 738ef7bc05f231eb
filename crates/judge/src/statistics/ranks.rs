//! Ranks from 1; equal numbers share the mean of theirs, as in `scipy.stats.rankdata`.

use std::cmp::Ordering;

use crate::Result;
use crate::error::check_numbers;

/// The rank of every number, the least first; infinities are in order like any number.
///
/// ```
/// use lookalike_judge::statistics::average_ranks;
/// assert_eq!(average_ranks(&[0.3, 0.1, 0.3]), Ok(vec![2.5, 1.0, 2.5]));
/// ```
///
/// # Errors
/// [`NotANumber`](crate::Error::NotANumber).
pub fn average_ranks(numbers: &[f64]) -> Result<Vec<f64>> {
    check_numbers(numbers)?;
    let order = ascending(numbers);
    let mut ranks = vec![0.0; numbers.len()];
    let mut start = 0;
    for block in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        // The mean of start + 1 … start + length.
        let rank = start as f64 + (block.len() + 1) as f64 / 2.0;
        for &index in block {
            ranks[index] = rank;
        }
        start += block.len();
    }
    Ok(ranks)
}

/// Indices by ascending number, none of which is NaN.
pub(super) fn ascending(numbers: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_unstable_by(|&a, &b| ascends(numbers[a], numbers[b]));
    order
}

/// A zero with a sign equals one without.
pub(super) fn ascends(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn ties_share_their_mean() {
        let ranks = average_ranks(&[2.0, f64::INFINITY, -0.0, 2.0, 0.0, 2.0]).unwrap();
        assert_eq!(ranks, [4.0, 6.0, 1.5, 4.0, 1.5, 4.0]);
        assert_eq!(average_ranks(&[]), Ok(vec![]));
        assert_eq!(average_ranks(&[0.0, f64::NAN]), Err(Error::NotANumber { index: 1 }));
    }
}
