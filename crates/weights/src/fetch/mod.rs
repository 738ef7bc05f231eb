//! Weights by name over the network: found, downloaded, compared with their hash, checked, kept.
//!
//! The hash is compared before anything is parsed. A download that broke off continues where it
//! stopped; two processes that want the same file take turns. Without the network, what is in the
//! store is there and anything else is an error that says which file to bring.

mod address;
mod download;
mod headers;
mod partial;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use crate::manifest::{self, Entry, PublishedFile};
use crate::{Error, Kept, Result, Specification, Store, Weights, read_file};
use partial::Partial;

/// How to fetch.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// Never use the network.
    pub offline: bool,
    /// An address in place of the published one; the hash stays the published one.
    pub url: Option<String>,
    /// A server or folder address that has `NAME/FILE` for every file of the manifest.
    pub mirror: Option<String>,
    /// Fetch even what is there, and replace it.
    pub replace: bool,
    /// How long a server may be silent.
    pub stall: Duration,
    /// How often a broken download is taken up again.
    pub retries: u32,
    /// Wait before the first of these; doubled every time.
    pub backoff: Duration,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            offline: false,
            url: None,
            mirror: None,
            replace: false,
            stall: Duration::from_secs(30),
            retries: 4,
            backoff: Duration::from_millis(500),
        }
    }
}

/// What happens while weights are fetched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another process fetches the same file; this one waits.
    Waiting {
        /// The weights.
        name: &'a str,
    },
    /// A transfer begins, or begins anew.
    Start {
        /// The weights.
        name: &'a str,
        /// Where from.
        url: &'a str,
        /// Bytes that are there from an earlier attempt.
        held: u64,
        /// All bytes, where the server says.
        total: Option<u64>,
    },
    /// So many bytes are there.
    Held(u64),
    /// The transfer broke off and will be taken up again.
    Again {
        /// Why.
        reason: &'a str,
    },
}

/// Weights that are in the store now.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The weights.
    pub weights: Weights,
    /// Whether they came just now; `None` when they were there.
    pub kept: Option<Kept>,
}

/// Fetches weights by name; what they are put together from, if they have no file of their own.
///
/// # Errors
/// [`Error::UnknownName`], [`Error::NoAddress`], [`Error::Offline`], [`Error::Download`],
/// [`Error::Checksum`], and what reading and keeping give.
pub fn fetch(
    store: &Store,
    name: &str,
    options: &FetchOptions,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Fetched>> {
    let specification = Specification::of(name)?;
    let Some(entry) = manifest::entry(specification.name()) else {
        return Err(Error::UnknownName {
            name: name.to_owned(),
            hint: "`lookalike weights list` prints the names".to_owned(),
        });
    };
    if !options.replace && store.place(name)?.is_some() {
        return Ok(vec![Fetched { weights: store.load(name)?, kept: None }]);
    }
    if let [file] = entry.files.as_slice() {
        return Ok(vec![fetch_file(store, entry, file, options, on_event)?]);
    }
    if entry.parts.is_empty() {
        return Err(Error::NoAddress {
            name: name.to_owned(),
            advice: format!(
                "import a file that you have: `lookalike weights import FILE --as {name}` ({})",
                entry.source
            ),
        });
    }
    if options.url.is_some() {
        return Err(Error::NoAddress {
            name: name.to_owned(),
            advice: format!(
                "it has several files; give each its address: {}",
                entry.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        });
    }
    let mut fetched = Vec::new();
    for part in &entry.parts {
        fetched.extend(fetch(store, &part.name, options, on_event)?);
    }
    Ok(fetched)
}

fn fetch_file(
    store: &Store,
    entry: &Entry,
    file: &PublishedFile,
    options: &FetchOptions,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Fetched> {
    let name = &entry.name;
    let url = address(entry, file, options);
    if options.offline {
        return Err(Error::Offline {
            name: name.clone(),
            advice: format!(
                "download {url} (sha256 {}) on another machine and run `lookalike weights import {} \
                 --as {name}` here",
                shown(file),
                file.file_name()
            ),
        });
    }
    let folder = store.folder().join("downloads");
    std::fs::create_dir_all(&folder).map_err(|e| Error::io(folder.display(), "create", e))?;
    let _lock = lock(folder.join(format!("{name}.lock")), name, on_event)?;
    // Another process may have been faster.
    if !options.replace && store.place(name)?.is_some() {
        return Ok(Fetched { weights: store.load(name)?, kept: None });
    }
    let partial = Partial::at(folder.join(format!("{name}.part")));
    download::download(name, &url, file, &partial, options, on_event)?;
    let specification = Specification::of(name)?;
    let outcome = read_file(partial.path()).and_then(|read| read.into_weights(&specification));
    let mut weights = match outcome {
        Ok(weights) => weights,
        Err(error) => {
            partial.discard()?;
            return Err(error);
        }
    };
    for source in &mut weights.source {
        file.file_name().clone_into(&mut source.file);
    }
    let kept = store.keep(&weights, options.replace)?;
    partial.discard()?;
    Ok(Fetched { weights, kept: Some(kept) })
}

fn address(entry: &Entry, file: &PublishedFile, options: &FetchOptions) -> String {
    match (&options.url, &options.mirror) {
        (Some(url), _) => url.clone(),
        (None, Some(mirror)) => {
            format!("{}/{}/{}", mirror.trim_end_matches('/'), entry.name, file.file_name())
        }
        (None, None) => file.url.clone(),
    }
}

/// A hash as far as it is known.
fn shown(file: &PublishedFile) -> String {
    let more = if file.sha256.is_none() { "…" } else { "" };
    format!("{}{more}", file.digits())
}

/// Holds the turn for a name until it is dropped. The file stays: removing it would let a third
/// process in beside the second.
fn lock(path: PathBuf, name: &str, on_event: &mut dyn FnMut(Event<'_>)) -> Result<File> {
    let failed = |reason| Error::io(path.display(), "lock", reason);
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            on_event(Event::Waiting { name });
            file.lock().map_err(failed)?;
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}
