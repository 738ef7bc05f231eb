//! Information content weighted structural similarity.
//!
//! SSIM on the bands of a Laplacian pyramid, each position weighted by the information that both
//! pictures share there. Luma on 0…255; five levels: four band-pass differences and the low-pass.
//! With x the candidate and y the reference, at every level:
//!
//! * l and cs are the luminance and contrast-structure terms of SSIM (11×11 Gaussian, σ = 1.5, valid
//!   positions, L = 255);
//! * in 3×3 windows, g = σ_xy/(σ_yy + ε) and v = σ_xx − g·σ_xy: the candidate as gain times
//!   reference plus noise;
//! * u are the nine samples of y in the window and, at levels 1–3, the sample of the next coarser
//!   band at that place; C = mean of u·uᵀ with eigenvalues λ_k; s = uᵀC⁻¹u / N for N entries of u;
//! * w = Σ_k log₂(1 + ((v + (1 + g²)σ²)·s·λ_k + σ²·v) / σ⁴), σ² = 0.4;
//! * v_j = Σ w·cs / Σ w for j < 5 and v_5 = mean(l·cs).
//!
//! value = Π |v_j|^(β_j / Σβ), β = (.0448, .2856, .3001, .2363, .1333), which sum to 1.0001.
//!
//! Source: Wang, Li, "Information content weighting for perceptual image quality assessment", IEEE
//! Transactions on Image Processing 20(5), 2011.
//!
//! Our choices, those of piq 0.8.0, hence the profile: the pyramid filters with (1 4 6 4 1)/16·√2
//! per axis, mirrored on the edge sample, keeps ceil(n/2) samples on the way down and puts zeros
//! between them on the way up; where σ_yy < ε, g = 0 and v = σ_xx, and where σ_xx < ε, g = v = 0,
//! ε being the machine epsilon; negative eigenvalues of C count as 0 and the others are rescaled to
//! the same trace; the absolute value of v_j. Directions in which the reference does not vary have no
//! inverse and add nothing to s. Where no position has weight (flat bands) all count alike.
//!
//! Reproduces: piq 0.8.0 `information_weighted_ssim` in f64 to 1e-9.
//!
//! Limits: not symmetric. The absolute value lets an inverted picture score 0.71. Blind to chroma.
//! Where the reference is exactly flat and the candidate is not, rounding of σ_yy decides between the
//! two cases above; window sums that carry rounding over from neighbours (running sums, FFT) move the
//! value by up to 1e-4.

use lookalike_core::{ColourUse, Luma, MetricCard, Picture, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, luma};
use crate::dispatch::{sum_of, vectorised};
use crate::filter::{Border, Taps, blur, blur_decimated};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::row_filter::{RowFilter, weigh};
use crate::symmetric_eigen::symmetric_eigen;

const BETA: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
const LEVELS: usize = BETA.len();
/// Levels whose windows include the next coarser band.
const LEVELS_WITH_PARENT: usize = 3;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
const WINDOW: usize = 11;
/// Variance of the visual noise.
const NOISE: f64 = 0.4;

struct IwSsim;

impl ClosedForm for IwSsim {
    /// Four differences, finest first, and the low-pass.
    type Features = Vec<Plane>;

    fn features(&self, picture: &Picture) -> Result<Vec<Plane>, Reason> {
        Ok(laplacian_pyramid(luma(picture, Luma::Y601)))
    }

    fn compare(
        &self,
        reference: &Vec<Plane>,
        candidate: &Vec<Plane>,
        _want: Want,
    ) -> Result<Outcome, Reason> {
        let (mut outcome, mut product) = (Outcome::default(), 1.0);
        for level in 0..LEVELS {
            let (y, x) = (&reference[level], &candidate[level]);
            let factor = if level + 1 == LEVELS {
                ssim_map(x, y, |luminance, structure| luminance * structure).mean()
            } else {
                let structure = ssim_map(x, y, |_, structure| structure);
                let parent = (level < LEVELS_WITH_PARENT).then(|| &reference[level + 1]);
                let weights = shared_information(x, y, parent);
                // Windows of 3 leave more positions than windows of 11.
                let margin = (WINDOW - 3) / 2;
                let (width, height) = (structure.width, structure.height);
                weighted_mean(&structure, &weights.crop(margin, margin, width, height))
            };
            outcome = outcome.with_part(format!("scale_{}", level + 1), factor);
            product *= factor.abs().powf(BETA[level] / BETA.iter().sum::<f64>());
        }
        // Rounding carries flat pictures past the end of the range.
        outcome.value = product.min(1.0);
        Ok(outcome)
    }
}

