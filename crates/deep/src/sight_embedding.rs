//! The vector of a whole picture, for search and clusters: what our own network sees, averaged over fields.
//!
//! The picture comes to 96 × 96 pixels. At every tap l the activations of a position are divided by their
//! length, as in the metric; with its channel weights w and the fields F of a 4 × 4 grid
//!
//! f = (√w_lc · ¼ · mean_F û_lc) for all l, c and F, and e = P (f − m), divided by its length,
//!
//! where m is the mean of f over pictures and the rows of P are its principal components there, the q-th divided
//! by s_q + s_1/50 with s the singular values: what all pictures have in common counts for little.
//!
//! Source: ours; whitening as in Jégou and Chum 2012. P and m are learned by `lookalike train sight
//! --projection` from the pictures that the network learned from, and are in the program in half precision.
//!
//! Limits: the aspect of pictures is lost; the network learned from damaged pictures, not from what they show.

use lookalike_core::Picture;
use lookalike_nn::{Planes, Trunk};
use lookalike_weights::{Specification, read_bytes};
use rayon::prelude::*;

use crate::lipsim::Input;
use crate::lpips::{Net, Version};
use crate::pooled::{pool, roots};
use crate::{Error, Result, sight};

/// Written by `lookalike train sight --projection`.
const PROJECTION: &[u8] = include_bytes!("../weights/sight-embedding.safetensors");
/// Numbers of a vector.
const DIMENSIONS: usize = 128;
/// Pixels of the pictures that the network sees, on each side.
const SIDE: usize = 96;
/// Fields along a side.
const GRID: usize = 4;

/// What our own network sees of pictures, field by field.
#[derive(Debug)]
pub struct SightFields {
    trunk: Trunk,
    /// √w of the channels of every tap.
    roots: Vec<Vec<f64>>,
    weights: String,
}

/// Makes vectors of pictures, with the weights of the program.
#[derive(Debug)]
pub struct SightEmbedder {
    fields: SightFields,
    mean: Vec<f32>,
    /// Dimensions × fields.
    projection: Vec<f32>,
    weights: String,
}

impl SightFields {
    /// With the weights of the program.
    ///
    /// # Errors
    /// Never in a complete build; those of reading weights are passed on.
    pub fn new() -> Result<Self> {
        let (trunk, head, weights) = sight::parts_built_in()?;
        Ok(Self { trunk, roots: roots(head.of_taps(Net::Sight)), weights })
    }

    /// Name and hash of the weights.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Numbers of a picture.
    pub fn count(&self) -> usize {
        GRID * GRID * self.roots.iter().map(Vec::len).sum::<usize>()
    }

    /// The f of pictures of any size. A picture has the same bits alone and among others.
    ///
    /// # Errors
    /// Those of the network are passed on.
    pub fn of(&self, pictures: &[&Picture]) -> Result<Vec<Vec<f32>>> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let planes = pictures.par_iter().map(|picture| Input::Linear.planes(picture, SIDE));
        let planes: Vec<Vec<f64>> = planes.collect::<Result<_>>()?;
        let mut data = Vec::with_capacity(planes.len() * 3 * SIDE * SIDE);
        for planes in &planes {
            Version::V0_1.scaling().apply(planes, &mut data)?;
        }
        let planes = Planes::new([pictures.len(), 3, SIDE, SIDE], data)?;
        let mut vectors = vec![Vec::with_capacity(self.count()); pictures.len()];
        self.trunk.visit(&planes, |tap, blocks| {
            vectors.par_iter_mut().enumerate().for_each(|(index, vector)| {
                if let (Some(picture), Some(roots)) = (blocks.picture(index), self.roots.get(tap)) {
                    pool(&picture, roots, GRID, vector);
                }
            });
        })?;
        let single = |vector: Vec<f64>| vector.into_iter().map(|x| (x / GRID as f64) as f32);
        Ok(vectors.into_iter().map(|vector| single(vector).collect()).collect())
    }
}

impl SightEmbedder {
    /// With the weights of the program.
    ///
    /// # Errors
    /// Never in a complete build; those of reading weights are passed on.
    pub fn new() -> Result<Self> {
        let fields = SightFields::new()?;
        let refused = |error: lookalike_weights::Error| Error::Weights(error.to_string());
        let file = read_bytes(PROJECTION.to_vec(), "the projection of sight").map_err(refused)?;
        let weights = format!("{} projection:{}", fields.weights(), file.sha256());
        let count = fields.count();
        let shapes: [(&str, &[usize]); 2] =
            [("mean", &[count]), ("projection", &[DIMENSIONS, count])];
        let numbers = file.into_weights(&Specification::new("projection", shapes));
        let numbers = numbers.map_err(refused)?;
        let mean = numbers.f32("mean", &[count]).map_err(refused)?;
        let projection = numbers.f32("projection", &[DIMENSIONS, count]).map_err(refused)?;
        Ok(Self { fields, mean, projection, weights })
    }

    /// Names and hashes of the weights.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Numbers of a vector.
    pub fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    /// The vectors of pictures of any size, of length one. A picture has the same bits alone and among
    /// others.
    ///
    /// # Errors
    /// Those of the network are passed on.
    pub fn embed(&self, pictures: &[&Picture]) -> Result<Vec<Vec<f32>>> {
        let fields = self.fields.of(pictures)?;
        let processor = lookalike_kernels::Processor::best();
        let of_one = |fields: &Vec<f32>| {
            let apart: Vec<f32> = fields.iter().zip(&self.mean).map(|(f, m)| f - m).collect();
            let rows = self.projection.chunks_exact(self.mean.len().max(1));
            let vector = rows.map(|row| lookalike_kernels::dot(processor, row, &apart));
            let mut vector: Vec<f32> = vector
                .collect::<lookalike_kernels::Result<_>>()
                .map_err(lookalike_nn::Error::from)?;
            let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            if length > 0.0 {
                vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
            }
            Ok(vector)
        };
        fields.par_iter().map(of_one).collect()
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::procedural::scene;

    use super::*;

    #[test]
    fn vectors_have_length_one_and_the_same_bits_in_any_company() {
        let embedder = SightEmbedder::new().unwrap();
        let pictures = [scene(1, 200, 160), scene(2, 90, 128), scene(3, 128, 128)];
        let all: Vec<&Picture> = pictures.iter().collect();
        let together = embedder.embed(&all).unwrap();
        for (picture, vector) in all.iter().zip(&together) {
            assert_eq!(vector.len(), embedder.dimensions());
            let length: f32 = vector.iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-5);
            assert_eq!(&embedder.embed(&[picture]).unwrap()[0], vector);
        }
        assert!(PROJECTION.len() <= 2 << 20, "{} bytes", PROJECTION.len());
        assert!(embedder.embed(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_damaged_picture_is_nearer_than_another() {
        use lookalike_core::procedural::Distortion;
        let embedder = SightEmbedder::new().unwrap();
        let picture = scene(4, 160, 160);
        let damaged = Distortion::Noise.apply(&picture, 0.2, 1).unwrap();
        let other = scene(5, 160, 160);
        let vectors = embedder.embed(&[&picture, &damaged, &other]).unwrap();
        let product = |a: usize, b: usize| -> f32 {
            vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum()
        };
        assert!(product(0, 1) > product(0, 2), "{} {}", product(0, 1), product(0, 2));
    }
}
