//! What a table says of pictures: CSV, the metadata of the VSD benchmark in JSON, or either as Parquet, with a
//! column `path`, relative to the catalogue's folder, or `id`, the name of the file without its extension.
//!
//! `product`, `category`, `colour` (or `color`), `phase` and `split` become what they are called; other
//! columns are kept under their names and can be asked about like those. A box says which part of a picture is
//! looked at: `bbox` with `x,y,width,height`, or `bbox.x`, `bbox.y`, `bbox.height`, `bbox.width`, or `bbox.x1`,
//! `bbox.y1`, `bbox.x2`, `bbox.y2`, which is what the two forms of the benchmark become. It is kept as
//! [`Record::part`].

use std::collections::HashMap;
use std::path::Path;

use crate::Result;
use crate::error::{malformed, unreadable};
use crate::evaluation::files::BoundingBox;
use crate::query::{Rectangle, rectangle};
use crate::store::{PART, Record};
use crate::tables;

/// Columns of the numbers of a box.
const EXTENT: [&str; 4] = ["bbox.x", "bbox.y", "bbox.height", "bbox.width"];
const CORNERS: [&str; 4] = ["bbox.x1", "bbox.y1", "bbox.x2", "bbox.y2"];

/// A table of metadata.
#[derive(Clone, Debug, Default)]
pub struct MetadataTable {
    columns: Vec<String>,
    by_path: HashMap<String, Line>,
    by_stem: HashMap<String, Line>,
}

/// What is said of a picture.
#[derive(Clone, Debug)]
struct Line {
    cells: Vec<String>,
    part: Option<Rectangle>,
}

type Rows = (Vec<String>, Vec<Vec<String>>);

fn csv(path: &Path) -> Result<Rows> {
    let bytes = std::fs::read(path).map_err(unreadable(path))?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(&bytes[..]);
    let wrong = |error: csv::Error| malformed(path, error);
    let columns = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let rows = reader
        .records()
        .map(|record| Ok(record.map_err(wrong)?.iter().map(str::to_owned).collect()));
    Ok((columns, rows.collect::<Result<_>>()?))
}

/// Where the numbers of boxes stand.
struct Boxes {
    text: Option<usize>,
    extent: Option<[usize; 4]>,
    corners: Option<[usize; 4]>,
}

impl Boxes {
    fn of(columns: &[String]) -> Self {
        let column = |name: &str| columns.iter().position(|column| column == name);
        let all = |names: [&str; 4]| {
            let found: Vec<usize> = names.into_iter().filter_map(column).collect();
            <[usize; 4]>::try_from(found).ok()
        };
        Self { text: column("bbox"), extent: all(EXTENT), corners: all(CORNERS) }
    }

    /// The box of a row, or why what it says is none.
    fn part(&self, cells: &[String]) -> Result<Option<Rectangle>, String> {
        let cell = |column: usize| cells.get(column).map_or("", String::as_str);
        if let Some(text) = self.text.map(cell).filter(|text| !text.is_empty()) {
            return rectangle(text).map(Some);
        }
        for (columns, corners) in [(self.extent, false), (self.corners, true)] {
            let Some(texts) = columns.map(|columns| columns.map(cell)) else { continue };
            if texts.iter().all(|text| text.is_empty()) {
                continue;
            }
            let numbers: Option<Vec<i64>> = texts.iter().map(|text| text.parse().ok()).collect();
            let found = match numbers.as_deref() {
                Some(&[x1, y1, x2, y2]) if corners => Some(BoundingBox::Corners { x1, y1, x2, y2 }),
                Some(&[x, y, height, width]) => Some(BoundingBox::Extent([x, y, height, width])),
                _ => None,
            };
            let sides = found.map(BoundingBox::rectangle).map(|sides| sides.map(usize::try_from));
            return match sides {
                Some([Ok(x), Ok(y), Ok(width), Ok(height)]) if width > 0 && height > 0 => {
                    Ok(Some([x, y, width, height]))
                }
                _ => Err(format!(
                    "expected whole numbers of a rectangle inside of the picture, found {}",
                    texts.join(",")
                )),
            };
        }
        Ok(None)
    }
}

