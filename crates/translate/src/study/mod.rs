//! The study of conditions: what each part of a translation buys, at equal data, steps, batch and seeds.
//!
//! | row | what is different |
//! |---|---|
//! | `vector`, `concat`, `concat+vector`, `tokens` | how the source is shown ([`condition`](crate::condition)) |
//! | `concat + LPIPS`, `concat + sight` | a metric of the picture in mind as a further loss |
//! | `regression` | the same transformer without noise, absolute error |
//! | `pix2pix` | a U-Net with a discriminator of patches ([`pix2pix`](crate::pix2pix)) |
//! | `copied colours` | no network: mean colours of parts, where drawings say what the parts are |
//!
//! Source: the question is that of Zhu et al., arXiv 2505.16001, who show the source by one vector of an image
//! embedder. Choices: all rows learn from the same pairs in the same order, conditions see the same noise in training
//! and in drawing; the vector is of [`sight`](crate::embedder), which ships, not of the paper's embedder; rows of
//! losses are run with the first seed alone.
//!
//! Every run has a folder and goes on where it was. What it drew is kept there, so that a study that is complete is
//! repeated without learning or drawing anything.
//!
//! Limits: pictures, not latents. Equal steps are equal compute for the rows of one transformer but `tokens`, whose
//! sequence is twice as long, and for pix2pix; multiply-accumulates and seconds are given.

mod adversarial;
mod drawn;
mod part_colours;
mod rows;
mod runs;
mod weights;

use std::path::PathBuf;

use lookalike_core::Picture;
use lookalike_deep::WeightSource;
use lookalike_train::session::Progress;
use lookalike_train::sight::Role;

pub use self::drawn::{DRAWS, Facts, REPEATED};
pub use self::weights::learned;

use self::drawn::Evaluation;
use self::rows::{Kind, Row};
use self::runs::Studying;
use crate::examples::Examples;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// Held-out pairs that are drawn where it is not said how many.
const EVALUATED: usize = 64;
/// Below this side neither the discriminator nor `sight` has anything to look at.
const LEAST_SIDE: usize = 16;

/// What is compared, and on what.
#[derive(Clone, Debug)]
pub struct Study {
    /// What all rows have in common: data, size, steps, batch. What a row is about is replaced.
    pub recipe: Recipe,
    /// Rows that are no losses are run once for each.
    pub seeds: Vec<u64>,
    /// Held-out pairs that are drawn; 64, or all where there are fewer, where not given.
    pub evaluated: Option<usize>,
    /// The folder.
    pub out: PathBuf,
}

/// What a study came to.
#[derive(Clone, Debug)]
pub struct Found {
    /// The rows, in the order of the table.
    pub rows: Vec<Studied>,
    /// Rows that could not be had.
    pub left_out: Vec<LeftOut>,
    /// Names of the held-out pairs that were drawn.
    pub names: Vec<String>,
    /// Their sources.
    pub sources: Vec<Picture>,
    /// Their targets.
    pub targets: Vec<Picture>,
    /// Pairs that were learned from, that validated, and that are held out.
    pub pairs: [usize; 3],
    /// SHA-256 of names and contents of the pairs.
    pub data_sha256: String,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Studied {
    /// Its name in tables.
    pub name: &'static str,
    /// The same, as part of a path.
    pub slug: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// Whether nothing about it follows from a seed.
    pub seedless: bool,
    /// Its runs, by seed.
    pub runs: Vec<Run>,
}

/// A row with a seed.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The model, where there is one.
    pub model: Option<PathBuf>,
    /// Sizes and seconds.
    pub facts: Facts,
    /// What was drawn of every pair.
    pub pictures: Vec<Picture>,
    /// Of the first [`REPEATED`] pairs, [`DRAWS`] pictures with noise of different seeds.
    pub repeated: Vec<Vec<Picture>>,
}

/// A row that could not be had.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Its name.
    pub name: &'static str,
    /// Why, and what brings it.
    pub reason: String,
}

