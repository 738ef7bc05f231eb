//! Agreement with reference implementations on the reference pictures, row by row of
//! `tests/agreement/*.csv`.
//!
//! A row says: this id gives the value under this key within this tolerance on every pair.
//! Columns: `id`, `key`, `tolerance` (absolute; `1e-9/1e-6` for metrics that have an oracle: the
//! first for samples in double precision, which the oracle answers, the second for the pictures as
//! they were decoded), `scale` (the key's value is multiplied by it),
//! `except` (candidates, `*` as wildcard, separated by blanks, for which the two definitions are
//! known to differ), `null` (`error`: where the key has no value the id must refuse the size;
//! `any`: another convention accepts it).
//!
//! Two sets of pictures are checked: the project's own, with the values that widely used libraries
//! give for them (`tests/goldens`, made by `tools/goldens`), and a larger set with the values of
//! original authors' code, which lies outside the repository (`../shared/reference/classic`);
//! without it that test says so and checks nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, read};
use lookalike_core::{Error, Picture, Samples, Want};
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

struct Row {
    id: String,
    key: String,
    /// For samples in double precision, when that differs, and for samples as decoded.
    tolerances: [Option<f64>; 2],
    scale: f64,
    except: Vec<String>,
    null_is_error: bool,
    source: String,
}

fn rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agreement");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines = text.lines().enumerate();
        let header = lines.next().map(|(_, line)| line);
        assert_eq!(header, Some("id,key,tolerance,scale,except,null"), "{}", file.display());
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let cells: Vec<&str> = line.split(',').collect();
            let source = format!("{}:{}", file.file_name().unwrap().display(), number + 1);
            assert_eq!(cells.len(), 6, "{source}: {line}");
            assert!(matches!(cells[5], "error" | "any"), "{source}: null is error or any");
            rows.push(Row {
                id: cells[0].to_owned(),
                key: cells[1].to_owned(),
                tolerances: match cells[2].split_once('/') {
                    Some((oracle, decoded)) => {
                        [Some(oracle.parse().unwrap()), Some(decoded.parse().unwrap())]
                    }
                    None => [None, Some(cells[2].parse().unwrap())],
                },
                scale: cells[3].parse().unwrap(),
                except: cells[4].split_whitespace().map(str::to_owned).collect(),
                null_is_error: cells[5] == "error",
                source,
            });
        }
    }
    rows
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => name.starts_with(start) && name.ends_with(end),
        None => name == pattern,
    }
}

fn expected(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text == "inf" => Some(f64::INFINITY),
        _ => None,
    }
}

impl Row {
    fn tolerance(&self) -> String {
        let given = self.tolerances.iter().flatten();
        given.map(|tolerance| format!("{tolerance:.0e}")).collect::<Vec<_>>().join(" / ")
    }
}

/// What a row amounted to over all pairs.
#[derive(Clone, Copy, Default)]
struct Tally {
    pairs: usize,
    /// As in [`Row::tolerances`].
    worst: [Option<f64>; 2],
}

impl Tally {
    fn worst(&self) -> String {
        let found = self.worst.iter().flatten();
        found.map(|worst| format!("{worst:.1e}")).collect::<Vec<_>>().join(" / ")
    }
}

/// The same picture in double precision.
fn in_double_precision(picture: &Picture) -> Picture {
    let samples = picture.samples();
    let numbers = (0..samples.len()).map(|i| samples.get(i) / samples.full_scale()).collect();
    Picture::from_f64(picture.width(), picture.height(), picture.channels(), numbers).unwrap()
}

