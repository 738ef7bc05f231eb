//! What is said of weights: the fields of the JSON, and the same in words.

use std::io::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use lookalike_weights::{
    Entry, Kept, Known, Place, PublishedFile, SourceFile, Store, Weights, manifest,
};
use serde::Serialize;

use crate::output::Output;

/// The schema of everything that `lookalike weights` writes as JSON.
pub(super) const SCHEMA: &str = "lookalike.weights/1";

/// The result of a command.
#[derive(Serialize)]
pub(super) struct Report {
    schema: &'static str,
    pub(super) folder: PathBuf,
    pub(super) weights: Vec<WeightsRecord>,
    pub(super) errors: Vec<ErrorRecord>,
}

/// A name that could not be served.
#[derive(Serialize)]
pub(super) struct ErrorRecord {
    pub(super) name: String,
    pub(super) message: String,
}

/// Weights that have a name.
#[derive(Serialize)]
pub(super) struct WeightsRecord {
    pub(super) name: String,
    pub(super) title: &'static str,
    /// Of the published files in a list; of what is stored once it was read.
    pub(super) licence: String,
    pub(super) commercial: &'static str,
    pub(super) source: &'static str,
    /// `stored`, `parts`, `within` or `absent`.
    status: &'static str,
    /// The stored files they are loaded from.
    pub(super) paths: Vec<PathBuf>,
    files: &'static [PublishedFile],
    /// The weights they can be put together from.
    parts: Vec<&'static str>,
    #[serde(flatten)]
    content: Option<Content>,
}

/// What is known once the stored numbers were read.
#[derive(Serialize)]
struct Content {
    sha256: String,
    layout: String,
    tensors: usize,
    parameters: usize,
    origin: Vec<SourceFile>,
    /// `new`, `same` or `replaced`; `null` when nothing was to be kept.
    kept: Option<&'static str>,
}

impl Report {
    pub(super) fn new(store: &Store) -> Self {
        let folder = store.folder().to_owned();
        Self { schema: SCHEMA, folder, weights: Vec::new(), errors: Vec::new() }
    }
}

impl WeightsRecord {
    /// The record of a name.
    pub(super) fn of(name: &str, store: &Store) -> anyhow::Result<Self> {
        let place = store.place(name)?;
        let entry = manifest().iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| anyhow!("no weights are called '{name}'"))?;
        Ok(Self::listed(entry, place, store))
    }

    pub(super) fn listed(entry: &'static Entry, place: Option<Place>, store: &Store) -> Self {
        let (status, paths) = match place {
            None => ("absent", Vec::new()),
            Some(Place::Own(path)) => ("stored", vec![path]),
            Some(Place::Within(whole)) => ("within", vec![store.path(&whole)]),
            Some(Place::Parts(parts)) => ("parts", part_paths(&parts, store)),
        };
        Self {
            name: entry.name.clone(),
            title: &entry.title,
            licence: entry.licence.clone(),
            commercial: entry.commercial.as_str(),
            source: &entry.source,
            status,
            paths,
            files: &entry.files,
            parts: entry.parts.iter().map(|part| part.name.as_str()).collect(),
            content: None,
        }
    }

    /// The column of the list.
    pub(super) fn here(&self) -> &'static str {
        match self.status {
            "absent" => "",
            "stored" => "yes",
            _ => "in parts",
        }
    }

    /// Adds what the numbers themselves say.
    pub(super) fn add_content(&mut self, weights: &Weights, kept: Option<Kept>) {
        self.licence.clone_from(&weights.licence);
        if weights.source.iter().any(|file| file.known == Known::Other) {
            // The published terms say nothing about another file.
            self.commercial = "unclear";
        }
        self.content = Some(Content {
            sha256: weights.sha256.clone(),
            layout: weights.layout.clone(),
            tensors: weights.tensors.len(),
            parameters: weights.parameters(),
            origin: weights.source.clone(),
            kept: kept.map(|kept| match kept {
                Kept::New => "new",
                Kept::Same => "same",
                Kept::Replaced => "replaced",
            }),
        });
    }

    /// An account for people.
    pub(super) fn write(&self, output: &mut Output) -> anyhow::Result<()> {
        let Some(content) = &self.content else { return Ok(()) };
        let what = match content.kept {
            Some("new") => "taken in",
            Some("same") => "was there",
            Some("replaced") => "replaced",
            _ => "sound",
        };
        writeln!(output, "{}: {what}", self.name)?;
        let mut line = |name: &str, text: &str| writeln!(output, "  {name:<10} {text}");
        line("tensors", &format!("{}, {} numbers", content.tensors, content.parameters))?;
        line("content", &format!("sha256 {}", content.sha256))?;
        for file in &content.origin {
            line("from", &format!("{} ({}, {})", file.file, file.format, acquaintance(file)))?;
        }
        line("layout", &content.layout)?;
        line("licence", &format!("{}; commercial use {}", self.licence, self.commercial))?;
        for path in &self.paths {
            line("kept in", &path.display().to_string())?;
        }
        Ok(())
    }
}

fn part_paths(parts: &[String], store: &Store) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for part in parts {
        let path = match store.place(part) {
            Ok(Some(Place::Within(whole))) => store.path(&whole),
            _ => store.path(part),
        };
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// How far a file is known to be the published one.
fn acquaintance(file: &SourceFile) -> String {
    match file.known {
        Known::Published => "the published file, by its whole sha256".to_owned(),
        Known::FirstDigits => {
            let published = manifest().iter().flat_map(|entry| &entry.files);
            let digits = published.filter(|known| known.is(&file.sha256)).map(|f| f.digits().len());
            let digits = digits.max().unwrap_or_default();
            format!("the published file by the {digits} known digits of its sha256")
        }
        Known::Other => format!("not a published file, sha256 {}", &file.sha256),
    }
}
