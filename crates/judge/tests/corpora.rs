//! The files that fuzzing starts from and what it found, replayed: refused with a message, or read to
//! numbers that statistics take.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use lookalike_judge::dataset::{Item, Layout};
use lookalike_judge::evaluation::Answers;
use lookalike_judge::npy;

/// Name and bytes of every file a fuzz target starts from.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> =
        paths.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn arrays_hold_what_their_shape_says() {
    let mut read = Vec::new();
    for (name, bytes) in corpus("npy") {
        if let Ok(array) = npy::read(&bytes) {
            assert_eq!(array.values.len(), array.shape.iter().product::<usize>(), "{name}");
            read.push(name);
        }
    }
    for name in ["matrix", "one"] {
        assert!(read.iter().any(|known| known == name), "{name}: {read:?}");
    }
    assert!(!read.iter().any(|name| name == "huge-shape" || name == "cut-off"), "{read:?}");
}

#[test]
fn judgements_are_refused_or_scored() {
    let folder = tempfile::tempdir().unwrap();
    let mut scored = 0;
    for (name, bytes) in corpus("judgements") {
        for file in ["j.csv", "j.jsonl"] {
            let path = folder.path().join(file);
            std::fs::write(&path, &bytes).unwrap();
            for layout in Layout::ALL {
                let Ok(items) = layout.items(&path) else { continue };
                let items: Vec<Item> = items.flatten().collect();
                let Ok(answers) = Answers::new(&items, true) else { continue };
                let count = items.len() * layout.protocol().pairs();
                let distances: Vec<f64> = (0..count).map(|i| (i * 7 % 5) as f64).collect();
                // A score that is not defined (all ratings equal, nothing the same) is an error.
                let found = answers.evaluate(&distances, 3, 1);
                assert!(
                    found.is_ok_and(|f| f.overall.score.is_finite()) || items.len() < 6,
                    "{name}"
                );
                assert_eq!(answers.disagreements(&distances).unwrap().len(), items.len(), "{name}");
                answers.scatter(&distances).unwrap();
                scored += 1;
            }
        }
    }
    assert!(scored >= 6, "{scored}");
}
