//! The distances of all pairs of a set, a block of judgements at a time.
//!
//! Of a set of any size one block is in memory, and of what is done the numbers that statistics need. A pair
//! that recurs is measured once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::bail;
use lookalike::judge::dataset::Item;
use lookalike::judge::evaluation::{Answers, AnswersBuilder};
use lookalike::pairing::{Candidate, Group, WorkList};
use lookalike::{Comparison, Direction, Score};
use sha2::{Digest, Sha256};

use super::distances_file::{DistancesFile, FileState, state};
use super::judged_set::JudgedSet;
use super::reading::ReadingArgs;
use crate::args::GlobalArgs;
use crate::log::{Log, on_interrupt};
use crate::report::{ErrorRecord, Tally};

/// Judgements of a block: enough for every thread, little beside their pictures.
const BLOCK: usize = 1024;

/// What was measured: the judgements that every metric has distances of.
pub(crate) struct Measured {
    pub(crate) answers: Answers,
    /// The positions of the judgements in the set.
    pub(crate) positions: Vec<usize>,
    /// Distances of all judgements one after the other, by metric.
    pub(crate) distances: Vec<Vec<f64>>,
    /// What failed; those judgements are left out.
    pub(crate) errors: Vec<ErrorRecord>,
}

/// Measures a set, at least one judgement of it. Distances are kept in the file, if any, and taken from it.
pub(crate) fn measure(
    comparison: &Comparison,
    set: &JudgedSet,
    mean_of_subsets: bool,
    reading: &ReadingArgs,
    file: Option<&Path>,
    global: &GlobalArgs,
) -> anyhow::Result<Measured> {
    let setting = reading.setting(comparison, set);
    let file = file.map(|path| DistancesFile::open(path, &setting, comparison.metrics.len()));
    let answers = AnswersBuilder::new(set.layout.protocol(), mean_of_subsets);
    let mut tally = Tally::new(&comparison.limits);
    let log = Log::new(set.pairs, global);
    let Taken { answers, positions, distances } =
        take_all(comparison, set, answers, file.transpose()?, &log, &mut tally)?;
    let errors = tally.conclude(0).errors;
    if positions.is_empty() {
        let first = errors.first().map(|error| format!("; the first: {error}"));
        bail!("no judgement could be scored: {} errors{}", errors.len(), first.unwrap_or_default());
    }
    Ok(Measured { answers: answers.finish()?, positions, distances, errors })
}

/// What was measured so far.
struct Taken {
    answers: AnswersBuilder,
    positions: Vec<usize>,
    distances: Vec<Vec<f64>>,
}

/// Measures block after block. Judgements of which a picture or metric fails are left out and noted in the
/// tally.
fn take_all(
    comparison: &Comparison,
    set: &JudgedSet,
    answers: AnswersBuilder,
    mut file: Option<DistancesFile>,
    log: &Log,
    tally: &mut Tally,
) -> anyhow::Result<Taken> {
    let cancelled = on_interrupt();
    let mut taken = Taken {
        answers,
        positions: Vec::new(),
        distances: vec![Vec::new(); comparison.metrics.len()],
    };
    let mut items = set.items()?;
    let mut seen = Seen::new();
    let (mut position, mut left_out) = (0, 0);
    while !cancelled.load(Ordering::Relaxed) {
        let block: Vec<Item> = items.by_ref().take(BLOCK).collect::<Result<_, _>>()?;
        if block.is_empty() {
            break;
        }
        let first = position * set.layout.protocol().pairs();
        if comparison.metrics.is_empty() {
            // All distances come from elsewhere.
            let none = vec![Some(Vec::new()); block.len() * set.layout.protocol().pairs()];
            taken.add(&block, &none, position)?;
            position += block.len();
            continue;
        }
        let mut pairs = Pairs::of(&block, first, &seen, file.as_mut());
        log.bar.inc(pairs.known as u64);
        let (work, pending) = pairs.work_list();
        let mut failed = None;
        left_out += comparison.run(
            &work,
            &cancelled,
            |_| Vec::new(),
            |outcome| {
                log.bar.inc(1);
                for failure in &outcome.failures {
                    log.note(tally, ErrorRecord::new(&failure.path, &failure.message));
                }
                // Failed metrics are missing among the scores; only with all of them do they match.
                let count = comparison.metrics.len();
                let Some(pair) = outcome.pair.filter(|pair| pair.scores.len() == count) else {
                    return;
                };
                let distances: Vec<f64> = pair.scores.iter().map(distance).collect();
                let at = pending[outcome.index];
                if let (Some(file), Some(states)) = (&mut file, pairs.states[at])
                    && failed.is_none()
                    && let Err(error) = file.add(first + at, states, &distances)
                {
                    // What is lost would have to be measured again, so better stop here.
                    cancelled.store(true, Ordering::Relaxed);
                    failed = Some(error);
                }
                pairs.distances[at] = Some(distances);
            },
        );
        if let Some(error) = failed {
            return Err(error);
        }
        log.bar.inc(pairs.remember(&mut seen));
        taken.add(&block, &pairs.distances, position)?;
        position += block.len();
    }
    log.bar.finish_and_clear();
    left_out += set.pairs.saturating_sub(position * set.layout.protocol().pairs());
    if left_out > 0 {
        let message = format!("cancelled: {left_out} of {} pairs were left out", set.pairs);
        log.note(tally, ErrorRecord::of_the_run(&message));
    }
    Ok(taken)
}

