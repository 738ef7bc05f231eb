//! What was not learned from, as files that `judge eval` reads: held-out pictures under held-out
//! distortions.
//!
//! Of two pictures with one distortion the less severe is the closer one, so `triplets.csv` needs no
//! people: each row has a reference and two neighbours of a ladder of severities. On one ladder what is
//! random about the distortion (direction, places, grain) stays, on another it is drawn anew at every step,
//! so that a metric has to tell how much was done from how. `pairs.csv` has every
//! damaged picture with its severity (`dmos`: less is better). Sides of triplets are drawn. Pictures are 128 pixels large, squares of
//! the originals' own pixels where these are large enough.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use lookalike_core::Picture;
use lookalike_core::encode::png;
use rayon::prelude::*;
use serde::Serialize;

use super::bank::resampling::{Kernel, square};
use super::bank::{BANK, Distortion};
use super::examples::{MARGIN, inner};
use super::pictures::{Role, Sources};
use crate::files::{failed, write_json, write_whole};
use crate::random::{Purpose, Stream};
use crate::{Error, Result};

const SIDE: usize = 128;
const LEVELS: usize = 6;

/// What was written: `held-out.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldOut {
    /// `lookalike.held-out/1`.
    pub schema: &'static str,
    /// References, and how many of them are scenes.
    pub references: usize,
    /// Of these.
    pub scenes: usize,
    /// Rows of `triplets.csv`.
    pub triplets: usize,
    /// Rows of `pairs.csv`.
    pub pairs: usize,
    /// Held-out distortions and their groups.
    pub distortions: BTreeMap<&'static str, &'static str>,
    /// SHA-256 of the pictures that references were cut from.
    pub pictures_sha256: Vec<String>,
    /// SHA-256 of names, contents and roles of all pictures.
    pub data_sha256: String,
}

/// Writes references, damaged pictures and lists to a folder: of every held-out picture and of some
/// scenes, at most `most` references.
///
/// # Errors
/// [`Error::Unsuitable`] where no picture is held out; what reading and writing give.
pub fn write_held_out(
    sources: &Sources,
    most: usize,
    scenes: usize,
    seed: u64,
    folder: &Path,
) -> Result<HeldOut> {
    let pool = sources.pool(Role::HeldOut, 0.0)?;
    if pool.pictures.is_empty() {
        return Err(Error::Unsuitable {
            path: folder.to_owned(),
            reason:
                "expected held-out pictures (folders named test, or a quarter of the files), found \
                     none"
                    .to_owned(),
        });
    }
    let mut random = Stream::new(seed, Purpose::HoldOut, 0);
    let mut order = random.permutation(pool.pictures.len());
    order.truncate(most.saturating_sub(scenes));
    order.sort_unstable();
    let mut wholes: Vec<Picture> = order.iter().map(|&at| pool.pictures[at].clone()).collect();
    for number in 0..scenes as u64 {
        let seed = super::HELD_OUT_SCENES + number;
        wholes.push(lookalike_core::procedural::scene(seed, 224, 224));
    }
    std::fs::create_dir_all(folder).map_err(failed(folder, "write"))?;
    let distortions: Vec<Distortion> = BANK.iter().filter(|d| d.held_out).copied().collect();
    let rows = wholes.par_iter().enumerate().map(|(index, whole)| {
        let random = &mut Stream::new(seed, Purpose::HoldOut, 1 + index as u64);
        one(whole, index, &distortions, random, folder)
    });
    let rows: Vec<[String; 2]> = rows.collect::<Result<_>>()?;
    let mut lists = [
        "reference,left,right,votes_right,votes,subset\n".to_owned(),
        "reference,candidate,dmos,subset\n".to_owned(),
    ];
    for row in &rows {
        lists.iter_mut().zip(row).for_each(|(list, rows)| list.push_str(rows));
    }
    let [triplets, pairs] = &lists;
    write_whole(&folder.join("triplets.csv"), triplets.as_bytes())?;
    write_whole(&folder.join("pairs.csv"), pairs.as_bytes())?;
    let hashes: Vec<String> = sources.of(Role::HeldOut).map(|s| s.sha256.clone()).collect();
    let written = HeldOut {
        schema: "lookalike.held-out/1",
        references: wholes.len(),
        scenes,
        triplets: triplets.lines().count() - 1,
        pairs: pairs.lines().count() - 1,
        distortions: distortions.iter().map(|d| (d.name, d.group.name())).collect(),
        pictures_sha256: hashes,
        data_sha256: sources.sha256.clone(),
    };
    write_json(&folder.join("held-out.json"), &written)?;
    Ok(written)
}

