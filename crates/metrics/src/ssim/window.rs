//! The neighbourhood over which local moments are taken, and what lies beyond the picture.

use lookalike_core::{Error, MetricId, Result};

use crate::filter::{Border, Taps, blur, separable_adjoint};
use crate::plane::Plane;

/// Standard deviation of the Gaussian window in pixels (Wang et al. 2004).
pub const SIGMA: f64 = 1.5;

/// Longest window that is offered. Beyond 8 σ a Gaussian adds nothing, and every side that is left
/// after automatic downsampling is longer than this.
pub const LONGEST_WINDOW: usize = 99;

/// A separable window with the conventions on which implementations differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    taps: Taps,
    border: Border,
    covariance_factor: f64,
    variance_floor: f64,
}

impl Window {
    /// A Gaussian of odd `length` with σ 1.5, normalised, kept where it lies inside the picture;
    /// biased moments. Length 11 is the window of Wang et al. 2004.
    pub fn gaussian(length: usize) -> Self {
        Self::gaussian_of(length, SIGMA)
    }

    /// [`gaussian`](Self::gaussian) with another standard deviation.
    pub fn gaussian_of(length: usize, sigma: f64) -> Self {
        Self::with_taps(Taps::gaussian(length, sigma))
    }

    /// The Gaussian as single precision gives it: every tap, their sum and the quotients rounded to
    /// f32. The taps do not sum to 1, so flat regions get a variance of either sign, which belongs
    /// to the values of the libraries that build their window this way.
    pub fn gaussian_in_f32(length: usize) -> Self {
        let centre = (length / 2) as f32;
        let scale = (2.0 * SIGMA * SIGMA) as f32;
        // The exponential in f64, rounded once, so that no platform's f32 function enters.
        let bell = |i: usize| f64::from(-(i as f32 - centre).powi(2) / scale).exp() as f32;
        let raw: Vec<f32> = (0..length).map(bell).collect();
        // Their sum, too, is rounded once, so that no order of additions enters.
        let sum = raw.iter().map(|&w| f64::from(w)).sum::<f64>() as f32;
        let taps = Taps::centred(raw.into_iter().map(|w| f64::from(w / sum)).collect());
        Self { variance_floor: f64::NEG_INFINITY, ..Self::with_taps(taps) }
    }

    /// A box of odd `length`, kept where it lies inside the picture; biased moments.
    pub fn uniform(length: usize) -> Self {
        Self::with_taps(Taps::mean(length))
    }

    fn with_taps(taps: Taps) -> Self {
        Self { taps, border: Border::Valid, covariance_factor: 1.0, variance_floor: 0.0 }
    }

    /// The same window with another border.
    #[must_use]
    pub fn with_border(self, border: Border) -> Self {
        Self { border, ..self }
    }

    /// The same window with variances and covariance times N/(N − 1), N = length².
    #[must_use]
    pub fn with_sample_covariance(self) -> Self {
        let count = (self.length() * self.length()) as f64;
        Self { covariance_factor: count / (count - 1.0), ..self }
    }

    /// Taps per axis.
    pub fn length(&self) -> usize {
        self.taps.len()
    }

    /// The weights of one axis.
    pub fn taps(&self) -> &[f64] {
        &self.taps.weights
    }

    /// What lies beyond the picture.
    pub fn border(&self) -> Border {
        self.border
    }

    /// Factor of variances and covariance: 1, or N/(N − 1) for sample statistics.
    pub fn covariance_factor(&self) -> f64 {
        self.covariance_factor
    }

    /// Variances below this are rounding errors: 0, or −∞ for taps that do not sum to 1.
    pub fn variance_floor(&self) -> f64 {
        self.variance_floor
    }

    /// Picture columns (and rows) from the first pixel to the first position of a map.
    pub fn inset(&self) -> usize {
        if self.border == Border::Valid { self.taps.before } else { 0 }
    }

    /// Shortest side on which at least one position exists and the border is defined.
    pub fn minimum_side(&self) -> usize {
        match self.border {
            Border::Valid => self.length(),
            // A mirror on the edge sample has only side − 1 samples to show.
            Border::Mirror => self.taps.before + 1,
            Border::Zero | Border::Symmetric | Border::Replicate => 1,
        }
    }

    /// Weighted local means.
    pub fn filter(&self, plane: &Plane) -> Plane {
        blur(plane, &self.taps, self.border)
    }

    /// Whether [`adjoint`](Self::adjoint) exists: for the borders that read no sample twice.
    pub fn has_adjoint(&self) -> bool {
        matches!(self.border, Border::Valid | Border::Zero)
    }

    /// Spreads a map back over the plane it was filtered from, `⟨G x, m⟩ = ⟨x, Gᵀ m⟩`; `None` for
    /// the mirrored borders.
    pub fn adjoint(&self, map: &Plane) -> Option<Plane> {
        match self.border {
            Border::Valid => Some(separable_adjoint(map, &self.taps, &self.taps)),
            // Windows are symmetric and centred, so the filter is its own adjoint.
            Border::Zero => Some(blur(map, &self.taps, Border::Zero)),
            Border::Mirror | Border::Symmetric | Border::Replicate => None,
        }
    }
}

/// The option `+window=N` of an id: taps per axis, odd, 3 to [`LONGEST_WINDOW`].
///
/// # Errors
/// [`Error::InvalidOption`].
pub(crate) fn window_option(id: &MetricId, default: usize) -> Result<usize> {
    let Some(text) = id.option("window") else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(length) if length % 2 == 1 && (3..=LONGEST_WINDOW).contains(&length) => Ok(length),
        _ => Err(Error::InvalidOption {
            id: id.to_string(),
            reason: format!(
                "window takes an odd number from 3 to {LONGEST_WINDOW}, found '{text}'"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjoint_satisfies_its_defining_equation() {
        let x = Plane::from_fn(13, 9, |x, y| ((x * 7 + y * 13) % 11) as f64);
        for border in [Border::Valid, Border::Zero] {
            let window = Window::gaussian(5).with_border(border);
            let filtered = window.filter(&x);
            let m = Plane::from_fn(filtered.width, filtered.height, |x, y| (x * x + y) as f64);
            let spread = window.adjoint(&m).unwrap();
            let (left, right) = (filtered.zip(&m, |a, b| a * b), x.zip(&spread, |a, b| a * b));
            assert!((left.sum() - right.sum()).abs() < 1e-10 * left.sum(), "{border:?}");
        }
        let mirrored = Window::gaussian(5).with_border(Border::Mirror);
        assert!(!mirrored.has_adjoint() && mirrored.adjoint(&x).is_none());
    }

    #[test]
    fn single_precision_taps_miss_one_by_rounding() {
        let sum: f64 = Window::gaussian_in_f32(11).taps.weights.iter().sum();
        assert!(sum != 1.0 && (sum - 1.0).abs() < 2e-7, "{sum}");
    }

    #[test]
    fn window_option_is_odd_and_bounded() {
        let read = |text: &str| window_option(&text.parse().unwrap(), 11);
        assert_eq!(read("ssim").unwrap(), 11);
        assert_eq!(read("ssim+window=7").unwrap(), 7);
        for value in ["2", "8", "1", "-3", "101", "x", "3.0"] {
            let message = read(&format!("ssim+window={value}")).unwrap_err().to_string();
            assert!(message.contains("odd number from 3 to 99"), "{message}");
        }
    }
}
