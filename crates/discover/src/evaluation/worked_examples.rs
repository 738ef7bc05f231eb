//! Two small benchmarks whose scores are known from the released evaluator, scikit-learn and `ir_measures`.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Files, Metadata, MetadataImage, Seeds, Tag};
use super::leave_one_out::{Proposals, leave_one_out};
use super::report::{Ranked, comparisons, model_report};
use super::uncertainty::Sampling;
use super::{Benchmark, Embeddings, Level, Rules, SeedMetric, SeedRanking, Share, audit, pooled};

const IMAGES: [(&str, [f32; 3]); 10] = [
    ("A/A1", [4.0, 3.0, 0.0]),
    ("A/A2", [4.0, 3.0, 1.0]),
    ("B/B1", [4.0, 2.0, 0.0]),
    ("B/B2", [3.0, 3.0, 0.0]),
    ("C/C1", [0.0, 4.0, 3.0]),
    ("D/D1", [1.0, 4.0, 3.0]),
    ("E/E1", [4.0, 0.0, 3.0]),
    ("F/F1", [0.0, 0.0, 5.0]),
    ("G/G1", [3.0, 4.0, 0.0]),
    ("H/H1", [2.0, 2.0, 1.0]),
];

const TOY_A: [(&str, &str, u8); 11] = [
    ("A1", "B1", 1),
    ("A1", "G1", 1),
    ("A1", "H1", 0),
    ("A1", "D1", 1),
    ("A1", "F1", 0),
    ("C1", "D1", 1),
    ("C1", "G1", 0),
    ("C1", "F1", 0),
    ("C1", "B1", 1),
    ("F1", "E1", 0),
    ("F1", "C1", 0),
];

const TOY_B: [(&str, &str, u8); 11] = [
    ("A1", "B2", 1),
    ("A1", "G1", 1),
    ("A1", "H1", 0),
    ("A1", "E1", 0),
    ("A1", "D1", 1),
    ("C1", "D1", 1),
    ("C1", "G1", 0),
    ("C1", "F1", 0),
    ("C1", "H1", 1),
    ("F1", "E1", 0),
    ("F1", "C1", 0),
];

const IMAGE: Rules = Rules::VSD2023;
const PRODUCT: Rules = Rules { level: Level::Product, threshold: 1 };

fn path(name: &str) -> String {
    format!("{}/{name}", &name[..1])
}

fn benchmark(tags: &[(&str, &str, u8)]) -> Benchmark {
    let image = |(path, _): &(&str, _)| MetadataImage {
        path: (*path).to_owned(),
        phase: "gallery".to_owned(),
        ..MetadataImage::default()
    };
    let tag = |&(seed, candidate, value): &(&str, &str, u8)| Tag {
        key: [path(seed), path(candidate)],
        value,
    };
    let files = Files {
        metadata: Metadata { images: IMAGES.iter().map(image).collect() },
        manifest: None,
        seeds: Some(Seeds { seeds: ["A1", "C1", "F1"].map(path).to_vec() }),
        tags: tags.iter().map(tag).collect(),
    };
    Benchmark::vsd2023(&files, &[]).unwrap()
}

fn ranked(benchmark: &Benchmark, head: usize) -> Ranked {
    let rows = IMAGES.iter().flat_map(|(_, vector)| *vector).collect();
    Ranked::new("toy", benchmark, &Embeddings::new(3, rows).unwrap(), head).unwrap()
}

fn value(metric: SeedMetric, seeds: &[SeedRanking], rules: Rules) -> f64 {
    Share::value(&metric.shares(seeds, rules)).unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
}

