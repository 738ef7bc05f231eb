//! Correlations between scores and ratings.
//!
//! * PLCC, linear: r = Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² Σ(y − ȳ)²) (Pearson)
//! * SROCC, of ranks: PLCC of the ranks, equal numbers sharing theirs (Spearman)
//! * KRCC, of pairs: τ_b = (C − D) / √((n₀ − n₁)(n₀ − n₂)) with C concordant and D discordant of n₀ pairs,
//!   n₁ and n₂ of which are equal in one and in the other (Kendall 1945)
//!
//! Choices: signs are kept; a distance that agrees with ratings of quality has a negative one. Where all
//! scores or all ratings are equal there is no correlation, and none is invented.
//!
//! Reproduces `scipy.stats.pearsonr`, `spearmanr` and `kendalltau` of SciPy 1.17.1, 1e-12. Limits: no
//! p-values, as these assume that items are independent; see [`permutation`](super::permutation).

use super::kendall;
use super::ranks::average_ranks;
use crate::error::{check_finite, check_numbers};
use crate::{Error, Result};

/// Which correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// PLCC.
    Pearson,
    /// SROCC.
    Spearman,
    /// KRCC, τ_b.
    Kendall,
}

impl Correlation {
    /// The correlation of as many scores as ratings, from −1 to 1.
    ///
    /// ```
    /// use lookalike_judge::statistics::correlation::Correlation;
    /// let [scores, ratings] = [[0.1, 0.2, 0.9], [3.0, 2.0, 1.0]];
    /// assert_eq!(Correlation::Spearman.of(&scores, &ratings), Ok(-1.0));
    /// ```
    ///
    /// # Errors
    /// [`Error::Lengths`]; [`Error::TooFew`] below two; [`Error::NotANumber`]; [`Error::NotFinite`] of
    /// infinities, which only the linear one refuses; [`Error::Constant`].
    pub fn of(self, scores: &[f64], ratings: &[f64]) -> Result<f64> {
        check_pairs(scores, ratings, 2)?;
        match self {
            Self::Pearson => {
                check_finite(scores)?;
                check_finite(ratings)?;
                linear(scores, ratings)
            }
            Self::Spearman => linear(&average_ranks(scores)?, &average_ranks(ratings)?),
            Self::Kendall => {
                check_numbers(scores)?;
                check_numbers(ratings)?;
                kendall::tau_b(scores, ratings)
            }
        }
    }
}

pub(super) fn check_pairs<A, B>(left: &[A], right: &[B], least: usize) -> Result<()> {
    if left.len() != right.len() {
        return Err(Error::Lengths { left: left.len(), right: right.len() });
    }
    if left.len() < least {
        return Err(Error::TooFew { found: left.len(), least });
    }
    Ok(())
}

fn linear(xs: &[f64], ys: &[f64]) -> Result<f64> {
    let (xs, ys) = (unit(xs)?, unit(ys)?);
    let product: f64 = xs.iter().zip(&ys).map(|(x, y)| x * y).sum();
    Ok(product.clamp(-1.0, 1.0))
}

/// Finite numbers less their mean, divided by the norm of what is left.
pub(super) fn unit(numbers: &[f64]) -> Result<Vec<f64>> {
    // Means of equal numbers are rounded, so differences from them would not all be zero.
    if numbers.iter().all(|&number| number == numbers[0]) {
        return Err(Error::Constant);
    }
    // Squares of what was divided by the greatest neither overflow nor vanish.
    let greatest = numbers.iter().fold(0.0_f64, |most, number| most.max(number.abs()));
    let mean = numbers.iter().map(|number| number / greatest).sum::<f64>() / numbers.len() as f64;
    let mut centred: Vec<f64> = numbers.iter().map(|number| number / greatest - mean).collect();
    let norm = centred.iter().map(|number| number * number).sum::<f64>().sqrt();
    if norm == 0.0 {
        return Err(Error::Constant);
    }
    centred.iter_mut().for_each(|number| *number /= norm);
    Ok(centred)
}

#[cfg(test)]
mod tests {
    use super::Correlation::{Kendall, Pearson, Spearman};
    use super::*;

    const ALL: [Correlation; 3] = [Pearson, Spearman, Kendall];

    #[test]
    fn order_is_all_that_ranks_see() {
        let xs = [-2.0, -1.0, 0.5, 1.0, 3.0];
        let cubes = xs.map(|x: f64| x.powi(3));
        assert!((Spearman.of(&xs, &cubes).unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(Kendall.of(&xs, &cubes), Ok(1.0));
        assert!(Pearson.of(&xs, &cubes).unwrap() < 0.95);
        let endless = [0.0, 1.0, 2.0, 3.0, f64::INFINITY];
        assert!((Spearman.of(&xs, &endless).unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(Pearson.of(&xs, &endless), Err(Error::NotFinite { index: 4 }));
    }

    #[test]
    fn signs_turn_and_sides_change() {
        let (xs, ys) = ([1.0, 2.0, 2.0, 5.0, 4.0], [0.3, 0.1, 0.4, 0.4, 0.9]);
        let turned = ys.map(|y| -y);
        for kind in ALL {
            let found = kind.of(&xs, &ys).unwrap();
            assert!((found + kind.of(&xs, &turned).unwrap()).abs() < 1e-15, "{kind:?}");
            assert!((found - kind.of(&ys, &xs).unwrap()).abs() < 1e-15, "{kind:?}");
        }
    }

    #[test]
    fn magnitudes_do_not_matter() {
        let (xs, ys) = ([1.0, 2.0, 4.0, 3.0], [2.0, 1.0, 4.0, 9.0]);
        let expected = Pearson.of(&xs, &ys).unwrap();
        for scale in [1e-300, 1e300] {
            let found = Pearson.of(&xs.map(|x| x * scale), &ys).unwrap();
            assert!((found - expected).abs() < 1e-14, "{scale}: {found}");
        }
    }

    #[test]
    fn what_has_no_correlation_is_refused() {
        for kind in ALL {
            assert_eq!(kind.of(&[0.1; 3], &[1.0, 2.0, 3.0]), Err(Error::Constant), "{kind:?}");
            assert_eq!(kind.of(&[1.0], &[1.0]), Err(Error::TooFew { found: 1, least: 2 }));
            let uneven = kind.of(&[1.0, 2.0], &[1.0]);
            assert_eq!(uneven, Err(Error::Lengths { left: 2, right: 1 }));
            let lost = kind.of(&[1.0, f64::NAN], &[1.0, 2.0]);
            assert!(lost.is_err(), "{kind:?}: {lost:?}");
        }
    }
}
