//! The files of the VSD benchmark.
//!
//! * metadata: `{"images":[{"id":…,"path":…,"phase":…,"bbox":…,"category":…,"color":…}]}`
//! * manifest: `{"images":[{"path":…}]}`, the images that belong to a task; an empty list means all
//! * seeds: `{"seeds":[path,…]}`
//! * labels: `[{"key":[seed, candidate],"value":0|1},…]`
//!
//! Source: the released loader and README of vsd-benchmark/vsd. They disagree about `bbox`, which is read as
//! an array `[x, y, height, width]` and as an object `{"x1","y1","x2","y2"}`. Ours beyond it: grades above 1
//! in labels, and `product` in metadata for images whose folder is not that of their product.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::error::{malformed, unreadable};
use crate::tables;

/// The images of a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// In the order of the gallery.
    pub images: Vec<MetadataImage>,
}

/// One image of a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetadataImage {
    /// Its name in the data set.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Its file, relative to the folder of the images.
    pub path: String,
    /// `train`, `test`, `query`, `gallery` or `search`.
    #[serde(default)]
    pub phase: String,
    /// The product that it shows, where its folder does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Where on the image the product is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<BoundingBox>,
    /// What kind of product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Whatever else is said of it.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

/// Ids are texts, but some are written as numbers.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BoundingBox {
    /// Column, row, height, width.
    Extent([i64; 4]),
    /// The first and the last corner.
    Corners {
        /// Leftmost column.
        x1: i64,
        /// Topmost row.
        y1: i64,
        /// Column beyond the last.
        x2: i64,
        /// Row beyond the last.
        y2: i64,
    },
}

impl BoundingBox {
    /// Column, row, width, height.
    pub fn rectangle(self) -> [i64; 4] {
        match self {
            Self::Extent([x, y, height, width]) => [x, y, width, height],
            Self::Corners { x1, y1, x2, y2 } => [x1, y1, x2 - x1, y2 - y1],
        }
    }
}

/// The images that belong to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// By path; none means all.
    pub images: Vec<ManifestImage>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestImage {
    /// As in the metadata.
    pub path: String,
}

/// The images that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeds {
    /// By path.
    pub seeds: Vec<String>,
}

/// What people said of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The seed and the candidate, by path.
    pub key: [String; 2],
    /// 0 for not similar, 1 for similar; more where there are grades.
    pub value: u8,
}

/// All files of a task; those that may be missing are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    /// The images.
    pub metadata: Metadata,
    /// Those that belong to the task.
    pub manifest: Option<Manifest>,
    /// Those that are asked for; without it those that labels name first.
    pub seeds: Option<Seeds>,
    /// The labels.
    pub tags: Vec<Tag>,
}

/// Reads one of the files: JSON, or the same as a table in Parquet ([`tables`]).
///
/// # Errors
/// [`Error::Read`](crate::Error::Read); [`Error::Malformed`](crate::Error::Malformed) with line and column.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = match tables::is_parquet(path) {
        true => tables::of_parquet(path, "json")?,
        false => std::fs::read(path).map_err(unreadable(path))?,
    };
    serde_json::from_slice(&bytes).map_err(|error| malformed(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_boxes_and_unknown_fields_are_kept() {
        let text = r#"{"images":[
            {"id":"7","path":"img/W/id_1/a.jpg","phase":"query","bbox":[1,2,30,40],"category":"Dresses"},
            {"id":8,"path":"img/W/id_2/b.jpg","phase":"gallery","bbox":{"x1":1,"y1":2,"x2":5,"y2":9},"fit":"slim"}]}"#;
        let read: Metadata = serde_json::from_str(text).unwrap();
        let boxes: Vec<_> = read.images.iter().map(|i| i.bbox.unwrap().rectangle()).collect();
        assert_eq!(boxes, [[1, 2, 40, 30], [1, 2, 4, 7]]);
        assert_eq!(read.images[1].id, "8");
        assert_eq!(read.images[1].further["fit"], "slim");
        let again: Metadata = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }

    #[test]
    fn tags_are_an_array_of_pairs() {
        let tags: Vec<Tag> = serde_json::from_str(r#"[{"key":["a","b"],"value":1}]"#).unwrap();
        assert_eq!(tags, [Tag { key: ["a".into(), "b".into()], value: 1 }]);
        assert!(serde_json::from_str::<Vec<Tag>>(r#"[{"key":["a"],"value":1}]"#).is_err());
        assert!(serde_json::from_str::<Vec<Tag>>(r#"[{"key":["a","b"],"value":-1}]"#).is_err());
    }
}
