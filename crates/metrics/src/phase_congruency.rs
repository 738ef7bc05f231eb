//! Phase congruency: how far the Fourier components of a picture agree in phase at each place,
//! which they do at edges, lines and corners whatever their contrast.
//!
//! A bank of log-Gabor filters of 4 scales and 4 orientations gives even and odd responses E, O. Per
//! orientation, with (Ē, Ō) the unit vector along their sums over the scales,
//!
//! energy = Σ_s (E·Ē + O·Ō − |E·Ō − O·Ē|) − T, not below 0,
//!
//! where T is the response expected of noise; PC = Σ_o energy / Σ_o Σ_s √(E² + O²), 0 where nothing
//! responds.
//!
//! Source: Kovesi, Image Features from Phase Congruency, Videre 1(3), 1999, with the constants of
//! the FSIM authors' code (Zhang, Zhang, Mou, Zhang 2011).
//!
//! Choices: the FSIM code's frequencies, which at odd sizes reach ±1/2 exactly. T needs sums of
//! products of the filters' real parts over space; they are taken over frequencies (Parseval).

use std::f64::consts::{LN_2, PI};

use rayon::prelude::*;

use crate::fourier::{Complex, ComplexPlane, Fourier, signed_frequency};
use crate::plane::Plane;

const SCALES: i32 = 4;
const ORIENTATIONS: usize = 4;
/// Wavelength of the finest scale, in samples.
const SHORTEST_WAVE: f64 = 6.0;
/// Ratio of the wavelengths of neighbouring scales.
const SCALE_RATIO: f64 = 2.0;
/// Bandwidth of the radial filters: deviation of the logarithm over that of the centre frequency.
const RADIAL_DEVIATION: f64 = 0.55;
/// Angle between orientations over the deviation of the angular filters.
const ANGULAR_RATIO: f64 = 1.2;
/// Deviations above the mean noise energy up to which a response counts as noise.
const NOISE_DEVIATIONS: f64 = 2.0;
/// Empirical divisor of the noise threshold.
const NOISE_DIVISOR: f64 = 1.7;
/// Keeps the direction of the mean response defined where there is none.
const EPSILON: f64 = 1e-4;
const CUTOFF: f64 = 0.45;
const CUTOFF_ORDER: i32 = 15;

/// Phase congruency in 0…1 at every sample. The shorter side is at least 2.
pub(crate) fn phase_congruency(plane: &Plane) -> Plane {
    // No filter passes frequency 0, so an offset changes nothing; this one makes flat planes
    // vanish instead of leaving rounding errors for the normalisation to blow up.
    let offset = plane.data.first().copied().unwrap_or_default();
    let fourier = Fourier::new(plane.width, plane.height);
    let spectrum = fourier.forward(&plane.map(|v| v - offset));
    let bank = FilterBank::new(plane.width, plane.height);
    let orientations: Vec<(Plane, Plane)> = (0..ORIENTATIONS)
        .into_par_iter()
        .map(|orientation| energy_and_amplitude(&fourier, &spectrum, &bank.filters(orientation)))
        .collect();
    let mut energy = Plane::zeros(plane.width, plane.height);
    let mut amplitude = Plane::zeros(plane.width, plane.height);
    for (e, a) in &orientations {
        energy = energy.zip(e, |sum, v| sum + v);
        amplitude = amplitude.zip(a, |sum, v| sum + v);
    }
    energy.zip(&amplitude, |e, a| if a > 0.0 { e / a } else { 0.0 })
}

/// The polar coordinates of every frequency and the radial filters on them.
struct FilterBank {
    width: usize,
    height: usize,
    angles: Vec<f64>,
    radial: Vec<Vec<f64>>,
}

impl FilterBank {
    fn new(width: usize, height: usize) -> Self {
        let frequency = |index: usize, length: usize| {
            let steps = if length % 2 == 1 { length - 1 } else { length };
            signed_frequency(index, length) / steps as f64
        };
        let (mut angles, mut radii) = (Vec::new(), Vec::new());
        for y in 0..height {
            for x in 0..width {
                let (across, down) = (frequency(x, width), frequency(y, height));
                angles.push((-down).atan2(across));
                radii.push(across.hypot(down));
            }
        }
        let radial = (0..SCALES)
            .map(|scale| {
                let centre = 1.0 / (SHORTEST_WAVE * SCALE_RATIO.powi(scale));
                radii.iter().map(|&radius| log_gabor(radius, centre)).collect()
            })
            .collect();
        Self { width, height, angles, radial }
    }

    /// The filters of one orientation, from the finest scale.
    fn filters(&self, orientation: usize) -> Vec<Plane> {
        let step = PI / ORIENTATIONS as f64;
        let (sin, cos) = (orientation as f64 * step).sin_cos();
        let deviation = step / ANGULAR_RATIO;
        let spread: Vec<f64> = self
            .angles
            .iter()
            .map(|angle| {
                let (s, c) = angle.sin_cos();
                let distance = (s * cos - c * sin).atan2(c * cos + s * sin);
                (-distance * distance / (2.0 * deviation * deviation)).exp()
            })
            .collect();
        let filter = |radial: &Vec<f64>| {
            let data = radial.iter().zip(&spread).map(|(r, s)| r * s).collect();
            Plane::new(self.width, self.height, data)
        };
        self.radial.iter().map(filter).collect()
    }
}

