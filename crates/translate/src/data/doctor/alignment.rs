//! Whether pairs fit: edges of a source lie where those of its target do, more than where those of others do.
//!
//! Of luma g = |∇| by central differences, averaged in cells of at most 32 × 32; a pair's score is Pearson's
//! correlation of the cells of source and target. A pair wins where its score is above the mean of its source against
//! three other targets, at a quarter, a half and three quarters of the list. Of n pairs that do not belong together
//! n/2 ± √n/2 win.
//!
//! Choices (ours): cells forgive displacements of a few pixels, as hand-made pairs have them; strangers from far in
//! the list are not the next frame of the same film. Limits: pictures that all look alike, and targets without the
//! source's shapes, cannot be told from pairs that are mixed up.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{EXAMPLES, Finding, Severity};
use crate::data::pairs::Pairs;

/// Pairs that are looked at, at most.
pub const MOST: usize = 256;
/// Pairs below which nothing is said.
const LEAST: usize = 8;
/// Cells along a side.
const CELLS: usize = 32;
/// Deviations from chance that wins must have.
const DEVIATIONS: f64 = 2.0;
/// The share of wins below which a warning is due.
const MANY: f64 = 0.75;

/// How well pairs fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Alignment {
    /// The mean correlation of edges in pairs, from −1 to 1.
    pub paired: f64,
    /// The mean between strangers.
    pub shuffled: f64,
    /// The share of pairs that fit better than strangers, from 0 to 1.
    pub wins: f64,
    /// Pairs that were looked at: those whose pictures have edges.
    pub count: usize,
    /// Places of the pairs that fit least, each less than strangers, the worst first.
    pub worst: Vec<usize>,
}

/// Measures how well pairs fit; `None` where too few have edges.
pub fn alignment(pairs: &Pairs) -> Option<Alignment> {
    let step = pairs.len().div_ceil(MOST).max(1);
    let maps: Vec<(usize, [Vec<f64>; 2])> = (0..pairs.len())
        .into_par_iter()
        .step_by(step)
        .filter_map(|place| {
            let side = pairs.kept_side(place);
            let [source, target] = pairs.pictures(place).map(|planes| edges(planes, side));
            Some((place, [source?, target?]))
        })
        .collect();
    let count = maps.len();
    if count < LEAST {
        return None;
    }
    let scores: Vec<(f64, f64)> = maps
        .par_iter()
        .enumerate()
        .map(|(at, (_, [source, target]))| {
            let other = |quarter: usize| &maps[(at + quarter * count / 4) % count].1[1];
            let strangers = [1, 2, 3].map(|quarter| correlation(source, other(quarter)));
            (correlation(source, target), strangers.iter().sum::<f64>() / 3.0)
        })
        .collect();
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| scores.iter().map(of).sum::<f64>() / count as f64;
    let mut worst: Vec<(f64, usize)> = scores
        .iter()
        .zip(&maps)
        .map(|((paired, shuffled), (place, _))| (paired - shuffled, *place))
        .filter(|&(gain, _)| gain <= 0.0)
        .collect();
    worst.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    Some(Alignment {
        paired: mean(&|score| score.0),
        shuffled: mean(&|score| score.1),
        wins: 1.0 - worst.len() as f64 / count as f64,
        count,
        worst: worst.into_iter().map(|(_, place)| place).collect(),
    })
}

/// Standardised strengths of edges in cells; `None` where there is no edge.
fn edges(planes: &[u8], side: usize) -> Option<Vec<f64>> {
    let area = side * side;
    let (red, green, blue) =
        (planes.get(..area)?, planes.get(area..2 * area)?, planes.get(2 * area..3 * area)?);
    let luma: Vec<f64> = red
        .iter()
        .zip(green)
        .zip(blue)
        .map(|((&r, &g), &b)| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b))
        .collect();
    let cells = side.min(CELLS);
    let mut sums = vec![0.0; cells * cells];
    let mut counts = vec![0.0; cells * cells];
    for y in 0..side {
        for x in 0..side {
            let at = |x: usize, y: usize| luma[y * side + x];
            let across = at((x + 1).min(side - 1), y) - at(x.saturating_sub(1), y);
            let down = at(x, (y + 1).min(side - 1)) - at(x, y.saturating_sub(1));
            let cell = y * cells / side * cells + x * cells / side;
            sums[cell] += (across * across + down * down).sqrt();
            counts[cell] += 1.0;
        }
    }
    let means = sums.iter().zip(&counts).map(|(sum, count)| sum / count);
    standardised(means.collect())
}

/// Numbers of mean 0 and of squares that add up to 1; `None` where all are the same.
fn standardised(mut numbers: Vec<f64>) -> Option<Vec<f64>> {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    numbers.iter_mut().for_each(|number| *number -= mean);
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    numbers.iter_mut().for_each(|number| *number /= length);
    // Below a thousandth of a code it is rounding.
    (length > 1e-3).then_some(numbers)
}

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The finding.
pub(super) fn check(pairs: &Pairs) -> Finding {
    let finding = |severity, message, numbers, examples| Finding {
        check: "alignment",
        severity,
        message,
        numbers,
        examples,
    };
    let Some(found) = alignment(pairs) else {
        let message =
            format!("fewer than {LEAST} pairs have edges, too few to tell whether they fit");
        return finding(Severity::Ok, message, BTreeMap::new(), Vec::new());
    };
    let deviations = (found.wins - 0.5) * 2.0 * (found.count as f64).sqrt();
    let facts = format!(
        "{:.0} % of {} pairs fit better than strangers, correlation of edges {:.3} against {:.3}",
        100.0 * found.wins,
        found.count,
        found.paired,
        found.shuffled
    );
    let (severity, message) = if deviations < DEVIATIONS {
        (
            Severity::Error,
            format!(
                "{facts}: no better than by chance; are sources and targets paired by the right name?"
            ),
        )
    } else if found.wins < MANY {
        (Severity::Warning, format!("{facts}: many pairs fit badly; look at them with a preview"))
    } else {
        (Severity::Ok, facts)
    };
    let numbers = BTreeMap::from([
        ("paired", found.paired),
        ("shuffled", found.shuffled),
        ("wins", found.wins),
        ("count", found.count as f64),
    ]);
    let worst = found.worst.iter().filter_map(|&place| pairs.names.get(place));
    finding(severity, message, numbers, worst.take(EXAMPLES).cloned().collect())
}
