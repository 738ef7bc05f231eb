//! Pictures that take part in several pairs of a run.
//!
//! A metric that runs a network over every picture would run it n − 1 times over each of n pictures
//! whose pairs are all compared. Here each picture is decoded and read by such metrics once and kept
//! until its last pair is done, as long as what is kept stays below [`BUDGET`]; what does not fit is
//! read again when it is needed, and values are the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lookalike_core::{Features, Metric, Picture, Result};

use crate::choice::Choice;
use crate::pairing::WorkList;

/// Bytes of samples and features that are kept.
const BUDGET: usize = 2 << 30;

/// A picture, and for each of the run's metrics the features that it keeps.
pub(crate) struct Loaded {
    pub(crate) picture: Picture,
    pub(crate) features: Vec<Option<Features>>,
}

impl Loaded {
    /// Features of the metrics that keep them; a refusal is found again with every pair.
    pub(crate) fn new(picture: Picture, metrics: &[Choice]) -> Self {
        let of_metric = |choice: &Choice| {
            let metric = choice.at(picture.width(), picture.height());
            metric.features(&picture)?.ok()
        };
        Self { features: metrics.iter().map(of_metric).collect(), picture }
    }

    fn bytes(&self) -> usize {
        let samples = self.picture.samples().bytes();
        samples + self.features.iter().flatten().map(Features::bytes).sum::<usize>()
    }
}

struct Entry {
    /// References and candidates that are still to be done.
    uses: AtomicUsize,
    /// Held while the picture is read, so that nobody reads it twice.
    kept: Mutex<Option<Arc<Loaded>>>,
}

/// The pictures of a run that are named more than once.
pub(crate) struct SharedPictures<'a> {
    entries: HashMap<&'a Path, Entry>,
    /// Bytes that are kept.
    kept: AtomicUsize,
    budget: usize,
}

impl<'a> SharedPictures<'a> {
    /// `None` when nothing would be gained.
    pub(crate) fn new(metrics: &[Choice], work: &'a WorkList) -> Option<Self> {
        if !metrics.iter().flat_map(Choice::both).any(Metric::keeps_features) {
            return None;
        }
        let mut entries: HashMap<&Path, Entry> = HashMap::new();
        for group in &work.groups {
            let paths = group.candidates.iter().map(|candidate| candidate.path.as_path());
            for path in paths.chain([group.reference.as_path()]) {
                let entry = entries
                    .entry(path)
                    .or_insert_with(|| Entry { uses: AtomicUsize::new(0), kept: Mutex::new(None) });
                *entry.uses.get_mut() += 1;
            }
        }
        let repeated = entries.values_mut().any(|entry| *entry.uses.get_mut() > 1);
        repeated.then_some(Self { entries, kept: AtomicUsize::new(0), budget: BUDGET })
    }

    /// The picture of a path, loaded by `load` unless it is kept.
    ///
    /// To be called outside of thread pools: a thread of the pool in which `load` works must not
    /// wait here.
    pub(crate) fn get(
        &self,
        path: &Path,
        load: impl FnOnce() -> Result<Loaded>,
    ) -> Result<Arc<Loaded>> {
        let Some(entry) = self.entries.get(path) else { return load().map(Arc::new) };
        let mut kept = entry.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*kept {
            return Ok(Arc::clone(loaded));
        }
        let loaded = Arc::new(load()?);
        let bytes = loaded.bytes();
        if entry.uses.load(Ordering::Relaxed) > 1
            && self.kept.load(Ordering::Relaxed) + bytes <= self.budget
        {
            self.kept.fetch_add(bytes, Ordering::Relaxed);
            *kept = Some(Arc::clone(&loaded));
        }
        Ok(loaded)
    }

