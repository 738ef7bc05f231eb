//! Reading rows: by id, in pages that are small enough to be answered.
//!
//! Pages follow each other by id (`id > last`), so a page does not depend on those before it, and rows that
//! come or go meanwhile are no trouble. A page whose answer is too large is asked for again as two.

use std::collections::HashMap;

use super::MilvusStore;
use super::columns::{VECTOR, integers, record_columns, records, vectors};
use super::connection::{Budget, Failure};
use super::expression::{self, KEY, id_of, key_of};
use super::milvus_sdk::{ConsistencyLevel, QueryRequest, QueryResults};
use crate::store::{Filter, Freshness, Record, Row};
use crate::{Error, Result};

/// The most that a client takes in one answer is 4 MiB; the rest is for what surrounds the numbers.
const ANSWER: usize = 3 << 20;
/// What a record takes, usually.
const RECORD: usize = 768;
/// The most rows in an answer, by the server's limits.
pub(super) const LARGEST_PAGE: usize = 16_384;

/// Which columns are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    Ids,
    Records,
    Vectors,
    All,
}

impl Columns {
    fn names(self) -> Vec<&'static str> {
        match self {
            Self::Ids => vec![KEY],
            Self::Records => record_columns(),
            Self::Vectors => vec![KEY, VECTOR],
            Self::All => {
                let mut names = record_columns();
                names.push(VECTOR);
                names
            }
        }
    }

    /// Rows of a page.
    fn page(self, dimension: usize) -> usize {
        let bytes = match self {
            Self::Ids => 16,
            Self::Records => RECORD,
            Self::Vectors => dimension * 4 + 16,
            Self::All => dimension * 4 + RECORD,
        };
        (ANSWER / bytes).clamp(1, LARGEST_PAGE)
    }
}

/// Which rows are asked for: those with ids above `after`, at most `count`.
struct Page<'a> {
    filter: Option<&'a Filter>,
    after: u64,
    count: usize,
    columns: Columns,
    freshness: Freshness,
    budget: &'a dyn Fn() -> Budget,
}

impl MilvusStore {
    /// The consistency of a read.
    pub(super) fn level(&self, freshness: Freshness) -> ConsistencyLevel {
        match freshness {
            Freshness::Strong => ConsistencyLevel::Strong,
            Freshness::Bounded if self.collection.connection.options().strong => {
                ConsistencyLevel::Strong
            }
            // What was written here is read here. The client's level Session does not see what was deleted.
            Freshness::Bounded if self.wrote_lately() => ConsistencyLevel::Strong,
            Freshness::Bounded => ConsistencyLevel::Bounded,
        }
    }

    async fn query(
        &self,
        expression: &str,
        columns: &[&str],
        limit: Option<usize>,
        level: ConsistencyLevel,
        budget: Budget,
    ) -> std::result::Result<QueryResults, Failure> {
        let connection = &self.collection.connection;
        let found = connection.patiently(budget, || async {
            let mut request = QueryRequest::builder()
                .collection_name(&self.collection.name)
                .filter(expression)
                .output_fields(columns.iter().copied())
                .consistency_level(level);
            if let Some(limit) = limit {
                request = request.limit(limit as i64);
                // Without this the rows of a page need not be those with the least ids. Servers before 2.5 give
                // those anyway, and with it many times as many as were asked for.
                if !connection.is_old {
                    let best = ("reduce_stop_for_best".to_owned(), "true".to_owned());
                    request = request.extra_params(HashMap::from([best]));
                }
            }
            connection.client.query(request.build()?).await
        });
        Ok(found.await?.results().clone())
    }

    fn query_now(
        &self,
        expression: &str,
        columns: &[&str],
        limit: Option<usize>,
        level: ConsistencyLevel,
        budget: Budget,
    ) -> std::result::Result<QueryResults, Failure> {
        let connection = &self.collection.connection;
        connection.wait(self.query(expression, columns, limit, level, budget))
    }

