//! Whether a download of BAPPS is whole.
//!
//! Expected are the sets of Zhang et al. 2018, Table 1, with the numbers of triplets that the published
//! validation files have; of training and JND sets the paper rounds, so only that nothing between the first
//! and the last is missing is known. Judgements are shares of 2 people (training), 5 (validation) or 3
//! (JND), and pictures of one set are all of one size: 64×64, or 256×256 as some copies have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::DatasetError;
use super::bapps::{sets, stems};
use crate::npy;

/// Group, split, set, people asked, and the number of judgements where it is known.
const EXPECTED: [(&str, &str, &str, u32, Option<usize>); 11] = [
    ("2afc", "train", "traditional", 2, None),
    ("2afc", "train", "cnn", 2, None),
    ("2afc", "train", "mix", 2, None),
    ("2afc", "val", "traditional", 5, Some(4720)),
    ("2afc", "val", "cnn", 5, Some(4720)),
    ("2afc", "val", "superres", 5, Some(10856)),
    ("2afc", "val", "deblur", 5, Some(9440)),
    ("2afc", "val", "color", 5, Some(4720)),
    ("2afc", "val", "frameinterp", 5, Some(1888)),
    ("jnd", "val", "traditional", 3, None),
    ("jnd", "val", "cnn", 3, None),
];

/// Problems of one set that are told apart.
const LISTED: usize = 5;

/// What is there of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetInspection {
    /// `2afc/val/cnn`.
    pub name: String,
    /// Where it lies, unless it is missing.
    pub folder: Option<PathBuf>,
    /// Judgements found.
    pub judgements: usize,
    /// Judgements of the published set, where the number is known.
    pub expected: Option<usize>,
    /// Width and height of its pictures, and how many have them.
    pub sizes: BTreeMap<(u32, u32), usize>,
    /// What is wrong; empty for a set that is whole.
    pub problems: Vec<String>,
}

/// Looks through the sets below a folder; missing ones are in the list as well.
///
/// # Errors
/// [`DatasetError::Read`] when a folder cannot be listed.
pub fn inspect_bapps(root: &Path) -> Result<Vec<SetInspection>, DatasetError> {
    if !root.is_dir() {
        let reason = std::io::Error::new(std::io::ErrorKind::NotFound, "no such folder");
        return Err(DatasetError::Read { path: root.to_owned(), reason });
    }
    // The folder may be that of one group or split, so parents above it count as well.
    let whole = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let (triplets, pairs) = (sets(&whole, "judge"), sets(&whole, "same"));
    EXPECTED
        .iter()
        .map(|&(group, split, set, people, expected)| {
            let triplet = group == "2afc";
            let found = if triplet { &triplets } else { &pairs };
            let folder = found.iter().find(|path| path.ends_with(Path::new(split).join(set)));
            let name = format!("{group}/{split}/{set}");
            let mut inspection = SetInspection { name, expected, ..SetInspection::default() };
            match folder {
                None => inspection.problems.push("missing".to_owned()),
                Some(folder) => inspection.look(folder, triplet, people)?,
            }
            Ok(inspection)
        })
        .collect()
}

