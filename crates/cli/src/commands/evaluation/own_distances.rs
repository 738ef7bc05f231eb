//! Distances that come from elsewhere: those of any metric, computed by any program.
//!
//! One CSV per metric with a row per judgement, in the order of the set, and a column per pair: `left,right` of
//! 2AFC, `first_second,first_third,second_third` of an odd one out, `distance` else. Less means more alike.
//! Further columns are ignored.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lookalike::judge::dataset::Protocol;

/// A metric's name and its file.
#[derive(Clone, Debug)]
pub(super) struct OwnDistances {
    pub(super) name: String,
    path: PathBuf,
}

impl OwnDistances {
    /// Reads `NAME=FILE`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.trim().is_empty() && !path.is_empty() => {
                Ok(Self { name: name.trim().to_owned(), path: path.into() })
            }
            _ => Err(format!("expected NAME=FILE, found '{text}'")),
        }
    }

    /// The distances of the judgements at some positions of a set of `count`.
    pub(super) fn read(
        &self,
        protocol: Protocol,
        count: usize,
        positions: &[usize],
    ) -> anyhow::Result<Vec<f64>> {
        let pairs = protocol.pairs();
        let all = read(&self.path, columns(protocol))?;
        if all.len() != pairs * count {
            bail!(
                "{}: expected a row for each of {count} judgements, found {}",
                self.path.display(),
                all.len() / pairs
            );
        }
        Ok(positions.iter().flat_map(|&at| all[pairs * at..pairs * (at + 1)].to_vec()).collect())
    }
}

fn columns(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::TwoAlternative => &["left", "right"],
        Protocol::OddOneOut => &["first_second", "first_third", "second_third"],
        Protocol::JustNoticeable | Protocol::Rating => &["distance"],
    }
}

fn read(path: &Path, columns: &[&str]) -> anyhow::Result<Vec<f64>> {
    let name = path.display();
    let reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path);
    let mut reader = reader.with_context(|| format!("{name}: cannot be read"))?;
    let header = reader.headers().with_context(|| format!("{name}: no readable CSV"))?;
    let places = columns.iter().map(|column| {
        let place = header.iter().position(|name| name.trim_start_matches('\u{feff}') == *column);
        place.with_context(|| {
            let header = header.iter().collect::<Vec<_>>().join(",");
            format!("{name}: expected the columns {}, found {header}", columns.join(","))
        })
    });
    let places = places.collect::<anyhow::Result<Vec<usize>>>()?;
    let mut found = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("{name}: no readable CSV"))?;
        let line = record.position().map_or(0, csv::Position::line);
        for &place in &places {
            let text = record.get(place).unwrap_or_default();
            let number = text.parse().ok().filter(|number: &f64| !number.is_nan());
            found.push(number.with_context(|| {
                format!("{name}, line {line}: expected a distance, found '{text}'")
            })?);
        }
    }
    Ok(found)
}
