//! Pictures to files.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Error as IoError, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tempfile::NamedTempFile;

use crate::{Channels, Encoding, Error, Picture, Result, Samples};

/// Writes a picture as PNG: 8-bit samples at 8 bits, all others at 16.
///
/// The file appears complete or not at all ([`AtomicFile`]). A full scale other than that of the sample type is stretched to it, since PNG has none.
///
/// # Errors
/// [`Error::Write`]; [`Error::UnsupportedFormat`] for scene-linear pictures, whose light beyond
/// white PNG cannot hold.
pub fn write_png(picture: &Picture, path: &Path) -> Result<()> {
    refuse_scene_linear(picture)?;
    let failed = |reason: IoError| Error::Write { path: path.to_owned(), reason };
    let mut file = AtomicFile::create(path).map_err(failed)?;
    encode(picture, &mut file).map_err(failed)?;
    file.finish().map_err(failed)
}

/// The bytes that [`write_png`] would write.
///
/// # Errors
/// As [`write_png`].
pub fn png(picture: &Picture) -> Result<Vec<u8>> {
    refuse_scene_linear(picture)?;
    let mut bytes = Vec::new();
    let failed = |reason| Error::Write { path: PathBuf::from(picture.name()), reason };
    encode(picture, &mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn refuse_scene_linear(picture: &Picture) -> Result<()> {
    if picture.encoding() == Encoding::SceneLinear {
        return Err(Error::UnsupportedFormat {
            name: picture.name(),
            reason: "scene-linear light cannot be written as PNG; tone-map it first".to_owned(),
        });
    }
    Ok(())
}

/// A file that appears under its name complete or not at all: what is written goes to a temporary
/// file in the same folder, which is renamed by [`finish`](Self::finish) and removed otherwise.
/// Devices and pipes cannot be replaced and are written to directly; a link stays, and what it
/// points to is replaced.
pub struct AtomicFile(Destination);

enum Destination {
    Regular { file: BufWriter<NamedTempFile>, path: PathBuf },
    Stream(BufWriter<File>),
}

impl AtomicFile {
    /// Starts a file that will be called `path`, with the permissions of any new file.
    ///
    /// # Errors
    /// What the operating system says of the folder.
    pub fn create(path: &Path) -> Result<Self, IoError> {
        if path.file_name().is_none() {
            return Err(IoError::other("the path names no file"));
        }
        let path = match std::fs::metadata(path) {
            Ok(existing) if existing.is_dir() => {
                return Err(IoError::other("the path is a folder"));
            }
            // /dev/stdout may be a regular file that others write to as well.
            Ok(existing) if !existing.is_file() || path.starts_with("/dev") => {
                let stream = OpenOptions::new().append(true).open(path)?;
                return Ok(Self(Destination::Stream(BufWriter::new(stream))));
            }
            Ok(_) => path.canonicalize()?,
            Err(_) => path.to_owned(),
        };
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(".tmp");
        // Temporary files are private by default; a result is as readable as the umask allows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = BufWriter::new(
            // The name of the temporary file would only puzzle: the kind says what is wrong.
            builder.tempfile_in(folder).map_err(|error| IoError::from(error.kind()))?,
        );
        Ok(Self(Destination::Regular { file, path }))
    }

    /// Puts the file in place, replacing one that is there.
    ///
    /// # Errors
    /// What the operating system says; a full disk shows here at the latest.
    pub fn finish(self) -> Result<(), IoError> {
        match self.0 {
            Destination::Regular { file, path } => {
                let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
                file.persist(path).map_err(|error| error.error)?;
            }
            Destination::Stream(mut stream) => stream.flush()?,
        }
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, IoError> {
        match &mut self.0 {
            Destination::Regular { file, .. } => file.write(bytes),
            Destination::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<(), IoError> {
        match &mut self.0 {
            Destination::Regular { file, .. } => file.flush(),
            Destination::Stream(stream) => stream.flush(),
        }
    }
}

fn encode(picture: &Picture, file: impl Write) -> Result<(), IoError> {
    let samples: Cow<'_, [u8]> = match picture.samples() {
        Samples::U8(samples) if picture.full_scale() == 255.0 => Cow::Borrowed(samples),
        Samples::U8(samples) => {
            let stretch = |&sample: &u8| f64::from(sample) / picture.full_scale() * 255.0;
            samples.iter().map(|sample| stretch(sample).round() as u8).collect()
        }
        samples => {
            let stretch = |index| samples.get(index) / picture.full_scale() * 65535.0;
            let words = (0..samples.len()).map(|index| stretch(index).round() as u16);
            words.flat_map(u16::to_ne_bytes).collect()
        }
    };
    let kind = match (picture.samples(), picture.channels()) {
        (Samples::U8(_), Channels::Grey) => ExtendedColorType::L8,
        (Samples::U8(_), Channels::Rgb) => ExtendedColorType::Rgb8,
        (_, Channels::Grey) => ExtendedColorType::L16,
        (_, Channels::Rgb) => ExtendedColorType::Rgb16,
    };
    let side = |side: usize| u32::try_from(side).map_err(IoError::other);
    PngEncoder::new(file)
        .write_image(&samples, side(picture.width())?, side(picture.height())?, kind)
        .map_err(IoError::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{DecodeOptions, read};

    fn round_trip(picture: &Picture) -> Picture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        write_png(picture, &path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(png(picture).unwrap(), std::fs::read(&path).unwrap());
        read(&path, &DecodeOptions::default()).unwrap()
    }

    #[test]
    fn samples_come_back_at_their_depth() {
        let picture = Picture::from_u8(2, 1, Channels::Rgb, vec![1, 2, 3, 253, 254, 255]).unwrap();
        assert_eq!(round_trip(&picture).samples(), picture.samples());
        let picture = Picture::from_u16(3, 1, Channels::Grey, vec![0, 258, 65535]).unwrap();
        assert_eq!(round_trip(&picture).samples(), picture.samples());
        let picture = Picture::from_f32(1, 2, Channels::Grey, vec![0.5, 1.0]).unwrap();
        assert_eq!(round_trip(&picture).samples(), &Samples::U16(vec![32768, 65535]));
    }

    #[test]
    fn another_full_scale_is_stretched() {
        let picture = Picture::from_u16(2, 1, Channels::Grey, vec![0, 4095]).unwrap();
        let picture = picture.with_full_scale(4095.0).unwrap();
        assert_eq!(round_trip(&picture).samples(), &Samples::U16(vec![0, 65535]));
        let picture = Picture::from_u8(2, 1, Channels::Grey, vec![0, 235]).unwrap();
        let picture = picture.with_full_scale(235.0).unwrap();
        assert_eq!(round_trip(&picture).samples(), &Samples::U8(vec![0, 255]));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target.png"), folder.path().join("link.png"));
        std::fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let picture = Picture::from_u8(1, 1, Channels::Grey, vec![7]).unwrap();
        write_png(&picture, &link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&target, &DecodeOptions::default()).unwrap().samples(), picture.samples());
        write_png(&picture, Path::new("/dev/null")).unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn failures_leave_nothing_behind_and_replace_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::from_u8(1, 1, Channels::Grey, vec![7]).unwrap();
        let missing = folder.path().join("missing/picture.png");
        assert!(matches!(write_png(&picture, &missing), Err(Error::Write { .. })));
        // A folder cannot be replaced by a file.
        let occupied = folder.path().join("occupied");
        std::fs::create_dir(&occupied).unwrap();
        assert!(write_png(&picture, &occupied).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_png(&picture, Path::new("..")).is_err());
        let light = picture
            .with_samples(Channels::Grey, Samples::F32(vec![4.0]), Encoding::SceneLinear)
            .unwrap();
        let refused = write_png(&light, &folder.path().join("light.png"));
        assert!(matches!(refused, Err(Error::UnsupportedFormat { .. })));
    }
}
