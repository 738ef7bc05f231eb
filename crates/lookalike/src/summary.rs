//! Statistics of one metric over many pairs.

use lookalike_core::{Direction, MetricId};

/// What a folder run says about one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The full id.
    pub id: MetricId,
    /// Which way is better.
    pub direction: Direction,
    /// Number of pairs that were scored.
    pub n: usize,
    /// Arithmetic mean of the values; of PSNR, the mean of the decibels.
    pub mean: f64,
    /// Median; of an even number of values, the mean of the two in the middle.
    pub median: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// For PSNR, the decibels of the mean squared error, which is another number than the mean of
    /// the decibels.
    pub decibel_of_mean_error: Option<f64>,
    /// Index and value of the worst pairs, worst first.
    pub worst: Vec<(usize, f64)>,
}

impl Summary {
    /// Summarises `values`, pairs of an index and a value; `worst` is how many of the worst are
    /// named. `None` when there are no values.
    pub fn of(
        id: &MetricId,
        direction: Direction,
        values: &[(usize, f64)],
        worst: usize,
    ) -> Option<Self> {
        let n = values.len();
        let mut ordered = values.to_vec();
        ordered.sort_by(|a, b| direction.compare(a.1, b.1).then(a.0.cmp(&b.0)));
        let mut sorted: Vec<f64> = values.iter().map(|&(_, value)| value).collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let median = match (sorted[(n - 1) / 2], sorted[n / 2]) {
            (low, high) if low == high => low,
            (low, high) => low / 2.0 + high / 2.0,
        };
        let decibel_of_mean_error = (id.family() == "psnr").then(|| {
            let errors = values.iter().map(|&(_, decibel)| 10.0_f64.powf(-decibel / 10.0));
            let mean = errors.sum::<f64>() / n as f64;
            if mean == 0.0 { f64::INFINITY } else { -10.0 * mean.log10() }
        });
        Some(Self {
            id: id.clone(),
            direction,
            n,
            mean: values.iter().map(|&(_, value)| value).sum::<f64>() / n as f64,
            median,
            min,
            max,
            decibel_of_mean_error,
            worst: ordered.into_iter().take(worst).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(id: &str, direction: Direction, values: &[f64]) -> Summary {
        let values: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
        Summary::of(&id.parse().unwrap(), direction, &values, 2).unwrap()
    }

    #[test]
    fn the_worst_follow_the_direction() {
        let values = [0.9, 0.5, 0.7, 0.8];
        let high = summary("ssim@wang", Direction::HigherIsBetter, &values);
        assert_eq!(high.worst, [(1, 0.5), (2, 0.7)]);
        assert!((high.median - 0.75).abs() < 1e-15);
        assert_eq!(summary("mse", Direction::LowerIsBetter, &values).worst, [(0, 0.9), (3, 0.8)]);
    }

    #[test]
    fn equal_pictures_keep_decibels_infinite_but_not_the_mean_error() {
        let psnr = summary("psnr", Direction::HigherIsBetter, &[f64::INFINITY, 20.0]);
        assert_eq!((psnr.mean, psnr.max), (f64::INFINITY, f64::INFINITY));
        let expected = -10.0 * (0.01_f64 / 2.0).log10();
        assert!((psnr.decibel_of_mean_error.unwrap() - expected).abs() < 1e-12);
        let equal = summary("psnr", Direction::HigherIsBetter, &[f64::INFINITY; 2]);
        assert_eq!((equal.median, equal.mean), (f64::INFINITY, f64::INFINITY));
    }

    #[test]
    fn nothing_has_no_summary() {
        let id = "mse".parse().unwrap();
        assert!(Summary::of(&id, Direction::LowerIsBetter, &[], 3).is_none());
    }
}
