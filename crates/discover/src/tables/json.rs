//! The JSON of the VSD benchmark, and JSON lines of candidates, as tables.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Cell, Table};
use crate::candidates::{Candidate, Proposal, Stratum};
use crate::error::malformed;
use crate::evaluation::files::{Seeds, Tag};
use crate::{Error, Result};

/// Names of the numbers of a box, as a list and as an object.
const BOXES: [(&str, [&str; 4]); 2] =
    [("list", ["x", "y", "height", "width"]), ("object", ["x1", "y1", "x2", "y2"])];

const LABELS: [&str; 3] = ["seed", "candidate", "value"];
const CANDIDATES: [&str; 7] = ["seed", "candidate", "stratum", "p_incl", "model", "rank", "score"];

/// The table of a JSON file.
pub(super) fn table(bytes: &[u8], path: &Path) -> Result<Table> {
    let wrong = |error: serde_json::Error| malformed(path, error);
    let value: Value = serde_json::from_slice(bytes).map_err(wrong)?;
    if value.is_array() {
        let tags: Vec<Tag> = serde_json::from_value(value).map_err(wrong)?;
        let mut table = Table::new(&LABELS);
        table.rows = tags
            .into_iter()
            .map(|Tag { key: [seed, candidate], value }| {
                vec![Cell::Text(seed), Cell::Text(candidate), Cell::Integer(value.into())]
            })
            .collect();
        return Ok(table);
    }
    if value.get("seeds").is_some() {
        let seeds: Seeds = serde_json::from_value(value).map_err(wrong)?;
        let mut table = Table::new(&["seed"]);
        table.rows = seeds.seeds.into_iter().map(|seed| vec![Cell::Text(seed)]).collect();
        return Ok(table);
    }
    let Some(images) = value.get("images").and_then(Value::as_array) else {
        let expected = "expected labels [{\"key\":[seed,candidate],\"value\":0|1},…], {\"seeds\":[…]} or \
                        {\"images\":[…]}";
        return Err(malformed(path, expected));
    };
    let mut table = Table::new(&["path"]);
    for (number, image) in images.iter().enumerate() {
        let Some(image) = image.as_object().filter(|image| image.contains_key("path")) else {
            return Err(malformed(path, format!("image {number}: expected an object with a path")));
        };
        let mut row = vec![Cell::Empty; table.columns.len()];
        for (name, cell) in flattened(image) {
            let column = table.column(&name).unwrap_or_else(|| {
                table.columns.push(name);
                table.columns.len() - 1
            });
            row.resize(table.columns.len(), Cell::Empty);
            row[column] = cell;
        }
        table.rows.push(row);
    }
    let width = table.columns.len();
    table.rows.iter_mut().for_each(|row| row.resize(width, Cell::Empty));
    Ok(table)
}

/// The fields of an image, its box in four.
fn flattened(image: &Map<String, Value>) -> Vec<(String, Cell)> {
    let mut cells = Vec::with_capacity(image.len());
    for (name, value) in image {
        let numbers = BOXES.iter().find_map(|(_, names)| {
            let number = |index: usize| match value {
                Value::Array(list) if names[0] == "x" && list.len() == 4 => list[index].as_i64(),
                Value::Object(object) if object.len() == 4 => object.get(names[index])?.as_i64(),
                _ => None,
            };
            Some((names, [number(0)?, number(1)?, number(2)?, number(3)?]))
        });
        match (name.as_str(), numbers) {
            ("bbox", Some((names, numbers))) => {
                let named = names.iter().zip(numbers);
                cells.extend(named.map(|(part, n)| (format!("bbox.{part}"), Cell::Integer(n))));
            }
            _ => cells.push((name.clone(), cell(value))),
        }
    }
    cells
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Integer(whole),
            (None, Some(number)) => Cell::Number(number),
            (None, None) => Cell::Text(number.to_string()),
        },
        other => Cell::Text(other.to_string()),
    }
}

/// A table as a JSON file of the benchmark, by its columns.
pub(super) fn text(table: &Table) -> Result<Vec<u8>> {
    let failed = |error: serde_json::Error| Error::Request(error.to_string());
    let columns: Vec<Option<usize>> = LABELS.iter().map(|name| table.column(name)).collect();
    let written = match (&columns[..], table.column("rater"), table.column("path")) {
        (&[Some(seed), Some(candidate), Some(value)], None, _) => {
            let tags = table.rows.iter().enumerate().map(|(number, row)| {
                let Some(value) = integer(&row[value]).and_then(|value| u8::try_from(value).ok())
                else {
                    let found = &row[value];
                    return Err(Error::Request(format!(
                        "label {number}: expected a value from 0 to 255, found '{found}'"
                    )));
                };
                Ok(Tag { key: [row[seed].to_string(), row[candidate].to_string()], value })
            });
            serde_json::to_vec(&tags.collect::<Result<Vec<_>>>()?)
        }
        (&[Some(seed), None, None], None, None) => {
            let seeds = table.rows.iter().map(|row| row[seed].to_string()).collect();
            serde_json::to_vec(&Seeds { seeds })
        }
        (_, None, Some(_)) => {
            let images: Vec<Value> = table.rows.iter().map(|row| image(table, row)).collect();
            serde_json::to_vec(&json!({ "images": images }))
        }
        _ => {
            return Err(Error::Request(format!(
                "there is no JSON for a table of {}; expected the columns seed, candidate, value of labels, seed of \
                 seeds, or path of images",
                table.columns.join(", ")
            )));
        }
    };
    written.map_err(failed)
}

