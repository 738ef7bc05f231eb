//! `discover`: from a folder of pictures to an evaluation, on small scenes.

use lookalike::procedural::{Distortion, scene};
use serde_json::Value;

use crate::workplace::{Workplace, errors, fields};

/// Models whose weights are not here, and what mends that.
const WITHOUT_WEIGHTS: [(&str, &str); 3] = if cfg!(feature = "deep") {
    [
        ("lpips:alex", "weights fetch"),
        ("clip:b32", "clip-b32.safetensors, or clip:b32@FILE; Hugging Face"),
        ("dreamsim:ensemble", "dreamsim-ensemble.safetensors"),
    ]
} else {
    [("lpips:alex", "no embedder"), ("clip:b32", "no embedder"), ("sight", "no embedder")]
};

/// Twelve products with two pictures each, the second a little blurred.
pub(crate) fn workplace() -> Workplace {
    let place = Workplace::new();
    for product in 0..12_u64 {
        let first = scene(product, 64, 48);
        let second = Distortion::Blur.apply(&first, 0.2, 1).unwrap();
        place.save(&format!("shop/id_{product:02}/a.png"), &first);
        place.save(&format!("shop/id_{product:02}/b.png"), &second);
    }
    let rows = (0..12).flat_map(|product| {
        ["a", "b"].map(|side| {
            let kind = if product % 2 == 0 { "even" } else { "odd" };
            format!("id_{product:02}/{side}.png,{kind},{}\n", 10 * product)
        })
    });
    let table = format!("path,category,price\n{}", rows.collect::<String>());
    place.write("table.csv", table.as_bytes());
    place
}

fn index(place: &Workplace, model: &str, store: &str) -> Value {
    let arguments = [
        "discover",
        "index",
        "shop",
        "--store",
        store,
        "--model",
        model,
        "--product-regex",
        r"id_\d+",
        "--metadata",
        "table.csv",
        "--format",
        "json",
    ];
    serde_json::from_str(&place.succeeds(&arguments)).unwrap()
}

pub(crate) fn json(place: &Workplace, arguments: &[&str]) -> Value {
    let all = [&["discover"], arguments, &["--format", "json"]].concat();
    serde_json::from_str(&place.succeeds(&all)).unwrap()
}

