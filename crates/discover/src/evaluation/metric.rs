//! Scores of lists that are shares over seeds: Σ_q numerator(q) / Σ_q denominator(q).
//!
//! With S the seeds that have an answer, and rank from 1 in L_q:
//!
//! * `hr@k`: Σ_{q∈S} |P_q ∩ L_q\[1…k\]| / (k·|S|), unlabelled results counting as misses. Its ceiling is
//!   Σ min(k, |P_q|) / (k·|S|); counted as hits, unlabelled results give its upper bound.
//! * `mrr@k`: Σ_{q∈S} Σ_{c∈P_q, rank ≤ k} 1/rank / (|S|·H_k), H_k = Σ_{i≤k} 1/i. All answers count, so only
//!   k of them in the first k places reach 1.
//! * `mrr_pairs@k`: the mean over all pairs of a seed and an answer of 1/rank, 0 beyond k.
//! * `coverage@k`: the labelled share of all first k places.
//! * `ehr@k`, estimated hit ratio: answers among all labelled results in the first k places (micro), and
//!   `ehr_macro@k`, the mean of that over S, seeds without a labelled result left out. `ehr_images@k` is the
//!   first with a list that keeps all images of other products.
//! * `condensed_hr@k`, `condensed_mrr@k`: the same as `hr@k` and `mrr@k` once unlabelled results are removed
//!   from the list (Sakai). Too high, the more so the less is labelled.
//! * `ndcg@k`, `condensed_ndcg@k`: Σ (2^g − 1)/log₂(rank + 1) of grades g, over what the best order gives.
//! * `dcs`, discounted credit score: with r the rank from 0 among all N images, p = 1 − r/N and
//!   f(p) = (e^{αp} − 1)/(e^α − 1), α = 10, the mean over labelled candidates of f(p) for an answer and
//!   1 − f(p) for what is none; then the mean over seeds.
//! * `bpref`: (1/R) Σ over answers of 1 − min(n, R)/min(R, N), where n of N candidates labelled not similar
//!   rank above and R is the number of answers; 1 where none does.
//! * `roc_auc_macro`, `ap_macro`: the area and average precision of each seed's labelled pairs, averaged over
//!   seeds; areas over those with both kinds of label, precision over S.
//!
//! Source: the released evaluator of VSD (`hr`, `mrr`, `mrr_pairs`); the follow-up's metric module
//! (`coverage`, `ehr`, `dcs`, `bpref`, `roc_auc_macro`); Sakai 2007 for condensed lists; Buckley and Voorhees
//! 2004 for bpref; Järvelin and Kekäläinen 2002 with the gain of Burges et al. 2005 for nDCG.
//!
//! Choices: the follow-up scores a seed with one kind of label 1 or 0 in its macro area; here it has no
//! value. `bpref` is averaged over S, as a seed without answers is 0 whatever the model does. A gallery with
//! fewer than k products keeps k in `hr`, and has fewer places to cover.
//!
//! Reproduces the released evaluator on worked examples, 1e-6.

use super::pooled::{self, Pair};
use super::{Level, Rules, SeedRanking};

/// α of the discounted credit score.
const DISCOUNT: f64 = 10.0;

/// A numerator and its denominator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// What was reached.
    pub numerator: f64,
    /// What there was to reach.
    pub denominator: f64,
}

/// A score of lists; k is a number of places, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeedMetric {
    /// `hr@k`, its lower bound.
    Hits(usize),
    /// The upper bound of `hr@k`: unlabelled results are hits.
    HitsUpper(usize),
    /// The ceiling of `hr@k`: the best that the labels allow.
    HitsCeiling(usize),
    /// `mrr@k`.
    ReciprocalRank(usize),
    /// `mrr_pairs@k`.
    ReciprocalRankPairs(usize),
    /// `coverage@k`.
    Coverage(usize),
    /// `ehr@k`.
    EstimatedHits(usize),
    /// `ehr_macro@k`.
    EstimatedHitsMacro(usize),
    /// `ehr_images@k`.
    EstimatedHitsImages(usize),
    /// `condensed_hr@k`.
    CondensedHits(usize),
    /// `condensed_mrr@k`.
    CondensedReciprocalRank(usize),
    /// `ndcg@k`.
    Gain(usize),
    /// `condensed_ndcg@k`.
    CondensedGain(usize),
    /// `dcs`.
    Credit,
    /// `bpref`.
    Preference,
    /// `roc_auc_macro`.
    AreaMacro,
    /// `ap_macro`.
    PrecisionMacro,
}

