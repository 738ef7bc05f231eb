//! Lists of pairs: CSV with a header, JSONL with an object a line, or [Parquet](super::parquet).
//!
//! Columns, the source first: `source` and `target`, `input` and `output`, `input_image` and `edited_image`
//! (InstructPix2Pix), `conditioning_image` and `image` (ControlNet), `cond_image` and `image`; in the lists of
//! Hugging Face's image folders `file_name` and one other column of pictures, `file_name` being the target beside
//! `conditioning_image` and the source beside any other; a column may also be called `…_file_name`. An optional
//! column `split` says `train`, `val` or `test`. Paths are relative to the list; an object `{"path": …}` is its path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookalike_train::sight::Role;
use serde_json::Value;

use super::domains::{split, split_name};
use super::layout::{Found, FoundPair, Layout, Place, Portion};
use super::listing::{failed, is_picture};
use super::parquet;
use super::report::Problem;
use crate::{Error, Result};

/// Lists that are looked for in a folder.
const TITLES: [&str; 8] = [
    "metadata.jsonl",
    "metadata.csv",
    "pairs.jsonl",
    "pairs.csv",
    "manifest.jsonl",
    "manifest.csv",
    "metadata.ndjson",
    "pairs.ndjson",
];

/// Names of columns, those of sources first.
pub(super) const COLUMNS: [[&str; 2]; 8] = [
    ["source", "target"],
    ["source_image", "target_image"],
    ["input", "output"],
    ["input", "target"],
    ["input_image", "edited_image"],
    ["input_image", "output_image"],
    ["conditioning_image", "image"],
    ["cond_image", "image"],
];

/// What a list of an image folder calls the picture of its row.
const FILE_NAME: &str = "file_name";

/// A row and where it is.
struct Row {
    line: u64,
    values: BTreeMap<String, String>,
}

/// The lists in a folder, or in the folders of its splits; `None` where no list has two columns of pictures.
pub(super) fn below(root: &Path) -> Result<Option<Found>> {
    let mut folders = vec![(root.to_owned(), None)];
    for entry in std::fs::read_dir(root).map_err(failed(root, "read"))? {
        let path = entry.map_err(failed(root, "read"))?.path();
        let role = split(&path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() && role.is_some() {
            folders.push((path, role));
        }
    }
    folders.sort();
    let mut found: Option<Found> = None;
    for (folder, role) in folders {
        for path in TITLES.map(|title| folder.join(title)).into_iter().filter(|path| path.is_file())
        {
            let (rows, problems) = rows(&path)?;
            let Some(columns) = columns(&rows) else { continue };
            add(&mut found, pairs(&path, &rows, &columns, role, problems)?);
            // A list in two formats is one list.
            break;
        }
    }
    if found.is_none() {
        for path in parquet::tables(root)? {
            add(&mut found, parquet::read(&path)?);
        }
    }
    if let Some(found) = &mut found {
        made_unique(&mut found.pairs);
    }
    Ok(found)
}

fn add(found: &mut Option<Found>, more: Found) {
    match found {
        Some(all) => {
            all.pairs.extend(more.pairs);
            all.unmatched.extend(more.unmatched);
        }
        None => *found = Some(more),
    }
}

/// The pairs of a list.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] where no columns are known, or a split has an unknown name.
pub(super) fn read(path: &Path) -> Result<Found> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        return parquet::read(path);
    }
    let (rows, problems) = rows(path)?;
    let Some(columns) = columns(&rows) else {
        let found = rows.first().map(|row| row.values.keys().cloned().collect::<Vec<_>>());
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            reason: format!(
                "expected columns source and target (or input_image and edited_image, conditioning_image and image, \
                 file_name and another with pictures), found {}",
                found.map_or("no rows".to_owned(), |names| names.join(", "))
            ),
        });
    };
    let mut found = pairs(path, &rows, &columns, None, problems)?;
    made_unique(&mut found.pairs);
    Ok(found)
}

