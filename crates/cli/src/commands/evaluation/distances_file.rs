//! The file of `--resume`: the distances of every pair that was measured, so that a run that ended early
//! goes on where it was.
//!
//! The first line says what was measured and how; a run that would measure anything else refuses the file.
//! Every further line is one pair: its number in the set, length and time of change of its two files, and its
//! distances as decimal text, which gives the same bits back and can be infinite. Lines are appended as pairs
//! are done, so a run that is killed loses none but the line it was writing, which is cut off. A pair whose
//! files have changed since is measured anew. The file is locked while it is used.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) const SCHEMA: &str = "lookalike.judge-distances/1";

/// Length in bytes and time of change in nanoseconds since 1970.
pub(super) type FileState = (u64, u64);

pub(super) struct DistancesFile {
    path: PathBuf,
    file: File,
    known: HashMap<usize, Line>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    pair: usize,
    files: [FileState; 2],
    distances: Vec<String>,
}

impl DistancesFile {
    /// Opens or makes the file of a run; `setting` is all that its distances depend on.
    pub(super) fn open(path: &Path, setting: &Value, metrics: usize) -> anyhow::Result<Self> {
        let name = path.display();
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let mut file = file.with_context(|| format!("{name}: cannot keep distances here"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{name}: another run is using this file"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{name}: cannot be locked"));
            }
        }
        let mut reader = BufReader::new(&file);
        let mut known = HashMap::new();
        let (mut whole, mut number, mut line) = (0, 0_u64, Vec::new());
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line);
            read.with_context(|| format!("{name}: cannot be read"))?;
            // What a killed run was writing has no end.
            if line.last() != Some(&b'\n') {
                break;
            }
            number += 1;
            if number == 1 {
                check_setting(&line, setting).with_context(|| name.to_string())?;
            } else {
                let line =
                    parsed(&line, metrics).with_context(|| format!("{name}, line {number}"))?;
                known.insert(line.pair, line);
            }
            whole += line.len() as u64;
        }
        let prepared = (|| {
            file.set_len(whole)?;
            file.seek(SeekFrom::End(0))?;
            if whole == 0 {
                file.write_all(format!("{setting}\n").as_bytes())?;
            }
            Ok::<(), std::io::Error>(())
        })();
        prepared.with_context(|| format!("{name}: cannot keep distances here"))?;
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// The distances of a pair, if its files are as they were.
    pub(super) fn take(&mut self, pair: usize, files: [FileState; 2]) -> Option<Vec<f64>> {
        let line = self.known.remove(&pair).filter(|line| line.files == files)?;
        line.distances.iter().map(|text| text.parse().ok()).collect()
    }

    pub(super) fn add(
        &mut self,
        pair: usize,
        files: [FileState; 2],
        distances: &[f64],
    ) -> anyhow::Result<()> {
        let distances = distances.iter().map(f64::to_string).collect();
        let mut text = serde_json::to_string(&Line { pair, files, distances })?;
        text.push('\n');
        // One call, so that a line is there whole or was the last.
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("{}: cannot keep distances here", self.path.display()))
    }
}

/// Length and time of change; `None` where there is no file.
pub(super) fn state(path: &Path) -> Option<FileState> {
    let metadata = path.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some((metadata.len(), u64::try_from(changed.as_nanos()).unwrap_or(u64::MAX)))
}

fn check_setting(line: &[u8], setting: &Value) -> anyhow::Result<()> {
    let found: Value = serde_json::from_slice(line).unwrap_or_default();
    if found["schema"] != SCHEMA {
        bail!("expected distances of an earlier run, found something else; give another file");
    }
    for (key, expected) in setting.as_object().into_iter().flatten() {
        let found = &found[key];
        if found != expected {
            bail!(
                "has distances of another run: its {key} is {found}, this run's is {expected}; give \
                 another file, or remove this one"
            );
        }
    }
    Ok(())
}

fn parsed(line: &[u8], metrics: usize) -> anyhow::Result<Line> {
    let line: Line = serde_json::from_slice(line).context("no distances of a pair")?;
    let numbers = line.distances.iter().map(|text| text.parse().ok());
    let sound = numbers.filter(|number: &Option<f64>| number.is_some_and(|n| !n.is_nan())).count();
    if (sound, line.distances.len()) != (metrics, metrics) {
        bail!("expected {metrics} distances, found {:?}", line.distances);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FILES: [FileState; 2] = [(7, 1), (8, 2)];

    fn setting() -> Value {
        json!({"schema": SCHEMA, "resize": null})
    }

    #[test]
    fn what_was_added_is_there_again_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.jsonl");
        let distances = [0.1 + 0.2, f64::NEG_INFINITY, -0.0];
        let mut file = DistancesFile::open(&path, &setting(), 3).unwrap();
        assert!(DistancesFile::open(&path, &setting(), 3).is_err(), "it is in use");
        file.add(5, FILES, &distances).unwrap();
        file.add(6, FILES, &distances).unwrap();
        drop(file);
        // Killed while it wrote.
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let mut file = DistancesFile::open(&path, &setting(), 3).unwrap();
        let found = file.take(5, FILES).unwrap();
        assert_eq!(
            found.iter().map(|d| d.to_bits()).collect::<Vec<_>>(),
            distances.map(f64::to_bits)
        );
        assert_eq!(file.take(6, FILES), None);
        file.add(6, FILES, &distances).unwrap();
        drop(file);
        assert_eq!(std::fs::read(&path).unwrap(), text);
        let mut file = DistancesFile::open(&path, &setting(), 3).unwrap();
        assert_eq!(file.take(6, [(7, 1), (8, 3)]), None, "a file has changed");
    }

    #[test]
    fn files_of_other_runs_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.jsonl");
        drop(DistancesFile::open(&path, &setting(), 1).unwrap());
        let other = json!({"schema": SCHEMA, "resize": 64});
        let message = format!("{:#}", DistancesFile::open(&path, &other, 1).err().unwrap());
        assert!(message.contains("its resize is null, this run's is 64"), "{message}");
        let setting = format!("{}\n", setting());
        for (text, part) in [
            ("a,b\n1,2\n".to_owned(), "found something else"),
            (format!("{setting}no\n"), "line 2: no distances"),
            (
                format!("{setting}{{\"pair\":1,\"files\":[[1,2],[3,4]],\"distances\":[\"x\"]}}\n"),
                "line 2",
            ),
            (
                format!("{setting}{{\"pair\":1,\"files\":[[1,2],[3,4]],\"distances\":[]}}\n"),
                "line 2",
            ),
        ] {
            std::fs::write(&path, &text).unwrap();
            let message = format!(
                "{:#}",
                DistancesFile::open(&path, &super::tests::setting(), 1).err().unwrap()
            );
            assert!(message.contains(part), "{message}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
