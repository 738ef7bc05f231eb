//! Recorded numbers for the tests of this module, where they are at hand.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

/// One recorded file: its description and its tensors.
pub(super) struct Reference {
    /// The JSON beside the tensors.
    pub(super) description: serde_json::Value,
    bytes: Vec<u8>,
}

impl Reference {
    /// The file of that name, or `None`, which it says, where the folder is absent.
    pub(super) fn find(name: &str) -> Option<Self> {
        let folder =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/reference/dit"));
        if !folder.is_dir() {
            eprintln!("skipped: {} is absent", folder.display());
            return None;
        }
        let text = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap();
        Some(Self { description: serde_json::from_slice(&text).unwrap(), bytes })
    }

    /// A tensor's values in f64, whatever its type.
    pub(super) fn f64s(&self, name: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let data = tensor.data();
        match tensor.dtype() {
            Dtype::F32 => data
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()).into())
                .collect(),
            Dtype::F64 => {
                data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
            }
            Dtype::I64 => data
                .chunks_exact(8)
                .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
                .collect(),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// A tensor's values in f32.
    pub(super) fn f32s(&self, name: &str) -> Vec<f32> {
        self.f64s(name).into_iter().map(|value| value as f32).collect()
    }

    /// The list of whole numbers at a pointer into the description.
    pub(super) fn indices(&self, pointer: &str) -> Vec<usize> {
        self.numbers(pointer).into_iter().map(|value| value as usize).collect()
    }

    /// The list of numbers at a pointer into the description.
    pub(super) fn numbers(&self, pointer: &str) -> Vec<f64> {
        let list = self.description.pointer(pointer).unwrap().as_array().unwrap();
        list.iter().map(|value| value.as_f64().unwrap()).collect()
    }
}

/// Asserts that every value is within `tolerance·max(1, |expected|)` of the expected one.
#[track_caller]
pub(super) fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let allowed = tolerance * expected.abs().max(1.0);
        assert!(
            found == expected || (found - expected).abs() <= allowed,
            "{what} at {at}: {found} is not {expected} within {allowed:e}"
        );
    }
}

/// The same for values kept in f32.
#[track_caller]
pub(super) fn assert_close_f32(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.iter().map(|&value| value.into()).collect();
    assert_close(what, &found, expected, tolerance);
}

/// Reproducible numbers roughly normal (a sum of twelve uniforms less six) for tests.
pub(super) fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count).map(|_| ((0..12).map(|_| uniform()).sum::<f64>() - 6.0) as f32).collect()
}
