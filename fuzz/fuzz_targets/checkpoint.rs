//! Any file of weights: safetensors, and both formats of PyTorch. It is refused, or every tensor has
//! the bytes of its shape, and not many more than the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike_weights::read_bytes;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = read_bytes(bytes.to_vec(), "fuzzed") else { return };
    let names: Vec<String> = file.tensors().map(|(name, _, _)| name.to_owned()).collect();
    let mut unpacked = 0;
    for name in names {
        let Ok(tensor) = file.tensor(&name) else { continue };
        let elements: usize = tensor.shape.iter().product();
        assert_eq!(tensor.bytes.len(), elements * tensor.dtype.size());
        unpacked += tensor.bytes.len();
        if let Ok(values) = tensor.to_f32() {
            assert!(values.iter().all(|value| value.is_finite()));
        }
    }
    assert!(unpacked <= 16 * bytes.len() + (64 << 20));
});