impl SeedMetric {
    /// Those that a report lists, for one or several k.
    pub fn listed(ks: &[usize]) -> Vec<Self> {
        let of_k = ks.iter().flat_map(|&k| {
            [
                Self::Hits(k),
                Self::ReciprocalRank(k),
                Self::Coverage(k),
                Self::EstimatedHits(k),
                Self::EstimatedHitsMacro(k),
                Self::EstimatedHitsImages(k),
                Self::CondensedHits(k),
                Self::CondensedReciprocalRank(k),
                Self::Gain(k),
                Self::CondensedGain(k),
            ]
        });
        let pairs = ks.iter().max().map(|&k| Self::ReciprocalRankPairs(k));
        let whole = [Self::Credit, Self::Preference, Self::AreaMacro, Self::PrecisionMacro];
        of_k.chain(pairs).chain(whole).collect()
    }

    /// Its name in reports and gates.
    pub fn name(self) -> String {
        match self {
            Self::Hits(k) => format!("hr@{k}"),
            Self::HitsUpper(k) => format!("hr_upper@{k}"),
            Self::HitsCeiling(k) => format!("hr_ceiling@{k}"),
            Self::ReciprocalRank(k) => format!("mrr@{k}"),
            Self::ReciprocalRankPairs(k) => format!("mrr_pairs@{k}"),
            Self::Coverage(k) => format!("coverage@{k}"),
            Self::EstimatedHits(k) => format!("ehr@{k}"),
            Self::EstimatedHitsMacro(k) => format!("ehr_macro@{k}"),
            Self::EstimatedHitsImages(k) => format!("ehr_images@{k}"),
            Self::CondensedHits(k) => format!("condensed_hr@{k}"),
            Self::CondensedReciprocalRank(k) => format!("condensed_mrr@{k}"),
            Self::Gain(k) => format!("ndcg@{k}"),
            Self::CondensedGain(k) => format!("condensed_ndcg@{k}"),
            Self::Credit => "dcs".to_owned(),
            Self::Preference => "bpref".to_owned(),
            Self::AreaMacro => "roc_auc_macro".to_owned(),
            Self::PrecisionMacro => "ap_macro".to_owned(),
        }
    }

    /// Whether its value is the mean over seeds, so that it can be compared seed by seed.
    pub fn is_mean(self) -> bool {
        !matches!(
            self,
            Self::Coverage(_)
                | Self::EstimatedHits(_)
                | Self::EstimatedHitsImages(_)
                | Self::ReciprocalRankPairs(_)
        )
    }

    /// What a seed contributes; `None` where it has no say.
    pub fn of(self, seed: &SeedRanking, rules: Rules) -> Option<Share> {
        let list = || seed.on_list(rules.level);
        let similar = |grade: u8| grade >= rules.threshold;
        let hits = |list: &[(usize, u8)], k: usize| {
            list.iter().filter(|&&(rank, grade)| rank < k && similar(grade)).count() as f64
        };
        let within = |list: &[(usize, u8)], k: usize| {
            list.iter().filter(|&&(rank, _)| rank < k).count() as f64
        };
        let reciprocal = |list: &[(usize, u8)], k: usize| -> f64 {
            let found = list.iter().filter(|&&(rank, grade)| rank < k && similar(grade));
            found.map(|&(rank, _)| 1.0 / (rank + 1) as f64).sum()
        };
        let answers = seed.positives(rules);
        let over_seeds = |value: f64| (answers > 0).then_some(Share::mean(value));
        match self {
            Self::Hits(k) => over_seeds(hits(&list(), k) / k as f64),
            Self::HitsUpper(k) => {
                let list = list();
                let unlabelled = k.min(seed.products) as f64 - within(&list, k);
                over_seeds((hits(&list, k) + unlabelled) / k as f64)
            }
            Self::HitsCeiling(k) => over_seeds(k.min(answers) as f64 / k as f64),
            Self::ReciprocalRank(k) => over_seeds(reciprocal(&list(), k) / harmonic(k)),
            Self::ReciprocalRankPairs(k) => (answers > 0)
                .then(|| Share { numerator: reciprocal(&list(), k), denominator: answers as f64 }),
            Self::Coverage(k) => Share::some(within(&list(), k), k.min(seed.products) as f64),
            Self::EstimatedHits(k) => {
                let list = list();
                Share::some(hits(&list, k), within(&list, k))
            }
            Self::EstimatedHitsMacro(k) => {
                let list = list();
                let labelled = within(&list, k);
                (answers > 0 && labelled > 0.0).then(|| Share::mean(hits(&list, k) / labelled))
            }
            Self::EstimatedHitsImages(k) => {
                let list = seed.on_images();
                Share::some(hits(&list, k), within(&list, k))
            }
            Self::CondensedHits(k) => over_seeds(hits(&condensed(&list()), k) / k as f64),
            Self::CondensedReciprocalRank(k) => {
                over_seeds(reciprocal(&condensed(&list()), k) / harmonic(k))
            }
            Self::Gain(k) => over_seeds(0.0).and(gain(&list(), seed, rules.level, k)),
            Self::CondensedGain(k) => {
                over_seeds(0.0).and(gain(&condensed(&list()), seed, rules.level, k))
            }
            Self::Credit => credit(seed, rules),
            Self::Preference => over_seeds(preference(seed, rules)),
            Self::AreaMacro => pooled::area(&pairs(seed, rules), &[1.0]).map(Share::mean),
            Self::PrecisionMacro => {
                pooled::average_precision(&pairs(seed, rules), &[1.0]).map(Share::mean)
            }
        }
    }

