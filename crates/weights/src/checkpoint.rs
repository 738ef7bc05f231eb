//! A file of tensors, whatever its format: what it holds, and single tensors on request.
//!
//! The format is recognised by content, never by name: safetensors, the zip format of `torch.save`,
//! and the stream it wrote before. Opening reads the whole file once for its SHA-256 and otherwise
//! only descriptions; a tensor costs its bytes when it is asked for.
//!
//! Everything that a file announces is compared with its length before memory is asked for: all
//! tensors together may unpack to at most [`budget`] bytes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::pytorch::{self, Archive, Contents, View};
use crate::source::Source;
use crate::whole_file::write_whole;
use crate::{DType, Error, Result, Tensor, safetensors_file};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Safetensors.
    Safetensors,
    /// The zip format of `torch.save`.
    PytorchZip,
    /// The stream that `torch.save` wrote before 2020.
    PytorchLegacy,
}

impl Format {
    /// The name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safetensors => safetensors_file::FORMAT,
            Self::PytorchZip => "PyTorch (zip)",
            Self::PytorchLegacy => "PyTorch (legacy)",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tensor's name, kind and place.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) view: View,
}

/// Elements that tensors are views of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    pub(crate) place: Place,
    pub(crate) big_endian: bool,
}

/// Where the bytes of a storage lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In the file, from this byte on.
    At(u64),
    /// In the archive, the member of this index.
    Member(usize),
}

#[derive(Debug)]
enum Reader {
    Plain(Source),
    Zip { archive: Archive, last: Option<(usize, Vec<u8>)> },
}

/// An opened file of tensors.
#[derive(Debug)]
pub struct Checkpoint {
    file: String,
    format: Format,
    sha256: String,
    about: BTreeMap<String, String>,
    entries: Vec<Entry>,
    storages: Vec<Storage>,
    by_name: HashMap<String, usize>,
    reader: Reader,
}

/// Most bytes that a file of a length may unpack to: deflated weights shrink by a few percent, and
/// tensors that share a storage are rarely more than two.
pub(crate) fn budget(length: u64) -> u64 {
    length.saturating_mul(16).saturating_add(64 << 20)
}

/// Opens a file of any format.
///
/// # Errors
/// [`Error::Io`], [`Error::Unrecognised`], [`Error::Broken`], [`Error::Forbidden`]; [`Error::Key`]
/// when it has several dictionaries of tensors.
pub fn read_file(path: &Path) -> Result<Checkpoint> {
    Checkpoint::new(Source::open(path)?, None, true)
}

/// Opens a file of PyTorch that has several dictionaries of tensors, such as `model` and `ema`.
///
/// # Errors
/// As [`read_file`]; [`Error::Key`] when there is nothing under the key.
pub fn read_file_key(path: &Path, key: &str) -> Result<Checkpoint> {
    Checkpoint::new(Source::open(path)?, Some(key), true)
}

/// Opens bytes of any format; `name` stands for the file in messages.
///
/// # Errors
/// As [`read_file`].
pub fn read_bytes(bytes: Vec<u8>, name: &str) -> Result<Checkpoint> {
    Checkpoint::new(Source::from_bytes(bytes, name), None, true)
}

/// Opens a file of the store, whose content has a hash of its own.
pub(crate) fn read_stored(path: &Path) -> Result<Checkpoint> {
    Checkpoint::new(Source::open(path)?, None, false)
}

impl Checkpoint {
    fn new(mut source: Source, key: Option<&str>, hash: bool) -> Result<Self> {
        let file = source.name().to_owned();
        let length = source.length();
        let start = source.range(0, usize::try_from(length.min(16)).unwrap_or(0))?;
        let sha256 = if hash { source.sha256()? } else { String::new() };
        let mut about = BTreeMap::new();
        let (format, contents, reader) = if start.starts_with(b"PK\x03\x04") {
            let (contents, archive) = pytorch::read_zip(source, key)?;
            (Format::PytorchZip, contents, Reader::Zip { archive, last: None })
        } else if pytorch::is_legacy_stream(&start) {
            let contents = pytorch::read_legacy_stream(&mut source, key)?;
            (Format::PytorchLegacy, contents, Reader::Plain(source))
        } else if safetensors_file::is_safetensors(&start) {
            let (contents, header) = safetensors_file::read(&mut source)?;
            if let Some(key) = key {
                let reason = format!("safetensors have no dictionaries, so none under '{key}'");
                return Err(Error::Key { file, reason });
            }
            about = header;
            (Format::Safetensors, contents, Reader::Plain(source))
        } else {
            return Err(Error::Unrecognised { file, reason: looks_like(&start) });
        };
        let Contents { entries, storages } = contents;
        let broken = |reason| Error::Broken { file: file.clone(), format: format.as_str(), reason };
        let mut by_name = HashMap::with_capacity(entries.len());
        let mut unpacked = 0_u64;
        for (index, entry) in entries.iter().enumerate() {
            if by_name.insert(entry.name.clone(), index).is_some() {
                return Err(broken(format!("the tensor '{}' occurs twice", entry.name)));
            }
            let bytes = (entry.view.count() as u64).saturating_mul(entry.dtype.size() as u64);
            unpacked = unpacked.saturating_add(bytes);
        }
        if unpacked > budget(length) {
            return Err(broken(format!(
                "its tensors unpack to {unpacked} bytes from a file of {length}; expected {} at most",
                budget(length)
            )));
        }
        Ok(Self { file, format, sha256, about, entries, storages, by_name, reader })
    }

