//! What super-resolution learns from: crops of pictures, and of the same pictures made smaller and as large again.
//!
//! The small picture is what a file would hold: MATLAB's bicubic reduction, rounded to 8 bits. It is enlarged by the
//! same kernel, unrounded, and the network sees that. Crops stand on a grid whose step is 14/33 of their side, as in
//! Dong et al. 2016; the target is the middle of a crop, as large as what the network gives.

use std::path::PathBuf;

use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::imresize;
use rayon::prelude::*;

use super::pictures::{eight_bits, planes};
use crate::files::failed;
use crate::random::Stream;
use crate::sight::{Role, Sources};
use crate::{Error, Result};

/// A picture and what remained of it, plane by plane in 0…1.
pub(super) struct Degraded {
    pub(super) size: [usize; 2],
    pub(super) sharp: Vec<f32>,
    pub(super) blurred: Vec<f32>,
}

impl Degraded {
    /// Cuts planes of 8 bits to whole multiples of the factor, and makes them small and large again; `None` where
    /// nothing is left.
    pub(super) fn of(planes: &[u8], [height, width]: [usize; 2], factor: usize) -> Option<Self> {
        let [rows, columns] = [height, width].map(|length| length / factor * factor);
        if rows * columns == 0 {
            return None;
        }
        let (mut sharp, mut blurred) = (Vec::new(), Vec::new());
        for plane in planes.chunks(height * width) {
            let cut: Vec<f64> = plane
                .chunks(width)
                .take(rows)
                .flat_map(|row| row[..columns].iter().map(|&sample| f64::from(sample)))
                .collect();
            let (size, small) = ([rows, columns], [rows / factor, columns / factor]);
            let rounded: Vec<f64> = imresize(&cut, size, small)
                .into_iter()
                .map(|sample| sample.round().clamp(0.0, 255.0))
                .collect();
            let large = imresize(&rounded, small, size);
            blurred.extend(large.into_iter().map(|sample| (sample / 255.0) as f32));
            sharp.extend(cut.into_iter().map(|sample| (sample / 255.0) as f32));
        }
        Some(Self { size: [rows, columns], sharp, blurred })
    }
}

/// Crops of pictures.
pub(super) struct Crops {
    pictures: Vec<Degraded>,
    /// Picture, row and column of every crop.
    places: Vec<[usize; 3]>,
    roles: Vec<Role>,
    side: usize,
    /// Side of the target.
    output: usize,
    pub(super) sha256: String,
}

