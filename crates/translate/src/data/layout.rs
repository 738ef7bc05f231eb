//! How pairs of pictures lie in folders.
//!
//! * [`Layout::Manifest`]: a list, `metadata.jsonl` and the like, in the folder or in those of its splits
//!   ([`manifest`](super::manifest)), or tables that hold the pictures, `train-00000-of-00002.parquet` and the like;
//! * [`Layout::Folders`]: folders that say the side and may say the split: `trainA` and `trainB` (CycleGAN), `train_A`
//!   and `train_B` (img2img-turbo), `A/train` and `B/train`, `train/A` and `train/B` (BBDM), `face` or `faces` and
//!   `comics` (face2comics), `source` and `target`, `input` and `output`, `conditioning_images` and `images`, at any
//!   depth, so that nested archives need no care;
//! * [`Layout::Suffixes`]: one folder with `7_face` and `7_comic`, `7_A` and `7_B`, and so on;
//! * [`Layout::SideBySide`]: both in one picture (pix2pix), divided at ⌊w/2⌋: A is [0, ⌊w/2⌋), B the rest.
//!
//! They are tried in this order. Pictures belong together where split and path agree apart from what says the side,
//! without endings. A picture without a suffix `_AB` is taken for two side by side only where it is at least 1.6
//! times as wide as high, unless that layout is asked for, so that a folder of portraits is no data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lookalike_train::sight::Role;
use serde::{Deserialize, Serialize};

use super::domains::{Address, FAMILIES, Family, Side, split_name};
use super::report::Problem;
use super::{listing, manifest};
use crate::{Error, Result};

/// How pairs lie in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// A list of sources and targets.
    Manifest,
    /// Folders whose names say which is which.
    Folders,
    /// One folder, names whose last word says which is which.
    Suffixes,
    /// Source and target in one picture.
    SideBySide,
    /// Two folders that were named one by one.
    TwoFolders,
}

/// Which picture of a pair is the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// The first: A, the left half, faces, the column of sources.
    #[default]
    #[serde(rename = "AtoB")]
    AToB,
    /// The second.
    #[serde(rename = "BtoA")]
    BToA,
}

/// What a file holds of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    Whole,
    LeftHalf,
    RightHalf,
}

/// Where a picture is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file; of a picture in a table, what it is called in messages.
    pub(super) path: PathBuf,
    pub(super) part: Portion,
    /// What the file would hold, of a picture in a table.
    pub(super) bytes: Option<Arc<[u8]>>,
}

impl Place {
    /// Of a file.
    pub(super) fn file(path: PathBuf, part: Portion) -> Self {
        Self { path, part, bytes: None }
    }
}

/// A pair that is yet to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundPair {
    /// Unique within its root.
    pub(super) name: String,
    /// What decides its role where folders do not: the path without split, side and ending.
    pub(super) stem: String,
    pub(super) role: Option<Role>,
    /// First and second.
    pub(super) places: [Place; 2],
    /// Whether its width must show that it is two.
    pub(super) assumed: bool,
}

/// All pairs of a folder or manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) layout: Layout,
    pub(super) pairs: Vec<FoundPair>,
    pub(super) unmatched: Vec<Problem>,
}

/// For messages.
const EXPECTED: &str = "expected trainA and trainB, A and B, face and comics, source and target, or \
                        conditioning_images and images (folders, or last words of names as in 7_A.png), pictures \
                        with two halves side by side (7_AB.jpg), or a manifest (metadata.jsonl, pairs.csv, *.parquet)";

