//! Pictures as a browser shows them.
//!
//! PNG, JPEG, WebP and BMP go out as they are; whatever else is read here is decoded, by the same reader
//! that metrics use, and sent as PNG. Pictures are known by number: no path comes from outside.
//! Limits: scene-linear light (OpenEXR, Radiance HDR) is refused, as nobody says how to show it.

use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::encode;

use crate::error::{Error, Result};
use crate::project::Project;

/// The bytes of a picture and what they are.
pub(crate) struct Shown {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// Its media type.
    pub(crate) media_type: &'static str,
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'B', b'M', ..] => Some("image/bmp"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// A picture for a browser.
///
/// # Errors
/// [`Error::Picture`] when it cannot be read, or not be shown.
pub(crate) fn show(path: &Path) -> Result<Shown> {
    let failed = |reason| lookalike_core::Error::Read { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(failed)?;
    if let Some(media_type) = media_type(&bytes) {
        return Ok(Shown { bytes, media_type });
    }
    let picture = decode(&bytes, &path.display().to_string(), &DecodeOptions::default())?;
    Ok(Shown { bytes: encode::png(&picture)?, media_type: "image/png" })
}

/// Looks whether all pictures of a project are there, before anybody is asked about them.
///
/// # Errors
/// [`Error::Project`], which names the first that cannot be opened and says how many there are.
pub(crate) fn check(project: &Project) -> Result<()> {
    let mut missing: Vec<(PathBuf, std::io::Error)> = Vec::new();
    for path in project.items.iter().flat_map(|item| item.pictures()) {
        if let Err(error) =
            std::fs::File::open(path).and_then(|file| match file.metadata()?.is_file() {
                true => Ok(()),
                false => Err(std::io::Error::other("no file")),
            })
            && missing.iter().all(|(known, _)| known != path)
        {
            missing.push((path.to_owned(), error));
        }
    }
    match missing.first() {
        None => Ok(()),
        Some((path, error)) => {
            let more = match missing.len() {
                1 => String::new(),
                count => format!("; {} more pictures of the items cannot be opened", count - 1),
            };
            let reason = format!("cannot open the picture: {error}{more}");
            Err(Error::Project { path: path.clone(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_know_goes_out_as_it_is_and_the_rest_as_png() {
        let folder = tempfile::tempdir().unwrap();
        let png = folder.path().join("a.png");
        encode::write_png(&lookalike_core::procedural::scene(1, 9, 7), &png).unwrap();
        let shown = show(&png).unwrap();
        assert_eq!((shown.media_type, &shown.bytes), ("image/png", &std::fs::read(&png).unwrap()));
        let pnm = folder.path().join("a.ppm");
        std::fs::write(&pnm, b"P6 1 1 255\n\x01\x02\x03").unwrap();
        let shown = show(&pnm).unwrap();
        let picture = decode(&shown.bytes, "a", &DecodeOptions::default()).unwrap();
        assert_eq!((shown.media_type, picture.samples().get(2)), ("image/png", 3.0));
        std::fs::write(&pnm, b"<svg/>").unwrap();
        assert!(show(&pnm).is_err() && show(&folder.path().join("b")).is_err());
    }
}
