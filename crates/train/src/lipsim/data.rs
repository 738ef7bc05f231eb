//! What is learned from: pictures with their teacher's embeddings, and triplets with their answers.
//!
//! Pictures are squares of the pictures of folders, and as many of the synthetic observer's; the teacher sees them at
//! its own size, the student the same brought to the network's (bicubic, rounded to 8 bits). A target is the
//! teacher's embedding less the mean of all, brought to the student's number of coordinates by a random matrix of
//! independent normal numbers, which keeps angles but for a few hundredths (Johnson and Lindenstrauss), and to unit
//! length. All of it follows from the recipe, so nothing is kept on disk.

use std::path::PathBuf;

use lookalike_core::{Metric, Picture};
use lookalike_deep::lipsim::{Input, Plan};
use rayon::prelude::*;

use super::observer::{HELD_OUT_TRIPLETS, triplet};
use super::recipe::Recipe;
use crate::lpips::Triplets as Judged;
use crate::random::{Purpose, Stream};
use crate::sight::{Role, Sources, crop};
use crate::{Error, Result};

/// Half of the pictures to distil from are the observer's, where there are folders; scenes are not needed.
const OBSERVED: f64 = 0.5;

/// Pictures as the network sees them, in 8 bits, and their targets.
pub(super) struct Distilled {
    pub(super) pictures: Vec<Vec<u8>>,
    /// As many coordinates as the student has, for each.
    pub(super) targets: Vec<Vec<f32>>,
}

/// References, left and right pictures, and whether the right one is nearer.
pub(super) struct Triplets {
    pub(super) pictures: Vec<[Vec<u8>; 3]>,
    pub(super) right: Vec<bool>,
}

/// A picture as the network sees it.
pub(super) fn seen(picture: &Picture, side: usize) -> Result<Vec<u8>> {
    let planes = Input::default().planes(picture, side)?;
    Ok(planes.into_iter().map(|x| (255.0 * x).round() as u8).collect())
}

/// Samples in 0…1.
pub(super) fn samples(picture: &[u8]) -> impl Iterator<Item = f32> {
    picture.iter().map(|&x| f32::from(x) / 255.0)
}

impl Distilled {
    /// Makes all pictures and asks the teacher. `progress` counts them and says whether to go on.
    pub(super) fn make(
        recipe: &Recipe,
        sources: Option<&Sources>,
        teacher: &dyn Metric,
        width: usize,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Self> {
        let pool = sources.map(|sources| sources.pool(Role::Learned, 0.0)).transpose()?;
        let one = |number: usize| -> Result<(Vec<u8>, Vec<f64>)> {
            let mut random = Stream::new(recipe.seed, Purpose::Groups, number as u64);
            let picture = match &pool {
                Some(pool) if random.unit() >= OBSERVED => {
                    crop(&pool.draw(&mut random), recipe.teacher_side, &mut random)?
                }
                _ => {
                    let found = triplet(recipe.seed, number as u64);
                    found.subjects[number % 3].picture(recipe.teacher_side)?
                }
            };
            let embedding = teacher.embedding(&picture).ok_or_else(|| {
                let id = teacher.id();
                Error::Refused(format!(
                    "teacher {id}: it has no embedding; expected sight, lpips, features or lipsim"
                ))
            })??;
            Ok((seen(&picture, recipe.image)?, embedding))
        };
        let (mut pictures, mut embeddings) = (Vec::new(), Vec::new());
        let numbers: Vec<usize> = (0..recipe.pictures).collect();
        for chunk in numbers.chunks(128) {
            if !progress(pictures.len(), recipe.pictures) {
                let (done, count) = (pictures.len(), recipe.pictures);
                return Err(Error::Interrupted { done, count });
            }
            let made: Vec<_> =
                chunk.par_iter().map(|&number| one(number)).collect::<Result<_>>()?;
            for (picture, embedding) in made {
                pictures.push(picture);
                embeddings.push(embedding);
            }
        }
        progress(recipe.pictures, recipe.pictures);
        let targets = targets(embeddings, width, recipe.seed);
        Ok(Self { pictures, targets })
    }
}

/// Embeddings less their mean, at another number of coordinates and of unit length.
fn targets(mut embeddings: Vec<Vec<f64>>, width: usize, seed: u64) -> Vec<Vec<f32>> {
    let from = embeddings.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; from];
    let share = 1.0 / embeddings.len().max(1) as f64;
    for embedding in &embeddings {
        mean.iter_mut().zip(embedding).for_each(|(sum, x)| *sum += x * share);
    }
    let row = |row: usize| {
        let mut random = Stream::new(seed, Purpose::Projection, row as u64);
        (0..from).map(|_| random.normal()).collect::<Vec<f64>>()
    };
    let matrix: Vec<Vec<f64>> = (0..width).into_par_iter().map(row).collect();
    embeddings
        .par_iter_mut()
        .map(|embedding| {
            embedding.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean);
            let product = |row: &Vec<f64>| row.iter().zip(&*embedding).map(|(w, x)| w * x).sum();
            let target: Vec<f64> = matrix.iter().map(product).collect();
            let length = target.iter().map(|x| x * x).sum::<f64>().sqrt();
            let share = if length > 0.0 { 1.0 / length } else { 0.0 };
            target.into_iter().map(|x| (x * share) as f32).collect()
        })
        .collect()
}