fn weighted_mean(values: &Plane, weights: &Plane) -> f64 {
    let total = weights.sum();
    if total == 0.0 { values.mean() } else { values.sum_with(weights, |v, w| v * w) / total }
}

/// Bands and the low-pass; the filter's sum of 2 doubles the low-pass at each level.
fn laplacian_pyramid(mut plane: Plane) -> Vec<Plane> {
    let root = std::f64::consts::SQRT_2;
    let taps = Taps::centred([1.0, 4.0, 6.0, 4.0, 1.0].map(|w| w / 16.0 * root).to_vec());
    let mut bands = Vec::with_capacity(LEVELS);
    for _ in 1..LEVELS {
        let coarse = blur_decimated(&plane, &taps, Border::Mirror, 2);
        let mut sparse = Plane::zeros(2 * coarse.width, 2 * coarse.height);
        for y in 0..coarse.height {
            let row = &mut sparse.data[4 * y * coarse.width..][..2 * coarse.width];
            for (pair, &sample) in row.chunks_exact_mut(2).zip(coarse.row(y)) {
                pair[0] = sample;
            }
        }
        let smooth = blur(&sparse, &taps, Border::Mirror).crop(0, 0, plane.width, plane.height);
        bands.push(plane.zip(&smooth, |fine, smooth| fine - smooth));
        plane = coarse;
    }
    bands.push(plane);
    bands
}

/// Moments of the candidate x and the reference y under one window.
struct Moments {
    mean_x: f64,
    mean_y: f64,
    variance_x: f64,
    variance_y: f64,
    covariance: f64,
}

/// Rows of windowed means of x, y, x², y² and xy.
type WindowMeans = [Vec<f64>; 5];

impl Moments {
    #[inline(always)]
    fn at([x, y, xx, yy, xy]: &WindowMeans, column: usize) -> Self {
        let (mean_x, mean_y) = (x[column], y[column]);
        Self {
            mean_x,
            mean_y,
            variance_x: xx[column] - mean_x * mean_x,
            variance_y: yy[column] - mean_y * mean_y,
            covariance: xy[column] - mean_x * mean_y,
        }
    }
}

/// A plane whose row y `emit` fills from the means under the windows of that row, at the positions
/// where whole windows lie inside.
fn over_windows(
    x: &Plane,
    y: &Plane,
    window: &Taps,
    emit: impl Fn(usize, &WindowMeans, &mut [f64]) + Sync,
) -> Plane {
    let filter = RowFilter::new((x.width, x.height), window, window, Border::Valid);
    let [plane] = filter.run(
        #[inline(always)]
        |row, [to_x, to_y, squares_x, squares_y, products]| {
            let (x, y) = (x.row(row), y.row(row));
            to_x.copy_from_slice(x);
            to_y.copy_from_slice(y);
            squares_x.iter_mut().zip(x).for_each(|(square, x)| *square = x * x);
            squares_y.iter_mut().zip(y).for_each(|(square, y)| *square = y * y);
            for (product, (x, y)) in products.iter_mut().zip(x.iter().zip(y)) {
                *product = x * y;
            }
        },
        #[inline(always)]
        |row, means, [to]| emit(row, means, to),
    );
    plane
}

/// A function of the luminance and the contrast-structure term of SSIM.
fn ssim_map(x: &Plane, y: &Plane, pick: impl Fn(f64, f64) -> f64 + Sync) -> Plane {
    over_windows(
        x,
        y,
        &Taps::gaussian(WINDOW, 1.5),
        #[inline(always)]
        |_, means, to| {
            for (column, to) in to.iter_mut().enumerate() {
                let m = Moments::at(means, column);
                let (x, y) = (m.mean_x, m.mean_y);
                let luminance = (2.0 * x * y + C1) / (x * x + y * y + C1);
                let structure = (2.0 * m.covariance + C2) / (m.variance_x + m.variance_y + C2);
                *to = pick(luminance, structure);
            }
        },
    )
}

/// w at every position of a 3×3 window.
fn shared_information(x: &Plane, y: &Plane, parent: Option<&Plane>) -> Plane {
    let parent = parent.map(enlarge);
    let model = Neighbourhoods::of(y, parent.as_ref());
    over_windows(
        x,
        y,
        &Taps::mean(3),
        #[inline(always)]
        |row, means, weights| {
            let energies = model.energies(&neighbours(y, parent.as_ref(), row));
            for (column, (weight, s)) in weights.iter_mut().zip(energies).enumerate() {
                let m = Moments::at(means, column);
                let model_of_candidate = gain_and_noise(m.variance_x, m.variance_y, m.covariance);
                *weight = model.information(s, model_of_candidate);
            }
        },
    )
}

