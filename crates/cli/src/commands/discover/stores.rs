//! Stores by what is given to `--store`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lookalike_discover::store::{Embedded, EmbeddedOptions, VectorStore};

/// Opens a store to read it.
pub(super) fn read(path: &Path) -> anyhow::Result<Embedded> {
    refuse_address(path)?;
    Ok(Embedded::read_only(path, EmbeddedOptions::default())?)
}

/// Refuses addresses of servers.
pub(super) fn refuse_address(path: &Path) -> anyhow::Result<()> {
    if path.to_string_lossy().contains("://") {
        bail!("{}: stores are folders; servers are not supported yet", path.display());
    }
    Ok(())
}

/// Stores to read, each under the name of its model; names that come twice get the folder's name.
pub(in crate::commands) fn named(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Embedded)>> {
    let mut all: Vec<(String, Embedded)> = Vec::new();
    let mut taken: Vec<PathBuf> = Vec::new();
    for path in paths {
        let store = read(path)?;
        let folder = path.canonicalize().unwrap_or_else(|_| path.clone());
        if taken.contains(&folder) {
            bail!("{}: the store is given twice", path.display());
        }
        taken.push(folder);
        let mut name = store.describe()?.fingerprint.model;
        if all.iter().any(|(known, _)| *known == name) {
            name = format!("{name} ({})", path.display());
        }
        all.push((name, store));
    }
    Ok(all)
}
