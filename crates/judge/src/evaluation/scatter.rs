//! What a metric said against what people said, as points to be drawn.
//!
//! | protocol | across | up | curve |
//! |---|---|---|---|
//! | 2AFC | (left − right) / (left + right distance), −1 to 1 | share that chose the right one | means of ten parts |
//! | odd one out | (next − smallest) / (next + smallest distance), 0 to 1 | share that named the same odd one | means of ten parts |
//! | JND | distance | share that said "same" | means of ten parts |
//! | rating | distance | rating | the fitted [logistic curve](crate::statistics::logistic) |
//!
//! Parts have as many items each, in the order of what is across. Points with an infinite distance have no
//! place and are counted in `left_out`.

use super::disagreement::{contrast, sureness};
use super::{Answers, Statistic};
use crate::dataset::Protocol;
use crate::statistics::logistic;
use crate::{Error, Result};

/// Parts over which answers are averaged.
const PARTS: usize = 10;
/// Steps of a fitted curve.
const STEPS: usize = 64;

/// Points of a metric against people.
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// Across and up, of every item with finite numbers.
    pub points: Vec<[f64; 2]>,
    /// The item of every point.
    pub items: Vec<usize>,
    /// Points of the curve, from left to right; empty where there is none.
    pub curve: Vec<[f64; 2]>,
    /// Items without a place.
    pub left_out: usize,
}

impl Answers {
    /// The points of a metric, whose `distances` are as in [`evaluate`](Self::evaluate).
    ///
    /// # Errors
    /// [`Error::Lengths`], [`Error::NotANumber`].
    pub fn scatter(&self, distances: &[f64]) -> Result<Scatter> {
        let statistic = Statistic::new(self, distances)?;
        let point = |item: usize| match (self.protocol, statistic.of_item(item)) {
            (Protocol::TwoAlternative, &[left, right]) => {
                [contrast(right, left), self.values[item]]
            }
            (Protocol::OddOneOut, three) => [sureness(three), statistic.agreement(item)],
            (_, one) => [one.first().copied().unwrap_or(f64::INFINITY), self.values[item]],
        };
        let placed = (0..self.count()).map(|item| (item, point(item)));
        let (items, points): (Vec<usize>, Vec<[f64; 2]>) =
            placed.filter(|(_, point)| point.iter().all(|number| number.is_finite())).unzip();
        let curve = match self.protocol {
            Protocol::Rating => fitted(&points),
            _ => Ok(means(&points)),
        };
        // Where nothing can be fitted there is no curve, and the points are there all the same.
        let curve = curve.unwrap_or_default();
        Ok(Scatter { left_out: self.count() - points.len(), points, items, curve })
    }
}

fn fitted(points: &[[f64; 2]]) -> Result<Vec<[f64; 2]>> {
    let (alike, ratings): (Vec<f64>, Vec<f64>) = points.iter().map(|[x, y]| (-x, *y)).unzip();
    let curve = logistic::fit(&alike, &ratings)?.curve;
    let least = points.iter().map(|[x, _]| *x).reduce(f64::min).ok_or(Error::Empty)?;
    let most = points.iter().map(|[x, _]| *x).reduce(f64::max).ok_or(Error::Empty)?;
    let across = |step: usize| least + (most - least) * step as f64 / STEPS as f64;
    Ok((0..=STEPS).map(|step| [across(step), curve.at(-across(step))]).collect())
}

fn means(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let parts = PARTS.min(sorted.len());
    let mean = |part: usize| {
        let part = &sorted[part * sorted.len() / parts..(part + 1) * sorted.len() / parts];
        [0, 1].map(|axis| part.iter().map(|point| point[axis]).sum::<f64>() / part.len() as f64)
    };
    (0..parts).map(mean).collect()
}
