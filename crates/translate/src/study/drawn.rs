//! What a run draws of held-out pairs, and the file that it is kept in.
//!
//! Noise follows from the pair and the number of the drawing alone: all rows and seeds draw a pair from the same noise.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use lookalike_core::{Channels, Picture, Samples};
use lookalike_train::session::Progress;
use lookalike_train::{model_file, write_whole};
use rayon::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use super::runs::picture;
use crate::examples::{Example, Examples};
use crate::recipe::Recipe;
use crate::{Error, Result};

/// Drawings of each pair that is drawn several times.
pub const DRAWS: usize = 4;
/// Pairs that are drawn several times, at most.
pub const REPEATED: usize = 16;
/// Drawings between two looks at whether to go on.
const TOGETHER: usize = 16;
/// Under which the facts stand in the header of a file.
const KEY: &str = "lookalike.study-translation";
/// Of the layout of files.
const VERSION: u32 = 1;

/// Sizes and seconds of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Parameters of what draws.
    pub parameters: usize,
    /// Those of a discriminator, which does not draw.
    pub discriminator: Option<usize>,
    /// Multiply-accumulates of a network for one example, forwards, where they are known.
    pub multiply_accumulates: Option<u64>,
    /// How often the network is asked for a picture.
    pub evaluations: usize,
    /// Seconds of all steps.
    pub training_seconds: f64,
    /// Seconds for a picture, where all threads draw.
    pub drawing_seconds: f64,
    /// Threads.
    pub threads: usize,
}

/// Held-out pairs and the order in which they are drawn.
pub(super) struct Evaluation {
    side: usize,
    examples: Vec<Example>,
    /// Pair and seed of the noise: all pairs once, then the first ones again.
    drawings: Vec<(usize, u64)>,
}

impl Evaluation {
    /// The pairs at some places.
    pub(super) fn new(examples: &Examples, recipe: &Recipe, places: &[usize]) -> Result<Self> {
        let seed = |pair: usize, draw: usize| (1 + pair * DRAWS + draw) as u64;
        let again = (0..places.len().min(REPEATED))
            .flat_map(|pair| (1..DRAWS).map(move |draw| (pair, seed(pair, draw))));
        let drawings = (0..places.len()).map(|pair| (pair, seed(pair, 0))).chain(again).collect();
        let side = examples.pairs.side;
        let examples = places.iter().map(|&place| examples.example(place, recipe, None));
        Ok(Self { side, examples: examples.collect::<Result<_>>()?, drawings })
    }

    /// Sources and targets.
    pub(super) fn pictures(&self) -> Result<[Vec<Picture>; 2]> {
        let of = |which: usize| -> Result<Vec<Picture>> {
            self.examples.iter().map(|one| picture(self.side, &one.pictures[which])).collect()
        };
        Ok([of(0)?, of(1)?])
    }

    /// Everything that `draw` draws of an example with a seed, and the seconds that a picture took.
    pub(super) fn draw(
        &self,
        progress: &mut dyn FnMut(Progress) -> bool,
        draw: impl Fn(&Example, u64) -> Result<Picture> + Sync,
    ) -> Result<(Vec<Picture>, f64)> {
        self.draw_places(progress, |pair, seed| draw(&self.examples[pair], seed))
    }

    /// The same of the number of a pair.
    pub(super) fn draw_places(
        &self,
        progress: &mut dyn FnMut(Progress) -> bool,
        draw: impl Fn(usize, u64) -> Result<Picture> + Sync,
    ) -> Result<(Vec<Picture>, f64)> {
        let (start, count) = (Instant::now(), self.drawings.len());
        let mut found = Vec::with_capacity(count);
        for drawings in self.drawings.chunks(TOGETHER) {
            let part = drawings.par_iter().map(|&(pair, seed)| draw(pair, seed));
            found.extend(part.collect::<Result<Vec<_>>>()?);
            if !progress(Progress::Features(found.len(), count)) && found.len() < count {
                return Err(Error::Refused(
                    "interrupted while drawing; the same command goes on".to_owned(),
                ));
            }
        }
        Ok((found, start.elapsed().as_secs_f64() / count.max(1) as f64))
    }