/// g and v.
fn gain_and_noise(xx: f64, yy: f64, xy: f64) -> (f64, f64) {
    if xx < f64::EPSILON {
        (0.0, 0.0)
    } else if yy < f64::EPSILON {
        (0.0, xx)
    } else {
        let gain = xy / (yy + f64::EPSILON);
        (gain, xx - gain * xy)
    }
}

/// The entries of u for all windows of a row of windows, each entry as a row of its own.
fn neighbours<'a>(y: &'a Plane, parent: Option<&'a Plane>, row: usize) -> Vec<&'a [f64]> {
    let width = y.width - 2;
    let around = (0..9).map(|entry| &y.row(row + entry / 3)[entry % 3..][..width]);
    around.chain(parent.map(|parent| &parent.row(row + 1)[1..][..width])).collect()
}

/// The Gaussian model of the reference's neighbourhoods: directions with their variances.
struct Neighbourhoods {
    /// Entries of u.
    length: usize,
    /// λ_k, negative ones as 0.
    variances: Vec<f64>,
    /// q_k / sqrt(λ_k) for those that are not 0: |these · u|² sums to uᵀC⁻¹u.
    whitening: Vec<Vec<f64>>,
}

impl Neighbourhoods {
    fn of(y: &Plane, parent: Option<&Plane>) -> Self {
        let length = if parent.is_some() { 10 } else { 9 };
        let (width, height) = (y.width - 2, y.height - 2);
        let rows = (0..height).into_par_iter().map(|row| {
            let u = neighbours(y, parent, row);
            vectorised(
                #[inline(always)]
                || {
                    let mut sums = vec![0.0; length * length];
                    for i in 0..length {
                        for j in 0..=i {
                            let (a, b) = (&u[i][..width], &u[j][..width]);
                            let sum = sum_of(width, |column| a[column] * b[column]);
                            (sums[i * length + j], sums[j * length + i]) = (sum, sum);
                        }
                    }
                    sums
                },
            )
        });
        let rows: Vec<Vec<f64>> = rows.collect();
        let positions = (width * height) as f64;
        let covariance: Vec<Vec<f64>> = (0..length)
            .map(|i| {
                let entry = |j| rows.iter().map(|row| row[i * length + j]).sum::<f64>() / positions;
                (0..length).map(entry).collect()
            })
            .collect();

        let mut pairs = symmetric_eigen(&covariance);
        let trace: f64 = pairs.iter().map(|pair| pair.value).sum();
        let positive: f64 = pairs.iter().map(|pair| pair.value.max(0.0)).sum();
        let scale = if positive > 0.0 { trace / positive } else { 0.0 };
        pairs.iter_mut().for_each(|pair| pair.value = pair.value.max(0.0) * scale);
        // Below this a variance is rounding error, as in the usual rule for the rank of a matrix.
        let largest = pairs.iter().map(|pair| pair.value).fold(0.0, f64::max);
        let least = largest * length as f64 * f64::EPSILON;
        let whitening = pairs
            .iter()
            .filter(|pair| pair.value > least)
            .map(|pair| pair.vector.iter().map(|q| q / pair.value.sqrt()).collect())
            .collect();
        Self { length, variances: pairs.iter().map(|pair| pair.value).collect(), whitening }
    }

    /// s of all windows of a row of windows.
    #[inline(always)]
    fn energies(&self, u: &[&[f64]]) -> Vec<f64> {
        let width = u.first().map_or(0, |entry| entry.len());
        let (mut energies, mut component) = (vec![0.0; width], vec![0.0; width]);
        for direction in &self.whitening {
            weigh(&mut component, direction, |entry| u[entry]);
            energies.iter_mut().zip(&component).for_each(|(s, c)| *s += c * c);
        }
        let entries = self.length as f64;
        energies.iter_mut().for_each(|s| *s /= entries);
        energies
    }

