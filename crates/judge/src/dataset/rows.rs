//! Rows with named fields, from CSV or from JSONL: the lines are the same, only their spelling differs.
//!
//! A CSV names its columns once, a line of JSONL names them anew. Numbers and texts of JSON are taken as
//! their text; anything nested is refused. Columns that are missing, unknown or doubled are errors, so a
//! misspelt one never goes unnoticed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::DatasetError;

/// One line.
pub(super) struct Row {
    pub(super) path: PathBuf,
    pub(super) line: u64,
    fields: BTreeMap<String, String>,
}

impl Row {
    pub(super) fn error(&self, reason: String) -> DatasetError {
        DatasetError::malformed(&self.path, Some(self.line), reason)
    }

    /// A field, unless it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, DatasetError> {
        self.get(name).ok_or_else(|| self.error(format!("'{name}' is missing or empty")))
    }

    /// A finite number.
    pub(super) fn number(&self, name: &str) -> Result<f64, DatasetError> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.error(format!("expected a number as '{name}', found '{text}'")))
    }

    /// The share `part` of `whole` makes of at least one vote.
    pub(super) fn share(&self, part: &str, whole: &str) -> Result<(f64, f64), DatasetError> {
        let (chosen, votes) = (self.number(part)?, self.number(whole)?);
        if votes <= 0.0 {
            return Err(self.error(format!("expected more than 0 as '{whole}', found {votes}")));
        }
        if !(0.0..=votes).contains(&chosen) {
            let reason = format!("'{part}' is {chosen}, expected 0 to {votes}, the '{whole}'");
            return Err(self.error(reason));
        }
        Ok((chosen / votes, votes))
    }

    /// The shares of at least one vote that several answers got.
    pub(super) fn shares<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[f64; N], DatasetError> {
        let mut votes = [0.0; N];
        for (votes, name) in votes.iter_mut().zip(names) {
            *votes = self.number(name)?;
            if *votes < 0.0 {
                return Err(self.error(format!("'{name}' is {votes}, expected 0 or more")));
            }
        }
        let all: f64 = votes.iter().sum();
        if all <= 0.0 {
            let names = names.join(", ");
            return Err(self.error(format!("expected at least one vote in {names}, found none")));
        }
        Ok(votes.map(|votes| votes / all))
    }

    /// A path relative to the folder of the file.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf, DatasetError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        Ok(folder.join(self.text(name)?))
    }

    fn check(&self, known: &[&str]) -> Result<(), DatasetError> {
        match self.fields.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.error(format!(
                "the column '{name}' is unknown; this layout has {}",
                known.join(", ")
            ))),
        }
    }
}

/// Whether lines are JSON, by the name of the file.
fn is_json_lines(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"))
}

fn open(path: &Path) -> Result<BufReader<File>, DatasetError> {
    let failed = |reason| DatasetError::Read { path: path.to_owned(), reason };
    File::open(path).map(BufReader::new).map_err(failed)
}

fn csv_reader(path: &Path) -> Result<csv::Reader<BufReader<File>>, DatasetError> {
    Ok(csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(open(path)?))
}

fn csv_error(path: &Path, error: &csv::Error) -> DatasetError {
    let line = error.position().map(csv::Position::line);
    DatasetError::malformed(path, line, format!("no readable CSV: {error}"))
}

fn header(
    path: &Path,
    reader: &mut csv::Reader<BufReader<File>>,
) -> Result<Vec<String>, DatasetError> {
    let header = reader.headers().map_err(|error| csv_error(path, &error))?;
    // A mark of byte order, which spreadsheets write, is no part of the first name.
    let names = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned());
    let names: Vec<String> = names.collect();
    match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        Some((_, name)) => Err(DatasetError::malformed(
            path,
            Some(1),
            format!("the column '{name}' is there twice"),
        )),
        None => Ok(names),
    }
}

fn json_row(path: &Path, line: u64, text: &str) -> Result<Row, DatasetError> {
    let wrong = |reason: String| DatasetError::malformed(path, Some(line), reason);
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| wrong(format!("expected one JSON object on every line: {error}")))?;
    let mut fields = BTreeMap::new();
    for (name, value) in object {
        let text = match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => String::new(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(truth) => truth.to_string(),
            _ => return Err(wrong(format!("expected a number or a text as '{name}'"))),
        };
        fields.insert(name, text);
    }
    Ok(Row { path: path.to_owned(), line, fields })
}

/// The names of the columns of a file.
pub(super) fn columns(path: &Path) -> Result<Vec<String>, DatasetError> {
    if !is_json_lines(path) {
        return header(path, &mut csv_reader(path)?);
    }
    match rows(path, None)?.next() {
        None => Ok(Vec::new()),
        Some(row) => Ok(row?.fields.into_keys().collect()),
    }
}

/// The rows of a file one by one; where `known` columns are given, others are an error.
pub(super) fn rows(
    path: &Path,
    known: Option<&'static [&'static str]>,
) -> Result<Box<dyn Iterator<Item = Result<Row, DatasetError>> + Send>, DatasetError> {
    let path = path.to_owned();
    let checked = move |row: Row| match known {
        Some(known) => row.check(known).map(|()| row),
        None => Ok(row),
    };
    if is_json_lines(&path) {
        let lines = open(&path)?.lines().zip(1_u64..);
        return Ok(Box::new(lines.filter_map(move |(text, line)| match text {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(json_row(&path, line, &text).and_then(&checked)),
            Err(error) => {
                Some(Err(DatasetError::malformed(&path, Some(line), format!("no text: {error}"))))
            }
        })));
    }
    let mut reader = csv_reader(&path)?;
    let names = header(&path, &mut reader)?;
    if let Some(known) = known {
        let fields = names.iter().map(|name| (name.clone(), String::new())).collect();
        Row { path: path.clone(), line: 1, fields }.check(known)?;
    }
    Ok(Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(|error| csv_error(&path, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = names.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        Ok(Row { path: path.clone(), line, fields })
    })))
}
