//! Text that users write: ids, gates, configuration files and lists. Every file that fuzzing started from is read, and
//! whatever is accepted reads back from its own print.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lookalike::pairing::{Separator, parse_pairs, parse_paths};
use lookalike::{Comparator, Direction, Gate, GateSyntax, GatesFile, MetricId, Pooling};
use proptest::prelude::*;

/// Name and bytes of every file a fuzz target starts from.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        paths.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn lists_of_the_corpus_are_read_or_refused() {
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in corpus("list") {
        for separator in [Separator::Line, Separator::Nul] {
            let paths = parse_paths(&bytes, separator);
            assert!(paths.iter().flatten().all(|path| path != Path::new("")), "{name}");
            match parse_pairs(&bytes, separator) {
                Ok(work) => {
                    let candidates = work.groups.iter().flat_map(|group| &group.candidates);
                    let labels: BTreeSet<_> =
                        candidates.map(|candidate| &candidate.label).collect();
                    assert_eq!(labels.len(), work.pairs(), "{name}");
                    accepted += 1;
                }
                Err(error) => {
                    assert!(error.to_string().starts_with("line "), "{name}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted >= 10 && refused >= 10, "{accepted} accepted, {refused} refused");
}

#[test]
fn gates_of_the_corpus_read_back_or_are_refused() {
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in corpus("gate") {
        let text = String::from_utf8(bytes).unwrap();
        match Gate::parse(&text) {
            Ok(gate) => {
                assert_eq!(Gate::parse(&gate.to_string()).unwrap(), gate, "{name}");
                accepted += 1;
            }
            Err(error) => {
                let message = error.to_string();
                assert!(message.len() > 20 && message.len() < 600, "{name}: {message}");
                refused += 1;
            }
        }
    }
    assert!(accepted >= 14 && refused >= 25, "{accepted} accepted, {refused} refused");
}

#[test]
fn gates_files_of_the_corpus_are_read_or_refused_with_a_line() {
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in corpus("gates_file") {
        match GatesFile::parse(&bytes, Path::new("gates.toml")) {
            Ok(_) => accepted += 1,
            Err(error) => {
                let message = error.to_string();
                assert!(message.starts_with("gates.toml: "), "{name}: {message}");
                assert!(!message.contains('\n'), "{name}: {message}");
                refused += 1;
            }
        }
    }
    assert!(accepted >= 3 && refused >= 8, "{accepted} accepted, {refused} refused");
}

#[test]
fn ids_of_the_corpus_read_back_or_are_refused() {
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in corpus("id_and_lists") {
        let Ok(text) = String::from_utf8(bytes) else { continue };
        match text.parse::<MetricId>() {
            Ok(id) => {
                assert_eq!(id.to_string().parse::<MetricId>().unwrap(), id, "{name}");
                accepted += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(accepted >= 5 && refused >= 5, "{accepted} accepted, {refused} refused");
}

/// A word that may stand in an id.
const WORD: &str = "[a-z0-9._/-]{1,12}";

prop_compose! {
    fn id_text()(
        family in WORD,
        variant in prop::option::of(WORD),
        profile in prop::option::of("[a-zA-Z0-9 ._/:=@-]{1,20}"),
        options in prop::collection::btree_map("[a-z-]{1,8}", "[a-zA-Z0-9.:=@/-]{0,8}", 0..4),
    ) -> String {
        let variant = variant.map(|word| format!(":{word}")).unwrap_or_default();
        let profile = profile.map(|text| format!("@{text}")).unwrap_or_default();
        let options: String = options.iter().map(|(name, value)| format!("+{name}={value}")).collect();
        format!("{family}{variant}{profile}{options}")
    }
}

proptest! {
    #[test]
    fn printed_ids_read_back(text in id_text()) {
        let id: MetricId = text.parse().unwrap();
        prop_assert_eq!(id.to_string().parse::<MetricId>().unwrap(), id);
    }

    #[test]
    fn no_text_upsets_the_parsers(text in "\\PC{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = text.parse::<MetricId>();
        let _ = Gate::parse(&text);
        let _ = Pooling::split(&text);
        let _ = GatesFile::parse(&bytes, Path::new("gates.toml"));
        let _ = lookalike::metric(&text);
        for separator in [Separator::Line, Separator::Nul] {
            let _ = parse_paths(&bytes, separator);
            let _ = parse_pairs(&bytes, separator);
        }
    }

    #[test]
    fn printed_gates_read_back(
        which in any::<prop::sample::Index>(),
        strict in any::<bool>(),
        bound in any::<f64>().prop_filter("bounds are finite", |bound| bound.is_finite()),
        blanks in " {0,3}",
    ) {
        let cards: Vec<_> = lookalike::definitions().map(|definition| definition.card).collect();
        let card = which.get(&cards);
        let sign = match (card.direction, strict) {
            (Direction::HigherIsBetter, false) => ">=",
            (Direction::HigherIsBetter, true) => ">",
            (Direction::LowerIsBetter, false) => "<=",
            (Direction::LowerIsBetter, true) => "<",
        };
        let text = format!("{blanks}{}{blanks}{sign}{blanks}{bound:e}{blanks}", card.id);
        let gate = Gate::parse(&text).unwrap();
        prop_assert_eq!(gate.to_string(), format!("{}{sign}{bound}", card.id));
        prop_assert_eq!(&Gate::parse(&gate.to_string()).unwrap(), &gate);
        let expected = if strict { [Comparator::Above, Comparator::Below] }
            else { [Comparator::AtLeast, Comparator::AtMost] };
        prop_assert!(expected.contains(&GateSyntax::parse(&text).unwrap().comparator));
        // The bound itself passes exactly when the comparison allows equality.
        prop_assert_eq!(gate.passes(bound), !strict);
    }

    #[test]
    fn printed_poolings_read_back(
        which in any::<prop::sample::Index>(),
        side in 1_usize..=4096,
        share in prop::option::of(0.0_f64..100.0),
        bound in -10.0_f64..10.0,
    ) {
        let cards: Vec<_> = lookalike::definitions().map(|definition| definition.card).collect();
        let with_map: Vec<_> = cards.into_iter().filter(|card| card.map.is_some()).collect();
        let card = which.get(&with_map);
        let pooling = match share.filter(|&share| share > 0.0) {
            Some(share) => Pooling::Percentile(share),
            None => Pooling::WorstWindow(side),
        };
        let [fitting, wrong] = match lookalike::map_direction(card.map.unwrap()) {
            Direction::HigherIsBetter => [">=", "<="],
            Direction::LowerIsBetter => ["<=", ">="],
        };
        let text = format!("{}.{pooling}{fitting}{bound}", card.id);
        let gate = Gate::parse(&text).unwrap();
        prop_assert_eq!(gate.to_string(), text);
        prop_assert_eq!((gate.pooling(), gate.id().to_string()), (Some(pooling), card.id.to_owned()));
        let against = format!("{}.{pooling}{wrong}{bound}", card.id);
        prop_assert!(Gate::parse(&against).is_err());
    }

    #[test]
    fn lists_keep_every_entry(names in prop::collection::vec("[^\\x00-\\x1f]{1,20}", 1..12)) {
        let expected: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        for (separator, mark) in [(Separator::Line, "\n"), (Separator::Line, "\r\n"), (Separator::Nul, "\0")] {
            let list = names.join(mark);
            prop_assert_eq!(&parse_paths(list.as_bytes(), separator).unwrap(), &expected);
            let closed = list + mark;
            prop_assert_eq!(&parse_paths(closed.as_bytes(), separator).unwrap(), &expected);
        }
        let lines: String = names.iter().map(|name| format!("ref\t{name}\n")).collect();
        let work = parse_pairs(lines.as_bytes(), Separator::Line).unwrap();
        prop_assert_eq!(work.groups.len(), 1);
        let found: Vec<PathBuf> =
            work.groups[0].candidates.iter().map(|candidate| candidate.path.clone()).collect();
        prop_assert_eq!(found, expected);
    }
}
