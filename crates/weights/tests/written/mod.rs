//! Files of `torch.save`, written opcode by opcode, sound and hostile ones alike.
#![allow(dead_code, unreachable_pub)]

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// `PROTO 2`, an object, `STOP`.
pub fn pickle(object: &[u8]) -> Vec<u8> {
    [b"\x80\x02", object, b"."].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

pub fn int(value: i64) -> Vec<u8> {
    [b"\x8a\x08", &value.to_le_bytes()[..]].concat()
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

pub fn tuple(elements: &[Vec<u8>]) -> Vec<u8> {
    [b"(", elements.concat().as_slice(), b"t"].concat()
}

pub fn list(elements: &[Vec<u8>]) -> Vec<u8> {
    [b"](", elements.concat().as_slice(), b"e"].concat()
}

pub fn ints(values: &[i64]) -> Vec<u8> {
    tuple(&values.iter().map(|&value| int(value)).collect::<Vec<_>>())
}

pub fn call(function: &[u8], arguments: &[Vec<u8>]) -> Vec<u8> {
    [function, &tuple(arguments), b"R"].concat()
}

/// A plain dictionary.
pub fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> =
        items.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"}(", items.as_slice(), b"u"].concat()
}

/// An ordered dictionary with `_metadata`, as modules give it.
pub fn state_dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let ordered = global("collections", "OrderedDict");
    let items: Vec<u8> =
        items.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    let metadata = dict(&[("_metadata", [ordered.as_slice(), b")R"].concat())]);
    [ordered.as_slice(), b")R(", &items, b"u", &metadata, b"b"].concat()
}

pub fn storage(kind: &str, key: &str, elements: i64) -> Vec<u8> {
    let identity =
        [text("storage"), global("torch", kind), text(key), text("cuda:0"), int(elements)];
    [tuple(&identity), b"Q".to_vec()].concat()
}

/// A storage with the sixth field that the legacy format has.
pub fn legacy_storage(kind: &str, key: &str, elements: i64) -> Vec<u8> {
    let identity = [
        text("storage"),
        global("torch", kind),
        text(key),
        text("cpu"),
        int(elements),
        b"N".to_vec(),
    ];
    [tuple(&identity), b"Q".to_vec()].concat()
}

pub fn tensor(storage: Vec<u8>, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let hooks = [global("collections", "OrderedDict"), b")R".to_vec()].concat();
    let rebuild = global("torch._utils", "_rebuild_tensor_v2");
    call(&rebuild, &[storage, int(offset), ints(shape), ints(strides), b"\x89".to_vec(), hooks])
}

/// A contiguous `f32` tensor that is all of its storage.
pub fn whole(key: &str, shape: &[i64]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    tensor(storage("FloatStorage", key, shape.iter().product()), 0, shape, &strides)
}

pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A legacy stream; storages are key, number of elements, bytes.
pub fn legacy(object: &[u8], storages: &[(&str, i64, Vec<u8>)]) -> Vec<u8> {
    legacy_with(object, storages, true)
}

pub fn legacy_with(
    object: &[u8],
    storages: &[(&str, i64, Vec<u8>)],
    little_endian: bool,
) -> Vec<u8> {
    let magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    let machine = dict(&[
        ("protocol_version", b"M\xe9\x03".to_vec()),
        ("little_endian", if little_endian { b"\x88" } else { b"\x89" }.to_vec()),
    ]);
    let keys = list(&storages.iter().map(|(key, _, _)| text(key)).collect::<Vec<_>>());
    let mut file =
        [pickle(magic), pickle(b"M\xe9\x03"), pickle(&machine), pickle(object), pickle(&keys)]
            .concat();
    for (_, elements, bytes) in storages {
        file.extend(elements.to_le_bytes());
        file.extend(bytes);
    }
    file
}

/// A zip archive of members by name.
pub fn zip(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What `torch.save` writes; storages are key and bytes.
pub fn saved(object: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut members = vec![
        ("archive/data.pkl".to_owned(), pickle(object)),
        ("archive/byteorder".to_owned(), b"little".to_vec()),
    ];
    for (key, bytes) in storages {
        members.push((format!("archive/data/{key}"), bytes.clone()));
    }
    members.push(("archive/version".to_owned(), b"3\n".to_vec()));
    let members: Vec<_> =
        members.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    zip(&members, CompressionMethod::Stored)
}

/// A safetensors file from a header and the bytes behind it.
pub fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}
