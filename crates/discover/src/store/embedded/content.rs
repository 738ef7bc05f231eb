//! What a store holds in memory while it is open, and how that is searched.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::neighbours::Neighbours;
use super::often::Often;
use super::records::Records;
use super::vectors::Vectors;
use crate::Result;
use crate::store::scan::{dot, first, nearest};
use crate::store::{Effort, Filter, Hit, Record, SearchOptions};

/// Below this share of rows that a filter lets through they are compared one by one: a search of the graph
/// costs more the fewer of its rows may be found.
const SELECTIVE: f64 = 0.2;

/// Queries that are compared with all rows before the time is looked at.
const TOGETHER: usize = 64;

pub(super) struct Content {
    pub(super) records: Records,
    pub(super) vectors: Vectors,
    /// Rows in the order of their vectors, `None` where no row has the vector.
    pub(super) rows: Vec<Option<Record>>,
    /// The place of the vector of each id.
    pub(super) places: HashMap<u64, usize>,
    pub(super) neighbours: Option<Neighbours>,
    pub(super) often: Often,
}

impl Content {
    /// The id at a place, where a filter lets it through.
    pub(super) fn id(&self, place: usize, filter: Option<&Filter>) -> Option<u64> {
        let record = self.rows.get(place)?.as_ref()?;
        filter.is_none_or(|filter| filter.accepts(record)).then_some(record.id)
    }

    /// Ids and places of the rows that a filter lets through.
    pub(super) fn matching(&self, filter: &Filter) -> Vec<(u64, usize)> {
        let places = 0..self.rows.len();
        places.filter_map(|place| Some((self.id(place, Some(filter))?, place))).collect()
    }

    /// The first results of every query; `in_time` fails when it takes too long.
    pub(super) fn search(
        &self,
        queries: &[Vec<f32>],
        options: &SearchOptions,
        in_time: impl Fn() -> Result<()> + Sync,
    ) -> Result<Vec<Vec<Hit>>> {
        let k = options.k.min(self.places.len());
        let allowed = options.filter.as_ref().map(|filter| self.matching(filter));
        let share = allowed
            .as_ref()
            .map_or(1.0, |allowed| allowed.len() as f64 / self.places.len().max(1) as f64);
        let score = |query: &[f32], id: u64, place: usize| Hit {
            id,
            score: dot(query, self.vectors.row(place)),
        };
        if let (Some(neighbours), true) =
            (&self.neighbours, options.effort != Effort::Exact && share >= SELECTIVE)
        {
            let ids: Option<HashSet<u64>> =
                allowed.as_ref().map(|allowed| allowed.iter().map(|one| one.0).collect());
            let found = neighbours.search(queries, k, options.effort, ids.as_ref(), in_time)?;
            let hits = queries.iter().zip(found).map(|(query, found)| {
                let hits =
                    found.iter().filter_map(|id| Some(score(query, *id, *self.places.get(id)?)));
                first(hits.collect(), k)
            });
            return Ok(hits.collect());
        }
        match &allowed {
            Some(allowed) if share < SELECTIVE => {
                let found = queries.iter().map(|query| {
                    in_time()?;
                    let hits = allowed.iter().map(|&(id, place)| score(query, id, place));
                    Ok(first(hits.collect(), k))
                });
                found.collect()
            }
            Some(allowed) => {
                let mut ids = vec![None; self.rows.len()];
                allowed.iter().for_each(|&(id, place)| ids[place] = Some(id));
                self.compared(queries, k, |place| *ids.get(place)?, in_time)
            }
            None => self.compared(queries, k, |place| self.id(place, None), in_time),
        }
    }

    /// The first of all rows that have an id.
    fn compared(
        &self,
        queries: &[Vec<f32>],
        k: usize,
        id: impl Fn(usize) -> Option<u64> + Sync,
        in_time: impl Fn() -> Result<()>,
    ) -> Result<Vec<Vec<Hit>>> {
        let (rows, dimension) = (self.vectors.rows(), self.vectors.dimension());
        let Some(rounded) = self.often.rounded(&self.vectors, queries.len()) else {
            let found = queries.iter().map(|query| {
                in_time()?;
                Ok(nearest(query, rows, dimension, k, &id))
            });
            return found.collect();
        };
        let mut found = Vec::with_capacity(queries.len());
        for queries in queries.chunks(TOGETHER) {
            in_time()?;
            let queries: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
            found.extend(rounded.nearest(&queries, rows, k, &id));
        }
        Ok(found)
    }

    /// Writes the vectors that rows have into a new file.
    pub(super) fn compact(&mut self, folder: &Path) -> Result<()> {
        let mut listed: Vec<(u64, usize)> =
            self.places.iter().map(|(&id, &place)| (id, place)).collect();
        listed.sort_unstable_by_key(|one| one.1);
        let name = self.vectors.next_name();
        let rows = listed.iter().map(|&(_, place)| self.vectors.row(place));
        let vectors = Vectors::write(&folder.join(&name), self.vectors.dimension(), rows)?;
        let moved: Vec<(u64, usize)> =
            listed.iter().enumerate().map(|(index, &(id, _))| (id, index)).collect();
        self.records.move_to(&name, &moved)?;
        let rows = listed.iter().map(|&(_, place)| self.rows[place].take()).collect();
        let old = std::mem::replace(&mut self.vectors, vectors);
        self.often = Often::default();
        self.rows = rows;
        self.places = moved.into_iter().collect();
        // Processes that read it keep it open; a failure leaves a file that nothing names.
        old.discard();
        Ok(())
    }
}
