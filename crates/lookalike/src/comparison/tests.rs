//! Runs over small folders: what shares work, and what waits.

use lookalike_core::decode::DecodeOptions;
use lookalike_core::{FitPolicy, Metric, Score};

use super::*;
use crate::pairing::{NameFilter, consecutive};

/// Five pictures on which every metric here is defined.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (width, height) = (170, 164);
    for seed in 0..5_usize {
        let codes = (0..width * height * 3).map(|i| (i / 7 + i * i * (seed + 3) % 61) as u8);
        let header = format!("P6 {width} {height} 255\n").into_bytes();
        let file = header.into_iter().chain(codes).collect::<Vec<u8>>();
        std::fs::write(folder.path().join(format!("{seed}.ppm")), file).unwrap();
    }
    folder
}

fn comparison(ids: &[&str], maps: bool, jobs: usize) -> Comparison {
    Comparison {
        metrics: ids.iter().map(|id| Choice::fixed(crate::metric(id).unwrap())).collect(),
        decode: DecodeOptions::default(),
        fit: FitPolicy::Error,
        maps,
        limits: Limits::default(),
        jobs,
    }
}

fn scores(comparison: &Comparison, work: &WorkList) -> Vec<Vec<Score>> {
    let mut scores = Vec::new();
    let left_out = comparison.run(
        work,
        &AtomicBool::new(false),
        |_| Vec::new(),
        |outcome| {
            assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
            scores.push(outcome.pair.unwrap().scores);
        },
    );
    assert_eq!(left_out, 0);
    scores
}

#[test]
fn metrics_that_share_work_give_the_scores_they_give_alone() {
    let folder = folder();
    let pairs = consecutive(folder.path(), &NameFilter::default()).unwrap();
    // One reference, which is prepared, for all other pictures.
    let mut one_reference = pairs.clone();
    let rest: Vec<Candidate> =
        one_reference.groups.drain(1..).flat_map(|group| group.candidates).collect();
    one_reference.groups[0].candidates.extend(rest);
    let ids = ["ms-ssim", "psnr", "ssim", "ssim:y", "ms-ssim@piq", "ms-ssim:y"];
    for work in [pairs, one_reference] {
        for maps in [false, true] {
            let alone: Vec<Vec<Vec<Score>>> =
                ids.iter().map(|id| scores(&comparison(&[id], maps, 1), &work)).collect();
            for jobs in [1, 2, 7] {
                let found = scores(&comparison(&ids, maps, jobs), &work);
                assert_eq!(found.len(), 4);
                for (pair, found) in found.into_iter().enumerate() {
                    let expected: Vec<Score> =
                        alone.iter().map(|scores| scores[pair][0].clone()).collect();
                    assert!(found == expected, "{maps} {jobs} {pair}");
                }
            }
        }
    }
}

/// Mean squared error that takes its time over pairs whose candidate is `slow`: until `enough` says
/// so, or for ten seconds.
struct Slow<F> {
    inner: Box<dyn Metric>,
    slow: f64,
    enough: F,
    started: AtomicUsize,
}

impl<F: Fn(usize) -> bool + Send + Sync> Metric for Slow<F> {
    fn id(&self) -> &MetricId {
        self.inner.id()
    }

    fn card(&self) -> &lookalike_core::MetricCard {
        self.inner.card()
    }

    fn prepare_picture<'a>(
        &'a self,
        reference: Cow<'a, Picture>,
    ) -> lookalike_core::Result<Box<dyn Prepared + 'a>> {
        Ok(Box::new(SlowPrepared { metric: self, inner: self.inner.prepare_picture(reference)? }))
    }
}

struct SlowPrepared<'a, F> {
    metric: &'a Slow<F>,
    inner: Box<dyn Prepared + 'a>,
}

