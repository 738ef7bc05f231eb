//! What can go wrong between a file somewhere and weights that can be trusted.

use std::path::PathBuf;

use crate::conform::Mismatch;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why weights could not be read, kept or fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{file}: cannot {action}: {reason}")]
    Io {
        /// The file or folder.
        file: String,
        /// What was attempted, such as `read`.
        action: &'static str,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// A file that is none of the formats that are read.
    #[error("{file}: {reason}")]
    Unrecognised {
        /// The file.
        file: String,
        /// What it seems to be, and what to do.
        reason: String,
    },
    /// A file that contradicts itself or its format, ends early, or asks for too much.
    #[error("{file}: not a sound {format} file: {reason}")]
    Broken {
        /// The file.
        file: String,
        /// The format it was recognised as.
        format: &'static str,
        /// What was expected and found.
        reason: String,
    },
    /// A pickle that names something other than the constructors of tensors.
    #[error(
        "{file}: the pickle asks for '{global}', which is no constructor of tensors; nothing was \
         executed. Expected a file that holds tensors alone, as torch.save(model.state_dict(), …) \
         writes it"
    )]
    Forbidden {
        /// The file.
        file: String,
        /// Module and name, such as `posix.system`.
        global: String,
    },
    /// A file with several dictionaries of tensors, or without the one that was asked for.
    #[error("{file}: {reason}")]
    Key {
        /// The file.
        file: String,
        /// What was expected and found.
        reason: String,
    },
    /// A tensor that is absent or not what was asked for.
    #[error("tensor '{tensor}': {reason}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What was expected and found.
        reason: String,
    },
    /// A file whose tensors are not those of the named weights.
    #[error("{0}")]
    Mismatch(Box<Mismatch>),
    /// A published file under the name of another.
    #[error("{file}: this is the published file of '{published}', not of '{name}'")]
    Misnamed {
        /// The file.
        file: String,
        /// The name it is published under.
        published: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// A name that is not in the manifest.
    #[error("no weights are called '{name}'; {hint}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// A near name, or where the names are listed.
        hint: String,
    },
    /// Weights that are not in the store.
    #[error("no weights '{name}' in {}; {advice}", folder.display())]
    Absent {
        /// What was asked for.
        name: String,
        /// The folder of the store.
        folder: PathBuf,
        /// The command that brings them.
        advice: String,
    },
    /// A stored file that is not what was stored.
    #[error("{}: {reason}; run `lookalike weights {advice}`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
        /// What replaces it.
        advice: String,
    },
    /// Other weights are kept under the name.
    #[error(
        "{}: other weights are kept under this name (content {kept}, new {new}); replace them with \
         --force", path.display()
    )]
    Taken {
        /// The stored file.
        path: PathBuf,
        /// First digits of the content hash of what is kept.
        kept: String,
        /// First digits of the content hash of what was to be kept.
        new: String,
    },
    /// There is no folder to keep weights in.
    #[error("no folder to keep weights in: {0}; set LOOKALIKE_HOME to a folder")]
    NoHome(String),
    /// A download was needed and is forbidden.
    #[error("offline, and {name} is not in the store; {advice}")]
    Offline {
        /// What was asked for.
        name: String,
        /// Which file to get elsewhere, and the command that takes it in.
        advice: String,
    },
    /// A download failed.
    #[error("{url}: {reason}")]
    Download {
        /// Where from.
        url: String,
        /// What was expected and found.
        reason: String,
    },
    /// Weights that nobody publishes under an address.
    #[error("{name} is published at no address that could be fetched; {advice}")]
    NoAddress {
        /// What was asked for.
        name: String,
        /// How to get it.
        advice: String,
    },
    /// Downloaded bytes that are not those of the manifest. They are removed.
    #[error(
        "{url}: expected a file with sha256 {expected}, found {found}; it was discarded. The \
         server, or something on the way, sends another file"
    )]
    Checksum {
        /// Where from.
        url: String,
        /// What the manifest says, possibly the first digits alone.
        expected: String,
        /// What came.
        found: String,
    },
}

impl Error {
    pub(crate) fn io(file: impl ToString, action: &'static str, reason: std::io::Error) -> Self {
        Self::Io { file: file.to_string(), action, reason }
    }

    pub(crate) fn tensor(tensor: &str, reason: impl Into<String>) -> Self {
        Self::Tensor { tensor: tensor.to_owned(), reason: reason.into() }
    }
}
