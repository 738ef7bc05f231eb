//! Whole pictures, small and large again by super-resolution, beside what bicubic enlargement alone gives.
//!
//! As super-resolution papers do it: a picture is cut to a whole multiple of the factor, made smaller by MATLAB's
//! bicubic kernel and rounded to 8 bits, enlarged by the same kernel; the network sees its luma (BT.601), with the
//! outermost samples repeated beyond the border for as far as the filters reach. What the network changes of the luma
//! is added to red, green and blue, which leaves the chroma of the enlarged picture as it is.

use std::path::Path;

use lookalike_core::Picture;
use lookalike_core::decode::{DecodeOptions, decode};
use rayon::prelude::*;

use super::crops::Degraded;
use super::model::Model;
use super::pictures::{eight_bits, picture_of, planes};
use super::recipe::Recipe;
use crate::files::failed;
use crate::sight::{Role, Sources};
use crate::{Error, Result};

/// Weights of red, green and blue in luma.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// A held-out picture, and it enlarged.
pub struct Enlarged {
    /// Below the folder of data.
    pub name: String,
    /// Cut to whole multiples of the factor.
    pub original: Picture,
    /// By the bicubic kernel alone.
    pub bicubic: Picture,
    size: [usize; 2],
    planes: Vec<f32>,
}

/// The held-out pictures of a recipe, enlarged without a network.
///
/// # Errors
/// Those of [`Sources::find`]; [`Error::Picture`]; [`Error::Refused`] where none is held out.
pub fn enlarged(recipe: &Recipe) -> Result<Vec<Enlarged>> {
    let sources = Sources::find(&recipe.data)?;
    let held_out: Vec<_> = sources.of(Role::HeldOut).collect();
    let found: Vec<Option<Enlarged>> = held_out
        .par_iter()
        .map(|source| {
            let path = source.path();
            let bytes = std::fs::read(path).map_err(failed(path, "read"))?;
            let picture = eight_bits(decode(&bytes, &source.name, &DecodeOptions::default())?)?;
            let size = [picture.height(), picture.width()];
            let Some(found) = Degraded::of(&planes(&picture, false), size, recipe.factor) else {
                return Ok(None);
            };
            Ok(Some(Enlarged {
                name: source.name.clone(),
                original: picture_of(3, found.size, &found.sharp)?,
                bicubic: picture_of(3, found.size, &found.blurred)?,
                size: found.size,
                planes: found.blurred,
            }))
        })
        .collect::<Result<_>>()?;
    let found: Vec<Enlarged> = found.into_iter().flatten().collect();
    if found.is_empty() {
        return Err(Error::Refused(
            "expected pictures that are held out: a folder named test beside one named train"
                .to_owned(),
        ));
    }
    Ok(found)
}

/// What a model makes of an enlarged picture.
///
/// # Errors
/// Those of [`Model::read`] and of the network; [`Error::Refused`] for a model that does not sharpen.
pub fn sharpened(model: &Path, pictures: &[Enlarged]) -> Result<Vec<Picture>> {
    let (model, parameters) = Model::read(model)?;
    if model.plan.factor < 2 {
        return Err(Error::Refused("expected a model of train super-resolution".to_owned()));
    }
    pictures.iter().map(|picture| sharpen(&model, &parameters, picture)).collect()
}

fn sharpen(model: &Model, parameters: &[f32], picture: &Enlarged) -> Result<Picture> {
    let [height, width] = picture.size;
    let area = height * width;
    let reach = (model.plan.side - model.output()[1]) / 2;
    let planes: Vec<&[f32]> = picture.planes.chunks(area).collect();
    let seen: Vec<Vec<f32>> = if model.plan.channels == 1 {
        let luma = |at: usize| LUMA.iter().zip(&planes).map(|(by, plane)| by * plane[at]).sum();
        vec![(0..area).map(luma).collect()]
    } else {
        planes.iter().map(|plane| plane.to_vec()).collect()
    };
    let [rows, columns] = [height + 2 * reach, width + 2 * reach];
    let mut padded = Vec::with_capacity(seen.len() * rows * columns);
    for plane in &seen {
        for row in 0..rows {
            let y = row.saturating_sub(reach).min(height - 1);
            let at = |column: usize| y * width + column.saturating_sub(reach).min(width - 1);
            padded.extend((0..columns).map(|column| plane[at(column)]));
        }
    }
    let (drawn, _) = model.at([rows, columns])?.draw(parameters, &padded)?;
    let mut found = picture.planes.clone();
    for (channel, plane) in found.chunks_mut(area).enumerate() {
        let own = channel % seen.len();
        let changed = drawn[own * area..].iter().zip(&seen[own]);
        plane.iter_mut().zip(changed).for_each(|(to, (drawn, seen))| *to += drawn - seen);
    }
    picture_of(3, picture.size, &found)
}

#[cfg(test)]
mod tests {
    use lookalike_core::encode::png;
    use lookalike_core::procedural::scene;

    use super::*;
    use crate::reconstruction::{Plan, Task};

    #[test]
    fn a_network_that_gives_its_input_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (name, seed) in [("train/a", 1), ("test/b", 2)] {
            let path = folder.path().join(format!("{name}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, png(&scene(seed, 41, 50)).unwrap()).unwrap();
        }
        let mut recipe =
            Recipe { data: vec![folder.path().to_owned()], ..Recipe::of(Task::SuperResolution) };
        recipe.residual = true;
        let pictures = enlarged(&recipe).unwrap();
        assert_eq!(pictures.len(), 1);
        assert_eq!((pictures[0].original.width(), pictures[0].original.height()), (39, 48));
        let plan: Plan = recipe.plan().unwrap();
        let model = Model::new(plan).unwrap();
        // Nothing is added to the input, and the repeated border is cut off again.
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, model.file(&vec![0.0; model.count()]).unwrap()).unwrap();
        let found = sharpened(&path, &pictures).unwrap();
        assert_eq!(found[0].samples(), pictures[0].bicubic.samples());
        assert_ne!(found[0].samples(), pictures[0].original.samples());
    }
}
