//! The pictures that references are cut from, and which of them nothing is learned from.
//!
//! A picture under a folder `test` is held out, one under `validation` shows how far learning is, others
//! are learned from. Where a folder of data has no such folders, the first byte of the SHA-256 of a file
//! decides: a quarter is held out, an eighth validates. Whatever has the content of a held-out picture is
//! held out, under any name. Scenes made by arithmetic join in: those of small seeds are learned from,
//! those from [`HELD_OUT_SCENES`] on are not.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::procedural::scene;
use lookalike_core::{Picture, resize_shorter_side};
use rayon::prelude::*;
use serde::Serialize;

use super::bank::resampling::{Kernel, square};
use crate::files::{failed, sha256};
use crate::random::Stream;
use crate::{Error, Result};

/// What a picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its crops are learned from.
    Learned,
    /// Its crops show how far learning is.
    Validation,
    /// Nothing is learned or chosen by it.
    HeldOut,
}

/// A picture of the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its path below the folder of data, beginning with that folder's name.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// What it is for.
    pub role: Role,
    #[serde(skip)]
    path: PathBuf,
}

/// All pictures of the data.
#[derive(Clone, Debug)]
pub struct Sources {
    /// By name.
    pub all: Vec<Source>,
    /// SHA-256 of names, contents and roles.
    pub sha256: String,
}

/// Seeds of scenes from here on are held out.
pub const HELD_OUT_SCENES: u64 = 1 << 32;
/// Seeds of scenes from here on, below the held-out ones, validate.
const VALIDATION_SCENES: u64 = 1 << 31;
/// The side of scenes, and the shorter side beyond which pictures are brought to it.
const SCENE_SIDE: usize = 224;
const MOST_SIDE: usize = 512;
const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

impl Sources {
    /// Finds the pictures of folders and reads all files, to know their contents.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Unsuitable`] where there is no picture to learn from.
    pub fn find(data: &[PathBuf]) -> Result<Self> {
        let mut all = Vec::new();
        for root in data {
            let mut paths = Vec::new();
            collect(root, &mut paths)?;
            paths.sort();
            let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
            let divided = paths.iter().any(|path| folder_role(&below(path)).is_some());
            let title = root.file_name().unwrap_or_default();
            let found: Vec<Source> = paths
                .into_par_iter()
                .map(|path| {
                    let bytes = std::fs::read(&path).map_err(failed(&path, "read"))?;
                    let hash = sha256(&bytes);
                    let role = match folder_role(&below(&path)) {
                        Some(role) => role,
                        None if divided => Role::Learned,
                        None => role_by_content(&hash),
                    };
                    let name = Path::new(title).join(below(&path)).display().to_string();
                    Ok(Source { name, sha256: hash, role, path })
                })
                .collect::<Result<_>>()?;
            all.extend(found);
        }
        // One content has one role: the strictest.
        let mut strictest: BTreeMap<String, Role> = BTreeMap::new();
        for source in &all {
            let role = strictest.entry(source.sha256.clone()).or_insert(source.role);
            *role = source.role.max(*role);
        }
        for source in &mut all {
            source.role = strictest[&source.sha256];
        }
        if !all.iter().any(|source| source.role == Role::Learned) {
            return Err(Error::Unsuitable {
                path: data.first().cloned().unwrap_or_default(),
                reason:
                    "expected folders with pictures (png, jpg, webp) to learn from, found none; \
                         pictures under folders named test or validation are held out"
                        .to_owned(),
            });
        }
        let mut facts = String::new();
        for source in &all {
            let _ = writeln!(facts, "{}\t{}\t{:?}", source.name, source.sha256, source.role);
        }
        Ok(Self { all, sha256: sha256(facts.as_bytes()) })
    }

    /// The pictures of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Source> {
        self.all.iter().filter(move |source| source.role == role)
    }

    /// Reads the pictures of a role; `scenes` is the share of references that are scenes.
    pub(crate) fn pool(&self, role: Role, scenes: f64) -> Result<Pool> {
        let sources: Vec<&Source> = self.of(role).collect();
        // The same content twice would be seen twice as often.
        let mut seen = HashSet::new();
        let sources: Vec<&Source> =
            sources.into_iter().filter(|source| seen.insert(&source.sha256)).collect();
        let pictures = sources.par_iter().map(|source| source.read()).collect::<Result<_>>()?;
        let first_scene = match role {
            Role::Learned => 0,
            Role::Validation => VALIDATION_SCENES,
            Role::HeldOut => HELD_OUT_SCENES,
        };
        Ok(Pool { pictures, scenes, first_scene })
    }
}

