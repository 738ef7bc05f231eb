//! What a person asks of a store: other things that look like this one.
//!
//! Choices: products are told apart above the store, by fetching 4, 16, 64, … times as many results until
//! there are enough or no more; of a product the best picture counts, of equally good ones that with the lower
//! id. Nearly equal pictures are told by the cosine of their own vectors, not by that with the query.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::Result;
use crate::query::Query;
use crate::store::scan::dot;
use crate::store::{Effort, Filter, Freshness, Record, SearchOptions, VectorStore};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// How many results.
    pub k: usize,
    /// Which rows may be found.
    pub filter: Option<Filter>,
    /// How hard to look.
    pub effort: Effort,
    /// The best picture of every product only.
    pub one_per_product: bool,
    /// A product that is no answer: the query's own.
    pub without_product: Option<String>,
    /// A row that is no answer: the query itself.
    pub without_id: Option<u64>,
    /// Leave out pictures whose cosine with a result before them is at least this.
    pub collapse: Option<f32>,
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The picture.
    pub record: Record,
    /// Its cosine with the query.
    pub score: f32,
    /// Nearly equal pictures that were left out for it.
    pub collapsed: usize,
}

impl Request {
    /// The request for a picture, which is no answer to itself; nor are those of its product, if they are not
    /// to be.
    #[must_use]
    pub fn about(self, query: &Query, exclude_same_product: bool) -> Self {
        let own = query.own.as_ref();
        let product = own.filter(|_| exclude_same_product).map(|own| own.product.clone());
        Self { without_product: product, without_id: own.map(|own| own.id), ..self }
    }
}

impl Found {
    /// The result as `lookalike.search/1` has it.
    pub fn record(&self, rank: usize) -> Value {
        let record = &self.record;
        let mut result = json!({
            "rank": rank, "id": record.id, "path": record.path, "product": record.product,
            "category": record.category, "score": self.score,
        });
        if self.collapsed > 0 {
            result["collapsed"] = self.collapsed.into();
        }
        result
    }
}

/// The first results for a vector.
///
/// # Errors
/// Those of [`VectorStore::search`].
pub fn search(store: &dyn VectorStore, query: &[f32], request: &Request) -> Result<Vec<Found>> {
    let all = usize::try_from(store.count(None)?).unwrap_or(usize::MAX);
    let plain =
        !request.one_per_product && request.without_product.is_none() && request.collapse.is_none();
    let own = usize::from(request.without_id.is_some());
    let mut fetch = if plain { request.k.saturating_add(own) } else { request.k.saturating_mul(4) };
    loop {
        let options = SearchOptions {
            k: fetch,
            filter: request.filter.clone(),
            // What this process wrote is found either way.
            freshness: Freshness::Bounded,
            effort: request.effort,
            deadline: None,
        };
        let hits = store.search(&[query.to_vec()], &options)?.pop().unwrap_or_default();
        let exhausted = hits.len() < fetch || fetch >= all;
        let found = chosen(store, &hits, request)?;
        if found.len() >= request.k || exhausted {
            return Ok(found);
        }
        fetch = fetch.saturating_mul(4);
    }
}

fn chosen(
    store: &dyn VectorStore,
    hits: &[crate::store::Hit],
    request: &Request,
) -> Result<Vec<Found>> {
    let ids: Vec<u64> = hits.iter().map(|hit| hit.id).collect();
    let vectors = match request.collapse {
        Some(_) => store.get(&ids)?.into_iter().map(|row| row.map(|row| row.vector)).collect(),
        None => vec![None; ids.len()],
    };
    let mut products: HashSet<String> = HashSet::new();
    let mut found: Vec<Found> = Vec::new();
    let mut kept: Vec<Vec<f32>> = Vec::new();
    for ((hit, record), vector) in hits.iter().zip(store.records(&ids)?).zip(vectors) {
        let Some(record) = record else { continue };
        let own = Some(hit.id) == request.without_id
            || request.without_product.as_ref() == Some(&record.product);
        if own || (request.one_per_product && products.contains(&record.product)) {
            continue;
        }
        if let (Some(limit), Some(vector)) = (request.collapse, vector) {
            let same = kept.iter().position(|other| dot(other, &vector) >= limit);
            if let Some(same) = same.and_then(|same| found.get_mut(same)) {
                same.collapsed += 1;
                continue;
            }
            kept.push(vector);
        }
        if found.len() == request.k {
            break;
        }
        products.insert(record.product.clone());
        found.push(Found { record, score: hit.score, collapsed: 0 });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Memory, Row};

    fn store() -> Memory {
        let fingerprint = Fingerprint {
            model: "test".into(),
            weights: String::new(),
            preprocessing: String::new(),
            dimension: 2,
        };
        let store = Memory::new(fingerprint);
        // Angles from the query, in degrees, and products.
        let rows: Vec<Row> = [(0, "a"), (1, "a"), (10, "b"), (11, "b"), (20, "c"), (30, "d")]
            .iter()
            .enumerate()
            .map(|(index, &(angle, product))| {
                let angle = f32::to_radians(angle as f32);
                let record = Record {
                    id: index as u64 + 1,
                    product: product.to_owned(),
                    ..Record::default()
                };
                Row { record, vector: vec![angle.cos(), angle.sin()] }
            })
            .collect();
        store.upsert(&rows).unwrap();
        store
    }

    fn ids(request: &Request) -> Vec<u64> {
        let found = search(&store(), &[1.0, 0.0], request).unwrap();
        found.iter().map(|one| one.record.id).collect()
    }

    #[test]
    fn products_and_near_copies_are_told_apart() {
        let request = Request { k: 3, ..Request::default() };
        assert_eq!(ids(&request), [1, 2, 3]);
        assert_eq!(ids(&Request { without_id: Some(1), ..request.clone() }), [2, 3, 4]);
        let discovery =
            Request { one_per_product: true, without_product: Some("a".into()), ..request.clone() };
        assert_eq!(ids(&discovery), [3, 5, 6]);
        let apart = Request { collapse: Some(0.999), k: 9, ..request.clone() };
        assert_eq!(ids(&apart), [1, 3, 5, 6]);
        let found = search(&store(), &[1.0, 0.0], &Request { k: 1, ..apart }).unwrap();
        assert_eq!((found.len(), found[0].collapsed), (1, 1));
        assert!(ids(&Request { k: 0, ..request.clone() }).is_empty());
        let filter = Filter::parse("product in (c, d)").ok();
        assert_eq!(ids(&Request { filter, ..request }), [5, 6]);
    }
}
