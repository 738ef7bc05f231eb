//! What a table says of pictures: CSV with a column `path`, relative to the catalogue's folder, or `id`, the
//! name of the file without its extension.
//!
//! `product`, `category`, `colour` (or `color`), `phase` and `split` become what they are called; other
//! columns are kept under their names and can be asked about like those.

use std::collections::HashMap;
use std::path::Path;

use crate::Result;
use crate::error::{malformed, unreadable};
use crate::store::Record;

/// A table of metadata.
#[derive(Clone, Debug, Default)]
pub struct MetadataTable {
    columns: Vec<String>,
    by_path: HashMap<String, Vec<String>>,
    by_stem: HashMap<String, Vec<String>>,
}

impl MetadataTable {
    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Read`](crate::Error::Read), [`Error::Malformed`](crate::Error::Malformed).
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(unreadable(path))?;
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(&bytes[..]);
        let header = reader.headers().map_err(|error| malformed(path, error))?.clone();
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let column = |name: &str| columns.iter().position(|column| column == name);
        let by_path = column("path");
        let Some(key) = by_path.or_else(|| column("id")) else {
            let found = columns.join(",");
            return Err(malformed(path, format!("expected a column path or id; found {found}")));
        };
        let mut rows = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| malformed(path, error))?;
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if let Some(name) = cells.get(key).cloned()
                && rows.insert(name.clone(), cells).is_some()
            {
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
        let Some(cells) = self.by_path.get(&record.path).or_else(|| self.by_stem.get(stem)) else {
            return false;
        };
        for (column, cell) in self.columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            let cell = cell.clone();
            match column.as_str() {
                "path" | "id" => (),
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
        assert!(table("name\nx\n").is_err());
        assert!(table("id\nx\nx\n").unwrap_err().to_string().contains("twice"));
    }
}