/// Writes the pictures of one reference and gives the rows of both lists.
fn one(
    whole: &Picture,
    index: usize,
    distortions: &[Distortion],
    random: &mut Stream,
    folder: &Path,
) -> Result<[String; 2]> {
    let large = SIDE + 2 * MARGIN;
    let taken = large.min(whole.shorter_side());
    let left = random.below(whole.width() - taken + 1);
    let top = random.below(whole.height() - taken + 1);
    let reference = square(whole, [left, top, taken], large, Kernel::CatmullRom)?;
    let save = |picture: &Picture, name: &str| -> Result<()> {
        write_whole(&folder.join(name), &png(&inner(picture, SIDE)?)?)
    };
    let own = format!("{index:03}.png");
    save(&reference, &own)?;
    let (mut triplets, mut pairs) = (String::new(), String::new());
    for distortion in distortions {
        for anew in [false, true] {
            let subset = format!("{}{}", distortion.name, if anew { ", drawn anew" } else { "" });
            let (mut seed, offset) = (random.bits(), 0.2 + 0.6 * random.unit());
            let part = if anew { "anew" } else { "path" };
            let name = |level: usize| format!("{index:03}-{}-{part}-{level}.png", distortion.name);
            for level in 0..LEVELS {
                if anew {
                    seed = random.bits();
                }
                let severity = (level as f64 + offset) / LEVELS as f64;
                let damaged = distortion.apply(&reference, severity, seed, &reference)?;
                save(&damaged, &name(level))?;
                let _ = writeln!(pairs, "{own},{},{severity:.4},\"{subset}\"", name(level));
            }
            for level in 1..LEVELS {
                let right = random.unit() < 0.5;
                let [first, second] = if right { [level, level - 1] } else { [level - 1, level] };
                let (first, second) = (name(first), name(second));
                let votes = u8::from(right);
                let _ = writeln!(triplets, "{own},{first},{second},{votes},1,\"{subset}\"");
            }
            if !distortion.is_random() {
                break;
            }
        }
    }
    Ok([triplets, pairs])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookalike_core::procedural::scene;

    #[test]
    fn lists_name_pictures_that_are_there_and_repeat() {
        let folder = tempfile::tempdir().unwrap();
        for (role, seed) in [("train", 1), ("test", 2)] {
            let path = folder.path().join("data").join(role);
            std::fs::create_dir_all(&path).unwrap();
            let picture = png(&scene(seed, 200, 180)).unwrap();
            std::fs::write(path.join("a.png"), picture).unwrap();
        }
        let sources = Sources::find(&[folder.path().join("data")]).unwrap();
        let out = folder.path().join("out");
        let written = write_held_out(&sources, 2, 1, 7, &out).unwrap();
        let learned: Vec<&str> =
            sources.of(Role::Learned).map(|source| source.sha256.as_str()).collect();
        assert!(written.pictures_sha256.iter().all(|hash| !learned.contains(&hash.as_str())));
        let held = written.distortions.len();
        assert_eq!(held, BANK.iter().filter(|d| d.held_out).count());
        let learned = super::super::examples::learned(&[]);
        assert!(learned.iter().all(|d| !written.distortions.contains_key(d.name)));
        assert_eq!((written.references, written.scenes), (2, 1));
        let random = BANK.iter().filter(|d| d.held_out && d.is_random()).count();
        assert_eq!(written.triplets, 2 * (held + random) * (LEVELS - 1));
        assert_eq!(written.pairs, 2 * (held + random) * LEVELS);
        let list = std::fs::read_to_string(out.join("triplets.csv")).unwrap();
        for name in list.lines().skip(1).flat_map(|line| line.split(',').take(3)) {
            assert!(out.join(name).is_file(), "{name}");
        }
        let again = folder.path().join("again");
        write_held_out(&sources, 2, 1, 7, &again).unwrap();
        for name in ["triplets.csv", "001-elastic-anew-3.png"] {
            let [a, b] = [&out, &again].map(|folder| std::fs::read(folder.join(name)).unwrap());
            assert!(a == b, "{name}");
        }
    }
}
