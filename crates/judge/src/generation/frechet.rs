//! Fréchet distance of two Gaussians fitted to features: FID where these are Inception's.
//!
//! d² = ‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), with sample covariances, that is divided by n − 1.
//!
//! Source: Dowson and Landau, Journal of Multivariate Analysis 12, 1982; Heusel, Ramsauer, Unterthiner,
//! Nessler, Hochreiter, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
//! NeurIPS 2017.
//!
//! What others do for the trace of the root: pytorch-fid and clean-fid take SciPy's general `sqrtm` of Σ₁Σ₂,
//! drop imaginary parts and, where the result is not finite, add 1e-6 to both diagonals; torch-fidelity and
//! torchmetrics sum the real parts of the roots of its eigenvalues.
//!
//! Choices: with Σ = FFᵀ from a symmetric eigendecomposition, Tr (Σ₁Σ₂)^½ is the sum of the singular values of
//! F₁ᵀF₂. It is the same number without imaginary parts, and nothing is added to singular covariances, which
//! are those of fewer pictures than features: eigenvalues below D·ε of the greatest are rounding and left
//! out. Rounding can no longer make d² negative, so that it is cut off at 0.
//!
//! Reproduces `scipy.linalg.sqrtm` on seeded features, 1e-9 of the value. Limits: the estimate is biased
//! upwards by a share that falls with n, so only distances of equal n compare; below 2048 pictures the
//! covariance of 2048 features is singular, and the authors advise 10,000.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;

use super::Features;
use super::features::{check_columns, check_rows};
use crate::error::check_finite;
use crate::{Error, Result};

/// Mean and covariance.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    mean: Vec<f64>,
    /// Symmetric, so of either order.
    covariance: Vec<f64>,
}

/// A squared distance and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// d², which is what is called FID; 0 and above.
    pub value: f64,
    /// ‖μ₁ − μ₂‖², the part of the means.
    pub means: f64,
    /// The part of the covariances.
    pub covariances: f64,
}

impl Moments {
    /// Of at least two rows.
    ///
    /// # Errors
    /// [`Error::TooFew`].
    pub fn of(features: &Features) -> Result<Self> {
        check_rows(features, 2)?;
        let (rows, columns) = (features.rows(), features.columns());
        let mut mean = vec![0.0; columns];
        for row in features.values().chunks_exact(columns) {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        mean.iter_mut().for_each(|sum| *sum /= rows as f64);
        let mut centred = features.values().to_vec();
        for row in centred.chunks_exact_mut(columns) {
            row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        }
        let centred = MatRef::from_row_major_slice(&centred, rows, columns);
        let mut covariance = vec![0.0; columns * columns];
        covariance.par_chunks_mut(128 * columns).enumerate().for_each(|(number, part)| {
            let width = part.len() / columns;
            matmul(
                faer::MatMut::from_column_major_slice_mut(part, columns, width),
                Accum::Replace,
                centred.transpose(),
                centred.subcols(number * 128, width),
                1.0 / (rows - 1) as f64,
                Par::Seq,
            );
        });
        Ok(Self { mean, covariance })
    }

    /// Of statistics that were recorded, as of a published data set: a mean of D numbers and a covariance
    /// of D rows of D, in either order.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Shape`]; [`Error::NotANumber`], [`Error::NotFinite`];
    /// [`Error::Asymmetric`] where the covariance is none.
    pub fn new(mean: Vec<f64>, covariance: Vec<f64>) -> Result<Self> {
        let columns = mean.len();
        if columns == 0 {
            return Err(Error::Empty);
        }
        if covariance.len() != columns * columns {
            return Err(Error::Shape { numbers: covariance.len(), columns });
        }
        check_finite(&mean)?;
        check_finite(&covariance)?;
        let greatest = covariance.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        for row in 0..columns {
            for column in 0..row {
                let pair = [row * columns + column, column * columns + row];
                let [one, other] = pair.map(|index| covariance[index]);
                // Files are often of single precision.
                if (one - other).abs() > 1e-6 * greatest {
                    return Err(Error::Asymmetric { row, column });
                }
            }
        }
        Ok(Self { mean, covariance })
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.covariance, self.mean.len(), self.mean.len())
    }

    /// F of D rows with Σ = FFᵀ.
    fn factor(&self) -> Result<Mat<f64>> {
        let columns = self.mean.len();
        let found =
            self.matrix().self_adjoint_eigen(Side::Lower).map_err(|_| Error::NoDecomposition)?;
        let values: Vec<f64> = found.S().column_vector().iter().copied().collect();
        let greatest = values.iter().fold(0.0_f64, |most, &value| most.max(value));
        let rounding = greatest * f64::EPSILON * columns as f64;
        // They ascend.
        let from = values.iter().position(|&value| value > rounding).unwrap_or(columns);
        Ok(Mat::from_fn(columns, columns - from, |row, column| {
            found.U()[(row, from + column)] * values[from + column].sqrt()
        }))
    }

    fn trace(&self) -> f64 {
        self.covariance.iter().step_by(self.mean.len() + 1).sum()
    }
}

