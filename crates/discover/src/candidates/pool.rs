//! The candidates of seeds: what generators propose, and what chance adds.
//!
//! Of every seed each generator's exact ranking is walked: the seed's own product is dropped, of every other
//! product the best picture stays, and the first K are taken. The union is the pool; a picture that several
//! propose is one candidate. Products of which no picture is in the pool can be drawn at random as well, so
//! that the share of similar ones outside the pool can be estimated: each such candidate has the probability
//! with which it was drawn.
//!
//! Choices: two generators may propose different pictures of one product; both stay, as labels are of pictures.
//! The candidates of a seed are shuffled, so that their order says nothing of ranks. With a category, only
//! candidates of the seed's own category are taken. A seed that asks for more than a cap keeps what has the
//! best rank with any generator, ties by path.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lookalike_judge::statistics::seeded;

use super::{Candidate, Proposal, Stratum};
use crate::catalogue::records;
use crate::search::{Request, search};
use crate::store::{Effort, Field, Filter, Record, VectorStore};
use crate::{Error, Result};

/// How candidates are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolOptions {
    /// How many each generator proposes: K.
    pub depth: usize,
    /// How many more are drawn from outside the pool.
    pub random: usize,
    /// Only candidates of the seed's category.
    pub same_category: bool,
    /// The most candidates of a seed from the pool; 0 for no limit.
    pub most: usize,
    /// The seed of what is drawn.
    pub seed: u64,
}

/// A model that proposes.
pub struct Generator<'a> {
    /// Its name.
    pub model: String,
    /// Its vectors of the catalogue.
    pub store: &'a dyn VectorStore,
}

/// Draws `count` seeds of different products, spread evenly over categories: one of each in turn.
///
/// # Errors
/// Those of the store.
pub fn draw_seeds(store: &dyn VectorStore, count: usize, seed: u64) -> Result<Vec<String>> {
    let mut by_category: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for record in records(store)? {
        let products = by_category.entry(record.category).or_default();
        products.entry(record.product).or_default().push(record.path);
    }
    let mut drawn: Vec<Vec<String>> = Vec::new();
    for (number, products) in by_category.into_values().enumerate() {
        let products: Vec<Vec<String>> = products.into_values().collect();
        let mut draws = seeded::stream(seed, number as u64);
        let order = seeded::sample(&mut draws, products.len(), count);
        let mut one = |place: usize| {
            let pictures = &products[place];
            pictures[seeded::below(&mut draws, pictures.len())].clone()
        };
        drawn.push(order.into_iter().map(&mut one).collect());
    }
    let rounds = drawn.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..rounds).flat_map(|round| drawn.iter().filter_map(move |one| one.get(round)));
    Ok(in_turn.take(count).cloned().collect())
}

