//! Recipes as files: read strictly, written so that they can be run again.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::failed;
use crate::{Error, Result};

/// The version of all recipes.
pub const SCHEMA: &str = "lookalike.recipe/1";

/// Reads a file.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] with what does not belong there.
pub fn read<R: DeserializeOwned>(path: &Path) -> Result<R> {
    let text = std::fs::read_to_string(path).map_err(failed(path, "read"))?;
    toml::from_str(&text)
        .map_err(|e| Error::Unsuitable { path: path.to_owned(), reason: e.to_string() })
}

/// Refuses recipes of another version or task.
///
/// # Errors
/// [`Error::Unsuitable`].
pub fn check(path: &Path, task: &str, found_schema: &str, found_task: &str) -> Result<()> {
    if (found_schema, found_task) == (SCHEMA, task) {
        return Ok(());
    }
    let reason = format!(
        "expected schema '{SCHEMA}' and task '{task}', found '{found_schema}' and '{found_task}'"
    );
    Err(Error::Unsuitable { path: path.to_owned(), reason })
}

/// A recipe of a task as a file.
///
/// # Errors
/// [`Error::Refused`] for what a file cannot hold.
pub fn to_toml(recipe: &impl Serialize, task: &str) -> Result<String> {
    let text = toml::to_string(recipe).map_err(|e| Error::Refused(format!("recipe: {e}")))?;
    Ok(format!("# Run again with `lookalike train {task} --recipe FILE --out DIR`.\n{text}"))
}
