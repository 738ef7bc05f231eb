//! The folder in which weights are kept, one safetensors file per name.
//!
//! A file appears whole or not at all, and says in its header what it is, which file it came from and
//! the hash of its content; loading checks all of that against the specification. Weights that are
//! put together from others (a trunk and a head) need no file of their own: they are loaded from
//! those that are there, and parts are taken out of a whole in the same way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use serde::{Deserialize, Serialize};

use crate::checkpoint::read_stored;
use crate::manifest::{self, Entry, Part};
use crate::safetensors_file::{self, ABOUT};
use crate::weights::SourceFile;
use crate::whole_file::write_whole;
use crate::{Checkpoint, Error, Result, Specification, Tensor, Weights, manifest as entries};

/// A folder of weights.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Where the weights of a name would be loaded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file of their own.
    Own(PathBuf),
    /// The files of their parts.
    Parts(Vec<String>),
    /// The file of a whole that they are part of.
    Within(String),
}

/// What keeping weights came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// They were not there before.
    New,
    /// The same content was there already.
    Same,
    /// Other content was replaced.
    Replaced,
}

/// What the header of a stored file says, as one JSON object.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    name: String,
    content: String,
    layout: String,
    licence: String,
    source: Vec<SourceFile>,
    version: String,
}

impl Store {
    /// `$LOOKALIKE_HOME/weights`; without that variable, `lookalike/weights` in the platform's
    /// folder for data. Nothing is created.
    ///
    /// # Errors
    /// [`Error::NoHome`] when neither is known.
    pub fn open_default() -> Result<Self> {
        let home = match std::env::var_os("LOOKALIKE_HOME") {
            Some(home) if home.is_empty() => {
                return Err(Error::NoHome("LOOKALIKE_HOME is empty".to_owned()));
            }
            Some(home) => PathBuf::from(home),
            None => choose_native_strategy()
                .map_err(|error| Error::NoHome(error.to_string()))?
                .data_dir()
                .join("lookalike"),
        };
        Ok(Self::at(home.join("weights")))
    }

