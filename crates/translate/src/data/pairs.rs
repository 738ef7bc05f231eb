//! Pairs of pictures in memory.
//!
//! All pairs of the data are read once, in parallel and by name, as planes of 8 bits. Pairs that are learned from are
//! kept at `load` × `load` where that is larger than `side`, so that squares of `side` can be cut from them at random
//! (pix2pix: 286 and 256); others are kept at `side`, so that what is judged was resampled once.

use std::sync::atomic::{AtomicUsize, Ordering};

use lookalike_train::random::Stream;
use lookalike_train::sha256;
use lookalike_train::sight::Role;
use rayon::prelude::*;

use super::augment::{Augmentation, Frame};
use super::layout::{Direction, FoundPair, Portion};
use super::options::PairOptions;
use super::reading::{ReadPair, append_planes, read_pair};
use super::report::{Problem, Report};
use super::selection::select;
use super::{roles, shapes};
use crate::{Error, Result};

/// Bytes that all pairs together may take.
const MOST: usize = 16 << 30;
/// The share of sound pairs below which data are refused.
const LEAST_SOUND: f64 = 0.5;
/// Seeds of drawings from here on validate, and from twice that on are held out.
const VALIDATION_DRAWINGS: u64 = 1 << 31;

/// Pairs of pictures of one size in memory, 3 channels of 8 bits each, by name.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Height and width of what [`append`](Self::append) gives.
    pub side: usize,
    /// Height and width at which pairs that are learned from are kept.
    pub load: usize,
    /// Where each comes from: the folder's name, split and stem.
    pub names: Vec<String>,
    /// What each is for.
    pub roles: Vec<Role>,
    /// SHA-256 of names, contents and roles.
    pub sha256: String,
    /// What was found and could not be used.
    pub report: Report,
    /// SHA-256 of what was decoded, of every source and target.
    pub(super) contents: Vec<[String; 2]>,
    /// Width and height of source and target before they were resized.
    pub(super) sizes: Vec<[[usize; 2]; 2]>,
    /// Planes of the source, then of the target.
    pub(super) planes: Vec<Vec<u8>>,
}

impl Pairs {
    /// Reads the pairs that `options` names.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Unsuitable`], [`Error::Refused`]: options out of range, folders without a layout,
    /// pairs that do not fit into memory, or less than half of what is there sound.
    pub fn read(options: &PairOptions) -> Result<Self> {
        let pairs = Self::gather(options, &|_, _| ())?;
        pairs.refuse_unsound()?;
        Ok(pairs)
    }

