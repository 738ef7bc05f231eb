//! Triplets to learn from: which pictures, how many people chose the second, and what identifies them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use lookalike_judge::dataset::{Judgement, Layout, Protocol};

use crate::files::{failed, sha256};
use crate::random::{Purpose, Stream};
use crate::{Error, Result};

/// A reference, two pictures, and the share of people who found the second closer.
#[derive(Clone, Debug, PartialEq)]
pub struct Triplet {
    /// The reference, the first and the second picture.
    pub pictures: [PathBuf; 3],
    /// From 0 to 1.
    pub share: f32,
}

/// Triplets in the order of their files.
#[derive(Clone, Debug, PartialEq)]
pub struct Triplets {
    /// All of them; one at least.
    pub all: Vec<Triplet>,
    /// Pixels to which the protocol of the judgements brings the shorter side of pictures.
    pub protocol_side: Option<usize>,
    /// SHA-256 of names and lengths of the pictures, relative to the data, and of the shares.
    pub sha256: String,
    /// SHA-256 of that, of where the pictures lie, and of when they were changed.
    pub(crate) state_sha256: String,
}

impl Triplets {
    /// Reads the 2AFC judgements of a file or folder (triplets as CSV or JSONL, BAPPS, NIGHTS). No picture
    /// is opened.
    ///
    /// # Errors
    /// [`Error::Data`]; [`Error::Unsuitable`] for judgements of another kind and for none;
    /// [`Error::File`] for pictures that are not there.
    pub fn read(data: &Path) -> Result<Self> {
        let unsuitable = |reason: String| Error::Unsuitable { path: data.to_owned(), reason };
        if !data.exists() {
            return Err(unsuitable(
                "expected judgements (a CSV or JSONL file, or a folder as BAPPS has it), found nothing"
                    .to_owned(),
            ));
        }
        let layout = Layout::detect(data)?;
        if layout.protocol() != Protocol::TwoAlternative {
            return Err(unsuitable(format!(
                "expected judgements of triplets (triplets, bapps-2afc, nights), found {}",
                layout.as_str()
            )));
        }
        let mut all = Vec::new();
        for item in layout.items(data)? {
            if let Judgement::Triplet { reference, left, right, right_share } = item?.judgement {
                let pictures = [reference, left, right];
                all.push(Triplet { pictures, share: right_share as f32 });
            }
        }
        if all.is_empty() {
            return Err(unsuitable("expected at least one triplet, found none".to_owned()));
        }
        let root = if data.is_dir() { data } else { data.parent().unwrap_or(Path::new("")) };
        let mut known = BTreeMap::new();
        let (mut facts, mut state) = (String::new(), String::new());
        for triplet in &all {
            for path in &triplet.pictures {
                let (length, changed) = match known.get(path) {
                    Some(&known) => known,
                    None => {
                        let about = std::fs::metadata(path).map_err(failed(path, "read"))?;
                        let changed = about.modified().ok();
                        let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                        let found = (about.len(), changed.unwrap_or_default().as_nanos());
                        known.insert(path.clone(), found);
                        found
                    }
                };
                let name = path.strip_prefix(root).unwrap_or(path).display();
                let _ = writeln!(facts, "{name}\t{length}");
                let _ = writeln!(state, "{}\t{changed}", path.display());
            }
            let _ = writeln!(facts, "{}", triplet.share.to_bits());
        }
        let facts = sha256(facts.as_bytes());
        let state_sha256 = sha256(format!("{facts}\n{state}").as_bytes());
        Ok(Self { all, protocol_side: layout.protocol_side(), sha256: facts, state_sha256 })
    }

    /// Places of triplets to learn from and to hold out. Triplets of one reference stay together; as many
    /// references as the share says are held out, at least one and never all, none for a share of 0.
    pub fn split(&self, share: f64, seed: u64) -> [Vec<usize>; 2] {
        let mut groups: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        for (place, triplet) in self.all.iter().enumerate() {
            groups.entry(&triplet.pictures[0]).or_default().push(place);
        }
        let count = groups.len();
        let wanted = (share * count as f64).round() as usize;
        let out = if share > 0.0 { wanted.max(1).min(count - 1) } else { 0 };
        let groups: Vec<Vec<usize>> = groups.into_values().collect();
        let order = Stream::new(seed, Purpose::HoldOut, 0).permutation(count);
        let gather = |places: &[usize]| {
            let mut all: Vec<usize> = places.iter().flat_map(|&at| groups[at].clone()).collect();
            all.sort_unstable();
            all
        };
        [gather(&order[out..]), gather(&order[..out])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_held_out_whole() {
        let triplet = |index: usize| Triplet {
            pictures: [format!("r{}", index / 3), "a".to_owned(), "b".to_owned()].map(Into::into),
            share: 0.5,
        };
        let of = |count| Triplets {
            all: (0..count).map(triplet).collect(),
            protocol_side: None,
            sha256: String::new(),
            state_sha256: String::new(),
        };
        let [learned, held] = of(60).split(0.25, 1);
        assert_eq!((learned.len(), held.len()), (45, 15));
        assert!(held.chunks(3).all(|three| three[0] / 3 == three[2] / 3));
        let mut both = [learned.clone(), held.clone()].concat();
        both.sort_unstable();
        assert_eq!(both, (0..60).collect::<Vec<_>>());
        assert_ne!(of(60).split(0.25, 2)[1], held);
        assert!(of(60).split(0.0, 1)[1].is_empty());
        assert_eq!(of(6).split(0.01, 1)[1].len(), 3);
        assert!(of(3).split(0.5, 1)[1].is_empty(), "one reference alone is learned from");
    }
}
