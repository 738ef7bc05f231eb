//! Judgements as CSV and as JSONL, in every layout that is one file: refused by line, or with shares of
//! people that are shares and paths within reach of statistics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lookalike_judge::dataset::{Item, Judgement, Layout, Protocol, questions};
use lookalike_judge::evaluation::Answers;

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    for name in ["j.csv", "j.jsonl"] {
        let path = folder.path().join(name);
        if std::fs::write(&path, bytes).is_err() {
            return;
        }
        let _ = Layout::detect(&path);
        for protocol in [Protocol::TwoAlternative, Protocol::JustNoticeable] {
            if let Ok(found) = questions(&path, protocol) {
                found.flatten().for_each(|one| assert!(!one.candidates.is_empty()));
            }
        }
        for layout in
            [Layout::Triplets, Layout::Same, Layout::Ratings, Layout::OddOneOut, Layout::Nights]
        {
            let Ok(items) = layout.items(&path) else { continue };
            let items: Vec<Item> = items.flatten().take(64).collect();
            items.iter().for_each(check);
            let Ok(answers) = Answers::new(&items, true) else { continue };
            let distances: Vec<f64> =
                (0..items.len() * layout.protocol().pairs()).map(|i| (i * 7 % 5) as f64).collect();
            let _ = answers.evaluate(&distances, 3, 1);
            let _ = answers.scatter(&distances);
            assert_eq!(answers.disagreements(&distances).map(|all| all.len()), Ok(items.len()));
        }
    }
});

fn check(item: &Item) {
    match &item.judgement {
        Judgement::Triplet { right_share: share, .. } | Judgement::Same { same: share, .. } => {
            assert!((0.0..=1.0).contains(share));
        }
        Judgement::Rating { score, .. } => assert!(score.is_finite()),
        Judgement::OddOneOut { odd, .. } => {
            assert!(odd.iter().all(|share| (0.0..=1.0).contains(share)));
            assert!((odd.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
