//! The four tasks of the VSD benchmark, by the names of its configurations, and what each takes for granted.
//!
//! | task | seeds | gallery | learned from |
//! |---|---|---|---|
//! | `in_catalog_retrieval_zero_shot` | images of the catalogue | the catalogue | no label |
//! | `in_catalog_open_catalog` | images of the catalogue | the catalogue | other pairs, of the same seeds too |
//! | `in_catalog_closed_catalog` | images of the catalogue | the catalogue | pairs of other seeds |
//! | `consumer-catalog_wild_zero_shot` | photos by consumers | images of given phases | no label |
//!
//! Source: the configurations of vsd-benchmark/vsd. Its evaluator counts the same for all four and takes its files
//! on trust; here seeds of a catalogue must be in the gallery and those of consumers must not, and labels that a
//! model learned from must not be those that judge it.

use std::collections::BTreeSet;

use super::Benchmark;
use super::files::Tag;
use crate::{Error, Result};

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Seeds of the catalogue, for models that saw no label.
    ZeroShot,
    /// Seeds of the catalogue, for models that learned from other pairs.
    OpenCatalogue,
    /// Seeds of the catalogue, for models that learned from other seeds.
    ClosedCatalogue,
    /// Photos by consumers, for models that saw no label.
    WildZeroShot,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ZeroShot, Self::OpenCatalogue, Self::ClosedCatalogue, Self::WildZeroShot];

    /// The name of its configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZeroShot => "in_catalog_retrieval_zero_shot",
            Self::OpenCatalogue => "in_catalog_open_catalog",
            Self::ClosedCatalogue => "in_catalog_closed_catalog",
            Self::WildZeroShot => "consumer-catalog_wild_zero_shot",
        }
    }

    /// The task of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }

    /// Whether a benchmark, its gallery of some phases where there are any, is one of this task, and whether the
    /// labels that models learned from leave it a fair one.
    ///
    /// # Errors
    /// [`Error::Request`] with what was expected and the first image that is otherwise.
    pub fn check(
        self,
        benchmark: &Benchmark,
        phases: &[String],
        learned: Option<&[Tag]>,
    ) -> Result<()> {
        let wrong = |text: String| Err(Error::Request(format!("the task {}: {text}", self.name())));
        let is_wild = self == Self::WildZeroShot;
        if is_wild == phases.is_empty() {
            return wrong(
                match is_wild {
                    true => "expected the phases of the gallery (--gallery-phase), such as gallery",
                    false => {
                        "its gallery is all images of the manifest; expected no --gallery-phase"
                    }
                }
                .to_owned(),
            );
        }
        let gallery: BTreeSet<usize> = benchmark.gallery.iter().copied().collect();
        let other = benchmark.seeds.iter().find(|seed| gallery.contains(&seed.image) == is_wild);
        if let Some(seed) = other {
            let path = &benchmark.images[seed.image].path;
            return wrong(match is_wild {
                true => format!("expected photos by consumers as seeds; {path} is in the gallery"),
                false => format!("expected seeds of the gallery; {path} is not in it"),
            });
        }
        let Some(learned) = learned else { return Ok(()) };
        let (seeds, pairs): (BTreeSet<&str>, BTreeSet<[&str; 2]>) = learned
            .iter()
            .map(|tag| (tag.key[0].as_str(), tag.key.each_ref().map(String::as_str)))
            .unzip();
        let labels = benchmark.seeds.iter().flat_map(|seed| {
            let path = benchmark.images[seed.image].path.as_str();
            seed.labels.iter().map(move |label| [path, benchmark.gallery_path(label.candidate)])
        });
        let (known, what): (Vec<[&str; 2]>, &str) = match self {
            Self::ZeroShot | Self::WildZeroShot => {
                let expected = "expected models that saw no label, found labels they learned from";
                return wrong(expected.to_owned());
            }
            Self::OpenCatalogue => (
                labels
                    .filter(|&[seed, candidate]| {
                        pairs.contains(&[seed, candidate]) || pairs.contains(&[candidate, seed])
                    })
                    .collect(),
                "pairs",
            ),
            Self::ClosedCatalogue => {
                (labels.filter(|[seed, _]| seeds.contains(seed)).collect(), "seeds")
            }
        };
        match known.first() {
            Some([seed, candidate]) => wrong(format!(
                "expected labels of other {what} than those that were learned from; {} are of the same, such \
                 as that of {seed} and {candidate}",
                known.len()
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::{Files, Metadata, MetadataImage, Seeds};
    use super::*;

    fn tag(seed: &str, candidate: &str) -> Tag {
        Tag { key: [seed.to_owned(), candidate.to_owned()], value: 1 }
    }

    fn benchmark(seeds: &[&str], phases: &[String]) -> Benchmark {
        let image = |path: &str| MetadataImage {
            path: format!("{path}/1.jpg"),
            phase: if path == "w" { "query" } else { "gallery" }.to_owned(),
            ..MetadataImage::default()
        };
        let paths = |names: &[&str]| names.iter().map(|name| format!("{name}/1.jpg")).collect();
        let files = Files {
            metadata: Metadata { images: ["a", "b", "c", "d", "w"].map(image).to_vec() },
            manifest: None,
            seeds: Some(Seeds { seeds: paths(seeds) }),
            tags: seeds.iter().map(|seed| tag(&format!("{seed}/1.jpg"), "d/1.jpg")).collect(),
        };
        Benchmark::new(&files, phases).unwrap()
    }

    fn refused(
        task: Task,
        benchmark: &Benchmark,
        phases: &[String],
        learned: Option<&[Tag]>,
    ) -> String {
        task.check(benchmark, phases, learned).unwrap_err().to_string()
    }

    #[test]
    fn names_are_those_of_the_configurations() {
        for task in Task::ALL {
            assert_eq!(Task::of(task.name()), Some(task));
        }
        assert_eq!(Task::of("in_catalog"), None);
    }

    #[test]
    fn seeds_of_a_catalogue_are_in_it_and_photos_of_consumers_are_not() {
        let phases = ["gallery".to_owned()];
        let (own, wild) = (benchmark(&["a", "b"], &[]), benchmark(&["w"], &phases));
        for task in [Task::ZeroShot, Task::OpenCatalogue, Task::ClosedCatalogue] {
            task.check(&own, &[], None).unwrap();
            assert!(refused(task, &own, &phases, None).contains("expected no --gallery-phase"));
            assert!(refused(task, &wild, &[], None).contains("w/1.jpg is not in it"));
        }
        Task::WildZeroShot.check(&wild, &phases, None).unwrap();
        assert!(refused(Task::WildZeroShot, &wild, &[], None).contains("--gallery-phase"));
        let mixed = benchmark(&["w", "a"], &phases);
        assert!(
            refused(Task::WildZeroShot, &mixed, &phases, None)
                .contains("a/1.jpg is in the gallery")
        );
    }

    #[test]
    fn what_was_learned_from_does_not_judge() {
        let own = benchmark(&["a", "b"], &[]);
        let same_pair = [tag("d/1.jpg", "a/1.jpg")];
        let same_seed = [tag("b/1.jpg", "c/1.jpg")];
        assert!(refused(Task::ZeroShot, &own, &[], Some(&same_seed)).contains("saw no label"));
        Task::OpenCatalogue.check(&own, &[], Some(&same_seed)).unwrap();
        let found = refused(Task::OpenCatalogue, &own, &[], Some(&same_pair));
        assert!(
            found.contains("1 are of the same, such as that of a/1.jpg and d/1.jpg"),
            "{found}"
        );
        let found = refused(Task::ClosedCatalogue, &own, &[], Some(&same_seed));
        assert!(found.contains("1 are of the same, such as that of b/1.jpg"), "{found}");
        Task::ClosedCatalogue.check(&own, &[], Some(&same_pair)).unwrap();
    }
}
