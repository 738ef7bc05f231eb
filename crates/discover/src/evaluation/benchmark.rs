//! Images, seeds and labels that belong together.
//!
//! Source: the released loader of vsd-benchmark/vsd. Images count whose phase is one of five; the gallery is
//! those of the manifest (of given phases, where some are given), seeds are those of the manifest that the
//! list of seeds names; the product of an image is the last but one component of its path.
//!
//! Choices: a label whose seed or candidate is not there is left out and counted, where the original stops.
//! The same label twice is one. Of pairs with contradicting labels none counts, and they are counted; the
//! original lets a pair be similar and not similar at once, which [`Benchmark::vsd2023`] keeps. Candidates of
//! the seed's own product are no answers and are left out; the original keeps them in its areas under curves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::files::Files;
use crate::{Error, Result};

/// Phases of images that take part.
const PHASES: [&str; 5] = ["train", "test", "query", "gallery", "search"];

/// An image of a benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its path in the data set.
    pub path: String,
    /// The number of its product.
    pub product: usize,
    /// The kind of product.
    pub category: Option<String>,
}

/// What people said of a candidate of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Its place in the gallery.
    pub candidate: usize,
    /// 0 for not similar.
    pub grade: u8,
}

/// An image that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Its number among the images.
    pub image: usize,
    /// Its labels, by candidate.
    pub labels: Vec<Label>,
}

/// What was left out of a benchmark, in labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The seed is not among the seeds, or not among the images.
    pub unknown_seed: usize,
    /// The candidate is not in the gallery.
    pub unknown_candidate: usize,
    /// The same label once more.
    pub repeated: usize,
    /// Another label of the same pair.
    pub contradictory: usize,
    /// The candidate shows the seed's own product.
    pub own_product: usize,
}

/// A benchmark, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Benchmark {
    /// All images.
    pub images: Vec<Image>,
    /// Which of them can be found, in the order in which equally similar ones stand.
    pub gallery: Vec<usize>,
    /// What is asked for; those without any label are kept.
    pub seeds: Vec<Seed>,
    /// Names of the products.
    pub products: Vec<String>,
    /// What was left out.
    pub dropped: Dropped,
}

/// What is done where labels contradict each other, or name the seed's own product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contradictions {
    LeftOut,
    Kept,
}

impl Benchmark {
    /// A benchmark from its files; `phases` restricts the gallery where there are any.
    ///
    /// # Errors
    /// [`Error::Request`] where no image, no seed or no label is left, or two images have one path.
    pub fn new(files: &Files, phases: &[String]) -> Result<Self> {
        Self::build(files, phases, Contradictions::LeftOut)
    }

    /// The same as the released evaluator would see it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn vsd2023(files: &Files, phases: &[String]) -> Result<Self> {
        Self::build(files, phases, Contradictions::Kept)
    }

    fn build(files: &Files, phases: &[String], rule: Contradictions) -> Result<Self> {
        let mut benchmark = Self::default();
        let manifest: Option<BTreeSet<&str>> = files
            .manifest
            .as_ref()
            .filter(|manifest| !manifest.images.is_empty())
            .map(|manifest| manifest.images.iter().map(|image| image.path.as_str()).collect());
        let mut products: HashMap<String, usize> = HashMap::new();
        let (mut numbers, mut places) = (HashMap::new(), HashMap::new());
        for image in &files.metadata.images {
            let named = manifest.as_ref().is_none_or(|paths| paths.contains(image.path.as_str()));
            if !named || !(image.phase.is_empty() || PHASES.contains(&image.phase.as_str())) {
                continue;
            }
            let name = image.product.clone().unwrap_or_else(|| product_of(&image.path));
            let product = *products.entry(name.clone()).or_insert_with(|| {
                benchmark.products.push(name);
                benchmark.products.len() - 1
            });
            let number = benchmark.images.len();
            if numbers.insert(image.path.as_str(), number).is_some() {
                return Err(Error::Request(format!(
                    "the metadata name {} twice; expected every path once",
                    image.path
                )));
            }
            if phases.is_empty() || phases.contains(&image.phase) {
                places.insert(image.path.as_str(), benchmark.gallery.len());
                benchmark.gallery.push(number);
            }
            let (path, category) = (image.path.clone(), image.category.clone());
            benchmark.images.push(Image { path, product, category });
        }
        if benchmark.gallery.is_empty() {
            return Err(Error::Request(
                "no image is left for the gallery; check the manifest and the phases".to_owned(),
            ));
        }
        let mut seeds: BTreeMap<usize, usize> = BTreeMap::new();
        let mut add = |path: &str| {
            if let Some(&image) = numbers.get(path) {
                let next = benchmark.seeds.len();
                if *seeds.entry(image).or_insert(next) == next {
                    benchmark.seeds.push(Seed { image, labels: Vec::new() });
                }
            }
        };
        match &files.seeds {
            Some(list) => list.seeds.iter().for_each(|path| add(path)),
            None => files.tags.iter().for_each(|tag| add(&tag.key[0])),
        }
        if benchmark.seeds.is_empty() {
            return Err(Error::Request(
                "none of the seeds is among the images of the task".to_owned(),
            ));
        }
        for tag in &files.tags {
            let [seed, candidate] = &tag.key;
            let seed = numbers.get(seed.as_str()).and_then(|image| seeds.get(image));
            let place = places.get(candidate.as_str());
            match (seed, place) {
                (None, _) => benchmark.dropped.unknown_seed += 1,
                (_, None) => benchmark.dropped.unknown_candidate += 1,
                (Some(&seed), Some(&candidate)) => {
                    benchmark.seeds[seed].labels.push(Label { candidate, grade: tag.value });
                }
            }
        }
        benchmark.settle(rule);
        if benchmark.seeds.iter().all(|seed| seed.labels.is_empty()) {
            return Err(Error::Request(format!(
                "none of the {} labels has its seed and its candidate among the images of the task",
                files.tags.len()
            )));
        }
        Ok(benchmark)
    }

    /// Leaves out repeated labels, and by the rule contradicting ones and those of the own product.
    fn settle(&mut self, rule: Contradictions) {
        let product = |place: usize| self.images[self.gallery[place]].product;
        let dropped = &mut self.dropped;
        for seed in &mut self.seeds {
            let labels = &mut seed.labels;
            let before = labels.len();
            labels.sort_unstable();
            labels.dedup();
            dropped.repeated += before - labels.len();
            if rule == Contradictions::Kept {
                continue;
            }
            let own = self.images[seed.image].product;
            let before = labels.len();
            labels.retain(|label| product(label.candidate) != own);
            dropped.own_product += before - labels.len();
            let before = labels.len();
            let agreed = labels.chunk_by(|a, b| a.candidate == b.candidate);
            *labels = agreed.filter(|same| same.len() == 1).flatten().copied().collect();
            dropped.contradictory += before - labels.len();
        }
    }

    /// The path of a seed.
    pub fn seed_path(&self, seed: usize) -> &str {
        self.seeds.get(seed).map_or("", |seed| &self.images[seed.image].path)
    }

    /// The path of an image of the gallery.
    pub fn gallery_path(&self, place: usize) -> &str {
        self.gallery.get(place).map_or("", |&image| &self.images[image].path)
    }

    /// Labels, and how many of them are at least of a grade.
    pub fn label_counts(&self, threshold: u8) -> (usize, usize) {
        let labels = self.seeds.iter().flat_map(|seed| &seed.labels);
        labels.fold((0, 0), |(all, similar), label| {
            (all + 1, similar + usize::from(label.grade >= threshold))
        })
    }
}