impl Crops {
    /// Reads folders.
    ///
    /// # Errors
    /// Those of [`Sources::find`]; [`Error::Picture`]; [`Error::Unsuitable`] where no picture is as large as a crop.
    pub(super) fn read(
        data: &[PathBuf],
        [side, output, factor]: [usize; 3],
        grey: bool,
    ) -> Result<Self> {
        let sources = Sources::find(data)?;
        let read: Vec<Option<(Degraded, Role)>> = sources
            .all
            .par_iter()
            .map(|source| {
                let path = source.path();
                let bytes = std::fs::read(path).map_err(failed(path, "read"))?;
                let picture = decode(&bytes, &source.name, &DecodeOptions::default())?;
                let picture = eight_bits(picture)?;
                let size = [picture.height(), picture.width()];
                let found = Degraded::of(&planes(&picture, grey), size, factor);
                Ok(found.map(|found| (found, source.role)))
            })
            .collect::<Result<_>>()?;
        let (mut pictures, mut places, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        let step = (side * 14 / 33).max(1);
        for (picture, role) in read.into_iter().flatten() {
            let [rows, columns] = picture.size;
            let along = |length: usize| (0..=length.saturating_sub(side)).step_by(step);
            if rows >= side && columns >= side {
                for row in along(rows) {
                    for column in along(columns) {
                        places.push([pictures.len(), row, column]);
                        roles.push(role);
                    }
                }
            }
            pictures.push(picture);
        }
        if places.is_empty() {
            return Err(Error::Unsuitable {
                path: data.first().cloned().unwrap_or_default(),
                reason: format!(
                    "expected a picture of at least {side}x{side}; take a smaller --side"
                ),
            });
        }
        let sha256 = sources.sha256;
        Ok(Self { pictures, places, roles, side, output, sha256 })
    }

    pub(super) fn places(&self, role: Role) -> Vec<usize> {
        (0..self.places.len()).filter(|&at| self.roles[at] == role).collect()
    }

    /// Appends what the network sees of a crop and what it is to give, under one of the eight symmetries of a
    /// square.
    pub(super) fn append(&self, at: usize, symmetry: u64, to: &mut [Vec<f32>; 2]) {
        let [picture, top, left] = self.places[at];
        let Degraded { size, sharp, blurred, .. } = &self.pictures[picture];
        let inset = (self.side - self.output) / 2;
        let [input, target] = to;
        for (planes, side, inset, to) in
            [(blurred, self.side, 0, input), (sharp, self.output, inset, target)]
        {
            for plane in planes.chunks(size[0] * size[1]) {
                for row in 0..side {
                    to.extend((0..side).map(|column| {
                        let (y, x) = turned(row, column, side, symmetry);
                        plane[(top + inset + y) * size[1] + left + inset + x]
                    }));
                }
            }
        }
    }

    /// Crops as they are: what the network sees, and what it is to give.
    pub(super) fn batch(&self, places: &[usize], random: Option<&mut Stream>) -> [Vec<f32>; 2] {
        let mut found = [Vec::new(), Vec::new()];
        let mut random = random;
        for &place in places {
            let symmetry = random.as_mut().map_or(0, |random| random.bits() % 8);
            self.append(place, symmetry, &mut found);
        }
        found
    }
}

fn turned(row: usize, column: usize, side: usize, symmetry: u64) -> (usize, usize) {
    let row = if symmetry & 1 == 0 { row } else { side - 1 - row };
    let column = if symmetry & 2 == 0 { column } else { side - 1 - column };
    if symmetry & 4 == 0 { (row, column) } else { (column, row) }
}

#[cfg(test)]
mod tests {
    use lookalike_core::encode::png;
    use lookalike_core::procedural::scene;

    use super::*;

    #[test]
    fn targets_are_the_middle_of_what_the_network_sees() {
        let folder = tempfile::tempdir().unwrap();
        for (name, seed) in [("train/a", 1), ("train/b", 2), ("test/c", 3)] {
            let path = folder.path().join(format!("{name}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, png(&scene(seed, 41, 50)).unwrap()).unwrap();
        }
        let crops = Crops::read(&[folder.path().to_owned()], [33, 21, 3], true).unwrap();
        // 39 × 48 samples are left, and two crops fit below each other.
        assert_eq!(crops.places(Role::Learned).len(), 2 * 2);
        assert_eq!(crops.places(Role::HeldOut).len(), 2);
        let [input, target] = crops.batch(&[0, 1, 2], None);
        assert_eq!((input.len(), target.len()), (3 * 33 * 33, 3 * 21 * 21));
        // The same places, and a blurred picture is near a sharp one.
        let mean = (0..21 * 21)
            .map(|at| (target[at] - input[(at / 21 + 6) * 33 + at % 21 + 6]).abs())
            .sum::<f32>()
            / 441.0;
        assert!(mean > 0.0 && mean < 0.1, "{mean}");
        let mut all = Vec::new();
        for symmetry in 0..8 {
            let mut found = [Vec::new(), Vec::new()];
            crops.append(1, symmetry, &mut found);
            assert!(!all.contains(&found));
            all.push(found);
        }
        let large = Crops::read(&[folder.path().to_owned()], [99, 80, 3], true);
        assert!(large.err().unwrap().to_string().contains("99x99"));
    }
}
