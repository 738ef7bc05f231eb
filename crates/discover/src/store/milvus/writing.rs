//! Writing rows in batches that a server takes.

use std::collections::HashMap;

use super::MilvusStore;
use super::collection::Collection;
use super::columns::{Prepared, meta, of_rows};
use super::connection::Failure;
use super::expression;
use super::milvus_sdk::{
    DeleteRequest, Error as ClientError, FieldData, InsertRequest, UpsertRequest,
};
use crate::store::memory::checked;
use crate::store::{BatchOutcome, Row, Selection};
use crate::{Error, Result};

/// The most rows and bytes of a batch.
const ROWS: usize = 1000;
const BYTES: usize = 4 << 20;
/// Batches that are on their way at once.
const IN_FLIGHT: usize = 4;

impl Collection {
    /// Sends a batch until it is acknowledged.
    pub(super) async fn send(&self, columns: Vec<FieldData>) -> std::result::Result<(), Failure> {
        let client = &self.connection.client;
        let expected = columns.first().map_or(0, FieldData::len) as i64;
        let sent = self.connection.patiently(self.connection.budget(), || async {
            let insert = InsertRequest::builder()
                .collection_name(&self.name)
                .columns(columns.clone())
                .build()?;
            let answer = client.upsert(UpsertRequest::builder().insert(insert).build()?).await?;
            match answer.upsert_count() {
                found if found == expected => Ok(()),
                found => Err(ClientError::MalformedResponse(format!(
                    "expected {expected} rows to be stored, found {found}"
                ))),
            }
        });
        sent.await
    }
}

impl MilvusStore {
    pub(super) fn write(&self, rows: &[Row]) -> Result<BatchOutcome> {
        let mut outcome = BatchOutcome::default();
        let mut good: Vec<Prepared> = Vec::with_capacity(rows.len());
        let mut known: HashMap<u64, usize> = HashMap::new();
        for row in rows {
            let id = row.record.id;
            let prepared = checked(row, self.collection.dimension())
                .and_then(|row| Ok(Prepared { meta: meta(&row.record)?, row }));
            match prepared {
                // Of one id the last counts.
                Ok(row) => match known.get(&id) {
                    Some(&index) => good[index] = row,
                    None => {
                        known.insert(id, good.len());
                        good.push(row);
                    }
                },
                Err(error) => outcome.failed.push((id, error)),
            }
        }
        let Some(greatest) = good.iter().map(|one| one.row.record.id).max() else {
            return Ok(outcome);
        };
        let mut batches = batches(good).into_iter();
        let Some(first) = batches.next() else { return Ok(outcome) };
        self.writes();
        let sent = self.write_first(first, greatest, &mut outcome);
        self.writes();
        sent?;
        self.write_others(batches.collect(), &mut outcome);
        self.writes();
        Ok(outcome)
    }

    /// Writes a batch together with the next id, so that no id of any of the batches is ever given again.
    fn write_first(
        &self,
        batch: Vec<Prepared>,
        greatest: u64,
        outcome: &mut BatchOutcome,
    ) -> Result<()> {
        let mut settings = self.settings();
        let ids: Vec<u64> = batch.iter().map(|one| one.row.record.id).collect();
        let next_id = settings.next_id.max(greatest.saturating_add(1).min(i64::MAX as u64));
        let mut rows = batch;
        let mut raised = settings.clone();
        if next_id > settings.next_id {
            raised.next_id = next_id;
            rows.insert(0, raised.row(self.collection.dimension())?);
        }
        let sent = self.collection.connection.wait(self.collection.send(of_rows(&rows)));
        sent.map_err(Failure::error)?;
        *settings = raised;
        outcome.applied.extend(ids);
        Ok(())
    }

    /// Writes batches, some at a time; what cannot be written is named row by row.
    fn write_others(&self, batches: Vec<Vec<Prepared>>, outcome: &mut BatchOutcome) {
        let connection = &self.collection.connection;
        let sent = connection.wait(async {
            let mut done = Vec::new();
            for group in batches.chunks(IN_FLIGHT) {
                let sends = group.iter().map(|batch| self.collection.send(of_rows(batch)));
                done.extend(futures_join(sends).await);
            }
            done
        });
        for (batch, sent) in batches.iter().zip(sent) {
            let ids = batch.iter().map(|one| one.row.record.id);
            match sent {
                Ok(()) => outcome.applied.extend(ids),
                Err(failed) => {
                    let error = failed.error();
                    let address = connection.address().to_string();
                    let again = |id: u64| {
                        let error = Error::Partial {
                            address: address.clone(),
                            done: outcome.applied.len() as u64,
                            reason: error.to_string(),
                        };
                        (id, error)
                    };
                    let failed: Vec<(u64, Error)> = ids.map(again).collect();
                    outcome.failed.extend(failed);
                }
            }
        }
    }

    pub(super) fn remove(&self, what: &Selection) -> Result<u64> {
        let ids = match what {
            Selection::Ids(ids) => self.existing(ids)?,
            Selection::Matching(filter) => self.ids_matching(filter)?,
        };
        let connection = &self.collection.connection;
        let mut done = 0;
        for page in ids.chunks(ROWS) {
            self.writes();
            let sent = connection.run(connection.budget(), || async {
                let request = DeleteRequest::builder()
                    .collection_name(&self.collection.name)
                    .filter(expression::ids(page));
                connection.client.delete(request.build()?).await
            });
            match sent {
                Ok(_) => {
                    self.writes();
                    done += page.len() as u64;
                }
                Err(failed) if done == 0 => return Err(failed.error()),
                Err(failed) => {
                    let reason = failed.error().to_string();
                    let address = connection.address().to_string();
                    return Err(Error::Partial { address, done, reason });
                }
            }
        }
        Ok(done)
    }
}

/// Waits for all of some futures, which run at once.
async fn futures_join<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    use std::pin::Pin;
    use std::task::Poll;
    let mut waiting: Vec<Pin<Box<F>>> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Rows in batches.
fn batches(rows: Vec<Prepared>) -> Vec<Vec<Prepared>> {
    let mut all: Vec<Vec<Prepared>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let more = row.bytes();
        match all.last_mut() {
            Some(batch) if batch.len() < ROWS && bytes + more <= BYTES => {
                bytes += more;
                batch.push(row);
            }
            _ => {
                bytes = more;
                all.push(vec![row]);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Record;

    #[test]
    fn batches_are_bounded() {
        let rows = |count: u64, dimension: usize| -> Vec<Prepared> {
            (1..=count)
                .map(|id| {
                    let record = Record { id, ..Record::default() };
                    let meta = meta(&record).unwrap();
                    Prepared { row: Row { record, vector: vec![0.0; dimension] }, meta }
                })
                .collect()
        };
        let sizes = |count: u64, dimension: usize| -> Vec<usize> {
            batches(rows(count, dimension)).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(2500, 8), [1000, 1000, 500]);
        let long = sizes(1000, 4096);
        assert!(
            long.iter().all(|&size| size * 4096 * 4 <= BYTES) && long.iter().sum::<usize>() == 1000
        );
        assert!(batches(Vec::new()).is_empty());
    }
}
