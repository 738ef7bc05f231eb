//! Where the labelled candidates of a seed stand in a model's ranking of the gallery.
//!
//! All metrics of lists need is the place of each labelled candidate in three rankings: of all images, of
//! images of other products, and of other products by their best image (L_q). They are counted in one pass
//! over the gallery; nothing is sorted but the first few of L_q.
//!
//! Equal scores stand in the order of the gallery; the released evaluator leaves their order open.

use std::cmp::Ordering;

use super::{Benchmark, Level, Rules};
use crate::{Error, Result};

/// A labelled candidate in the ranking of its seed. Ranks are from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledRank {
    /// Its place in the gallery.
    pub candidate: usize,
    /// The number of its product.
    pub product: usize,
    /// What people said.
    pub grade: u8,
    /// Its cosine with the seed.
    pub score: f32,
    /// Its rank among all images, the seed and its siblings included.
    pub rank: usize,
    /// Its rank among images of other products; `None` for the seed's own product.
    pub image_rank: Option<usize>,
    /// The rank of its product in L_q.
    pub product_rank: Option<usize>,
    /// Whether it is the image of its product that is in L_q.
    pub leads: bool,
}

/// The ranking of one seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeedRanking {
    /// The labelled candidates.
    pub labelled: Vec<LabelledRank>,
    /// Images in the gallery.
    pub images: usize,
    /// Images of other products.
    pub others: usize,
    /// Other products: the length of L_q.
    pub products: usize,
    /// The first of L_q, as places in the gallery.
    pub head: Vec<usize>,
}

/// How many scores are as is asked. They are counted a few at a time, in numbers as wide as themselves, so that
/// compilers count in vectors.
fn count(scores: &[f32], is_counted: impl Fn(f32) -> bool) -> usize {
    let few = scores.chunks(1 << 12);
    few.map(|few| few.iter().map(|&score| u32::from(is_counted(score))).sum::<u32>() as usize).sum()
}

impl SeedRanking {
    /// The ranking by `scores`, one for each image of the gallery; `head` is how many of L_q are kept.
    ///
    /// # Errors
    /// [`Error::Request`] where there are not as many scores as images, or one is NaN.
    pub fn new(benchmark: &Benchmark, seed: usize, scores: &[f32], head: usize) -> Result<Self> {
        let gallery = &benchmark.gallery;
        if scores.len() != gallery.len() || scores.iter().any(|score| score.is_nan()) {
            return Err(Error::Request(format!(
                "expected {} scores that are numbers for seed {}, found {}",
                gallery.len(),
                benchmark.seed_path(seed),
                scores.len()
            )));
        }
        let product = |place: usize| benchmark.images[gallery[place]].product;
        let Some(seed) = benchmark.seeds.get(seed) else {
            return Err(Error::NotFound(format!("seed {seed}")));
        };
        let own = benchmark.images[seed.image].product;
        // Whether the first of two places comes before the second.
        let before =
            |a: usize, b: usize| scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
        let mut best: Vec<Option<usize>> = vec![None; benchmark.products.len()];
        let mut siblings = Vec::new();
        for place in 0..scores.len() {
            let product = product(place);
            if product == own {
                siblings.push(place);
            } else if best[product].is_none_or(|known| before(place, known)) {
                best[product] = Some(place);
            }
        }
        let others = scores.len() - siblings.len();
        let leaders: Vec<usize> = best.iter().copied().flatten().collect();
        let leading: Vec<f32> = leaders.iter().map(|&place| scores[place]).collect();
        let labelled = seed.labels.iter().map(|label| {
            let candidate = label.candidate;
            let score = scores[candidate];
            // Before it in the gallery equal scores come first, behind it they do not.
            let rank = count(&scores[..candidate], |other| other >= score)
                + count(&scores[candidate..], |other| other > score);
            let own_ahead = siblings.iter().filter(|&&place| before(place, candidate)).count();
            let image_rank = rank - own_ahead;
            let leader = best[product(candidate)];
            let product_rank = leader.map(|leader| {
                let score = scores[leader];
                let ahead = count(&leading, |other| other > score);
                match count(&leading, |other| other == score) {
                    1 => ahead,
                    _ => leaders.iter().filter(|&&other| before(other, leader)).count(),
                }
            });
            LabelledRank {
                candidate,
                product: product(candidate),
                grade: label.grade,
                score: scores[candidate],
                rank,
                image_rank: leader.map(|_| image_rank),
                product_rank,
                leads: leader == Some(candidate),
            }
        });
        let labelled = labelled.collect();
        let products = leaders.len();
        let mut first = leaders;
        let order = |a: &usize, b: &usize| {
            scores[*b].partial_cmp(&scores[*a]).unwrap_or(Ordering::Equal).then(a.cmp(b))
        };
        if head > 0 && head < first.len() {
            first.select_nth_unstable_by(head - 1, order);
        }
        first.truncate(head);
        first.sort_unstable_by(order);
        Ok(Self { labelled, images: scores.len(), others, products, head: first })
    }

    /// Rank in L_q and grade of what is labelled there, by rank.
    pub fn on_list(&self, level: Level) -> Vec<(usize, u8)> {
        let on_list = self.labelled.iter().filter(|one| level == Level::Product || one.leads);
        let mut found: Vec<(usize, u8)> =
            on_list.filter_map(|one| Some((one.product_rank?, one.grade))).collect();
        found.sort_unstable_by_key(|&(rank, grade)| (rank, std::cmp::Reverse(grade)));
        if level == Level::Product {
            found.dedup_by_key(|&mut (rank, _)| rank);
        }
        found
    }

    /// Rank among images of other products, and grade, by rank.
    pub fn on_images(&self) -> Vec<(usize, u8)> {
        let mut found: Vec<(usize, u8)> =
            self.labelled.iter().filter_map(|one| Some((one.image_rank?, one.grade))).collect();
        found.sort_unstable_by_key(|&(rank, grade)| (rank, std::cmp::Reverse(grade)));
        found
    }

    /// How many answers there are, whether a list can hold them or not.
    pub fn positives(&self, rules: Rules) -> usize {
        let similar = self.labelled.iter().filter(|one| one.grade >= rules.threshold);
        match rules.level {
            Level::Image => similar.count(),
            Level::Product => {
                let mut products: Vec<usize> = similar.map(|one| one.product).collect();
                products.sort_unstable();
                products.dedup();
                products.len()
            }
        }
    }
}
