//! Searches: the server finds, the vectors of what it found are scored here.
//!
//! The server's scores differ from ours in the last digits, and equal ones come in any order. So a few more
//! results are asked for than are wanted, their vectors are fetched and scored as in every other store, and
//! where the last result that was asked for is as good as the last that is wanted, more are asked for.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use milvus::proto::common::ConsistencyLevel as OldLevel;
use milvus::query::SearchOptions as OldOptions;
use milvus::value::Value;
use rayon::prelude::*;

use super::MilvusStore;
use super::columns::VECTOR;
use super::connection::{Budget, Failure, of_old};
use super::expression::{self, id_of};
use super::milvus_sdk::{
    ConsistencyLevel, Error as ClientError, Ids, MetricType, SearchRequest, SearchVectors,
};
use super::reading::LARGEST_PAGE;
use crate::store::memory::queries;
use crate::store::scan::{dot, first};
use crate::store::{Effort, Filter, Freshness, Hit, SearchOptions};
use crate::{Error, Result};

/// Results that are asked for beyond those that are wanted.
const MORE: usize = 6;
/// How far apart scores of the server and ours may be.
const ROUNDING: f32 = 4e-6;
/// Rows that are few enough to be fetched and compared here.
const FEW: u64 = 2000;
/// Bytes of an answer, and of what is asked.
const ANSWER: usize = 2 << 20;
const RESULT: usize = 24;
/// The least and the most rows that a search of the graph looks at.
const LOOKED_AT: [usize; 2] = [16, 32_768];

impl MilvusStore {
    pub(super) fn found(
        &self,
        given: &[Vec<f32>],
        options: &SearchOptions,
    ) -> Result<Vec<Vec<Hit>>> {
        let prepared = queries(given, self.collection.dimension())?;
        if options.k == 0 || prepared.is_empty() {
            return Ok(vec![Vec::new(); prepared.len()]);
        }
        let started = Instant::now();
        let budget = || {
            let left = options.deadline.map(|limit| limit.saturating_sub(started.elapsed()));
            self.collection.connection.budget().within(left)
        };
        let told = |error: Error| match (error, options.deadline) {
            (Error::Timeout(_), Some(limit)) => Error::Timeout(limit),
            (error, _) => error,
        };
        let level = self.level(options.freshness);
        let found = (|| {
            let approximate = self.is_approximate();
            let mut share = 1.0;
            if let (Some(filter), true) = (&options.filter, approximate) {
                let matching =
                    self.counted_within(&expression::matching(Some(filter)), level, budget())?;
                if matching <= FEW {
                    return self.compared(&prepared, options, &budget);
                }
                let all = self.counted_within(expression::PICTURES, level, budget())?;
                share = matching as f64 / all.max(1) as f64;
            }
            let exactly = options.effort == Effort::Exact && approximate;
            if exactly || options.k + MORE > LARGEST_PAGE {
                return self.compared(&prepared, options, &budget);
            }
            self.asked(&prepared, options, level, share, &budget)
        })();
        found.map_err(told)
    }

    /// The true results, by comparing with the vectors of all rows that may be found.
    fn compared(
        &self,
        queries: &[Vec<f32>],
        options: &SearchOptions,
        budget: &dyn Fn() -> Budget,
    ) -> Result<Vec<Vec<Hit>>> {
        let mut best: Vec<Vec<Hit>> = vec![Vec::new(); queries.len()];
        let k = options.k;
        self.each_vector(options.filter.as_ref(), options.freshness, budget, |page| {
            best.par_iter_mut().zip(queries).for_each(|(best, query)| {
                let hits = page.iter().map(|(id, row)| Hit { id: *id, score: dot(query, row) });
                best.extend(hits);
                let so_far = std::mem::take(best);
                *best = first(so_far, k);
            });
            Ok(())
        })?;
        Ok(best)
    }

    /// Results of the server, scored again.
    fn asked(
        &self,
        queries: &[Vec<f32>],
        options: &SearchOptions,
        level: ConsistencyLevel,
        share: f64,
        budget: &dyn Fn() -> Budget,
    ) -> Result<Vec<Vec<Hit>>> {
        let k = options.k;
        let mut answers: Vec<Vec<Hit>> = vec![Vec::new(); queries.len()];
        let mut open: Vec<usize> = (0..queries.len()).collect();
        let mut limit = k + MORE;
        while !open.is_empty() {
            if limit > LARGEST_PAGE {
                let rest: Vec<Vec<f32>> =
                    open.iter().map(|&place| queries[place].clone()).collect();
                for (&place, hits) in open.iter().zip(self.compared(&rest, options, budget)?) {
                    answers[place] = hits;
                }
                break;
            }
            let mut more = Vec::new();
            let request =
                (ANSWER / (limit * RESULT)).min(ANSWER / (self.collection.dimension() * 4));
            for places in open.chunks(request.clamp(1, 1000)) {
                let asked: Vec<&[f32]> =
                    places.iter().map(|&place| queries[place].as_slice()).collect();
                let filter = options.filter.as_ref();
                let looked_at = self.looked_at(options.effort, limit, share);
                let found =
                    self.server_search(&asked, filter, limit, looked_at, level, budget())?;
                let (certain, uncertain): (Vec<_>, Vec<_>) =
                    places.iter().copied().zip(found).partition(|(_, hits)| {
                        let bound = |place: usize| hits.get(place).map(|hit| hit.score);
                        match (bound(k - 1), hits.last()) {
                            (Some(wanted), Some(last)) if hits.len() == limit => {
                                wanted - last.score > ROUNDING
                            }
                            _ => true,
                        }
                    });
                more.extend(uncertain.into_iter().map(|one| one.0));
                for (place, hits) in self.scored(queries, certain, budget)? {
                    answers[place] = first(hits, k);
                }
            }
            open = more;
            limit *= 4;
        }
        Ok(answers)
    }