    /// Takes the further drawings off the end of all, and gives all of each pair that has them.
    pub(super) fn repeated(&self, pictures: &mut Vec<Picture>) -> Vec<Vec<Picture>> {
        let further = pictures.split_off(self.examples.len().min(pictures.len()));
        let of = |(first, further): (&Picture, &[Picture])| {
            std::iter::once(first).chain(further).cloned().collect()
        };
        pictures.iter().zip(further.chunks(DRAWS - 1)).map(of).collect()
    }
}

/// What a run drew.
pub(super) struct Kept {
    pub(super) facts: Facts,
    pub(super) pictures: Vec<Picture>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// Of recipe, data, row and places.
    key: String,
    facts: Facts,
}

impl Kept {
    /// Reads a file; `None` where there is none, or one of other drawings.
    pub(super) fn read(path: &Path, key: &str) -> Result<Option<Self>> {
        let unsuitable = |reason: String| Error::Unsuitable {
            path: path.to_owned(),
            reason: format!("{reason}; remove it, and the pictures are drawn again"),
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::File { path: path.to_owned(), action: "read", reason: source });
            }
        };
        let file = SafeTensors::deserialize(&bytes).map_err(|e| unsuitable(e.to_string()))?;
        let header: Header = model_file::plan(KEY, &bytes).map_err(unsuitable)?;
        if header.version != VERSION || header.key != key {
            return Ok(None);
        }
        let tensor = file.tensor("pictures").map_err(|e| unsuitable(e.to_string()))?;
        let &[_, height, width, 3] = tensor.shape() else {
            return Err(unsuitable(format!(
                "expected colour pictures, found {:?}",
                tensor.shape()
            )));
        };
        if tensor.dtype() != Dtype::U8 || height * width == 0 {
            return Err(unsuitable(format!("expected 8 bits, found {:?}", tensor.dtype())));
        }
        let of = |codes: &[u8]| Picture::from_u8(width, height, Channels::Rgb, codes.to_vec());
        let pictures = tensor.data().chunks_exact(3 * height * width).map(of);
        Ok(Some(Self { facts: header.facts, pictures: pictures.collect::<Result<_, _>>()? }))
    }

    /// Writes the file and gives what is read from it.
    pub(super) fn written(self, path: &Path, key: &str) -> Result<Self> {
        self.write(path, key)?;
        Ok(Self::read(path, key)?.unwrap_or(self))
    }

    /// Writes the file; it appears whole or not at all.
    fn write(&self, path: &Path, key: &str) -> Result<()> {
        let refused = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
        let mut codes = Vec::new();
        let mut shape = vec![self.pictures.len(), 0, 0, 3];
        for picture in &self.pictures {
            let (Samples::U8(samples), Channels::Rgb) = (picture.samples(), picture.channels())
            else {
                return Err(refused("expected pictures of 8 bits in colour".to_owned()));
            };
            [shape[1], shape[2]] = [picture.height(), picture.width()];
            codes.extend_from_slice(samples);
        }
        let header = Header { version: VERSION, key: key.to_owned(), facts: self.facts.clone() };
        let header = serde_json::to_string(&header).map_err(|e| refused(e.to_string()))?;
        let view = TensorView::new(Dtype::U8, shape, &codes).map_err(|e| refused(e.to_string()))?;
        let about = HashMap::from([(KEY.to_owned(), header)]);
        let bytes = safetensors::serialize([("pictures", view)], Some(about));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(lookalike_train::failed(folder, "write"))?;
        }
        Ok(write_whole(path, &bytes.map_err(|e| refused(e.to_string()))?)?)
    }
}
