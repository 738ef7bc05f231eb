//! Files that PyTorch itself wrote hold the numbers that it says they hold.
//!
//! They are made by `tools/checkpoints`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::PathBuf;

use lookalike_weights::{DType, Format, Specification, Tensor, read_bytes, read_file};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The elements of any kind of tensor. All that are stored in double precision are single in truth,
/// which also evens out how JSON rounds decimals.
fn values(tensor: &Tensor) -> Vec<f32> {
    match tensor.dtype {
        DType::F64 => {
            tensor.bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect()
        }
        DType::I64 => {
            tensor.bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f32).collect()
        }
        DType::U8 | DType::Bool => tensor.bytes.iter().map(|&byte| f32::from(byte)).collect(),
        _ => tensor.to_f32().unwrap(),
    }
}

fn torch_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "float64",
        DType::F32 => "float32",
        DType::F16 => "float16",
        DType::BF16 => "bfloat16",
        DType::I64 => "int64",
        DType::U8 => "uint8",
        DType::Bool => "bool",
        other => other.as_str(),
    }
}

#[test]
fn both_formats_hold_the_numbers_of_torch() {
    let numbers: Value =
        serde_json::from_slice(&std::fs::read(fixture("numbers.json")).unwrap()).unwrap();
    for (file, expected) in numbers["files"].as_object().unwrap() {
        let expected = expected.as_object().unwrap();
        for (kind, format) in [("zip", Format::PytorchZip), ("legacy", Format::PytorchLegacy)] {
            let name = format!("{file}.{kind}.pth");
            let mut checkpoint = read_file(&fixture(&name)).unwrap();
            assert_eq!(checkpoint.format(), format);
            assert_eq!(checkpoint.tensors().count(), expected.len(), "{name}");
            for (key, about) in expected {
                let tensor = checkpoint.tensor(key).unwrap();
                let shape: Vec<usize> = serde_json::from_value(about["shape"].clone()).unwrap();
                let stored: Vec<f32> = serde_json::from_value(about["values"].clone()).unwrap();
                assert_eq!(tensor.shape, shape, "{name}, {key}");
                assert_eq!(torch_name(tensor.dtype), about["dtype"], "{name}, {key}");
                assert_eq!(values(&tensor), stored, "{name}, {key}");
            }
        }
    }
}

#[test]
fn a_checkpoint_of_training_gives_its_state() {
    let file = read_file(&fixture("training.zip.pth")).unwrap();
    let shapes: [(&str, &[usize]); 7] = [
        ("0.weight", &[2, 3, 3, 3]),
        ("0.bias", &[2]),
        ("1.weight", &[2]),
        ("1.bias", &[2]),
        ("1.running_mean", &[2]),
        ("1.running_var", &[2]),
        ("1.num_batches_tracked", &[]),
    ];
    let found: Vec<_> = file.tensors().map(|(name, _, _)| name.to_owned()).collect();
    let expected: Vec<_> = shapes.iter().map(|(name, _)| format!("module.{name}")).collect();
    assert_eq!(found, expected);
    // The count of batches is an integer, so a specification of numbers cannot ask for it.
    let message = file.into_weights(&Specification::new("mine", shapes)).unwrap_err().to_string();
    assert!(message.contains("num_batches_tracked") && message.contains("i64"), "{message}");
}

#[test]
fn files_of_torch_cut_anywhere_are_refused() {
    for name in ["module.zip.pth", "module.legacy.pth"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in 0..bytes.len() {
            assert!(read_bytes(bytes[..length].to_vec(), "x").is_err(), "{name} cut to {length}");
        }
    }
}

#[test]
fn a_conversion_keeps_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kinds.safetensors");
    let mut original = read_file(&fixture("kinds.legacy.pth")).unwrap();
    original.write_safetensors(&path).unwrap();
    let mut converted = read_file(&path).unwrap();
    assert_eq!(converted.format(), Format::Safetensors);
    let names: Vec<_> = original.tensors().map(|(name, _, _)| name.to_owned()).collect();
    assert_eq!(converted.tensors().count(), names.len());
    for name in names {
        assert_eq!(converted.tensor(&name).unwrap(), original.tensor(&name).unwrap());
    }
}