#[test]
fn lists_have_the_best_image_of_every_other_product() {
    let toy = benchmark(&TOY_A);
    let found = ranked(&toy, 9).rankings;
    let names: Vec<Vec<&str>> = found
        .iter()
        .map(|one| one.head.iter().map(|&place| &toy.gallery_path(place)[2..]).collect())
        .collect();
    assert_eq!(names[0], ["B2", "G1", "H1", "E1", "D1", "C1", "F1"]);
    assert_eq!(names[1], ["D1", "H1", "G1", "F1", "A2", "B2", "E1"]);
    assert_eq!(names[2], ["C1", "E1", "D1", "H1", "A2", "B1", "G1"]);
    let cosines: Vec<f64> = found[0].labelled.iter().map(|one| f64::from(one.score)).collect();
    for (found, expected) in cosines.iter().zip([0.983_870, 0.627_572, 0.0, 0.96, 0.933_333]) {
        close(*found, expected);
    }
    // A shorter head has the same beginning.
    let short = ranked(&toy, 3).rankings;
    assert_eq!(short[0].head, found[0].head[..3]);
}

#[test]
fn toy_a_as_the_released_evaluator() {
    let toy = benchmark(&TOY_A);
    let found = ranked(&toy, 9).rankings;
    for (metric, expected) in [
        (SeedMetric::Hits(2), 0.5),
        (SeedMetric::Hits(3), 0.333_333),
        (SeedMetric::ReciprocalRank(2), 0.5),
        (SeedMetric::ReciprocalRank(3), 0.409_091),
        (SeedMetric::ReciprocalRankPairs(3), 0.3),
        (SeedMetric::Coverage(2), 0.666_667),
        (SeedMetric::Coverage(3), 0.666_667),
        (SeedMetric::HitsUpper(2), 1.0),
        (SeedMetric::HitsUpper(3), 0.666_667),
        (SeedMetric::EstimatedHits(2), 0.5),
        (SeedMetric::EstimatedHits(3), 0.333_333),
        (SeedMetric::EstimatedHitsMacro(2), 1.0),
        (SeedMetric::EstimatedHitsMacro(3), 0.5),
        (SeedMetric::CondensedHits(2), 0.5),
        (SeedMetric::CondensedHits(3), 0.5),
        (SeedMetric::Credit, 0.584_313),
        (SeedMetric::AreaMacro, (0.833_333 + 0.5) / 2.0),
        (SeedMetric::PrecisionMacro, (0.916_667 + 0.75) / 2.0),
        (SeedMetric::Preference, (0.833_333 + 0.5) / 2.0),
    ] {
        let value = value(metric, &found, IMAGE);
        assert!((value - expected).abs() < 1e-6, "{}: {value}", metric.name());
    }
    for (metric, expected) in [
        (SeedMetric::Hits(2), 0.75),
        (SeedMetric::Hits(3), 0.5),
        (SeedMetric::ReciprocalRank(2), 0.833_333),
        (SeedMetric::ReciprocalRank(3), 0.681_818),
        (SeedMetric::Coverage(2), 0.833_333),
        (SeedMetric::Coverage(3), 0.777_778),
    ] {
        let value = value(metric, &found, PRODUCT);
        assert!((value - expected).abs() < 1e-6, "{} by product: {value}", metric.name());
    }
    let pairs = pooled::pairs(&found, IMAGE);
    close(pooled::area(&pairs, &[1.0; 3]).unwrap(), 0.766_667);
    close(pooled::average_precision(&pairs, &[1.0; 3]).unwrap(), 0.833_333);
    let of = |metric: SeedMetric, seed: usize| metric.of(&found[seed], IMAGE).map(|s| s.numerator);
    for (seed, expected) in [0.429_533, 0.574_978, 0.748_427].into_iter().enumerate() {
        close(of(SeedMetric::Credit, seed).unwrap(), expected);
    }
    assert_eq!(of(SeedMetric::AreaMacro, 2), None);
    assert_eq!(of(SeedMetric::Preference, 2), None);
    close(of(SeedMetric::Preference, 0).unwrap(), 0.833_333);
    close(of(SeedMetric::Preference, 1).unwrap(), 0.5);
}

