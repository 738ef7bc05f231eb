//! Scalars for TensorBoard: event files, written and read.
//!
//! A file is a row of records: the length (u64, little-endian), its checksum, the data, its checksum
//! (CRC-32C, rotated by 15 bits and offset, as TensorFlow has it). The data of a record is an `Event` in
//! protocol buffers: wall time (field 1), step (2), `brain.Event:2` (3) in the first, or a summary (5) of
//! one tag and value.
//!
//! Going on after a break, a file is cut behind the last record that is whole and not later than the
//! step, so that nothing appears twice.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::files::failed;

/// A number at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The step.
    pub step: u64,
    /// What it is, such as `loss/train`.
    pub tag: String,
    /// The number.
    pub value: f32,
}

/// An event file that grows.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Opens the file of a folder and drops what is later than a step.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File).
    pub fn open(folder: &Path, step: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(failed(folder, "write"))?;
        let path = folder.join("events.out.tfevents.0.lookalike");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed(&path, "write"))?;
        let bytes = std::fs::read(&path).map_err(failed(&path, "read"))?;
        let mut kept = 0;
        for (end, scalar) in records(&bytes) {
            if scalar.is_some_and(|scalar| scalar.step > step) {
                break;
            }
            kept = end;
        }
        file.set_len(kept as u64)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(failed(&path, "write"))?;
        let mut events = Self { path, file };
        if kept == 0 {
            let mut event = wall_time();
            field(&mut event, 3, b"brain.Event:2");
            events.append(&event)?;
        }
        Ok(events)
    }

    /// Adds a number.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File).
    pub fn add(&mut self, scalar: &Scalar) -> Result<()> {
        let mut value = Vec::new();
        field(&mut value, 1, scalar.tag.as_bytes());
        value.push(2 << 3 | 5);
        value.extend(scalar.value.to_le_bytes());
        let mut summary = Vec::new();
        field(&mut summary, 1, &value);
        let mut event = wall_time();
        event.push(2 << 3);
        varint(&mut event, scalar.step);
        field(&mut event, 5, &summary);
        self.append(&event)
    }

    fn append(&mut self, data: &[u8]) -> Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let record =
            [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()];
        self.file.write_all(&record.concat()).map_err(failed(&self.path, "write"))
    }
}

/// The numbers of an event file, up to the first record that is not whole.
pub fn read(bytes: &[u8]) -> Vec<Scalar> {
    records(bytes).filter_map(|(_, scalar)| scalar).collect()
}

fn wall_time() -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut event = vec![1 << 3 | 1];
    event.extend(now.as_secs_f64().to_le_bytes());
    event
}

fn field(to: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    to.push(number << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend(bytes);
}

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Where every whole record ends, and what it says.
fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, Option<Scalar>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let (length, rest) = rest.split_at_checked(8)?;
        let (check, rest) = rest.split_at_checked(4)?;
        if check != masked(length).to_le_bytes() {
            return None;
        }
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (data, rest) = rest.split_at_checked(length)?;
        if rest.get(..4)? != masked(data).to_le_bytes() {
            return None;
        }
        at += length + 16;
        Some((at, scalar(data)))
    })
}

fn scalar(event: &[u8]) -> Option<Scalar> {
    let (mut step, mut summary) = (0, None);
    for (number, value) in Fields(event) {
        match (number, value) {
            (2, Value::Number(number)) => step = number,
            (5, Value::Bytes(bytes)) => summary = Some(bytes),
            _ => {}
        }
    }
    let (_, Value::Bytes(entry)) = Fields(summary?).next()? else { return None };
    let (mut tag, mut value) = (String::new(), 0.0);
    for field in Fields(entry) {
        match field {
            (1, Value::Bytes(bytes)) => tag = String::from_utf8(bytes.to_vec()).ok()?,
            (2, Value::Bytes(bytes)) => value = f32::from_le_bytes(bytes.try_into().ok()?),
            _ => {}
        }
    }
    Some(Scalar { step, tag, value })
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let length = match key & 7 {
            0 => return Some((key >> 3, Value::Number(self.varint()?))),
            1 => 8,
            2 => usize::try_from(self.varint()?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((key >> 3, Value::Bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_later_ones_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let scalar = |step, value| Scalar { step, tag: "loss/train".to_owned(), value };
        let path = folder.path().join("events.out.tfevents.0.lookalike");
        let mut file = EventFile::open(folder.path(), 0).unwrap();
        for step in [1, 200, 70_000] {
            file.add(&scalar(step, step as f32 / 3.0)).unwrap();
        }
        let all = read(&std::fs::read(&path).unwrap());
        assert_eq!(all, [1, 200, 70_000].map(|step| scalar(step, step as f32 / 3.0)));
        // A record that broke off.
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let mut file = EventFile::open(folder.path(), 199).unwrap();
        file.add(&scalar(200, 7.0)).unwrap();
        let all = read(&std::fs::read(&path).unwrap());
        assert_eq!(all, [scalar(1, 1.0 / 3.0), scalar(200, 7.0)]);
    }

    #[test]
    fn checksums_are_those_of_tensorflow() {
        // The record that opens a file by TensorFlow 2 has a length of 24 and this checksum.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked(&24_u64.to_le_bytes()), 0x224b_7fa3);
    }
}