fn integer(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Integer(number) => Some(*number),
        Cell::Number(number) if number.fract() == 0.0 => Some(*number as i64),
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn image(table: &Table, row: &[Cell]) -> Value {
    let mut image = Map::new();
    for (name, cell) in table.columns.iter().zip(row) {
        if name.starts_with("bbox.") {
            continue;
        }
        match cell {
            Cell::Empty => (),
            Cell::Integer(number) => drop(image.insert(name.clone(), (*number).into())),
            Cell::Number(number) => drop(image.insert(name.clone(), (*number).into())),
            Cell::Text(text) => drop(image.insert(name.clone(), text.as_str().into())),
        }
    }
    for (form, names) in BOXES {
        let number = |part: &str| integer(&row[table.column(&format!("bbox.{part}"))?]);
        let Some(numbers) = names.iter().map(|part| number(part)).collect::<Option<Vec<i64>>>()
        else {
            continue;
        };
        let value = match form {
            "list" => json!(numbers),
            _ => names
                .iter()
                .map(|&part| part.to_owned())
                .zip(numbers.iter().map(|&n| n.into()))
                .collect::<Map<_, Value>>()
                .into(),
        };
        image.insert("bbox".to_owned(), value);
    }
    image.into()
}

/// The table of candidates, one JSON object a line.
pub(super) fn table_of_lines(bytes: &[u8], path: &Path) -> Result<Table> {
    let mut table = Table::new(&CANDIDATES);
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(path, error))?;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let candidate: Candidate = serde_json::from_str(line)
            .map_err(|error| malformed(path, format!("line {}: {error}", number + 1)))?;
        let stratum = match candidate.stratum {
            Stratum::Pool => "pool",
            Stratum::Random => "random",
            Stratum::Audit => "audit",
        };
        let start = [
            Cell::Text(candidate.seed),
            Cell::Text(candidate.candidate),
            Cell::Text(stratum.to_owned()),
            Cell::Number(candidate.p_incl),
        ];
        let proposed = candidate.proposals.into_iter().map(|Proposal { model, rank, score }| {
            // As it is written in decimal digits, not with those of double precision.
            let score = score.to_string().parse().unwrap_or_else(|_| f64::from(score));
            [Cell::Text(model), Cell::Integer(rank as i64), Cell::Number(score)]
        });
        let proposed: Vec<[Cell; 3]> = proposed.collect();
        match proposed.is_empty() {
            true => {
                table.rows.push([&start[..], &[Cell::Empty, Cell::Empty, Cell::Empty]].concat())
            }
            false => table.rows.extend(proposed.iter().map(|rest| [&start[..], rest].concat())),
        }
    }
    Ok(table)
}

/// A table of candidates as JSON lines; rows of one pair that follow each other are one line.
pub(super) fn lines(table: &Table) -> Result<Vec<u8>> {
    let columns: Option<Vec<usize>> = CANDIDATES.iter().map(|name| table.column(name)).collect();
    let Some(columns) = columns else {
        return Err(Error::Request(format!(
            "there are no JSON lines for a table of {}; expected those of candidates: {}",
            table.columns.join(", "),
            CANDIDATES.join(", ")
        )));
    };
    let cell = |row: &[Cell], index: usize| row[columns[index]].clone();
    let number = |cell: &Cell| match cell {
        Cell::Integer(number) => Some(*number as f64),
        Cell::Number(number) => Some(*number),
        Cell::Text(text) => text.parse().ok(),
        Cell::Empty => None,
    };
    let mut bytes = Vec::new();
    let same = |a: &Vec<Cell>, b: &Vec<Cell>| {
        (cell(a, 0), cell(a, 1)) == (cell(b, 0), cell(b, 1)) && cell(b, 4) != Cell::Empty
    };
    for rows in table.rows.chunk_by(same) {
        let Some(first) = rows.first() else { continue };
        let mut proposals = Vec::new();
        for row in rows.iter().filter(|row| cell(row, 4) != Cell::Empty) {
            proposals.push(json!({
                "model": cell(row, 4).to_string(), "rank": integer(&cell(row, 5)), "score": number(&cell(row, 6)),
            }));
        }
        let line = json!({
            "seed": cell(first, 0).to_string(), "candidate": cell(first, 1).to_string(),
            "stratum": cell(first, 2).to_string(), "p_incl": number(&cell(first, 3)), "proposals": proposals,
        });
        bytes.extend_from_slice(line.to_string().as_bytes());
        bytes.push(b'\n');
    }
    Ok(bytes)
}
