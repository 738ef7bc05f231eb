//! The pictures below a folder.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// How the names of pictures end.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];
/// Folders within folders; links that lead back to where they are end here.
const DEEPEST: usize = 32;

/// What the system says of a file.
pub(super) fn failed(
    path: &Path,
    action: &'static str,
) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |reason| Error::File { path: path.clone(), action, reason }
}

/// Whether a name ends as a picture's does.
pub(super) fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ENDINGS.contains(&ending.as_str())
}

/// The paths of all pictures below a folder, relative to it, in order. Hidden files and folders are passed over, and
/// so is what macOS adds to archives (`__MACOSX`).
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] for folders that are nested without end.
pub(super) fn pictures(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(root, Path::new(""), 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(root: &Path, below: &Path, depth: usize, to: &mut Vec<PathBuf>) -> Result<()> {
    let folder = root.join(below);
    if depth > DEEPEST {
        return Err(Error::Unsuitable {
            path: folder,
            reason: format!(
                "expected at most {DEEPEST} folders within each other; is it a link to one above it?"
            ),
        });
    }
    for entry in std::fs::read_dir(&folder).map_err(failed(&folder, "read"))? {
        let name = entry.map_err(failed(&folder, "read"))?.file_name();
        let title = name.to_string_lossy();
        if title.starts_with('.') || title == "__MACOSX" {
            continue;
        }
        let path = below.join(&name);
        if root.join(&path).is_dir() {
            collect(root, &path, depth + 1, to)?;
        } else if is_picture(&path) {
            to.push(path);
        }
    }
    Ok(())
}
