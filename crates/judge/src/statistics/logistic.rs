//! PLCC and RMSE after a fitted curve, as papers on picture quality report them.
//!
//! f(x) = (β₁ − β₂) / (1 + exp(−(x − β₃) / |β₄|)) + β₂, fitted to ratings by least squares; PLCC is the linear
//! correlation of f(x) with the ratings, RMSE = √(Σ(y − f(x))² / n).
//!
//! Source: VQEG, "Final Report from the Video Quality Experts Group on the Validation of Objective Models
//! of Video Quality Assessment, Phase II", 2003, the curve of four parameters. The one of five (Sheikh,
//! Sabir and Bovik, IEEE Transactions on Image Processing 15, 2006), β₁(½ − 1/(1 + exp(β₂(x − β₃)))) + β₄x + β₅,
//! need not be monotone, so it can credit a metric with an order that it does not have; it is not offered.
//!
//! Choices: whether the curve rises or falls follows from the data (β₁ − β₂ has either sign), so distances
//! need not be negated, and PLCC after the fit has no sign. VQEG divides by n − 4 in RMSE, most papers by n,
//! as here. For given β₃ and β₄ the other two are a linear regression; so only two are searched, by
//! Levenberg and Marquardt with the derivative of what regression leaves (Golub and Pereyra 1973, in the
//! form of Kaufman 1975), from the two best of a fixed grid of starts: no guess is asked for, and equal
//! data give equal results. Crates for such searches bring a matrix library for what is here 2×2.
//!
//! Where ratings jump, are straight or grow exponentially the best curve of this form is infinitely steep,
//! flat or far away: |β₄| stays between a thousandth and a thousand standard deviations of the scores, β₃
//! within fifteen |β₄| of them. PLCC then is within 1e-6 of its limit.
//!
//! Reproduces `scipy.optimize.curve_fit` of SciPy 1.17.1 where that converges: PLCC and RMSE 1e-8.

use super::correlation::check_pairs;
use crate::error::check_finite;
use crate::{Error, Result};

/// The curve. All parameters are finite and `scale` is above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic {
    /// Where it goes for great scores, β₁.
    pub right: f64,
    /// Where it comes from, β₂.
    pub left: f64,
    /// The score at which it is half way, β₃.
    pub centre: f64,
    /// How many scores it takes to turn, |β₄|.
    pub scale: f64,
}

impl Logistic {
    /// The rating it predicts.
    pub fn at(&self, score: f64) -> f64 {
        let height = self.right - self.left;
        self.left + height * sigmoid((score - self.centre) / self.scale)
    }
}

/// A curve and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The curve.
    pub curve: Logistic,
    /// PLCC of what it predicts with the ratings, from 0 to 1.
    pub correlation: f64,
    /// The root of the mean squared error, in units of the ratings.
    pub rmse: f64,
}

/// Fits the curve to as many ratings as scores.
///
/// # Errors
/// [`Error::Lengths`]; [`Error::TooFew`] below five, one more than parameters; [`Error::NotANumber`],
/// [`Error::NotFinite`]; [`Error::Constant`] where all scores or all ratings are equal.
pub fn fit(scores: &[f64], ratings: &[f64]) -> Result<Fit> {
    check_pairs(scores, ratings, 5)?;
    check_finite(scores)?;
    check_finite(ratings)?;
    let (scores, ratings) = (Standard::of(scores)?, Standard::of(ratings)?);
    let search = Search { xs: &scores.numbers, ys: &ratings.numbers, reach: scores.reach() };
    let mut starts: Vec<(Turn, f64)> = search
        .starts()
        .into_iter()
        .filter_map(|turn| Some((turn, search.regress(turn)?.cost)))
        .collect();
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    let best = starts
        .iter()
        .take(2)
        .filter_map(|&(turn, _)| search.descend(turn))
        .min_by(|a, b| a.1.cost.total_cmp(&b.1.cost));
    let (turn, regression) = best.ok_or(Error::Constant)?;
    Ok(search.result(turn, &regression, &scores, &ratings))
}

