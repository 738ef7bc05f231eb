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

use std::f64::consts::{LN_2, PI, TAU};

use rayon::prelude::*;

use crate::dispatch::{sum_of, vectorised};
use crate::fourier::{Complex, ComplexPlane, Fourier, Spectrum, signed_frequency};
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

/// Numbers that one task works on.
const CHUNK: usize = 1 << 14;

/// The filters for planes of one size.
pub(crate) struct PhaseCongruency {
    width: usize,
    height: usize,
    fourier: Fourier,
    /// Radial filters from the finest scale, column by column as spectra are.
    radial: Vec<Vec<f64>>,
    orientations: Vec<Orientation>,
}

/// What turns the radial filters into those of one orientation.
struct Orientation {
    /// The angular filter.
    angular: Vec<f64>,
    /// Energy of the finest filter.
    finest: f64,
    /// Energy of the sum of the filters' real parts over space.
    even: f64,
}

impl PhaseCongruency {
    /// For planes of this size, whose shorter side is at least 2.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let frequency = |index: usize, length: usize| {
            let steps = if length % 2 == 1 { length - 1 } else { length };
            signed_frequency(index, length) / steps as f64
        };
        let places = (0..width * height).into_par_iter().with_min_len(CHUNK);
        let polar: Vec<(f64, f64)> = places
            .map(|i| {
                let (across, down) = (frequency(i / height, width), frequency(i % height, height));
                (across.hypot(down), (-down).atan2(across))
            })
            .collect();
        let filters = |f: &(dyn Fn(f64, f64) -> f64 + Sync)| -> Vec<f64> {
            polar.par_iter().with_min_len(CHUNK).map(|&(radius, angle)| f(radius, angle)).collect()
        };
        let radial: Vec<Vec<f64>> = (0..SCALES)
            .map(|scale| {
                let centre = 1.0 / (SHORTEST_WAVE * SCALE_RATIO.powi(scale));
                filters(&|radius, _| log_gabor(radius, centre))
            })
            .collect();
        let step = PI / ORIENTATIONS as f64;
        let orientations = (0..ORIENTATIONS)
            .map(|orientation| {
                let direction = orientation as f64 * step;
                let angular = filters(&|_, angle| angular_filter(angle - direction, step));
                Orientation::new(angular, &radial, (width, height))
            })
            .collect();
        Self { width, height, fourier: Fourier::new(width, height), radial, orientations }
    }

    /// Whether planes have the size of these filters.
    pub(crate) fn is_for(&self, width: usize, height: usize) -> bool {
        (self.width, self.height) == (width, height)
    }

    /// Phase congruency in 0…1 at every sample.
    pub(crate) fn of(&self, plane: &Plane) -> Plane {
        // No filter passes frequency 0, so an offset changes nothing; this one makes flat planes
        // vanish instead of leaving rounding errors for the normalisation to blow up.
        let offset = plane.data.first().copied().unwrap_or_default();
        let spectrum = self.fourier.forward(plane, offset);
        let mut energy = Plane::zeros(self.width, self.height);
        let mut amplitude = Plane::zeros(self.width, self.height);
        for orientation in &self.orientations {
            let responses: Vec<ComplexPlane> =
                self.radial.iter().map(|r| self.response(&spectrum, r, orientation)).collect();
            let threshold = orientation.noise_threshold(&responses[0]);
            let sums = energy.data.par_chunks_mut(CHUNK).zip(amplitude.data.par_chunks_mut(CHUNK));
            sums.enumerate().for_each(|(chunk, (energy, amplitude))| {
                let places = chunk * CHUNK..chunk * CHUNK + energy.len();
                let responses: [&[Complex<f64>]; SCALES as usize] =
                    std::array::from_fn(|scale| &responses[scale].data[places.clone()]);
                vectorised(
                    #[inline(always)]
                    || add_energy(&responses, threshold, energy, amplitude),
                );
            });
        }
        energy.zip(&amplitude, |e, a| if a > 0.0 { e / a } else { 0.0 })
    }

    /// Even and odd response to one filter, as real and imaginary part.
    fn response(
        &self,
        spectrum: &Spectrum,
        radial: &[f64],
        orientation: &Orientation,
    ) -> ComplexPlane {
        let mut data = spectrum.data.clone();
        let filters = radial.par_chunks(CHUNK).zip(orientation.angular.par_chunks(CHUNK));
        data.par_chunks_mut(CHUNK).zip(filters).for_each(|(data, (radial, angular))| {
            data.iter_mut().zip(radial.iter().zip(angular)).for_each(|(s, (r, a))| *s *= r * a);
        });
        self.fourier.inverse(Spectrum { data, ..*spectrum })
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

/// A Gaussian over the angle to an orientation, `step` being the angle between neighbours.
fn angular_filter(angle: f64, step: f64) -> f64 {
    let distance = if angle < -PI { angle + TAU } else { angle };
    let deviation = step / ANGULAR_RATIO;
    (-distance * distance / (2.0 * deviation * deviation)).exp()
}

/// Adds Σ_s energy above the noise and Σ_s amplitude of one orientation.
#[inline(always)]
fn add_energy<const N: usize>(
    responses: &[&[Complex<f64>]; N],
    threshold: f64,
    energy: &mut [f64],
    amplitude: &mut [f64],
) {
    let length = |z: Complex<f64>| (z.re * z.re + z.im * z.im).sqrt();
    for (i, (energy, amplitude)) in energy.iter_mut().zip(amplitude).enumerate() {
        let sum: Complex<f64> = responses.iter().map(|response| response[i]).sum();
        let mean = sum / (length(sum) + EPSILON);
        let (mut total, mut lengths) = (0.0, 0.0);
        for response in responses {
            let r = response[i];
            total += r.re * mean.re + r.im * mean.im - (r.re * mean.im - r.im * mean.re).abs();
            lengths += length(r);
        }
        *energy += (total - threshold).max(0.0);
        *amplitude += lengths;
    }
}

impl Orientation {
    fn new(angular: Vec<f64>, radial: &[Vec<f64>], (width, height): (usize, usize)) -> Self {
        let finest = sum_of(angular.len(), |i| (radial[0][i] * angular[i]).powi(2));
        let sum = |i: usize| radial.iter().map(|radial| radial[i]).sum::<f64>() * angular[i];
        // The mean of a filter's values at ±frequency is the spectrum of its real part in space.
        let even = |i: usize| {
            let (x, y) = (i / height, i % height);
            let mirrored = (width - x) % width * height + (height - y) % height;
            (sum(i) + sum(mirrored)) / 2.0
        };
        let even = sum_of(angular.len(), |i| even(i).powi(2));
        Self { angular, finest, even }
    }

    /// The energy that noise alone would give, estimated from the finest scale, where most responses
    /// are noise: its squared amplitudes are then exponentially distributed with median ln 2 · mean.
    fn noise_threshold(&self, finest: &ComplexPlane) -> f64 {
        let power = median(finest.data.iter().map(Complex::norm_sqr)) / LN_2 / self.finest;
        let tau = (power * self.even).sqrt();
        let (mean, deviation) = (tau * (PI / 2.0).sqrt(), tau * ((4.0 - PI) / 2.0).sqrt());
        (mean + NOISE_DEVIATIONS * deviation) / NOISE_DIVISOR
    }
}

/// The middle of values of at least 0, or the mean of the two middle ones.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    // The bits of such numbers are in their order, and integers are compared faster.
    let mut bits: Vec<u64> = values.map(f64::to_bits).collect();
    let (middle, even) = (bits.len() / 2, bits.len().is_multiple_of(2));
    let (lower, &mut upper, _) = bits.select_nth_unstable(middle);
    let upper = f64::from_bits(upper);
    let below = lower.iter().copied().max().map_or(0.0, f64::from_bits);
    if even { (below + upper) / 2.0 } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase_congruency(plane: &Plane) -> Plane {
        PhaseCongruency::new(plane.width, plane.height).of(plane)
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 8.0].into_iter()), 3.0);
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
