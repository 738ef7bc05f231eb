//! Stores by what is given to `--store`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lookalike_discover::embedder::{Embedder, Headed, SUFFIX, embedder};
use lookalike_discover::head::Head;
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

/// The map that follows the model, where a store has one.
pub(super) const HEAD: &str = "head.safetensors";

/// The embedder that a store in a folder was made with.
pub(super) fn embedder_of(
    store: &dyn VectorStore,
    folder: &Path,
) -> anyhow::Result<Box<dyn Embedder>> {
    let fingerprint = store.describe()?.fingerprint;
    let found = match fingerprint.model.strip_suffix(SUFFIX) {
        None => embedder(&fingerprint.model)?,
        Some(inner) => {
            let head = Head::read(&folder.join(HEAD))?;
            Box::new(Headed::new(embedder(inner)?, head)?)
        }
    };
    if *found.fingerprint() != fingerprint {
        bail!(
            "the store was made with {fingerprint}, this program has {}; index the pictures into \
             another store",
            found.fingerprint()
        );
    }
    Ok(found)
}

/// Stores to read, each under the name of its model; names that come twice get the folder's name.
pub(super) fn named(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Embedded)>> {
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
