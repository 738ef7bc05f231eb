//! The pictures of a page, within a budget of bytes.
//!
//! They are made on the threads that score, as soon as a pair is done, and the worst pairs win: when
//! the budget is used up, the previews of the best pair are given up first. So a run over thousands
//! of pairs never holds more than the page will. What is kept depends on the scores alone, not on
//! the order in which threads finish.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lookalike::decode::{DecodeOptions, read};
use lookalike::{
    Comparison, Direction, DisplayScale, FitPolicy, PairScores, Picture, PictureOptions,
    bare_heat_map, fit,
};

use super::pictures::{Shown, displayed, preview, thumbnail};

/// Bytes of all pictures in a page: thumbnails first, previews in what remains.
pub(super) const PICTURE_BYTES: usize = 52 << 20;
/// Bytes of all thumbnails in a page: three of the largest for each of 2,000 pairs.
const THUMBNAILS_BYTES: usize = 33 << 20;

/// How bad a pair is; the greater, the worse.
#[derive(Clone, Debug)]
pub(super) struct Rank {
    /// 0: nothing is wrong; 1: a gate failed; 2: something could not be scored.
    pub(super) severity: u8,
    /// The first metric's value; a missing one is worst.
    pub(super) value: Option<f64>,
    pub(super) direction: Direction,
    /// Decides between equals: the earlier name comes first.
    pub(super) label: PathBuf,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let values = match (self.value, other.value) {
            (Some(own), Some(others)) => self.direction.compare(others, own),
            (own, others) => own.is_none().cmp(&others.is_none()),
        };
        self.severity.cmp(&other.severity).then(values).then(other.label.cmp(&self.label))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

/// Pictures that are kept or given up together.
trait Pictures {
    fn each(&mut self) -> Vec<&mut Shown>;
}

/// The worst of what was offered that fits into a number of bytes.
struct Worst<T> {
    kept: BTreeMap<Rank, T>,
    /// How often each picture is used: a page holds equal ones once, so they count once.
    uses: HashMap<Arc<str>, usize>,
    bytes: usize,
    /// The worst rank that was given up. Nothing better is taken any more, so that what is kept are
    /// always the worst without gaps, in whatever order they came.
    given_up: Option<Rank>,
}

impl<T: Pictures> Worst<T> {
    fn new() -> Self {
        Self { kept: BTreeMap::new(), uses: HashMap::new(), bytes: 0, given_up: None }
    }

    fn takes(&self, rank: &Rank) -> bool {
        self.given_up.as_ref().is_none_or(|limit| rank > limit)
    }

    fn offer(&mut self, rank: Rank, mut item: T) {
        if !self.takes(&rank) {
            return;
        }
        for shown in item.each() {
            // Equal pictures share their memory as well.
            if let Some((address, _)) = self.uses.get_key_value(&shown.address) {
                shown.address = Arc::clone(address);
            } else {
                self.bytes += shown.bytes();
            }
            *self.uses.entry(Arc::clone(&shown.address)).or_default() += 1;
        }
        self.kept.insert(rank, item);
    }

    fn trim(&mut self, budget: usize) {
        while self.bytes > budget
            && let Some((rank, mut item)) = self.kept.pop_first()
        {
            for shown in item.each() {
                let Some(uses) = self.uses.get_mut(&shown.address) else { continue };
                *uses -= 1;
                if *uses == 0 {
                    self.uses.remove(&shown.address);
                    self.bytes -= shown.bytes();
                }
            }
            self.given_up = self.given_up.take().max(Some(rank));
        }
    }
}

/// The pictures of one pair in the table.
#[derive(Clone, Debug)]
pub(super) struct Thumbnails {
    pub(super) reference: Shown,
    pub(super) candidate: Shown,
    /// The map of the first metric that has one.
    pub(super) map: Option<Shown>,
}

/// The pictures of one pair in the detail view.
#[derive(Clone, Debug)]
pub(super) struct Previews {
    pub(super) reference: Shown,
    pub(super) candidate: Shown,
    /// Maps by the ids of their metrics.
    pub(super) maps: Vec<(String, Shown)>,
}

impl Pictures for Thumbnails {
    fn each(&mut self) -> Vec<&mut Shown> {
        let pair = [&mut self.reference, &mut self.candidate];
        pair.into_iter().chain(&mut self.map).collect()
    }
}

impl Pictures for Previews {
    fn each(&mut self) -> Vec<&mut Shown> {
        let pair = [&mut self.reference, &mut self.candidate];
        pair.into_iter().chain(self.maps.iter_mut().map(|(_, map)| map)).collect()
    }
}

struct Shelf {
    thumbnails: Worst<Thumbnails>,
    previews: Worst<Previews>,
}

/// A reference, which several candidates may share.
struct Reference {
    path: PathBuf,
    picture: Picture,
    thumbnail: OnceLock<Option<Shown>>,
    preview: OnceLock<Option<Shown>>,
}

/// Gathers the pictures of a run.
pub(crate) struct Gallery {
    decode: DecodeOptions,
    fit: FitPolicy,
    display: PictureOptions,
    /// Scales of the maps, by id.
    scales: BTreeMap<String, DisplayScale>,
    /// Ids of the first column, which decides what is worst.
    first: Vec<String>,
    direction: Direction,
    has_limits: bool,
    shelf: Mutex<Shelf>,
    latest: Mutex<Option<Arc<Reference>>>,
}

impl Gallery {
    pub(crate) fn new(comparison: &Comparison) -> Self {
        let mut scales = BTreeMap::new();
        let mut first = Vec::new();
        for (index, choice) in comparison.metrics.iter().enumerate() {
            let small = choice.small().map(|(_, metric)| metric);
            for metric in std::iter::once(choice.metric()).chain(small) {
                let id = metric.id().to_string();
                scales.extend(metric.card().map.map(|scale| (id.clone(), scale)));
                first.extend((index == 0).then_some(id));
            }
        }
        let metric = comparison.metrics.first().map(|choice| choice.metric());
        let display = metric.and_then(|metric| PictureOptions::of(metric.id()).ok());
        Self {
            decode: comparison.decode,
            fit: comparison.fit,
            display: display.unwrap_or_default(),
            scales,
            first,
            direction: metric.map_or(Direction::HigherIsBetter, |metric| metric.direction()),
            has_limits: !comparison.limits.all().is_empty(),
            shelf: Mutex::new(Shelf { thumbnails: Worst::new(), previews: Worst::new() }),
            latest: Mutex::new(None),
        }
    }

