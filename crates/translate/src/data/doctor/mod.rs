//! Checks of paired data before anybody trains on them.
//!
//! | check | what it finds |
//! |---|---|
//! | `splits` | a role without pairs |
//! | `unmatched`, `unreadable`, `sizes` | files without partners, damaged files, pictures of different size |
//! | `values` | constant and black pictures; values of 0…1 that were saved as bytes |
//! | `identity` | targets that are their sources |
//! | `duplicates` | contents, sources or targets that are in two roles, or twice among what is learned |
//! | `alignment` | pairs that fit no better than strangers ([`alignment`]) |
//! | `colour` | grey targets, and what that says of the direction |
//! | `proportions` | pictures that are stretched or enlarged |
//!
//! A finding has its numbers beside its words, and a few names. Nothing is changed. Limits: alignment is judged on at
//! most [`alignment::MOST`] pairs, everything else on all; duplicates are equal samples, not similar pictures.

pub mod alignment;
mod values;

use std::collections::BTreeMap;

use lookalike_train::sight::Role;
use serde::Serialize;

use super::options::PairOptions;
use super::pairs::Pairs;
use super::reading::Fit;
use super::report::{Problem, Report};
use crate::Result;

/// Names that a finding gives.
const EXAMPLES: usize = 5;
/// Learned pairs below which a warning is due.
const FEW: usize = 100;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Training goes on, but look.
    Warning,
    /// What is learned will not be what is wanted.
    Error,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// In words, with what to do.
    pub message: String,
    /// The numbers; all are finite.
    pub numbers: BTreeMap<&'static str, f64>,
    /// Some names of pairs or paths of files.
    pub examples: Vec<String>,
}

/// All findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The worst of them.
    pub severity: Severity,
    /// Pairs that could be read.
    pub pairs: usize,
    /// SHA-256 of names, contents and roles.
    pub sha256: String,
    /// One of every check, in the order of the checks.
    pub findings: Vec<Finding>,
    /// Everything that could not be used, file by file.
    pub report: Report,
}

/// Reads paired data and examines them.
///
/// # Errors
/// Those of [`Pairs::gather`]: damaged pairs are findings, folders without any layout are errors.
pub fn examine(
    options: &PairOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Diagnosis> {
    let pairs = Pairs::gather(options, progress)?;
    Ok(diagnose(&pairs, options.fit))
}

/// Examines pairs in memory, which were made squares by `fit`.
pub fn diagnose(pairs: &Pairs, fit: Fit) -> Diagnosis {
    let report = &pairs.report;
    let mut findings = vec![
        splits(pairs),
        listed("unmatched", "files without a partner", &report.unmatched, report.found),
        listed("unreadable", "pairs that cannot be used", &report.unreadable, report.found),
        sizes(report),
    ];
    findings.extend(values::check(pairs));
    findings.push(duplicates(pairs));
    findings.push(alignment::check(pairs));
    findings.push(values::colour(pairs));
    findings.push(proportions(pairs, fit));
    let severity = findings.iter().map(|finding| finding.severity).max();
    Diagnosis {
        severity: severity.unwrap_or(Severity::Ok),
        pairs: pairs.len(),
        sha256: pairs.sha256.clone(),
        findings,
        report: report.clone(),
    }
}

/// The first few of many.
fn examples<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.take(EXAMPLES).map(str::to_owned).collect()
}

fn splits(pairs: &Pairs) -> Finding {
    let [learned, validation, held_out] =
        [Role::Learned, Role::Validation, Role::HeldOut].map(|role| pairs.places(role).len());
    let (severity, advice) = match (learned, validation, held_out) {
        (0, ..) => (Severity::Error, "; there is nothing to learn from"),
        (_, 0, 0) => {
            (Severity::Warning, "; nothing shows how good what is learned is: set held_out above 0")
        }
        (_, 0, _) => (Severity::Warning, "; nothing validates: add a folder val"),
        (..FEW, ..) => (Severity::Warning, "; few pairs are learned by heart"),
        _ => (Severity::Ok, ""),
    };
    Finding {
        check: "splits",
        severity,
        message: format!(
            "{learned} pairs are learned from, {validation} validate, {held_out} are held out{advice}"
        ),
        numbers: BTreeMap::from([
            ("learned", learned as f64),
            ("validation", validation as f64),
            ("held_out", held_out as f64),
        ]),
        examples: Vec::new(),
    }
}

/// Files that have something wrong, of as many pairs.
fn listed(check: &'static str, what: &'static str, problems: &[Problem], pairs: usize) -> Finding {
    let (bad, all) = (problems.len(), pairs);
    let severity = match bad {
        0 => Severity::Ok,
        _ if 2 * bad > all => Severity::Error,
        _ => Severity::Warning,
    };
    let first = problems.iter().take(EXAMPLES);
    Finding {
        check,
        severity,
        message: match bad {
            0 => format!("no {what}"),
            _ => format!("{bad} {what}, beside {all} pairs that were found"),
        },
        numbers: BTreeMap::from([("count", bad as f64), ("found", all as f64)]),
        examples: first.map(|p| format!("{}: {}", p.path.display(), p.message)).collect(),
    }
}

