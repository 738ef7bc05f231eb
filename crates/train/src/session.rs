//! What all runs have in common: where they start, when they end, and the files they leave.

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoints;
use crate::{Error, Result};

/// Where a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// At the newest checkpoint of the folder, or at the beginning where there is none.
    Auto,
    /// At the beginning; checkpoints of an earlier run in the folder are replaced.
    Never,
    /// At a checkpoint.
    From(PathBuf),
}

impl Resume {
    /// The checkpoint to start at.
    pub fn checkpoint(&self, checkpoints: &Checkpoints) -> Option<PathBuf> {
        match self {
            Self::Auto => checkpoints.newest(),
            Self::Never => None,
            Self::From(path) => Some(path.clone()),
        }
    }
}

/// What does not change the result.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the run.
    pub out: PathBuf,
    /// Where that is kept which is computed once before the first step; several runs may share it.
    pub cache: PathBuf,
    /// Where to start.
    pub resume: Resume,
    /// Ends the run after this many seconds of steps in this session.
    pub max_seconds: Option<f64>,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// What is computed once before the first step: how much of how much.
    Features(usize, usize),
    /// Steps that were done, of how many, and the loss of the last.
    Steps(u64, u64, f64),
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stopped {
    /// All steps were done.
    Finished,
    /// The seconds were over.
    Time,
    /// The caller ended it.
    Interrupted,
}

/// A run that is taken step by step.
pub trait Steps {
    /// Steps that were done, and of how many.
    fn done(&self) -> (u64, u64);

    /// The loss of the last step.
    fn loss(&self) -> Option<f64>;

    /// The next step; where it fails nothing has changed.
    ///
    /// # Errors
    /// What keeps it from being done.
    fn advance(&mut self) -> Result<()>;

    /// Leaves a checkpoint.
    ///
    /// # Errors
    /// [`Error::File`].
    fn save(&self) -> Result<()>;
}

/// Goes on to the end of a run, or to where time or the caller end it. There is a checkpoint whenever it
/// ends, by an error as well.
///
/// # Errors
/// Those of a step and of a checkpoint.
pub fn go_on(
    run: &mut dyn Steps,
    settings: &Settings,
    start: Instant,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Stopped> {
    loop {
        let (done, total) = run.done();
        let go_on = progress(Progress::Steps(done, total, run.loss().unwrap_or(0.0)));
        if done >= total {
            return Ok(Stopped::Finished);
        }
        let elapsed = start.elapsed().as_secs_f64();
        if settings.max_seconds.is_some_and(|most| elapsed >= most) {
            run.save()?;
            return Ok(Stopped::Time);
        }
        if !go_on {
            run.save()?;
            return Ok(Stopped::Interrupted);
        }
        if let Err(error) = run.advance() {
            run.save()?;
            return Err(error);
        }
        let (done, total) = run.done();
        if done.is_multiple_of(settings.checkpoint_every.max(1)) || done == total {
            run.save()?;
        }
    }
}

/// The error with the way out, where weights are not there.
pub(crate) fn absent(error: lookalike_deep::Error) -> Error {
    match &error {
        lookalike_deep::Error::Absent { name, .. } => Error::Refused(format!(
            "{error}; run `lookalike weights fetch {name}`, or bring a file of your own with `lookalike \
             weights import FILE --as {name}`"
        )),
        _ => error.into(),
    }
}