    /// Reads what can be read, maybe nothing: [`report`](Self::report) says what could not. `progress` hears how many
    /// pairs of how many are read, from any thread.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Unsuitable`], [`Error::Refused`] as [`read`](Self::read), except for damaged data.
    pub fn gather(options: &PairOptions, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Self> {
        let load = options.checked()?;
        let (selected, mut report) = select(options)?;
        refuse_too_many(selected.len(), load)?;
        let kept_at = |role| if role == Role::Learned { load } else { options.side };
        let (done, all) = (AtomicUsize::new(0), selected.len());
        let read: Vec<std::result::Result<ReadPair, String>> = selected
            .par_iter()
            .map(|selected| {
                let read = read_pair(&selected.pair, kept_at(selected.role), options.fit);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
                read
            })
            .collect();
        let mut pairs = Self::empty(options.side, load);
        let mut kept = Vec::new();
        for (selected, read) in selected.into_iter().zip(read) {
            let path = || selected.pair.places[0].path.clone();
            match read {
                Ok(read) => {
                    if let Some(message) = resized(&selected.pair, read.sizes) {
                        report.resized.push(Problem { path: path(), message });
                    }
                    pairs.add(selected.name.clone(), selected.role, read, options.direction);
                    kept.push(selected);
                }
                Err(message) => report.unreadable.push(Problem { path: path(), message }),
            }
        }
        report.moved = roles::strictest(&pairs.names, &pairs.contents, &mut pairs.roles);
        for (place, selected) in kept.iter().enumerate() {
            // What is no longer learned from is kept at another size.
            if kept_at(selected.role) != kept_at(pairs.roles[place]) {
                let again = read_pair(&selected.pair, options.side, options.fit);
                let again = again.map_err(|reason| Error::Unsuitable {
                    path: selected.pair.places[0].path.clone(),
                    reason,
                })?;
                pairs.planes[place] = directed(again.planes, options.direction);
            }
        }
        pairs.report = report;
        pairs.identify();
        Ok(pairs)
    }

    /// Drawn shoes and their outlines ([`shapes::shoe`]) of `counts` learned, validating and held-out pairs; the seeds of
    /// a role begin at `seed`, and those of different roles are apart.
    ///
    /// # Errors
    /// [`Error::Refused`] for a side out of range, a seed of 2³⁰ or more and more than 2³⁰ of a role.
    pub fn drawn(side: usize, seed: u64, counts: [usize; 3]) -> Result<Self> {
        PairOptions { side, ..PairOptions::default() }.checked()?;
        if seed >= 1 << 30 || counts.iter().any(|&count| count > 1 << 30) {
            return Err(Error::Refused(format!(
                "expected a seed and counts below 2^30, found {seed} and {counts:?}"
            )));
        }
        refuse_too_many(counts.iter().sum(), side)?;
        let roles = [Role::Learned, Role::Validation, Role::HeldOut];
        let mut all = Vec::new();
        for ((count, role), first) in counts.into_iter().zip(roles).zip(0..) {
            let first = seed + first * VALIDATION_DRAWINGS;
            all.extend((first..first + count as u64).map(|seed| (seed, role)));
        }
        let drawn: Result<Vec<ReadPair>> = all
            .par_iter()
            .map(|&(seed, _)| {
                let shoe = shapes::shoe(seed, side)?;
                let mut planes = Vec::with_capacity(6 * side * side);
                append_planes(&shoe.source.to_rgb(), &mut planes);
                append_planes(&shoe.target, &mut planes);
                let contents = [&planes[..3 * side * side], &planes[3 * side * side..]].map(sha256);
                Ok(ReadPair { planes, contents, sizes: [[side; 2]; 2] })
            })
            .collect();
        let mut pairs = Self::empty(side, side);
        for ((seed, role), read) in all.into_iter().zip(drawn?) {
            pairs.add(format!("shoe:{seed}"), role, read, Direction::AToB);
        }
        pairs.report.found = pairs.len();
        pairs.identify();
        Ok(pairs)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The places of the pairs of a role.
    pub fn places(&self, role: Role) -> Vec<usize> {
        let all = self.roles.iter().enumerate();
        all.filter(|&(_, &found)| found == role).map(|(place, _)| place).collect()
    }

    /// Appends the samples of a pair in 0…1, three planes of side × side for each picture, mirrored left to right or
    /// not. Of a pair that is kept larger the middle is taken. A place beyond the last appends nothing.
    pub fn append(
        &self,
        place: usize,
        mirrored: bool,
        source: &mut Vec<f32>,
        target: &mut Vec<f32>,
    ) {
        let margin = self.margin(place) / 2;
        let frame = Frame { top: margin, left: margin, mirrored };
        self.append_frame(place, frame, source, target);
    }

    /// Appends a pair as [`append`](Self::append), from a frame that is drawn at random, the same for both pictures.
    /// As many numbers are drawn for every pair and augmentation.
    pub fn append_augmented(
        &self,
        place: usize,
        augmentation: Augmentation,
        random: &mut Stream,
        source: &mut Vec<f32>,
        target: &mut Vec<f32>,
    ) -> Frame {
        let frame = augmentation.draw(self.margin(place), random);
        self.append_frame(place, frame, source, target);
        frame
    }

    /// By how much a pair is kept larger than `side`.
    pub fn margin(&self, place: usize) -> usize {
        self.kept_side(place).saturating_sub(self.side)
    }

    fn append_frame(
        &self,
        place: usize,
        frame: Frame,
        source: &mut Vec<f32>,
        target: &mut Vec<f32>,
    ) {
        let [one, two] = self.pictures(place);
        let kept = self.kept_side(place);
        frame.append(one, kept, self.side, source);
        frame.append(two, kept, self.side, target);
    }

    /// Height and width at which a pair is kept.
    pub(super) fn kept_side(&self, place: usize) -> usize {
        (self.planes.get(place).map_or(0, Vec::len) / 6).isqrt()
    }

    /// Planes of source and target at the size at which they are kept.
    pub(super) fn pictures(&self, place: usize) -> [&[u8]; 2] {
        let planes = self.planes.get(place).map(Vec::as_slice).unwrap_or_default();
        let (source, target) = planes.split_at(planes.len() / 2);
        [source, target]
    }

    fn empty(side: usize, load: usize) -> Self {
        Self {
            side,
            load,
            names: Vec::new(),
            roles: Vec::new(),
            sha256: String::new(),
            report: Report::default(),
            contents: Vec::new(),
            sizes: Vec::new(),
            planes: Vec::new(),
        }
    }

    fn add(&mut self, name: String, role: Role, mut read: ReadPair, direction: Direction) {
        if direction == Direction::BToA {
            read.contents.reverse();
            read.sizes.reverse();
        }
        self.names.push(name);
        self.roles.push(role);
        self.contents.push(read.contents);
        self.sizes.push(read.sizes);
        self.planes.push(directed(read.planes, direction));
    }

    fn identify(&mut self) {
        let mut facts = String::new();
        for ((name, contents), role) in self.names.iter().zip(&self.contents).zip(&self.roles) {
            let [source, target] = contents;
            facts.push_str(&format!("{name}\t{source}\t{target}\t{role:?}\n"));
        }
        self.sha256 = sha256(facts.as_bytes());
    }

    fn refuse_unsound(&self) -> Result<()> {
        if !self.is_empty() && self.report.sound_share() >= LEAST_SOUND {
            return Ok(());
        }
        let report = &self.report;
        let first = report.unreadable.first().or(report.unmatched.first());
        let example = first.map_or(String::new(), |problem| {
            format!("; the first: {}: {}", problem.path.display(), problem.message)
        });
        Err(Error::Refused(format!(
            "expected mostly sound pairs, found {} of which {} cannot be used, and {} files without a partner{example}; \
             `lookalike dataset doctor` lists them all",
            report.found,
            report.unreadable.len(),
            report.unmatched.len(),
        )))
    }
}

/// Refuses what does not fit into memory.
fn refuse_too_many(count: usize, side: usize) -> Result<()> {
    if count.saturating_mul(6 * side * side) <= MOST {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{count} pairs of {side}x{side} take more than {} GiB of memory; take fewer (limit), or a smaller side",
        MOST >> 30
    )))
}

/// What is said of pictures of different size.
fn resized(pair: &FoundPair, [first, second]: [[usize; 2]; 2]) -> Option<String> {
    let ([a, b], [c, d]) = (first, second);
    let whole = pair.places.iter().all(|place| place.part == Portion::Whole);
    (whole && first != second).then(|| format!("expected one size, found {a}x{b} and {c}x{d}"))
}

/// Planes of the source before those of the target.
fn directed(mut planes: Vec<u8>, direction: Direction) -> Vec<u8> {
    if direction == Direction::BToA {
        let half = planes.len() / 2;
        planes.rotate_left(half);
    }
    planes
}
