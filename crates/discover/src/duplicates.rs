//! Pictures that are nearly the same, in groups, and which of each to keep. Nothing is ever deleted.
//!
//! Two pictures belong together where the bytes of their files are equal, or the cosine of their vectors is at
//! least a limit; groups are what hangs together by such pairs.
//!
//! Choices: of a group the picture with the most pixels is kept, of equal ones that with the shorter path,
//! then the first by path. Limits: chains may join pictures that are not alike themselves, so every group
//! says how alike its least alike neighbours are.

use std::collections::{BTreeMap, HashMap};

use crate::Result;
use crate::catalogue::records;
use crate::store::{Effort, Freshness, Record, SearchOptions, VectorStore};

/// Neighbours that are asked of each picture at first.
const NEIGHBOURS: usize = 16;
/// Pictures that are asked about at a time.
const BATCH: usize = 256;

/// Pictures that are nearly the same.
#[derive(Clone, Debug, PartialEq)]
pub struct DuplicateGroup {
    /// The one to keep.
    pub keep: Record,
    /// The others, by path, each with the greatest cosine by which it belongs to the group.
    pub others: Vec<(Record, f32)>,
    /// Whether all files have equal bytes.
    pub identical: bool,
}

/// The groups of a store, the largest first. `progress` hears how many pictures are done, of how many.
///
/// # Errors
/// Those of the store.
pub fn duplicates(
    store: &dyn VectorStore,
    limit: f32,
    effort: Effort,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<DuplicateGroup>> {
    let all = records(store)?;
    let places: HashMap<u64, usize> =
        all.iter().enumerate().map(|(place, record)| (record.id, place)).collect();
    let mut groups = Groups::new(all.len());
    let mut closest = vec![f32::NEG_INFINITY; all.len()];
    let mut by_hash: HashMap<&str, usize> = HashMap::new();
    for (place, record) in all.iter().enumerate().filter(|one| !one.1.content_hash.is_empty()) {
        let first = *by_hash.entry(&record.content_hash).or_insert(place);
        if first != place {
            groups.join(first, place);
            closest[first] = 1.0;
            closest[place] = 1.0;
        }
    }
    for (number, batch) in all.chunks(BATCH).enumerate() {
        let ids: Vec<u64> = batch.iter().map(|record| record.id).collect();
        let rows: Vec<_> = store.get(&ids)?.into_iter().flatten().collect();
        let mut open: Vec<usize> = (0..rows.len()).collect();
        let mut k = NEIGHBOURS;
        // More neighbours are asked for where even the last is alike.
        while !open.is_empty() {
            let queries: Vec<Vec<f32>> = open.iter().map(|&row| rows[row].vector.clone()).collect();
            let freshness = Freshness::Bounded;
            let options = SearchOptions { k, filter: None, freshness, effort, deadline: None };
            let mut more = Vec::new();
            for (&row, hits) in open.iter().zip(store.search(&queries, &options)?) {
                let Some(&own) = places.get(&rows[row].record.id) else { continue };
                let alike = hits.iter().take_while(|hit| hit.score >= limit);
                let mut count = 0;
                for hit in alike {
                    count += 1;
                    if let Some(&other) = places.get(&hit.id).filter(|&&other| other != own) {
                        groups.join(own, other);
                        closest[own] = closest[own].max(hit.score);
                        closest[other] = closest[other].max(hit.score);
                    }
                }
                if count == hits.len() && hits.len() == k {
                    more.push(row);
                }
            }
            open = more;
            k *= 8;
        }
        progress(((number + 1) * BATCH).min(all.len()), all.len());
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in 0..all.len() {
        members.entry(groups.root(place)).or_default().push(place);
    }
    let mut found: Vec<DuplicateGroup> = members
        .into_values()
        .filter(|group| group.len() > 1)
        .filter_map(|group| {
            let pixels =
                |place: &usize| u64::from(all[*place].width) * u64::from(all[*place].height);
            let rank = |place: &&usize| {
                let record = &all[**place];
                (std::cmp::Reverse(pixels(place)), record.path.len(), record.path.clone())
            };
            let keep = *group.iter().min_by_key(rank)?;
            let hash = &all[keep].content_hash;
            let identical =
                !hash.is_empty() && group.iter().all(|&place| all[place].content_hash == *hash);
            let others = group.iter().filter(|&&place| place != keep);
            let mut others: Vec<(Record, f32)> =
                others.map(|&place| (all[place].clone(), closest[place])).collect();
            others.sort_by(|a, b| a.0.path.cmp(&b.0.path));
            Some(DuplicateGroup { keep: all[keep].clone(), others, identical })
        })
        .collect();
    found.sort_by(|a, b| b.others.len().cmp(&a.others.len()).then(a.keep.path.cmp(&b.keep.path)));
    Ok(found)
}

/// Disjoint sets.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut place: usize) -> usize {
        while self.0[place] != place {
            self.0[place] = self.0[self.0[place]];
            place = self.0[place];
        }
        place
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Memory, Row};

    #[test]
    fn what_hangs_together_is_a_group() {
        let fingerprint = Fingerprint {
            model: "test".into(),
            weights: String::new(),
            preprocessing: String::new(),
            dimension: 2,
        };
        let store = Memory::new(fingerprint);
        let row = |id: u64, angle: f32, hash: &str, width: u32| Row {
            record: Record {
                id,
                path: format!("{id}.png"),
                content_hash: hash.to_owned(),
                width,
                height: 10,
                ..Record::default()
            },
            vector: vec![angle.to_radians().cos(), angle.to_radians().sin()],
        };
        let mut rows = vec![
            row(1, 0.0, "x", 10),
            row(2, 2.0, "y", 30),
            row(3, 4.0, "z", 20),
            row(4, 90.0, "w", 10),
            row(5, 90.0, "w", 10),
            row(6, 45.0, "u", 10),
        ];
        // As many copies as the first search cannot list.
        rows.extend((0..40).map(|n| row(100 + n, 150.0, "copy", 5)));
        store.upsert(&rows).unwrap();
        let found = duplicates(&store, 0.999, Effort::Exact, &|_, _| ()).unwrap();
        let sizes: Vec<usize> = found.iter().map(|group| group.others.len() + 1).collect();
        assert_eq!(sizes, [40, 3, 2]);
        assert_eq!((found[1].keep.id, found[1].identical), (2, false));
        assert!(found[1].others.iter().all(|one| one.1 > 0.999));
        assert_eq!((found[2].keep.id, found[2].identical), (4, true));
        let none = duplicates(
            &Memory::new(store.describe().unwrap().fingerprint),
            0.9,
            Effort::Exact,
            &|_, _| (),
        );
        assert!(none.unwrap().is_empty());
    }
}
