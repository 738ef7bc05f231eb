//! Examples with what the teachers say of them, computed once and kept in a file.
//!
//! A record ([`Records`]) per example: pictures, labels, scores (61 kB). The file's name is the hash of
//! everything that it depends on, so that runs share it where they may and only there. Blends belong to a
//! run and are computed when it starts.

use std::path::Path;

use rayon::prelude::*;

use super::examples::{CANDIDATES, Label, PICTURES, encode, example, labels, learned};
use super::pictures::{Role, Sources};
use super::recipe::Recipe;
use super::teachers::{Blend, Scores, Teachers};
use crate::checkpoint::little_endian;
use crate::files::{failed, sha256};
use crate::records::Records;
use crate::session::Progress;
use crate::{Error, Result};

/// Examples that are made at once.
const CHUNK: usize = 64;

/// Examples of a role.
pub(crate) struct Examples {
    records: Records,
    scores: Vec<Scores>,
    labels: Vec<[Label; CANDIDATES]>,
    targets: Vec<[f32; CANDIDATES]>,
}

impl Examples {
    /// Opens the file of a role in a folder and makes what is missing. `progress` says whether to go on.
    pub(crate) fn open(
        folder: &Path,
        sources: &Sources,
        recipe: &Recipe,
        teachers: &Teachers,
        role: Role,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(failed(folder, "write"))?;
        let count = match role {
            Role::Learned => recipe.examples,
            Role::Validation | Role::HeldOut => recipe.validation,
        };
        let names: Vec<&str> = recipe.without.iter().map(|group| group.name()).collect();
        // Later versions of the bank must not find files of earlier ones.
        let key = format!(
            "1\n{}\n{:?}\n{}\n{}\n{}\n{}",
            sources.sha256,
            role,
            recipe.seed,
            recipe.scenes,
            names.join(" "),
            teachers.names().join("\n"),
        );
        let key = sha256(key.as_bytes());
        let path = folder.join(format!("examples-{}.bin", &key[..16]));
        let length = PICTURES + CANDIDATES * (8 + 4 * teachers.count());
        let header = format!("lookalike.examples/1 {key} {length}\n");
        let mut records = Records::open(path, &header, length)?;
        if records.count() < count {
            let pool = sources.pool(role, recipe.scenes)?;
            let distortions = learned(&recipe.without);
            if distortions.is_empty() {
                return Err(Error::Refused("without: no distortion is left".to_owned()));
            }
            let others = !recipe.without.contains(&super::bank::Group::Content);
            while records.count() < count {
                let done = records.count();
                if !progress(Progress::Features(done, count)) {
                    return Err(Error::Interrupted { done, count });
                }
                let numbers = done..(done + CHUNK).min(count);
                let made = numbers.into_par_iter().map(|number| {
                    let made = example(&pool, &distortions, others, recipe.seed, number as u64)?;
                    let mut record = encode(&made)?;
                    for scores in teachers.scores(&made)? {
                        record.extend(little_endian(&scores));
                    }
                    Ok(record)
                });
                records.append(made.collect::<Result<Vec<_>>>()?)?;
            }
            progress(Progress::Features(count, count));
        }
        let mut examples =
            Self { records, scores: Vec::new(), labels: Vec::new(), targets: Vec::new() };
        for place in 0..count {
            let record = examples.records.read(place)?;
            examples.labels.push(labels(&record));
            let numbers = record.get(PICTURES + 8 * CANDIDATES..).unwrap_or_default();
            let (numbers, _) = numbers.as_chunks::<4>();
            let mut numbers = numbers.iter().map(|&number| f32::from_le_bytes(number));
            examples
                .scores
                .push(std::array::from_fn(|_| numbers.by_ref().take(teachers.count()).collect()));
        }
        Ok(examples)
    }

    pub(crate) fn count(&self) -> usize {
        self.scores.len()
    }

    pub(crate) fn scores(&self) -> &[Scores] {
        &self.scores
    }

    /// The distances to aim at.
    pub(crate) fn blend(&mut self, blend: &Blend) {
        self.targets = self.scores.iter().map(|scores| blend.targets(scores)).collect();
    }

    pub(crate) fn labels(&self, place: usize) -> &[Label; CANDIDATES] {
        &self.labels[place]
    }

    pub(crate) fn targets(&self, place: usize) -> &[f32; CANDIDATES] {
        &self.targets[place]
    }

    /// The samples of all pictures of an example.
    pub(crate) fn pictures(&mut self, place: usize) -> Result<Vec<u8>> {
        let mut record = self.records.read(place)?;
        record.truncate(PICTURES);
        Ok(record)
    }
}