    /// How many rows of the graph are looked at.
    fn looked_at(&self, effort: Effort, limit: usize, share: f64) -> usize {
        let [least, most] = LOOKED_AT;
        let measured = self.settings().efforts.unwrap_or([64, 128]);
        let wanted = match effort {
            Effort::Recall95 => measured[0],
            Effort::Recall98 | Effort::Exact => measured[1],
        };
        // Rows that may not be found are looked at as well.
        let wanted = (wanted as f64 / share.max(1e-3)).ceil() as usize;
        wanted.max(limit).clamp(least, most)
    }

    /// Hits with scores of ours.
    fn scored(
        &self,
        queries: &[Vec<f32>],
        found: Vec<(usize, Vec<Hit>)>,
        budget: &dyn Fn() -> Budget,
    ) -> Result<Vec<(usize, Vec<Hit>)>> {
        let ids: HashSet<u64> =
            found.iter().flat_map(|one| one.1.iter().map(|hit| hit.id)).collect();
        let ids: Vec<u64> = ids.into_iter().collect();
        let mut vectors = self.vectors_of(&ids, self.level(Freshness::Bounded), budget)?;
        // What the search saw another part of the server may not have seen yet.
        let missing: Vec<u64> =
            ids.iter().copied().filter(|id| !vectors.contains_key(id)).collect();
        if !missing.is_empty() {
            vectors.extend(self.vectors_of(&missing, ConsistencyLevel::Strong, budget)?);
        }
        let vectors: &HashMap<u64, Vec<f32>> = &vectors;
        Ok(found
            .into_iter()
            .map(|(place, hits)| {
                let query = &queries[place];
                let hits = hits.iter().filter_map(|hit| {
                    let score = dot(query, vectors.get(&hit.id)?);
                    Some(Hit { id: hit.id, score })
                });
                (place, hits.collect())
            })
            .collect())
    }

    /// Results and scores of the server.
    pub(super) fn server_search(
        &self,
        queries: &[&[f32]],
        filter: Option<&Filter>,
        limit: usize,
        looked_at: usize,
        level: ConsistencyLevel,
        budget: Budget,
    ) -> Result<Vec<Vec<Hit>>> {
        let rows = expression::matching(filter);
        let connection = &self.collection.connection;
        let found = connection.run(budget, || async {
            if connection.is_old {
                self.old_search(queries, &rows, limit, looked_at, level).await
            } else {
                self.new_search(queries, &rows, limit, looked_at, level).await
            }
        });
        found.map_err(Failure::error)
    }

    async fn new_search(
        &self,
        queries: &[&[f32]],
        rows: &str,
        limit: usize,
        looked_at: usize,
        level: ConsistencyLevel,
    ) -> std::result::Result<Vec<Vec<Hit>>, ClientError> {
        let mut request = SearchRequest::builder()
            .collection_name(&self.collection.name)
            .vector_field(VECTOR)
            .vectors(SearchVectors::Float(queries.iter().map(|query| query.to_vec()).collect()))
            .filter(rows)
            .limit(limit as i64)
            .metric_type(MetricType::Cosine)
            .consistency_level(level);
        if self.is_approximate() {
            request =
                request.extra_params(HashMap::from([("ef".to_owned(), looked_at.to_string())]));
        }
        let answer = self.collection.connection.client.search(request.build()?).await?;
        let lists = answer.results().iter().map(|one| {
            let Ids::Int64(ids) = one.get_ids() else {
                return Err(ClientError::MalformedResponse("expected ids that are numbers".into()));
            };
            let hits = ids.iter().zip(one.get_scores());
            Ok(hits.map(|(&key, &score)| Hit { id: id_of(key), score }).collect())
        });
        let mut lists = lists.collect::<std::result::Result<Vec<Vec<Hit>>, _>>()?;
        lists.resize(queries.len(), Vec::new());
        Ok(lists)
    }

    async fn old_search(
        &self,
        queries: &[&[f32]],
        rows: &str,
        limit: usize,
        looked_at: usize,
        level: ConsistencyLevel,
    ) -> std::result::Result<Vec<Vec<Hit>>, ClientError> {
        let data = queries.iter().map(|query| Value::FloatArray((*query).into())).collect();
        let level = match level {
            ConsistencyLevel::Bounded => OldLevel::Bounded,
            // The old client does not know what the new one wrote.
            _ => OldLevel::Strong,
        };
        let mut options = OldOptions::with_limit(limit)
            .filter(rows.to_owned())
            .anns_field(vec![VECTOR.to_owned()])
            .consistency_level(level as i32)
            .add_param("metric_type", "COSINE");
        if self.is_approximate() {
            options = options.add_param("ef", looked_at.to_string());
        }
        let client = self.collection.connection.old_client().await?;
        let answer = client.search(self.collection.name.clone(), data, Some(options)).await;
        let answer = match answer {
            Ok(answer) => answer,
            // What an old server says where no query has a result.
            Err(milvus::error::Error::Unexpected(reason)) if reason.starts_with("no ID") => {
                return Ok(vec![Vec::new(); queries.len()]);
            }
            Err(error) => return Err(of_old(error)),
        };
        let lists = answer.iter().map(|one| {
            let hits = one.id.iter().zip(&one.score).map(|(key, &score)| match key {
                Value::Long(key) => Ok(Hit { id: id_of(*key), score }),
                _ => Err(ClientError::MalformedResponse("expected ids that are numbers".into())),
            });
            hits.collect()
        });
        let mut lists = lists.collect::<std::result::Result<Vec<Vec<Hit>>, _>>()?;
        lists.resize(queries.len(), Vec::new());
        Ok(lists)
    }
}
