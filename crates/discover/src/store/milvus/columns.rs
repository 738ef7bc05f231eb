//! Rows as columns of a collection, and back.

use milvus_sdk::{FieldData, QueryResults};
use serde_json::{Map, Value};

use super::expression::{KEY, META, id_of, key_of, name, path_key};
use super::milvus_sdk;
use crate::store::filter::number;
use crate::store::{Record, Row};
use crate::{Error, Result};

pub(super) const VECTOR: &str = "vector";

/// Columns of text with the most bytes that they hold.
pub(super) const TEXTS: [(&str, u32); 7] = [
    ("product", 256),
    ("category", 128),
    ("colour", 64),
    ("phase", 16),
    ("split", 16),
    ("content_hash", 64),
    ("path", 1024),
];

/// The most bytes of a JSON column.
const META_LIMIT: usize = 65_536;

/// All columns but the vector.
pub(super) fn record_columns() -> Vec<&'static str> {
    let mut names = vec![KEY, "width", "height", META];
    names.extend(TEXTS.iter().map(|one| one.0));
    names
}

fn texts(record: &Record) -> [&String; 7] {
    let Record { product, category, colour, phase, split, content_hash, path, .. } = record;
    [product, category, colour, phase, split, content_hash, path]
}

/// What else is known of a picture, and what filters ask about, as JSON.
pub(super) fn meta(record: &Record) -> Result<Value> {
    let mut meta = Map::new();
    let mut numeric = |kind: &str, name: &str, text: &str| {
        if let Some(number) = number(text).and_then(serde_json::Number::from_f64) {
            meta.insert(path_key(kind, name), Value::Number(number));
        }
    };
    for ((column, _), text) in TEXTS.iter().zip(texts(record)) {
        numeric("p", column, text);
    }
    let sizes = [("width", record.width.to_string()), ("height", record.height.to_string())];
    for (name, text) in &sizes {
        numeric("n", name, text);
    }
    for (name, text) in &record.meta {
        numeric("n", name, text);
    }
    for (name, text) in sizes {
        meta.insert(path_key("s", name), Value::String(text));
    }
    for (name, text) in &record.meta {
        meta.insert(path_key("t", name), Value::String(text.clone()));
    }
    let meta = Value::Object(meta);
    let found = meta.to_string().len();
    if found > META_LIMIT {
        let what = format!("row {}", record.id);
        return Err(Error::TooLarge { field: "further metadata", what, limit: META_LIMIT, found });
    }
    Ok(meta)
}

/// A row ready to be sent.
pub(super) struct Prepared {
    pub(super) row: Row,
    pub(super) meta: Value,
}

impl Prepared {
    /// Roughly, the bytes that it takes to send.
    pub(super) fn bytes(&self) -> usize {
        let texts: usize = texts(&self.row.record).iter().map(|text| text.len() + 4).sum();
        self.row.vector.len() * 4 + texts + self.meta.to_string().len() + 32
    }
}

/// Columns of rows.
pub(super) fn of_rows(rows: &[Prepared]) -> Vec<FieldData> {
    let keys = rows.iter().map(|one| key_of(one.row.record.id)).collect();
    let sizes = |size: fn(&Record) -> u32| {
        rows.iter().map(|one| i64::from(size(&one.row.record))).collect::<Vec<i64>>()
    };
    let mut columns = vec![
        FieldData::int64(KEY, keys),
        FieldData::int64("width", sizes(|record| record.width)),
        FieldData::int64("height", sizes(|record| record.height)),
        FieldData::json(META, rows.iter().map(|one| one.meta.clone()).collect()),
        FieldData::float_vector(VECTOR, rows.iter().map(|one| one.row.vector.clone()).collect()),
    ];
    for (index, (name, _)) in TEXTS.iter().enumerate() {
        let values = rows.iter().map(|one| texts(&one.row.record)[index].clone()).collect();
        columns.push(FieldData::varchar(*name, values));
    }
    columns
}

fn missing(name: &str) -> Error {
    Error::Request(format!(
        "the server's answer has no column '{name}' of the kind that was asked for"
    ))
}

pub(super) fn integers<'a>(found: &'a QueryResults, name: &str) -> Result<&'a [i64]> {
    match found.get_output_field(name).map(FieldData::inner) {
        Some(FieldData::Int64 { values, .. }) => Ok(values),
        _ => Err(missing(name)),
    }
}

fn strings<'a>(found: &'a QueryResults, name: &str) -> Result<&'a [String]> {
    match found.get_output_field(name).map(FieldData::inner) {
        Some(FieldData::VarChar { values, .. }) => Ok(values),
        _ => Err(missing(name)),
    }
}

pub(super) fn documents<'a>(found: &'a QueryResults, name: &str) -> Result<&'a [Value]> {
    match found.get_output_field(name).map(FieldData::inner) {
        Some(FieldData::Json { values, .. }) => Ok(values),
        _ => Err(missing(name)),
    }
}

/// Vectors of an answer.
pub(super) fn vectors(found: &QueryResults) -> Result<&[Vec<f32>]> {
    match found.get_output_field(VECTOR).map(FieldData::inner) {
        Some(FieldData::FloatVector { values, .. }) => Ok(values),
        _ => Err(missing(VECTOR)),
    }
}

/// Records of an answer, in its order.
pub(super) fn records(found: &QueryResults) -> Result<Vec<Record>> {
    let keys = integers(found, KEY)?;
    let (widths, heights) = (integers(found, "width")?, integers(found, "height")?);
    let metas = documents(found, META)?;
    let texts = TEXTS.iter().map(|one| strings(found, one.0)).collect::<Result<Vec<_>>>()?;
    let record = |place: usize| -> Option<Record> {
        let text = |column: usize| Some(texts.get(column)?.get(place)?.clone());
        let known = metas.get(place)?.as_object()?;
        let meta = known
            .iter()
            .filter_map(|(key, value)| Some((name("t", key)?, value.as_str()?.to_owned())));
        Some(Record {
            id: id_of(*keys.get(place)?),
            product: text(0)?,
            category: text(1)?,
            colour: text(2)?,
            phase: text(3)?,
            split: text(4)?,
            content_hash: text(5)?,
            path: text(6)?,
            width: u32::try_from(*widths.get(place)?).ok()?,
            height: u32::try_from(*heights.get(place)?).ok()?,
            meta: meta.collect(),
        })
    };
    (0..keys.len())
        .map(|place| {
            record(place).ok_or_else(|| {
                Error::Request(format!("row {} of the server is no picture's", id_of(keys[place])))
            })
        })
        .collect()
}