/// The pairs of a folder, or of a manifest where `root` is a file.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] where there are no pictures, or none of the layout that is asked for;
/// [`Error::Refused`] where two kinds of names could say the side.
pub(super) fn find(root: &Path, wanted: Option<Layout>) -> Result<Found> {
    let may_be = |layout| wanted.is_none_or(|wanted| wanted == layout);
    let unsuitable = |reason: String| Error::Unsuitable { path: root.to_owned(), reason };
    if root.is_file() {
        if !may_be(Layout::Manifest) {
            return Err(unsuitable("expected a folder for this layout, found a file".to_owned()));
        }
        return manifest::read(root);
    }
    if wanted == Some(Layout::TwoFolders) {
        return Err(unsuitable(
            "expected two folders named one by one for this layout, found one".to_owned(),
        ));
    }
    if may_be(Layout::Manifest)
        && let Some(found) = manifest::below(root)?
    {
        return Ok(found);
    }
    let pictures = listing::pictures(root)?;
    if may_be(Layout::Folders) {
        let by = |path: &Path, family: &Family| Address::by_folders(path, Some(family));
        if let Some(found) = by_side(root, &pictures, Layout::Folders, by)? {
            return Ok(found);
        }
    }
    if may_be(Layout::Suffixes)
        && let Some(found) = by_side(root, &pictures, Layout::Suffixes, Address::by_suffix)?
    {
        return Ok(found);
    }
    if may_be(Layout::SideBySide) && !pictures.is_empty() {
        return Ok(side_by_side(root, &pictures, wanted.is_none()));
    }
    let reason = match pictures.len() {
        0 => format!("{EXPECTED}; found no picture (png, jpg, webp, bmp, tif)"),
        count => format!("{EXPECTED}; found {count} pictures that lie in another way"),
    };
    Err(unsuitable(reason))
}

/// The pairs of two folders, by relative path.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] where there is no picture.
pub(super) fn find_in_two(folders: &[PathBuf; 2]) -> Result<Found> {
    let mut sides = [Vec::new(), Vec::new()];
    for (folder, to) in folders.iter().zip(&mut sides) {
        for path in listing::pictures(folder)? {
            to.push((Address::by_folders(&path, None), folder.join(path)));
        }
        if to.is_empty() {
            let reason = "expected a folder with pictures, found none".to_owned();
            return Err(Error::Unsuitable { path: folder.clone(), reason });
        }
    }
    Ok(matched(sides, Vec::new(), Layout::TwoFolders))
}

/// Pairs by what names say of the side; `None` where they say nothing.
fn by_side(
    root: &Path,
    pictures: &[PathBuf],
    layout: Layout,
    address: impl Fn(&Path, &Family) -> Address,
) -> Result<Option<Found>> {
    let has = |family: &Family, side| {
        pictures.iter().any(|path| address(path, family).side == Some(side))
    };
    let families: Vec<&Family> = FAMILIES
        .iter()
        .filter(|family| has(family, Side::First) && has(family, Side::Second))
        .collect();
    let family = match families.as_slice() {
        [] => return Ok(None),
        [family] => family,
        [one, other, ..] => {
            return Err(Error::Refused(format!(
                "{}: both {} and {} could say which picture is the source; name the two folders one by one",
                root.display(),
                one.title,
                other.title
            )));
        }
    };
    let (mut sides, mut neither) = ([Vec::new(), Vec::new()], Vec::new());
    for path in pictures {
        let (address, full) = (address(path, family), root.join(path));
        let [first, second] = &mut sides;
        match address.side {
            Some(Side::First) => first.push((address, full)),
            Some(Side::Second) => second.push((address, full)),
            None => neither.push(Problem {
                path: full,
                message: format!("expected {} to say its side, found neither", family.title),
            }),
        }
    }
    Ok(Some(matched(sides, neither, layout)))
}

/// Brings together what has one address.
fn matched(
    sides: [Vec<(Address, PathBuf)>; 2],
    mut unmatched: Vec<Problem>,
    layout: Layout,
) -> Found {
    let mut all: BTreeMap<(String, Option<Role>), [Vec<PathBuf>; 2]> = BTreeMap::new();
    for (side, pictures) in sides.into_iter().enumerate() {
        for (address, path) in pictures {
            if let Some(to) = all.entry((address.stem, address.role)).or_default().get_mut(side) {
                to.push(path);
            }
        }
    }
    let mut pairs = Vec::new();
    for ((stem, role), sides) in all {
        let message = match &sides {
            [first, second] if first.len() == 1 && second.len() == 1 => {
                let places = sides
                    .map(|mut paths| Place::file(paths.pop().unwrap_or_default(), Portion::Whole));
                pairs.push(FoundPair { name: String::new(), stem, role, places, assumed: false });
                continue;
            }
            [_, second] if second.is_empty() => {
                "expected a second picture of that name, found none"
            }
            [first, _] if first.is_empty() => "expected a first picture of that name, found none",
            _ => "expected one picture of that name on either side, found several",
        };
        let paths = sides.into_iter().flatten();
        unmatched.extend(paths.map(|path| Problem { path, message: message.to_owned() }));
    }
    named(&mut pairs);
    Found { layout, pairs, unmatched }
}