fn rows(path: &Path) -> Result<(Vec<Row>, Vec<Problem>)> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let text = std::fs::read_to_string(path).map_err(failed(path, "read"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match ending.as_str() {
        "csv" => csv_rows(path, text),
        "jsonl" | "ndjson" => Ok(json_rows(path, text)),
        _ => Err(Error::Unsuitable {
            path: path.to_owned(),
            reason: "expected a list of pairs that ends in .csv, .jsonl or .parquet, or a folder"
                .to_owned(),
        }),
    }
}

fn csv_rows(path: &Path, text: &str) -> Result<(Vec<Row>, Vec<Problem>)> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| Error::Unsuitable {
        path: path.to_owned(),
        reason: format!("expected a header of CSV: {error}"),
    })?;
    let header: Vec<String> = header.iter().map(str::to_owned).collect();
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let values = header.iter().cloned().zip(record.iter().map(str::to_owned));
                rows.push(Row { line, values: values.collect() });
            }
            Err(error) => {
                problems.push(Problem { path: path.to_owned(), message: error.to_string() })
            }
        }
    }
    Ok((rows, problems))
}

fn json_rows(path: &Path, text: &str) -> (Vec<Row>, Vec<Problem>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        match serde_json::from_str::<BTreeMap<String, Value>>(text) {
            Ok(object) => {
                let values = object.into_iter().filter_map(|(name, value)| {
                    let value = match &value {
                        Value::Object(object) => object.get("path")?,
                        value => value,
                    };
                    Some((name, value.as_str()?.to_owned()))
                });
                rows.push(Row { line, values: values.collect() });
            }
            Err(error) => problems.push(Problem {
                path: path.to_owned(),
                message: format!("line {line}: expected an object of JSON: {error}"),
            }),
        }
    }
    (rows, problems)
}

/// The names of the columns of sources and targets, by the first row.
fn columns(rows: &[Row]) -> Option<[String; 2]> {
    let first = rows.first()?;
    let called = |wanted: &str| {
        let file = format!("{wanted}_{FILE_NAME}");
        first.values.keys().find(|name| *name == wanted || **name == file).cloned()
    };
    for [source, target] in COLUMNS {
        if let (Some(source), Some(target)) = (called(source), called(target)) {
            return Some([source, target]);
        }
    }
    let file = called(FILE_NAME)?;
    if let Some(condition) = called("conditioning_image").or_else(|| called("cond_image")) {
        return Some([condition, file]);
    }
    let pictures = first
        .values
        .iter()
        .filter(|(name, value)| **name != file && is_picture(Path::new(value.as_str())));
    match pictures.map(|(name, _)| name).collect::<Vec<_>>()[..] {
        [other] => Some([file, other.clone()]),
        _ => None,
    }
}

fn pairs(
    path: &Path,
    rows: &[Row],
    [source, target]: &[String; 2],
    role: Option<Role>,
    mut unmatched: Vec<Problem>,
) -> Result<Found> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut pairs = Vec::new();
    for row in rows {
        let value = |name: &str| row.values.get(name).filter(|value| !value.is_empty());
        let (Some(source), Some(target)) = (value(source), value(target)) else {
            let message =
                format!("line {}: expected {source} and {target}, found an empty place", row.line);
            unmatched.push(Problem { path: path.to_owned(), message });
            continue;
        };
        let said = match value("split") {
            None => None,
            Some(name) => Some(split(name).ok_or_else(|| Error::Unsuitable {
                path: path.to_owned(),
                reason: format!(
                    "line {}: expected train, val or test as the split, found {name}",
                    row.line
                ),
            })?),
        };
        let stem = PathBuf::from(source).with_extension("").to_string_lossy().replace('\\', "/");
        let role = said.or(role);
        let name = match role {
            Some(role) => format!("{}/{stem}", split_name(role)),
            None => stem.clone(),
        };
        let places = [source, target].map(|file| Place::file(folder.join(file), Portion::Whole));
        pairs.push(FoundPair { name, stem, role, places, assumed: false });
    }
    Ok(Found { layout: Layout::Manifest, pairs, unmatched })
}