/// Told what is being done and how far it is; says whether to go on.
type Told<'a> = dyn FnMut(&str, Progress) -> bool + 'a;

impl Study {
    /// Learns and draws everything that is not yet there.
    ///
    /// # Errors
    /// [`Error::Refused`] for choices that cannot be studied, without held-out pairs, for a folder with runs of
    /// another study, and when interrupted; those of [`train`](crate::train).
    pub fn run(&self, weights: &dyn WeightSource, progress: &mut Told<'_>) -> Result<Found> {
        self.check()?;
        let rows = Row::all();
        let mut reading = |at| progress("reading", at);
        let plain = Examples::read(&self.first(), None, None, &mut reading)?;
        let places = self.places(&plain)?;
        let evaluation = Evaluation::new(&plain, &self.recipe, &places)?;
        let mut studying = Studying {
            study: self,
            weights,
            concat: rows::parameters(&self.first(), Row::CONCAT)?,
            plain: &plain,
            places: &places,
            evaluation,
            seen: None,
        };
        let (mut studied, mut left_out) = (Vec::new(), Vec::new());
        for row in rows {
            if let Some(reason) = studying.missing(row)? {
                left_out.push(LeftOut { name: row.name, reason });
                continue;
            }
            let seeds = if row.every_seed { &self.seeds[..] } else { &self.seeds[..1] };
            let runs = seeds.iter().map(|&seed| studying.row(row, seed, progress));
            let runs = runs.collect::<Result<Vec<_>>>()?;
            let seedless = row.kind == Kind::PartColours;
            let Row { name, slug, what, .. } = *row;
            studied.push(Studied { name, slug, what, seedless, runs });
        }
        let [sources, targets] = studying.evaluation.pictures()?;
        Ok(Found {
            rows: studied,
            left_out,
            names: places.iter().map(|&place| plain.pairs.names[place].clone()).collect(),
            sources,
            targets,
            pairs: [Role::Learned, Role::Validation, Role::HeldOut]
                .map(|role| plain.places(role).len()),
            data_sha256: plain.pairs.sha256.clone(),
        })
    }

    fn check(&self) -> Result<()> {
        let refused = |reason: String| Err(Error::Refused(reason));
        if self.seeds.is_empty() || self.evaluated == Some(0) {
            return refused("expected a seed and a held-out pair, or more".to_owned());
        }
        if self.seeds.iter().enumerate().any(|(at, seed)| self.seeds[..at].contains(seed)) {
            return refused(format!("seeds {:?}: expected each once", self.seeds));
        }
        let Recipe { patch, data, vae, .. } = &self.recipe;
        if vae.is_some() {
            return refused(
                "a study draws pictures, not latents; leave the autoencoder out".to_owned(),
            );
        }
        if data.side < LEAST_SIDE || !data.side.is_multiple_of(*patch) {
            return refused(format!(
                "expected a side from {LEAST_SIDE} on that is a multiple of the patch, {patch}; found {}",
                data.side
            ));
        }
        Row::all()
            .iter()
            .try_for_each(|row| row.recipe(&self.recipe, 1).map_or(Ok(()), |r| r.check()))
    }

    /// With the seed whose drawings all rows learn from.
    fn first(&self) -> Recipe {
        Recipe { seed: self.seeds[0], ..self.recipe.clone() }
    }

    /// The held-out pairs that are drawn.
    fn places(&self, examples: &Examples) -> Result<Vec<usize>> {
        let mut places = examples.places(Role::HeldOut);
        let asked = self.evaluated.unwrap_or(EVALUATED.min(places.len()));
        if places.is_empty() || asked > places.len() {
            return Err(Error::Refused(format!(
                "expected {} held-out pairs, found {}; ask for fewer, or give more pairs",
                asked.max(1),
                places.len()
            )));
        }
        places.truncate(asked);
        Ok(places)
    }
}

#[cfg(test)]
mod tests;