fn side_by_side(root: &Path, pictures: &[PathBuf], assumed: bool) -> Found {
    let (mut pairs, mut unmatched) = (Vec::<FoundPair>::new(), Vec::new());
    let mut taken: BTreeMap<(String, Option<Role>), ()> = BTreeMap::new();
    for path in pictures {
        let Address { role, stem, .. } = Address::by_folders(path, None);
        let path = root.join(path);
        if taken.insert((stem.clone(), role), ()).is_some() {
            let message = "expected one picture of that name, found several".to_owned();
            unmatched.push(Problem { path, message });
            continue;
        }
        let said = stem.to_lowercase().ends_with("_ab");
        let half = |part| Place::file(path.clone(), part);
        pairs.push(FoundPair {
            name: String::new(),
            stem,
            role,
            places: [half(Portion::LeftHalf), half(Portion::RightHalf)],
            assumed: assumed && !said,
        });
    }
    named(&mut pairs);
    Found { layout: Layout::SideBySide, pairs, unmatched }
}

/// Takes from all stems the folders that they share, and names pairs by split and stem.
fn named(pairs: &mut [FoundPair]) {
    fn folders(stem: &str) -> Vec<&str> {
        let mut folders: Vec<&str> = stem.split('/').collect();
        folders.pop();
        folders
    }
    let mut all = pairs.iter().map(|pair| folders(&pair.stem));
    let first = all.next().unwrap_or_default();
    let shared = all.fold(first, |mut shared, folders| {
        let same = shared.iter().zip(&folders).take_while(|(a, b)| a == b).count();
        shared.truncate(same);
        shared
    });
    let length: usize = shared.iter().map(|folder| folder.len() + 1).sum();
    for pair in pairs {
        pair.stem = pair.stem.get(length..).unwrap_or_default().to_owned();
        pair.name = match pair.role {
            Some(role) => format!("{}/{}", split_name(role), pair.stem),
            None => pair.stem.clone(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        folder
    }

    fn names(found: &Found) -> Vec<&str> {
        found.pairs.iter().map(|pair| pair.name.as_str()).collect()
    }

    #[test]
    fn every_layout_of_folders_is_found() {
        let cyclegan = [
            "trainA/1.jpg",
            "trainB/1.png",
            "testA/1.jpg",
            "testB/1.jpg",
            "valA/2.jpg",
            "valB/2.jpg",
        ];
        let all: [(&[&str], Layout, &[&str]); 8] = [
            (&cyclegan, Layout::Folders, &["train/1", "test/1", "val/2"]),
            (
                &["train_A/1.jpg", "train_B/1.jpg", "test_A/x/2.jpg", "test_B/x/2.jpg"],
                Layout::Folders,
                &["train/1", "test/x/2"],
            ),
            (
                &["A/train/1.jpg", "B/train/1.jpg", "A/test/2.jpg", "B/test/2.jpg"],
                Layout::Folders,
                &["train/1", "test/2"],
            ),
            (
                &["train/A/1.jpg", "train/B/1.jpg", "val/A/2.jpg", "val/B/2.jpg"],
                Layout::Folders,
                &["train/1", "val/2"],
            ),
            (
                &[
                    "f_v1/f_v1/face/1.jpg",
                    "f_v1/f_v1/comics/1.jpg",
                    "f_v1/f_v1/face/2.jpg",
                    "f_v1/f_v1/comics/2.jpg",
                ],
                Layout::Folders,
                &["1", "2"],
            ),
            (&["faces/0.jpg", "comics/0.jpg"], Layout::Folders, &["0"]),
            (
                &["v1_00_face.png", "v1_00_comic.png", "v1_01_face.png", "v1_01_comic.png"],
                Layout::Suffixes,
                &["v1_00", "v1_01"],
            ),
            (
                &["train/1_AB.jpg", "train/2_AB.jpg", "val/1_AB.jpg"],
                Layout::SideBySide,
                &["train/1_AB", "train/2_AB", "val/1_AB"],
            ),
        ];
        for (paths, layout, expected) in all {
            let folder = folder(paths);
            let found = find(folder.path(), None).unwrap();
            assert_eq!(found.layout, layout, "{paths:?}");
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            let mut names = names(&found);
            names.sort_unstable();
            assert_eq!(names, expected, "{paths:?}");
            assert_eq!(found.unmatched, [], "{paths:?}");
        }
    }

    #[test]
    fn sides_are_those_of_the_names() {
        let folder = folder(&["comics/3.png", "face/3.jpg"]);
        let found = find(folder.path(), None).unwrap();
        let [first, second] = &found.pairs[0].places;
        assert!(first.path.ends_with("face/3.jpg") && second.path.ends_with("comics/3.png"));
        let found = find(&folder.path().join("face"), None).unwrap();
        assert_eq!(found.layout, Layout::SideBySide);
        assert!(found.pairs[0].assumed);
        let forced = find(&folder.path().join("face"), Some(Layout::SideBySide)).unwrap();
        assert!(!forced.pairs[0].assumed);
        let parts = forced.pairs[0].places.clone().map(|place| place.part);
        assert_eq!(parts, [Portion::LeftHalf, Portion::RightHalf]);
    }

    #[test]
    fn what_has_no_partner_is_told() {
        let folder = folder(&[
            "trainA/1.jpg",
            "trainB/1.jpg",
            "trainA/2.jpg",
            "trainB/3.jpg",
            "testB/2.jpg",
            "trainA/4.jpg",
            "trainA/4.png",
            "trainB/4.png",
            "readme/sample.png",
            ".hidden/a.png",
            "__MACOSX/trainA/1.jpg",
        ]);
        let found = find(folder.path(), None).unwrap();
        assert_eq!(names(&found), ["train/1"]);
        let told: Vec<String> = found
            .unmatched
            .iter()
            .map(|problem| {
                let path = problem.path.strip_prefix(folder.path()).unwrap();
                format!("{} {}", path.display(), problem.message.split_whitespace().last().unwrap())
            })
            .collect();
        assert_eq!(
            told,
            [
                "readme/sample.png neither",
                "trainA/2.jpg none",
                "testB/2.jpg none",
                "trainB/3.jpg none",
                "trainA/4.jpg several",
                "trainA/4.png several",
                "trainB/4.png several",
            ]
        );
    }

    #[test]
    fn two_folders_are_paired_by_path() {
        let folder =
            folder(&["in/x/1.jpg", "in/2.jpg", "out/x/1.png", "out/3.png", "none/readme.txt"]);
        let at = |name: &str| folder.path().join(name);
        let found = find_in_two(&[at("in"), at("out")]).unwrap();
        assert_eq!((names(&found), found.unmatched.len()), (vec!["1"], 2));
        assert_eq!(found.layout, Layout::TwoFolders);
        assert!(find_in_two(&[at("in"), at("none")]).is_err());
        assert!(find_in_two(&[at("in"), at("nowhere")]).is_err());
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let both = folder(&["A/1.png", "B/1.png", "source/1.png", "target/1.png"]);
        let message = find(both.path(), None).unwrap_err().to_string();
        assert!(message.contains("A and B") && message.contains("source and target"), "{message}");
        let none = folder(&["notes.txt"]);
        let message = find(none.path(), None).unwrap_err().to_string();
        assert!(message.contains("trainA") && message.contains("no picture"), "{message}");
        let flat = folder(&["1.png", "2.png"]);
        let message = find(flat.path(), Some(Layout::Folders)).unwrap_err().to_string();
        assert!(message.contains("2 pictures"), "{message}");
        assert!(find(flat.path(), Some(Layout::TwoFolders)).is_err());
        assert!(find(&flat.path().join("none"), None).is_err());
    }
}
