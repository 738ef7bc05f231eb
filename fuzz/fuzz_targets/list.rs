//! Lists of paths and of pairs: every byte sequence is refused by line, or read without losing or
//! inventing an entry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike::pairing::{Separator, parse_pairs, parse_paths};

fuzz_target!(|bytes: &[u8]| {
    for (separator, mark) in [(Separator::Line, b'\n'), (Separator::Nul, 0)] {
        let entries = bytes.split(|&byte| byte == mark).filter(|entry| !entry.is_empty()).count();
        if let Ok(paths) = parse_paths(bytes, separator) {
            assert!(paths.len() <= entries);
            assert!(paths.iter().all(|path| !path.as_os_str().is_empty()));
        }
        if let Ok(work) = parse_pairs(bytes, separator) {
            assert!(work.pairs() <= entries);
            let candidates = || work.groups.iter().flat_map(|group| &group.candidates);
            let labels: std::collections::BTreeSet<_> = candidates().map(|c| &c.label).collect();
            assert_eq!(labels.len(), work.pairs(), "labels name maps, so they are unique");
        }
    }
});
