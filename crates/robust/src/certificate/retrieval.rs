//! Which pictures of a gallery are nearest to a query: how far the query's embedding may move.
//!
//! The order of two gallery pictures is a decision between two, so it holds up to
//! [`distance_to_flip`](super::distance_to_flip). Hence:
//!
//! * the set of the k nearest holds up to the least of these distances over i inside and j outside;
//! * picture i stays among the k nearest for as long as fewer than k others may have come before it, that is
//!   up to the k-th smallest of the distances to i's flips with all others. This is what certifies recall at k.
//!
//! Limits: n − 1 comparisons per picture and k(n − k) per set, each as long as an embedding.

use lookalike_deep::lipsim::Head;

use super::distance_to_flip;

/// How far the query may move while the pictures of `inside` stay the nearest, whatever their order;
/// infinite where nothing is outside.
pub fn top_set(head: Head, query: &[f64], gallery: &[&[f64]], inside: &[usize]) -> f64 {
    let outside = (0..gallery.len()).filter(|j| !inside.contains(j));
    let flips = outside.flat_map(|j| {
        inside.iter().map(move |&i| distance_to_flip(head, query, gallery[i], gallery[j]))
    });
    flips.fold(f64::INFINITY, f64::min).max(0.0)
}

/// How far the query may move while picture `of` stays among the `k` nearest; 0 where it is not.
pub fn stays_in_top(head: Head, query: &[f64], gallery: &[&[f64]], of: usize, k: usize) -> f64 {
    let others = (0..gallery.len()).filter(|&j| j != of);
    let mut flips: Vec<f64> =
        others.map(|j| distance_to_flip(head, query, gallery[of], gallery[j])).collect();
    flips.sort_by(f64::total_cmp);
    match k.checked_sub(1) {
        None => 0.0,
        Some(last) => flips.get(last).copied().unwrap_or(f64::INFINITY).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radii_are_those_of_the_nearest_rivals() {
        let gallery: [&[f64]; 4] = [&[0.0], &[1.0], &[4.0], &[10.0]];
        let head = Head::Euclidean;
        // Bisectors at 0.5, 2.5 and 7 on a line.
        assert!((top_set(head, &[0.2], &gallery, &[0]) - 0.3).abs() < 1e-12);
        assert!((top_set(head, &[0.2], &gallery, &[0, 1]) - 1.8).abs() < 1e-12);
        assert_eq!(top_set(head, &[0.2], &gallery, &[0, 1, 2, 3]), f64::INFINITY);
        assert_eq!(top_set(head, &[0.2], &gallery, &[1]), 0.0, "it is not the nearest");
        assert!((stays_in_top(head, &[0.2], &gallery, 0, 1) - 0.3).abs() < 1e-12);
        assert!((stays_in_top(head, &[0.2], &gallery, 0, 2) - 1.8).abs() < 1e-12);
        assert_eq!(stays_in_top(head, &[0.2], &gallery, 2, 2), 0.0);
        assert!((stays_in_top(head, &[0.2], &gallery, 2, 3) - 6.8).abs() < 1e-12);
        assert_eq!(stays_in_top(head, &[0.2], &gallery, 3, 4), f64::INFINITY);
        assert_eq!(stays_in_top(head, &[0.2], &gallery, 0, 0), 0.0);
    }
}
