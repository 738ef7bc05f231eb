//! The interval of a share of yes and no (Wilson, 1927), at 95 %.
//!
//! (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964. It stays within 0…1 and has a width where p
//! is 0 or 1. Reproduces statsmodels' `proportion_confint(method="wilson")`, 1e-6. Limits: answers count as
//! independent.

use super::bootstrap::Interval;

const Z: f64 = 1.959_963_984_540_054;

/// The interval of `yes` among `count`; `None` of none.
pub fn wilson(yes: usize, count: usize) -> Option<Interval> {
    if count == 0 {
        return None;
    }
    let n = count as f64;
    let p = (yes as f64 / n).min(1.0);
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    let [low, high] = [(middle - half) / scale, (middle + half) / scale];
    Some(Interval { low: low.max(0.0), high: high.min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_as_published() {
        // The ends solve |p̂ − p| = z √(p(1 − p)/n), which is how the interval is defined.
        for (yes, count) in [(5, 10), (81, 263), (15, 148), (0, 20), (1, 29)] {
            let found = wilson(yes, count).unwrap();
            let (share, n) = (yes as f64 / count as f64, count as f64);
            for p in [found.low, found.high] {
                let expected = Z * (p * (1.0 - p) / n).sqrt();
                assert!(((share - p).abs() - expected).abs() < 1e-12, "{yes} of {count}");
            }
        }
        // Newcombe, Statistics in Medicine 1998, table I.
        let found = wilson(81, 263).unwrap();
        assert!((found.low - 0.2553).abs() < 5e-5 && (found.high - 0.3662).abs() < 5e-5);
        let found = wilson(0, 20).unwrap();
        assert!(found.low == 0.0 && (found.high - 0.1611).abs() < 5e-5);
        assert!(wilson(0, 0).is_none());
    }
}
