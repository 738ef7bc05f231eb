//! Tensors recorded from PyTorch in double precision, outside the repository (`../shared/reference/lipsim`).

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

/// A file of recorded tensors, or `None`, said aloud, where it is absent.
pub(crate) fn recorded(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/lipsim");
    let path = folder.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {} is absent", path.display());
    }
    bytes
}

/// The numbers of a tensor.
pub(crate) fn read(file: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    let tensor = file.tensor(name).unwrap();
    let data = tensor.data();
    let eight = || data.chunks_exact(8).map(|bytes| <[u8; 8]>::try_from(bytes).unwrap());
    match tensor.dtype() {
        Dtype::F32 => {
            data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect()
        }
        Dtype::U8 => data.iter().map(|&byte| f64::from(byte)).collect(),
        Dtype::I64 => eight().map(|bytes| i64::from_le_bytes(bytes) as f64).collect(),
        _ => eight().map(f64::from_le_bytes).collect(),
    }
}
