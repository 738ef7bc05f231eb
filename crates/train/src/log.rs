//! The log of a run: one JSON object per line, and the same numbers for TensorBoard.
//!
//! Lines have no times, so the log of a run that was killed and went on has the same bytes as that of one
//! that was not. Going on at a step, lines of later steps and a line that broke off are dropped.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::Result;
use crate::files::failed;
use crate::tensorboard::{EventFile, Scalar};

/// An open log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    events: EventFile,
}

impl Log {
    /// Opens `log.jsonl` and `tensorboard/` of a folder, as they were after a step.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File).
    pub fn open(folder: &Path, step: u64) -> Result<Self> {
        let path = folder.join("log.jsonl");
        let options = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(failed(&path, "write"))?;
        let bytes = std::fs::read(&path).map_err(failed(&path, "read"))?;
        let mut kept = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let value: Option<Value> = serde_json::from_slice(line).ok();
            let of = value.and_then(|value| value["step"].as_u64());
            if !line.ends_with(b"\n") || of.is_none_or(|of| step == 0 || of > step) {
                break;
            }
            kept += line.len() as u64;
        }
        file.set_len(kept)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(failed(&path, "write"))?;
        Ok(Self { path, file, events: EventFile::open(&folder.join("tensorboard"), step)? })
    }

    /// Notes numbers of a step; `kind` is `train` or `validation`.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File).
    pub fn note(
        &mut self,
        kind: &str,
        step: u64,
        epoch: u64,
        numbers: &[(&str, f64)],
    ) -> Result<()> {
        let mut line = Map::new();
        line.insert("kind".to_owned(), json!(kind));
        line.insert("step".to_owned(), json!(step));
        line.insert("epoch".to_owned(), json!(epoch));
        line.extend(numbers.iter().map(|(name, number)| ((*name).to_owned(), json!(number))));
        let text = format!("{}\n", Value::Object(line));
        self.file.write_all(text.as_bytes()).map_err(failed(&self.path, "write"))?;
        for (name, number) in numbers {
            let tag = format!("{kind}/{name}");
            self.events.add(&Scalar { step, tag, value: *number as f32 })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_on_drops_what_came_later() {
        let folder = tempfile::tempdir().unwrap();
        let note = |log: &mut Log, step| log.note("train", step, 1, &[("loss", 0.5)]).unwrap();
        let mut log = Log::open(folder.path(), 0).unwrap();
        for step in [10, 20, 30] {
            note(&mut log, step);
        }
        let path = folder.path().join("log.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(whole.lines().count(), 3);
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let mut log = Log::open(folder.path(), 20).unwrap();
        note(&mut log, 30);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        Log::open(folder.path(), 0).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}
