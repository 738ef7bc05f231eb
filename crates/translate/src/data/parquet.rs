//! Tables that hold the pictures themselves, as the Hugging Face hub keeps data: `train-00000-of-00002.parquet` in a
//! folder or in its folder `data`.
//!
//! Columns are called as in other lists ([`manifest`](super::manifest)); a picture is a group of `bytes`, a file of a
//! known format, and `path`, its name, either of which may be missing. Without bytes the path is that of a file beside
//! the table. The split is what the table's name begins with.
//!
//! Limits: all files of a table are held in memory until the pairs are read. Flat columns and groups, compressed by
//! Snappy, gzip or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::domains::{split, split_name};
use super::layout::{Found, FoundPair, Layout, Place, Portion};
use super::listing::failed;
use super::manifest::COLUMNS;
use super::report::Problem;
use crate::{Error, Result};

/// How such a file ends.
pub(super) const ENDING: &str = "parquet";

/// The tables in a folder or in its folder `data`, in the order of their names.
pub(super) fn tables(root: &Path) -> Result<Vec<PathBuf>> {
    for folder in [root.to_owned(), root.join("data")] {
        if !folder.is_dir() {
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed(&folder, "read"))? {
            let path = entry.map_err(failed(&folder, "read"))?.path();
            if path.is_file() && path.extension().is_some_and(|ending| ending == ENDING) {
                found.push(path);
            }
        }
        if !found.is_empty() {
            found.sort();
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The columns of sources and targets.
fn columns(schema: &Type) -> Option<[&str; 2]> {
    let has = |wanted: &str| schema.get_fields().iter().any(|field| field.name() == wanted);
    COLUMNS.into_iter().find(|columns| columns.iter().all(|column| has(column)))
}

/// The pairs of a table.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] for what is no such table.
pub(super) fn read(path: &Path) -> Result<Found> {
    let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(failed(path, "read"))?;
    let wrong = |error| unsuitable(format!("expected a Parquet file: {error}"));
    let reader = SerializedFileReader::new(file).map_err(wrong)?;
    let schema = reader.metadata().file_metadata().schema();
    let Some(columns) = columns(schema) else {
        let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
        return Err(unsuitable(format!(
            "expected columns source and target, input_image and edited_image or conditioning_image and image, \
             found {}",
            names.join(", ")
        )));
    };
    let chosen = schema.get_fields().iter().filter(|field| columns.contains(&field.name()));
    let fields = chosen.cloned().collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let rows = reader.get_row_iter(Some(projection.map_err(wrong)?)).map_err(wrong)?;
    let table = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let role = split(table.split(['-', '.']).next().unwrap_or_default());
    let (mut pairs, mut unmatched) = (Vec::new(), Vec::new());
    for (number, row) in rows.enumerate() {
        let row = row.map_err(wrong)?;
        let picture = |wanted: &str| {
            let field = row.get_column_iter().find(|(name, _)| *name == wanted)?.1;
            place(path, number, wanted, field)
        };
        let [Some(source), Some(target)] = columns.map(picture) else {
            let [source, target] = columns;
            let message =
                format!("row {number}: expected pictures in {source} and {target}, found none");
            unmatched.push(Problem { path: path.to_owned(), message });
            continue;
        };
        let stem = format!("{table}/{number}");
        let name = match role {
            Some(role) => format!("{}/{stem}", split_name(role)),
            None => stem.clone(),
        };
        pairs.push(FoundPair { name, stem, role, places: [source, target], assumed: false });
    }
    Ok(Found { layout: Layout::Manifest, pairs, unmatched })
}

/// The picture of a field: its bytes, or the file that it names.
fn place(table: &Path, number: usize, column: &str, field: &Field) -> Option<Place> {
    let beside = |name: &str| {
        let path = table.parent().unwrap_or(Path::new("")).join(name);
        Place::file(path, Portion::Whole)
    };
    let held = |bytes: &[u8]| Place {
        path: table.join(format!("{number}.{column}")),
        part: Portion::Whole,
        bytes: Some(Arc::from(bytes)),
    };
    match field {
        Field::Bytes(bytes) => Some(held(bytes.data())),
        Field::Str(name) => Some(beside(name)),
        Field::Group(group) => {
            let mut found = None;
            for (name, field) in group.get_column_iter() {
                match (name.as_str(), field) {
                    ("bytes", Field::Bytes(bytes)) => return Some(held(bytes.data())),
                    ("path", Field::Str(name)) => found = Some(beside(name)),
                    _ => {}
                }
            }
            found
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    const SCHEMA: &str = "message schema {
        optional group conditioning_image { optional binary bytes; optional binary path (UTF8); }
        optional group image { optional binary bytes; optional binary path (UTF8); }
        optional binary text (UTF8);
    }";

    /// Rows of bytes and path of both pictures; a text in every row.
    fn write(path: &Path, rows: &[[[Option<&[u8]>; 2]; 2]]) {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = |cells: Vec<Option<&[u8]>>, nested: bool| {
            let mut column = group.next_column().unwrap().unwrap();
            let there = if nested { 2 } else { 1 };
            let levels: Vec<i16> =
                cells.iter().map(|cell| there - i16::from(cell.is_none())).collect();
            let values: Vec<ByteArray> = cells.into_iter().flatten().map(ByteArray::from).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
            column.close().unwrap();
        };
        for (picture, part) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            column(rows.iter().map(|row| row[picture][part]).collect(), true);
        }
        column(rows.iter().map(|_| Some("a shoe".as_bytes())).collect(), false);
        group.close().unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn pictures_lie_in_tables_and_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        assert!(tables(folder.path()).unwrap().is_empty());
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let path = folder.path().join("data/train-00000-of-00001.parquet");
        let [source, target] = [Some(&b"source"[..]), Some(&b"target"[..])];
        let name = Some(&b"a/7.png"[..]);
        write(
            &path,
            &[
                [[source, name], [target, None]],
                [[None, name], [target, name]],
                [[None, None], [target, None]],
            ],
        );
        assert_eq!(tables(folder.path()).unwrap(), std::slice::from_ref(&path));
        let found = read(&path).unwrap();
        let names: Vec<&str> = found.pairs.iter().map(|pair| pair.name.as_str()).collect();
        let table = "train/train-00000-of-00001";
        assert_eq!(names, [format!("{table}/0"), format!("{table}/1")]);
        let [first, second] = &found.pairs[..] else { panic!("{:?}", found.pairs) };
        assert_eq!(first.role, split("train"));
        let held = |place: &Place| place.bytes.as_deref().map(<[u8]>::to_vec);
        let bytes = |pair: &FoundPair| pair.places.each_ref().map(held);
        assert_eq!(bytes(first), [source, target].map(|bytes| bytes.map(<[u8]>::to_vec)));
        assert_eq!(bytes(second), [None, target.map(<[u8]>::to_vec)]);
        assert_eq!(second.places[0].path, folder.path().join("data/a/7.png"));
        assert_eq!(found.unmatched.len(), 1);
        assert!(found.unmatched[0].message.starts_with("row 2"), "{}", found.unmatched[0].message);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        write(&path, &[[[Some(b"a"), None], [Some(b"b"), None]]]);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path).is_err(), "{length}");
        }
        let schema = Arc::new(parse_message_type("message x { required int64 pixel; }").unwrap());
        let file = std::fs::File::create(&path).unwrap();
        SerializedFileWriter::new(file, schema, Arc::default()).unwrap().close().unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("found pixel"), "{message}");
    }
}