impl<F: Fn(usize) -> bool + Send + Sync> Prepared for SlowPrepared<'_, F> {
    fn compare(
        &self,
        candidate: &Picture,
        want: lookalike_core::Want,
    ) -> lookalike_core::Result<Score> {
        self.metric.started.fetch_add(1, Ordering::SeqCst);
        if candidate.samples().get(0) == self.metric.slow {
            let start = std::time::Instant::now();
            while !(self.metric.enough)(self.metric.started.load(Ordering::SeqCst)) {
                assert!(start.elapsed() < Duration::from_secs(10), "the others never came so far");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.inner.compare(candidate, want)
    }

    fn gradient(&self, candidate: &Picture) -> lookalike_core::Result<lookalike_core::Gradient> {
        self.inner.gradient(candidate)
    }
}

/// Thirty pictures of one pixel, whose samples are their numbers, and the list in which the first
/// meets all others, or each meets the next.
fn thirty(one_reference: bool) -> (tempfile::TempDir, WorkList) {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..30_u8 {
        let file = [&b"P5 1 1 255\n"[..], &[i]].concat();
        std::fs::write(folder.path().join(format!("{i:02}.pgm")), file).unwrap();
    }
    let mut work = consecutive(folder.path(), &NameFilter::default()).unwrap();
    assert_eq!(work.groups.len(), 29);
    if one_reference {
        let rest = work.groups.drain(1..).flat_map(|group| group.candidates);
        let rest: Vec<Candidate> = rest.collect();
        work.groups[0].candidates.extend(rest);
    }
    (folder, work)
}

fn slow_first(enough: impl Fn(usize) -> bool + Send + Sync + 'static) -> Comparison {
    let inner = crate::metric("mse").unwrap();
    let metric = Slow { inner, slow: 1.0, enough, started: AtomicUsize::new(0) };
    let metrics = vec![Choice::fixed(Box::new(metric))];
    Comparison { metrics, ..comparison(&[], false, 4) }
}

#[test]
fn workers_wait_for_a_slow_pair_when_there_is_no_more_room() {
    const ROOM: usize = 6;
    for one_reference in [false, true] {
        let (_folder, work) = thirty(one_reference);
        let most = std::sync::Arc::new(AtomicUsize::new(0));
        let seen = std::sync::Arc::clone(&most);
        let run = slow_first(move |started| {
            if started < ROOM {
                return false;
            }
            // Time for those who would not wait.
            std::thread::sleep(Duration::from_millis(100));
            seen.fetch_max(started, Ordering::SeqCst);
            true
        });
        let mut order = Vec::new();
        let sink = |outcome: PairOutcome| order.push(outcome.index);
        let left_out = run.run_within(ROOM, &work, &AtomicBool::new(false), |_| Vec::new(), sink);
        assert_eq!((left_out, order), (0, (0..29).collect()));
        assert_eq!(most.load(Ordering::SeqCst), ROOM, "{one_reference}");
    }
}

#[test]
fn those_who_wait_notice_a_cancellation() {
    const ROOM: usize = 6;
    for one_reference in [false, true] {
        let (_folder, work) = thirty(one_reference);
        let cancelled = std::sync::Arc::new(AtomicBool::new(false));
        let cancel = std::sync::Arc::clone(&cancelled);
        let run = slow_first(move |started| {
            let enough = started == ROOM;
            cancel.fetch_or(enough, Ordering::SeqCst);
            enough
        });
        let mut order = Vec::new();
        let sink = |outcome: PairOutcome| order.push(outcome.index);
        let left_out = run.run_within(ROOM, &work, &cancelled, |_| Vec::new(), sink);
        assert_eq!((left_out, order.len()), (29 - ROOM, ROOM), "{one_reference}");
        assert!(order.is_sorted() && order[0] == 0, "{order:?}");
    }
}

#[test]
fn a_panic_is_passed_on_although_others_wait_for_its_pair() {
    const ROOM: usize = 6;
    let (_folder, work) = thirty(false);
    let run = slow_first(|started| {
        assert!(started < ROOM, "a bug in a metric");
        false
    });
    let cancelled = AtomicBool::new(false);
    let run = || run.run_within(ROOM, &work, &cancelled, |_| Vec::new(), |_| ());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
}