/// Numbers less their mean in units of their standard deviation.
struct Standard {
    mean: f64,
    deviation: f64,
    numbers: Vec<f64>,
}

impl Standard {
    fn of(numbers: &[f64]) -> Result<Self> {
        // The root of their count makes unit variance of unit norm.
        let root = (numbers.len() as f64).sqrt();
        let standard: Vec<f64> =
            super::correlation::unit(numbers)?.iter().map(|number| number * root).collect();
        let mean = numbers.iter().map(|number| number / numbers.len() as f64).sum::<f64>();
        let deviation = numbers
            .iter()
            .zip(&standard)
            .map(|(number, standard)| (number - mean) / root * (standard / root))
            .sum();
        Ok(Self { mean, deviation, numbers: standard })
    }

    fn reach(&self) -> f64 {
        self.numbers.iter().fold(0.0, |most, number| most.max(number.abs()))
    }
}

/// Where the curve turns and how slowly, in standard deviations.
#[derive(Clone, Copy)]
struct Turn {
    centre: f64,
    log_scale: f64,
}

/// What regression on the turned scores leaves.
struct Regression {
    /// The centred basis and the sum of its squares.
    basis: Vec<f64>,
    squares: f64,
    /// The mean of the basis before.
    mean: f64,
    slope: f64,
    /// The sum of squares of what is left.
    cost: f64,
}

struct Search<'a> {
    xs: &'a [f64],
    ys: &'a [f64],
    reach: f64,
}

const STEPS: usize = 500;

