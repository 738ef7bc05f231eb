//! `discover pairs`: labelled pairs, and the table of `docs/expert-pairs.md`.

use lookalike::procedural::{Distortion, scene};
use serde_json::Value;

use crate::workplace::{Workplace, fields};

fn workplace() -> Workplace {
    let place = Workplace::new();
    let mut pairs = Vec::new();
    for seed in 0..8_u64 {
        let picture = scene(seed, 64, 48);
        place.save(&format!("p/{seed}.png"), &picture);
        let copy = Distortion::Blur.apply(&picture, 0.3, 1).unwrap();
        place.save(&format!("p/{seed}-near.png"), &copy);
        place.save(&format!("p/{seed}-far.png"), &scene(seed + 50, 64, 48));
        for (name, label) in [("near", 1), ("far", 0)] {
            pairs.push(format!(
                r#"{{"query":"{seed}.png","gallery":"{seed}-{name}.png","label":{label},"sims":{{"other":0.{seed}}}}}"#
            ));
        }
    }
    place.write("pairs.json", format!("[{}]", pairs.join(",")).as_bytes());
    place
}

#[test]
fn labelled_pairs_are_scored() {
    let place = workplace();
    let run = ["discover", "pairs", "pairs.json", "--pictures", "p", "--model", "colour-hist,hog"];
    let found: Value =
        serde_json::from_str(&place.succeeds(&[&run[..], &["--format", "json"]].concat())).unwrap();
    assert_eq!(fields(&found), ["count", "models", "pairs", "schema", "similar"]);
    assert_eq!((&found["count"], &found["similar"]), (&16.into(), &8.into()));
    let models = found["models"].as_array().unwrap();
    let of = |index: usize| models[index]["metrics"]["roc_auc"]["value"].as_f64().unwrap();
    assert_eq!(models[0]["id"], "colour-hist");
    assert!(of(0) > 0.95 && of(1) > 0.9, "{} {}", of(0), of(1));
    // Both pairs of a seed have one published cosine, which is no help.
    assert_eq!((&models[2]["cosines"], of(2)), (&"published".into(), 0.5));
    let text = place.succeeds(&run);
    assert!(text.contains("16 pairs, 8 of them similar") && text.contains("pr_auc"), "{text}");
    place.succeeds(&[&run[..], &["--format", "html", "-o", "page.html"]].concat());
    let page = place.read("page.html");
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("not similar"));
    assert!(!page.contains("<script") && !page.contains("http://"));
    place.write("one.json", br#"[{"key":["0.png","1.png"],"value":1}]"#);
    place.write(
        "gone.json",
        br#"[{"key":["0.png","no.png"],"value":1},{"key":["0.png","1.png"],"value":0}]"#,
    );
    for (pairs, model, part) in [
        ("one.json", "hog", "similar pairs and others"),
        ("gone.json", "hog", "no.png"),
        ("pairs.json", "no-such", "no embedder"),
        ("none.json", "hog", "none.json"),
    ] {
        let message =
            place.fails(&["discover", "pairs", pairs, "--pictures", "p", "--model", model]);
        assert!(message.contains(part), "{message}");
    }
}

#[cfg(feature = "deep")]
#[test]
fn the_page_states_what_models_make_of_expert_pairs() {
    use crate::workplace::{shared, table_of_page};

    let Some(folder) = shared("vsd_examples") else { return };
    let place = Workplace::new();
    let [pairs, pictures] = ["pairs.json", "src/examples"].map(|name| folder.join(name));
    let run =
        ["discover", "pairs", pairs.to_str().unwrap(), "--pictures", pictures.to_str().unwrap()];
    let found: Value =
        serde_json::from_str(&place.succeeds(&[&run[..], &["--format", "json"]].concat())).unwrap();
    let mut table =
        "| model | cosines | ROC-AUC | average precision |\n|---|---|---|---|\n".to_owned();
    for model in found["models"].as_array().unwrap() {
        let cell = |name: &str| {
            let one = &model["metrics"][name];
            let number = |value: &Value| value.as_f64().unwrap();
            format!(
                "{:.3} ({:.2} to {:.2})",
                number(&one["value"]),
                number(&one["ci"][0]),
                number(&one["ci"][1])
            )
        };
        let (id, origin) = (model["id"].as_str().unwrap(), model["cosines"].as_str().unwrap());
        table += &format!("| `{id}` | {origin} | {} | {} |\n", cell("roc_auc"), cell("pr_auc"));
    }
    table_of_page("expert-pairs.md", "pairs", &table, 0.03);
}
