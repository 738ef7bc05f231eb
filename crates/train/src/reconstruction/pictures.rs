//! The pictures that autoencoders learn from: folders of any pictures, and the binary files of CIFAR and STL-10.
//!
//! * A folder: every picture below it, cut to its middle square and brought to one side.
//! * `*.bin`, or a folder of them: records of CIFAR-10 (one label, then 3 × 32 × 32 samples), CIFAR-100 (two
//!   labels) or STL-10 (3 × 96 × 96 samples, columns before rows), told apart by the size of the file.
//!
//! Pictures under folders `test` are held out, those under `val` or `validation` decide when a rate falls and a run
//! ends; where there are no such folders, the SHA-256 of a picture's samples decides, so that no content has two
//! roles.

use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::{Channels, Picture, Samples};
use rayon::prelude::*;

use crate::files::{failed, sha256};
use crate::sight::{Role, collect, folder_role, middle_square};
use crate::{Error, Result};

/// Bytes that all pictures together may take.
const MOST: usize = 8 << 30;

/// Pictures of one size in memory, 8 bits a sample.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Height and width.
    pub side: usize,
    /// 1 or 3.
    pub channels: usize,
    /// Where each comes from: its path below the folder of data, or file and number.
    pub names: Vec<String>,
    /// What each is for.
    pub roles: Vec<Role>,
    /// SHA-256 of names, samples and roles.
    pub sha256: String,
    samples: Vec<u8>,
}

/// A picture on its way.
struct Read {
    name: String,
    /// As its folder says.
    role: Option<Role>,
    planes: Vec<u8>,
}

impl Pictures {
    /// Reads folders and files; where no folder says which, a `share` of the pictures is held out and as many
    /// validate.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Picture`] for damaged pictures; [`Error::Unsuitable`] where there is none, or a
    /// `.bin` of unknown layout; [`Error::Refused`] where they do not fit into memory.
    pub fn read(data: &[PathBuf], side: usize, grey: bool, share: f64) -> Result<Self> {
        let channels = if grey { 1 } else { 3 };
        let mut all: Vec<Read> = Vec::new();
        for root in data {
            let mut found = read(root, side, grey)?;
            let divided = found.iter().any(|read| read.role.is_some());
            if divided {
                found.iter_mut().for_each(|read| read.role = read.role.or(Some(Role::Learned)));
            }
            all.extend(found);
            let bytes = all.len().saturating_mul(channels * side * side);
            if bytes > MOST {
                return Err(Error::Refused(format!(
                    "{} pictures of {side}x{side} take more than {} GiB of memory; take fewer, or a smaller --side",
                    all.len(),
                    MOST >> 30
                )));
            }
        }
        if all.is_empty() {
            return Err(Error::Unsuitable {
                path: data.first().cloned().unwrap_or_default(),
                reason: "expected a folder with pictures (png, jpg, webp), or binary files of CIFAR or STL-10; \
                         found none"
                    .to_owned(),
            });
        }
        let hashes: Vec<String> = all.par_iter().map(|read| sha256(&read.planes)).collect();
        let by_content = |hash: &str| {
            let first = u32::from_str_radix(hash.get(..8).unwrap_or("ffffffff"), 16);
            let place = f64::from(first.unwrap_or(u32::MAX)) / 2.0_f64.powi(32);
            match place {
                _ if place < share => Role::HeldOut,
                _ if place < 2.0 * share => Role::Validation,
                _ => Role::Learned,
            }
        };
        let roles: Vec<Role> = all
            .iter()
            .zip(&hashes)
            .map(|(read, hash)| read.role.unwrap_or_else(|| by_content(hash)))
            .collect();
        let mut facts = String::new();
        for ((read, hash), role) in all.iter().zip(&hashes).zip(&roles) {
            facts.push_str(&format!("{}\t{hash}\t{role:?}\n", read.name));
        }
        let mut samples = Vec::with_capacity(all.len() * channels * side * side);
        let mut names = Vec::with_capacity(all.len());
        for read in all {
            samples.extend(read.planes);
            names.push(read.name);
        }
        Ok(Self { side, channels, names, roles, sha256: sha256(facts.as_bytes()), samples })
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.side, self.side]
    }

    /// The places of the pictures of a role.
    pub fn places(&self, role: Role) -> Vec<usize> {
        (0..self.names.len()).filter(|&at| self.roles[at] == role).collect()
    }

    /// Appends the samples of a picture in 0…1, plane by plane, mirrored left to right or not.
    pub fn append(&self, at: usize, mirrored: bool, to: &mut Vec<f32>) {
        let size = self.channels * self.side * self.side;
        for row in self.samples[at * size..(at + 1) * size].chunks(self.side) {
            let value = |&sample: &u8| f32::from(sample) / 255.0;
            if mirrored {
                to.extend(row.iter().rev().map(value));
            } else {
                to.extend(row.iter().map(value));
            }
        }
    }

    /// Samples of some pictures.
    pub fn batch(&self, places: &[usize]) -> Vec<f32> {
        let mut samples = Vec::with_capacity(places.len() * self.channels * self.side * self.side);
        places.iter().for_each(|&place| self.append(place, false, &mut samples));
        samples
    }
}

