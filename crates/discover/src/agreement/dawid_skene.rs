//! The likeliest labels and how reliable each rater is, from votes alone.
//!
//! A unit has a true grade t with probability p_t; rater r, asked about it, says g with probability π^r_tg.
//! Expectation: T_ut ∝ p_t Π_r π^r_{t, vote(u, r)}. Maximisation: p_t = mean of T_ut; π^r_tg ∝ Σ_u T_ut over
//! the units to which r gave g.
//!
//! Source: Dawid and Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm",
//! Applied Statistics 28, 1979.
//!
//! Choices: it starts from the shares of votes; every count of a rater has 0.01 added, so that one who never
//! said something can still be believed to say it; it ends when no probability moves by 1e-6 or after 200
//! rounds. Limits: raters are taken to err on their own; with two raters it can hardly tell who does.

use super::{Unit, counts, grades};

const ROUNDS: usize = 200;
const STILL: f64 = 1e-6;
const SMOOTHING: f64 = 0.01;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Consensus {
    /// The grades that were given, in ascending order.
    pub grades: Vec<u8>,
    /// For every unit, the probability of each grade.
    pub probabilities: Vec<Vec<f64>>,
    /// For every rater, true grade and grade said: how often.
    pub confusion: Vec<Vec<Vec<f64>>>,
    /// For every rater, how often what was said is true.
    pub accuracy: Vec<f64>,
}

impl Consensus {
    /// The likeliest grade of a unit and its probability; of equal ones the lower.
    pub fn grade(&self, unit: usize) -> Option<(u8, f64)> {
        let probabilities = self.probabilities.get(unit)?;
        let mut best: Option<(u8, f64)> = None;
        for (&grade, &probability) in self.grades.iter().zip(probabilities) {
            if best.is_none_or(|(_, known)| probability > known) {
                best = Some((grade, probability));
            }
        }
        best
    }
}

/// The likeliest labels; `None` where there is no vote.
pub fn consensus(units: &[Unit]) -> Option<Consensus> {
    let grades = grades(units);
    let kinds = grades.len();
    let raters = units.iter().map(Vec::len).max()?;
    if kinds == 0 {
        return None;
    }
    let place = |grade: u8| grades.binary_search(&grade).unwrap_or_default();
    let mut probabilities: Vec<Vec<f64>> = units
        .iter()
        .map(|unit| {
            let counts = counts(unit, &grades);
            let votes: f64 = counts.iter().sum();
            let share = |count: &f64| if votes > 0.0 { count / votes } else { 1.0 / kinds as f64 };
            counts.iter().map(share).collect()
        })
        .collect();
    let mut confusion = Vec::new();
    let mut prior = vec![0.0; kinds];
    for _ in 0..ROUNDS {
        confusion = vec![vec![vec![SMOOTHING; kinds]; kinds]; raters];
        prior = vec![0.0; kinds];
        for (unit, truth) in units.iter().zip(&probabilities) {
            for (t, &share) in truth.iter().enumerate() {
                prior[t] += share / units.len() as f64;
                for (rater, vote) in unit.iter().enumerate() {
                    if let Some(vote) = vote {
                        confusion[rater][t][place(*vote)] += share;
                    }
                }
            }
        }
        for row in confusion.iter_mut().flatten() {
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|cell| *cell /= sum);
        }
        let mut moved = 0.0_f64;
        for (unit, truth) in units.iter().zip(&mut probabilities) {
            // Logarithms, as many raters make products vanish.
            let logs: Vec<f64> = (0..kinds)
                .map(|t| {
                    let said = unit.iter().enumerate().filter_map(|(r, vote)| Some((r, (*vote)?)));
                    prior[t].max(f64::MIN_POSITIVE).ln()
                        + said.map(|(r, vote)| confusion[r][t][place(vote)].ln()).sum::<f64>()
                })
                .collect();
            let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = logs.iter().map(|log| (log - greatest).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for (old, weight) in truth.iter_mut().zip(weights) {
                moved = moved.max((*old - weight / sum).abs());
                *old = weight / sum;
            }
        }
        if moved < STILL {
            break;
        }
    }
    let accuracy = confusion
        .iter()
        .map(|of_rater: &Vec<Vec<f64>>| (0..kinds).map(|t| prior[t] * of_rater[t][t]).sum())
        .collect();
    Some(Consensus { grades, probabilities, confusion, accuracy })
}

#[cfg(test)]
mod tests {
    use lookalike_judge::statistics::seeded;

    use super::*;

    #[test]
    fn a_rater_who_guesses_is_found_out_and_overruled() {
        let mut draws = seeded::stream(3, 0);
        let mut chance = |percent: usize| seeded::below(&mut draws, 100) < percent;
        let (mut truth, mut units) = (Vec::new(), Vec::new());
        for _ in 0..600 {
            let similar = chance(40);
            let mut says =
                |right: usize| Some(u8::from(if chance(right) { similar } else { !similar }));
            let unit = vec![says(92), says(88), says(90), says(50)];
            truth.push(u8::from(similar));
            units.push(unit);
        }
        let found = consensus(&units).unwrap();
        for (accuracy, expected) in found.accuracy.iter().zip([0.92, 0.88, 0.9, 0.5]) {
            assert!((accuracy - expected).abs() < 0.06, "{:?}", found.accuracy);
        }
        let right = (0..600).filter(|&u| found.grade(u).unwrap().0 == truth[u]).count();
        assert!(right > 560, "{right}");
        assert_eq!(consensus(&[]), None);
        assert_eq!(consensus(&[vec![None]]), None);
    }

    #[test]
    fn unanimous_votes_stay() {
        let units = vec![vec![Some(1), Some(1)], vec![Some(0), Some(0)], vec![None, None]];
        let found = consensus(&units).unwrap();
        assert_eq!(found.grade(0).map(|one| one.0), Some(1));
        assert_eq!(found.grade(1).map(|one| one.0), Some(0));
        assert!(found.grade(2).is_some() && found.grade(3).is_none());
    }
}
