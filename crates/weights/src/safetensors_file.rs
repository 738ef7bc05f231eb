//! Safetensors: 8 bytes of length, a JSON header with names, shapes and places, the elements.
//!
//! The header is checked by the crate `safetensors`: places follow each other without holes or
//! overlaps and have the size of their shape. Beyond that, a name may occur once, and the file must
//! be exactly as long as the header says.

use std::collections::{BTreeMap, HashMap, HashSet};

use safetensors::Dtype as FileDType;
use safetensors::tensor::{Metadata, TensorView, serialize};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::checkpoint::{Entry, Place, Storage};
use crate::pytorch::{Contents, View};
use crate::source::Source;
use crate::{DType, Error, Result, Tensor};

pub(crate) const FORMAT: &str = "safetensors";

/// Longest header; that of a thousand tensors is a hundred kilobytes.
const MAX_HEADER_BYTES: u64 = 32 << 20;

/// Whether a file begins like one: the length of a header, and the brace that opens it.
pub(crate) fn is_safetensors(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{')
}

/// Reads names, shapes and places, and what the file says about itself.
pub(crate) fn read(source: &mut Source) -> Result<(Contents, BTreeMap<String, String>)> {
    let (file, length) = (source.name().to_owned(), source.length());
    let broken = |reason: String| Error::Broken { file: file.clone(), format: FORMAT, reason };
    let mut announced = [0; 8];
    announced.copy_from_slice(&source.range(0, 8)?);
    let header = u64::from_le_bytes(announced);
    if header > MAX_HEADER_BYTES || header > length - 8 {
        return Err(broken(format!(
            "it announces a header of {header} bytes in a file of {length}; expected \
             {MAX_HEADER_BYTES} at most"
        )));
    }
    let json = source.range(8, usize::try_from(header).unwrap_or(0))?;
    let names: Names = serde_json::from_slice(&json).map_err(|e| broken(e.to_string()))?;
    let mut seen = HashSet::new();
    if let Some(name) = names.0.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(broken(format!("'{name}' occurs twice")));
    }
    let metadata: Metadata = serde_json::from_slice(&json).map_err(|e| broken(e.to_string()))?;
    let expected = (metadata.data_len() as u64).saturating_add(8 + header);
    if expected != length {
        return Err(broken(format!(
            "its header describes {expected} bytes, the file has {length}"
        )));
    }
    let mut contents = Contents { entries: Vec::new(), storages: Vec::new() };
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let Some(dtype) = dtype(info.dtype) else {
            return Err(broken(format!("'{name}' is stored as {}, which is not read", info.dtype)));
        };
        let place = Place::At(8 + header + info.data_offsets.0 as u64);
        contents.storages.push(Storage { place, big_endian: false });
        let view = View::whole(contents.storages.len() - 1, info.shape.clone());
        contents.entries.push(Entry { name, dtype, view });
    }
    let about = metadata.metadata().clone().unwrap_or_default();
    Ok((contents, about.into_iter().collect()))
}

/// The bytes of a file with these tensors.
///
/// # Errors
/// [`Error::Broken`] when a tensor's bytes do not fit its shape.
pub(crate) fn write(
    tensors: &[&Tensor],
    about: BTreeMap<String, String>,
    file: &str,
) -> Result<Vec<u8>> {
    let failed = |e: safetensors::SafeTensorError| Error::Broken {
        file: file.to_owned(),
        format: FORMAT,
        reason: e.to_string(),
    };
    let mut views = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let view = TensorView::new(file_dtype(tensor.dtype), tensor.shape.clone(), &tensor.bytes)
            .map_err(failed)?;
        views.push((tensor.name.as_str(), view));
    }
    // A hash map is written in the order of the moment, so one key keeps the bytes reproducible.
    let about = (!about.is_empty()).then(|| about.into_iter().collect::<HashMap<_, _>>());
    serialize(views, about).map_err(failed)
}

/// The key of the header under which this program keeps what it knows, as one JSON object.
pub(crate) const ABOUT: &str = "lookalike";

/// The names of a JSON object, repeated ones included.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collector;
        impl<'de> Visitor<'de> for Collector {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Collector)
    }
}

fn dtype(dtype: FileDType) -> Option<DType> {
    Some(match dtype {
        FileDType::F64 => DType::F64,
        FileDType::F32 => DType::F32,
        FileDType::F16 => DType::F16,
        FileDType::BF16 => DType::BF16,
        FileDType::I64 => DType::I64,
        FileDType::I32 => DType::I32,
        FileDType::I16 => DType::I16,
        FileDType::I8 => DType::I8,
        FileDType::U8 => DType::U8,
        FileDType::BOOL => DType::Bool,
        _ => return None,
    })
}

fn file_dtype(dtype: DType) -> FileDType {
    match dtype {
        DType::F64 => FileDType::F64,
        DType::F32 => FileDType::F32,
        DType::F16 => FileDType::F16,
        DType::BF16 => FileDType::BF16,
        DType::I64 => FileDType::I64,
        DType::I32 => FileDType::I32,
        DType::I16 => FileDType::I16,
        DType::I8 => FileDType::I8,
        DType::U8 => FileDType::U8,
        DType::Bool => FileDType::BOOL,
    }
}