/// A picture of samples in 0…1, plane by plane, in 8 bits; what lies outside is cut off.
pub fn picture_of(channels: usize, side: [usize; 2], planes: &[f32]) -> Result<Picture> {
    let [height, width] = side;
    let area = height * width;
    let of = |at: usize| {
        let sample = planes[at % channels * area + at / channels];
        (255.0 * sample.clamp(0.0, 1.0)).round() as u8
    };
    let kind = if channels == 1 { Channels::Grey } else { Channels::Rgb };
    Ok(Picture::from_u8(width, height, kind, (0..channels * area).map(of).collect())?)
}

fn read(root: &Path, side: usize, grey: bool) -> Result<Vec<Read>> {
    let is_binary = |path: &Path| path.extension().is_some_and(|ending| ending == "bin");
    if is_binary(root) {
        return binary(root, side, grey);
    }
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    if paths.is_empty() {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(root).map_err(failed(root, "read"))? {
            let path = entry.map_err(failed(root, "read"))?.path();
            // The labels' names and those of STL-10's folds are beside the pictures.
            let title = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_binary(&path) && !title.ends_with("_y.bin") {
                found.push(path);
            }
        }
        found.sort();
        let read: Result<Vec<Vec<Read>>> =
            found.iter().map(|path| binary(path, side, grey)).collect();
        return Ok(read?.into_iter().flatten().collect());
    }
    paths.sort();
    paths
        .into_par_iter()
        .map(|path| {
            let below = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let name = below.display().to_string();
            let bytes = std::fs::read(&path).map_err(failed(&path, "read"))?;
            let picture = eight_bits(decode(&bytes, &name, &DecodeOptions::default())?)?;
            let role = folder_role(&below);
            Ok(Read { name, role, planes: planes(&middle_square(&picture, side)?, grey) })
        })
        .collect()
}

/// The same picture in three channels of 8 bits.
pub(super) fn eight_bits(picture: Picture) -> Result<Picture> {
    let picture = picture.to_rgb();
    if matches!(picture.samples(), Samples::U8(_)) {
        return Ok(picture);
    }
    let planes = [0, 1, 2].map(|channel| picture.plane(channel, 255.0));
    let area = planes[0].len();
    let samples = (0..3 * area).map(|at| planes[at % 3][at / 3].round() as u8).collect();
    Ok(Picture::from_u8(picture.width(), picture.height(), Channels::Rgb, samples)?)
}

/// The planes of a picture, or its luma of BT.601.
pub(super) fn planes(picture: &Picture, grey: bool) -> Vec<u8> {
    let [red, green, blue] = [0, 1, 2].map(|channel| picture.plane(channel, 255.0));
    if !grey {
        return [red, green, blue].concat().into_iter().map(|sample| sample as u8).collect();
    }
    let pixels = red.iter().zip(&green).zip(&blue);
    pixels.map(|((r, g), b)| (0.299 * r + 0.587 * g + 0.114 * b).round() as u8).collect()
}

/// Side and labels of a layout, and whether columns come before rows.
const LAYOUTS: [(usize, usize, bool); 3] = [(32, 1, false), (32, 2, false), (96, 0, true)];

