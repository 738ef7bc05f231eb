//! The stream that `torch.save` wrote before 2020, and still writes on request.
//!
//! Five pickles follow each other: a magic number, the protocol 1001, facts about the machine, the
//! object, and the keys of the storages. Then every storage in the order of its key: the number of its
//! elements as 8 bytes, and the elements. All of it is little-endian, whatever machine wrote it.

use super::pickle::{self, Pickle};
use super::values::Value;
use super::{Contents, MAX_PICKLE_BYTES, contents, fault};
use crate::checkpoint::Place;
use crate::source::Source;
use crate::{Error, Result};

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL: i128 = 1001;
const FORMAT: &str = "PyTorch (legacy)";

/// Whether a file begins like one: a pickle of protocol 2 or later that is ten bytes of magic.
pub(crate) fn is_legacy_stream(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, ..])
}

/// Reads names, shapes and places.
pub(crate) fn read(source: &mut Source, key: Option<&str>) -> Result<Contents> {
    let file = source.name().to_owned();
    let length = source.length();
    let broken = |reason: String| Error::Broken { file: file.clone(), format: FORMAT, reason };
    let head = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_PICKLE_BYTES);
    let bytes = source.range(0, head)?;
    let mut at = 0;
    let mut next = || -> Result<Pickle> {
        let pickle = pickle::read(&bytes[at..]).map_err(|f| fault(f, &file, FORMAT))?;
        at += pickle.length;
        Ok(pickle)
    };
    if next()?.root != Value::Int(MAGIC) {
        return Err(broken("the magic number is another".to_owned()));
    }
    if next()?.root != Value::Int(PROTOCOL) {
        return Err(broken("expected protocol 1001".to_owned()));
    }
    let machine = next()?;
    let object = next()?;
    let keys = next()?;
    if big_endian(&machine) {
        return Err(broken("it says that it was written big-endian".to_owned()));
    }
    let Value::List(list) = keys.root else {
        return Err(broken("expected the list of storages".to_owned()));
    };
    let storages = &object.heap.storages;
    let mut places: Vec<Option<Place>> = vec![None; storages.len()];
    let mut position = at as u64;
    for key in &keys.heap.containers[list] {
        let known = match key {
            Value::Text(key) => object.heap.storage_by_key.get(key).copied(),
            _ => None,
        };
        let Some(storage) = known.filter(|&storage| places[storage].is_none()) else {
            return Err(broken("the list of storages does not fit the tensors".to_owned()));
        };
        let described = &storages[storage];
        let ends = || {
            broken(format!(
                "the file of {length} bytes ends within storage '{}' of {} elements",
                described.key, described.elements
            ))
        };
        let start = position + 8;
        if start > length {
            return Err(ends());
        }
        let mut count = [0; 8];
        count.copy_from_slice(&source.range(position, 8)?);
        if u64::from_le_bytes(count) != described.elements as u64 {
            return Err(broken(format!(
                "storage '{}' has {} elements, its tensors expect {}",
                described.key,
                u64::from_le_bytes(count),
                described.elements
            )));
        }
        let end = (described.elements as u64)
            .checked_mul(described.dtype.size() as u64)
            .and_then(|bytes| bytes.checked_add(start))
            .filter(|&end| end <= length)
            .ok_or_else(ends)?;
        places[storage] = Some(Place::At(start));
        position = end;
    }
    if position != length {
        return Err(broken(format!("{} bytes follow the last storage", length - position)));
    }
    let places: Option<Vec<Place>> = places.into_iter().collect();
    let places = places.ok_or_else(|| broken("a storage is described and not there".to_owned()))?;
    contents(&object, places, false, key, &file, FORMAT)
}

fn big_endian(machine: &Pickle) -> bool {
    let Value::Dict(at) = machine.root else { return false };
    machine.heap.containers[at].chunks_exact(2).any(|item| {
        matches!(item, [Value::Text(name), Value::Bool(false)] if &**name == "little_endian")
    })
}
