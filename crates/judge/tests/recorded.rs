//! Scores against those of the authors' code and of the published judgements, which lie outside the
//! repository (`../shared/reference/lpips`); without them these tests say so and check nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;

use lookalike_judge::just_noticeable::{Pair, average_precision};
use lookalike_judge::two_alternative::{Triplet, agreement, human, oracle, score};
use safetensors::SafeTensors;
use serde_json::Value;

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/lpips");
    let path = folder.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {} is absent", path.display());
    }
    bytes
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn triplets(first: &[f64], second: &[f64], shares: &[f64]) -> Vec<Triplet> {
    let judged = first.iter().zip(second).zip(shares);
    judged.map(|((&a, &b), &second)| Triplet { distances: [a, b], second }).collect()
}

fn check(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{what}: {found} against {expected}");
}

#[test]
fn scores_are_those_of_the_authors_code() {
    let Some(json) = file("lpips_metric_ref.json") else { return };
    let recorded: Value = serde_json::from_slice(&json).unwrap();
    let choice = &recorded["twoafc"];
    let [first, second, shares] = ["d0", "d1", "judge"].map(|name| numbers(&choice[name]));
    let triplets = triplets(&first, &second, &shares);
    assert!(triplets.iter().any(|triplet| triplet.distances[0] == triplet.distances[1]));
    for (triplet, expected) in triplets.iter().zip(numbers(&choice["per_item"])) {
        assert!((agreement(triplet) - expected).abs() <= 1e-12, "{triplet:?}: {expected}");
    }
    check("score", score(&triplets).unwrap(), &choice["score"], 1e-12);
    check("human", human(&shares).unwrap(), &choice["human"], 1e-12);
    check("oracle", oracle(&shares).unwrap(), &choice["oracle"], 1e-12);
    let noticed = &recorded["jnd"];
    let [distances, sames] = ["ds", "same"].map(|name| numbers(&noticed[name]));
    let pairs: Vec<Pair> =
        distances.iter().zip(&sames).map(|(&distance, &same)| Pair { distance, same }).collect();
    check("JND", average_precision(&pairs).unwrap(), &noticed["ap"], 1e-12);
}

#[test]
fn published_judgements_give_the_published_scores() {
    let Some(bytes) = file("bapps_val_2afc_judgments.safetensors") else { return };
    let Some(json) = file("bapps_val_2afc_expected.json") else { return };
    let judged = SafeTensors::deserialize(&bytes).unwrap();
    let expected: Value = serde_json::from_slice(&json).unwrap();
    let f32s = |name: &str| -> Vec<f64> {
        let numbers = judged.tensor(name).unwrap().data().chunks_exact(4);
        numbers.map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect()
    };
    // Of people against each other, as the paper prints it.
    let published = [
        ("traditional", Some(0.808)),
        ("cnn", Some(0.844)),
        ("superres", None),
        ("deblur", None),
        ("color", Some(0.688)),
        ("frameinterp", Some(0.686)),
    ];
    for (set, ceiling) in published {
        let shares: Vec<f64> = judged
            .tensor(&format!("{set}.judge_x5"))
            .unwrap()
            .data()
            .iter()
            .map(|&of_five| f64::from(of_five) / 5.0)
            .collect();
        let of = |what: &str| &expected[&format!("{set}.{what}")];
        assert_eq!(Some(shares.len() as u64), of("n").as_u64());
        let people = human(&shares).unwrap();
        check(set, people, of("human"), 1e-9);
        check(set, oracle(&shares).unwrap(), of("oracle"), 1e-9);
        if let Some(ceiling) = ceiling {
            assert!((people - ceiling).abs() <= 1e-3, "{set}: {people} against {ceiling}");
        }
        for model in ["alex_shift_tolerant", "alex_vanilla_scratch"] {
            let [first, second] = ["d0", "d1"].map(|d| f32s(&format!("{set}.{model}.{d}")));
            let found = score(&triplets(&first, &second, &shares)).unwrap();
            check(&format!("{set} {model}"), found, of(model), 1e-9);
        }
    }
}