    /// Whether there are gates that a pair can pass.
    pub(super) fn has_gates(&self) -> bool {
        self.has_limits
    }

    /// The scales of all maps, by the ids of their metrics.
    pub(super) fn scales(&self) -> &BTreeMap<String, DisplayScale> {
        &self.scales
    }

    /// The rank of a pair from its values by id.
    pub(super) fn rank<'a>(
        &self,
        severity: u8,
        mut scores: impl Iterator<Item = (&'a str, f64)>,
        label: &Path,
    ) -> Rank {
        let value = scores.find(|(id, _)| self.first.iter().any(|first| first == id));
        Rank {
            severity,
            value: value.map(|(_, value)| value),
            direction: self.direction,
            label: label.to_owned(),
        }
    }

    /// Makes the pictures of a scored pair, as long as its maps are there. A picture that can no
    /// longer be read is left out.
    pub(crate) fn add(&self, pair: &PairScores) {
        let failed = pair.checks.iter().any(|check| !check.met);
        let ids: Vec<String> = pair.scores.iter().map(|score| score.id.to_string()).collect();
        let values = ids.iter().map(String::as_str).zip(pair.scores.iter().map(|s| s.value));
        let rank = self.rank(u8::from(failed), values, &pair.label);
        let (small, large) = {
            let shelf = self.shelf();
            (shelf.thumbnails.takes(&rank), shelf.previews.takes(&rank))
        };
        if !small && !large {
            return;
        }
        let pictures = self.pictures(pair, &ids, large);
        let Some((thumbnails, previews)) = pictures else { return };
        let mut shelf = self.shelf();
        shelf.thumbnails.offer(rank.clone(), thumbnails);
        shelf.thumbnails.trim(THUMBNAILS_BYTES);
        if let Some(previews) = previews {
            shelf.previews.offer(rank, previews);
        }
        let remaining = PICTURE_BYTES.saturating_sub(shelf.thumbnails.bytes);
        shelf.previews.trim(remaining);
    }

    fn pictures(
        &self,
        pair: &PairScores,
        ids: &[String],
        large: bool,
    ) -> Option<(Thumbnails, Option<Previews>)> {
        let shared = self.reference(&pair.reference)?;
        let candidate = read(&pair.candidate, &self.decode).ok()?;
        let size = (shared.picture.width(), shared.picture.height());
        let fitted;
        // The reference is shown as it was compared; its own pictures serve when it was not changed.
        let (reference, candidate) = if size == (candidate.width(), candidate.height()) {
            (shared, candidate)
        } else {
            fitted = fit(shared.picture.clone(), candidate, self.fit).ok()?;
            (Arc::new(Reference::new(pair.reference.clone(), fitted.0)), fitted.1)
        };
        let candidate = displayed(&candidate, &self.display)?;
        let mut maps = Vec::new();
        for (score, id) in pair.scores.iter().zip(ids) {
            let (Some(map), Some(&scale)) = (&score.map, self.scales.get(id)) else { continue };
            if !large && !maps.is_empty() {
                break;
            }
            let drawn = bare_heat_map(map, scale, pair.width, pair.height).ok()?;
            maps.push((id.clone(), displayed(&drawn, &PictureOptions::default())?));
        }
        let thumbnails = Thumbnails {
            reference: reference.thumbnail(&self.display)?,
            candidate: thumbnail(&candidate)?,
            map: maps.first().and_then(|(_, map)| thumbnail(map)),
        };
        if !large {
            return Some((thumbnails, None));
        }
        let previews = Previews {
            reference: reference.preview(&self.display)?,
            candidate: preview(&candidate)?,
            maps: maps.into_iter().filter_map(|(id, map)| Some((id, preview(&map)?))).collect(),
        };
        Some((thumbnails, Some(previews)))
    }

