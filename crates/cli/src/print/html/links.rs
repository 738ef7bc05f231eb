//! Addresses of files as seen from a page.
//!
//! A page and its pictures may be moved together, so addresses are relative wherever a relative
//! path exists. All bytes but letters, digits and `-._~/` are percent-encoded, so any file name,
//! in whatever encoding, gives an address that means the file and nothing else.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What is encoded in an address.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Makes addresses for the page in one folder.
pub(super) struct Links {
    /// The page's folder as an absolute path, if it can be told.
    folder: Option<PathBuf>,
}

impl Links {
    /// Addresses from the page at `path`, or from the current folder for a page on standard output.
    pub(super) fn from_page(path: Option<&Path>) -> Self {
        let folder = match path.and_then(Path::parent) {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        Self { folder: folder.canonicalize().ok() }
    }

    /// The address of a file.
    pub(super) fn to(&self, file: &Path) -> String {
        let name = file.file_name().unwrap_or_default();
        // The folder's real path, so that `..` leads where it seems to; a link's own name is kept.
        let parent = match file.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let absolute = parent.canonicalize().map(|folder| folder.join(name)).ok();
        let relative = absolute.as_deref().zip(self.folder.as_deref());
        match relative.and_then(|(file, folder)| pathdiff::diff_paths(file, folder)) {
            // `./` keeps a colon in the first name from being read as a scheme.
            Some(path) if path.is_relative() => format!("./{}", encoded(&path)),
            _ => format!("file://{}", encoded(absolute.as_deref().unwrap_or(file))),
        }
    }
}

fn encoded(path: &Path) -> String {
    let mut bytes = path.as_os_str().as_encoded_bytes().to_vec();
    if cfg!(windows) {
        bytes.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    percent_encode(&bytes, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_from_the_page_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::create_dir_all(folder.path().join("out")).unwrap();
        let links = Links::from_page(Some(&folder.path().join("out/page.html")));
        let to = |name: &str| links.to(&folder.path().join(name));
        assert_eq!(to("a/b/c.png"), "./../a/b/c.png");
        assert_eq!(to("out/javascript:x.png"), "./javascript%3Ax.png");
        assert_eq!(to("out/a b\"<'&#?%.png"), "./a%20b%22%3C%27%26%23%3F%25.png");
    }

    #[cfg(unix)]
    #[test]
    fn names_need_no_encoding_of_characters() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"\xff\n.png");
        assert_eq!(Links::from_page(None).to(Path::new(name)), "./%FF%0A.png");
    }
}
