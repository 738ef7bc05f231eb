//! Text that users write: every parser refuses or accepts without panicking, and what it accepts
//! prints to text that it reads back as the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike_core::{MetricId, PictureOptions};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    metric_id(text);
});

fn metric_id(text: &str) {
    let Ok(id) = text.parse::<MetricId>() else { return };
    let printed = id.to_string();
    assert_eq!(printed.parse::<MetricId>().expect("printed ids are ids"), id);
    let _ = PictureOptions::of(&id);
    let _ = lookalike_metrics::metric(text);
}
