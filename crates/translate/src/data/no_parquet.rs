//! In place of tables as Parquet, where the program was built without: such a file is refused.

use std::path::{Path, PathBuf};

use super::layout::Found;
use crate::{Error, Result};

pub(super) fn tables(_: &Path) -> Result<Vec<PathBuf>> {
    Ok(Vec::new())
}

pub(super) fn read(path: &Path) -> Result<Found> {
    Err(Error::Unsuitable {
        path: path.to_owned(),
        reason: "this program was built without the feature parquet".to_owned(),
    })
}
