//! `gates.toml`: every text is refused with a message that names the file, or is read.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lookalike::GatesFile;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = GatesFile::parse(bytes, Path::new("gates.toml")) {
        assert!(error.to_string().starts_with("gates.toml: "));
    }
});
