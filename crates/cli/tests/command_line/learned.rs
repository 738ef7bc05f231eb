//! Learned metrics: told what is missing without weights, and like any other metric with them.

use lookalike::deep::{SeededWeights, WeightSource, metric_from};
use lookalike::{Want, decode};
use lookalike_weights::Specification;
use serde_json::{Value, json};

use crate::workplace::{Workplace, errors, values};

/// A safetensors file of random weights of a name, the same on every machine.
pub(crate) fn seeded(name: &str) -> Vec<u8> {
    let parameters = SeededWeights.load(name).unwrap().parameters;
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (tensor, shape) in Specification::of(name).unwrap().tensors() {
        let start = data.len();
        let numbers = parameters.f32(tensor, shape).unwrap();
        data.extend(numbers.into_iter().flat_map(f32::to_le_bytes));
        let entry = json!({"dtype":"F32","shape":shape,"data_offsets":[start, data.len()]});
        header.insert(tensor.to_owned(), entry);
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// A workplace with a pair and with random weights of LPIPS on SqueezeNet.
fn with_weights() -> Workplace {
    let place = Workplace::with_pair();
    for name in ["squeezenet1_1", "lpips-head-squeeze-0.1"] {
        place.write("file", &seeded(name));
        place.succeeds(&["weights", "import", "file", "--as", name]);
    }
    place
}

const PAIR: [&str; 2] = ["a.png", "b.png"];

#[test]
fn without_weights_one_command_brings_all_of_them() {
    let place = Workplace::with_pair();
    for (id, names) in [
        ("lpips", "alexnet lpips-head-alex-0.1"),
        ("lpips:vgg@0.0", "vgg16 lpips-head-vgg-0.0"),
        ("lpips:squeeze@baseline", "squeezenet1_1"),
        ("dists", "vgg16 dists"),
    ] {
        let message = place.fails(&["compare", "a.png", "b.png", "-m", id]);
        assert!(message.contains(&format!("`lookalike weights fetch {names}`")), "{message}");
        assert!(message.contains("import FILE --as"), "{message}");
    }
    // One of two is here.
    place.write("file", &seeded("lpips-head-squeeze-0.1"));
    place.succeeds(&["weights", "import", "file", "--as", "lpips-head-squeeze-0.1"]);
    let message = place.fails(&["compare", "a.png", "b.png", "-m", "lpips:squeeze"]);
    assert!(message.contains("`lookalike weights fetch squeezenet1_1`"), "{message}");
}

#[test]
fn ids_and_gates_are_checked_before_weights_are_missed() {
    let place = Workplace::with_pair();
    let refused =
        |gate: &str| place.fails(&["compare", "a.png", "b.png", "-m", "mse", "--gate", gate]);
    let message = refused("lpips>=0.1");
    assert!(message.contains("of lpips:alex@0.1 lower is better"), "{message}");
    assert!(refused("lpips:resnet<=1").contains("the family has lpips:alex@0.1"));
    let card = place.succeeds(&["metrics", "lpips:vgg"]);
    assert!(card.contains("weights      vgg16, lpips-head-vgg-0.1"), "{card}");
    assert!(place.succeeds(&["metrics", "lpips"]).lines().count() > 100);
}

#[test]
fn scores_name_the_metric_in_full_and_its_weights() {
    let place = with_weights();
    let (code, json) = place.json(&[&PAIR[..], &["-m", "lpips:squeeze"]].concat());
    assert_eq!(code, 0, "{json}");
    let score = &json["pairs"][0]["scores"][0];
    assert_eq!(score["id"], "lpips:squeeze@0.1");
    assert_eq!(score["direction"], "lower");
    assert_eq!(score["parts"].as_object().unwrap().len(), 7);
    let weights = score["provenance"]["weights"].as_str().unwrap();
    let hashes: Vec<&str> = weights.split(' ').filter_map(|one| one.split(':').nth(1)).collect();
    assert!(hashes.len() == 2 && hashes.iter().all(|hash| hash.len() == 64), "{weights}");
    // The library gives the same number on the same weights.
    let [a, b] = PAIR.map(|name| decode::read(&place.path(name), &Default::default()).unwrap());
    let metric = metric_from("lpips:squeeze", &SeededWeights).unwrap();
    let expected = metric.compare(&a, &b, Want::default()).unwrap().value;
    assert_eq!(values(&json, "lpips:squeeze@0.1"), [expected]);
    let bare = place.succeeds(&["compare", "a.png", "b.png", "-m", "lpips:squeeze"]);
    assert!((bare.trim().parse::<f64>().unwrap() / expected - 1.0).abs() < 1e-5, "{bare}");
}

#[test]
fn gates_maps_and_folders_work_as_for_other_metrics() {
    let place = with_weights();
    for name in ["one.png", "two.png"] {
        place.scene(&format!("before/{name}"), (60, 44));
        place.noisy(&format!("after/{name}"), (60, 44), 0.2);
    }
    place.scene("before/small.png", (60, 16));
    place.noisy("after/small.png", (60, 16), 0.2);
    let run = |gate: &str| {
        let arguments = ["before", "after", "-m", "lpips:squeeze", "--map", "maps", "--gate", gate];
        place.json(&arguments)
    };
    let (code, json) = run("lpips:squeeze<=1000");
    assert_eq!(code, 2, "one picture is too small");
    let all = errors(&json);
    assert!(all.len() == 1 && all[0].contains("at least 17 pixels"), "{all:?}");
    let found = values(&json, "lpips:squeeze@0.1");
    assert!(found.len() == 2 && found[0] > 0.0 && found[0] == found[1], "{found:?}");
    let maps = place.files().into_iter().filter(|file| file.starts_with("maps/"));
    assert_eq!(maps.count(), 2);
    for gate in ["lpips:squeeze<=0", "lpips:squeeze.worst16<=0"] {
        let outcome = place.run(&["compare", "a.png", "b.png", "--gate", gate, "-m", "mse"]);
        assert_eq!(outcome.code, 1, "{gate}: {}", outcome.stderr);
    }
}

#[test]
fn all_profiles_are_told_apart_even_where_weights_are_missing() {
    let place = with_weights();
    let text =
        place.succeeds(&["compare", "a.png", "b.png", "--explain-diff", "-m", "lpips:squeeze"]);
    for part in ["lpips:squeeze@0.1", "lpips:squeeze@baseline", "lpips:alex@0.1", "has no weights"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