/// The candidates of seeds, given by path. `progress` hears how many seeds are done.
///
/// # Errors
/// [`Error::NotFound`] for a seed that a generator's store does not have; those of the stores.
pub fn pool(
    generators: &[Generator<'_>],
    seeds: &[String],
    options: &PoolOptions,
    progress: &dyn Fn(usize),
) -> Result<Vec<Candidate>> {
    let Some(first) = generators.first() else {
        return Err(Error::Request("candidates need a generator at least".to_owned()));
    };
    let catalogue = records(first.store)?;
    let by_path: HashMap<&str, &Record> =
        catalogue.iter().map(|record| (record.path.as_str(), record)).collect();
    let ids = generators.iter().skip(1).map(|generator| {
        let all = records(generator.store)?;
        Ok(all.into_iter().map(|record| (record.path, record.id)).collect())
    });
    let ids: Vec<HashMap<String, u64>> = ids.collect::<Result<_>>()?;
    let mut all = Vec::new();
    for (number, path) in seeds.iter().enumerate() {
        let Some(record) = by_path.get(path.as_str()) else {
            return Err(Error::NotFound(format!("seed {path}")));
        };
        let mut found: BTreeMap<String, Vec<Proposal>> = BTreeMap::new();
        for (index, generator) in generators.iter().enumerate() {
            let id = match index.checked_sub(1) {
                None => Some(record.id),
                Some(other) => ids[other].get(path).copied(),
            };
            let row = id.map(|id| generator.store.get(&[id])).transpose()?;
            let Some(row) = row.and_then(|mut rows| rows.pop().flatten()) else {
                let what = format!("seed {path}, which {} has to rank,", generator.model);
                return Err(Error::NotFound(what));
            };
            let category = Filter::Eq(Field::Category, record.category.clone());
            let request = Request {
                k: options.depth,
                filter: options.same_category.then_some(category),
                effort: Effort::Exact,
                one_per_product: true,
                without_product: Some(record.product.clone()),
                without_id: id,
                collapse: None,
            };
            let ranked = search(generator.store, &row.vector, &request)?;
            for (rank, one) in ranked.into_iter().enumerate() {
                let (model, score) = (generator.model.clone(), one.score);
                found.entry(one.record.path).or_default().push(Proposal { model, rank, score });
            }
        }
        let mut chosen: Vec<Candidate> = found
            .into_iter()
            .map(|(candidate, proposals)| Candidate {
                seed: path.clone(),
                candidate,
                proposals,
                stratum: Stratum::Pool,
                p_incl: 1.0,
            })
            .collect();
        if options.most > 0 && chosen.len() > options.most {
            let best = |one: &Candidate| one.proposals.iter().map(|p| p.rank).min();
            chosen.sort_by(|a, b| best(a).cmp(&best(b)).then(a.candidate.cmp(&b.candidate)));
            chosen.truncate(options.most);
        }
        chosen.extend(outside(&catalogue, record, &chosen, options, &by_path, number));
        let mut draws = seeded::stream(options.seed, number as u64);
        let order = seeded::sample(&mut draws, chosen.len(), chosen.len());
        all.extend(order.into_iter().map(|place| chosen[place].clone()));
        progress(number + 1);
    }
    Ok(all)
}

/// Candidates of products that are not in the pool, drawn at random.
fn outside(
    catalogue: &[Record],
    seed: &Record,
    pool: &[Candidate],
    options: &PoolOptions,
    by_path: &HashMap<&str, &Record>,
    number: usize,
) -> Vec<Candidate> {
    if options.random == 0 {
        return Vec::new();
    }
    // A stream apart from that of the order.
    let mut draws = seeded::stream(options.seed.wrapping_add(1), number as u64);
    let taken: BTreeSet<&str> = pool
        .iter()
        .filter_map(|one| by_path.get(one.candidate.as_str()))
        .map(|record| record.product.as_str())
        .chain([seed.product.as_str()])
        .collect();
    let mut products: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in catalogue {
        let fits = !options.same_category || record.category == seed.category;
        if fits && !taken.contains(record.product.as_str()) {
            products.entry(&record.product).or_default().push(record);
        }
    }
    let products: Vec<Vec<&Record>> = products.into_values().collect();
    let drawn = seeded::sample(&mut draws, products.len(), options.random);
    let share = drawn.len() as f64 / products.len().max(1) as f64;
    drawn
        .into_iter()
        .map(|place| {
            let pictures = &products[place];
            let picture = pictures[seeded::below(&mut draws, pictures.len())];
            Candidate {
                seed: seed.path.clone(),
                candidate: picture.path.clone(),
                proposals: Vec::new(),
                stratum: Stratum::Random,
                p_incl: share / pictures.len() as f64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Memory, Row};

    /// Pictures on a circle, two of every product; the second model sees them mirrored.
    fn store(mirrored: bool) -> Memory {
        let fingerprint = Fingerprint {
            model: if mirrored { "b" } else { "a" }.into(),
            weights: String::new(),
            preprocessing: String::new(),
            dimension: 2,
        };
        let store = Memory::new(fingerprint);
        let rows: Vec<Row> = (0..40_u64)
            .map(|number| {
                let angle = (number as f32 * 4.0).to_radians();
                let angle = if mirrored && number > 1 { 1.0 - angle } else { angle };
                let record = Record {
                    id: if mirrored { 100 - number } else { number + 1 },
                    path: format!("{number:02}.png"),
                    product: format!("p{}", number / 2),
                    category: if number < 20 { "low" } else { "high" }.into(),
                    ..Record::default()
                };
                Row { record, vector: vec![angle.cos(), angle.sin()] }
            })
            .collect();
        store.upsert(&rows).unwrap();
        store
    }

    fn options() -> PoolOptions {
        PoolOptions { depth: 3, random: 2, same_category: false, most: 0, seed: 4 }
    }

    fn run(options: &PoolOptions) -> Vec<Candidate> {
        let (a, b) = (store(false), store(true));
        let generators = [
            Generator { model: "a".into(), store: &a },
            Generator { model: "b".into(), store: &b },
        ];
        pool(&generators, &["00.png".into()], options, &|_| ()).unwrap()
    }

    #[test]
    fn pools_know_who_proposed_what() {
        let all = run(&options());
        let of = |stratum: Stratum| all.iter().filter(move |one| one.stratum == stratum);
        // One picture of each product, none of p0.
        let near: Vec<&str> = of(Stratum::Pool)
            .filter(|one| one.proposals.iter().any(|p| p.model == "a"))
            .map(|one| one.candidate.as_str())
            .collect();
        assert_eq!(near.len(), 3);
        for (path, rank) in [("02.png", 0), ("04.png", 1), ("06.png", 2)] {
            let one = all.iter().find(|one| one.candidate == path).unwrap();
            assert!(one.proposals.iter().any(|p| p.model == "a" && p.rank == rank), "{one:?}");
        }
        let pool: BTreeSet<String> = of(Stratum::Pool)
            .map(|one| one.candidate[..2].parse::<u32>().unwrap() / 2)
            .map(|product| format!("p{product}"))
            .collect();
        let random: Vec<&Candidate> = of(Stratum::Random).collect();
        assert_eq!(random.len(), 2);
        let outside = (19 - pool.len()) as f64;
        assert!(random.iter().all(|one| (one.p_incl - 2.0 / outside / 2.0).abs() < 1e-12));
        assert_eq!(run(&options()), all);
        assert_ne!(run(&PoolOptions { seed: 5, ..options() }), all);
    }

    #[test]
    fn categories_and_caps_restrict() {
        let low = run(&PoolOptions { same_category: true, depth: 30, ..options() });
        assert!(low.iter().all(|one| one.candidate.as_str() < "20.png"));
        let few = run(&PoolOptions { most: 2, random: 0, depth: 9, ..options() });
        assert_eq!(few.len(), 2);
        assert!(few.iter().all(|one| one.proposals.iter().any(|p| p.rank == 0)));
        let a = store(false);
        let generators = [Generator { model: "a".into(), store: &a }];
        assert!(pool(&generators, &["no.png".into()], &options(), &|_| ()).is_err());
    }

    #[test]
    fn seeds_are_of_different_products_and_all_categories() {
        let drawn = draw_seeds(&store(false), 6, 1).unwrap();
        let products: BTreeSet<u32> =
            drawn.iter().map(|path| path[..2].parse::<u32>().unwrap() / 2).collect();
        assert_eq!((drawn.len(), products.len()), (6, 6));
        assert_eq!(drawn.iter().filter(|path| path.as_str() < "20.png").count(), 3);
        assert_eq!(draw_seeds(&store(false), 99, 1).unwrap().len(), 20);
    }
}
