//! Three steps of the authors' code on AlexNet, dropout off, which lie outside the repository
//! (`../shared/reference/lpips`); without them the test says so and checks nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;

use lookalike_deep::{Head, Lpips, Net, SampleRange, Version};
use lookalike_nn::{Planes, Seeded, Trunk};
use lookalike_train::lpips::{Layout, State};
use safetensors::SafeTensors;

#[test]
fn three_steps_are_those_of_the_authors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/lpips");
    let path = folder.join("lpips_train_ref_alex.safetensors");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: {} is absent", path.display());
        return;
    };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        let data = file.tensor(name).unwrap();
        data.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    };
    let layout = Layout::new(Net::Alex, false);
    let gather = |prefix: &str| -> Vec<f32> {
        layout.slots().iter().flat_map(|slot| numbers(&format!("{prefix}.{}", slot.name))).collect()
    };
    let trunk = Arc::new(Trunk::new(Net::Alex.backbone(), &Seeded::new("alex")).unwrap());
    let lpips = Lpips::new(Net::Alex, Version::V0_1, trunk, Head::Uniform).unwrap();
    let pictures = ["ref", "p0", "p1"].map(numbers).concat();
    let pairs: Vec<[usize; 2]> = (0..4).flat_map(|i| [[i, 4 + i], [i, 8 + i]]).collect();
    let planes = Planes::new([12, 3, 64, 64], pictures).unwrap();
    let range = SampleRange::MinusOneToOne;
    let moments = lpips.channel_moments_of_planes(&planes, range, &pairs).unwrap();
    let features: Vec<[Vec<f32>; 2]> =
        moments.chunks_exact(2).map(|two| [two[0].mean.clone(), two[1].mean.clone()]).collect();
    let shares = numbers("judge");

    let mut state = State::new(gather("init"));
    for step in 1..=3 {
        let found = state.descend(&layout, &features, &shares, 1e-4).unwrap();
        let expected = f64::from(numbers(&format!("step{step}.loss"))[0]);
        assert!((found.loss - expected).abs() <= 1e-6, "step {step}: {} {expected}", found.loss);
        for side in 0..2 {
            let expected = numbers(&format!("step{step}.d{side}"));
            for (found, &expected) in found.distances.iter().zip(&expected) {
                assert!((found[side] - f64::from(expected)).abs() <= 2e-6, "step {step}");
            }
        }
        if step == 1 {
            let expected = gather("grad1");
            for slot in layout.slots() {
                let pairs = slot.range.clone().map(|at| (found.gradient[at], expected[at]));
                let largest = pairs.clone().fold(0.0_f64, |m, (_, e)| m.max(f64::from(e).abs()));
                let error = pairs.map(|(f, e)| (f - f64::from(e)).abs()).fold(0.0, f64::max);
                assert!(error <= 1e-5 * largest, "{}: {error} of {largest}", slot.name);
            }
        }
        for (at, (found, expected)) in
            state.parameters.iter().zip(gather(&format!("step{step}"))).enumerate()
        {
            assert!((found - expected).abs() <= 1e-6, "step {step}, {at}: {found} {expected}");
        }
    }
}
