//! What an evaluation reads: images, seeds and labels, and what models make of the images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lookalike::judge::npy;
use lookalike_discover::evaluation::catalogue::{metadata_of, vectors_of};
use lookalike_discover::evaluation::files::{self, Files, Tag};
use lookalike_discover::evaluation::{Benchmark, Embeddings};
use lookalike_discover::store::VectorStore;
use lookalike_discover::tables;
use lookalike_discover::votes::{Settlement, Votes};

use super::RunArgs;
use crate::commands::discover::stores;

/// A model whose vectors are in a file.
#[derive(Clone, Debug)]
pub(in crate::commands::discover) struct VectorFile {
    name: String,
    path: PathBuf,
}

impl VectorFile {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.to_owned(), path: PathBuf::from(path) })
            }
            _ => Err(format!("expected NAME=FILE, found '{text}'")),
        }
    }
}

/// What was read.
pub(super) struct Input {
    pub(super) files: Files,
    stores: Vec<(String, Box<dyn VectorStore>)>,
    vectors: Vec<VectorFile>,
}

/// Reads everything but the vectors.
pub(super) fn read(args: &RunArgs) -> anyhow::Result<Input> {
    let in_folder = |name: &str| {
        let path = args.folder.as_ref()?.join(name);
        [path.clone(), path.with_extension("parquet")].into_iter().find(|path| path.is_file())
    };
    let pick = |given: &Option<PathBuf>, name: &str| given.clone().or_else(|| in_folder(name));
    let Some(labels) = pick(&args.labels, "labels.json") else {
        let folder = args.folder.as_deref().unwrap_or_else(|| Path::new("."));
        bail!("{}: there is no labels.json in it; name the labels by --labels", folder.display());
    };
    let stores = stores::named(&args.store, &args.server)?;
    let metadata = match (pick(&args.metadata, "metadata.json"), stores.first()) {
        (Some(path), _) => files::read(&path)?,
        (None, Some((_, store))) => metadata_of(store.as_ref())?,
        (None, None) => bail!("--vectors needs --metadata, which says whose the rows are"),
    };
    let manifest = pick(&args.manifest, "manifest.json");
    let seeds = pick(&args.seeds, "seeds.json");
    let tags = self::labels(&labels)?;
    let files = Files {
        metadata,
        manifest: manifest.as_deref().map(files::read).transpose()?,
        seeds: seeds.as_deref().map(files::read).transpose()?,
        tags,
    };
    Ok(Input { files, stores, vectors: args.vectors.clone() })
}

/// Labels from a file of them, or from votes by majority.
pub(in crate::commands::discover) fn labels(path: &Path) -> anyhow::Result<Vec<Tag>> {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let is_votes = match end {
        "parquet" => tables::read(path)?.columns.iter().any(|name| name == "rater"),
        end => end == "csv",
    };
    Ok(match is_votes {
        true => Votes::read(path)?.settle(Settlement::Majority, 1).tags,
        false => files::read(path)?,
    })
}

impl Input {
    pub(super) fn models(&self) -> usize {
        self.stores.len() + self.vectors.len()
    }

    /// Hands over every model's vectors of the benchmark's images, one model at a time.
    pub(super) fn each_model(
        &self,
        benchmark: &Benchmark,
        mut take: impl FnMut(String, Embeddings) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for (name, store) in &self.stores {
            take(name.clone(), vectors_of(name, store.as_ref(), benchmark)?)?;
        }
        for file in &self.vectors {
            take(file.name.clone(), self.of_file(file, benchmark)?)?;
        }
        Ok(())
    }

    fn of_file(&self, file: &VectorFile, benchmark: &Benchmark) -> anyhow::Result<Embeddings> {
        let path = &file.path;
        let bytes =
            std::fs::read(path).with_context(|| format!("{}: cannot read", path.display()))?;
        let array = npy::read(&bytes).with_context(|| path.display().to_string())?;
        let images = &self.files.metadata.images;
        let [rows, dimension] = array.shape[..] else {
            bail!("{}: expected an array of two axes, found {}", path.display(), array.shape.len());
        };
        if rows != images.len() {
            bail!(
                "{}: expected a row for each of {} images of the metadata, found {rows}",
                path.display(),
                images.len()
            );
        }
        let numbers: HashMap<&str, usize> =
            images.iter().enumerate().map(|(row, image)| (image.path.as_str(), row)).collect();
        let mut vectors = Vec::with_capacity(benchmark.images.len() * dimension);
        for image in &benchmark.images {
            let row = numbers.get(image.path.as_str()).copied().unwrap_or_default();
            let values = &array.values[row * dimension..(row + 1) * dimension];
            vectors.extend(values.iter().map(|&value| value as f32));
        }
        let vectors = Embeddings::new(dimension, vectors);
        vectors.with_context(|| path.display().to_string())
    }
}
