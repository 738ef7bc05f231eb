//! Numbers that summarise a map.

use lookalike_core::Part;

use crate::plane::Plane;

/// The smallest value that at least `share` of all values do not exceed (nearest rank). `None` for
/// an empty plane.
pub(crate) fn quantile(plane: &Plane, share: f64) -> Option<f64> {
    let count = plane.data.len();
    let rank = (share * count as f64).ceil() as usize;
    let index = rank.clamp(1, count.max(1)) - 1;
    if index + 1 == count {
        return plane.data.iter().copied().reduce(f64::max);
    }
    if index >= count {
        return None;
    }
    let mut keys: Vec<i64> =
        plane.data.iter().map(|value| order_key(value.to_bits() as i64)).collect();
    let (_, &mut key, _) = keys.select_nth_unstable(index);
    Some(f64::from_bits(order_key(key) as u64))
}

/// Bits of a number as an integer of the same order, and back: below 0 all bits but the sign turn
/// over.
fn order_key(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The 95th percentile and the maximum of a map, as parts of a score.
pub(crate) fn upper_parts(plane: &Plane) -> Vec<Part> {
    let parts = [("p95", 0.95), ("max", 1.0)];
    let part = |(name, share)| quantile(plane, share).map(|value| Part::new(name, value));
    parts.into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_plane() {
        let plane = Plane::from_fn(10, 2, |x, y| (19 - (y * 10 + x)) as f64);
        assert_eq!(quantile(&plane, 0.95), Some(18.0));
        assert_eq!(quantile(&plane, 1.0), Some(19.0));
        assert_eq!(quantile(&plane, 0.0), Some(0.0));
        assert_eq!(quantile(&Plane::zeros(0, 0), 0.5), None);
    }
}
