//! What a store holds in memory while it is open, and how that is searched.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::neighbours::Neighbours;
use super::records::Records;
use super::vectors::Vectors;
use crate::Result;
use crate::store::scan::{dot, first, nearest};
use crate::store::{Effort, Filter, Hit, Record, SearchOptions};

/// Below this share of rows that a filter lets through they are compared one by one: a search of the graph
/// costs more the fewer of its rows may be found.
const SELECTIVE: f64 = 0.2;

pub(super) struct Content {
    pub(super) records: Records,
    pub(super) vectors: Vectors,
    /// Rows in the order of their vectors, `None` where no row has the vector.
    pub(super) rows: Vec<Option<Record>>,
    /// The place of the vector of each id.
    pub(super) places: HashMap<u64, usize>,
    pub(super) neighbours: Option<Neighbours>,
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

    pub(super) fn search(
        &self,
        query: &[f32],
        options: &SearchOptions,
        dimension: usize,
    ) -> Result<Vec<Hit>> {
        let filter = options.filter.as_ref();
        let k = options.k.min(self.places.len());
        let score = |id: u64, place: usize| Hit { id, score: dot(query, self.vectors.row(place)) };
        let allowed = filter.map(|filter| self.matching(filter));
        let share = allowed
            .as_ref()
            .map_or(1.0, |allowed| allowed.len() as f64 / self.places.len().max(1) as f64);
        if let (Some(neighbours), true) =
            (&self.neighbours, options.effort != Effort::Exact && share >= SELECTIVE)
        {
            let ids: Option<HashSet<u64>> =
                allowed.as_ref().map(|allowed| allowed.iter().map(|one| one.0).collect());
            let found = neighbours.search(query, k, options.effort, ids.as_ref())?;
            let hits = found.iter().filter_map(|id| Some(score(*id, *self.places.get(id)?)));
            return Ok(first(hits.collect(), options.k));
        }
        Ok(match allowed {
            Some(allowed) => {
                first(allowed.into_iter().map(|(id, place)| score(id, place)).collect(), k)
            }
            None => nearest(query, self.vectors.rows(), dimension, k, |place| self.id(place, None)),
        })
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
        self.rows = rows;
        self.places = moved.into_iter().collect();
        // Processes that read it keep it open; a failure leaves a file that nothing names.
        old.discard();
        Ok(())
    }
}
