//! Runs over small folders: what shares work, and what waits.

use lookalike_core::decode::DecodeOptions;
use lookalike_core::{FitPolicy, Score};

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
