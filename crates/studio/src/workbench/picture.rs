//! Where a picture of a store lies, and nothing else.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The file of a path that a store names, below a folder that is canonical. What leads out of it, by `..`, by a
/// root or by a link, is not there.
pub(super) fn below(folder: &Path, name: &str) -> Result<PathBuf> {
    let absent = || Error::Absent(format!("{name}: there is no such picture any more"));
    let relative = Path::new(name);
    if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(absent());
    }
    let path = folder.join(relative).canonicalize().map_err(|_| absent())?;
    if path.starts_with(folder) && path.is_file() { Ok(path) } else { Err(absent()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_there() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let folder = root.join("shop");
        std::fs::create_dir_all(folder.join("a")).unwrap();
        for name in ["secret.png", "shop/a/b.png"] {
            std::fs::write(root.join(name), b"x").unwrap();
        }
        assert_eq!(below(&folder, "a/b.png").unwrap(), folder.join("a/b.png"));
        let outside = root.join("secret.png").display().to_string();
        for name in ["../secret.png", "a/../../secret.png", &outside, "", "a", ".", "a/no.png"] {
            assert!(matches!(below(&folder, name), Err(Error::Absent(_))), "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.join("secret.png"), folder.join("link.png")).unwrap();
            assert!(below(&folder, "link.png").is_err());
        }
    }
}