    /// w, in bits, of a window with energy s.
    #[inline(always)]
    fn information(&self, s: f64, (gain, noise): (f64, f64)) -> f64 {
        let spread = (noise + (1.0 + gain * gain) * NOISE) * s;
        let ratio = |variance: &f64| 1.0 + (spread * variance + NOISE * noise) / (NOISE * NOISE);
        // One logarithm for five ratios, none of which exceeds 1e40 for samples on 0…255.
        let products = self.variances.chunks(5).map(|five| five.iter().map(ratio).product::<f64>());
        let bits: f64 = products.map(f64::log2).sum();
        // Counts as nothing, so that flat pictures have no weights at all.
        if bits < f64::EPSILON { 0.0 } else { bits }
    }
}

/// A band at twice its size, interpolated along both axes.
fn enlarge(plane: &Plane) -> Plane {
    let transposed = |p: &Plane| Plane::from_fn(p.height, p.width, |x, y| p.at(y, x));
    transposed(&enlarge_rows(&transposed(&enlarge_rows(plane))))
}

/// n samples become 4n − 3 by linear interpolation with half-pixel centres, one more is
/// extrapolated at either end, and every second is kept.
fn enlarge_rows(plane: &Plane) -> Plane {
    let n = plane.width;
    let fine = 4 * n - 3;
    let mut data = Vec::with_capacity(2 * n * plane.height);
    for y in 0..plane.height {
        let row = plane.row(y);
        let at = |i: usize| {
            let place = ((i as f64 + 0.5) * n as f64 / fine as f64 - 0.5).max(0.0);
            let left = (place as usize).min(n - 1);
            let right = (left + 1).min(n - 1);
            row[left] + (place - left as f64) * (row[right] - row[left])
        };
        data.push(2.0 * at(0) - at(1));
        data.extend((1..fine).step_by(2).map(at));
        data.push(2.0 * at(fine - 1) - at(fine - 2));
    }
    Plane::new(2 * n, plane.height, data)
}

const IW_SSIM: MetricCard = MetricCard {
    id: "iw-ssim@piq",
    default_profile: true,
    title: "Information content weighted SSIM",
    definition: "product over five Laplacian levels of luma 0..255 of |mean of the contrast-structure term weighted by shared information|^beta, the coarsest being mean SSIM",
    source: "Wang, Li: Information content weighting for perceptual image quality assessment, IEEE Transactions on Image Processing 2011",
    reproduces: "piq 0.8.0 information_weighted_ssim in f64, 1e-9",
    symmetric: false,
    // The fifth level must hold one window of 11 samples.
    minimum_side: 161,
    when_smaller: "use ms-ssim@small",
    colour: ColourUse::Luma,
    blind_to: &["inversion, which scores 0.71 for its absolute values", "chroma"],
    notes: &[
        "tools that limit negative factors to 0 instead give 0 for inverted pictures",
        "tools that take the mean over red, green and blue are up to 0.036 away",
    ],
    ..MetricCard::BASE
};

pub(crate) const DEFINITIONS: &[Definition] =
    &[Definition { card: &IW_SSIM, build: |id, card| Ok(Registered::boxed(id, card, IwSsim)) }];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, noisy, textured, value};
    use lookalike_core::Channels;

    #[test]
    fn card_holds() {
        check_card("iw-ssim");
    }

    #[test]
    fn enlarging_keeps_lines_straight() {
        // Samples lie n/(4n − 3) apart, every second of them being kept.
        let line = Plane::from_fn(8, 3, |x, y| 3.0 * x as f64 + 10.0 * y as f64);
        let large = enlarge(&line);
        assert_eq!((large.width, large.height), (16, 6));
        let step = 2.0 * 8.0 / 29.0 * 3.0;
        for x in 2..13 {
            assert!((large.at(x + 1, 3) - large.at(x, 3) - step).abs() < 1e-12, "{x}");
        }
        assert!(enlarge(&line.map(|_| 7.0)).data.iter().all(|&v| v == 7.0));
    }

    #[test]
    fn whitening_gives_each_entry_one_unit_on_average() {
        let y = Plane::from_fn(40, 30, |x, y| ((x * x * 7 + y * y * 5 + x * y) % 23) as f64 - 11.0);
        let model = Neighbourhoods::of(&y, None);
        let energies = (0..28).flat_map(|row| model.energies(&neighbours(&y, None, row)));
        let sum = 9.0 * energies.sum::<f64>();
        assert!((sum / (28.0 * 38.0) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn argument_order_matters() {
        let reference = textured(165, 170, Channels::Rgb, 1);
        let candidate = noisy(&reference, 30.0, 2);
        let forth = value("iw-ssim", &reference, &candidate);
        let back = value("iw-ssim", &candidate, &reference);
        assert!((forth - back).abs() > 1e-6, "{forth} {back}");
    }
}