impl SetInspection {
    fn look(&mut self, folder: &Path, triplet: bool, people: u32) -> Result<(), DatasetError> {
        self.folder = Some(folder.to_owned());
        let mut problems = Vec::new();
        let judgements = stems(&folder.join(if triplet { "judge" } else { "same" }))?;
        self.judgements = judgements.len();
        if let Some(expected) = self.expected.filter(|&expected| expected != judgements.len()) {
            problems.push(format!("{} of {expected} judgements", judgements.len()));
        }
        let contiguous: BTreeSet<String> =
            (0..judgements.len()).map(|index| format!("{index:06}")).collect();
        if let Some(gap) = contiguous.iter().find(|stem| !judgements.contains_key(*stem)) {
            problems.push(format!("judgement {gap} is missing"));
        }
        for (stem, path) in &judgements {
            let bytes = std::fs::read(path)
                .map_err(|reason| DatasetError::Read { path: path.clone(), reason })?;
            let wrong = match npy::number(&bytes) {
                Err(error) => Some(error.to_string()),
                Ok(share) if !(0.0..=1.0).contains(&share) => Some(format!("{share} is no share")),
                Ok(share) => {
                    let votes = share * f64::from(people);
                    let whole = (votes - votes.round()).abs() < 1e-3;
                    (!whole).then(|| format!("{share} is no share of {people} people"))
                }
            };
            problems.extend(wrong.map(|reason| format!("judgement {stem}: {reason}")));
        }
        for kind in if triplet { &["ref", "p0", "p1"][..] } else { &["p0", "p1"][..] } {
            let pictures = stems(&folder.join(kind))?;
            let lost = judgements.keys().filter(|stem| !pictures.contains_key(*stem)).count();
            let extra = pictures.keys().filter(|stem| !judgements.contains_key(*stem)).count();
            for (count, what) in [(lost, "missing"), (extra, "without a judgement")] {
                if count > 0 {
                    problems.push(format!("{kind}: {count} pictures {what}"));
                }
            }
            for (stem, path) in &pictures {
                match png_size(path) {
                    Some(size) => *self.sizes.entry(size).or_default() += 1,
                    None => problems.push(format!("{kind}/{stem}: no PNG picture")),
                }
            }
        }
        if self.sizes.len() > 1 {
            problems.push(format!("pictures of {} different sizes", self.sizes.len()));
        }
        let further = problems.len().saturating_sub(LISTED);
        problems.truncate(LISTED);
        if further > 0 {
            problems.push(format!("and {further} more"));
        }
        self.problems = problems;
        Ok(())
    }
}

/// Width and height as the first chunk of a PNG says them.
fn png_size(path: &Path) -> Option<(u32, u32)> {
    let mut head = [0; 24];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    if !head.starts_with(b"\x89PNG\r\n\x1a\n") || &head[12..16] != b"IHDR" {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    fn png(side: u32) -> Vec<u8> {
        let side = side.to_be_bytes();
        [&b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"[..], &side, &side].concat()
    }

    fn set(root: &Path, name: &str, kinds: &[&str], judgements: &str, share: f32, count: usize) {
        for index in 0..count {
            for kind in kinds {
                create_dir_all(root.join(name).join(kind)).unwrap();
                write(root.join(name).join(kind).join(format!("{index:06}.png")), png(64)).unwrap();
            }
            create_dir_all(root.join(name).join(judgements)).unwrap();
            let path = root.join(name).join(judgements).join(format!("{index:06}.npy"));
            write(path, npy::written(share, "(1,)")).unwrap();
        }
    }

    #[test]
    fn whole_sets_have_no_problems_and_others_say_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        set(root, "2afc/train/mix", &["ref", "p0", "p1"], "judge", 0.5, 3);
        set(root, "2afc/val/frameinterp", &["ref", "p0", "p1"], "judge", 0.4, 2);
        set(root, "jnd/val/cnn", &["p0", "p1"], "same", 0.5, 4);
        std::fs::remove_file(root.join("jnd/val/cnn/p1/000001.png")).unwrap();
        write(root.join("jnd/val/cnn/p0/000002.png"), png(256)).unwrap();
        let found = inspect_bapps(root).unwrap();
        assert_eq!(found.len(), EXPECTED.len());
        let of = |name: &str| found.iter().find(|set| set.name == name).unwrap();
        let mix = of("2afc/train/mix");
        assert_eq!((mix.judgements, mix.problems.len()), (3, 0), "{mix:?}");
        assert_eq!(mix.sizes, BTreeMap::from([((64, 64), 9)]));
        assert_eq!(of("2afc/val/frameinterp").problems, ["2 of 1888 judgements"]);
        assert_eq!(of("2afc/val/cnn").problems, ["missing"]);
        let cnn = of("jnd/val/cnn").problems.join("; ");
        for part in ["0.5 is no share of 3 people", "p1: 1 pictures missing", "and 1 more"] {
            assert!(cnn.contains(part), "{part}: {cnn}");
        }
        assert!(inspect_bapps(&root.join("none")).is_err());
    }
}
