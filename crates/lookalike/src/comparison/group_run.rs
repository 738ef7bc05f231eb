//! One reference on its way through its candidates: what is decoded once, what is read once, and what
//! runs where.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;
use std::time::Instant;

use lookalike_core::decode::read;
use lookalike_core::{Features, Metric, Picture, Prepared, Score, Want};

use super::in_order::InOrder;
use super::{Comparison, Failure, PairOutcome, PairScores, failed, in_parallel};
use crate::pairing::{Candidate, Group};
use crate::shared::{Loaded, SharedPictures};

/// What metrics have read of a pair before it is scored, in the order of the run's metrics.
#[derive(Clone, Copy)]
pub(super) enum Read<'a> {
    Nothing,
    Reference(&'a [Option<Box<dyn Prepared + 'a>>]),
    Both([&'a [Option<Features>]; 2]),
}

impl Read<'_> {
    /// The score by metric number `index`, when it has read enough.
    pub(super) fn compare(
        self,
        index: usize,
        metric: &dyn Metric,
        candidate: &Picture,
        want: Want,
    ) -> Option<lookalike_core::Result<Score>> {
        match self {
            Self::Nothing => None,
            Self::Reference(prepared) => {
                Some(prepared.get(index)?.as_ref()?.compare(candidate, want))
            }
            Self::Both([reference, candidate]) => {
                let (reference, candidate) = (reference.get(index)?, candidate.get(index)?);
                metric.compare_features(reference.as_ref()?, candidate.as_ref()?, want)
            }
        }
    }
}

/// Where the outcomes of one group go.
pub(super) struct Outlet<'a> {
    pub(super) order: &'a InOrder<'a>,
    pub(super) sender: &'a Sender<(usize, PairOutcome)>,
    /// The position of the group's first pair in the work list.
    pub(super) first: usize,
}

impl Outlet<'_> {
    /// Starts the group's pair number `index`, as soon as there is room for its outcome, and sends
    /// what `score` makes of it; does nothing when the run was cancelled meanwhile.
    fn pair(&self, index: usize, score: impl FnOnce() -> PairOutcome) {
        let index = self.first + index;
        let _guard = self.order.open_on_panic();
        if self.order.start(index) {
            // The receiver outlives all senders.
            let _ = self.sender.send((index, PairOutcome { index, ..score() }));
        }
    }
}

/// One reference on its way through all its candidates.
pub(super) struct GroupRun<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) group: &'a Group,
    pub(super) cancelled: &'a AtomicBool,
    pub(super) pool: Option<&'a rayon::ThreadPool>,
    pub(super) shared: Option<&'a SharedPictures<'a>>,
    pub(super) outlet: Outlet<'a>,
}

impl GroupRun<'_> {
    pub(super) fn score_all(
        &self,
        jobs: usize,
        store: &(impl Fn(&mut PairScores) -> Vec<Failure> + Sync),
    ) {
        if let Some(shared) = self.shared {
            return self.score_shared(shared, jobs, store);
        }
        if let [candidate] = self.group.candidates.as_slice() {
            self.outlet.pair(0, || self.score_one(candidate, store));
            return;
        }
        let decode = &self.comparison.decode;
        let reference = read(&self.group.reference, decode);
        let prepared = match &reference {
            Ok(picture) => self.in_pool(|| self.comparison.prepare(picture)),
            Err(_) => Vec::new(),
        };
        in_parallel(jobs, self.group.candidates.len(), self.cancelled, |index| {
            self.outlet.pair(index, || match &reference {
                Ok(picture) => {
                    let candidate = &self.group.candidates[index];
                    let prepared = Read::Reference(&prepared);
                    let outcome = self.timed(|| {
                        let read = read(&candidate.path, decode);
                        self.comparison.score(self.group, picture, prepared, candidate, read)
                    });
                    stored(outcome, store)
                }
                Err(error) => failed(&self.group.reference, error),
            });
        });
    }

    /// The only pair of a group: nothing is kept for others, and a thread without work of its own
    /// may decode the second picture.
    fn score_one(
        &self,
        candidate: &Candidate,
        store: &(impl Fn(&mut PairScores) -> Vec<Failure> + Sync),
    ) -> PairOutcome {
        let outcome = self.timed(|| {
            let read = |path: &Path| read(path, &self.comparison.decode);
            match rayon::join(|| read(&self.group.reference), || read(&candidate.path)) {
                (Ok(reference), picture) => {
                    let nothing = Read::Nothing;
                    self.comparison.score(self.group, &reference, nothing, candidate, picture)
                }
                (Err(error), _) => failed(&self.group.reference, &error),
            }
        });
        stored(outcome, store)
    }

    /// Pairs of pictures that other groups name as well.
    fn score_shared(
        &self,
        shared: &SharedPictures<'_>,
        jobs: usize,
        store: &(impl Fn(&mut PairScores) -> Vec<Failure> + Sync),
    ) {
        let comparison = self.comparison;
        let get = |path: &Path| {
            shared.get(path, || {
                let load = || Ok(Loaded::new(read(path, &comparison.decode)?, &comparison.metrics));
                self.in_pool(load)
            })
        };
        let reference = get(&self.group.reference);
        in_parallel(jobs, self.group.candidates.len(), self.cancelled, |index| {
            let candidate = &self.group.candidates[index];
            self.outlet.pair(index, || {
                let start = Instant::now();
                let outcome = match (&reference, get(&candidate.path)) {
                    (Err(error), _) => failed(&self.group.reference, error),
                    (Ok(_), Err(error)) => failed(&candidate.path, &error),
                    (Ok(reference), Ok(loaded)) => {
                        let both = Read::Both([&reference.features, &loaded.features]);
                        let picture = Ok(loaded.picture.clone());
                        let score = || {
                            comparison.score(
                                self.group,
                                &reference.picture,
                                both,
                                candidate,
                                picture,
                            )
                        };
                        stored(self.in_pool(score), store)
                    }
                };
                shared.done(&candidate.path);
                PairOutcome { elapsed: start.elapsed(), ..outcome }
            });
        });
        shared.done(&self.group.reference);
    }

    /// An outcome, and how long it took.
    fn timed(&self, act: impl FnOnce() -> PairOutcome + Send) -> PairOutcome {
        let start = Instant::now();
        let outcome = self.in_pool(act);
        PairOutcome { elapsed: start.elapsed(), ..outcome }
    }

    fn in_pool<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        match self.pool {
            Some(pool) => pool.install(act),
            // The system gave no threads for a pool of the asked size: rayon's own does the work.
            None => act(),
        }
    }
}

/// The outcome after the caller took what it stores.
fn stored(
    mut outcome: PairOutcome,
    store: &(impl Fn(&mut PairScores) -> Vec<Failure> + Sync),
) -> PairOutcome {
    if let Some(pair) = &mut outcome.pair {
        outcome.failures.extend(store(pair));
    }
    outcome
}
