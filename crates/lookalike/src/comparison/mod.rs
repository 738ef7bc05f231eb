//! A run over many pairs: several metrics, several threads, results in the order of the inputs.
//!
//! Each reference is decoded and prepared once for all its candidates. A pair that fails does not
//! stop the others; a cancelled run keeps what is done. The same bits come out for any number of
//! threads.

mod group_run;
mod in_order;
mod measurement;
mod schedule;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use lookalike_core::decode::DecodeOptions;
use lookalike_core::{DisplayScale, FitPolicy, MetricId, Picture, Prepared, Score, ScoreMap, fit};

use self::group_run::{GroupRun, Outlet, Read};
use self::in_order::InOrder;
use self::schedule::stages;
use crate::check::{Check, MapPooling};
use crate::choice::Choice;
use crate::gate::Gate;
use crate::limits::Limits;
use crate::mask::MaskedArea;
use crate::pairing::{Candidate, Group, WorkList};
use crate::shared::SharedPictures;

/// Pairs that may be on their way or wait for their turn behind a slow one.
const ROOM: usize = 1024;

/// How a run is carried out.
pub struct Comparison {
    /// What is computed for every pair, in the order of the result.
    pub metrics: Vec<Choice>,
    /// How pictures are read.
    pub decode: DecodeOptions,
    /// What happens to pairs of different size.
    pub fit: FitPolicy,
    /// Whether maps are wanted of the metrics that have one.
    pub maps: bool,
    /// What pairs must meet, and what of them is masked.
    pub limits: Limits,
    /// Threads; 0 uses all cores. Values do not depend on it.
    pub jobs: usize,
}

/// The scores of one pair.
#[derive(Clone, Debug)]
pub struct PairScores {
    /// The reference.
    pub reference: PathBuf,
    /// The candidate.
    pub candidate: PathBuf,
    /// A relative path without extension, unique within the run.
    pub label: PathBuf,
    /// Columns that were compared.
    pub width: usize,
    /// Rows that were compared.
    pub height: usize,
    /// What the metrics gave, in their order; metrics that failed are missing.
    pub scores: Vec<Score>,
    /// The poolings of maps that gates asked for.
    pub poolings: Vec<MapPooling>,
    /// How the pair did on every limit that holds for it and could be checked.
    pub checks: Vec<Check>,
    /// The share of the pixels that is masked, where there are masks.
    pub masked: Option<f64>,
    /// The sizes before fitting, where they differ.
    pub sizes_differ: Option<SizesDiffer>,
}

/// Two pictures of different size, and what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizesDiffer {
    /// Width and height of the reference.
    pub reference: (usize, usize),
    /// Width and height of the candidate.
    pub candidate: (usize, usize),
    /// How they were brought to one size; under [`FitPolicy::Error`] they were not compared.
    pub fit: FitPolicy,
}

/// A pair whose sizes differ, under [`FitPolicy::Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFitted {
    /// The reference.
    pub reference: PathBuf,
    /// The candidate.
    pub candidate: PathBuf,
    /// Their sizes.
    pub sizes: SizesDiffer,
}

/// Something that could not be scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file at fault, or the candidate of the pair.
    pub path: PathBuf,
    /// What was expected, what was found, what to do.
    pub message: String,
}

/// What became of one pair.
#[derive(Clone, Debug, Default)]
pub struct PairOutcome {
    /// The scores, unless a picture could not be read or fitted.
    pub pair: Option<PairScores>,
    /// What failed: at most one entry for the pictures, or one for each metric that refused them.
    pub failures: Vec<Failure>,
    /// The files and sizes, where the pair was not compared because the sizes differ.
    pub not_fitted: Option<NotFitted>,
    /// The pair's position in the work list, counted through all groups.
    pub index: usize,
    /// How long the pair took to read and to score; the reference of several candidates belongs to
    /// none of them.
    pub elapsed: Duration,
}

