//! Which pairs a head is learned from, and which are held out to judge it: the two splits of the VSD benchmark and
//! a stricter one, with what the two parts share.
//!
//! | split | held out is | what both parts may share |
//! |---|---|---|
//! | `open` | a share of the pairs | seeds, candidates and products |
//! | `closed` | all pairs of a share of the seeds | candidates and products |
//! | `products` | all pairs of a share of the seeds; pairs of other seeds that show one of their products are left out | nothing |
//!
//! Source: the names of the tasks of vsd-benchmark/vsd, `in_catalog_open_catalog` (over pairs) and
//! `in_catalog_closed_catalog` (over queries). Their own lists of pairs are files; these draw one from any labels.

use std::collections::BTreeSet;

use lookalike_judge::statistics::seeded;

use super::training::{Example, HeadRecipe};

/// What is held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// Pairs; their seeds are learned from in other pairs.
    Open,
    /// Seeds.
    Closed,
    /// Seeds, with every product that they meet.
    #[default]
    Products,
}

impl Split {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Products => "products",
        }
    }
}

/// How many of the held-out pairs share something with the pairs that were learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leakage {
    /// The same two pictures, in either order.
    pub pairs: usize,
    /// The seed's picture.
    pub seeds: usize,
    /// The candidate's picture.
    pub candidates: usize,
    /// A product, of the seed or of the candidate.
    pub products: usize,
}

impl Leakage {
    fn between(learned: &[&Example<'_>], held: &[&Example<'_>]) -> Self {
        let images: BTreeSet<usize> =
            learned.iter().flat_map(|one| [one.query_image, one.candidate_image]).collect();
        let products = products_of(learned);
        let pair = |one: &Example<'_>| {
            let (a, b) = (one.query_image, one.candidate_image);
            [a.min(b), a.max(b)]
        };
        let pairs: BTreeSet<[usize; 2]> = learned.iter().map(|one| pair(one)).collect();
        let count =
            |shared: &dyn Fn(&Example<'_>) -> bool| held.iter().filter(|one| shared(one)).count();
        Self {
            pairs: count(&|one| pairs.contains(&pair(one))),
            seeds: count(&|one| images.contains(&one.query_image)),
            candidates: count(&|one| images.contains(&one.candidate_image)),
            products: count(&|one| shows(one, &products)),
        }
    }
}

/// Numbers of pairs, by what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) learned: Vec<usize>,
    pub(super) held: Vec<usize>,
    pub(super) left: Vec<usize>,
    pub(super) leakage: Leakage,
}

fn products_of(pairs: &[&Example<'_>]) -> BTreeSet<usize> {
    pairs.iter().flat_map(|one| [one.query_product, one.candidate_product]).collect()
}

fn shows(one: &Example<'_>, products: &BTreeSet<usize>) -> bool {
    products.contains(&one.query_product) || products.contains(&one.candidate_product)
}

/// Draws the parts.
pub(super) fn split(examples: &[Example<'_>], recipe: HeadRecipe) -> Parts {
    let drawn = |count: usize| -> BTreeSet<usize> {
        let size = (count as f64 * recipe.held_out).round().max(1.0) as usize;
        let draws = &mut seeded::stream(recipe.seed, 0);
        seeded::sample(draws, count, size.min(count)).into_iter().collect()
    };
    let is_held: Vec<bool> = match recipe.split {
        Split::Open => {
            let drawn = drawn(examples.len());
            (0..examples.len()).map(|index| drawn.contains(&index)).collect()
        }
        Split::Closed | Split::Products => {
            let seeds: BTreeSet<usize> = examples.iter().map(|one| one.query_image).collect();
            let drawn = drawn(seeds.len());
            let held: BTreeSet<usize> = seeds
                .into_iter()
                .enumerate()
                .filter(|one| drawn.contains(&one.0))
                .map(|one| one.1)
                .collect();
            examples.iter().map(|one| held.contains(&one.query_image)).collect()
        }
    };
    let held: Vec<&Example<'_>> =
        examples.iter().zip(&is_held).filter(|one| *one.1).map(|one| one.0).collect();
    let products = match recipe.split {
        Split::Products => products_of(&held),
        Split::Open | Split::Closed => BTreeSet::new(),
    };
    let mut parts = Parts::default();
    for (index, (one, held)) in examples.iter().zip(is_held).enumerate() {
        let part = match (held, shows(one, &products)) {
            (true, _) => &mut parts.held,
            (false, true) => &mut parts.left,
            (false, false) => &mut parts.learned,
        };
        part.push(index);
    }
    let learned: Vec<&Example<'_>> = parts.learned.iter().map(|&index| &examples[index]).collect();
    parts.leakage = Leakage::between(&learned, &held);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seeds with eight candidates each of 30; the product of picture n is n / 2.
    fn examples() -> Vec<Example<'static>> {
        let pairs = (0..80).map(|number| {
            let (seed, candidate) = (number / 8, 10 + (number * 7) % 30);
            Example {
                query: &[1.0],
                candidate: &[1.0],
                similar: number % 2 == 0,
                query_image: seed,
                candidate_image: candidate,
                query_product: seed / 2,
                candidate_product: candidate / 2,
            }
        });
        pairs.collect()
    }

    #[test]
    fn splits_share_what_they_say() {
        let examples = examples();
        let of = |split| super::split(&examples, HeadRecipe { split, ..HeadRecipe::default() });
        for split in [Split::Open, Split::Closed, Split::Products] {
            let parts = of(split);
            let all = parts.learned.len() + parts.held.len() + parts.left.len();
            assert_eq!((all, parts.held.len()), (80, 16), "{split:?}");
            assert_eq!(parts, of(split));
        }
        let open = of(Split::Open);
        assert_eq!((open.left.len(), open.leakage.pairs, open.leakage.seeds), (0, 0, 16));
        let closed = of(Split::Closed);
        assert_eq!((closed.left.len(), closed.leakage.seeds), (0, 0));
        assert_eq!(closed.leakage.candidates, 16);
        let products = of(Split::Products);
        assert_eq!(products.leakage, Leakage::default());
        assert!(!products.left.is_empty());
    }

    #[test]
    fn a_pair_in_the_other_order_is_the_same_pair() {
        let one = examples().remove(0);
        let other = Example {
            query_image: one.candidate_image,
            candidate_image: one.query_image,
            query_product: one.candidate_product,
            candidate_product: one.query_product,
            ..one
        };
        let found = Leakage::between(&[&one], &[&other]);
        assert_eq!(found, Leakage { pairs: 1, seeds: 1, candidates: 1, products: 1 });
    }
}
