//! Area under the ROC curve: how well distances tell different pairs from same ones.
//!
//! With the share s of people who called a pair the same, the pair counts as same with weight s and as
//! different with 1 − s: AUC = Σᵢⱼ sᵢ(1 − sⱼ)(\[dᵢ < dⱼ\] + ½\[dᵢ = dⱼ\]) / (Σs Σ(1 − s)), the chance that a
//! pair drawn from the different ones is farther apart than one drawn from the same ones.
//!
//! Source: Hanley and McNeil, Radiology 143, 1982; weights as in scikit-learn's `roc_auc_score` with every
//! pair listed twice. Where people disagree 1 is out of reach: a pair is also compared with itself, a tie.
//!
//! Reproduces the double sum above computed with NumPy, 1e-12.

use super::ranks::ascends;
use crate::just_noticeable::{Pair, checked};
use crate::{Error, Result};

/// The area, from 0 to 1; ½ is chance.
///
/// ```
/// use lookalike_judge::{just_noticeable::Pair, statistics::auc::area};
/// let pairs = [(0.1, 1.0), (0.2, 0.0), (0.2, 1.0), (0.3, 0.0)];
/// assert_eq!(area(&pairs.map(|(distance, same)| Pair { distance, same })), Ok(0.875));
/// ```
///
/// # Errors
/// [`Error::Empty`], [`Error::NoDistance`], [`Error::Share`]; [`Error::NothingSame`] and
/// [`Error::NothingDifferent`] where there is only one kind.
pub fn area(pairs: &[Pair]) -> Result<f64> {
    let mut sorted = checked(pairs)?.to_vec();
    sorted.sort_unstable_by(|a, b| ascends(a.distance, b.distance));
    let (mut nearer, mut different, mut won) = (0.0, 0.0, 0.0);
    for block in sorted.chunk_by(|a, b| a.distance == b.distance) {
        let sames: f64 = block.iter().map(|pair| pair.same).sum();
        let others: f64 = block.iter().map(|pair| 1.0 - pair.same).sum();
        won += others * (nearer + sames / 2.0);
        nearer += sames;
        different += others;
    }
    if nearer == 0.0 {
        return Err(Error::NothingSame);
    }
    if different == 0.0 {
        return Err(Error::NothingDifferent);
    }
    Ok(won / (nearer * different))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(judged: &[(f64, f64)]) -> Result<f64> {
        let pairs: Vec<Pair> =
            judged.iter().map(|&(distance, same)| Pair { distance, same }).collect();
        area(&pairs)
    }

    #[test]
    fn the_best_the_worst_and_chance() {
        assert_eq!(of(&[(3.0, 0.0), (1.0, 1.0), (f64::INFINITY, 0.0)]), Ok(1.0));
        assert_eq!(of(&[(3.0, 1.0), (1.0, 0.0)]), Ok(0.0));
        assert_eq!(of(&[(0.0, 1.0), (-0.0, 0.0)]), Ok(0.5));
        // Of two pairs on which people are divided the nearer is not always the same one.
        let divided = of(&[(1.0, 0.8), (2.0, 0.2)]).unwrap();
        assert!((divided - (0.64 + 0.5 * (0.16 + 0.16))).abs() < 1e-15, "{divided}");
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        assert_eq!(of(&[]), Err(Error::Empty));
        assert_eq!(of(&[(1.0, 0.0)]), Err(Error::NothingSame));
        assert_eq!(of(&[(1.0, 1.0)]), Err(Error::NothingDifferent));
        assert_eq!(of(&[(f64::NAN, 1.0)]), Err(Error::NoDistance { index: 0 }));
        assert_eq!(of(&[(1.0, 2.0)]), Err(Error::Share { index: 0, share: 2.0 }));
    }
}
