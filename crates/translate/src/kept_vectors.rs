//! Vectors of sources, kept beside a run: a large embedder takes seconds for a picture, and a run that goes on would
//! ask it for all of them again.
//!
//! A vector belongs to the embedder's weights and the samples that it read; both are named by their SHA-256, so that
//! nothing that has changed is taken from a file. A file that cannot be read, or whose numbers have changed, is as none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lookalike_train::checkpoint::little_endian;
use lookalike_train::model_file;
use lookalike_train::{failed, sha256, write_whole};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::embedder::Embedder;

/// The file of a run's folder.
pub(crate) const NAME: &str = "vectors.safetensors";
/// How long an interruption can throw work back.
const SAVED_EVERY: Duration = Duration::from_secs(30);
/// Where the header says whose they are.
const KEY: &str = "vectors";

/// A source as it is, and mirrored.
type Both = [Vec<f32>; 2];

/// Whose vectors they are.
#[derive(Deserialize, Serialize)]
struct Plan {
    embedder: String,
    size: usize,
    /// Of the samples of every source, in the order of the vectors.
    sources: Vec<String>,
    /// Of all numbers.
    numbers: String,
}

impl Plan {
    fn tensors(&self) -> [(String, Vec<usize>); 1] {
        [("vectors".to_owned(), vec![self.sources.len(), 2, self.size])]
    }
}

/// Vectors by the SHA-256 of their source.
pub(crate) struct KeptVectors {
    path: Option<PathBuf>,
    embedder: String,
    size: usize,
    known: BTreeMap<String, Both>,
    saved: Instant,
    changed: bool,
}

impl KeptVectors {
    /// Those of a folder, if it has any; without a folder nothing is kept.
    pub(crate) fn of(folder: Option<&Path>, embedder: &Embedder) -> Self {
        let path = folder.map(|folder| folder.join(NAME));
        let (name, size) = (embedder.fingerprint().to_owned(), embedder.size());
        let known = path.as_deref().and_then(|path| read(path, &name, size)).unwrap_or_default();
        Self { path, embedder: name, size, known, saved: Instant::now(), changed: false }
    }

    /// What names a source.
    pub(crate) fn name_of(source: &[f32]) -> String {
        sha256(&little_endian(source))
    }

    /// The vectors of a source.
    pub(crate) fn get(&self, name: &str) -> Option<&Both> {
        self.known.get(name)
    }

    /// Keeps some.
    pub(crate) fn put(&mut self, name: String, both: Both) {
        self.changed |= self.known.insert(name, both).is_none();
    }

    /// Writes them if that is due, or if there will be no more.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn save(&mut self, last: bool) -> Result<()> {
        let Some(path) = self.path.as_deref().filter(|_| self.changed) else { return Ok(()) };
        if !last && self.saved.elapsed() < SAVED_EVERY {
            return Ok(());
        }
        let numbers: Vec<f32> = self.known.values().flatten().flatten().copied().collect();
        let plan = Plan {
            embedder: self.embedder.clone(),
            size: self.size,
            sources: self.known.keys().cloned().collect(),
            numbers: Self::name_of(&numbers),
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed(folder, "write"))?;
        }
        write_whole(path, &model_file::write(KEY, &plan, &plan.tensors(), &numbers)?)?;
        (self.saved, self.changed) = (Instant::now(), false);
        Ok(())
    }
}

/// The vectors of a file, if they are those of an embedder.
fn read(path: &Path, embedder: &str, size: usize) -> Option<BTreeMap<String, Both>> {
    let bytes = std::fs::read(path).ok()?;
    let plan: Plan = model_file::plan(KEY, &bytes).ok()?;
    if plan.embedder != embedder || plan.size != size {
        return None;
    }
    let numbers = model_file::numbers(&bytes, &plan.tensors()).ok()?;
    if KeptVectors::name_of(&numbers) != plan.numbers {
        return None;
    }
    let both = numbers.chunks_exact(2 * size).map(|both| {
        let (plain, mirrored) = both.split_at(size);
        [plain.to_vec(), mirrored.to_vec()]
    });
    Some(plan.sources.into_iter().zip(both).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_kept_for_their_embedder_and_source_alone() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let embedder = Embedder::named("sight").unwrap();
        let both = |number: f32| [vec![number; embedder.size()], vec![-number; embedder.size()]];
        let mut kept = KeptVectors::of(Some(&out), &embedder);
        let (a, b) = (KeptVectors::name_of(&[0.5]), KeptVectors::name_of(&[0.25]));
        kept.put(b.clone(), both(2.0));
        kept.put(a.clone(), both(1.0));
        kept.save(false).unwrap();
        assert!(!out.exists(), "not due");
        kept.save(true).unwrap();
        let again = KeptVectors::of(Some(&out), &embedder);
        assert_eq!((again.get(&a), again.get(&b)), (Some(&both(1.0)), Some(&both(2.0))));
        assert_eq!(again.get(&KeptVectors::name_of(&[0.75])), None);
        let path = out.join(NAME);
        assert!(read(&path, "another", embedder.size()).is_none());
        assert!(read(&path, embedder.fingerprint(), 3).is_none());
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 9, whole.len() / 2, whole.len() - 2] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(KeptVectors::of(Some(&out), &embedder).get(&a).is_none(), "{at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(KeptVectors::of(Some(&out), &embedder).get(&a).is_none(), "cut at {at}");
        }
        let mut nowhere = KeptVectors::of(None, &embedder);
        nowhere.put(a, both(1.0));
        nowhere.save(true).unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let mut beneath = KeptVectors::of(Some(&folder.path().join("file/run")), &embedder);
        beneath.put(b, both(1.0));
        assert!(beneath.save(true).is_err());
    }
}