/// Holds every row against every pair of a folder with `values.json` and PNG pictures.
fn check(folder: &Path, rows: &[Row]) -> Vec<Tally> {
    let text = std::fs::read_to_string(folder.join("values.json")).unwrap();
    let values: Value = serde_json::from_str(&text).unwrap();
    let read_checked = |name: &str| -> Picture {
        let path = folder.join(format!("{name}.png"));
        let picture = read(&path, &DecodeOptions::default()).unwrap();
        let Samples::U8(samples) = picture.samples() else { panic!("{name} is not 8-bit") };
        let digest = Sha256::digest(samples);
        let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(values["pictures"][name]["sha256_pixels"], hex, "samples of {name}");
        picture
    };
    let pairs = values["pairs"].as_array().unwrap();
    let results: Vec<(Vec<[Option<f64>; 2]>, String)> = pairs
        .par_iter()
        .map(|pair| {
            let names = [&pair["reference"], &pair["candidate"]].map(|v| v.as_str().unwrap());
            let decoded = names.map(read_checked);
            let double = decoded.each_ref().map(in_double_precision);
            let mut computed = std::collections::BTreeMap::new();
            let mut failures = String::new();
            let mut check = |row: &Row, precision: usize| -> Option<f64> {
                let tolerance = row.tolerances[precision]?;
                if row.except.iter().any(|pattern| matches(pattern, names[1])) {
                    return None;
                }
                let key = pair["values"].get(&row.key)?;
                let answer = computed.entry((row.id.clone(), precision)).or_insert_with(|| {
                    let metric = lookalike_metrics::metric(&row.id).unwrap();
                    let [reference, candidate] = [&double, &decoded][precision];
                    metric.compare(reference, candidate, Want::default()).map(|score| score.value)
                });
                let place = format!("{} {} on {} ({})", row.id, row.key, names[1], row.source);
                match (expected(key).map(|v| v * row.scale), answer) {
                    (Some(expected), Ok(found)) => {
                        let error =
                            if expected == *found { 0.0 } else { (expected - *found).abs() };
                        // Written so that NaN fails as well.
                        if !matches!(error.partial_cmp(&tolerance), Some(o) if o.is_le()) {
                            writeln!(
                                failures,
                                "{place}: expected {expected}, found {found}, {error:.1e} apart"
                            )
                            .unwrap();
                        }
                        return Some(error);
                    }
                    (None, Ok(found)) if row.null_is_error => {
                        writeln!(failures, "{place}: expected a refusal, found {found}").unwrap();
                    }
                    (None, Err(Error::TooSmall { .. })) | (None, Ok(_)) => {}
                    (_, Err(error)) => writeln!(failures, "{place}: {error}").unwrap(),
                }
                None
            };
            let errors = rows.iter().map(|row| [check(row, 0), check(row, 1)]).collect();
            (errors, failures)
        })
        .collect();
    let mut tallies = vec![Tally::default(); rows.len()];
    for (errors, _) in &results {
        for (tally, errors) in tallies.iter_mut().zip(errors) {
            tally.pairs += usize::from(errors[1].is_some());
            for (worst, error) in tally.worst.iter_mut().zip(errors) {
                *worst = [*worst, *error].into_iter().flatten().reduce(f64::max);
            }
        }
    }
    for (row, tally) in rows.iter().zip(&tallies).filter(|(_, tally)| tally.pairs > 0) {
        let (id, key, pairs) = (&row.id, &row.key, tally.pairs);
        let (worst, tolerance) = (tally.worst(), row.tolerance());
        println!("{id:24} {key:32} {pairs:2} pairs, worst {worst} of {tolerance}");
    }
    let failures: String = results.into_iter().map(|(_, failures)| failures).collect();
    let checked: usize = tallies.iter().map(|tally| tally.pairs).sum();
    assert!(failures.is_empty(), "{checked} values checked, these disagree:\n{failures}");
    println!("{checked} values agree");
    tallies
}

fn selected_rows() -> Vec<Row> {
    let only = std::env::var("LOOKALIKE_AGREEMENT_ONLY").unwrap_or_default();
    rows().into_iter().filter(|row| row.id.contains(&only)).collect()
}

#[test]
fn values_agree_with_libraries_on_our_own_pictures() {
    let rows = selected_rows();
    let tallies = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens"), &rows);
    assert!(tallies.iter().any(|tally| tally.pairs > 0), "no value was checked");
}

#[test]
fn values_agree_with_authors_and_libraries_on_the_reference_pictures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/classic");
    if !folder.join("values.json").is_file() {
        println!("skipped: {} is absent", folder.display());
        return;
    }
    let rows = selected_rows();
    let tallies = check(&folder, &rows);
    for (row, tally) in rows.iter().zip(&tallies) {
        assert!(tally.pairs > 0, "{} {} was checked on no pair ({})", row.id, row.key, row.source);
    }
    if std::env::var_os("LOOKALIKE_UPDATE_DOCS").is_some() {
        write_page(&rows, &tallies);
    }
}

/// Writes the table of the documentation.
fn write_page(rows: &[Row], tallies: &[Tally]) {
    let mut page = String::from(
        "# Agreement with reference implementations\n\n\
         Largest deviation over 27 pairs (photographs of 32 to 640 pixels; JPEG, blur, noise,\n\
         brightness, contrast, shift, inversion). `ref.*` are independent f64 implementations,\n\
         `octave.*` the original authors' MATLAB code under GNU Octave, the others the library of\n\
         that name. Where two deviations are given, the first is of the f64 oracle, which answers for\n\
         samples in double precision, the second of the f32 kernels that answer for all others.\n\
         Written by\n\
         `LOOKALIKE_UPDATE_DOCS=1 cargo test -p lookalike-metrics --test reference_values`; the rows\n\
         are `crates/metrics/tests/agreement/*.csv`.\n\n\
         | id | reference value | pairs | largest deviation | allowed | left out |\n\
         |---|---|---|---|---|---|\n",
    );
    for (row, tally) in rows.iter().zip(tallies) {
        let Row { id, key, except, .. } = row;
        let (pairs, worst, tolerance) = (tally.pairs, tally.worst(), row.tolerance());
        // Exceptions of the project's own pictures do not concern this table.
        let except: Vec<&str> =
            except.iter().map(String::as_str).filter(|name| !name.starts_with("scene")).collect();
        let except = except.join(" ").replace('*', "\\*");
        writeln!(page, "| `{id}` | `{key}` | {pairs} | {worst} | {tolerance} | {except} |")
            .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/agreement.md");
    std::fs::write(path, page).unwrap();
}