impl MetadataTable {
    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Read`](crate::Error::Read), [`Error::Malformed`](crate::Error::Malformed).
    pub fn read(path: &Path) -> Result<Self> {
        let (columns, cells) = match path.extension().and_then(|end| end.to_str()) {
            Some("json" | "parquet") => {
                let table = tables::read(path)?;
                let texts = |row: Vec<tables::Cell>| row.iter().map(ToString::to_string).collect();
                (table.columns, table.rows.into_iter().map(texts).collect())
            }
            _ => csv(path)?,
        };
        let column = |name: &str| columns.iter().position(|column| column == name);
        let by_path = column("path");
        let Some(key) = by_path.or_else(|| column("id")) else {
            let found = columns.join(",");
            return Err(malformed(path, format!("expected a column path or id; found {found}")));
        };
        let mut rows = HashMap::new();
        let boxes = Boxes::of(&columns);
        for cells in cells {
            let Some(name) = cells.get(key).cloned() else { continue };
            let part = boxes
                .part(&cells)
                .map_err(|reason| malformed(path, format!("the box of {name}: {reason}")))?;
            if rows.insert(name.clone(), Line { cells, part }).is_some() {
                return Err(malformed(path, format!("{name} is in it twice")));
            }
        }
        let mut table = Self { columns, ..Self::default() };
        match by_path {
            Some(_) => table.by_path = rows,
            None => table.by_stem = rows,
        }
        Ok(table)
    }

    /// Adds to a record what the table says of its path; says whether it says anything.
    pub fn apply(&self, record: &mut Record) -> bool {
        let name = record.path.rsplit('/').next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let Some(line) = self.by_path.get(&record.path).or_else(|| self.by_stem.get(stem)) else {
            return false;
        };
        if let Some([x, y, width, height]) = line.part {
            record.meta.insert(PART.to_owned(), format!("{x},{y},{width},{height}"));
        }
        let cells = self.columns.iter().zip(&line.cells);
        for (column, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            let cell = cell.clone();
            match column.as_str() {
                "path" | "id" | PART => (),
                name if EXTENT.contains(&name) || CORNERS.contains(&name) => (),
                "product" => record.product = cell,
                "category" => record.category = cell,
                "colour" | "color" => record.colour = cell,
                "phase" => record.phase = cell,
                "split" => record.split = cell,
                other => {
                    record.meta.insert(other.to_owned(), cell);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<MetadataTable> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        MetadataTable::read(file.path())
    }

    #[test]
    fn columns_become_what_they_are_called() {
        let by_id = table("id,color,price,category\n15,red,9.5,\n").unwrap();
        let mut record = Record { path: "a/15.jpg".into(), ..Record::default() };
        assert!(by_id.apply(&mut record));
        assert_eq!((record.colour.as_str(), record.category.as_str()), ("red", ""));
        assert_eq!(record.meta["price"], "9.5");
        let by_path = table("path,product\na/15.jpg,p\n").unwrap();
        assert!(by_path.apply(&mut record));
        assert_eq!(record.product, "p");
        assert!(!by_path.apply(&mut Record { path: "b/15.jpg".into(), ..Record::default() }));
        assert_eq!(record.part(), None);
        assert!(table("name\nx\n").is_err());
        assert!(table("id\nx\nx\n").unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn all_forms_of_boxes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = folder.path().join("metadata.json");
        let text = r#"{"images":[{"id":"1","path":"a.jpg","phase":"query","bbox":[1,2,30,40]},
            {"id":"2","path":"b.jpg","phase":"gallery","bbox":{"x1":1,"y1":2,"x2":5,"y2":9}},
            {"id":"3","path":"c.jpg","phase":"gallery"}]}"#;
        std::fs::write(&metadata, text).unwrap();
        let of = |table: &MetadataTable, path: &str| {
            let mut record = Record { path: path.into(), ..Record::default() };
            assert!(table.apply(&mut record), "{path}");
            record
        };
        let read = MetadataTable::read(&metadata).unwrap();
        // The list is x, y, height, width.
        assert_eq!(of(&read, "a.jpg").part(), Some([1, 2, 40, 30]));
        assert_eq!(of(&read, "b.jpg").part(), Some([1, 2, 4, 7]));
        let third = of(&read, "c.jpg");
        assert_eq!((third.part(), third.phase.as_str()), (None, "gallery"));
        let own = table("path,bbox\na.jpg,\"5,6,7,8\"\nb.jpg,\n").unwrap();
        assert_eq!(of(&own, "a.jpg").part(), Some([5, 6, 7, 8]));
        assert_eq!(of(&own, "b.jpg"), Record { path: "b.jpg".into(), ..Record::default() });
        for wrong in
            ["path,bbox\na,\"1,2,0,4\"\n", "path,bbox.x1,bbox.y1,bbox.x2,bbox.y2\na,4,4,4,9\n"]
        {
            let reason = table(wrong).unwrap_err().to_string();
            assert!(reason.contains("the box of a: expected"), "{reason}");
        }
    }
}
