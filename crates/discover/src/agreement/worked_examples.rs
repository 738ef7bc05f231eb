//! Values of scikit-learn, statsmodels and the package `krippendorff`.

use super::cohen::{self, Weighting};
use super::krippendorff::{self, Measurement};
use super::{Unit, fleiss, prevalence, raw};

fn votes(texts: &[&str]) -> Vec<Unit> {
    let rater = |text: &str| -> Vec<Option<u8>> {
        text.bytes().map(|byte| (byte != b'-').then(|| byte - b'0')).collect()
    };
    let raters: Vec<_> = texts.iter().map(|text| rater(text)).collect();
    (0..raters[0].len()).map(|unit| raters.iter().map(|rater| rater[unit]).collect()).collect()
}

#[track_caller]
fn close(found: Option<f64>, expected: f64) {
    assert!((found.unwrap() - expected).abs() < 1e-6, "{found:?} against {expected}");
}

#[test]
fn three_raters() {
    let units = votes(&["110010110010", "100010111010", "110110101010"]);
    for (pair, expected) in [([0, 1], 0.666_667), ([0, 2], 0.5), ([1, 2], 0.5)] {
        close(cohen::kappa(&units, pair, Weighting::None), expected);
    }
    close(fleiss::kappa(&units), 0.554_180);
    close(krippendorff::alpha(&units, Measurement::Nominal), 0.566_563);
    assert!(raw::raw(&units).unwrap() > 0.7);
}

#[test]
fn votes_may_be_missing() {
    let units = votes(&["1100101-0-10", "1000-01110-0", "-1011-101-10"]);
    close(krippendorff::alpha(&units, Measurement::Nominal), 0.446_154);
}

#[test]
fn grades_have_an_order() {
    let units = votes(&["01232103", "01332002"]);
    close(krippendorff::alpha(&units, Measurement::Ordinal), 0.858_491);
    close(krippendorff::alpha(&units, Measurement::Interval), 0.871_795);
    close(cohen::kappa(&units, [0, 1], Weighting::Linear), 0.714_286);
    close(cohen::kappa(&units, [0, 1], Weighting::Quadratic), 0.863_636);
}

#[test]
fn where_nearly_all_are_similar_kappa_misleads() {
    let mut units = vec![vec![Some(1), Some(1)]; 90];
    units.extend(vec![vec![Some(1), Some(0)]; 5]);
    units.extend(vec![vec![Some(0), Some(1)]; 5]);
    close(raw::raw(&units), 0.9);
    close(cohen::kappa(&units, [0, 1], Weighting::None), -0.052_632);
    close(prevalence::pabak(&units), 0.8);
    close(prevalence::ac1(&units), 0.889_503);
}

#[test]
fn what_has_no_agreement_has_none() {
    let alone = vec![vec![Some(1), None], vec![None, Some(0)]];
    assert_eq!(
        (raw::raw(&alone), fleiss::kappa(&alone), prevalence::ac1(&alone)),
        (None, None, None)
    );
    assert_eq!(krippendorff::alpha(&alone, Measurement::Nominal), None);
    assert_eq!(cohen::kappa(&alone, [0, 1], Weighting::None), None);
    let same = vec![vec![Some(1), Some(1)]; 3];
    assert_eq!(cohen::kappa(&same, [0, 1], Weighting::None), None);
    assert_eq!(krippendorff::alpha(&same, Measurement::Nominal), None);
    assert_eq!(prevalence::pabak(&same), Some(1.0));
    assert_eq!(prevalence::ac1(&same), Some(1.0));
}
