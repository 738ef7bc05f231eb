//! What a network is shown and what it is to give, whatever the task.

use super::crops::Crops;
use super::model::Model;
use super::pictures::Pictures;
use super::recipe::{Recipe, Task};
use crate::Result;
use crate::random::{Purpose, Stream};
use crate::sight::Role;

/// Pictures to learn from and to be held against.
pub(super) enum Examples {
    /// Input and target are one picture.
    Same(Pictures),
    /// Blurred and sharp crops.
    Sharper(Crops),
}

impl Examples {
    pub(super) fn read(recipe: &Recipe, model: &Model) -> Result<Self> {
        Ok(match recipe.task {
            Task::SuperResolution => {
                let sides = [recipe.side, model.output()[1], recipe.factor];
                Self::Sharper(Crops::read(&recipe.data, sides, recipe.grey)?)
            }
            _ => {
                Self::Same(Pictures::read(&recipe.data, recipe.side, recipe.grey, recipe.held_out)?)
            }
        })
    }

    pub(super) fn sha256(&self) -> &str {
        match self {
            Self::Same(pictures) => &pictures.sha256,
            Self::Sharper(crops) => &crops.sha256,
        }
    }

    pub(super) fn places(&self, role: Role) -> Vec<usize> {
        match self {
            Self::Same(pictures) => pictures.places(role),
            Self::Sharper(crops) => crops.places(role),
        }
    }

    /// Inputs and targets of a step.
    pub(super) fn learned(&self, places: &[usize], recipe: &Recipe, step: u64) -> [Vec<f32>; 2] {
        let mut random = Stream::new(recipe.seed, Purpose::Augmentation, step);
        match self {
            Self::Same(pictures) => {
                let mut samples = Vec::new();
                for &place in places {
                    let mirrored = recipe.mirror && random.unit() < 0.5;
                    pictures.append(place, mirrored, &mut samples);
                }
                [samples.clone(), samples]
            }
            Self::Sharper(crops) => crops.batch(places, recipe.mirror.then_some(&mut random)),
        }
    }

    /// Inputs and targets as they are.
    pub(super) fn plain(&self, places: &[usize]) -> [Vec<f32>; 2] {
        match self {
            Self::Same(pictures) => {
                let samples = pictures.batch(places);
                [samples.clone(), samples]
            }
            Self::Sharper(crops) => crops.batch(places, None),
        }
    }
}
