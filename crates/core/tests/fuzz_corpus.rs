//! Every file that fuzzing started from or stumbled over is decoded under every alpha policy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;

use lookalike_core::AlphaPolicy;
use lookalike_core::decode::{DecodeOptions, decode};

#[test]
fn no_file_of_the_corpus_panics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/decode");
    let policies =
        [AlphaPolicy::Error, AlphaPolicy::White, AlphaPolicy::Black, AlphaPolicy::Ignore];
    let (mut files, mut pictures) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        files += 1;
        for alpha in policies {
            let options = DecodeOptions { alpha, max_pixels: 1 << 18, shorter_side: None };
            let Ok(picture) = decode(&bytes, &name, &options) else { continue };
            assert!(picture.width() * picture.height() <= 1 << 18, "{name}");
            pictures += 1;
        }
    }
    assert!(files >= 50 && pictures >= 100, "{files} files, {pictures} pictures");
}