impl Search<'_> {
    fn starts(&self) -> Vec<Turn> {
        let centres = [-1.5, -0.75, 0.0, 0.75, 1.5];
        let scales = [0.25_f64, 0.5, 1.0, 2.0];
        let at = |centre| scales.map(|scale| Turn { centre, log_scale: scale.ln() });
        centres.into_iter().flat_map(at).collect()
    }

    fn within(&self, turn: Turn) -> Turn {
        let log_scale = turn.log_scale.clamp(1e-3_f64.ln(), 1e3_f64.ln());
        let farthest = self.reach + 15.0 * log_scale.exp();
        Turn { centre: turn.centre.clamp(-farthest, farthest), log_scale }
    }

    /// The sigmoid of the scores or that less one: regression is the same, but of numbers near one too much
    /// is lost when the mean is taken off.
    fn basis(turn: Turn, x: f64) -> f64 {
        let turned = (x - turn.centre) / turn.log_scale.exp();
        if turn.centre < 0.0 { -sigmoid(-turned) } else { sigmoid(turned) }
    }

    /// `None` where the basis does not vary.
    fn regress(&self, turn: Turn) -> Option<Regression> {
        let mut basis: Vec<f64> = self.xs.iter().map(|&x| Self::basis(turn, x)).collect();
        let mean = basis.iter().sum::<f64>() / basis.len() as f64;
        let raw: f64 = basis.iter().map(|b| b * b).sum();
        basis.iter_mut().for_each(|b| *b -= mean);
        let squares: f64 = basis.iter().map(|b| b * b).sum();
        // Relative precision of the squares is that of what is left of the numbers, squared.
        if squares <= 1e-24 * raw {
            return None;
        }
        // Ratings are centred already.
        let slope = dot(&basis, self.ys) / squares;
        let cost = basis.iter().zip(self.ys).map(|(b, y)| (y - slope * b).powi(2)).sum();
        Some(Regression { basis, squares, mean, slope, cost })
    }

    /// Derivatives of the curve by centre and scale, less what regression takes up.
    fn derivatives(&self, turn: Turn, regression: &Regression) -> [Vec<f64>; 2] {
        let scale = turn.log_scale.exp();
        let steepness = |x: f64| {
            let turned = (x - turn.centre) / scale;
            let rise = sigmoid(turned);
            (-regression.slope * rise * (1.0 - rise), turned)
        };
        let by_centre = self.xs.iter().map(|&x| steepness(x).0 / scale).collect();
        let by_scale = self.xs.iter().map(|&x| steepness(x)).map(|(by, turned)| by * turned);
        [by_centre, by_scale.collect()].map(|mut column: Vec<f64>| {
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            column.iter_mut().for_each(|value| *value -= mean);
            let along = dot(&column, &regression.basis) / regression.squares;
            column.iter_mut().zip(&regression.basis).for_each(|(value, b)| *value -= along * b);
            column
        })
    }

    fn descend(&self, start: Turn) -> Option<(Turn, Regression)> {
        let mut turn = self.within(start);
        let mut current = self.regress(turn)?;
        let mut damping = 1e-3;
        for _ in 0..STEPS {
            let [by_centre, by_scale] = self.derivatives(turn, &current);
            let left: Vec<f64> =
                current.basis.iter().zip(self.ys).map(|(b, y)| y - current.slope * b).collect();
            let (cc, ss) = (dot(&by_centre, &by_centre), dot(&by_scale, &by_scale));
            let cs = dot(&by_centre, &by_scale);
            let (c, s) = (dot(&by_centre, &left), dot(&by_scale, &left));
            let improved = loop {
                let (cc, ss) = (cc * (1.0 + damping) + 1e-300, ss * (1.0 + damping) + 1e-300);
                let determinant = cc * ss - cs * cs;
                let centre = turn.centre + (c * ss - s * cs) / determinant;
                let log_scale = turn.log_scale + (s * cc - c * cs) / determinant;
                // Where the curve does not bend over the scores there may be no next step.
                if !centre.is_nan() && !log_scale.is_nan() {
                    let next = self.within(Turn { centre, log_scale });
                    if let Some(tried) = self.regress(next).filter(|t| t.cost < current.cost) {
                        damping = (damping / 10.0).max(1e-12);
                        break Some((next, tried));
                    }
                }
                damping *= 10.0;
                if damping > 1e12 {
                    break None;
                }
            };
            let Some((next, tried)) = improved else { break };
            let gained = current.cost - tried.cost;
            (turn, current) = (next, tried);
            // The variance of the ratings is 1, so their squares sum up to their count.
            if gained <= 1e-15 * current.cost.max(1e-15 * self.ys.len() as f64) {
                break;
            }
        }
        Some((turn, current))
    }

    fn result(
        &self,
        turn: Turn,
        regression: &Regression,
        scores: &Standard,
        ratings: &Standard,
    ) -> Fit {
        // The basis is the sigmoid or that less one.
        let (from, to) = if turn.centre < 0.0 { (-1.0, 0.0) } else { (0.0, 1.0) };
        let rating = |basis: f64| {
            ratings.mean + ratings.deviation * regression.slope * (basis - regression.mean)
        };
        let curve = Logistic {
            right: rating(to),
            left: rating(from),
            centre: scores.mean + scores.deviation * turn.centre,
            scale: scores.deviation * turn.log_scale.exp(),
        };
        let count = self.ys.len() as f64;
        // Of a regression: the norm of what is predicted over that of the ratings.
        let correlation = regression.slope.abs() * (regression.squares / count).sqrt();
        let rmse = ratings.deviation * (regression.cost / count).sqrt();
        Fit { curve, correlation: correlation.min(1.0), rmse }
    }
}

