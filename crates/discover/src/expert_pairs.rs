//! Labelled pairs of pictures without a catalogue: which models score the similar ones higher.
//!
//! Read are a JSON array of labels `{"key":[seed, candidate],"value":0|1}`, one of pairs
//! `{"query":…,"gallery":…,"label":0|1}`, which may have cosines that were published for other models under
//! `"sims":{model: cosine}` and a `"group"`, and votes as CSV, of which the majority counts.
//!
//! Limits: labelled pairs are pairs that some models ranked high, so all are hard ones, and pairs that were chosen to
//! show where models err say nothing of how often they do. There is no ranking, hence no hit ratio.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use lookalike_core::decode::{DecodeOptions, read as read_picture};
use rayon::prelude::*;
use serde::Deserialize;

use crate::embedder::Embedder;
use crate::evaluation::files;
use crate::evaluation::pooled::{self, Pair};
use crate::evaluation::report::Estimate;
use crate::evaluation::uncertainty::Sampling;
use crate::store::scan::{dot, normalised};
use crate::votes::{Settlement, Votes};
use crate::{Error, Result};

/// A labelled pair.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpertPair {
    /// The path of the seed.
    pub seed: String,
    /// The path of the candidate.
    pub candidate: String,
    /// The grade.
    pub value: u8,
    /// Why it was chosen, where that is said.
    pub group: String,
    /// Cosines that are known already, by model.
    pub published: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Tag(files::Tag),
    Pair {
        query: String,
        gallery: String,
        label: u8,
        #[serde(default)]
        group: String,
        #[serde(default)]
        sims: BTreeMap<String, f64>,
    },
}

/// Reads labelled pairs.
///
/// # Errors
/// [`Error::Read`], [`Error::Malformed`]; [`Error::Request`] where there are none.
pub fn read(path: &Path) -> Result<Vec<ExpertPair>> {
    let plain = |tag: files::Tag| {
        let [seed, candidate] = tag.key;
        let (value, group, published) = (tag.value, String::new(), BTreeMap::new());
        ExpertPair { seed, candidate, value, group, published }
    };
    let pairs: Vec<ExpertPair> = match path.extension().is_some_and(|extension| extension == "csv")
    {
        true => {
            let tags = Votes::read(path)?.settle(Settlement::Majority, 1).tags;
            tags.into_iter().map(plain).collect()
        }
        false => {
            let written: Vec<Written> = files::read(path)?;
            let pair = |one| match one {
                Written::Tag(tag) => plain(tag),
                Written::Pair { query, gallery, label, group, sims } => ExpertPair {
                    seed: query,
                    candidate: gallery,
                    value: label,
                    group,
                    published: sims,
                },
            };
            written.into_iter().map(pair).collect()
        }
    };
    if pairs.is_empty() {
        return Err(Error::Request(format!("{}: there is no labelled pair in it", path.display())));
    }
    Ok(pairs)
}

/// Cosines of pairs by one model.
#[derive(Clone, Debug, PartialEq)]
pub struct PairScores {
    /// The model.
    pub model: String,
    /// Whether they were published with the pairs rather than computed.
    pub published: bool,
    /// A cosine for every pair; none where it was not published.
    pub scores: Vec<Option<f64>>,
}

impl PairScores {
    /// What an embedder makes of the pictures in a folder.
    ///
    /// # Errors
    /// [`Error::Picture`] for one that cannot be read; those of the embedder.
    pub fn of(embedder: &dyn Embedder, pairs: &[ExpertPair], folder: &Path) -> Result<Self> {
        let names: BTreeSet<&str> =
            pairs.iter().flat_map(|pair| [pair.seed.as_str(), pair.candidate.as_str()]).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let vectors = names.par_iter().map(|name| {
            let picture = read_picture(&folder.join(name), &DecodeOptions::default())?;
            let mut vector = embedder.embed(&picture)?;
            normalised(&mut vector, name)?;
            Ok((*name, vector))
        });
        let vectors: HashMap<&str, Vec<f32>> = vectors.collect::<Result<_>>()?;
        let scores = pairs.iter().map(|pair| {
            let [a, b] = [&pair.seed, &pair.candidate].map(|name| vectors.get(name.as_str()));
            Some(f64::from(dot(a?, b?)))
        });
        let model = embedder.fingerprint().model.clone();
        Ok(Self { model, published: false, scores: scores.collect() })
    }

