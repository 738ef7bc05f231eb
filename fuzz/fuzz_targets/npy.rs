//! Arrays as NumPy writes them: refused, or as many numbers as the shape says and the bytes hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike_judge::npy;

fuzz_target!(|bytes: &[u8]| {
    let Ok(array) = npy::read(bytes) else { return };
    let count = array.shape.iter().try_fold(1_usize, |all, &extent| all.checked_mul(extent));
    assert_eq!(count, Some(array.values.len()));
    assert!(4 * array.values.len() <= bytes.len());
});