    /// A new budget for every call.
    pub(super) fn usual(&self) -> impl Fn() -> Budget + '_ {
        || self.collection.connection.budget()
    }

    /// How many rows there are.
    pub(super) fn counted(&self, expression: &str, level: ConsistencyLevel) -> Result<u64> {
        self.counted_within(expression, level, self.collection.connection.budget())
    }

    pub(super) fn counted_within(
        &self,
        expression: &str,
        level: ConsistencyLevel,
        budget: Budget,
    ) -> Result<u64> {
        let found = self
            .query_now(expression, &["count(*)"], None, level, budget)
            .map_err(Failure::error)?;
        Ok(integers(&found, "count(*)")?.first().map_or(0, |&count| count.max(0) as u64))
    }

    /// A page of rows, by id; fewer than its count only where there are no more.
    fn page<T>(
        &self,
        page: Page<'_>,
        read: impl Fn(&QueryResults) -> Result<Vec<T>>,
        id: impl Fn(&T) -> u64,
    ) -> Result<Vec<T>> {
        let Page { filter, after, count, columns, freshness, budget } = page;
        let rows = expression::matching(filter);
        let after = after.min(i64::MAX as u64);
        let expression = format!("{KEY} > {} and {rows}", key_of(after));
        let mut count = count.min(columns.page(self.collection.dimension()));
        loop {
            let level = self.level(freshness);
            match self.query_now(&expression, &columns.names(), Some(count), level, budget()) {
                Ok(found) => {
                    let mut rows = read(&found)?;
                    rows.sort_unstable_by_key(&id);
                    rows.truncate(count);
                    return Ok(rows);
                }
                Err(Failure::Oversized(_)) if count > 1 => count = count.div_ceil(2),
                Err(failed) => return Err(failed.error()),
            }
        }
    }

    /// Rows by id, in any order and only those that are there.
    fn of_ids<T>(
        &self,
        ids: &[u64],
        columns: Columns,
        level: ConsistencyLevel,
        budget: &dyn Fn() -> Budget,
        read: &dyn Fn(&QueryResults) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::with_capacity(ids.len());
        let page = columns.page(self.collection.dimension());
        let mut pages: Vec<&[u64]> = ids.chunks(page).rev().collect();
        while let Some(page) = pages.pop() {
            match self.query_now(&expression::ids(page), &columns.names(), None, level, budget()) {
                Ok(found) => all.extend(read(&found)?),
                Err(Failure::Oversized(_)) if page.len() > 1 => {
                    let (one, other) = page.split_at(page.len() / 2);
                    pages.extend([other, one]);
                }
                Err(failed) => return Err(failed.error()),
            }
        }
        Ok(all)
    }

    /// Ids without doubles, and none that no row can have.
    fn real(ids: &[u64]) -> Vec<u64> {
        let mut real: Vec<u64> =
            ids.iter().copied().filter(|&id| id > 0 && id <= i64::MAX as u64).collect();
        real.sort_unstable();
        real.dedup();
        real
    }

    pub(super) fn rows_of(&self, ids: &[u64]) -> Result<Vec<Option<Row>>> {
        let level = self.level(Freshness::Bounded);
        let found = self.of_ids(&Self::real(ids), Columns::All, level, &self.usual(), &rows)?;
        let mut by_id: HashMap<u64, Row> =
            found.into_iter().map(|row| (row.record.id, row)).collect();
        // Of an id that is asked for twice both answers are the row.
        let last = ids.iter().enumerate().map(|(place, id)| (id, place)).collect::<HashMap<_, _>>();
        let answer = ids.iter().enumerate().map(|(place, id)| match last.get(id) {
            Some(&last) if last == place => by_id.remove(id),
            _ => by_id.get(id).cloned(),
        });
        Ok(answer.collect())
    }

    pub(super) fn records_of(&self, ids: &[u64]) -> Result<Vec<Option<Record>>> {
        let level = self.level(Freshness::Bounded);
        let found =
            self.of_ids(&Self::real(ids), Columns::Records, level, &self.usual(), &records)?;
        let by_id: HashMap<u64, Record> =
            found.into_iter().map(|record| (record.id, record)).collect();
        Ok(ids.iter().map(|id| by_id.get(id).cloned()).collect())
    }

    /// Vectors by id.
    pub(super) fn vectors_of(
        &self,
        ids: &[u64],
        level: ConsistencyLevel,
        budget: &dyn Fn() -> Budget,
    ) -> Result<HashMap<u64, Vec<f32>>> {
        let found = self.of_ids(&Self::real(ids), Columns::Vectors, level, budget, &pairs)?;
        Ok(found.into_iter().collect())
    }

    /// Those of some ids that are there.
    pub(super) fn existing(&self, ids: &[u64]) -> Result<Vec<u64>> {
        let level = ConsistencyLevel::Strong;
        self.of_ids(&Self::real(ids), Columns::Ids, level, &self.usual(), &only_ids)
    }

    pub(super) fn rows_after(&self, after: u64, count: usize) -> Result<Vec<Row>> {
        self.pages(after, count, |after, count| {
            let (columns, freshness, budget) = (Columns::All, Freshness::Bounded, &self.usual());
            let id = |row: &Row| row.record.id;
            let page = Page { filter: None, after, count, columns, freshness, budget };
            let found = self.page(page, rows, id)?;
            Ok((found.last().map(id), found))
        })
    }

    pub(super) fn records_after(&self, after: u64, count: usize) -> Result<Vec<Record>> {
        self.pages(after, count, |after, count| {
            let (columns, freshness) = (Columns::Records, Freshness::Bounded);
            let (id, budget) = (|record: &Record| record.id, &self.usual());
            let page = Page { filter: None, after, count, columns, freshness, budget };
            let found = self.page(page, records, id)?;
            Ok((found.last().map(id), found))
        })
    }

    /// All ids that a filter lets through.
    pub(super) fn ids_matching(&self, filter: &Filter) -> Result<Vec<u64>> {
        self.pages(0, usize::MAX, |after, count| {
            let (columns, freshness) = (Columns::Ids, Freshness::Strong);
            let (filter, budget) = (Some(filter), &self.usual());
            let page = Page { filter, after, count, columns, freshness, budget };
            let found = self.page(page, only_ids, |id| *id)?;
            Ok((found.last().copied(), found))
        })
    }

    /// Hands over the vectors of all rows that a filter lets through, page after page.
    pub(super) fn each_vector(
        &self,
        filter: Option<&Filter>,
        freshness: Freshness,
        budget: &dyn Fn() -> Budget,
        mut take: impl FnMut(Vec<(u64, Vec<f32>)>) -> Result<()>,
    ) -> Result<()> {
        let mut after = 0;
        loop {
            let (count, columns) = (usize::MAX, Columns::Vectors);
            let page = Page { filter, after, count, columns, freshness, budget };
            let page = self.page(page, pairs, |one| one.0)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            take(page)?;
        }
    }

    /// Pages until there are `count` rows or no more.
    fn pages<T>(
        &self,
        mut after: u64,
        count: usize,
        page: impl Fn(u64, usize) -> Result<(Option<u64>, Vec<T>)>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while all.len() < count && after < i64::MAX as u64 {
            let (last, found) = page(after, count - all.len())?;
            let Some(last) = last else { break };
            after = last;
            all.extend(found);
        }
        Ok(all)
    }
}

fn rows(found: &QueryResults) -> Result<Vec<Row>> {
    let (records, vectors) = (records(found)?, vectors(found)?);
    if records.len() != vectors.len() {
        let reason = "the server answered with as many vectors as records";
        return Err(Error::Request(format!("expected that {reason}")));
    }
    let both = records.into_iter().zip(vectors);
    Ok(both.map(|(record, vector)| Row { record, vector: vector.clone() }).collect())
}

fn pairs(found: &QueryResults) -> Result<Vec<(u64, Vec<f32>)>> {
    let ids = only_ids(found)?;
    Ok(ids.into_iter().zip(vectors(found)?.iter().cloned()).collect())
}

fn only_ids(found: &QueryResults) -> Result<Vec<u64>> {
    Ok(integers(found, KEY)?.iter().map(|&key| id_of(key)).collect())
}
