//! The files that fuzzing starts from, replayed: refused with a message, or read to the last tensor.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod written;

use std::path::Path;

use lookalike_weights::{Result, read_bytes};
use zip::CompressionMethod;

/// Name and bytes of every file a fuzz target starts from.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Reads all tensors; how many there are.
fn tensors(bytes: &[u8]) -> Result<usize> {
    let mut file = read_bytes(bytes.to_vec(), "x")?;
    let names: Vec<String> = file.tensors().map(|(name, _, _)| name.to_owned()).collect();
    for name in &names {
        let tensor = file.tensor(name)?;
        let elements: usize = tensor.shape.iter().product();
        assert_eq!(tensor.bytes.len(), elements * tensor.dtype.size(), "{name}");
    }
    Ok(names.len())
}

/// The names of those that are read.
fn read(target: &str, frame: impl Fn(&[u8]) -> Vec<u8>) -> Vec<String> {
    let mut read = Vec::new();
    for (name, bytes) in corpus(target) {
        match tensors(&frame(&bytes)) {
            Ok(count) => {
                assert!(count > 0, "{name}");
                read.push(name);
            }
            Err(error) => assert!(error.to_string().starts_with("x: "), "{name}: {error}"),
        }
    }
    read
}

#[test]
fn files_of_the_corpus_are_read_or_refused() {
    let sound = [
        "deflated.zip.pth",
        "kinds.legacy.pth",
        "kinds.zip.pth",
        "module.legacy.pth",
        "module.zip.pth",
        "two.safetensors",
    ];
    assert_eq!(read("checkpoint", <[u8]>::to_vec), sound);
}

#[test]
fn pickles_of_the_corpus_are_read_or_refused() {
    let frame = |pickle: &[u8]| {
        let mut members = vec![("a/data.pkl".to_owned(), pickle.to_vec())];
        members.extend((0..4).map(|key| (format!("a/data/{key}"), vec![0x3f; 64])));
        let members: Vec<_> =
            members.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        written::zip(&members, CompressionMethod::Stored)
    };
    assert_eq!(read("pickle", frame), ["halves", "nested", "one", "pairs", "strided"]);
}