#[test]
fn toy_b_as_the_released_evaluator() {
    let found = ranked(&benchmark(&TOY_B), 9).rankings;
    for (metric, expected) in [
        (SeedMetric::Hits(2), 1.0),
        (SeedMetric::Hits(3), 0.666_667),
        (SeedMetric::ReciprocalRank(2), 1.0),
        (SeedMetric::ReciprocalRank(3), 0.818_182),
        (SeedMetric::ReciprocalRankPairs(3), 0.6),
        (SeedMetric::AreaMacro, (0.666_667 + 1.0) / 2.0),
    ] {
        let value = value(metric, &found, IMAGE);
        assert!((value - expected).abs() < 1e-6, "{}: {value}", metric.name());
    }
    let pairs = pooled::pairs(&found, IMAGE);
    close(pooled::area(&pairs, &[1.0; 3]).unwrap(), 0.866_667);
    close(pooled::average_precision(&pairs, &[1.0; 3]).unwrap(), 0.885);
    for (seed, credit) in [0.475_572, 0.608_783, 0.748_427].into_iter().enumerate() {
        close(SeedMetric::Credit.of(&found[seed], IMAGE).unwrap().numerator, credit);
    }
    for (seed, bpref) in [0.666_667, 1.0].into_iter().enumerate() {
        close(SeedMetric::Preference.of(&found[seed], IMAGE).unwrap().numerator, bpref);
    }
}

#[test]
fn the_gap_between_the_bounds_is_what_is_not_covered() {
    let toy = benchmark(&TOY_A);
    let found = ranked(&toy, 9).rankings;
    for rules in [IMAGE, PRODUCT] {
        for k in [1, 2, 3, 7] {
            // Bounds are over seeds with an answer, so coverage is as well.
            let with: Vec<SeedRanking> =
                found.iter().filter(|seed| seed.positives(rules) > 0).cloned().collect();
            let gap = value(SeedMetric::HitsUpper(k), &with, rules)
                - value(SeedMetric::Hits(k), &with, rules);
            close(gap, 1.0 - value(SeedMetric::Coverage(k), &with, rules));
        }
    }
}

#[test]
fn graded_labels_have_a_gain() {
    // One seed, grades 3, 0 and 2 in this order, nothing else in the list.
    let mut toy = benchmark(&[("A1", "B2", 3), ("A1", "G1", 0), ("A1", "H1", 2)]);
    toy.seeds.truncate(1);
    let found = ranked(&toy, 9).rankings;
    let best = 7.0 + 3.0 / 3.0_f64.log2();
    close(value(SeedMetric::Gain(3), &found, IMAGE), (7.0 + 3.0 / 2.0) / best);
    close(value(SeedMetric::Hits(3), &found, Rules { threshold: 3, ..IMAGE }), 1.0 / 3.0);
}

#[test]
fn an_audit_of_everything_is_the_truth() {
    let toy = benchmark(&TOY_A);
    let found = ranked(&toy, 9).rankings;
    let drawn = audit::draw(&toy, &found, Level::Product, 3, 9, 1);
    // H1 of C1, and D1 of F1.
    assert_eq!(drawn.len(), 2);
    let grades: BTreeMap<audit::Drawn, u8> = drawn.iter().map(|&one| (one, 1)).collect();
    let all = audit::estimate(&toy, &found, PRODUCT, 3, &grades).unwrap();
    close(all.value, (2.0 / 3.0 + 2.0 / 3.0 + 1.0 / 3.0) / 3.0);
    assert_eq!((all.error, all.seeds, all.left_out), (0.0, 3, 0));
    let none = audit::estimate(&toy, &found, PRODUCT, 3, &BTreeMap::new()).unwrap();
    assert_eq!((none.seeds, none.left_out), (1, 1));
}

