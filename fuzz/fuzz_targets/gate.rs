//! Gates: every text is refused with a message, or is a rule that reads back from its own print.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike::{Gate, GateSyntax};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let syntax = match GateSyntax::parse(text) {
        Ok(syntax) => syntax,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(syntax.bound.is_finite());
    if let Ok(gate) = Gate::new(&syntax) {
        assert_eq!(Gate::parse(&gate.to_string()).expect("printed gates are gates"), gate);
    }
});
