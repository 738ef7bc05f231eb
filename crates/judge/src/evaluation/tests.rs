use std::path::PathBuf;

use super::*;
use crate::Error;
use crate::dataset::{Item, Judgement};

fn triplet(reference: usize, right_share: f64, subset: &str) -> Item {
    let path = |name: &str| PathBuf::from(format!("{name}{reference}"));
    Item {
        judgement: Judgement::Triplet {
            reference: path("r"),
            left: path("a"),
            right: path("b"),
            right_share,
        },
        subset: Some(subset.to_owned()),
    }
}

fn rating(reference: usize, score: f64) -> Item {
    let [reference, candidate] = ["r", "a"].map(|n| PathBuf::from(format!("{n}{reference}")));
    Item { judgement: Judgement::Rating { reference, candidate, score }, subset: None }
}

#[test]
fn subsets_count_the_same_where_published_so() {
    let mut items: Vec<Item> = (0..6).map(|i| triplet(i, 1.0, "large")).collect();
    items.extend((6..8).map(|i| triplet(i, 0.0, "small")));
    // Always the left one: wrong in the large subset, right in the small one.
    let left: Vec<f64> = items.iter().flat_map(|_| [0.0, 1.0]).collect();
    let pooled = Answers::new(&items, false).unwrap();
    let found = pooled.evaluate(&left, 200, 1).unwrap();
    assert_eq!(found.overall.score, 0.25);
    assert_eq!(found.subsets[0].count, 6);
    assert_eq!(found.subsets[1].estimate.unwrap().score, 1.0);
    let interval = found.overall.interval.unwrap();
    assert!(interval.low < 0.25 && interval.high > 0.25, "{interval:?}");
    let by_subset = Answers::new(&items, true).unwrap();
    assert_eq!(by_subset.evaluate(&left, 200, 1).unwrap().overall.score, 0.5);
    let right: Vec<f64> = items.iter().flat_map(|_| [1.0, 0.0]).collect();
    let compare = |answers| compare(answers, &[&left, &right], 10_000, 1).unwrap();
    assert_eq!(compare(&pooled)[0].difference, -0.5);
    assert!(compare(&by_subset)[0].difference.abs() < 1e-15);
    let ceiling = pooled.ceiling(100, 1).unwrap();
    assert_eq!((ceiling.human.score, ceiling.majority), (1.0, 1.0));
    let small = &ceiling.subsets[1];
    assert_eq!((small.name.as_str(), small.count, small.human), ("small", 2, 1.0));
}

#[test]
fn bapps_has_the_means_of_its_groups() {
    let shares = [("traditional", 0.9), ("cnn", 0.7), ("superres", 0.8), ("deblur", 0.6)];
    let mut items: Vec<Item> =
        shares.into_iter().enumerate().map(|(i, (set, share))| triplet(i, share, set)).collect();
    // A set counts once however large it is.
    items.push(triplet(9, 0.9, "traditional"));
    let groups = |items: &[Item], mean_of_subsets| {
        let right: Vec<f64> = items.iter().flat_map(|_| [1.0, 0.0]).collect();
        let answers = Answers::new(items, mean_of_subsets).unwrap();
        answers.evaluate(&right, 0, 1).unwrap().further
    };
    let found = groups(&items, true);
    assert_eq!((found.len(), found[0].0), (1, "distortions"), "not all real sets are there");
    assert!((found[0].1 - 0.8).abs() < 1e-12, "{found:?}");
    items.extend([triplet(10, 0.5, "color"), triplet(11, 0.1, "frameinterp")]);
    let found = groups(&items, true);
    assert_eq!(found[1].0, "real");
    assert!((found[1].1 - 0.5).abs() < 1e-12, "{found:?}");
    assert!(groups(&items, false).is_empty());
}

#[test]
fn comparisons_are_the_same_as_scores_and_adjusted() {
    let items: Vec<Item> =
        (0..40).map(|i| triplet(i, [0.0, 0.2, 0.8, 1.0][i % 4], ["a", "b"][i % 3 % 2])).collect();
    let answers = Answers::new(&items, true).unwrap();
    let metric = |k: usize| -> Vec<f64> { (0..80).map(|i| ((i * k) % 17) as f64).collect() };
    let metrics = [metric(3), metric(5), metric(7)];
    let all: Vec<&[f64]> = metrics.iter().map(Vec::as_slice).collect();
    let found = compare(&answers, &all, 500, 7).unwrap();
    assert_eq!(found.len(), 3);
    for one in &found {
        let score = |m: usize| answers.evaluate(all[m], 0, 0).unwrap().overall.score;
        assert!((one.difference - (score(one.first) - score(one.second))).abs() < 1e-12);
        assert!(one.p_holm >= one.p && one.p_holm <= 1.0);
    }
    assert_eq!(found, compare(&answers, &all, 500, 7).unwrap());
}

#[test]
fn ratings_agree_with_small_distances() {
    let items: Vec<Item> = (0..12).map(|i| rating(i, i as f64)).collect();
    let answers = Answers::new(&items, false).unwrap();
    let distances: Vec<f64> = (0..12).map(|i| 1.0 / f64::from(i + 1)).collect();
    let found = answers.evaluate(&distances, 100, 1).unwrap();
    assert!((found.overall.score - 1.0).abs() < 1e-12);
    let names: Vec<_> = found.further.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["krcc", "plcc", "rmse"]);
    assert!((found.further[0].1 - 1.0).abs() < 1e-12);
    assert!(answers.ceiling(10, 1).is_none());
    let turned: Vec<f64> = distances.iter().map(|d| -d).collect();
    let worse = compare(&answers, &[&distances, &turned], 2_000, 1).unwrap();
    assert!((worse[0].difference - 2.0).abs() < 1e-12 && worse[0].p < 0.05);
}

