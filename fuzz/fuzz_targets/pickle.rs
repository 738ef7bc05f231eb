//! Any pickle, in the two frames in which files of PyTorch carry one: it is refused, or describes
//! tensors that lie inside their storages. Nothing it names is called, and nothing it announces is
//! allocated.

#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use lookalike_weights::read_bytes;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Bytes of every storage that the frames offer.
const STORED: [u8; 64] = [0x3f; 64];

fuzz_target!(|pickle: &[u8]| {
    read_all(zipped(pickle));
    read_all(streamed(pickle));
});

fn read_all(bytes: Vec<u8>) {
    let Ok(mut file) = read_bytes(bytes, "fuzzed") else { return };
    let names: Vec<String> = file.tensors().map(|(name, _, _)| name.to_owned()).collect();
    for name in names {
        let Ok(tensor) = file.tensor(&name) else { continue };
        let elements: usize = tensor.shape.iter().product();
        assert_eq!(tensor.bytes.len(), elements * tensor.dtype.size());
        assert!(tensor.bytes.iter().all(|&byte| byte == STORED[0]));
    }
}

/// The zip format, with storages `0` to `3`.
fn zipped(pickle: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        archive.start_file(name, SimpleFileOptions::default()).expect("in memory");
        archive.write_all(bytes).expect("in memory");
    };
    add("a/data.pkl", pickle);
    for key in 0..4 {
        add(&format!("a/data/{key}"), &STORED);
    }
    archive.finish().expect("in memory").into_inner()
}

/// The stream: magic, protocol, an empty dictionary about the machine, the pickle, storage `0` of 16
/// elements.
fn streamed(pickle: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let frame = b"\x80\x02M\xe9\x03.\x80\x02}q\0.";
    let keys = b"\x80\x02](X\x01\0\0\00e.";
    [magic, &frame[..], pickle, keys, &16_u64.to_le_bytes(), &STORED].concat()
}