#[test]
fn a_folder_is_indexed_once() {
    let place = workplace();
    let first = index(&place, "colour-hist", "store");
    assert_eq!(first["schema"], "lookalike.index/1");
    for name in
        ["added", "changed", "embedded", "errors", "failed", "removed", "seconds", "unchanged"]
    {
        assert!(fields(&first).contains(&name), "{name}");
    }
    assert_eq!((first["added"].as_u64(), first["embedded"].as_u64()), (Some(24), Some(24)));
    std::fs::remove_file(place.path("shop/id_03/b.png")).unwrap();
    std::fs::copy(place.path("shop/id_04/a.png"), place.path("shop/id_04/c.png")).unwrap();
    let again = index(&place, "colour-hist", "store");
    let counts =
        ["added", "unchanged", "removed", "embedded"].map(|name| again[name].as_u64().unwrap());
    assert_eq!(counts, [1, 23, 1, 0]);
    place.write("shop/broken.png", b"\x89PNG\r\n\x1a\nno more");
    let arguments = [
        "discover",
        "index",
        "shop",
        "--store",
        "store",
        "--model",
        "colour-hist",
        "--format",
        "json",
    ];
    let outcome = place.run(&arguments);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((outcome.code, found["failed"].as_u64()), (2, Some(1)));
    assert!(errors(&found)[0].contains("broken.png"));
    let refused = place.fails(&["discover", "index", "shop", "--store", "store", "--model", "hog"]);
    assert!(refused.contains("colour-hist") && refused.contains("another store"), "{refused}");
    for (model, part) in [("no-such", "no embedder")].into_iter().chain(WITHOUT_WEIGHTS) {
        let message =
            place.fails(&["discover", "index", "shop", "--store", "s2", "--model", model]);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn other_things_are_found() {
    let place = workplace();
    index(&place, "colour-hist", "store");
    let found = json(&place, &["search", "shop/id_05/a.png", "--store", "store", "-k", "3"]);
    assert_eq!(found["schema"], "lookalike.search/1");
    let results = found["queries"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(fields(&results[0]), ["category", "id", "path", "product", "rank", "score"]);
    // The file itself is no answer; its sibling is the first.
    assert_eq!(results[0]["path"], "id_05/b.png");
    assert_eq!(results[0]["rank"], 1);
    let discovery = [
        "search",
        "id_05/a.png",
        "--store",
        "store",
        "-k",
        "30",
        "--one-per-product",
        "--exclude-same-product",
    ];
    let found = json(&place, &discovery);
    let products: Vec<&str> = found["queries"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["product"].as_str().unwrap())
        .collect();
    assert_eq!(products.len(), 11);
    assert!(!products.contains(&"id_05"));
    let cheap = json(
        &place,
        &[
            "search",
            "#1",
            "#2",
            "--store",
            "store",
            "--where",
            "price<=40 and category=even",
            "-k",
            "99",
        ],
    );
    for query in cheap["queries"].as_array().unwrap() {
        for result in query["results"].as_array().unwrap() {
            assert!(["id_00", "id_02", "id_04"].contains(&result["product"].as_str().unwrap()));
        }
    }
    let crop = json(
        &place,
        &["search", "shop/id_01/a.png", "--store", "store", "--crop", "0,0,32,24", "-k", "1"],
    );
    assert_eq!(crop["queries"][0]["results"].as_array().unwrap().len(), 1);
    let list = place.run_with(
        &["discover", "search", "-", "--store", "store", "-k", "1", "--format", "csv"],
        b"shop/id_00/a.png\nshop/id_01/a.png\n",
    );
    assert_eq!((list.code, list.stdout.lines().count()), (0, 3));
    let text = place.succeeds(&["discover", "search", "#3", "--store", "store", "-k", "2"]);
    assert!(text.contains("rank") && text.lines().count() == 3, "{text}");
    for (arguments, part) in [
        (&["search", "no.png", "--store", "store"][..], "no such file"),
        (&["search", "#99", "--store", "store"], "not in the store"),
        (&["search", "#1", "--store", "nowhere"], "discover index"),
        (&["search", "#1", "--store", "store", "--where", "price>"], "at character 7"),
        (&["search", "#1", "--store", "store", "--crop", "0,0,1,1"], "--crop takes a file"),
    ] {
        let message = place.fails(&[&["discover"], arguments].concat());
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn copies_are_listed_and_kept() {
    let place = workplace();
    std::fs::copy(place.path("shop/id_07/a.png"), place.path("shop/copy.png")).unwrap();
    index(&place, "colour-hist", "store");
    let found = json(&place, &["duplicates", "--store", "store", "--threshold", "0.99999"]);
    let groups = found["groups"].as_array().unwrap();
    let identical = groups.iter().find(|group| group["identical"] == true).unwrap();
    assert_eq!(identical["keep"]["path"], "copy.png");
    assert_eq!(identical["others"][0]["path"], "id_07/a.png");
    assert!(place.path("shop/id_07/a.png").exists());
    let recall = json(&place, &["recall", "--store", "store", "--queries", "5", "-k", "3"]);
    assert_eq!((recall["recall"].as_f64(), recall["indexed"].as_bool()), (Some(1.0), Some(false)));
    let copied = json(&place, &["store", "copy", "store", "other"]);
    assert_eq!(copied["copied"], 25);
    let same = json(&place, &["store", "verify", "store", "other"]);
    assert_eq!(same["differences"].as_array().unwrap().len(), 0);
    std::fs::remove_file(place.path("shop/id_00/a.png")).unwrap();
    index(&place, "colour-hist", "store");
    let outcome = place.run(&["discover", "store", "verify", "store", "other"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
}

/// Stores of two models, candidates and votes of two raters.
pub(crate) fn labelled() -> Workplace {
    let place = workplace();
    index(&place, "colour-hist", "colour");
    index(&place, "hog", "edges");
    let candidates = place.succeeds(&[
        "discover",
        "candidates",
        "--store",
        "colour,edges",
        "--seed-count",
        "6",
        "--depth",
        "3",
        "--negatives",
        "random:1",
    ]);
    place.write("candidates.jsonl", candidates.as_bytes());
    let mut votes = "seed,candidate,rater,value\n".to_owned();
    for (number, line) in candidates.lines().enumerate() {
        let one: Value = serde_json::from_str(line).unwrap();
        let [seed, candidate] = ["seed", "candidate"].map(|name| one[name].as_str().unwrap());
        let near = candidate[3..5].parse::<usize>().unwrap() % 3
            == seed[3..5].parse::<usize>().unwrap() % 3;
        let other = if number % 7 == 0 { !near } else { near };
        votes += &format!(
            "{seed},{candidate},anna,{}\n{seed},{candidate},ben,{}\n",
            u8::from(near),
            u8::from(other)
        );
    }
    place.write("votes.csv", votes.as_bytes());
    place
}

#[test]
fn candidates_know_their_generators() {
    let place = labelled();
    let lines = place.read("candidates.jsonl");
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let random = all.iter().filter(|one| one["stratum"] == "random").count();
    assert_eq!(random, 6);
    for one in &all {
        assert_eq!(fields(one), ["candidate", "p_incl", "proposals", "seed", "stratum"]);
        assert_ne!(one["seed"].as_str().unwrap()[..5], one["candidate"].as_str().unwrap()[..5]);
        let share = one["p_incl"].as_f64().unwrap();
        assert_eq!(one["stratum"] == "pool", share == 1.0);
    }
    let agreement = json(&place, &["agree", "votes.csv"]);
    assert!(agreement["coefficients"]["raw"]["value"].as_f64().unwrap() > 0.6);
    assert_eq!(agreement["raters"].as_array().unwrap().len(), 2);
    let text = place.succeeds(&["discover", "agree", "votes.csv"]);
    assert!(text.contains("anna, ben") && text.contains("ac1"), "{text}");
    let made = json(&place, &["label", "candidates.jsonl", "--pictures", "shop", "--to", "asked"]);
    assert_eq!(made["pairs"].as_u64().unwrap() as usize, all.len());
    assert!(place.read("asked/project.toml").contains("highest = 1"));
    assert!(
        place
            .fails(&[
                "discover",
                "label",
                "candidates.jsonl",
                "--pictures",
                "shop",
                "--to",
                "asked"
            ])
            .contains("already")
    );
}

#[test]
fn models_are_evaluated_by_votes_and_by_files_of_the_benchmark() {
    let place = labelled();
    let arguments = [
        "evaluate",
        "--labels",
        "votes.csv",
        "--store",
        "colour,edges",
        "--candidates",
        "candidates.jsonl",
        "-k",
        "2,3",
    ];
    let found = json(&place, &arguments);
    assert_eq!(found["schema"], "lookalike.evaluate/1");
    assert_eq!((found["seeds"].as_u64(), found["models"].as_array().unwrap().len()), (Some(6), 2));
    let model = &found["models"][0];
    assert_eq!(model["id"], "colour-hist");
    // The first three of a generator are labelled, but for pairs on which raters are divided.
    let coverage = model["metrics"]["coverage@3"]["value"].as_f64().unwrap();
    assert!(coverage > 0.6, "{coverage}");
    let hits = &model["metrics"]["hr@3"];
    assert_eq!(fields(hits), ["bounds", "ceiling", "ci", "seeds", "value"]);
    assert!(hits["bounds"][1].as_f64() >= hits["value"].as_f64());
    assert!(model["metrics"]["roc_auc"]["ci"].is_array());
    assert!(model["identification"]["p@1"]["value"].as_f64().unwrap() > 0.5);
    assert_eq!(found["leave_one_out"].as_array().unwrap().len(), 2);
    assert!(found["comparisons"].as_array().unwrap().iter().any(|one| one["metric"] == "hr@3"));
    // Whether another round is worth it, and what it would ask for.
    for round in found["rounds"].as_array().unwrap() {
        assert_eq!(fields(round), ["another", "coverage", "k", "model", "target", "unlabelled"]);
        let covered = round["coverage"].as_f64().unwrap();
        assert_eq!(round["another"], covered < 0.95);
        assert_eq!(round["unlabelled"] == 0, covered == 1.0);
    }
    let enough = json(&place, &[&arguments[..], &["--coverage-target", "0"]].concat());
    assert!(enough["rounds"].as_array().unwrap().iter().all(|round| round["another"] == false));
    let text =
        place.succeeds(&["discover", "evaluate", "--labels", "votes.csv", "--store", "colour"]);
    assert!(text.contains("labels cover"), "{text}");
    let asked = |line: &str| {
        let one: Value = serde_json::from_str(line).unwrap();
        ["seed", "candidate"].map(|name| one[name].as_str().unwrap().to_owned()).join(",")
    };
    let votes = place.read("votes.csv");
    let next = |depth: &str| {
        let stores = ["candidates", "--store", "colour,edges", "--labels", "votes.csv"];
        place.succeeds(&[&["discover"], &stores[..], &["--depth", depth]].concat())
    };
    let deeper = next("6");
    assert!(deeper.lines().count() > next("3").lines().count());
    let voted = |line: &str| votes.lines().filter(|vote| vote.starts_with(&asked(line))).count();
    // None has a label; those with votes are divided.
    for line in deeper.lines() {
        assert!([0, 2].contains(&voted(line)), "{line}");
    }
    assert!(deeper.lines().any(|line| voted(line) == 0));
    // A new model whose results nobody labelled, estimated from some of them.
    let drawn = place.succeeds(&[
        "discover",
        "candidates",
        "--store",
        "edges",
        "--labels",
        "votes.csv",
        "--audit",
        "2",
        "--depth",
        "3",
    ]);
    let audits: Vec<Value> =
        drawn.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut more = place.read("votes.csv");
    for one in &audits {
        assert_eq!(
            (&one["stratum"], &one["proposals"][0]["model"]),
            (&"audit".into(), &"hog".into())
        );
        assert!((0.0..=1.0).contains(&one["p_incl"].as_f64().unwrap()));
        let [seed, candidate] = ["seed", "candidate"].map(|name| one[name].as_str().unwrap());
        more += &format!("{seed},{candidate},carla,1\n{seed},{candidate},dora,1\n");
    }
    place.write("more.csv", more.as_bytes());
    place.write("audit.jsonl", drawn.as_bytes());
    let audited = json(
        &place,
        &[
            "evaluate",
            "--labels",
            "more.csv",
            "--store",
            "edges",
            "--candidates",
            "audit.jsonl",
            "-k",
            "3",
        ],
    );
    if !audits.is_empty() {
        assert_eq!(audited["audits"][0]["model"], "hog");
        assert!(
            audited["audits"][0]["value"].as_f64()
                >= audited["models"][0]["metrics"]["hr@3"]["bounds"][0].as_f64().map(|v| v - 1e-9)
        );
    }
    // As files of the benchmark.
    let exported = json(&place, &["export", "votes.csv", "--store", "colour", "--to", "vsd"]);
    assert_eq!(exported["seeds"], 6);
    assert!(exported["divided"].as_u64().unwrap() > 0);
    let again = json(&place, &["evaluate", "vsd", "--store", "colour,edges", "-k", "2,3"]);
    assert_eq!(again["models"][1]["metrics"], found["models"][1]["metrics"]);
    let compat = json(&place, &["evaluate", "vsd", "--store", "colour", "--compat", "vsd2023"]);
    assert_eq!((&compat["level"], &compat["compat"]), (&"image".into(), &"vsd2023".into()));
    let votes = place.succeeds(&["discover", "import", "vsd/labels.json", "--rater", "experts"]);
    assert!(votes.starts_with("seed,candidate,rater,value\n") && votes.contains(",experts,"));
    // Gates, tables and the page.
    let gate = |rule: &str| {
        place.run(&["discover", "evaluate", "vsd", "--store", "colour", "--gate", rule]).code
    };
    assert_eq!([gate("coverage@9>=0.01"), gate("hr@9>0.99"), gate("nothing>=1")], [0, 1, 2]);
    let rows =
        place.succeeds(&["discover", "evaluate", "vsd", "--store", "colour", "--format", "csv"]);
    assert!(
        rows.starts_with("model,task,metric,value") && rows.contains("colour-hist,discovery,dcs,")
    );
    let text = place.succeeds(&["discover", "evaluate", "vsd", "--store", "colour,edges"]);
    assert!(text.contains("ceiling") && text.contains("p (Holm)"), "{text}");
    place.succeeds(&[
        "discover",
        "report",
        "vsd",
        "--store",
        "colour,edges",
        "--pictures",
        "shop",
        "-o",
        "page.html",
    ]);
    let page = place.read("page.html");
    for part in ["Worst seeds", "data:image/jpeg;base64,", "coverage@9", "Content-Security-Policy"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("http://"));
}

#[test]
fn what_does_not_fit_together_is_said() {
    let place = labelled();
    std::fs::create_dir(place.path("empty")).unwrap();
    for (arguments, part) in [
        (&["evaluate", "empty", "--store", "colour"][..], "labels.json"),
        (&["evaluate", "--labels", "table.csv", "--store", "colour"], "expected the columns"),
        (&["evaluate", "--labels", "votes.csv", "--store", "colour,colour"], "twice"),
        (&["evaluate", "--labels", "votes.csv", "--store", "colour", "-k", "0"], "from 1"),
        (&["evaluate", "--labels", "votes.csv", "--vectors", "a=votes.csv"], "--metadata"),
        (&["agree", "table.csv"], "expected the columns"),
        (&["candidates", "--store", "colour", "--seeds", "table.csv"], "not in the store"),
        (&["import", "votes.csv"], "votes.csv"),
        (&["report", "--labels", "votes.csv", "--store", "colour", "--format", "json"], "page"),
    ] {
        let message = place.fails(&[&["discover"], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn a_head_is_learned_and_searched_with() {
    let place = labelled();
    let trained = json(
        &place,
        &[
            "train-head",
            "votes.csv",
            "--store",
            "edges",
            "--to",
            "learned",
            "--rounds",
            "3",
            "--hold",
            "0.001",
            "--rate",
            "0.01",
            "--held-out",
            "0.1",
        ],
    );
    assert_eq!(trained["schema"], "lookalike.train-head/1");
    assert!(trained["loss"]["after"].as_f64() <= trained["loss"]["before"].as_f64());
    if trained["round"].as_u64() > Some(0) {
        let found = json(&place, &["search", "shop/id_05/a.png", "--store", "learned", "-k", "1"]);
        assert_eq!(found["queries"][0]["results"].as_array().unwrap().len(), 1);
        // A copy has the head too.
        json(&place, &["store", "copy", "learned", "copied"]);
        let again = json(&place, &["search", "shop/id_05/a.png", "--store", "copied", "-k", "1"]);
        assert_eq!(again["queries"], found["queries"]);
        let message = place.fails(&[
            "discover",
            "train-head",
            "votes.csv",
            "--store",
            "learned",
            "--to",
            "x",
        ]);
        assert!(message.contains("head already"), "{message}");
    }
    let message =
        place.fails(&["discover", "train-head", "votes.csv", "--store", "edges", "--to", "colour"]);
    assert!(message.contains("there already"), "{message}");
}

#[test]
#[cfg(not(feature = "milvus"))]
fn servers_need_a_feature() {
    let place = workplace();
    let address = "milvus+http://127.0.0.1:1/default/shop";
    for command in [
        &["discover", "index", "shop", "--model", "hog", "--store", address][..],
        &["discover", "search", "#1", "--store", address],
        &["discover", "recall", "--store", address],
        &["discover", "store", "verify", address, "store"],
    ] {
        let message = place.fails(command);
        assert!(message.contains("feature milvus"), "{message}");
    }
}

#[test]
#[cfg(feature = "milvus")]
fn servers_that_are_away_or_unsafe_are_named() {
    let place = workplace();
    for (address, expected) in [
        ("milvus+http://192.0.2.1/default/shop", "--insecure"),
        ("milvus+http://root:secret@127.0.0.1/default/shop", "LOOKALIKE_MILVUS_TOKEN"),
        ("milvus+http://127.0.0.1/a/b/c", "more parts"),
    ] {
        let message = place.fails(&["discover", "recall", "--store", address]);
        assert!(message.contains(expected) && !message.contains("secret"), "{message}");
    }
}