    /// The cosines that came with the pairs, model by model.
    pub fn published(pairs: &[ExpertPair]) -> Vec<Self> {
        let models: BTreeSet<&String> =
            pairs.iter().flat_map(|pair| pair.published.keys()).collect();
        let scores = |model: &String| {
            let scores = pairs.iter().map(|pair| pair.published.get(model).copied()).collect();
            Self { model: model.clone(), published: true, scores }
        };
        models.into_iter().map(scores).collect()
    }

    /// `roc_auc` and `pr_auc` with intervals over seeds, of the pairs that have a cosine.
    pub fn estimates(
        &self,
        pairs: &[ExpertPair],
        threshold: u8,
        sampling: Sampling,
    ) -> Vec<(String, Estimate)> {
        let mut seeds: HashMap<&str, usize> = HashMap::new();
        let mut scored = Vec::new();
        for (pair, score) in pairs.iter().zip(&self.scores) {
            let Some(score) = score else { continue };
            let next = seeds.len();
            let seed = *seeds.entry(&pair.seed).or_insert(next);
            scored.push(Pair { score: *score as f32, similar: pair.value >= threshold, seed });
        }
        pooled::sort(&mut scored);
        pooled::estimates(&scored, seeds.len(), sampling)
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::encode::write_png;
    use lookalike_core::procedural::{Distortion, scene};

    use super::*;
    use crate::embedder::ColourHistogram;

    fn written(text: &str, extension: &str) -> Result<Vec<ExpertPair>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("pairs.{extension}"));
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn three_layouts_are_read() {
        let tags = written(r#"[{"key":["a","b"],"value":1}]"#, "json").unwrap();
        let votes = written("seed,candidate,rater,value\na,b,x,1\n", "csv").unwrap();
        assert_eq!(tags, votes);
        let published = written(
            r#"[{"set":"s","group":"hard_pos","query":"a","gallery":"b","label":1,
                 "sims":{"clip":0.9},"ranks":{"clip":3}},
                {"query":"a","gallery":"c","label":0}]"#,
            "json",
        )
        .unwrap();
        assert_eq!(
            (published[0].group.as_str(), published[0].published["clip"]),
            ("hard_pos", 0.9)
        );
        let scores = PairScores::published(&published);
        assert_eq!((scores.len(), &scores[0].scores[..]), (1, &[Some(0.9), None][..]));
        for (text, extension) in [("[]", "json"), ("[{}]", "json"), ("a,b\n", "csv")] {
            assert!(written(text, extension).is_err(), "{text}");
        }
    }

    #[test]
    fn copies_score_above_other_scenes() {
        let folder = tempfile::tempdir().unwrap();
        let mut pairs = Vec::new();
        for seed in 0..6_u64 {
            let picture = scene(seed, 64, 48);
            let copy = Distortion::Blur.apply(&picture, 0.3, 1).unwrap();
            for (name, picture) in [("a", &picture), ("b", &copy), ("c", &scene(seed + 20, 64, 48))]
            {
                write_png(picture, &folder.path().join(format!("{seed}{name}.png"))).unwrap();
            }
            pairs.extend([("b", 1), ("c", 0)].map(|(name, value)| ExpertPair {
                seed: format!("{seed}a.png"),
                candidate: format!("{seed}{name}.png"),
                value,
                group: String::new(),
                published: BTreeMap::new(),
            }));
        }
        let scores = PairScores::of(&ColourHistogram::new(), &pairs, folder.path()).unwrap();
        let found = scores.estimates(&pairs, 1, Sampling { resamples: 50, ..Sampling::default() });
        let names: Vec<&str> = found.iter().map(|one| one.0.as_str()).collect();
        assert_eq!((names, found[0].1.seeds), (vec!["roc_auc", "pr_auc"], 6));
        assert!(found[0].1.value > 0.95 && found[0].1.interval.is_some(), "{found:?}");
        let gone = folder.path().join("gone");
        assert!(PairScores::of(&ColourHistogram::new(), &pairs, &gone).is_err());
    }
}
