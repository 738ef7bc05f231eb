//! Files of records of one length, each with a checksum, that grow at the end.
//!
//! A file is a header of one line and then the records. A computation that broke off goes on behind the
//! last record that is whole; a file with another header is written anew. Records are read when they are
//! needed and checked every time, so memory does not grow with the file.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crate::files::failed;
use crate::{Error, Result};

/// Bytes of a checksum (CRC-32C).
const CHECK: usize = 4;

/// An open file.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    file: File,
    header: u64,
    /// Of a record without its checksum.
    length: usize,
    count: usize,
}

impl Records {
    /// Opens a file with a header, of records of a length, and keeps those that are there without a flaw.
    pub(crate) fn open(path: PathBuf, header: &str, length: usize) -> Result<Self> {
        let io = failed(&path, "write");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(&io)?;
        let header = header.as_bytes();
        let mut records = Self { path, file, header: header.len() as u64, length, count: 0 };
        records.count = records.whole(header)?;
        if records.count == 0 {
            records.file.set_len(0).and_then(|()| records.file.rewind()).map_err(&io)?;
            records.file.write_all(header).map_err(&io)?;
        }
        let end = records.position(records.count);
        records.file.set_len(end).map_err(&io)?;
        Ok(records)
    }

    /// Records that are there.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn position(&self, place: usize) -> u64 {
        self.header + (place * (self.length + CHECK)) as u64
    }

    /// How many records follow the header without a flaw.
    fn whole(&mut self, header: &[u8]) -> Result<usize> {
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        let mut found = vec![0; header.len()];
        if reader.read_exact(&mut found).is_err() || found != header {
            return Ok(0);
        }
        let mut record = vec![0; self.length + CHECK];
        let mut count = 0;
        while reader.read_exact(&mut record).is_ok() && is_whole(&record) {
            count += 1;
        }
        Ok(count)
    }

    /// Writes records behind the last.
    pub(crate) fn append(&mut self, records: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
        let io = failed(&self.path, "write");
        let mut bytes = Vec::new();
        let mut count = 0;
        for record in records {
            debug_assert_eq!(record.len(), self.length);
            bytes.extend_from_slice(&record);
            bytes.extend(crc32c::crc32c(&record).to_le_bytes());
            count += 1;
        }
        let end = self.position(self.count);
        self.file.seek(SeekFrom::Start(end)).map_err(&io)?;
        self.file.write_all(&bytes).map_err(&io)?;
        self.count += count;
        Ok(())
    }

    /// The record at a place.
    pub(crate) fn read(&mut self, place: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.length + CHECK];
        let position = self.position(place);
        self.file
            .seek(SeekFrom::Start(position))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(failed(&self.path, "read"))?;
        if !is_whole(&bytes) {
            return Err(Error::Unsuitable {
                path: self.path.clone(),
                reason: format!(
                    "record {place} is damaged; run the same command again, which computes what is \
                     missing"
                ),
            });
        }
        bytes.truncate(self.length);
        Ok(bytes)
    }
}

fn is_whole(record: &[u8]) -> bool {
    let (content, check) = record.split_at(record.len() - CHECK);
    crc32c::crc32c(content).to_le_bytes() == *check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_kept_and_the_rest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let open = |header: &str| Records::open(path.clone(), header, 3).unwrap();
        let mut records = open("a\n");
        records.append((0..4_u8).map(|i| vec![i; 3])).unwrap();
        assert_eq!((records.count(), records.read(2).unwrap()), (4, vec![2; 3]));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let mut records = open("a\n");
        assert_eq!(records.count(), 3);
        records.append([vec![3; 3]]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        let mut damaged = whole.clone();
        damaged[2 + 7] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(records.read(1).is_err());
        assert_eq!(open("a\n").count(), 1);
        assert_eq!(open("b\n").count(), 0);
    }
}
