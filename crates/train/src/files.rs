//! Files of a run: whole or not at all, with errors that name them.

use std::io::Write;
use std::path::Path;

use lookalike_core::encode::AtomicFile;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// What the system says of a file.
pub fn failed(path: &Path, action: &'static str) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |reason| Error::File { path: path.clone(), action, reason }
}

/// Puts a file in place; one that is there is replaced, and stays where this fails.
///
/// # Errors
/// [`Error::File`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path).map_err(failed(path, "write"))?;
    file.write_all(bytes).map_err(failed(path, "write"))?;
    file.finish().map_err(failed(path, "write"))
}

/// Puts a file of JSON in place.
///
/// # Errors
/// [`Error::File`]; [`Error::Unsuitable`] for what is no JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|e| Error::Unsuitable { path: path.to_owned(), reason: e.to_string() })?;
    write_whole(path, format!("{json}\n").as_bytes())
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
