//! The bytes of a checkpoint: a file read at positions, or bytes in memory.
//!
//! Files are not mapped into memory: that needs `unsafe`, and a file that another process cuts short
//! would end this one with a signal. Only what is asked for is read, so a large file of which a few
//! tensors are needed costs those tensors.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// A file or bytes, with a name for messages.
#[derive(Debug)]
pub(crate) struct Source {
    name: String,
    length: u64,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    File(File),
    Memory(Cursor<Vec<u8>>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let failed = |reason| Error::io(&name, "read", reason);
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Error::Unrecognised {
                file: name,
                reason: "expected a file of weights, found a folder".to_owned(),
            });
        }
        if about.is_file() {
            return Ok(Self { name, length: about.len(), bytes: Bytes::File(file) });
        }
        // Pipes have no positions.
        let mut bytes = Vec::new();
        (&file).take(MOST_FROM_A_PIPE).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Self::from_bytes(bytes, &name))
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>, name: &str) -> Self {
        let length = bytes.len() as u64;
        Self { name: name.to_owned(), length, bytes: Bytes::Memory(Cursor::new(bytes)) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes from a position on. Whoever calls has compared the range with the length.
    pub(crate) fn range(&mut self, start: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.seek(SeekFrom::Start(start))
            .and_then(|_| self.read_exact(&mut bytes))
            .map_err(|reason| Error::io(&self.name, "read", reason))?;
        Ok(bytes)
    }

    /// SHA-256 of all bytes, in hexadecimal.
    pub(crate) fn sha256(&mut self) -> Result<String> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        let mut failed = self.seek(SeekFrom::Start(0)).err();
        while failed.is_none() {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(hexadecimal(&hash.finalize())),
                Ok(read) => hash.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        Err(Error::io(&self.name, "read", failed.unwrap_or_else(|| io::ErrorKind::Other.into())))
    }
}

/// What is held in memory of something that has no positions.
const MOST_FROM_A_PIPE: u64 = 4 << 30;

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::File(file) => file.read(buffer),
            Bytes::Memory(memory) => memory.read(buffer),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.bytes {
            Bytes::File(file) => file.seek(position),
            Bytes::Memory(memory) => memory.seek(position),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