    /// What every seed contributes.
    pub fn shares(self, seeds: &[SeedRanking], rules: Rules) -> Vec<Option<Share>> {
        seeds.iter().map(|seed| self.of(seed, rules)).collect()
    }
}

impl Share {
    fn mean(value: f64) -> Self {
        Self { numerator: value, denominator: 1.0 }
    }

    fn some(numerator: f64, denominator: f64) -> Option<Self> {
        (denominator > 0.0).then_some(Self { numerator, denominator })
    }

    /// The share of some seeds together; `None` where none has a say.
    pub fn value<'a>(shares: impl IntoIterator<Item = &'a Option<Self>>) -> Option<f64> {
        let (mut over, mut under) = (0.0, 0.0);
        for share in shares.into_iter().flatten() {
            over += share.numerator;
            under += share.denominator;
        }
        (under > 0.0).then(|| over / under)
    }
}

fn harmonic(k: usize) -> f64 {
    (1..=k).map(|i| 1.0 / i as f64).sum()
}

/// The list without what is not labelled.
fn condensed(list: &[(usize, u8)]) -> Vec<(usize, u8)> {
    list.iter().enumerate().map(|(rank, &(_, grade))| (rank, grade)).collect()
}

fn gain(list: &[(usize, u8)], seed: &SeedRanking, level: Level, k: usize) -> Option<Share> {
    let worth =
        |rank: usize, grade: u8| (f64::from(grade).exp2() - 1.0) / ((rank + 2) as f64).log2();
    let found: f64 =
        list.iter().filter(|one| one.0 < k).map(|&(rank, grade)| worth(rank, grade)).sum();
    let mut grades: Vec<(usize, u8)> =
        seed.labelled.iter().map(|one| (one.product, one.grade)).collect();
    if level == Level::Product {
        grades.sort_unstable_by_key(|&(product, grade)| (product, std::cmp::Reverse(grade)));
        grades.dedup_by_key(|&mut (product, _)| product);
    }
    let mut best: Vec<u8> = grades.into_iter().map(|(_, grade)| grade).collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = best.iter().take(k).enumerate().map(|(rank, &grade)| worth(rank, grade)).sum();
    (best > 0.0).then(|| Share::mean(found / best))
}

fn credit(seed: &SeedRanking, rules: Rules) -> Option<Share> {
    if seed.labelled.is_empty() {
        return None;
    }
    let credits = seed.labelled.iter().map(|one| {
        let place = 1.0 - one.rank as f64 / seed.images as f64;
        let share = (DISCOUNT * place).exp_m1() / DISCOUNT.exp_m1();
        if one.grade >= rules.threshold { share } else { 1.0 - share }
    });
    Some(Share::mean(credits.sum::<f64>() / seed.labelled.len() as f64))
}

fn preference(seed: &SeedRanking, rules: Rules) -> f64 {
    let list = seed.on_images();
    let answers = list.iter().filter(|one| one.1 >= rules.threshold).count();
    let others = list.len() - answers;
    if answers == 0 {
        return 0.0;
    }
    let (mut above, mut sum) = (0_usize, 0.0);
    for &(_, grade) in &list {
        if grade < rules.threshold {
            above += 1;
        } else if above == 0 {
            sum += 1.0;
        } else {
            sum += 1.0 - above.min(answers) as f64 / answers.min(others) as f64;
        }
    }
    sum / answers as f64
}

/// The labelled pairs of a seed, the nearest first.
fn pairs(seed: &SeedRanking, rules: Rules) -> Vec<Pair> {
    pooled::pairs(std::slice::from_ref(seed), rules)
}
