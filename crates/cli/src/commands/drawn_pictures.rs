//! Pictures of which others are drawn, one of each: where they go, and what becomes of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use lookalike::decode::{DecodeOptions, read};
use lookalike::encode::write_png;
use lookalike::pairing::{NameFilter, pictures_in};
use lookalike::{AlphaPolicy, Picture};
use rayon::prelude::*;
use serde::Serialize;

use crate::Status;
use crate::args::GlobalArgs;
use crate::log::{Log, on_interrupt};
use crate::report::ErrorRecord;

/// A picture and what is drawn of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
}

/// What became of all.
pub(super) struct Drawn {
    pub(super) items: Vec<Item>,
    pub(super) errors: Vec<ErrorRecord>,
    /// Whether there is a picture for each.
    pub(super) status: Status,
}

/// The pictures of a folder, with their paths relative to it, without those whose names match `without`.
pub(super) fn of_folder(
    folder: &Path,
    without: &[String],
) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let (found, unreachable) = pictures_in(folder, &NameFilter::new(&[], without)?)?;
    if let Some(unreachable) = unreachable.first() {
        bail!("{}: {}", unreachable.path.display(), unreachable.message);
    }
    let relative = |path: PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
        (path, name)
    };
    Ok(found.into_iter().map(relative).collect())
}

/// Refuses work that would write a file twice, or over what it reads.
fn check(work: &[Item]) -> anyhow::Result<()> {
    let mut outputs: Vec<&PathBuf> = work.iter().map(|item| &item.output).collect();
    outputs.sort();
    if let Some(twice) = outputs.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("{}: two pictures would be drawn there; draw them apart", twice[0].display());
    }
    if let Some(item) = work.iter().find(|item| item.input == item.output) {
        bail!("{}: would be overwritten; choose another --out", item.input.display());
    }
    Ok(())
}

/// Draws something of every picture, until it is interrupted. Pictures that cannot be read or drawn from are reported.
pub(super) fn draw(
    work: Vec<Item>,
    global: &GlobalArgs,
    of: impl Fn(&Picture) -> anyhow::Result<Picture> + Sync,
) -> anyhow::Result<Drawn> {
    check(&work)?;
    let stop = on_interrupt();
    let log = Log::new(work.len(), global);
    let decode = DecodeOptions { alpha: AlphaPolicy::White, ..DecodeOptions::default() };
    let one = |item: &Item| -> anyhow::Result<()> {
        let drawn = of(&read(&item.input, &decode)?)?;
        if let Some(folder) = item.output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
        }
        Ok(write_png(&drawn, &item.output)?)
    };
    let results: Vec<Option<anyhow::Result<()>>> = work
        .par_iter()
        .map(|item| {
            let result = (!stop.load(Ordering::Relaxed)).then(|| one(item));
            log.bar.inc(1);
            result
        })
        .collect();
    log.bar.finish_and_clear();
    let (mut items, mut errors, mut left) = (Vec::new(), Vec::new(), 0);
    for (item, result) in work.into_iter().zip(results) {
        match result {
            Some(Ok(())) => items.push(item),
            Some(Err(error)) => {
                // Most messages begin with the path.
                let (path, message) = (item.input.display().to_string(), format!("{error:#}"));
                let message = message.strip_prefix(&format!("{path}: ")).unwrap_or(&message);
                let error = ErrorRecord::new(&item.input, message);
                log.warn(&error.to_string());
                errors.push(error);
            }
            None => left += 1,
        }
    }
    if left > 0 {
        log.warn(&format!("interrupted: {left} pictures are left"));
    }
    let whole = left == 0 && errors.is_empty();
    let status = if whole { Status::Passed } else { Status::Incomplete };
    Ok(Drawn { items, errors, status })
}