    /// The reference, read anew unless it is the one that was read last.
    fn reference(&self, path: &Path) -> Option<Arc<Reference>> {
        let latest = || self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reference) = latest().as_ref().filter(|reference| reference.path == path) {
            return Some(Arc::clone(reference));
        }
        let picture = read(path, &self.decode).ok()?;
        let reference = Arc::new(Reference::new(path.to_owned(), picture));
        *latest() = Some(Arc::clone(&reference));
        Some(reference)
    }

    /// The pictures that were kept, by the labels of their pairs.
    pub(super) fn kept(&self) -> BTreeMap<PathBuf, (Option<Thumbnails>, Option<Previews>)> {
        let shelf = self.shelf();
        let mut kept: BTreeMap<PathBuf, (Option<Thumbnails>, Option<Previews>)> = BTreeMap::new();
        for (rank, thumbnails) in &shelf.thumbnails.kept {
            kept.entry(rank.label.clone()).or_default().0 = Some(thumbnails.clone());
        }
        for (rank, previews) in &shelf.previews.kept {
            kept.entry(rank.label.clone()).or_default().1 = Some(previews.clone());
        }
        kept
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reference {
    fn new(path: PathBuf, picture: Picture) -> Self {
        Self { path, picture, thumbnail: OnceLock::new(), preview: OnceLock::new() }
    }

    fn thumbnail(&self, options: &PictureOptions) -> Option<Shown> {
        let make = || thumbnail(&displayed(&self.picture, options)?);
        self.thumbnail.get_or_init(make).clone()
    }

    fn preview(&self, options: &PictureOptions) -> Option<Shown> {
        let make = || preview(&displayed(&self.picture, options)?);
        self.preview.get_or_init(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(severity: u8, value: f64, label: &str) -> Rank {
        let (value, direction) = (Some(value), Direction::HigherIsBetter);
        Rank { severity, value, direction, label: label.into() }
    }

    #[test]
    fn failures_come_first_then_low_values_then_names() {
        let mut ranks =
            [rank(0, 0.1, "a"), rank(1, 0.9, "b"), rank(0, 0.5, "d"), rank(0, 0.5, "c")];
        ranks.sort_by(|a, b| b.cmp(a));
        let labels = ranks.map(|rank| rank.label.display().to_string());
        assert_eq!(labels, ["b", "a", "c", "d"]);
        let missing = Rank { value: None, ..rank(0, 0.0, "e") };
        assert!(missing > rank(0, 0.0, "e"));
        let lower = Rank { direction: Direction::LowerIsBetter, ..rank(0, 0.9, "x") };
        assert!(lower > Rank { value: Some(0.1), ..lower.clone() });
    }

    /// A picture of some bytes; equal names are equal pictures.
    fn picture(name: &str, bytes: usize) -> Shown {
        let address = name.repeat(bytes / name.len()).into();
        Shown { address, width: 1, height: 1 }
    }

    fn pair(reference: &Shown, candidate: &Shown) -> Thumbnails {
        Thumbnails { reference: reference.clone(), candidate: candidate.clone(), map: None }
    }

    #[test]
    fn the_worst_are_kept_without_gaps_in_any_order() {
        let items = [("a", 0.1, 60), ("b", 0.2, 50), ("c", 0.3, 30), ("d", 0.4, 10)];
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]];
        for order in orders {
            let mut worst = Worst::new();
            for index in order {
                let (name, value, bytes) = items[index];
                let picture = picture(name, bytes);
                worst.offer(rank(0, value, name), pair(&picture, &picture));
                worst.trim(100);
            }
            let kept: Vec<PathBuf> = worst.kept.keys().map(|rank| rank.label.clone()).collect();
            assert_eq!((kept, worst.bytes), (vec!["a".into()], 60), "{order:?}");
        }
    }

    #[test]
    fn a_shared_picture_counts_once_and_as_long_as_it_is_used() {
        let shared = picture("s", 50);
        let mut worst = Worst::new();
        worst.offer(rank(0, 0.1, "a"), pair(&shared, &picture("a", 20)));
        worst.offer(rank(0, 0.2, "b"), pair(&shared, &picture("b", 30)));
        assert_eq!(worst.bytes, 100);
        worst.trim(99);
        assert_eq!(worst.bytes, 70);
        worst.trim(0);
        assert_eq!((worst.bytes, worst.uses.len(), worst.kept.len()), (0, 0, 0));
    }
}
