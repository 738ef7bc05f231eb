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
            let of = |_: &(), place: usize| {
                let [source, target] = found.pair(place, false);
                let of = |samples: &[f32]| vae.encode(&centred(samples), side, side);
                Ok([of(&source)?, of(&target)?])
            };
            found.latents = found.each(&mut (), progress, of, |(), _, _| Ok(()))?;
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
        let of = |kept: &KeptVectors, place: usize| {
            let [source, _] = self.pair(place, false);
            let name = KeptVectors::name_of(&source);
            if let Some(both) = kept.get(&name) {
                return Ok((name, both.clone()));
            }
            let [mirrored, _] = self.pair(place, true);
            Ok((name, [vector(&source)?, vector(&mirrored)?]))
        };
        let keep = |kept: &mut KeptVectors, part: &[(String, [Vec<f32>; 2])], last: bool| {
            part.iter().for_each(|(name, both)| kept.put(name.clone(), both.clone()));
            kept.save(last)
        };
        let named = self.each(&mut kept, progress, of, keep)?;
        Ok(named.into_iter().map(|(_, both)| both).collect())
    }

    /// Source and target of a pair, as they are or mirrored.
    fn pair(&self, place: usize, mirrored: bool) -> [Vec<f32>; 2] {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        self.pairs.append(place, mirrored, &mut source, &mut target);
        [source, target]
    }

    /// Something of every pair, in parts. After each, `keep` gets it and whether it is the last before this returns.
    fn each<S: Sync, T: Send>(
        &self,
        state: &mut S,
        progress: &mut dyn FnMut(Progress) -> bool,
        of: impl Fn(&S, usize) -> Result<T> + Sync,
        keep: impl Fn(&mut S, &[T], bool) -> Result<()>,
    ) -> Result<Vec<T>> {
        let count = self.pairs.len();
        let mut found = Vec::with_capacity(count);
        let places: Vec<usize> = (0..count).collect();
        for places in places.chunks(TOGETHER) {
            let (first, known) = (found.len(), &*state);
            let part = places.par_iter().map(|&place| of(known, place));
            found.extend(part.collect::<Result<Vec<T>>>()?);
            let go_on = progress(Progress::Features(found.len(), count));
            keep(state, &found[first..], !go_on || found.len() == count)?;
            if !go_on {
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
