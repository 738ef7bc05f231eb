//! What a metric answers: a number that knows its name, its direction and where it came from.

use std::cmp::Ordering;
use std::fmt;

use crate::MetricId;

/// Which way a metric points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A larger value means more alike (SSIM, PSNR).
    HigherIsBetter,
    /// A smaller value means more alike (MSE, GMSD).
    LowerIsBetter,
}

impl Direction {
    /// `higher` or `lower`, as written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HigherIsBetter => "higher",
            Self::LowerIsBetter => "lower",
        }
    }

    /// Orders two values from worse to better.
    ///
    /// ```
    /// use lookalike_core::Direction;
    /// assert!(Direction::LowerIsBetter.compare(0.1, 0.9).is_gt());
    /// ```
    pub fn compare(self, a: f64, b: f64) -> Ordering {
        match self {
            Self::HigherIsBetter => a.total_cmp(&b),
            Self::LowerIsBetter => b.total_cmp(&a),
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A named share of a score, such as one scale of MS-SSIM or the 95th percentile of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is, in `snake_case`.
    pub name: String,
    /// Its value.
    pub value: f64,
}

impl Part {
    /// A part with its name.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value }
    }
}

/// The value of a metric at every position it was evaluated on.
///
/// Maps may be smaller than the picture: a valid-window SSIM loses five pixels on each side, GMSD
/// works at half resolution. `left`, `top` and `step` say where a map sample lies in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreMap {
    /// Samples per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width × height` values, row by row, in the metric's own unit and direction.
    pub values: Vec<f32>,
    /// Picture column of the first map column.
    pub left: usize,
    /// Picture row of the first map row.
    pub top: usize,
    /// Picture pixels from one map sample to the next.
    pub step: usize,
}

impl ScoreMap {
    /// The map's value at a picture pixel; beyond the map's border the nearest sample.
    pub fn at_pixel(&self, x: usize, y: usize) -> f32 {
        let nearest = |position: usize, start: usize, count: usize| {
            (position.saturating_sub(start) / self.step.max(1)).min(count.saturating_sub(1))
        };
        let column = nearest(x, self.left, self.width);
        let row = nearest(y, self.top, self.height);
        self.values.get(row * self.width + column).copied().unwrap_or_default()
    }
}

/// What produced a score, beyond its id.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ScoreProvenance {
    /// The crate that computed the value and its version, such as `lookalike-metrics 0.1.0`.
    pub software: String,
    /// Name and sha256 of the weights, for learned metrics: `alexnet:9f97fd31…`, separated by spaces
    /// where there are several.
    pub weights: Option<String>,
    /// What was done to the pair before the metric saw it, in order (`alpha=white`, `fit=crop`).
    pub preprocessing: Vec<String>,
}

/// The answer of a metric for one pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The full id, profile and options included.
    pub id: MetricId,
    /// The value. May be infinite where the card says so; never NaN.
    pub value: f64,
    /// Which way is better.
    pub direction: Direction,
    /// Named shares of the value, in the order of the definition.
    pub parts: Vec<Part>,
    /// The map, when it was asked for and the metric has one.
    pub map: Option<ScoreMap>,
    /// Where the value came from.
    pub provenance: ScoreProvenance,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_replicate_their_border() {
        let map =
            ScoreMap { width: 2, height: 1, values: vec![1.0, 2.0], left: 5, top: 5, step: 2 };
        assert_eq!(map.at_pixel(0, 0), 1.0);
        assert_eq!(map.at_pixel(6, 9), 1.0);
        assert_eq!(map.at_pixel(7, 5), 2.0);
        assert_eq!(map.at_pixel(100, 5), 2.0);
    }
}