/// The squared distance.
///
/// # Errors
/// [`Error::Columns`]; [`Error::NoDecomposition`] where an eigendecomposition does not converge.
pub fn distance(left: &Moments, right: &Moments) -> Result<Distance> {
    let columns = left.mean.len();
    if columns != right.mean.len() {
        return Err(Error::Columns { left: columns, right: right.mean.len() });
    }
    let means = left.mean.iter().zip(&right.mean).map(|(a, b)| (a - b) * (a - b)).sum();
    let factors: Vec<Mat<f64>> =
        [left, right].into_par_iter().map(Moments::factor).collect::<Result<_>>()?;
    let (one, other) = (factors[0].as_ref(), factors[1].as_ref());
    let root = if one.ncols() == 0 || other.ncols() == 0 {
        0.0
    } else {
        let mut product = Mat::zeros(one.ncols(), other.ncols());
        matmul(&mut product, Accum::Replace, one.transpose(), other, 1.0, Par::Seq);
        let singular = product.singular_values().map_err(|_| Error::NoDecomposition)?;
        singular.iter().sum::<f64>()
    };
    let covariances = (left.trace() + right.trace() - 2.0 * root).max(0.0);
    Ok(Distance { value: means + covariances, means, covariances })
}

/// The squared distance of two sets of features, at least two rows each.
///
/// ```
/// use lookalike_judge::generation::{Features, frechet};
/// let real = Features::new(1, vec![0.0, 2.0])?;
/// let generated = Features::new(1, vec![3.0, 5.0])?;
/// // Of the same spread, so only the means differ.
/// assert!((frechet::of(&real, &generated)?.value - 9.0).abs() < 1e-12);
/// # Ok::<(), lookalike_judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::TooFew`]; as [`distance`].
pub fn of(left: &Features, right: &Features) -> Result<Distance> {
    check_columns(left, right)?;
    distance(&Moments::of(left)?, &Moments::of(right)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::seeded;

    fn drawn(stream: u64, rows: usize, columns: usize) -> Features {
        let mut draws = seeded::stream(19, stream);
        let value = |_| seeded::below(&mut draws, 1_000_001) as f64 / 1e6;
        Features::new(columns, (0..rows * columns).map(value).collect()).unwrap()
    }

    #[test]
    fn diagonal_covariances_have_a_closed_form() {
        // Σ(σ₁ − σ₂)² of standard deviations.
        let moments = |mean: f64, variances: [f64; 3]| {
            let mut covariance = vec![0.0; 9];
            (0..3).for_each(|i| covariance[i * 4] = variances[i]);
            Moments::new(vec![mean; 3], covariance).unwrap()
        };
        let (left, right) = (moments(1.0, [1.0, 4.0, 0.0]), moments(3.0, [4.0, 4.0, 9.0]));
        let found = distance(&left, &right).unwrap();
        assert!((found.means - 12.0).abs() < 1e-12, "{found:?}");
        assert!((found.covariances - 10.0).abs() < 1e-12, "{found:?}");
        let still = moments(0.0, [0.0; 3]);
        assert_eq!(distance(&still, &still).unwrap().value, 0.0);
    }

    #[test]
    fn fewer_pictures_than_features_are_no_trouble() {
        let (left, right) = (drawn(0, 12, 40), drawn(1, 9, 40));
        // The nonzero part of the product has an equal trace of the root in the space of pictures.
        let found = of(&left, &right).unwrap();
        let swapped = of(&right, &left).unwrap();
        assert!((found.value - swapped.value).abs() < 1e-12 * found.value);
        let same = of(&left, &left).unwrap().value;
        assert!((0.0..1e-12).contains(&same), "{same}");
        // Features that nobody has change nothing.
        let wider = |features: &Features| {
            let rows = features.values().chunks(40);
            let values = rows.flat_map(|row| row.iter().copied().chain([7.0; 3])).collect();
            Features::new(43, values).unwrap()
        };
        let padded = of(&wider(&left), &wider(&right)).unwrap();
        assert!((found.value - padded.value).abs() < 1e-12 * found.value);
    }

    #[test]
    fn threads_do_not_matter() {
        let (left, right) = (drawn(2, 200, 150), drawn(3, 180, 150));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| of(&left, &right).unwrap())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn what_has_no_distance_is_refused() {
        let (two, three) = (drawn(4, 5, 2), drawn(4, 5, 3));
        assert_eq!(of(&two, &three), Err(Error::Columns { left: 2, right: 3 }));
        let alone = drawn(5, 1, 2);
        assert_eq!(of(&alone, &two), Err(Error::TooFew { found: 1, least: 2 }));
        let skew = Moments::new(vec![0.0; 2], vec![1.0, 0.5, 0.4, 1.0]);
        assert_eq!(skew, Err(Error::Asymmetric { row: 1, column: 0 }));
        let short = Moments::new(vec![0.0; 2], vec![1.0; 3]);
        assert_eq!(short, Err(Error::Shape { numbers: 3, columns: 2 }));
    }
}
