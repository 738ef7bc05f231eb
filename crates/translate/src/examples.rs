//! What a network learns from: pairs, with the vectors and latents that are made of them once.

use std::path::Path;

use lookalike_train::random::{Purpose, Stream};
use lookalike_train::reconstruction::picture_of;
use lookalike_train::session::Progress;
use lookalike_train::sight::Role;
use rayon::prelude::*;

use crate::autoencoder_kl::{AutoencoderKl, Moments};
use crate::data::{Frame, Pairs};
use crate::embedder::Embedder;
use crate::kept_vectors::KeptVectors;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// Pairs that are worked on between two reports of progress.
const TOGETHER: usize = 32;

/// Pairs ready to be learned from.
pub struct Examples {
    /// The pairs.
    pub pairs: Pairs,
    /// Of every pair, the vector of its source as it is and mirrored; empty without an embedder.
    vectors: Vec<[Vec<f32>; 2]>,
    /// Of every pair, the moments of the latents of source and target; empty without an autoencoder.
    latents: Vec<[Moments; 2]>,
    vae: Option<AutoencoderKl>,
}

/// One pair as a network is shown it: samples in −1…1, or latents.
pub struct Example {
    /// Its place among the pairs.
    pub place: usize,
    /// Whether it is mirrored.
    pub mirrored: bool,
    /// The source.
    pub source: Vec<f32>,
    /// The target.
    pub target: Vec<f32>,
    /// The vector.
    pub vector: Option<Vec<f32>>,
    /// Source and target as samples in 0…1.
    pub pictures: [Vec<f32>; 2],
}

/// Samples of 0…1 in −1…1.
pub fn centred(samples: &[f32]) -> Vec<f32> {
    samples.iter().map(|sample| 2.0 * sample - 1.0).collect()
}

/// Samples of −1…1 in 0…1.
pub fn samples(centred: &[f32]) -> Vec<f32> {
    centred.iter().map(|sample| 0.5 * sample + 0.5).collect()
}

/// The autoencoder in a folder or file.
///
/// # Errors
/// What it is refused for.
pub fn autoencoder(path: &Path) -> Result<AutoencoderKl> {
    AutoencoderKl::read(path)
}

