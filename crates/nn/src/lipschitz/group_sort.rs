//! Activations that reorder: every group of numbers sorted, or the larger half first.
//!
//! Proof of the constant 1: sorting is a permutation, so it keeps lengths; and of all ways to pair two
//! groups, the sorted one makes Σ a b largest (rearrangement inequality), so ‖sort(a) − sort(b)‖ ≤ ‖a − b‖.
//! The derivative is the permutation of the point, which keeps lengths as well.
//!
//! Source: Anil, Lucas, Grosse, "Sorting out Lipschitz function approximation", ICML 2019. Reproduces MaxMin
//! exactly as orthogonium and LiResNet lay it out: the first half of the channels against the second.

use super::Real;

/// `max(x_i, x_{i+n/2})` in the first half, `min` in the second; the middle one of an odd count stays.
pub fn max_min<R: Real>(x: &mut [R]) {
    let half = x.len() / 2;
    let start = x.len() - half;
    let (first, second) = x.split_at_mut(start);
    for (a, b) in first.iter_mut().zip(second) {
        if *b > *a {
            std::mem::swap(a, b);
        }
    }
}

/// Every run of `group` neighbours in rising order, what is left over too.
pub fn group_sort<R: Real>(x: &mut [R], group: usize) {
    for run in x.chunks_mut(group.max(1)) {
        run.sort_by(|a, b| a.double().total_cmp(&b.double()));
    }
}