impl Triplets {
    /// The observer's triplets of some numbers.
    pub(super) fn observed(seed: u64, first: u64, count: usize, side: usize) -> Result<Self> {
        let one = |number: u64| -> Result<([Vec<u8>; 3], bool)> {
            let found = triplet(seed, first + number);
            let [x, a, b] = found
                .subjects
                .each_ref()
                .map(|subject| subject.picture(side).and_then(|picture| seen(&picture, side)));
            Ok(([x?, a?, b?], found.right))
        };
        let made: Vec<_> =
            (0..count as u64).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
        let (pictures, right) = made.into_iter().unzip();
        Ok(Self { pictures, right })
    }

    /// Those that are learned from: the observer's, then judged ones that have a majority.
    pub(super) fn learned(recipe: &Recipe, judged: &[Judged]) -> Result<Self> {
        let mut all = Self::observed(recipe.seed, 0, recipe.observer, recipe.image)?;
        let options = lookalike_core::decode::DecodeOptions::default();
        let read = |path: &PathBuf| -> Result<Vec<u8>> {
            seen(&lookalike_core::decode::read(path, &options)?, recipe.image)
        };
        let clear = judged.iter().flat_map(|judged| &judged.all).filter(|t| t.share != 0.5);
        let made: Vec<_> = clear
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|triplet| {
                let [x, a, b] = triplet.pictures.each_ref().map(read);
                Ok(([x?, a?, b?], triplet.share > 0.5))
            })
            .collect::<Result<Vec<_>>>()?;
        for (pictures, right) in made {
            all.pictures.push(pictures);
            all.right.push(right);
        }
        Ok(all)
    }

    /// Those that show how far learning is.
    pub(super) fn validation(recipe: &Recipe) -> Result<Self> {
        // Beside those that are learned from and those that are held out.
        let first = HELD_OUT_TRIPLETS / 2;
        Self::observed(recipe.seed, first, recipe.validation, recipe.image)
    }

    pub(super) fn count(&self) -> usize {
        self.right.len()
    }
}

/// The largest numbers that a run keeps in memory.
pub(super) fn check_memory(plan: &Plan, recipe: &Recipe) -> Result<()> {
    let bytes = recipe.pictures as u128 * (3 * plan.image.pow(2) + 4 * plan.outputs) as u128
        + recipe.observer as u128 * 9 * plan.image.pow(2) as u128;
    if bytes > 8 << 30 {
        return Err(Error::Refused(
            "pictures, observer, image: expected at most 8 GiB of pictures and targets".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_keep_angles() {
        let mut random = Stream::new(4, Purpose::Initialisation, 0);
        let embeddings: Vec<Vec<f64>> =
            (0..40).map(|_| (0..30).map(|_| random.normal() + 3.0).collect()).collect();
        let found = targets(embeddings.clone(), 2000, 1);
        let cosine = |a: &[f64], b: &[f64]| {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let mean: Vec<f64> =
            (0..30).map(|i| embeddings.iter().map(|e| e[i]).sum::<f64>() / 40.0).collect();
        let centred = |at: usize| -> Vec<f64> {
            embeddings[at].iter().zip(&mean).map(|(x, m)| x - m).collect()
        };
        let double = |at: usize| -> Vec<f64> { found[at].iter().map(|&x| f64::from(x)).collect() };
        for at in 1..40 {
            let expected = cosine(&centred(0), &centred(at));
            let found = cosine(&double(0), &double(at));
            assert!((expected - found).abs() < 0.1, "{expected} {found}");
        }
    }

    #[test]
    fn triplets_are_planes_and_apart_from_validation() {
        let recipe = Recipe { observer: 5, validation: 5, ..Recipe::default() };
        let learned = Triplets::learned(&recipe, &[]).unwrap();
        let other = Triplets::validation(&recipe).unwrap();
        assert_eq!((learned.count(), other.count()), (5, 5));
        assert!(learned.pictures.iter().flatten().all(|p| p.len() == 3 * 32 * 32));
        assert!(learned.pictures.iter().all(|p| !other.pictures.contains(p)));
    }
}