#[test]
fn labels_of_an_audit_are_told_from_others() {
    // H1 of C1 and D1 of F1 were drawn and labelled; they are among all labels now.
    let tags: Vec<(&str, &str, u8)> = [&TOY_A[..], &[("C1", "H1", 1), ("F1", "D1", 1)]].concat();
    let toy = benchmark(&tags);
    let found = ranked(&toy, 9).rankings;
    let place = |name: &str| IMAGES.iter().position(|(known, _)| *known == path(name)).unwrap();
    let drawn = BTreeSet::from([(1, place("H1")), (2, place("D1"))]);
    let audited = audit::estimate_apart(&toy, &found, PRODUCT, 3, &drawn).unwrap();
    close(audited.value, (2.0 / 3.0 + 2.0 / 3.0 + 1.0 / 3.0) / 3.0);
    assert_eq!(audit::estimate_apart(&toy, &found, PRODUCT, 3, &BTreeSet::new()), None);
}

#[test]
fn audits_are_unbiased() {
    // All ways to draw one of the unlabelled results give the truth on average.
    let toy = benchmark(&[("A1", "B2", 1)]);
    let found = &ranked(&toy, 9).rankings[..1];
    let open = audit::unlabelled(&toy, &found[0], Level::Product, 5);
    assert_eq!(open.len(), 4);
    let truth = [1, 0, 1, 1];
    let mean: f64 = open
        .iter()
        .zip(truth)
        .map(|(&place, grade)| {
            let found_grades = BTreeMap::from([((0, place), grade)]);
            audit::estimate(&toy, found, PRODUCT, 5, &found_grades).unwrap().value / 4.0
        })
        .sum();
    close(mean, 4.0 / 5.0);
}

#[test]
fn a_generator_gains_from_its_own_pairs() {
    let toy = benchmark(&TOY_A);
    let found = ranked(&toy, 9).rankings;
    let place = |name: &str| IMAGES.iter().position(|(known, _)| *known == path(name)).unwrap();
    let named =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).into()).collect() };
    let mut proposals = Proposals::new();
    for (seed, labels) in toy.seeds.iter().enumerate() {
        for label in &labels.labels {
            proposals.insert((seed, label.candidate), named(&["toy", "other"]));
        }
    }
    proposals.insert((0, place("G1")), named(&["toy"]));
    let models = [("toy", found.as_slice()), ("third", found.as_slice())];
    let left = leave_one_out(&models, &proposals, SeedMetric::Hits(2), IMAGE);
    assert_eq!((left.len(), left[0].pairs), (1, 1));
    close(left[0].with.unwrap(), 0.5);
    close(left[0].without.unwrap(), 0.25);
    assert_eq!(left[0].order, None);
}

#[test]
fn reports_name_what_they_are_of() {
    let toy = benchmark(&TOY_A);
    let ranked = ranked(&toy, 9);
    let sampling = Sampling::default();
    let report = model_report(&toy, &ranked, IMAGE, &[2, 3], sampling);
    let of = |name: &str| report.metrics.iter().find(|one| one.0 == name).unwrap().1.clone();
    close(of("hr@2").value, 0.5);
    close(of("hr@3").ceiling.unwrap(), (1.0 + 2.0 / 3.0) / 2.0);
    assert_eq!(of("hr@3").bounds.map(|b| (b[1] * 3.0).round()), Some(2.0));
    assert_eq!((of("roc_auc").seeds, of("hr@2").seeds), (3, 2));
    // Only A1 has a sibling in the gallery, which ranks third.
    let first =
        |name: &str| report.identification.iter().find(|one| one.0 == name).unwrap().1.value;
    close(first("mrr"), 1.0 / 3.0);
    close(first("recall@4"), 1.0);
    let same = comparisons(&[ranked.clone(), ranked], IMAGE, &[2], sampling).unwrap();
    assert!(same.iter().all(|one| one.difference == 0.0 && one.p_holm == 1.0), "{same:?}");
    assert!(same.iter().any(|one| one.metric == "hr@2"));
}
