//! Scores of generated pictures against NumPy's and SciPy's: of features that `tools/statistics/write.py`
//! draws, and of recorded ones that lie outside the repository (`../shared/reference/dit`), without which
//! these tests say so and check nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use lookalike_judge::generation::{
    Features, cmmd, density_coverage, diversity, frechet, kernel_distance, nearest,
    precision_recall,
};
use safetensors::SafeTensors;
use serde_json::Value;

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn check(what: &str, found: f64, expected: &Value, relative: f64) {
    let expected = expected.as_f64().unwrap();
    let tolerance = relative * expected.abs().max(1.0);
    assert!((found - expected).abs() <= tolerance, "{what}: {found} against {expected}");
}

#[test]
fn scores_are_those_of_the_definitions() {
    let recorded: Value = serde_json::from_str(include_str!("vectors/generation.json")).unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let columns = usize::try_from(case["columns"].as_u64().unwrap()).unwrap();
        let [real, generated] =
            ["real", "generated"].map(|name| Features::new(columns, numbers(&case[name])).unwrap());
        let distance = frechet::of(&real, &generated).unwrap();
        check("Fréchet", distance.value, &case["frechet"], 1e-9);
        let kernel = kernel_distance::discrepancy(&real, &generated).unwrap();
        check("MMD²", kernel, &case["kernel"], 1e-9);
        check("CMMD", cmmd::of(&real, &generated).unwrap(), &case["cmmd"], 1e-9);
        let found = precision_recall::of(&real, &generated, precision_recall::NEIGHBOURS).unwrap();
        check("precision", found.precision, &case["precision"], 1e-15);
        check("recall", found.recall, &case["recall"], 1e-15);
        let found = density_coverage::of(&real, &generated, density_coverage::NEIGHBOURS).unwrap();
        check("density", found.density, &case["density"], 1e-12);
        check("coverage", found.coverage, &case["coverage"], 1e-15);
        let found = nearest::of(&generated, &real).unwrap();
        let rows: Vec<f64> = found.iter().map(|nearest| nearest.index as f64).collect();
        assert_eq!(rows, numbers(&case["nearest"]));
        for (found, expected) in found.iter().zip(numbers(&case["nearest_distance"])) {
            assert!((found.distance - expected).abs() < 1e-9, "{found:?} against {expected}");
        }
        let found = diversity::mean_distance(&generated).unwrap();
        check("diversity", found, &case["diversity"], 1e-9);
    }
}

#[test]
fn scores_are_those_that_were_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/dit");
    let (Ok(bytes), Ok(json)) = (
        std::fs::read(folder.join("frechet.safetensors")),
        std::fs::read(folder.join("frechet.json")),
    ) else {
        println!("skipped: {} has no frechet.safetensors", folder.display());
        return;
    };
    let expected: Value = serde_json::from_slice(&json).unwrap();
    let recorded = SafeTensors::deserialize(&bytes).unwrap();
    let [real, generated] = ["A_real", "B_fake"].map(|name| {
        let tensor = recorded.tensor(name).unwrap();
        let values = tensor.data().chunks_exact(8);
        let values = values.map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect();
        Features::new(tensor.shape()[1], values).unwrap()
    });
    let distance = frechet::of(&real, &generated).unwrap().value;
    check("Fréchet", distance, &expected["fid"], 1e-9);
    check("Fréchet", distance, &expected["fid_symmetric_route"], 1e-9);
    let first = |features: &Features| {
        Features::new(features.columns(), features.values()[..200 * features.columns()].to_vec())
    };
    let subset =
        kernel_distance::discrepancy(&first(&real).unwrap(), &first(&generated).unwrap()).unwrap();
    check("KID of 200", subset, &expected["kid_subset200_poly3"], 1e-9);
    let whole = kernel_distance::discrepancy(&real, &generated).unwrap();
    check("KID of all", whole, &expected["kid_full_unequal"], 1e-9);
    let found = precision_recall::of(&real, &generated, 3).unwrap();
    check("precision", found.precision, &expected["precision_k3"], 1e-9);
    check("recall", found.recall, &expected["recall_k3"], 1e-9);
}

/// Takes seconds and is for looking at: `cargo test --release -- --ignored --nocapture of_inception`.
#[test]
#[ignore = "timing"]
fn of_inception_size() {
    let columns = 2048;
    let drawn = |rows: usize, seed: u64| {
        let mut state = seed;
        let mut value = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        Features::new(columns, (0..rows * columns).map(|_| value()).collect()).unwrap()
    };
    let (real, generated) = (drawn(3000, 1), drawn(3000, 2));
    let start = Instant::now();
    let distance = frechet::of(&real, &generated).unwrap();
    println!("Fréchet {distance:?}: {:?}", start.elapsed());
    let start = Instant::now();
    let subsets = kernel_distance::Subsets::default();
    let kernel = kernel_distance::of(&real, &generated, subsets).unwrap();
    println!("KID {kernel:?}: {:?}", start.elapsed());
    let start = Instant::now();
    let found = precision_recall::of(&real, &generated, 3).unwrap();
    println!("{found:?}: {:?}", start.elapsed());
}
