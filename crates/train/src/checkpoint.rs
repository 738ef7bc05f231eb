//! Checkpoints: everything that a run needs to go on with the same bits.
//!
//! One safetensors file has parameters, first and second moments of every tensor of the layout
//! (`parameters/lin0`, `first/lin0`, `second/lin0`), and in its header the step, what the run is
//! ([`Run`]) and the last loss. Random numbers depend on the seed and the step alone and the order of
//! the data on the seed and the epoch, so no generator and no position needs to be kept: both follow
//! from the step.
//!
//! A file appears whole or not at all, the last two are kept, and loading is strict: no tensor may be
//! missing, unknown, misshapen or not finite.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::files::{failed, write_whole};
use crate::lpips::{Layout, State};
use crate::{Error, Result};

const KEY: &str = "lookalike.checkpoint";
const VERSION: u32 = 1;
const KEPT: usize = 2;
const PARTS: [&str; 3] = ["parameters", "first", "second"];

/// What identifies a run: checkpoints of another are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The seed of everything random.
    pub seed: u64,
    /// SHA-256 of all choices that change the result.
    pub recipe_sha256: String,
    /// SHA-256 of the judgements: names and sizes of the pictures, and shares.
    pub data_sha256: String,
    /// Where random numbers come from.
    pub random: String,
}

/// What a checkpoint says besides the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    version: u32,
    /// Steps that were done.
    pub step: u64,
    /// The epoch of the next step, from 1.
    pub epoch: u64,
    /// The batch of the next step within its epoch, from 0.
    pub position: u64,
    /// The loss of the last step.
    pub loss: Option<f64>,
    /// Seconds that steps have taken so far.
    pub seconds: f64,
    /// Whose it is.
    pub run: Run,
}

impl Facts {
    /// The facts after a step of a run.
    pub fn new(run: Run, step: u64, steps_per_epoch: u64, loss: Option<f64>, seconds: f64) -> Self {
        let per_epoch = steps_per_epoch.max(1);
        let (epoch, position) = (step / per_epoch + 1, step % per_epoch);
        Self { version: VERSION, step, epoch, position, loss, seconds, run }
    }
}

/// The folder of a run's checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// In a folder, which is made by the first [`save`](Self::save).
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// All that are there, by step.
    pub fn all(&self) -> Vec<(u64, PathBuf)> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let mut found: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?;
                Some((step.parse().ok()?, entry.path()))
            })
            .collect();
        found.sort();
        found
    }

    /// The one with most steps.
    pub fn newest(&self) -> Option<PathBuf> {
        self.all().pop().map(|(_, path)| path)
    }

    /// Writes one, then removes all but it and the one before; those of later steps belong to a run that
    /// was given up.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save(&self, layout: &Layout, state: &State, facts: &Facts) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.folder).map_err(failed(&self.folder, "write"))?;
        let path = self.folder.join(format!("step-{:08}.safetensors", facts.step));
        write_whole(&path, &encode(layout, state, facts, &path)?)?;
        let (later, mut earlier): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|(step, _)| *step > facts.step);
        let kept = earlier.len().saturating_sub(KEPT);
        for (_, path) in later.into_iter().chain(earlier.drain(..kept)) {
            std::fs::remove_file(&path).map_err(failed(&path, "remove"))?;
        }
        Ok(path)
    }
}

fn slices(state: &State) -> [&Vec<f32>; 3] {
    [&state.parameters, &state.first, &state.second]
}

fn encode(layout: &Layout, state: &State, facts: &Facts, path: &Path) -> Result<Vec<u8>> {
    let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
    let facts = serde_json::to_string(facts).map_err(|e| unsuitable(e.to_string()))?;
    let bytes = slices(state).map(|numbers| little_endian(numbers));
    let mut views = Vec::new();
    for (part, bytes) in PARTS.into_iter().zip(&bytes) {
        for slot in layout.slots() {
            let data = &bytes[4 * slot.range.start..4 * slot.range.end];
            let view = TensorView::new(Dtype::F32, slot.shape.clone(), data)
                .map_err(|e| unsuitable(e.to_string()))?;
            views.push((format!("{part}/{}", slot.name), view));
        }
    }
    let about = HashMap::from([(KEY.to_owned(), facts)]);
    safetensors::serialize(views, Some(about)).map_err(|e| unsuitable(e.to_string()))
}