impl Comparison {
    /// Runs over a work list and hands every outcome to `sink` in the order of the list, as soon as
    /// it and all before it are done. `store` is called on the worker with every finished pair and
    /// may take its maps; what it could not do joins the pair's failures.
    ///
    /// Returns the number of pairs that were left out because `cancelled` became true.
    pub fn run(
        &self,
        work: &WorkList,
        cancelled: &AtomicBool,
        store: impl Fn(&mut PairScores) -> Vec<Failure> + Sync,
        sink: impl FnMut(PairOutcome),
    ) -> usize {
        self.run_within(ROOM, work, cancelled, store, sink)
    }

    /// [`run`](Self::run) with `room` for outcomes that wait for their turn.
    fn run_within(
        &self,
        room: usize,
        work: &WorkList,
        cancelled: &AtomicBool,
        store: impl Fn(&mut PairScores) -> Vec<Failure> + Sync,
        mut sink: impl FnMut(PairOutcome),
    ) -> usize {
        let jobs = self.jobs();
        // Metrics use several threads inside. They share one pool, and no more than `jobs` pairs
        // are in flight, so memory stays bounded however long the list is.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().ok();
        let mut offsets = Vec::with_capacity(work.groups.len());
        let mut total = 0;
        for group in &work.groups {
            offsets.push(total);
            total += group.candidates.len();
        }
        let shared = SharedPictures::new(&self.metrics, work);
        let sizes = work.groups.iter().map(|group| group.candidates.len());
        let stages = stages(sizes, jobs, room);
        let order = InOrder::new(room.max(jobs), cancelled);
        let mut done = 0;
        let (sender, receiver) = mpsc::channel::<(usize, PairOutcome)>();
        std::thread::scope(|scope| {
            let (offsets, store, pool) = (&offsets, &store, pool.as_ref());
            let (shared, order) = (shared.as_ref(), &order);
            scope.spawn(move || {
                for stage in stages {
                    in_parallel(stage.group_jobs, stage.groups.len(), cancelled, |g| {
                        let _guard = order.open_on_panic();
                        let g = stage.groups.start + g;
                        let outlet = Outlet { order, sender: &sender, first: offsets[g] };
                        let group = &work.groups[g];
                        let run =
                            GroupRun { comparison: self, group, cancelled, pool, shared, outlet };
                        run.score_all(stage.candidate_jobs, store);
                    });
                }
            });
            let _guard = order.open_on_panic();
            let mut waiting = BTreeMap::new();
            for (index, outcome) in receiver {
                waiting.insert(index, outcome);
                while let Some(outcome) = waiting.remove(&done) {
                    sink(outcome);
                    done += 1;
                    order.hand_on();
                }
            }
            // After a cancellation there are gaps; what is finished behind them still counts.
            for outcome in waiting.into_values() {
                sink(outcome);
                done += 1;
            }
        });
        total - done
    }

    fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.jobs == 0 { cores() } else { self.jobs }
    }

    /// The reference, read once by every metric that accepts it. A refusal is found again, and
    /// reported, with each candidate.
    fn prepare<'a>(&'a self, reference: &'a Picture) -> Vec<Option<Box<dyn Prepared + 'a>>> {
        let (width, height) = (reference.width(), reference.height());
        self.metrics.iter().map(|choice| choice.at(width, height).prepare(reference).ok()).collect()
    }

    fn score(
        &self,
        group: &Group,
        reference: &Picture,
        prepared: Read<'_>,
        candidate: &Candidate,
        picture: lookalike_core::Result<Picture>,
    ) -> PairOutcome {
        let picture = match picture {
            Ok(picture) => picture,
            Err(error) => return failed(&candidate.path, &error),
        };
        let sizes = [reference, &picture].map(|picture| (picture.width(), picture.height()));
        let sizes_differ = (sizes[0] != sizes[1]).then_some(SizesDiffer {
            reference: sizes[0],
            candidate: sizes[1],
            fit: self.fit,
        });
        let fitted;
        let (mut reference, mut picture, mut prepared) = if sizes_differ.is_none() {
            (reference, Cow::Owned(picture), prepared)
        } else {
            fitted = match fit(reference.clone(), picture, self.fit) {
                Ok(pair) => pair,
                Err(error) => {
                    let (reference, path) = (group.reference.clone(), candidate.path.clone());
                    let not_fitted =
                        sizes_differ.map(|sizes| NotFitted { reference, candidate: path, sizes });
                    return PairOutcome { not_fitted, ..failed(&candidate.path, &error) };
                }
            };
            // What was read belongs to the pictures at their own size.
            (&fitted.0, Cow::Borrowed(&fitted.1), Read::Nothing)
        };
        let asked = self.limits.of(&candidate.name);
        let fitted_size = (reference.width(), reference.height());
        let masked = MaskedArea::new(&asked.masks, sizes[0])
            .and_then(|area| area.map(|area| area.fitted(self.fit, fitted_size)).transpose())
            .and_then(|area| {
                area.map(|area| {
                    let (reference, picture) = area.apply(reference, &picture)?;
                    Ok((area, reference, picture))
                })
                .transpose()
            });
        let masked = match masked {
            Ok(masked) => masked,
            Err(error) => return failed(&candidate.path, &error),
        };
        let area = masked.as_ref().map(|(area, ..)| area);
        if let Some((_, converted, masked)) = &masked {
            picture = Cow::Borrowed(masked);
            // Features are of pictures without masks.
            if let Read::Both(_) = prepared {
                prepared = Read::Nothing;
            }
            if let Some(converted) = converted {
                (reference, prepared) = (converted, Read::Nothing);
            }
        }
        let picture = picture.as_ref();
        let preprocessing = preprocessing(reference, picture);
        let mut pair = PairScores {
            reference: group.reference.clone(),
            candidate: candidate.path.clone(),
            label: candidate.label.clone(),
            width: reference.width(),
            height: reference.height(),
            scores: Vec::with_capacity(self.metrics.len()),
            poolings: Vec::new(),
            checks: Vec::new(),
            masked: area.map(MaskedArea::fraction),
            sizes_differ,
        };
        let gates: Vec<&Gate> =
            asked.limits.iter().filter_map(|&index| self.limits.all()[index].gate()).collect();
        let failures = self.measure(&mut pair, (reference, prepared, picture), area, &gates);
        for score in &mut pair.scores {
            score.provenance.preprocessing.clone_from(&preprocessing);
        }
        for index in asked.limits {
            pair.check(index, &self.limits.all()[index], reference, picture);
        }
        PairOutcome { pair: Some(pair), failures, ..PairOutcome::default() }
    }

    /// The scale on which a metric's maps are drawn.
    pub fn display_scale(&self, id: &MetricId) -> Option<DisplayScale> {
        let all = self.metrics.iter().flat_map(Choice::both);
        all.filter(|metric| metric.id() == id).find_map(|metric| metric.card().map)
    }
}

/// Calls `act` with every index below `count` on `jobs` threads, until `cancelled` is true.
fn in_parallel(jobs: usize, count: usize, cancelled: &AtomicBool, act: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count || cancelled.load(Ordering::Relaxed) {
                return;
            }
            act(index);
        }
    };
    if jobs.min(count) <= 1 {
        return work();
    }
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(count) {
            scope.spawn(work);
        }
    });
}

impl PairScores {
    /// Takes the maps out of the scores, with their positions among the scores.
    pub fn take_maps(&mut self) -> Vec<(usize, ScoreMap)> {
        let scores = self.scores.iter_mut().enumerate();
        scores.filter_map(|(index, score)| Some((index, score.map.take()?))).collect()
    }
}

/// What was done to both pictures since they were decoded, for the provenance of their scores.
pub fn preprocessing(reference: &Picture, candidate: &Picture) -> Vec<String> {
    let roles = [("reference", reference), ("candidate", candidate)];
    let steps = roles.into_iter().flat_map(|(role, picture)| {
        picture.provenance().steps.iter().map(move |step| format!("{role}: {step}"))
    });
    steps.collect()
}

fn failed(path: &Path, error: &dyn std::error::Error) -> PairOutcome {
    // The list of failures names the path; the message need not repeat it.
    let text = error.to_string();
    let prefix = format!("{}: ", path.display());
    let message = text.strip_prefix(&prefix).unwrap_or(&text).to_owned();
    let failures = vec![Failure { path: path.to_owned(), message }];
    PairOutcome { failures, ..PairOutcome::default() }
}
