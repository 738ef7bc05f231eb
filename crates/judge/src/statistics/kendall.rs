//! Kendall's τ_b in O(n log n).
//!
//! Items in the order of one number, equal ones in that of the other: discordant pairs are then the
//! exchanges by which merging sorts the other.
//!
//! Source: Knight, "A Computer Method for Calculating Kendall's Tau with Ungrouped Data", Journal of the
//! American Statistical Association 61, 1966.

use super::ranks::ascends;
use crate::{Error, Result};

/// τ_b of as many numbers on either side, none of them NaN.
pub(super) fn tau_b(xs: &[f64], ys: &[f64]) -> Result<f64> {
    let mut items: Vec<(f64, f64)> = xs.iter().copied().zip(ys.iter().copied()).collect();
    items.sort_unstable_by(|a, b| ascends(a.0, b.0).then(ascends(a.1, b.1)));
    let equal_both = equal_pairs(&items, |a, b| a == b);
    let equal_xs = equal_pairs(&items, |a, b| a.0 == b.0);
    let mut others: Vec<f64> = items.iter().map(|item| item.1).collect();
    let discordant = exchanges(&mut others);
    let equal_ys = equal_pairs(&others, |a, b| a == b);
    let all = pairs_of(items.len());
    if equal_xs == all || equal_ys == all {
        return Err(Error::Constant);
    }
    // Pairs that are equal in neither are concordant or discordant.
    let decided = all + equal_both - equal_xs - equal_ys;
    let surplus = decided as f64 - 2.0 * discordant as f64;
    let tau = surplus / ((all - equal_xs) as f64 * (all - equal_ys) as f64).sqrt();
    Ok(tau.clamp(-1.0, 1.0))
}

fn pairs_of(count: usize) -> u64 {
    let count = count as u64;
    count * count.saturating_sub(1) / 2
}

fn equal_pairs<T>(sorted: &[T], equal: impl Fn(&T, &T) -> bool) -> u64 {
    sorted.chunk_by(equal).map(|block| pairs_of(block.len())).sum()
}

/// Sorts by merging and counts how many pairs stood in descending order.
fn exchanges(numbers: &mut Vec<f64>) -> u64 {
    let count = numbers.len();
    let mut merged = Vec::with_capacity(count);
    let mut exchanged = 0;
    let mut width = 1;
    while width < count {
        merged.clear();
        for run in numbers.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let (Some(&l), Some(&r)) = (left.first(), right.first()) {
                if r < l {
                    exchanged += left.len() as u64;
                    merged.push(r);
                    right = &right[1..];
                } else {
                    merged.push(l);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(numbers, &mut merged);
        width *= 2;
    }
    exchanged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::seeded;

    /// Straight from the definition.
    fn by_pairs(xs: &[f64], ys: &[f64]) -> f64 {
        let (mut surplus, mut all_xs, mut all_ys) = (0.0, 0.0_f64, 0.0_f64);
        for i in 0..xs.len() {
            for j in 0..i {
                let sign = |d: f64| if d == 0.0 { 0.0 } else { d.signum() };
                let (x, y) = (sign(xs[i] - xs[j]), sign(ys[i] - ys[j]));
                surplus += x * y;
                all_xs += x * x;
                all_ys += y * y;
            }
        }
        surplus / (all_xs * all_ys).sqrt()
    }

    #[test]
    fn as_defined() {
        for (stream, count) in [2, 3, 5, 17, 64, 100].into_iter().enumerate() {
            for levels in [3, 10, 1_000_000] {
                let mut draws = seeded::stream(levels as u64, stream as u64);
                let mut list = || -> Vec<f64> {
                    let mut drawn: Vec<f64> =
                        (0..count).map(|_| seeded::below(&mut draws, levels) as f64).collect();
                    drawn[0] = -1.0;
                    drawn
                };
                let (xs, ys) = (list(), list());
                let (found, expected) = (tau_b(&xs, &ys).unwrap(), by_pairs(&xs, &ys));
                assert!(
                    (found - expected).abs() < 1e-14,
                    "{count} of {levels}: {found} {expected}"
                );
            }
        }
    }
}
