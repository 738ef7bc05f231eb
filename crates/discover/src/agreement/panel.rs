//! All that can be said of the agreement in a set of votes.
//!
//! Intervals are by the bootstrap over seeds ([`lookalike_judge::statistics::bootstrap`]): pairs of one seed
//! are drawn together.

use std::collections::BTreeMap;

use lookalike_judge::statistics::bootstrap::{self, Interval};

use super::cohen::{self, Weighting};
use super::krippendorff::{self, Measurement};
use super::{Unit, dawid_skene, fleiss, prevalence, raw};
use crate::votes::Votes;

type Statistic = fn(&[Unit]) -> Option<f64>;

/// Coefficients that every set of votes has.
const ALWAYS: [(&str, Statistic); 5] = [
    ("raw", raw::raw),
    ("fleiss", fleiss::kappa),
    ("alpha", |units| krippendorff::alpha(units, Measurement::Nominal)),
    ("pabak", prevalence::pabak),
    ("ac1", prevalence::ac1),
];

/// A coefficient and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient {
    /// Its value.
    pub value: f64,
    /// Where it lies in 95 of 100 samples of seeds.
    pub interval: Option<Interval>,
}

/// Two raters.
#[derive(Clone, Debug, PartialEq)]
pub struct RaterPair {
    /// Their names.
    pub raters: [String; 2],
    /// Pairs of pictures that both judged.
    pub units: usize,
    /// Raw agreement.
    pub raw: Option<f64>,
    /// Cohen's κ.
    pub kappa: Option<f64>,
    /// Cohen's κ with quadratic weights, where there are grades.
    pub weighted: Option<f64>,
    /// PABAK.
    pub pabak: Option<f64>,
    /// AC1.
    pub ac1: Option<f64>,
}

/// One rater.
#[derive(Clone, Debug, PartialEq)]
pub struct Rater {
    /// The name.
    pub name: String,
    /// Votes that count.
    pub votes: usize,
    /// The share of them that says similar.
    pub similar: f64,
    /// Pairs of pictures that were shown to this rater again.
    pub repeated: usize,
    /// The share of those with the same answer.
    pub intra: Option<f64>,
    /// How often what this rater says is true, by Dawid and Skene.
    pub accuracy: Option<f64>,
}

/// The agreement in a set of votes.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Pairs of pictures with a vote.
    pub units: usize,
    /// Pairs of pictures with at least two.
    pub shared: usize,
    /// Votes that count.
    pub votes: usize,
    /// Of votes that count, the share that says similar.
    pub prevalence: f64,
    /// Votes that say unsure, bad picture or nothing, by what they say.
    pub undecided: BTreeMap<String, usize>,
    /// `raw`, `fleiss`, `alpha` (nominal), `alpha_ordinal` where there are grades, `pabak`, `ac1`.
    pub coefficients: Vec<(&'static str, Coefficient)>,
    /// All pairs of raters who share units.
    pub pairs: Vec<RaterPair>,
    /// All raters.
    pub raters: Vec<Rater>,
}

/// The panel; `threshold` is the least grade that is similar. `None` without a vote that counts.
pub fn panel(votes: &Votes, threshold: u8, resamples: usize, seed: u64) -> Option<Panel> {
    let units = votes.units();
    let table: Vec<Unit> = units.iter().map(|unit| unit.votes.clone()).collect();
    let groups: Vec<usize> = units.iter().map(|unit| unit.group).collect();
    let given: Vec<u8> = table.iter().flatten().copied().flatten().collect();
    if given.is_empty() {
        return None;
    }
    let mut statistics = ALWAYS.to_vec();
    let graded = super::grades(&table).len() > 2;
    if graded {
        statistics
            .push(("alpha_ordinal", |units| krippendorff::alpha(units, Measurement::Ordinal)));
    }
    let coefficients = statistics.into_iter().filter_map(|(name, statistic)| {
        let value = statistic(&table)?;
        let interval = bootstrap::interval(&groups, resamples, seed, |drawn| {
            let drawn: Vec<Unit> = drawn.iter().map(|&unit| table[unit].clone()).collect();
            statistic(&drawn)
        });
        Some((name, Coefficient { value, interval }))
    });
    let coefficients = coefficients.collect();
    let names = votes.raters();
    let mut pairs = Vec::new();
    for first in 0..names.len() {
        for second in first + 1..names.len() {
            let both: Vec<Unit> = table
                .iter()
                .map(|unit| vec![unit[first], unit[second]])
                .filter(|unit| unit.iter().all(Option::is_some))
                .collect();
            if both.is_empty() {
                continue;
            }
            let kappa = |weighting| cohen::kappa(&both, [0, 1], weighting);
            pairs.push(RaterPair {
                raters: [names[first].clone(), names[second].clone()],
                units: both.len(),
                raw: raw::raw(&both),
                kappa: kappa(Weighting::None),
                weighted: graded.then(|| kappa(Weighting::Quadratic)).flatten(),
                pabak: prevalence::pabak(&both),
                ac1: prevalence::ac1(&both),
            });
        }
    }
    let share = |grades: &[u8]| {
        let similar = grades.iter().filter(|&&grade| grade >= threshold).count();
        similar as f64 / grades.len().max(1) as f64
    };
    let consensus = dawid_skene::consensus(&table).filter(|_| names.len() > 2);
    let repeats = votes.repeats();
    let raters = names.iter().enumerate().map(|(number, name)| {
        let own: Vec<u8> = table.iter().filter_map(|unit| unit[number]).collect();
        let again: Vec<bool> =
            repeats.iter().filter(|one| one.0 == number).map(|one| one.1).collect();
        let same = again.iter().filter(|&&same| same).count();
        Rater {
            name: name.clone(),
            votes: own.len(),
            similar: share(&own),
            repeated: again.len(),
            intra: (!again.is_empty()).then(|| same as f64 / again.len() as f64),
            accuracy: consensus.as_ref().map(|found| found.accuracy[number]),
        }
    });
    Some(Panel {
        units: table.len(),
        shared: table.iter().filter(|unit| unit.iter().flatten().count() > 1).count(),
        votes: given.len(),
        prevalence: share(&given),
        undecided: votes.undecided(),
        coefficients,
        pairs,
        raters: raters.collect(),
    })
}