impl Examples {
    /// Reads the pairs of a recipe and makes what is made of them. Vectors that `kept`, the folder of a run, has from
    /// before are not made again. `progress` says whether to go on.
    ///
    /// # Errors
    /// What pairs, embedder and autoencoder are refused for, and what cannot be written; [`Error::Refused`] when
    /// interrupted.
    pub fn read(
        recipe: &Recipe,
        embedder: Option<&Embedder>,
        kept: Option<&Path>,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Self> {
        let side = recipe.data.side;
        let pairs = match recipe.drawn {
            Some(count) => {
                let others = (count / 16).clamp(16, 256);
                Pairs::drawn(side, recipe.seed & 0xffff, [count, others, others])?
            }
            None => Pairs::read(&recipe.data)?,
        };
        let vae = recipe.vae.as_deref().map(autoencoder).transpose()?;
        let mut found = Self { pairs, vectors: Vec::new(), latents: Vec::new(), vae };
        if let Some(embedder) = embedder {
            let kept = KeptVectors::of(kept, embedder);
            found.vectors = found.embedded(embedder, kept, progress)?;
        }
        if let Some(vae) = &found.vae {
            if recipe.augmentation.mirror || recipe.data.load.is_some_and(|load| load != side) {
                return Err(Error::Refused(
                    "latents are made once: expected neither mirrored nor cut pairs with a vae"
                        .to_owned(),
                ));
            }
            found.latents = found.each(progress, |source, target| {
                let of = |samples: &[f32]| vae.encode(&centred(samples), side, side);
                Ok([of(source)?, of(target)?])
            })?;
        }
        Ok(found)
    }

    /// The vectors of every pair's source.
    fn embedded(
        &self,
        embedder: &Embedder,
        mut kept: KeptVectors,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Vec<[Vec<f32>; 2]>> {
        let size = [self.pairs.side; 2];
        let vector = |samples: &[f32]| embedder.vector(&picture_of(3, size, samples)?);
        let mut vectors = Vec::with_capacity(self.pairs.len());
        let places: Vec<usize> = (0..self.pairs.len()).collect();
        for places in places.chunks(TOGETHER) {
            let part = places.par_iter().map(|&place| {
                let [source, _, mirrored] = self.pair(place);
                let name = KeptVectors::name_of(&source);
                match kept.get(&name) {
                    Some(both) => Ok((name, both.clone())),
                    None => Ok((name, [vector(&source)?, vector(&mirrored)?])),
                }
            });
            for (name, both) in part.collect::<Result<Vec<_>>>()? {
                vectors.push(both.clone());
                kept.put(name, both);
            }
            let go_on = progress(Progress::Features(vectors.len(), self.pairs.len()));
            kept.save(!go_on || vectors.len() == self.pairs.len())?;
            if !go_on {
                return Err(Error::Refused("interrupted before the first step".to_owned()));
            }
        }
        Ok(vectors)
    }

    /// A pair as it is: its source, its target and its mirrored source.
    fn pair(&self, place: usize) -> [Vec<f32>; 3] {
        let (mut source, mut target, mut mirrored) = (Vec::new(), Vec::new(), Vec::new());
        self.pairs.append(place, false, &mut source, &mut target);
        self.pairs.append(place, true, &mut mirrored, &mut Vec::new());
        [source, target, mirrored]
    }

    /// Something of every pair: of its source and its target.
    fn each<T: Send>(
        &self,
        progress: &mut dyn FnMut(Progress) -> bool,
        of: impl Fn(&[f32], &[f32]) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut found = Vec::with_capacity(self.pairs.len());
        let places: Vec<usize> = (0..self.pairs.len()).collect();
        for places in places.chunks(TOGETHER) {
            let part = places.par_iter().map(|&place| {
                let [source, target, _] = self.pair(place);
                of(&source, &target)
            });
            found.extend(part.collect::<Result<Vec<T>>>()?);
            if !progress(Progress::Features(found.len(), self.pairs.len())) {
                return Err(Error::Refused("interrupted before the first step".to_owned()));
            }
        }
        Ok(found)
    }

    /// The autoencoder.
    pub fn vae(&self) -> Option<&AutoencoderKl> {
        self.vae.as_ref()
    }

    /// Channels and side of latents.
    ///
    /// # Errors
    /// [`Error::Refused`] for sides that the autoencoder cannot read.
    pub fn latent_size(&self) -> Result<Option<[usize; 2]>> {
        let Some(vae) = &self.vae else { return Ok(None) };
        let [channels, side, _] = vae.latent_shape(self.pairs.side, self.pairs.side)?;
        Ok(Some([channels, side]))
    }

    /// The places of the pairs of a role.
    pub fn places(&self, role: Role) -> Vec<usize> {
        self.pairs.places(role)
    }

    /// A pair as it is learned from at a step, or as it is where there is no number.
    ///
    /// # Errors
    /// What the autoencoder refuses.
    pub fn example(&self, place: usize, recipe: &Recipe, number: Option<u64>) -> Result<Example> {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        let mut mirrored = false;
        match number {
            Some(number) => {
                let mut random = Stream::new(recipe.seed, Purpose::Augmentation, number);
                let augmentation = recipe.augmentation;
                let frame: Frame = self.pairs.append_augmented(
                    place,
                    augmentation,
                    &mut random,
                    &mut source,
                    &mut target,
                );
                mirrored = frame.mirrored;
            }
            None => self.pairs.append(place, false, &mut source, &mut target),
        }
        let vector = self.vectors.get(place).map(|both| both[usize::from(mirrored)].clone());
        let pictures = [source, target];
        let [source, target] = match (&self.vae, self.latents.get(place)) {
            (Some(vae), Some([source, target])) => {
                let mean = vae.scale(source.mean());
                let target = match number {
                    Some(number) => {
                        let mut stream = Stream::new(recipe.seed, Purpose::Latents, number);
                        target.sample(&stream.normals(target.mean().len()))?
                    }
                    None => target.mean().to_vec(),
                };
                [mean, vae.scale(&target)]
            }
            _ => [centred(&pictures[0]), centred(&pictures[1])],
        };
        Ok(Example { place, mirrored, source, target, vector, pictures })
    }
}
