//! Statistics against SciPy's, from numbers that `tools/statistics/write.py` draws.

#![allow(clippy::unwrap_used, clippy::panic)]

use lookalike_judge::generation::canny::Canny;
use lookalike_judge::just_noticeable::Pair;
use lookalike_judge::statistics::correlation::Correlation;
use lookalike_judge::statistics::permutation::{
    Comparison, correlation_difference, mean_difference,
};
use lookalike_judge::statistics::{auc, average_ranks, logistic};
use serde_json::Value;

fn recorded() -> Value {
    serde_json::from_str(include_str!("vectors/statistics.json")).unwrap()
}

#[test]
fn edges_are_those_of_scikit_image() {
    let recorded: Value = serde_json::from_str(include_str!("vectors/edges.json")).unwrap();
    for case in cases(&recorded, "cases") {
        let width = case["width"].as_u64().unwrap() as usize;
        let luma: Vec<f64> = numbers(&case["samples"]).iter().map(|code| code / 255.0).collect();
        let edges = Canny::default().edges(width, &luma).unwrap();
        for (y, (found, expected)) in
            edges.chunks(width).zip(case["edges"].as_array().unwrap()).enumerate()
        {
            let found: String = found.iter().map(|&edge| if edge { '#' } else { '.' }).collect();
            assert_eq!(found, expected.as_str().unwrap(), "row {y}");
        }
    }
}

fn cases<'a>(recorded: &'a Value, name: &str) -> &'a [Value] {
    let cases = recorded[name].as_array().unwrap();
    assert!(!cases.is_empty(), "{name}");
    cases
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn check(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{what}: {found} against {expected}");
}

#[test]
fn correlations_are_those_of_scipy() {
    for case in cases(&recorded(), "correlations") {
        let (scores, ratings) = (numbers(&case["scores"]), numbers(&case["ratings"]));
        assert_eq!(average_ranks(&scores), Ok(numbers(&case["ranks"])));
        for (name, kind) in [
            ("plcc", Correlation::Pearson),
            ("srocc", Correlation::Spearman),
            ("krcc", Correlation::Kendall),
        ] {
            check(name, kind.of(&scores, &ratings).unwrap(), &case[name], 1e-12);
        }
    }
}

#[test]
fn fits_are_those_of_scipy() {
    for case in cases(&recorded(), "correlations") {
        let (scores, ratings) = (numbers(&case["scores"]), numbers(&case["ratings"]));
        let expected = &case["logistic"];
        let found = logistic::fit(&scores, &ratings).unwrap();
        check("PLCC", found.correlation, &expected["plcc"], 1e-8);
        check("RMSE", found.rmse, &expected["rmse"], 1e-8);
        let [right, left, centre, scale] = numbers(&expected["parameters"]).try_into().unwrap();
        let expected = logistic::Logistic { right, left, centre, scale };
        for score in scores {
            let (found, expected) = (found.curve.at(score), expected.at(score));
            assert!((found - expected).abs() < 1e-4, "at {score}: {found} against {expected}");
        }
    }
}

#[test]
fn areas_are_those_of_the_double_sum() {
    for case in cases(&recorded(), "auc") {
        let (distances, sames) = (numbers(&case["distances"]), numbers(&case["same"]));
        let pairs: Vec<Pair> = distances
            .iter()
            .zip(&sames)
            .map(|(&distance, &same)| Pair { distance, same })
            .collect();
        check("area", auc::area(&pairs).unwrap(), &case["auc"], 1e-12);
    }
}

fn check_comparison(found: &Comparison, case: &Value) {
    assert!(found.exact);
    check("difference", found.difference, &case["difference"], 1e-12);
    check("p", found.p, &case["p"], 1e-12);
}

#[test]
fn tests_are_those_of_scipy() {
    let recorded = recorded();
    for case in cases(&recorded, "means") {
        let differences = numbers(&case["differences"]);
        let alone: Vec<usize> = (0..differences.len()).collect();
        check_comparison(&mean_difference(&differences, &alone, 10_000, 0).unwrap(), case);
    }
    for case in cases(&recorded, "ranks") {
        let [first, second, ratings] =
            ["first", "second", "ratings"].map(|name| numbers(&case[name]));
        let alone: Vec<usize> = (0..ratings.len()).collect();
        let found = correlation_difference(
            Correlation::Spearman,
            [&first, &second],
            &ratings,
            &alone,
            10_000,
            0,
        )
        .unwrap();
        check_comparison(&found, case);
    }
}
