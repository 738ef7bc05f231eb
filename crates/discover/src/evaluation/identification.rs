//! Identification: how well *other pictures of the same thing* are found. For contrast with discovery.
//!
//! Of a query with R other pictures of its product, in falling order of similarity, the query left out:
//!
//! * P@1: whether the first is one of them
//! * Recall@k: whether any of the first k is (as benchmarks of metric learning define it)
//! * R-precision: their share of the first R
//! * MAP@R: (1/R) Σ_{i ≤ R} P@i over those of the first R that are right (Musgrave et al. 2020)
//! * MRR: 1/rank of the first that is right; MAP: the mean of P@i over all that are right
//!
//! and the means over queries. A query that has no other picture is skipped.
//!
//! Reproduces `AccuracyCalculator` of pytorch-metric-learning (k = None) on a worked example, 1e-6. Choices:
//! equal similarities stand in the order of the gallery.

/// Scores of one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// Whether the first is right.
    pub precision_at_1: f64,
    /// The share of right ones among the first R.
    pub r_precision: f64,
    /// Average precision over the first R.
    pub map_at_r: f64,
    /// One over the rank of the first that is right.
    pub reciprocal_rank: f64,
    /// Average precision over all.
    pub average_precision: f64,
    /// Whether any is right among as many as was asked.
    pub recall: Vec<f64>,
}

/// The scores of a query from the similarity of every picture and whether it is of the query's product;
/// `own` is the query's own place, if it has one. `None` where no other picture is.
pub fn identify(
    similarities: &[f32],
    relevant: &[bool],
    own: Option<usize>,
    recall_at: &[usize],
) -> Option<Identified> {
    let others = || (0..similarities.len()).filter(|&place| Some(place) != own);
    let is_right = |place: usize| relevant.get(place).copied().unwrap_or(false);
    let before = |a: usize, b: usize| {
        similarities[a] > similarities[b] || (similarities[a] == similarities[b] && a < b)
    };
    // Ranks, from 1, of what is right: all that scores depend on.
    let mut ranks: Vec<usize> = others()
        .filter(|&place| is_right(place))
        .map(|place| 1 + others().filter(|&other| before(other, place)).count())
        .collect();
    ranks.sort_unstable();
    let count = ranks.len();
    let first = *ranks.first()?;
    let precision = |(index, &rank): (usize, &usize)| (index + 1) as f64 / rank as f64;
    let early = || ranks.iter().enumerate().filter(|&(_, &rank)| rank <= count);
    Some(Identified {
        precision_at_1: f64::from(u8::from(first == 1)),
        r_precision: early().count() as f64 / count as f64,
        map_at_r: early().map(precision).sum::<f64>() / count as f64,
        reciprocal_rank: 1.0 / first as f64,
        average_precision: ranks.iter().enumerate().map(precision).sum::<f64>() / count as f64,
        recall: recall_at.iter().map(|&k| f64::from(u8::from(first <= k))).collect(),
    })
}

/// Scores of one query by name.
pub type NamedScores = Vec<(String, f64)>;

/// Names and values of one query's scores.
pub fn named(found: &Identified, recall_at: &[usize]) -> NamedScores {
    let mut all = vec![
        ("p@1".to_owned(), found.precision_at_1),
        ("r_precision".to_owned(), found.r_precision),
        ("map@r".to_owned(), found.map_at_r),
        ("mrr".to_owned(), found.reciprocal_rank),
        ("map".to_owned(), found.average_precision),
    ];
    all.extend(
        recall_at.iter().zip(&found.recall).map(|(k, &value)| (format!("recall@{k}"), value)),
    );
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_accuracy_calculator() {
        let x = [0.0_f32, 1.0, 2.5, 2.9, 4.2, 5.1, 7.0, 7.4];
        let labels = [0, 0, 1, 0, 1, 1, 2, 1];
        let recall_at = [1, 2, 4];
        let found: Vec<Option<Identified>> = (0..x.len())
            .map(|query| {
                let similarities: Vec<f32> =
                    x.iter().map(|other| -(other - x[query]).abs()).collect();
                let relevant: Vec<bool> = labels.iter().map(|&l| l == labels[query]).collect();
                identify(&similarities, &relevant, Some(query), &recall_at)
            })
            .collect();
        assert!(found[6].is_none());
        let found: Vec<Identified> = found.into_iter().flatten().collect();
        let of_each = [0.5, 0.5, 0.111_111, 0.0, 0.555_556, 0.333_333, 0.388_889];
        for (one, expected) in found.iter().zip(of_each) {
            assert!((one.map_at_r - expected).abs() < 1e-6, "{one:?}");
        }
        let mut sums = [0.0; 8];
        for one in &found {
            for (sum, (_, value)) in sums.iter_mut().zip(named(one, &recall_at)) {
                *sum += value / found.len() as f64;
            }
        }
        let expected =
            [0.571_429, 0.428_571, 0.341_270, 0.738_095, 0.633_107, 0.571_429, 0.714_286, 1.0];
        for (found, expected) in sums.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{sums:?}");
        }
    }
}
