//! Files that appear whole or not at all.

use std::io::Write;
use std::path::Path;

use crate::Result;
use crate::error::unwritable;

/// Writes a file beside its place and moves it there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable(path))?;
    file.write_all(bytes).map_err(unwritable(path))?;
    file.persist(path).map_err(|error| unwritable(path)(error.error))?;
    Ok(())
}