impl Source {
    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The picture, of 8 bits and at most 512 pixels on the shorter side.
    fn read(&self) -> Result<Picture> {
        let bytes = std::fs::read(&self.path).map_err(failed(&self.path, "read"))?;
        let picture = decode(&bytes, &self.name, &DecodeOptions::default())?.to_rgb();
        Ok(if picture.shorter_side() > MOST_SIDE {
            resize_shorter_side(&picture, MOST_SIDE)?
        } else {
            picture
        })
    }
}

/// What a folder on the way to a file says of its role.
pub(crate) fn folder_role(below: &Path) -> Option<Role> {
    let mut folders = below.parent()?.components();
    folders.find_map(|folder| match folder.as_os_str().to_str()? {
        "test" => Some(Role::HeldOut),
        "validation" | "val" => Some(Role::Validation),
        "train" => Some(Role::Learned),
        _ => None,
    })
}

fn role_by_content(sha256: &str) -> Role {
    match u8::from_str_radix(sha256.get(..2).unwrap_or("ff"), 16) {
        Ok(0..64) => Role::HeldOut,
        Ok(64..96) => Role::Validation,
        _ => Role::Learned,
    }
}

/// All files below a folder whose name ends as pictures' do.
pub(crate) fn collect(folder: &Path, to: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(failed(folder, "read"))? {
        let path = entry.map_err(failed(folder, "read"))?.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            collect(&path, to)?;
        } else if ENDINGS.contains(&ending.as_str()) {
            to.push(path);
        }
    }
    Ok(())
}

/// Pictures in memory, and how references are cut from them.
pub(crate) struct Pool {
    pub(crate) pictures: Vec<Picture>,
    scenes: f64,
    first_scene: u64,
}

impl Pool {
    /// Any picture of the pool, or a scene.
    pub(crate) fn draw(&self, random: &mut Stream) -> Picture {
        let (scenes, number) = (random.unit() < self.scenes, random.bits());
        if scenes || self.pictures.is_empty() {
            return scene(self.first_scene + number % VALIDATION_SCENES, SCENE_SIDE, SCENE_SIDE);
        }
        self.pictures[((u128::from(number) * self.pictures.len() as u128) >> 64) as usize].clone()
    }
}

/// A square somewhere in a picture, of a side at least `side` where the picture has it, brought to `side`:
/// small squares are as frequent as large ones on a logarithmic scale.
pub(crate) fn crop(picture: &Picture, side: usize, random: &mut Stream) -> Result<Picture> {
    let most = picture.shorter_side();
    let ratio = (most as f64 / side as f64).max(1.0);
    let taken = ((side as f64 * ratio.powf(random.unit())).round() as usize).min(most);
    let left = random.below(picture.width() - taken + 1);
    let top = random.below(picture.height() - taken + 1);
    square(picture, [left, top, taken], side, Kernel::CatmullRom)
}

/// The middle square of a picture, brought to a side.
pub(crate) fn middle_square(picture: &Picture, side: usize) -> Result<Picture> {
    let taken = picture.shorter_side();
    let [left, top] = [picture.width(), picture.height()].map(|length| (length - taken) / 2);
    square(picture, [left, top, taken], side, Kernel::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookalike_core::encode::png;

    #[test]
    fn held_out_contents_are_learned_from_under_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, seed: u64| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, png(&scene(seed, 20, 24)).unwrap()).unwrap();
        };
        for seed in 0..40 {
            write(&format!("plain/{seed}.png"), seed);
        }
        for (name, seed) in [("train/a", 50), ("train/b", 51), ("validation/c", 52), ("test/d", 50)]
        {
            write(&format!("divided/{name}.png"), seed);
        }
        // Held out there, and copied here under another name.
        write("plain/copy.png", 50);
        let data = ["plain", "divided"].map(|name| folder.path().join(name));
        let sources = Sources::find(&data).unwrap();
        let hashes = |role| sources.of(role).map(|s| s.sha256.clone()).collect::<HashSet<_>>();
        let [learned, validation, held] =
            [Role::Learned, Role::Validation, Role::HeldOut].map(hashes);
        assert!(learned.is_disjoint(&held) && learned.is_disjoint(&validation));
        assert!(validation.is_disjoint(&held));
        let role = |name: &str| sources.all.iter().find(|s| s.name == name).unwrap().role;
        assert_eq!(role("divided/test/d.png"), Role::HeldOut);
        assert_eq!(role("divided/train/a.png"), Role::HeldOut);
        assert_eq!(role("plain/copy.png"), Role::HeldOut);
        assert_eq!(role("divided/train/b.png"), Role::Learned);
        assert_eq!(role("divided/validation/c.png"), Role::Validation);
        let plain = sources.of(Role::HeldOut).filter(|s| s.name.starts_with("plain")).count();
        assert!((4..=18).contains(&plain), "{plain} of 41");
        assert_eq!(Sources::find(&data).unwrap().sha256, sources.sha256);
        assert!(Sources::find(&[folder.path().join("divided/test")]).is_err() || plain > 0);
    }
}