/// A source may have several targets: all but the first of a name get a number.
fn made_unique(pairs: &mut [FoundPair]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for pair in pairs {
        let count = seen.entry(pair.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            pair.name = format!("{}#{count}", pair.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(title: &str, text: &str) -> Result<Found> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(title);
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    fn ends(pair: &FoundPair) -> [String; 2] {
        pair.places.clone().map(|p| p.path.file_name().unwrap().to_string_lossy().into_owned())
    }

    #[test]
    fn csv_with_quotes_splits_and_many_targets() {
        let found = listed(
            "p.csv",
            "\u{feff}source,target,split,prompt\na/1.png,\"b, 1.png\",train,\"x, y\"\na/1.png,c.png,train,\n\
             a/2.png,b2.png,val,\na/3.png,,test,\n",
        )
        .unwrap();
        let names: Vec<&str> = found.pairs.iter().map(|pair| pair.name.as_str()).collect();
        assert_eq!(names, ["train/a/1", "train/a/1#2", "val/a/2"]);
        assert_eq!(found.pairs[1].stem, "a/1");
        assert_eq!(ends(&found.pairs[0]), ["1.png", "b, 1.png"]);
        assert_eq!(found.unmatched.len(), 1);
        assert!(found.unmatched[0].message.contains("line 5"), "{}", found.unmatched[0].message);
        let odd = listed("p.csv", "source,target,split\na.png,b.png,later\n").unwrap_err();
        assert!(odd.to_string().contains("later"), "{odd}");
    }

    #[test]
    fn columns_of_public_sets() {
        for (line, expected) in [
            (
                r#"{"input_image":"s.png","edited_image":"t.png","edit_prompt":"x"}"#,
                ["s.png", "t.png"],
            ),
            (r#"{"image":"t.png","conditioning_image":"s.png","text":"x"}"#, ["s.png", "t.png"]),
            (r#"{"file_name":"t.png","conditioning_image":"s.png"}"#, ["s.png", "t.png"]),
            (r#"{"file_name":"s.png","drawing":"t.png","text":"no picture"}"#, ["s.png", "t.png"]),
            (r#"{"source_file_name":"s.png","target_file_name":"t.png"}"#, ["s.png", "t.png"]),
            (r#"{"source":{"path":"s.png"},"target":{"path":"t.png"}}"#, ["s.png", "t.png"]),
        ] {
            let found = listed("metadata.jsonl", &format!("{line}\n\nbroken\n")).unwrap();
            assert_eq!(ends(&found.pairs[0]), expected, "{line}");
            assert_eq!(found.unmatched.len(), 1);
        }
        for (title, text) in [
            ("m.jsonl", r#"{"file_name":"s.png","text":"x"}"#),
            ("m.csv", "left,right\na.png,b.png\n"),
            ("m.csv", ""),
            ("m.txt", "source,target\n"),
        ] {
            assert!(listed(title, text).is_err(), "{title} {text}");
        }
    }

    #[test]
    fn lists_lie_in_folders_of_splits() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(below(folder.path()).unwrap(), None);
        for split in ["train", "test"] {
            let below = folder.path().join(split);
            std::fs::create_dir(&below).unwrap();
            let text = "{\"file_name\":\"1.png\",\"target\":\"1b.png\"}\n";
            std::fs::write(below.join("metadata.jsonl"), text).unwrap();
            std::fs::write(below.join("metadata.csv"), "file_name,text\n1.png,a\n").unwrap();
        }
        let found = below(folder.path()).unwrap().unwrap();
        let names: Vec<&str> = found.pairs.iter().map(|pair| pair.name.as_str()).collect();
        assert_eq!(names, ["test/1", "train/1"]);
        assert!(found.pairs[0].places[1].path.ends_with("test/1b.png"));
        assert_eq!(found.pairs[0].role, Some(Role::HeldOut));
    }
}
