//! Vectors in a file of their own: 64 bytes of header, then numbers of four bytes, the least significant
//! first. Vectors are added at the end and never changed, so what a row names is never half written.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{unreadable, unwritable};
use crate::{Error, Result};

/// The name of a new store's file.
pub(super) const FIRST: &str = "vectors-1.f32";

const MAGIC: &[u8; 16] = b"lookalike-vec-1\n";
const HEADER: usize = 64;

/// The vectors of a store, in memory and in their file.
pub(super) struct Vectors {
    path: PathBuf,
    file: File,
    dimension: usize,
    rows: Vec<f32>,
}

impl Vectors {
    /// Opens a file; for writing it is made where there is none. At least `least` vectors must be there, and
    /// what lies behind them is what nothing names.
    pub(super) fn open(path: &Path, dimension: usize, least: usize, write: bool) -> Result<Self> {
        let corrupt = |reason: String| Error::Corrupt { path: path.to_owned(), reason };
        if write && least == 0 && !path.exists() {
            return Self::write(path, dimension, std::iter::empty());
        }
        let file = File::options().read(true).write(write).open(path);
        let mut file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(corrupt("the file is missing; index the pictures again".to_owned()));
            }
            Err(reason) => return Err(Error::Read { path: path.to_owned(), reason }),
        };
        let mut header = [0; HEADER];
        file.read_exact(&mut header).map_err(|_| corrupt("its header is cut off".to_owned()))?;
        let found = u64::from_le_bytes(header[16..24].try_into().unwrap_or_default());
        if header[..16] != *MAGIC || found != dimension as u64 {
            return Err(corrupt(format!(
                "its header is not that of vectors of {dimension} numbers"
            )));
        }
        let bytes = least * dimension * size_of::<f32>();
        let length = file.metadata().map_err(unreadable(path))?.len();
        if length < (HEADER + bytes) as u64 {
            let there = (length as usize - HEADER) / (dimension * size_of::<f32>()).max(1);
            return Err(corrupt(format!("expected {least} vectors, found {there}")));
        }
        let mut rows = vec![0.0_f32; least * dimension];
        file.read_exact(bytemuck::cast_slice_mut(&mut rows)).map_err(unreadable(path))?;
        if cfg!(target_endian = "big") {
            rows.iter_mut()
                .for_each(|number| *number = f32::from_bits(number.to_bits().swap_bytes()));
        }
        Ok(Self { path: path.to_owned(), file, dimension, rows })
    }

    /// Writes a new file, which appears whole.
    pub(super) fn write<'a>(
        path: &Path,
        dimension: usize,
        rows: impl Iterator<Item = &'a [f32]>,
    ) -> Result<Self> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let failed = |error| unwritable(path)(error);
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut header = [0; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16..24].copy_from_slice(&(dimension as u64).to_le_bytes());
        let mut all: Vec<f32> = Vec::new();
        rows.for_each(|row| all.extend_from_slice(row));
        new.write_all(&header).and_then(|()| new.write_all(&bytes(&all))).map_err(failed)?;
        new.as_file().sync_all().map_err(failed)?;
        let file = new.persist(path).map_err(|error| failed(error.error))?;
        Ok(Self { path: path.to_owned(), file, dimension, rows: all })
    }

    /// Adds vectors and waits until they are on the disk; says the place of the first.
    pub(super) fn append<'a>(&mut self, rows: impl Iterator<Item = &'a [f32]>) -> Result<usize> {
        let place = self.count();
        let mut added: Vec<f32> = Vec::new();
        rows.for_each(|row| added.extend_from_slice(row));
        let at = HEADER + size_of_val(self.rows.as_slice());
        let mut write = || {
            self.file.seek(SeekFrom::Start(at as u64))?;
            self.file.write_all(&bytes(&added))?;
            self.file.sync_data()
        };
        write().map_err(unwritable(&self.path))?;
        self.rows.extend_from_slice(&added);
        Ok(place)
    }

    /// Lets go of vectors that nothing names.
    pub(super) fn forget_from(&mut self, place: usize) {
        self.rows.truncate(place * self.dimension);
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len() / self.dimension.max(1)
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// All of them, one after the other.
    pub(super) fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// One of them; empty beyond the last.
    pub(super) fn row(&self, place: usize) -> &[f32] {
        let from = place * self.dimension;
        self.rows.get(from..from + self.dimension).unwrap_or_default()
    }

    /// The name of the next file.
    pub(super) fn next_name(&self) -> String {
        let name = self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let number: u64 =
            name.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or(1);
        format!("vectors-{}.f32", number + 1)
    }

    /// Removes the file.
    pub(super) fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
