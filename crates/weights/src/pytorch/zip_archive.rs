//! The zip format of `torch.save`: `NAME/data.pkl`, `NAME/data/KEY` per storage, `NAME/byteorder`.
//!
//! Names in the archive are only looked up, never written to. Members may be stored or deflated;
//! what unpacks to more than the file could reasonably hold is refused before it is unpacked, and the
//! checksum of every member that is read is checked.

use std::io::Read;

use zip::ZipArchive;
use zip::result::ZipError;

use super::pickle;
use super::{Contents, MAX_PICKLE_BYTES, contents, fault};
use crate::checkpoint::{Place, budget};
use crate::source::Source;
use crate::{Error, Result};

const FORMAT: &str = "PyTorch (zip)";

/// An archive whose members are read on demand.
pub(crate) struct Archive {
    zip: ZipArchive<Source>,
    file: String,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archive({})", self.file)
    }
}

/// Reads names, shapes and places.
pub(crate) fn read(source: Source, key: Option<&str>) -> Result<(Contents, Archive)> {
    let (file, length) = (source.name().to_owned(), source.length());
    let zip = ZipArchive::new(source).map_err(|e| unreadable(&file, "the archive", e))?;
    let mut archive = Archive { zip, file: file.clone() };
    let broken = |reason: String| Error::Broken { file: file.clone(), format: FORMAT, reason };
    if archive.zip.has_duplicate_names() {
        return Err(broken("two members have the same name".to_owned()));
    }
    let names: Vec<&str> =
        archive.zip.file_names_raw().filter_map(|name| std::str::from_utf8(name).ok()).collect();
    let suffixed = |suffix: &str| -> Vec<String> {
        names.iter().filter_map(|name| name.strip_suffix(suffix)).map(str::to_owned).collect()
    };
    let roots = suffixed("/data.pkl");
    if !suffixed("/constants.pkl").is_empty() {
        return Err(Error::Unrecognised {
            file,
            reason: "a TorchScript archive, which holds a program; save its tensors with \
                     torch.save(torch.jit.load(FILE).state_dict(), OUT)"
                .to_owned(),
        });
    }
    let [root] = roots.as_slice() else {
        return Err(Error::Unrecognised {
            file,
            reason: format!(
                "a zip archive with {} members called data.pkl, where a file of torch.save has one",
                roots.len()
            ),
        });
    };
    let big_endian = match archive.zip.index_for_name(&format!("{root}/byteorder")) {
        None => false,
        Some(index) => match archive.member(index, 6)?.as_slice() {
            b"little" => false,
            b"big" => true,
            _ => return Err(broken("its byteorder is neither little nor big".to_owned())),
        },
    };
    let Some(index) = archive.zip.index_for_name(&format!("{root}/data.pkl")) else {
        return Err(broken("data.pkl is listed and not there".to_owned()));
    };
    let bytes = archive.member(index, MAX_PICKLE_BYTES as u64)?;
    let pickle = pickle::read(&bytes).map_err(|f| fault(f, &file, FORMAT))?;
    let mut unpacked = 0_u64;
    let mut places = Vec::with_capacity(pickle.heap.storages.len());
    for storage in &pickle.heap.storages {
        let name = format!("{root}/data/{}", storage.key);
        let Some(index) = archive.zip.index_for_name(&name) else {
            return Err(broken(format!("the storage '{name}' is not in the archive")));
        };
        let size = archive.size(index)?;
        let expected = (storage.elements as u64).checked_mul(storage.dtype.size() as u64);
        if expected != Some(size) {
            return Err(broken(format!(
                "the storage '{name}' has {size} bytes, its tensors expect {} elements of {}",
                storage.elements, storage.dtype
            )));
        }
        unpacked = unpacked.saturating_add(size);
        if unpacked > budget(length) {
            return Err(broken(format!(
                "its storages unpack to more than {} bytes from a file of {length}",
                budget(length)
            )));
        }
        places.push(Place::Member(index));
    }
    let contents = contents(&pickle, places, big_endian, key, &file, FORMAT)?;
    Ok((contents, archive))
}

impl Archive {
    /// Announced size of a member.
    fn size(&mut self, index: usize) -> Result<u64> {
        let member = self.zip.by_index(index).map_err(|e| unreadable(&self.file, "a member", e))?;
        Ok(member.size())
    }

    /// All bytes of a member whose announced size is at most `most`.
    pub(crate) fn member(&mut self, index: usize, most: u64) -> Result<Vec<u8>> {
        let file = self.file.clone();
        let member = self.zip.by_index(index).map_err(|e| unreadable(&file, "a member", e))?;
        let (name, size) =
            (member.name().map(|n| n.into_owned()).unwrap_or_default(), member.size());
        let broken = |reason: String| Error::Broken { file: file.clone(), format: FORMAT, reason };
        if size > most {
            return Err(broken(format!(
                "'{name}' announces {size} bytes, expected {most} at most"
            )));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(1 << 26));
        member
            .take(size + 1)
            .read_to_end(&mut bytes)
            .map_err(|reason| broken(format!("'{name}': {reason}")))?;
        if bytes.len() as u64 != size {
            return Err(broken(format!("'{name}' announces {size} bytes and has another number")));
        }
        Ok(bytes)
    }
}

fn unreadable(file: &str, what: &str, error: ZipError) -> Error {
    Error::Broken { file: file.to_owned(), format: FORMAT, reason: format!("{what}: {error}") }
}