    /// The store in a folder, which need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of its own would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.safetensors"))
    }

    /// Where weights would be loaded from; `None` when they are not there.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn place(&self, name: &str) -> Result<Option<Place>> {
        let entry = known(name)?;
        if let Some(place) = self.directly(name) {
            return Ok(Some(place));
        }
        let whole = |part: &Part| self.directly(&part.name).is_some();
        if !entry.parts.is_empty() && entry.parts.iter().all(whole) {
            let parts = entry.parts.iter().map(|part| part.name.clone());
            return Ok(Some(Place::Parts(parts.collect())));
        }
        Ok(None)
    }

    /// A file of its own, or that of a whole.
    fn directly(&self, name: &str) -> Option<Place> {
        let path = self.path(name);
        if path.is_file() {
            return Some(Place::Own(path));
        }
        let whole = entries().iter().find(|whole| {
            whole.parts.iter().any(|part| part.name == name) && self.path(&whole.name).is_file()
        })?;
        Some(Place::Within(whole.name.clone()))
    }

    /// Loads weights by name.
    ///
    /// # Errors
    /// [`Error::Absent`] with the command that brings them; [`Error::Damaged`] when a stored file is
    /// not what was stored.
    pub fn load(&self, name: &str) -> Result<Weights> {
        let entry = known(name)?;
        match self.place(name)? {
            Some(Place::Parts(_)) => self.compose(entry),
            Some(place) => self.load_from(name, &place),
            None => Err(self.absent(entry)),
        }
    }

    fn load_from(&self, name: &str, place: &Place) -> Result<Weights> {
        match place {
            Place::Within(whole) => self.take_out(whole, name),
            _ => self.load_own(name),
        }
    }

    fn absent(&self, entry: &Entry) -> Error {
        let name = &entry.name;
        let fetchable = |entry: &Entry| !entry.files.is_empty();
        let parts = entry.parts.iter().map(|part| manifest::entry(&part.name));
        let advice = if fetchable(entry)
            || (!entry.parts.is_empty()
                && parts.into_iter().all(|part| part.is_some_and(fetchable)))
        {
            format!("run `lookalike weights fetch {name}`")
        } else {
            format!("run `lookalike weights import FILE --as {name}`")
        };
        Error::Absent { name: name.clone(), folder: self.folder.clone(), advice }
    }

    /// Loads and checks the file of a name.
    fn load_own(&self, name: &str) -> Result<Weights> {
        let path = self.path(name);
        let damaged = |reason: String| Error::Damaged {
            path: path.clone(),
            reason,
            advice: match manifest::entry(name) {
                Some(entry) if !entry.files.is_empty() => format!("fetch {name} --force"),
                _ => format!("import FILE --as {name} --force"),
            },
        };
        let file = read_stored(&path).map_err(|error| match error {
            io @ Error::Io { .. } => io,
            other => damaged(without(&other.to_string(), &path)),
        })?;
        let about: About = match file.about().get(ABOUT).map(|json| serde_json::from_str(json)) {
            Some(Ok(about)) => about,
            _ => return Err(damaged("it was not written by `lookalike weights`".to_owned())),
        };
        if about.name != name {
            return Err(damaged(format!("it holds '{}'", about.name)));
        }
        let specification = Specification::of(name)?;
        let mut weights = file
            .into_weights(&specification)
            .map_err(|error| damaged(without(&error.to_string(), &path)))?;
        if weights.sha256 != about.content {
            return Err(damaged(format!(
                "its numbers have changed: content {}, expected {}",
                weights.sha256, about.content
            )));
        }
        weights.layout = about.layout;
        weights.licence = about.licence;
        weights.source = about.source;
        Ok(weights)
    }

    fn compose(&self, entry: &Entry) -> Result<Weights> {
        let mut tensors = BTreeMap::new();
        let mut source = Vec::new();
        for part in &entry.parts {
            let place = self.directly(&part.name).ok_or_else(|| self.absent(entry))?;
            let weights = self.load_from(&part.name, &place)?;
            source.extend(weights.source);
            tensors.extend(weights.tensors.into_values().map(|mut tensor| {
                tensor.name = format!("{}{}", part.prefix, tensor.name);
                (tensor.name.clone(), tensor)
            }));
        }
        source.dedup();
        Ok(Weights::new(&entry.name, "parts", source, tensors))
    }

    fn take_out(&self, whole: &str, name: &str) -> Result<Weights> {
        let weights = self.load_own(whole)?;
        let parts = manifest::entry(whole).map_or(&[][..], |entry| &entry.parts);
        let prefix = parts.iter().find(|part| part.name == name).map_or("", |part| &part.prefix);
        let specification = Specification::of(name)?;
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        for (expected, _) in specification.tensors() {
            let held = weights.tensors.get(&format!("{prefix}{expected}"));
            let mut tensor = held
                .cloned()
                .ok_or_else(|| Error::tensor(expected, format!("not in '{whole}'")))?;
            expected.clone_into(&mut tensor.name);
            tensors.insert(tensor.name.clone(), tensor);
        }
        let mut part = Weights::new(name, &weights.layout, weights.source, tensors);
        part.licence = weights.licence;
        Ok(part)
    }

    /// Takes weights in from files of the user: one, or several that complete each other.
    ///
    /// # Errors
    /// What reading and checking give; [`Error::Taken`] when other weights are kept under the name
    /// and `replace` is false.
    pub fn import(
        &self,
        files: Vec<Checkpoint>,
        name: &str,
        replace: bool,
    ) -> Result<(Weights, Kept)> {
        known(name)?;
        let weights = Weights::from_files(files, &Specification::of(name)?)?;
        let kept = self.keep(&weights, replace)?;
        Ok((weights, kept))
    }

    /// Keeps weights under their name. The file is complete on the disk before it gets its name.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::Io`].
    pub fn keep(&self, weights: &Weights, replace: bool) -> Result<Kept> {
        let path = self.path(&weights.name);
        let kept = if path.exists() {
            match self.load_own(&weights.name) {
                Ok(held) if held.sha256 == weights.sha256 && held.source == weights.source => {
                    return Ok(Kept::Same);
                }
                // The same numbers from a better known file: the account of it is worth keeping.
                Ok(held) if held.sha256 == weights.sha256 => Kept::Same,
                _ if replace => Kept::Replaced,
                Ok(held) => {
                    return Err(Error::Taken {
                        path,
                        kept: held.sha256[..16].to_owned(),
                        new: weights.sha256[..16].to_owned(),
                    });
                }
                Err(damaged) => return Err(damaged),
            }
        } else {
            Kept::New
        };
        let about = About {
            name: weights.name.clone(),
            content: weights.sha256.clone(),
            layout: weights.layout.clone(),
            licence: weights.licence.clone(),
            source: weights.source.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let about = serde_json::to_string(&about).unwrap_or_default();
        let tensors: Vec<&Tensor> = weights.tensors.values().collect();
        let file = path.display().to_string();
        let bytes = safetensors_file::write(&tensors, [(ABOUT.to_owned(), about)].into(), &file)?;
        write_whole(&path, &bytes)?;
        Ok(kept)
    }
}

fn known(name: &str) -> Result<&'static Entry> {
    manifest::entry(name).ok_or_else(|| Error::UnknownName {
        name: name.to_owned(),
        hint: "`lookalike weights list` prints the names".to_owned(),
    })
}

/// A message without the path that it begins with.
fn without(message: &str, path: &Path) -> String {
    let prefix = format!("{}: ", path.display());
    message.strip_prefix(&prefix).unwrap_or(message).to_owned()
}