fn dot(xs: &[f64], ys: &[f64]) -> f64 {
    xs.iter().zip(ys).map(|(x, y)| x * y).sum()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::correlation::Correlation;
    use crate::statistics::seeded;

    fn even(stream: u64, count: usize) -> Vec<f64> {
        let mut draws = seeded::stream(13, stream);
        (0..count).map(|_| seeded::below(&mut draws, 1_000_001) as f64 / 1e6).collect()
    }

    #[test]
    fn steps_that_lead_nowhere_end_the_search() {
        // Evenly spaced scores of which one is rated out of place: a step is no number.
        let scores = [-6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, -7.0];
        let ratings = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let found = fit(&scores, &ratings).unwrap();
        assert!(found.rmse.is_finite() && (0.0..=1.0).contains(&found.correlation), "{found:?}");
    }

    #[test]
    fn a_curve_of_this_form_is_found() {
        let scores = even(0, 80);
        for (right, left, scale) in [(90.0, 10.0, 0.1), (10.0, 90.0, 0.1), (5.0, 1.0, 0.02)] {
            let made = Logistic { right, left, centre: 0.3, scale };
            let ratings: Vec<f64> = scores.iter().map(|&score| made.at(score)).collect();
            let found = fit(&scores, &ratings).unwrap();
            assert!(1.0 - found.correlation < 1e-12, "{found:?}");
            assert!(found.rmse < 1e-6 * (right - left).abs(), "{found:?}");
            let curve = found.curve;
            for (found, made) in [
                (curve.right, made.right),
                (curve.left, made.left),
                (curve.centre, made.centre),
                (curve.scale, made.scale),
            ] {
                assert!((found / made - 1.0).abs() < 1e-5, "{curve:?} against {made:?}");
            }
        }
    }

    #[test]
    fn what_is_reported_is_what_the_curve_gives() {
        let (scores, noise) = (even(1, 120), even(2, 120));
        for (power, share) in [(1.0, 0.1), (3.0, 0.5), (0.3, 2.0)] {
            let ratings: Vec<f64> =
                scores.iter().zip(&noise).map(|(s, n)| 30.0 - s.powf(power) - share * n).collect();
            let found = fit(&scores, &ratings).unwrap();
            let fitted: Vec<f64> = scores.iter().map(|&score| found.curve.at(score)).collect();
            let direct = Correlation::Pearson.of(&fitted, &ratings).unwrap();
            assert!((found.correlation - direct).abs() < 1e-9, "{found:?}: {direct}");
            let squares: f64 = fitted.iter().zip(&ratings).map(|(f, r)| (f - r).powi(2)).sum();
            let rmse = (squares / 120.0).sqrt();
            assert!((found.rmse - rmse).abs() < 1e-9, "{found:?}: {rmse}");
            // No worse than the straight line, which is a limit of the curve.
            let straight = Correlation::Pearson.of(&scores, &ratings).unwrap().abs();
            assert!(found.correlation > straight - 1e-6, "{found:?}: {straight}");
            // Nor do units matter.
            let far: Vec<f64> = scores.iter().map(|score| 1e6 - 250.0 * score).collect();
            let turned = fit(&far, &ratings).unwrap();
            assert!((turned.correlation - found.correlation).abs() < 1e-9);
        }
    }

    #[test]
    fn limits_of_the_curve_are_met() {
        let scores = even(3, 50);
        let jump = scores.iter().map(|&score| f64::from(score > 0.4)).collect();
        let straight = scores.iter().map(|score| 3.0 * score).collect();
        let steep = scores.iter().map(|score| (4.0 * score).exp()).collect();
        let slow = scores.iter().map(|score| -(-4.0 * score).exp()).collect();
        for ratings in [jump, straight, steep, slow] {
            let ratings: Vec<f64> = ratings;
            let found = fit(&scores, &ratings).unwrap();
            assert!(found.correlation > 1.0 - 1e-6, "{found:?}");
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let (four, five) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, 6.0]);
        assert_eq!(fit(&four, &four), Err(Error::TooFew { found: 4, least: 5 }));
        assert_eq!(fit(&four, &five), Err(Error::Lengths { left: 4, right: 5 }));
        assert_eq!(fit(&[2.0; 5], &five), Err(Error::Constant));
        assert_eq!(fit(&five, &[2.0; 5]), Err(Error::Constant));
        let endless = [1.0, 2.0, 3.0, 4.0, f64::INFINITY];
        assert_eq!(fit(&endless, &five), Err(Error::NotFinite { index: 4 }));
    }
}
