//! Arbitrary bytes either are refused or give a picture that equals itself.
//!
//! The length chooses the alpha policy, so that every file is tried as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::{AlphaPolicy, Encoding, Want};

/// Small enough for a fuzzer's memory limit at every depth.
const MAX_PIXELS: u64 = 1 << 18;

fuzz_target!(init: report_own_panics_only(), |bytes: &[u8]| {
    let alpha = match bytes.len() % 4 {
        0 => AlphaPolicy::Error,
        1 => AlphaPolicy::White,
        2 => AlphaPolicy::Black,
        _ => AlphaPolicy::Ignore,
    };
    let options = DecodeOptions { alpha, max_pixels: MAX_PIXELS, shorter_side: None };
    let Ok(picture) = decode(bytes, "fuzzed", &options) else { return };
    assert!((picture.width() * picture.height()) as u64 <= MAX_PIXELS);
    if picture.encoding() == Encoding::Srgb {
        let psnr = lookalike_metrics::metric("psnr").expect("a known metric");
        let score = psnr.compare(&picture, &picture, Want::default()).expect("equal sizes");
        assert_eq!(score.value, f64::INFINITY);
    }
});

/// The reader turns a panic inside a third-party decoder into an error, which is what is promised.
/// The fuzzer would count it as a crash, so its hook is replaced by one that spares those.
fn report_own_panics_only() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("/registry/src/")) {
            report(panic);
        }
    }));
}
