//! The same question gets the same bits: again, with a reference read before, on any number of
//! threads.

use lookalike::{Metric, Picture, Score, Want};

use crate::every_metric;
use crate::pictures::{blurred, grey, noisy, other_scene, scene, size};

/// Everything a score says, as bits.
fn bits(score: &Score) -> (u64, Vec<u64>, Vec<u32>) {
    let map = score.map.iter().flat_map(|map| &map.values);
    (
        score.value.to_bits(),
        score.parts.iter().map(|part| part.value.to_bits()).collect(),
        map.map(|value| value.to_bits()).collect(),
    )
}

fn candidates(reference: &Picture) -> [Picture; 4] {
    let other = other_scene((reference.width(), reference.height()));
    [noisy(reference, 0.3), blurred(reference, 0.5), grey(&other), reference.clone()]
}

#[test]
fn a_prepared_reference_gives_the_bits_of_a_fresh_one() {
    every_metric("batch", |metric| {
        let reference = scene(size(metric));
        let candidates = candidates(&reference);
        let prepared = metric.prepare(&reference).unwrap();
        let mut wrong = Vec::new();
        for (index, candidate) in candidates.iter().chain(candidates.iter().rev()).enumerate() {
            let fresh = metric.compare(&reference, candidate, Want::default()).unwrap();
            let batch = prepared.compare(candidate, Want::default()).unwrap();
            if bits(&fresh) != bits(&batch) {
                wrong.push(format!("candidate {index}: {:e}, {:e}", fresh.value, batch.value));
            }
        }
        wrong
    });
}

#[test]
fn threads_do_not_change_a_bit() {
    let pools: Vec<_> =
        [1, 2, 8].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()).into();
    every_metric("threads", |metric| {
        let reference = scene(size(metric));
        let damaged = noisy(&reference, 0.3);
        let score = |metric: &dyn Metric| metric.compare(&reference, &damaged, Want { map: true });
        let expected = bits(&score(metric).unwrap());
        let mut wrong = Vec::new();
        for pool in &pools {
            for run in 1..=2 {
                let found = pool.install(|| score(metric).unwrap());
                if bits(&found) != expected {
                    let threads = pool.current_num_threads();
                    wrong.push(format!("{threads} threads, run {run}: {:e}", found.value));
                }
            }
        }
        wrong
    });
}