fn distance(score: &Score) -> f64 {
    match score.direction {
        Direction::HigherIsBetter => -score.value,
        Direction::LowerIsBetter => score.value,
    }
}

impl Taken {
    fn add(
        &mut self,
        block: &[Item],
        distances: &[Option<Vec<f64>>],
        first: usize,
    ) -> anyhow::Result<()> {
        let pairs = distances.len() / block.len();
        for (index, (item, own)) in block.iter().zip(distances.chunks(pairs)).enumerate() {
            // Metrics are scored on the same judgements: those that every one of them could compare.
            let own: Option<Vec<&Vec<f64>>> = own.iter().map(Option::as_ref).collect();
            let Some(own) = own else { continue };
            self.answers.push(item)?;
            self.positions.push(first + index);
            for (metric, distances) in self.distances.iter_mut().enumerate() {
                distances.extend(own.iter().map(|values| values[metric]));
            }
        }
        Ok(())
    }
}

/// The pairs of a block in the order of its judgements.
struct Pairs<'a> {
    block: &'a [Item],
    /// As they are in the file of distances or become known.
    distances: Vec<Option<Vec<f64>>>,
    /// Of the pairs' files, where distances are kept.
    states: Vec<Option<[FileState; 2]>>,
    names: Vec<PairName>,
    known: usize,
}

/// Half of the sha256 of a pair's paths: short, and never that of another pair.
type PairName = [u8; 16];

/// Distances of the pairs so far.
type Seen = HashMap<PairName, Vec<f64>>;

fn pair_name(pair: [&Path; 2]) -> PairName {
    let mut hash = Sha256::new();
    for path in pair {
        let path = path.as_os_str().as_encoded_bytes();
        hash.update((path.len() as u64).to_le_bytes());
        hash.update(path);
    }
    let mut name = PairName::default();
    name.copy_from_slice(&hash.finalize()[..16]);
    name
}

impl<'a> Pairs<'a> {
    fn of(
        block: &'a [Item],
        first: usize,
        seen: &Seen,
        mut file: Option<&mut DistancesFile>,
    ) -> Self {
        let (mut distances, mut states, mut names) = (Vec::new(), Vec::new(), Vec::new());
        // The file has a pair that recurs once, where it came first.
        let mut read = Seen::new();
        for pair in block.iter().flat_map(|item| item.judgement.pairs()) {
            let name = pair_name(pair);
            let mut both = None;
            let found = seen.get(&name).or_else(|| read.get(&name)).cloned().or_else(|| {
                // Their state before they are read: a later change is noticed.
                let file = file.as_mut()?;
                both = Some([state(pair[0])?, state(pair[1])?]);
                let found = file.take(first + distances.len(), both?)?;
                read.insert(name, found.clone());
                Some(found)
            });
            distances.push(found);
            states.push(both);
            names.push(name);
        }
        let known = distances.iter().flatten().count();
        Self { block, distances, states, names, known }
    }

    /// What is not known, and which pair each entry is. Neighbours with one reference read it once.
    fn work_list(&self) -> (WorkList, Vec<usize>) {
        let (mut groups, mut pending) = (Vec::<Group>::new(), Vec::new());
        let mut listed = HashSet::new();
        let pairs = self.block.iter().flat_map(|item| item.judgement.pairs());
        for (index, [reference, candidate]) in pairs.enumerate() {
            if self.distances[index].is_some() || !listed.insert(self.names[index]) {
                continue;
            }
            pending.push(index);
            let path = candidate.to_owned();
            let candidate = Candidate { name: path.clone(), label: path.clone(), path };
            match groups.last_mut() {
                Some(group) if group.reference == reference => group.candidates.push(candidate),
                _ => groups
                    .push(Group { reference: reference.to_owned(), candidates: vec![candidate] }),
            }
        }
        (WorkList { groups, ..WorkList::default() }, pending)
    }

    /// Adds what has become known, and gives it to the pairs that recur in the block; returns how many those
    /// are.
    fn remember(&mut self, seen: &mut Seen) -> u64 {
        for (name, distances) in self.names.iter().zip(&self.distances) {
            if let Some(distances) = distances {
                seen.entry(*name).or_insert_with(|| distances.clone());
            }
        }
        let mut recurring = 0;
        for (name, distances) in self.names.iter().zip(&mut self.distances) {
            if distances.is_none() {
                *distances = seen.get(name).cloned();
                recurring += u64::from(distances.is_some());
            }
        }
        recurring
    }
}