fn binary(path: &Path, side: usize, grey: bool) -> Result<Vec<Read>> {
    let bytes = std::fs::read(path).map_err(failed(path, "read"))?;
    let record = |(side, labels, _): (usize, usize, bool)| 3 * side * side + labels;
    let fits = LAYOUTS.into_iter().filter(|&layout| bytes.len() % record(layout) == 0);
    let found: Vec<_> = fits.collect();
    let [layout] = found[..] else {
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            reason: format!(
                "expected whole records of CIFAR-10 (3073 bytes), CIFAR-100 (3074) or STL-10 (27648), found {} bytes",
                bytes.len()
            ),
        });
    };
    let (own, labels, columns_first) = layout;
    let title = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    bytes
        .par_chunks_exact(record(layout))
        .enumerate()
        .map(|(index, bytes)| {
            let area = own * own;
            let samples = &bytes[labels..];
            let interleaved = (0..3 * area).map(|at| {
                let (place, channel) = (at / 3, at % 3);
                let (row, column) = (place / own, place % own);
                let place = if columns_first { column * own + row } else { place };
                samples[channel * area + place]
            });
            let picture = Picture::from_u8(own, own, Channels::Rgb, interleaved.collect())?;
            let planes = planes(&middle_square(&picture, side)?, grey);
            Ok(Read { name: format!("{title}:{index}"), role: None, planes })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use lookalike_core::encode::png;
    use lookalike_core::procedural::scene;

    use super::*;

    #[test]
    fn folders_are_cut_and_contents_are_on_one_side() {
        let folder = tempfile::tempdir().unwrap();
        for seed in 0..40 {
            let bytes = png(&scene(seed % 30, 30, 20)).unwrap();
            std::fs::write(folder.path().join(format!("{seed:02}.png")), bytes).unwrap();
        }
        let data = [folder.path().to_owned()];
        let found = Pictures::read(&data, 16, false, 0.3).unwrap();
        assert_eq!((found.shape(), found.names.len()), ([3, 16, 16], 40));
        for twin in 0..10 {
            assert_eq!(found.roles[twin], found.roles[twin + 30]);
        }
        let counts =
            [Role::Learned, Role::Validation, Role::HeldOut].map(|r| found.places(r).len());
        assert!(counts.iter().all(|&n| n > 3) && counts.iter().sum::<usize>() == 40, "{counts:?}");
        assert_eq!(Pictures::read(&data, 16, false, 0.3).unwrap().sha256, found.sha256);
        let (mut plain, mut mirrored) = (Vec::new(), Vec::new());
        found.append(3, false, &mut plain);
        found.append(3, true, &mut mirrored);
        assert_eq!((plain[0], plain[15]), (mirrored[15], mirrored[0]));
        let grey = Pictures::read(&data, 16, true, 0.3).unwrap();
        assert_eq!(grey.batch(&[0, 1]).len(), 2 * 256);
        std::fs::create_dir(folder.path().join("test")).unwrap();
        std::fs::rename(folder.path().join("05.png"), folder.path().join("test/05.png")).unwrap();
        let divided = Pictures::read(&data, 16, false, 0.3).unwrap();
        assert_eq!(divided.places(Role::HeldOut).len(), 1);
        assert_eq!(divided.places(Role::Learned).len(), 39);
        assert!(Pictures::read(&[folder.path().join("none")], 16, false, 0.3).is_err());
    }

    #[test]
    fn binary_records_are_told_apart_by_their_size() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, labels: usize, side: usize, columns_first: bool| {
            let mut bytes = vec![7; labels];
            for channel in 0..3 {
                for at in 0..side * side {
                    let (row, column) = (at / side, at % side);
                    let (row, column) = if columns_first { (column, row) } else { (row, column) };
                    bytes.push((50 * channel + row + 2 * (column % 8)) as u8);
                }
            }
            let path = folder.path().join(name);
            std::fs::write(&path, [bytes.clone(), bytes].concat()).unwrap();
            path
        };
        for (name, labels, side, columns_first) in [
            ("data_batch_1.bin", 1, 32, false),
            ("train.bin", 2, 32, false),
            ("unlabeled_X.bin", 0, 96, true),
        ] {
            let path = write(name, labels, side, columns_first);
            let found = Pictures::read(&[path], side, false, 0.0).unwrap();
            assert_eq!(found.names, [format!("{name}:0"), format!("{name}:1")]);
            let samples = found.batch(&[1]);
            let at = |channel: usize, row: usize, column: usize| {
                (255.0 * samples[(channel * side + row) * side + column]).round() as usize
            };
            assert_eq!((at(0, 3, 1), at(2, 0, 5)), (5, 110), "{name}");
        }
        let odd = folder.path().join("odd.bin");
        std::fs::write(&odd, [0; 100]).unwrap();
        let message = Pictures::read(&[odd], 32, false, 0.0).unwrap_err().to_string();
        assert!(message.contains("3073"), "{message}");
    }
}
