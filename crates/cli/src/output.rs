//! Where the result goes: standard output, or a file that appears whole or not at all.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lookalike::encode::AtomicFile;

use crate::args::{Format, GlobalArgs};

/// The destination of a result.
pub(crate) struct Output {
    sink: Sink,
    terminal: bool,
}

enum Sink {
    Standard(BufWriter<io::Stdout>),
    File { file: AtomicFile, path: PathBuf },
}

impl Output {
    /// Opens the destination that `--out` names.
    pub(crate) fn open(global: &GlobalArgs) -> anyhow::Result<Self> {
        let Some(path) = &global.out else {
            let stdout = io::stdout();
            let terminal = stdout.is_terminal();
            return Ok(Self { sink: Sink::Standard(BufWriter::new(stdout)), terminal });
        };
        Self::create(path)
    }

    /// Opens a file.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = AtomicFile::create(path)
            .with_context(|| format!("{}: cannot write here", path.display()))?;
        Ok(Self { sink: Sink::File { file, path: path.to_owned() }, terminal: false })
    }

    /// Whether a person reads along.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The file, unless the result goes to standard output.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.sink {
            Sink::Standard(_) => None,
            Sink::File { path, .. } => Some(path),
        }
    }

    /// Puts the result in place.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.sink {
            Sink::Standard(mut stdout) => stdout.flush()?,
            Sink::File { file, path } => {
                file.finish().with_context(|| format!("{}: cannot write", path.display()))?;
            }
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Standard(stdout) => stdout.write(bytes),
            Sink::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Standard(stdout) => stdout.flush(),
            Sink::File { file, .. } => file.flush(),
        }
    }
}

/// Opens the files of `--also`.
///
/// # Errors
/// When two results would go to the same file, or one cannot be written.
pub(crate) fn open_also(
    also: &[(Format, PathBuf)],
    global: &GlobalArgs,
) -> anyhow::Result<Vec<(Format, Output)>> {
    let mut taken: Vec<PathBuf> = global.out.iter().map(|path| identity(path)).collect();
    let mut opened = Vec::with_capacity(also.len());
    for (format, path) in also {
        let file = identity(path);
        if taken.contains(&file) {
            bail!("{}: two results would go to this file; give each its own", path.display());
        }
        taken.push(file);
        opened.push((*format, Output::create(path)?));
    }
    Ok(opened)
}

/// One path for all the ways in which a file can be named, whether it exists or not.
fn identity(path: &Path) -> PathBuf {
    if let Ok(existing) = path.canonicalize() {
        return existing;
    }
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Whether an error only says that nobody reads standard output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(|e| e.io_error_kind());
        let csv = cause.downcast_ref::<csv::Error>().and_then(|e| match e.kind() {
            csv::ErrorKind::Io(error) => Some(error.kind()),
            _ => None,
        });
        io.or(json).or(csv) == Some(io::ErrorKind::BrokenPipe)
    })
}