    /// The file, as messages name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What the file was recognised as.
    pub fn format(&self) -> Format {
        self.format
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Text beside the tensors in a safetensors header.
    pub fn about(&self) -> &BTreeMap<String, String> {
        &self.about
    }

    /// Name, shape and storage type of every tensor, in the order of the file.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], DType)> {
        self.entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.view.shape.as_slice(), entry.dtype))
    }

    /// Shape and storage type of one tensor.
    pub fn info(&self, name: &str) -> Option<(&[usize], DType)> {
        let entry = &self.entries[*self.by_name.get(name)?];
        Some((&entry.view.shape, entry.dtype))
    }

    /// Reads all tensors and puts them into a safetensors file as they are stored here. The file
    /// appears whole or not at all.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor); [`Error::Io`] when the file cannot be written.
    pub fn write_safetensors(&mut self, path: &Path) -> Result<()> {
        let names: Vec<String> = self.entries.iter().map(|entry| entry.name.clone()).collect();
        let tensors: Result<Vec<Tensor>> = names.iter().map(|name| self.tensor(name)).collect();
        let tensors = tensors?;
        let tensors: Vec<&Tensor> = tensors.iter().collect();
        let file = path.display().to_string();
        let bytes = safetensors_file::write(&tensors, self.about.clone(), &file)?;
        write_whole(path, &bytes)
    }

    /// Takes a prefix such as `module.` off all names; `false`, and nothing happens, unless all have
    /// it.
    pub fn strip_prefix(&mut self, prefix: &str) -> bool {
        let all = |entry: &Entry| entry.name.len() > prefix.len() && entry.name.starts_with(prefix);
        if prefix.is_empty() || self.entries.is_empty() || !self.entries.iter().all(all) {
            return false;
        }
        for entry in &mut self.entries {
            entry.name.drain(..prefix.len());
        }
        let names = self.entries.iter().enumerate();
        self.by_name = names.map(|(index, entry)| (entry.name.clone(), index)).collect();
        true
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// [`Error::Tensor`] when there is none of the name; [`Error::Io`] and [`Error::Broken`] when
    /// its bytes cannot be read.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor> {
        let Some(&index) = self.by_name.get(name) else {
            return Err(Error::tensor(name, format!("not in {}", self.file)));
        };
        let Entry { name, dtype, view } = self.entries[index].clone();
        let storage = self.storages[view.storage];
        let size = dtype.size();
        let (first, span) = view.range();
        let mut bytes = match (&mut self.reader, storage.place) {
            (Reader::Plain(source), Place::At(start)) => {
                source.range(start + (first * size) as u64, span * size)?
            }
            (Reader::Zip { archive, last }, Place::Member(member)) => {
                if last.as_ref().is_none_or(|(held, _)| *held != member) {
                    // Its size was compared with the budget when the archive was opened.
                    *last = Some((member, archive.member(member, u64::MAX)?));
                }
                let held = last.as_ref().map_or(&[][..], |(_, bytes)| bytes);
                held[first * size..(first + span) * size].to_vec()
            }
            _ => return Err(Error::tensor(&name, "its storage is of another format")),
        };
        if storage.big_endian {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(Tensor { name, shape: view.shape.clone(), dtype, bytes: view.gather(bytes, size) })
    }
}

/// What a file that is not read seems to be.
fn looks_like(start: &[u8]) -> String {
    let expected = "expected safetensors or a file of torch.save";
    let found = match start {
        [] => "the file is empty".to_owned(),
        [0x1f, 0x8b, ..] => "found a gzip file; unpack it first".to_owned(),
        [0x80, 2..=5, ..] => {
            "found a bare pickle, which has no tensors that could be checked; save with torch.save"
                .to_owned()
        }
        [0x89, b'H', b'D', b'F', ..] => "found HDF5; convert it to safetensors".to_owned(),
        [b'<', ..] => "found what looks like a web page; the download failed".to_owned(),
        start if start.starts_with(b"version ht") => {
            "found a pointer of Git LFS; fetch the file itself with `git lfs pull`".to_owned()
        }
        _ => "found neither".to_owned(),
    };
    format!("{expected}, {found}")
}
