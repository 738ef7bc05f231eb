//! What samples say: plain and black pictures, targets that are sources, colour.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Finding, Severity, examples};
use crate::data::pairs::Pairs;

/// Samples up to here are black.
const BLACK: u8 = 2;
/// The share of bad pictures that is an error.
const MANY: f64 = 0.1;
/// By how much the channels of a grey picture may differ, as JPEG makes them.
const GREY: u8 = 2;

/// What is known of the samples of a pair, source first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    least: [u8; 2],
    most: [u8; 2],
    plain: [bool; 2],
    identical: bool,
}

/// `values` and `identity`.
pub(super) fn check(pairs: &Pairs) -> [Finding; 2] {
    let facts: Vec<Facts> = (0..pairs.len())
        .into_par_iter()
        .map(|place| {
            let [source, target] = pairs.pictures(place);
            let edge = |planes: &[u8], last: bool| {
                let found = if last { planes.iter().max() } else { planes.iter().min() };
                found.copied().unwrap_or_default()
            };
            Facts {
                least: [edge(source, false), edge(target, false)],
                most: [edge(source, true), edge(target, true)],
                plain: [plain(source), plain(target)],
                identical: source == target,
            }
        })
        .collect();
    [values(pairs, &facts), identity(pairs, &facts)]
}

/// Whether all pixels are one colour.
pub(super) fn plain(planes: &[u8]) -> bool {
    planes
        .chunks_exact((planes.len() / 3).max(1))
        .all(|plane| plane.iter().all(|sample| Some(sample) == plane.first()))
}

fn values(pairs: &Pairs, facts: &[Facts]) -> Finding {
    let count = |bad: &dyn Fn(&Facts) -> bool| facts.iter().filter(|facts| bad(facts)).count();
    let black = |facts: &Facts| facts.most.iter().any(|&most| most <= BLACK);
    let plain_of = |side: usize| count(&|facts| facts.plain[side]);
    let [sources, targets] = [plain_of(0), plain_of(1)];
    let blacks = count(&black);
    let bad = count(&|facts| facts.plain.contains(&true) || black(facts));
    let bytes = facts.iter().flat_map(|facts| facts.most).all(|most| most <= BLACK);
    let least = facts.iter().flat_map(|facts| facts.least).min().unwrap_or_default();
    let most = facts.iter().flat_map(|facts| facts.most).max().unwrap_or_default();
    let (severity, message) = if facts.is_empty() {
        (Severity::Ok, "there are no pairs".to_owned())
    } else if bytes {
        (
            Severity::Error,
            format!(
                "no sample is above {BLACK} of 255: were values of 0 to 1 saved as bytes? Multiply them by 255"
            ),
        )
    } else if bad == 0 {
        (Severity::Ok, format!("samples are from {least} to {most} of 255, no picture is plain"))
    } else {
        (
            if bad as f64 > MANY * facts.len() as f64 {
                Severity::Error
            } else {
                Severity::Warning
            },
            format!(
                "{sources} sources and {targets} targets are of one colour, {blacks} pairs have a black picture"
            ),
        )
    };
    let wrong = pairs.names.iter().zip(facts);
    let wrong = wrong.filter(|(_, facts)| facts.plain.contains(&true) || black(facts));
    Finding {
        check: "values",
        severity,
        message,
        numbers: BTreeMap::from([
            ("least", f64::from(least)),
            ("most", f64::from(most)),
            ("plain_sources", sources as f64),
            ("plain_targets", targets as f64),
            ("black", blacks as f64),
        ]),
        examples: examples(wrong.map(|(name, _)| name.as_str())),
    }
}

fn identity(pairs: &Pairs, facts: &[Facts]) -> Finding {
    let count = facts.iter().filter(|facts| facts.identical).count();
    let severity = match count {
        0 => Severity::Ok,
        _ if count as f64 > MANY * facts.len() as f64 => Severity::Error,
        _ => Severity::Warning,
    };
    let same = pairs.names.iter().zip(facts).filter(|(_, facts)| facts.identical);
    Finding {
        check: "identity",
        severity,
        message: match count {
            0 => "no target is its source".to_owned(),
            _ => format!("{count} targets are their sources, and teach to copy"),
        },
        numbers: BTreeMap::from([("count", count as f64)]),
        examples: examples(same.map(|(name, _)| name.as_str())),
    }
}

/// Which pictures have no colour.
pub(super) fn colour(pairs: &Pairs) -> Finding {
    let grey: Vec<[bool; 2]> =
        (0..pairs.len()).into_par_iter().map(|place| pairs.pictures(place).map(grey)).collect();
    let [sources, targets] = [0, 1].map(|side| grey.iter().filter(|grey| grey[side]).count());
    let all = grey.len();
    let (severity, message) = if targets == 0 || all == 0 {
        let message = match sources {
            0 => "sources and targets have colour".to_owned(),
            _ => format!("{sources} of {all} sources are grey, all targets have colour"),
        };
        (Severity::Ok, message)
    } else if targets == all && sources == 0 {
        (
            Severity::Warning,
            "all targets are grey and no source is: if colour is to be learned, the direction is BtoA".to_owned(),
        )
    } else {
        (
            Severity::Warning,
            format!(
                "{targets} of {all} targets and {sources} of {all} sources are grey: no colour is learned from those"
            ),
        )
    };
    let names = pairs.names.iter().zip(&grey).filter(|(_, grey)| grey[1] && targets < all);
    Finding {
        check: "colour",
        severity,
        message,
        numbers: BTreeMap::from([
            ("grey_sources", sources as f64),
            ("grey_targets", targets as f64),
            ("pairs", all as f64),
        ]),
        examples: examples(names.map(|(name, _)| name.as_str())),
    }
}

/// Whether the channels of all pixels are alike.
fn grey(planes: &[u8]) -> bool {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(rest.len() / 2);
    let near = |a: u8, b: u8| a.abs_diff(b) <= GREY;
    red.iter().zip(green).zip(blue).all(|((&r, &g), &b)| near(r, g) && near(g, b) && near(r, b))
}