fn sizes(report: &Report) -> Finding {
    let count = report.resized.len();
    let first = report.resized.iter().take(EXAMPLES);
    Finding {
        check: "sizes",
        severity: if count == 0 { Severity::Ok } else { Severity::Warning },
        message: match count {
            0 => "source and target have one size in every pair".to_owned(),
            _ => format!(
                "{count} pairs have pictures of different size and equal proportions; both are resized"
            ),
        },
        numbers: BTreeMap::from([("count", count as f64)]),
        examples: first.map(|p| format!("{}: {}", p.path.display(), p.message)).collect(),
    }
}

fn duplicates(pairs: &Pairs) -> Finding {
    let mut all: [BTreeMap<&str, Vec<usize>>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let mut contents: BTreeMap<&[String; 2], usize> = BTreeMap::new();
    let mut across = vec![false; pairs.len()];
    for (place, both) in pairs.contents.iter().enumerate() {
        let pictures = both.iter().zip(pairs.pictures(place));
        for ((content, planes), all) in pictures.zip(&mut all) {
            // Plain sheets are many and mean nothing.
            if !values::plain(planes) {
                all.entry(content).or_default().push(place);
            }
        }
        *contents.entry(both).or_default() += 1;
    }
    let mut shared = [0_usize; 2];
    for (side, pictures) in all.iter().enumerate() {
        for places in pictures.values() {
            let role = pairs.roles[places[0]];
            if places.iter().any(|&place| pairs.roles[place] != role) {
                shared[side] += places.len();
                places.iter().for_each(|&place| across[place] = true);
            }
        }
    }
    let repeated: usize = contents.values().map(|count| count - 1).sum();
    let moved = pairs.report.moved.len();
    let [sources, targets] = shared;
    let severity = match (targets, sources + moved + repeated) {
        (0, 0) => Severity::Ok,
        (0, _) => Severity::Warning,
        _ => Severity::Error,
    };
    let message = match severity {
        Severity::Ok => "no picture is there twice".to_owned(),
        _ => format!(
            "{sources} sources and {targets} targets are in several roles, {repeated} pairs are there again, {moved} \
             of them were given the stricter role of their content"
        ),
    };
    let names = pairs.names.iter().zip(&across).filter(|&(_, &across)| across);
    let moved_names = pairs.report.moved.iter().map(|moved| moved.name.as_str());
    Finding {
        check: "duplicates",
        severity,
        message,
        numbers: BTreeMap::from([
            ("sources_across_roles", sources as f64),
            ("targets_across_roles", targets as f64),
            ("repeated", repeated as f64),
            ("moved", moved as f64),
        ]),
        examples: examples(names.map(|(name, _)| name.as_str()).chain(moved_names)),
    }
}

fn proportions(pairs: &Pairs, fit: Fit) -> Finding {
    let all = || pairs.sizes.iter().flatten();
    let ratios = all().map(|&[width, height]| width as f64 / height as f64);
    let (least, most) = ratios.fold((f64::INFINITY, 0.0_f64), |(l, m), r| (l.min(r), m.max(r)));
    let square = |&&[width, height]: &&[usize; 2]| width.abs_diff(height) * 50 <= width.max(height);
    let stretched = all().count() - all().filter(square).count();
    let small = all().filter(|size| size.iter().any(|&length| length < pairs.side)).count();
    let (severity, message) = match (stretched, small, fit) {
        _ if pairs.is_empty() => (Severity::Ok, "there are no pairs".to_owned()),
        (0, 0, _) => (Severity::Ok, "pictures are squares, and large enough".to_owned()),
        (0, _, _) => (
            Severity::Warning,
            format!("{small} pictures are smaller than {0}x{0} and are enlarged", pairs.side),
        ),
        (_, _, Fit::Resize) => (
            Severity::Warning,
            format!(
                "{stretched} pictures are no squares and are stretched (width over height from {least:.3} to {most:.3}); \
                 fit crop takes their middle; {small} are enlarged"
            ),
        ),
        (_, _, Fit::Crop) => (
            if small == 0 { Severity::Ok } else { Severity::Warning },
            format!("of {stretched} pictures the middle square is taken; {small} are enlarged"),
        ),
    };
    let finite = |number: f64| if number.is_finite() { number } else { 0.0 };
    Finding {
        check: "proportions",
        severity,
        message,
        numbers: BTreeMap::from([
            ("least", finite(least)),
            ("most", most),
            ("not_square", stretched as f64),
            ("enlarged", small as f64),
        ]),
        examples: Vec::new(),
    }
}
