//! Tables of this crate's files, to go from one format to another: CSV, the JSON of the VSD benchmark, JSON lines
//! of candidates, and Parquet.
//!
//! | what | columns |
//! |---|---|
//! | images | `path`, and what else is known: `id`, `phase`, `product`, `category`, `color`, …; a box as `bbox.x`, `bbox.y`, `bbox.height`, `bbox.width` or `bbox.x1`, `bbox.y1`, `bbox.x2`, `bbox.y2` |
//! | seeds | `seed` |
//! | labels | `seed`, `candidate`, `value` |
//! | votes | `seed`, `candidate`, `rater`, `value`, perhaps `adjudicates` |
//! | candidates | `seed`, `candidate`, `stratum`, `p_incl`, and of each proposal `model`, `rank`, `score`; several proposals are several rows |
//!
//! Any other table, such as that of an evaluation, goes between CSV and Parquet alone.
//!
//! Choices: a column is of whole numbers or of numbers where all its cells are, else of texts; empty cells are null
//! in Parquet and left out in JSON. Parquet is there with the feature `parquet`.
//!
//! Limits: what else JSON says of an image in lists or objects becomes a text.

mod json;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "no_parquet.rs"]
mod parquet;

use std::path::Path;

use crate::error::{malformed, unreadable};
use crate::{Error, Result, whole_file};

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Integer(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Rows of as many cells as there are columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// What all cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Number,
    Text,
}

impl Table {
    fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// The place of a column.
    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == name)
    }

    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    fn kind(&self, column: usize) -> Kind {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let mut kind = None;
        for cell in cells {
            let own = match cell {
                Cell::Empty => continue,
                Cell::Integer(_) => Kind::Integer,
                Cell::Number(_) => Kind::Number,
                Cell::Text(_) => Kind::Text,
            };
            kind = Some(match kind {
                None => own,
                Some(known) if known == own => own,
                Some(Kind::Integer | Kind::Number) if own != Kind::Text => Kind::Number,
                Some(_) => Kind::Text,
            });
        }
        kind.unwrap_or(Kind::Text)
    }

    fn of_csv(bytes: &[u8], path: &Path) -> Result<Self> {
        let wrong = |error: csv::Error| malformed(path, error);
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
        let rows = reader.records().map(|record| {
            let record = record.map_err(wrong)?;
            let cell = |text: &str| match text {
                "" => Cell::Empty,
                text => Cell::Text(text.to_owned()),
            };
            Ok(record.iter().map(cell).collect())
        });
        let mut table = Self { columns: header, rows: rows.collect::<Result<_>>()? };
        table.find_numbers();
        Ok(table)
    }

    /// Makes numbers of columns whose texts all are.
    fn find_numbers(&mut self) {
        let integer = |text: &str| {
            // What would be written otherwise, such as 007, is a name.
            text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Cell::Integer)
        };
        let number = |text: &str| {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            let digits = text.trim_start_matches('-');
            let plain = !digits.starts_with('0') || digits.starts_with("0.") || digits == "0";
            number.filter(|_| plain && !text.starts_with('+')).map(Cell::Number)
        };
        for column in 0..self.columns.len() {
            let readings: [fn(&str) -> Option<Cell>; 2] = [integer, number];
            for read in readings {
                let cells: Option<Vec<Cell>> = self
                    .rows
                    .iter()
                    .map(|row| match row.get(column) {
                        Some(Cell::Text(text)) => read(text),
                        _ => Some(Cell::Empty),
                    })
                    .collect();
                if let Some(cells) = cells {
                    self.rows.iter_mut().zip(cells).for_each(|(row, cell)| row[column] = cell);
                    break;
                }
            }
        }
    }

    /// As CSV.
    fn csv(&self) -> Result<Vec<u8>> {
        let failed = |error: csv::Error| Error::Request(format!("cannot write a table: {error}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).map_err(failed)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::to_string)).map_err(failed)?;
        }
        let done = writer.into_inner();
        done.map_err(|error| Error::Request(format!("cannot write a table: {error}")))
    }
}

/// The format that the end of a name says.
fn format(path: &Path) -> Result<&str> {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end {
        "csv" | "json" | "jsonl" | "parquet" => Ok(end),
        _ => {
            let text = "expected a name that ends in .csv, .json, .jsonl or .parquet";
            Err(Error::Request(format!("{}: {text}", path.display())))
        }
    }
}

/// Whether a file is read as Parquet.
pub(crate) fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "parquet")
}

/// Reads the table of a file, by the end of its name.
///
/// # Errors
/// [`Error::Read`]; [`Error::Malformed`] with what was expected; [`Error::Request`] for other ends, and for Parquet
/// where the program was built without.
pub fn read(path: &Path) -> Result<Table> {
    let format = format(path)?;
    let bytes = std::fs::read(path).map_err(unreadable(path))?;
    match format {
        "csv" => Table::of_csv(&bytes, path),
        "json" => json::table(&bytes, path),
        "jsonl" => json::table_of_lines(&bytes, path),
        _ => parquet::table(bytes, path),
    }
}

