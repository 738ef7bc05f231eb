//! All choices of a run, as a file that can be run again.

use std::path::{Path, PathBuf};

use lookalike_deep::lipsim::{Head, Plan};
use serde::{Deserialize, Serialize};

use super::objective::{Distillation, Hinge};
use crate::files::sha256;
use crate::{Error, Result, recipe_file};

/// The choices of a run of `train lipsim`. Fields that are absent from a file have default values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The version of this layout.
    pub schema: String,
    /// `lipsim`.
    pub task: String,
    /// Folders with pictures, for distillation; without any, the observer's pictures.
    pub data: Vec<PathBuf>,
    /// Judgements of triplets, beside the observer's.
    pub triplets: Vec<PathBuf>,
    /// The seed of everything random.
    pub seed: u64,
    /// Height and width of the network's input.
    pub image: usize,
    /// What the network consists of.
    pub stages: String,
    /// Coordinates of the embedding; all that the last layer has unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<usize>,
    /// The metric whose embeddings are distilled.
    pub teacher: String,
    /// The side of the pictures that the teacher sees.
    pub teacher_side: usize,
    /// Pictures that are distilled from.
    pub pictures: usize,
    /// How the student is held against the teacher.
    pub distillation: Distillation,
    /// Steps of distillation.
    pub distillation_steps: u64,
    /// The synthetic observer's triplets that are learned from.
    pub observer: usize,
    /// The same that are not, to see how far learning is.
    pub validation: usize,
    /// What of a triplet is to exceed the margin.
    pub hinge: Hinge,
    /// The margin: for plane and bisector a radius over samples in 0…1.
    pub margin: f64,
    /// Steps on triplets.
    pub triplet_steps: u64,
    /// Pictures or triplets per step.
    pub batch: usize,
    /// The largest rate of each stage, which rises from nothing and falls to nothing along half a cosine.
    pub rate: f64,
    /// How much of the first and second moment Adam keeps.
    pub betas: [f64; 2],
    /// How much the running mean of the parameters, which is what ships, keeps at every step.
    pub average: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            schema: recipe_file::SCHEMA.to_owned(),
            task: "lipsim".to_owned(),
            data: Vec::new(),
            triplets: Vec::new(),
            seed: 1,
            image: 32,
            stages:
                "depth 2, channels 24, convolution 16, convolution 16, depth 2, convolution 32, \
                     convolution 32, window 2, dense 64, dense 64"
                    .to_owned(),
            outputs: None,
            teacher: "sight".to_owned(),
            teacher_side: 64,
            pictures: 4_000,
            distillation: Distillation::Direction,
            distillation_steps: 400,
            observer: 8_000,
            validation: 400,
            hinge: Hinge::Plane,
            margin: 0.8,
            triplet_steps: 900,
            batch: 64,
            rate: 0.01,
            betas: [0.9, 0.999],
            average: 0.99,
        }
    }
}

impl Recipe {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Unsuitable`] with what does not belong there.
    pub fn read(path: &Path) -> Result<Self> {
        let recipe: Self = recipe_file::read(path)?;
        recipe_file::check(path, "lipsim", &recipe.schema, &recipe.task)?;
        Ok(recipe)
    }

    /// The recipe as a file.
    ///
    /// # Errors
    /// [`Error::Refused`] for a path that is no text.
    pub fn to_toml(&self) -> Result<String> {
        recipe_file::to_toml(self, "lipsim")
    }

    /// Steps of both stages.
    pub fn steps(&self) -> u64 {
        self.distillation_steps + self.triplet_steps
    }

    /// What the network consists of.
    ///
    /// # Errors
    /// [`Error::Deep`] for stages that do not fit each other.
    pub fn plan(&self) -> Result<Plan> {
        Ok(Plan::parse(self.image, self.outputs, &self.stages)?)
    }

    /// The head that the result is for.
    pub fn head(&self) -> Head {
        if self.hinge == Hinge::Bisector { Head::Euclidean } else { Head::Cosine }
    }

    /// Checks the choices.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was expected.
    pub fn check(&self) -> Result<()> {
        let refused = |reason: &str| Err(Error::Refused(reason.to_owned()));
        self.plan()?;
        if self.batch == 0 || self.steps() == 0 {
            return refused("batch and steps: expected at least 1");
        }
        if self.distillation_steps > 0 && (self.pictures < self.batch || self.teacher_side == 0) {
            return refused(
                "pictures, teacher_side: expected a batch of pictures of at least one pixel",
            );
        }
        if self.triplet_steps > 0 && self.triplets.is_empty() && self.observer < self.batch {
            return refused("observer: expected a batch of triplets, or judgements of triplets");
        }
        let share = |number: f64| (0.0..1.0).contains(&number);
        if !self.betas.into_iter().all(share) || !share(self.average) {
            return refused("betas, average: expected shares from 0 to below 1");
        }
        if ![self.rate, self.margin].into_iter().all(|n| n.is_finite() && n > 0.0) {
            return refused("rate, margin: expected numbers above 0");
        }
        Ok(())
    }

    /// The hash of all that changes the result but lies not in the data themselves; `teacher` is what the
    /// teacher is known by.
    pub(crate) fn sha256(&self, teacher: &str) -> String {
        let choices = Self { data: Vec::new(), triplets: Vec::new(), ..self.clone() };
        let text = serde_json::to_string(&choices).unwrap_or_default();
        sha256(format!("{text}\n{teacher}").as_bytes())
    }

    /// The rate of a step, counted from 1: each stage rises over its first twentieth and falls along half a cosine.
    pub fn rate_of(&self, step: u64) -> f64 {
        let (at, of) = match step.checked_sub(self.distillation_steps) {
            Some(at) if at > 0 => (at, self.triplet_steps),
            _ => (step, self.distillation_steps),
        };
        let done = at as f64 / of.max(1) as f64;
        let rising = (20.0 * done).min(1.0);
        self.rate * rising * (0.01 + 0.495 * (1.0 + (std::f64::consts::PI * done).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_wrong_choices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        let recipe = Recipe { data: vec!["a".into()], hinge: Hinge::Margin, ..Recipe::default() };
        std::fs::write(&path, recipe.to_toml().unwrap()).unwrap();
        assert_eq!(Recipe::read(&path).unwrap(), recipe);
        recipe.check().unwrap();
        std::fs::write(&path, "task = 'sight'").unwrap();
        assert!(Recipe::read(&path).unwrap_err().to_string().contains("lipsim"));
        for wrong in [
            Recipe { stages: "depth 5".to_owned(), ..recipe.clone() },
            Recipe { batch: 0, ..recipe.clone() },
            Recipe { pictures: 3, ..recipe.clone() },
            Recipe { observer: 3, ..recipe.clone() },
            Recipe { average: 1.0, ..recipe.clone() },
            Recipe { margin: 0.0, ..recipe.clone() },
            Recipe { rate: f64::NAN, ..recipe },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rates_rise_and_fall_in_both_stages() {
        let recipe = Recipe { rate: 1.0, ..Recipe::default() };
        let at = |step| recipe.rate_of(step);
        assert!(at(1) < 0.06 && at(20) > 0.98 && (at(400) - 0.01).abs() < 1e-9);
        assert!(at(401) < 0.03 && at(445) > 0.98 && (at(1300) - 0.01).abs() < 1e-9);
        let alone = Recipe { distillation_steps: 0, ..recipe };
        assert!(alone.rate_of(1) > 0.0 && alone.rate_of(450) < 0.6);
    }
}