/// The bytes of numbers, as files have them.
pub fn little_endian(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Where a run starts: at a checkpoint, or with parameters of its own; with the last loss and the seconds that
/// steps have taken.
///
/// # Errors
/// As [`load`], and those of `initial`.
pub fn start(
    from: Option<&Path>,
    layout: &Layout,
    run: &Run,
    initial: impl FnOnce() -> Result<Vec<f32>>,
) -> Result<(State, Option<f64>, f64)> {
    let Some(path) = from else { return Ok((State::new(initial()?), None, 0.0)) };
    let (state, facts) = load(path, layout, run)?;
    Ok((state, facts.loss, facts.seconds))
}

/// Reads a checkpoint.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] when it is damaged or of another run, with what differs.
pub fn load(path: &Path, layout: &Layout, run: &Run) -> Result<(State, Facts)> {
    let bytes = std::fs::read(path).map_err(failed(path, "read"))?;
    let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
    let damaged = |reason: String| {
        unsuitable(format!(
            "not a checkpoint of this run: {reason}; take another with --resume PATH, or start anew \
             with --resume never"
        ))
    };
    let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
    let facts = header.metadata().as_ref().and_then(|about| about.get(KEY));
    let facts = facts.ok_or_else(|| damaged("its header says nothing of a run".to_owned()))?;
    let facts: Facts = serde_json::from_str(facts).map_err(|e| damaged(e.to_string()))?;
    if facts.version != VERSION {
        return Err(damaged(format!("expected version {VERSION}, found {}", facts.version)));
    }
    let found = &facts.run;
    for (what, expected, found) in [
        ("seed", &run.seed.to_string(), &found.seed.to_string()),
        ("recipe (sha256)", &run.recipe_sha256, &found.recipe_sha256),
        ("judgements (sha256)", &run.data_sha256, &found.data_sha256),
        ("random numbers", &run.random, &found.random),
    ] {
        if expected != found {
            return Err(unsuitable(format!(
                "the checkpoint is of another run: {what} expected {expected}, found {found}; repeat \
                 the command of that run, choose another --out, or start anew with --resume never"
            )));
        }
    }
    let expected = PARTS.len() * layout.slots().len();
    if file.len() != expected {
        return Err(damaged(format!("expected {expected} tensors, found {}", file.len())));
    }
    let mut state = State::new(vec![0.0; layout.len()]);
    state.step = facts.step;
    for (part, numbers) in
        PARTS.into_iter().zip([&mut state.parameters, &mut state.first, &mut state.second])
    {
        for slot in layout.slots() {
            let name = format!("{part}/{}", slot.name);
            let tensor = file.tensor(&name).map_err(|e| damaged(e.to_string()))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != slot.shape {
                let (kind, shape) = (tensor.dtype(), tensor.shape());
                return Err(damaged(format!(
                    "'{name}': expected F32 {:?}, found {kind:?} {shape:?}",
                    slot.shape
                )));
            }
            let (values, _) = tensor.data().as_chunks::<4>();
            for (number, &value) in numbers[slot.range.clone()].iter_mut().zip(values) {
                *number = f32::from_le_bytes(value);
                if !number.is_finite() {
                    return Err(damaged(format!("'{name}' has {number}")));
                }
            }
        }
    }
    Ok((state, facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookalike_deep::Net;

    fn run() -> Run {
        Run {
            seed: 1,
            recipe_sha256: "a".to_owned(),
            data_sha256: "b".to_owned(),
            random: crate::random::GENERATOR.to_owned(),
        }
    }

    #[test]
    fn what_was_saved_comes_back_and_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::at(folder.path().join("checkpoints"));
        assert!(checkpoints.newest().is_none());
        let layout = Layout::new(Net::Alex, false);
        let mut state = State::new(layout.initial(Net::Alex, 1));
        for step in [3, 7, 9, 5] {
            state.step = step;
            state.first[1] = step as f32;
            let facts = Facts::new(run(), step, 4, Some(0.5), 1.25);
            let path = checkpoints.save(&layout, &state, &facts).unwrap();
            assert_eq!(load(&path, &layout, &run()).unwrap(), (state.clone(), facts));
        }
        let steps: Vec<u64> = checkpoints.all().into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [5]);
        let facts = Facts::new(run(), 5, 4, None, 0.0);
        assert_eq!((facts.epoch, facts.position), (2, 1));
    }

    #[test]
    fn others_are_refused_with_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::at(folder.path());
        let layout = Layout::new(Net::Alex, false);
        let mut state = State::new(layout.initial(Net::Alex, 1));
        let facts = Facts::new(run(), 0, 4, None, 0.0);
        let path = checkpoints.save(&layout, &state, &facts).unwrap();
        let message = |layout: &Layout, run: &Run| {
            load(&path, layout, run).map(|_| ()).unwrap_err().to_string()
        };
        let other = Run { seed: 2, ..run() };
        assert!(message(&layout, &other).contains("seed expected 2, found 1"));
        assert!(message(&Layout::new(Net::Vgg, false), &run()).contains("lin1"));
        assert!(message(&Layout::new(Net::Alex, true), &run()).contains("tensors, found"));
        state.second[4] = f32::NAN;
        checkpoints.save(&layout, &state, &facts).unwrap();
        assert!(message(&layout, &run()).contains("'second/lin0' has NaN"));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(message(&layout, &run()).contains("--resume never"));
    }
}