/// Writes a table into a file, by the end of its name; the file appears whole.
///
/// # Errors
/// [`Error::Write`]; [`Error::Request`] for other ends, for a table that JSON has no form for, and for Parquet where
/// the program was built without.
pub fn write(table: &Table, path: &Path) -> Result<()> {
    let bytes = match format(path)? {
        "csv" => table.csv()?,
        "json" => [json::text(table)?, b"\n".to_vec()].concat(),
        "jsonl" => json::lines(table)?,
        _ => parquet::bytes(table)?,
    };
    whole_file::write(path, &bytes)
}

/// The bytes of a Parquet file in the format in which others read the same: `csv`, `json` or `jsonl`.
pub(crate) fn of_parquet(path: &Path, format: &str) -> Result<Vec<u8>> {
    let table = read(path)?;
    match format {
        "csv" => table.csv(),
        "json" => json::text(&table),
        _ => json::lines(&table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `text` under a name, goes to each of the ends and back, and expects the same.
    fn there_and_back(name: &str, text: &str, ends: &[&str]) -> Table {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join(name);
        std::fs::write(&first, text).unwrap();
        let table = read(&first).unwrap();
        for end in ends {
            let other = folder.path().join(format!("other.{end}"));
            write(&table, &other).unwrap();
            assert_eq!(read(&other).unwrap(), table, "{name} by {end}");
            let again = folder.path().join(format!("again-{name}"));
            write(&read(&other).unwrap(), &again).unwrap();
            assert_eq!(std::fs::read_to_string(&again).unwrap(), text, "{name} by {end}");
        }
        table
    }

    const ENDS: &[&str] = if cfg!(feature = "parquet") { &["csv", "parquet"] } else { &["csv"] };
    const PARQUET: &[&str] = if cfg!(feature = "parquet") { &["parquet"] } else { &[] };

    #[test]
    fn files_of_the_benchmark_go_there_and_back() {
        let labels =
            "[{\"key\":[\"a, b\",\"c\"],\"value\":1},{\"key\":[\"a, b\",\"d\"],\"value\":0}]\n";
        let table = there_and_back("labels.json", labels, ENDS);
        assert_eq!(table.columns, ["seed", "candidate", "value"]);
        assert_eq!(table.rows[1][2], Cell::Integer(0));
        there_and_back("seeds.json", "{\"seeds\":[\"a\",\"b\"]}\n", ENDS);
        let images = "{\"images\":[{\"bbox\":[1,2,30,40],\"id\":\"x7\",\"path\":\"a\",\"phase\":\"query\"},\
                      {\"bbox\":[0,0,3,4],\"category\":\"Ä\",\"id\":\"y\",\"path\":\"b\",\"phase\":\"gallery\"}]}\n";
        let table = there_and_back("metadata.json", images, ENDS);
        assert!(table.column("bbox.height").is_some(), "{:?}", table.columns);
    }

    #[test]
    fn candidates_and_votes_go_there_and_back() {
        let candidates = "{\"candidate\":\"b\",\"p_incl\":1.0,\"proposals\":[{\"model\":\"hog\",\"rank\":0,\"score\":0.5},\
             {\"model\":\"sight\",\"rank\":3,\"score\":0.25}],\"seed\":\"a\",\"stratum\":\"pool\"}\n\
             {\"candidate\":\"c\",\"p_incl\":0.125,\"proposals\":[],\"seed\":\"a\",\"stratum\":\"random\"}\n";
        let table = there_and_back("candidates.jsonl", candidates, PARQUET);
        assert_eq!(table.rows.len(), 3);
        there_and_back(
            "votes.csv",
            "seed,candidate,rater,value\na,b,007,1\na,c,ann,unsure\n",
            ENDS,
        );
        there_and_back("scores.csv", "model,value,ci_low\nhog,0.5,\nclip,0.75,0.5\n", ENDS);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "model,value\na,1\n").unwrap();
        let table = read(&path).unwrap();
        let message = write(&table, &folder.path().join("x.json")).unwrap_err().to_string();
        assert!(message.contains("seed, candidate, value"), "{message}");
        let message = write(&table, &folder.path().join("x.txt")).unwrap_err().to_string();
        assert!(message.contains(".parquet"), "{message}");
        std::fs::write(folder.path().join("y.parquet"), "no").unwrap();
        let message = read(&folder.path().join("y.parquet")).unwrap_err().to_string();
        assert!(message.to_lowercase().contains("parquet"), "{message}");
    }
}
