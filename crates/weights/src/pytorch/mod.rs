//! Files of `torch.save`: the zip format of today and the stream that came before it.
//!
//! Both hold one pickle that describes tensors as views of storages, and the storages as raw bytes.
//! The pickle is read as data ([`pickle`]); the storages are left where they are until a tensor is
//! asked for.

mod constructors;
mod cursor;
mod legacy_stream;
mod pickle;
mod state_dict;
mod strided;
mod values;
mod zip_archive;

use crate::checkpoint::{Entry, Place, Storage};
use crate::{Error, Result};
use pickle::Pickle;
use state_dict::Found;
use values::Fault;

pub(crate) use legacy_stream::{is_legacy_stream, read as read_legacy_stream};
pub(crate) use strided::View;
pub(crate) use zip_archive::{Archive, read as read_zip};

/// Largest pickle that is read. Those of real checkpoints describe thousands of tensors in a megabyte.
const MAX_PICKLE_BYTES: usize = 32 << 20;

/// What a file of PyTorch describes.
pub(crate) struct Contents {
    pub(crate) entries: Vec<Entry>,
    pub(crate) storages: Vec<Storage>,
}

fn fault(fault: Fault, file: &str, format: &'static str) -> Error {
    let file = file.to_owned();
    match fault {
        Fault::Broken(reason) => Error::Broken { file, format, reason },
        Fault::Forbidden(global) => Error::Forbidden { file, global },
    }
}

/// Names, shapes and places of a pickle's tensors; `places` says where its storages lie.
fn contents(
    pickle: &Pickle,
    places: Vec<Place>,
    big_endian: bool,
    key: Option<&str>,
    file: &str,
    format: &'static str,
) -> Result<Contents> {
    let found = match state_dict::tensors(pickle, key).map_err(|f| fault(f, file, format))? {
        Found::Tensors(found) => found,
        Found::Choose(keys) => return Err(choose(file, key, &keys)),
    };
    let storages = places.into_iter().map(|place| Storage { place, big_endian }).collect();
    let entries = found
        .into_iter()
        .map(|(name, at)| {
            let view = pickle.heap.tensors[at].clone();
            Entry { name, dtype: pickle.heap.storages[view.storage].dtype, view }
        })
        .collect();
    Ok(Contents { entries, storages })
}

fn choose(file: &str, key: Option<&str>, keys: &[String]) -> Error {
    let reason = match (key, keys) {
        (None, []) => "found no tensors; expected a dictionary of tensors, as \
                       torch.save(model.state_dict(), …) writes it"
            .to_owned(),
        (None, keys) => format!(
            "found several dictionaries of tensors: {}; choose one with --key",
            shortened(keys)
        ),
        (Some(key), []) => {
            format!("found no dictionary of tensors under '{key}', nor any other key")
        }
        (Some(key), keys) => {
            format!("found no dictionary of tensors under '{key}'; there are: {}", shortened(keys))
        }
    };
    Error::Key { file: file.to_owned(), reason }
}

fn shortened(keys: &[String]) -> String {
    let mut text = keys.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    if keys.len() > 8 {
        text.push_str(", …");
    }
    text
}