#[test]
fn what_is_the_same_comes_first() {
    let same = |i: usize, same: f64, subset: &str| {
        let [reference, candidate] = ["r", "a"].map(|n| PathBuf::from(format!("{n}{i}")));
        let judgement = Judgement::Same { reference, candidate, same };
        Item { judgement, subset: Some(subset.to_owned()) }
    };
    let items: Vec<Item> = (0..10).map(|i| same(i, f64::from(i < 5), ["x", "y"][i % 2])).collect();
    let answers = Answers::new(&items, true).unwrap();
    let good: Vec<f64> = (0..10).map(f64::from).collect();
    let bad: Vec<f64> = (0..10).map(|i| -f64::from(i)).collect();
    let found = answers.evaluate(&good, 100, 1).unwrap();
    assert_eq!((found.overall.score, found.further[0]), (1.0, ("auc", 1.0)));
    let score = |d: &[f64]| answers.evaluate(d, 0, 1).unwrap().overall.score;
    let compared = compare(&answers, &[&good, &bad], 2_000, 1).unwrap();
    assert!((compared[0].difference - (score(&good) - score(&bad))).abs() < 1e-12);
    assert!(answers.evaluate(&good[1..], 0, 1).is_err());
    let mixed = [same(0, 1.0, "x"), rating(1, 1.0)];
    assert_eq!(Answers::new(&mixed, false).err(), Some(Error::Mixed { index: 1 }));
}

#[test]
fn odd_ones_are_named_by_the_closest_two() {
    let odd = |i: usize, odd: [f64; 3]| {
        let pictures = ["a", "b", "c"].map(|name| PathBuf::from(format!("{name}{i}")));
        Item { judgement: Judgement::OddOneOut { pictures, odd }, subset: None }
    };
    let items: Vec<Item> = (0..8).map(|i| odd(i, [0.0, 0.25, 0.75])).collect();
    let answers = Answers::new(&items, false).unwrap();
    // The first two together leave the third; the first and the third leave the second.
    let third: Vec<f64> = [0.1, 0.5, 0.6].repeat(8);
    let second: Vec<f64> = [0.5, 0.1, 0.6].repeat(8);
    let found = answers.evaluate(&third, 100, 1).unwrap();
    assert_eq!((found.overall.score, found.further.len()), (0.75, 0));
    let compared = compare(&answers, &[&third, &second], 2_000, 1).unwrap();
    assert!((compared[0].difference - 0.5).abs() < 1e-15 && compared[0].p < 0.05);
    let ceiling = answers.ceiling(100, 1).unwrap();
    assert_eq!((ceiling.human.score, ceiling.majority), (0.625, 0.75));
    assert!(answers.evaluate(&third[1..], 0, 1).is_err());
}

#[test]
fn the_surest_of_those_who_are_wrong_come_first() {
    let items: Vec<Item> = [0.0, 1.0, 1.0, 0.6].map(|share| triplet(0, share, "x")).into();
    let answers = Answers::new(&items, false).unwrap();
    // Right, slightly wrong, surely wrong, wrong for 0.6 of the people.
    let distances = [0.1, 0.2, 0.4, 0.5, 0.1, 0.5, 0.1, 0.9];
    let found = answers.disagreements(&distances).unwrap();
    assert_eq!(found, [(2, 1.0), (1, 1.0), (3, 0.6), (0, 0.0)]);
    let scatter = answers.scatter(&distances).unwrap();
    let [x, y] = scatter.points[2];
    assert!((x - (0.1 - 0.5) / 0.6).abs() < 1e-15 && y == 1.0, "{x} {y}");
    assert_eq!((scatter.curve.len(), scatter.left_out), (4, 0));
    let endless = [0.1, f64::INFINITY, 0.4, 0.5, 0.1, 0.5, 0.1, 0.9];
    assert_eq!(answers.scatter(&endless).unwrap().points[0][0], -1.0);
    assert!(answers.disagreements(&distances[1..]).is_err());
}

#[test]
fn disagreement_of_ratings_is_one_of_places() {
    let items: Vec<Item> = (0..8).map(|i| rating(i, i as f64)).collect();
    let answers = Answers::new(&items, false).unwrap();
    // The best is taken for the worst, all others are one place off.
    let distances = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 7.0];
    let found = answers.disagreements(&distances).unwrap();
    assert_eq!(found[0], (7, 7.0 / 8.0));
    assert!(found[1..].iter().all(|(_, by)| (by - 0.125).abs() < 1e-15), "{found:?}");
    let scatter = answers.scatter(&distances).unwrap();
    assert_eq!((scatter.points[7], scatter.curve.len()), ([7.0, 7.0], 65));
    let mut endless = distances;
    endless[3] = f64::INFINITY;
    let scatter = answers.scatter(&endless).unwrap();
    assert_eq!((scatter.points.len(), scatter.items[3], scatter.left_out), (7, 4, 1));
}

#[test]
fn disagreement_about_the_same_is_one_of_shares() {
    let same = |i: usize, same: f64| {
        let [reference, candidate] = ["r", "a"].map(|n| PathBuf::from(format!("{n}{i}")));
        Item { judgement: Judgement::Same { reference, candidate, same }, subset: None }
    };
    let items: Vec<Item> =
        [1.0, 0.0, 0.0, 1.0].into_iter().enumerate().map(|(i, s)| same(i, s)).collect();
    let answers = Answers::new(&items, false).unwrap();
    let found = answers.disagreements(&[0.1, 0.2, 0.3, 0.4]).unwrap();
    assert_eq!(found.iter().map(|(item, _)| *item).collect::<Vec<_>>(), [3, 1, 2, 0]);
    assert!((found[0].1 - 0.875).abs() < 1e-15);
}