/// A Gaussian over the logarithm of frequency, cut off towards the corners of the spectrum.
fn log_gabor(radius: f64, centre: f64) -> f64 {
    if radius == 0.0 {
        return 0.0;
    }
    let octaves = (radius / centre).ln() / RADIAL_DEVIATION.ln();
    let low_pass = 1.0 / (1.0 + (radius / CUTOFF).powi(2 * CUTOFF_ORDER));
    (-octaves * octaves / 2.0).exp() * low_pass
}

/// Σ_s energy above the noise and Σ_s amplitude of one orientation.
fn energy_and_amplitude(
    fourier: &Fourier,
    spectrum: &ComplexPlane,
    filters: &[Plane],
) -> (Plane, Plane) {
    let (width, height) = (spectrum.width, spectrum.height);
    let responses: Vec<ComplexPlane> = filters
        .par_iter()
        .map(|filter| {
            let data = spectrum.data.iter().zip(&filter.data).map(|(s, f)| s * f).collect();
            fourier.inverse(ComplexPlane { width, height, data })
        })
        .collect();
    let threshold = noise_threshold(&responses[0], filters);
    let (mut energy, mut amplitude) = (Plane::zeros(width, height), Plane::zeros(width, height));
    for (i, (energy, amplitude)) in energy.data.iter_mut().zip(&mut amplitude.data).enumerate() {
        let sum: Complex<f64> = responses.iter().map(|response| response.data[i]).sum();
        let mean = sum / (sum.norm() + EPSILON);
        let mut total = 0.0;
        for response in &responses {
            let r = response.data[i];
            total += r.re * mean.re + r.im * mean.im - (r.re * mean.im - r.im * mean.re).abs();
            *amplitude += r.norm();
        }
        *energy = (total - threshold).max(0.0);
    }
    (energy, amplitude)
}

/// The energy that noise alone would give, estimated from the finest scale, where most responses
/// are noise: its squared amplitudes are then exponentially distributed with median ln 2 · mean.
fn noise_threshold(finest: &ComplexPlane, filters: &[Plane]) -> f64 {
    let squares: Vec<f64> = finest.data.iter().map(Complex::norm_sqr).collect();
    let finest_filter: f64 = filters[0].map(|f| f * f).sum();
    let power = median(squares) / LN_2 / finest_filter;
    let even: Vec<Plane> = filters.iter().map(even_part).collect();
    let mut products = 0.0;
    for (i, first) in even.iter().enumerate() {
        products += first.map(|f| f * f).sum();
        for second in &even[i + 1..] {
            products += 2.0 * first.zip(second, |f, g| f * g).sum();
        }
    }
    let tau = (power * products).sqrt();
    let (mean, deviation) = (tau * (PI / 2.0).sqrt(), tau * ((4.0 - PI) / 2.0).sqrt());
    (mean + NOISE_DEVIATIONS * deviation) / NOISE_DIVISOR
}

/// The mean of a filter's values at ±frequency, which is the spectrum of its real part in space.
fn even_part(filter: &Plane) -> Plane {
    let (width, height) = (filter.width, filter.height);
    Plane::from_fn(width, height, |x, y| {
        let mirrored = filter.at((width - x) % width, (height - y) % height);
        (filter.at(x, y) + mirrored) / 2.0
    })
}

/// The middle value, or the mean of the two middle values.
fn median(mut values: Vec<f64>) -> f64 {
    let (middle, even) = (values.len() / 2, values.len().is_multiple_of(2));
    let (lower, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if even { (lower.iter().copied().fold(0.0, f64::max) + upper) / 2.0 } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 8.0]), 3.0);
    }

    #[test]
    fn an_edge_is_congruent_whatever_its_contrast_and_a_flat_plane_is_not() {
        let edge = |height: f64| Plane::from_fn(32, 24, |x, _| if x < 16 { 0.0 } else { height });
        let (weak, strong) = (phase_congruency(&edge(20.0)), phase_congruency(&edge(200.0)));
        assert!(strong.at(16, 12) > 2.0 * strong.at(19, 12), "{:?}", strong.row(12));
        assert!((weak.at(16, 12) - strong.at(16, 12)).abs() < 1e-3);
        assert!(phase_congruency(&edge(0.0).map(|v| v + 77.3)).data.iter().all(|&v| v == 0.0));
    }

    #[test]
    fn values_stay_between_0_and_1_at_any_size() {
        for (width, height) in [(2, 2), (3, 2), (3, 17), (16, 9)] {
            let plane = Plane::from_fn(width, height, |x, y| ((x * 37 + y * 101) % 256) as f64);
            let found = phase_congruency(&plane);
            assert!(found.data.iter().all(|v| (0.0..=1.0).contains(v)), "{width}x{height}");
        }
    }
}