/// The last but one component of a path, or all of it where there is one only.
fn product_of(path: &str) -> String {
    let mut parts = path.rsplit(['/', '\\']);
    let last = parts.next().unwrap_or_default();
    parts.next().unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::files::{Manifest, ManifestImage, Metadata, MetadataImage, Seeds, Tag};
    use super::*;

    fn files(paths: &[&str], tags: &[(&str, &str, u8)]) -> Files {
        let image = |path: &&str| MetadataImage {
            path: (*path).to_owned(),
            phase: "gallery".to_owned(),
            ..MetadataImage::default()
        };
        let tag = |&(seed, candidate, value): &(&str, &str, u8)| Tag {
            key: [seed.to_owned(), candidate.to_owned()],
            value,
        };
        Files {
            metadata: Metadata { images: paths.iter().map(image).collect() },
            tags: tags.iter().map(tag).collect(),
            ..Files::default()
        }
    }

    const PATHS: [&str; 4] = ["i/p1/a", "i/p1/b", "i/p2/a", "i/p3/a"];

    #[test]
    fn what_does_not_belong_together_is_left_out_and_counted() {
        let tags = [
            ("i/p1/a", "i/p2/a", 1),
            ("i/p1/a", "i/p2/a", 1),
            ("i/p1/a", "i/p3/a", 1),
            ("i/p1/a", "i/p3/a", 0),
            ("i/p1/a", "i/p1/b", 1),
            ("i/p1/a", "i/p9/a", 1),
            ("i/p9/a", "i/p2/a", 1),
        ];
        let found = Benchmark::new(&files(&PATHS, &tags), &[]).unwrap();
        assert_eq!(found.seeds.len(), 1);
        assert_eq!(found.seeds[0].labels, [Label { candidate: 2, grade: 1 }]);
        let dropped = Dropped {
            unknown_seed: 1,
            unknown_candidate: 1,
            repeated: 1,
            contradictory: 2,
            own_product: 1,
        };
        assert_eq!(found.dropped, dropped);
        let kept = Benchmark::vsd2023(&files(&PATHS, &tags), &[]).unwrap();
        assert_eq!(kept.seeds[0].labels.len(), 4);
    }

    #[test]
    fn manifests_phases_and_seeds_restrict() {
        let mut all = files(&PATHS, &[("i/p2/a", "i/p1/a", 1), ("i/p3/a", "i/p1/a", 0)]);
        all.metadata.images[2].phase = "query".to_owned();
        let found = Benchmark::new(&all, &["gallery".to_owned()]).unwrap();
        assert_eq!((found.gallery.len(), found.seeds.len()), (3, 2));
        all.seeds = Some(Seeds { seeds: vec!["i/p3/a".to_owned(), "none".to_owned()] });
        let found = Benchmark::new(&all, &[]).unwrap();
        assert_eq!((found.seeds.len(), found.dropped.unknown_seed), (1, 1));
        let only = |path: &str| Manifest { images: vec![ManifestImage { path: path.to_owned() }] };
        all.manifest = Some(only("i/p1/a"));
        assert!(Benchmark::new(&all, &[]).is_err());
        all.manifest = Some(Manifest::default());
        assert_eq!(Benchmark::new(&all, &[]).unwrap().images.len(), 4);
        assert!(Benchmark::new(&all, &["test".to_owned()]).is_err());
        all.metadata.images[1].path = "i/p1/a".to_owned();
        assert!(Benchmark::new(&all, &[]).unwrap_err().to_string().contains("twice"));
    }
}