    /// Says that one reference or candidate of this path is done; the last one frees the picture.
    pub(crate) fn done(&self, path: &Path) {
        let Some(entry) = self.entries.get(path) else { return };
        if entry.uses.fetch_sub(1, Ordering::Relaxed) == 1 {
            let kept = entry.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(loaded) = kept {
                self.kept.fetch_sub(loaded.bytes(), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::atomic::AtomicBool;

    use lookalike_core::decode::DecodeOptions;
    use lookalike_core::{FitPolicy, MetricCard, MetricId, Prepared, Score, Want, check_same_size};

    use super::*;
    use crate::limits::Limits;
    use crate::pairing::{NameFilter, all_pairs, consecutive};
    use crate::{Comparison, PairOutcome};

    /// Mean squared error as a metric to which reading is costly.
    struct Costly {
        inner: Box<dyn Metric>,
        read: Arc<AtomicUsize>,
        keeps: bool,
    }

    impl Metric for Costly {
        fn id(&self) -> &MetricId {
            self.inner.id()
        }

        fn card(&self) -> &MetricCard {
            self.inner.card()
        }

        fn prepare_picture<'a>(
            &'a self,
            reference: Cow<'a, Picture>,
        ) -> Result<Box<dyn Prepared + 'a>> {
            self.inner.prepare_picture(reference)
        }

        fn keeps_features(&self) -> bool {
            self.keeps
        }

        fn features(&self, picture: &Picture) -> Option<Result<Features>> {
            self.read.fetch_add(1, Ordering::Relaxed);
            Some(Ok(Features::new(picture.clone(), picture.samples().bytes())))
        }

        fn compare_features(
            &self,
            a: &Features,
            b: &Features,
            want: Want,
        ) -> Option<Result<Score>> {
            let (a, b): (&Picture, &Picture) = (a.get()?, b.get()?);
            Some(check_same_size(a, b).and_then(|()| self.inner.compare(a, b, want)))
        }
    }

    fn comparison(keeps: bool, jobs: usize) -> (Comparison, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let inner = crate::metric("mse").unwrap();
        let metric = Costly { inner, read: Arc::clone(&read), keeps };
        let comparison = Comparison {
            metrics: vec![Choice::fixed(Box::new(metric))],
            decode: DecodeOptions::default(),
            fit: FitPolicy::Error,
            maps: false,
            limits: Limits::default(),
            jobs,
        };
        (comparison, read)
    }

    fn values(comparison: &Comparison, work: &WorkList) -> Vec<(usize, Option<f64>)> {
        let mut values = Vec::new();
        let cancelled = AtomicBool::new(false);
        comparison.run(
            work,
            &cancelled,
            |_| Vec::new(),
            |outcome: PairOutcome| {
                let scores = outcome.pair.map(|pair| pair.scores[0].value);
                values.push((outcome.index, scores));
            },
        );
        values
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..5_u8 {
            let codes: Vec<u8> = (0..12 * 9).map(|s: u8| s.wrapping_mul(i + 1)).collect();
            let path = folder.path().join(format!("{i}.pgm"));
            std::fs::write(path, [&b"P5 12 9 255\n"[..], &codes].concat()).unwrap();
        }
        folder
    }

    #[test]
    fn every_picture_is_read_once_and_values_stay() {
        let folder = folder();
        let filter = NameFilter::default();
        for work in [
            all_pairs(folder.path(), &filter).unwrap(),
            consecutive(folder.path(), &filter).unwrap(),
        ] {
            let (plain, read) = comparison(false, 1);
            let expected = values(&plain, &work);
            assert_eq!(read.load(Ordering::Relaxed), 0);
            assert!(expected.iter().all(|(_, value)| value.is_some_and(|value| value > 0.0)));
            for jobs in [1, 4] {
                let (keeping, read) = comparison(true, jobs);
                assert_eq!(values(&keeping, &work), expected, "{jobs}");
                assert_eq!(read.load(Ordering::Relaxed), 5, "{jobs}");
            }
        }
    }

    #[test]
    fn what_is_kept_stays_within_the_budget_and_goes_with_its_last_pair() {
        let folder = folder();
        let work = consecutive(folder.path(), &NameFilter::default()).unwrap();
        let (keeping, _) = comparison(true, 1);
        let mut shared = SharedPictures::new(&keeping.metrics, &work).unwrap();
        let path = &work.groups[1].reference;
        let load = || {
            let picture = lookalike_core::decode::read(path, &keeping.decode)?;
            Ok(Loaded::new(picture, &keeping.metrics))
        };
        let first = shared.get(path, load).unwrap();
        let bytes = 2 * 12 * 9;
        assert_eq!((first.bytes(), shared.kept.load(Ordering::Relaxed)), (bytes, bytes));
        assert!(Arc::ptr_eq(&first, &shared.get(path, load).unwrap()));
        shared.done(path);
        assert_eq!(shared.kept.load(Ordering::Relaxed), bytes);
        shared.done(path);
        assert_eq!(shared.kept.load(Ordering::Relaxed), 0);

        shared.budget = bytes - 1;
        let path = &work.groups[2].reference;
        let load = || {
            let picture = lookalike_core::decode::read(path, &keeping.decode)?;
            Ok(Loaded::new(picture, &keeping.metrics))
        };
        let (a, b) = (shared.get(path, load).unwrap(), shared.get(path, load).unwrap());
        assert!(!Arc::ptr_eq(&a, &b));
        assert_eq!(shared.kept.load(Ordering::Relaxed), 0);
    }
}
