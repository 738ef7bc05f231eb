//! All choices of a run, as a file that can be run again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bank::Group;
use super::objective::Objective;
use super::teachers::Teacher;
use crate::files::sha256;
use crate::{Error, Result, recipe_file};

/// The choices of a run of `train sight`. Fields that are absent from a file have default values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The version of this layout.
    pub schema: String,
    /// `sight`.
    pub task: String,
    /// Folders with pictures.
    pub data: Vec<PathBuf>,
    /// The seed of everything random.
    pub seed: u64,
    /// References with four damaged pictures each that are learned from.
    pub examples: usize,
    /// The same of other pictures, to see how far learning is.
    pub validation: usize,
    /// The share of references that are scenes made by arithmetic.
    pub scenes: f64,
    /// Groups of distortions that nothing is learned from.
    pub without: Vec<Group>,
    /// Steps of Adam.
    pub steps: u64,
    /// Examples per step.
    pub batch: usize,
    /// The rate at the start; it falls to a hundredth along half a cosine.
    pub rate: f64,
    /// How much the distances themselves count beside their order.
    pub regression: f64,
    /// How sharply differences of logarithms of distances become shares.
    pub sharpness: f64,
    /// How much severity counts beside the teachers, where it alone differs.
    pub order: f64,
    /// Whether pictures are turned and mirrored.
    pub augmentation: bool,
    /// Whose opinions are learned; the first gives the scale.
    pub teachers: Vec<Teacher>,
}

impl Default for Recipe {
    fn default() -> Self {
        let teacher = |id: &str, weight| Teacher { id: id.to_owned(), weight };
        Self {
            schema: recipe_file::SCHEMA.to_owned(),
            task: "sight".to_owned(),
            data: Vec::new(),
            seed: 1,
            examples: 12_000,
            validation: 400,
            scenes: 0.15,
            without: Vec::new(),
            steps: 4_000,
            batch: 16,
            rate: 1e-3,
            regression: 0.5,
            sharpness: 5.0,
            order: 0.5,
            augmentation: true,
            teachers: vec![
                teacher("lpips:alex@0.1", 0.45),
                teacher("ssimulacra2", 0.25),
                teacher("haarpsi", 0.15),
                teacher("mdsi", 0.15),
            ],
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
        recipe_file::check(path, "sight", &recipe.schema, &recipe.task)?;
        Ok(recipe)
    }

    /// The recipe as a file.
    ///
    /// # Errors
    /// [`Error::Refused`] for a path that is no text.
    pub fn to_toml(&self) -> Result<String> {
        recipe_file::to_toml(self, "sight")
    }

    /// Checks the choices.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was expected.
    pub fn check(&self) -> Result<()> {
        let refused = |reason: &str| Err(Error::Refused(reason.to_owned()));
        if self.data.is_empty() {
            return refused("data: expected a folder with pictures, found none");
        }
        if self.batch == 0 || self.steps == 0 || self.examples < self.batch {
            return refused("batch, steps, examples: expected at least 1, and a batch of examples");
        }
        if !(0.0..=1.0).contains(&self.scenes) || !(0.0..=1.0).contains(&self.order) {
            return refused("scenes and order: expected shares from 0 to 1");
        }
        let positive = |number: f64| number.is_finite() && number > 0.0;
        if !positive(self.rate) || !positive(self.sharpness) || !positive(self.regression) {
            return refused("rate, sharpness, regression: expected numbers above 0");
        }
        let weights = || self.teachers.iter().map(|teacher| teacher.weight);
        if weights().any(|weight| !(weight.is_finite() && weight >= 0.0))
            || !positive(weights().sum())
        {
            return refused("teachers: expected weights from 0 on, one of them above");
        }
        Ok(())
    }

    pub(crate) fn objective(&self) -> Objective {
        let Self { regression, sharpness, order, .. } = *self;
        Objective { regression, sharpness, order }
    }

    /// The hash of all that changes the result but lies not in the pictures themselves; `more` are the
    /// names and hashes of the teachers.
    pub(crate) fn sha256(&self, more: &[String]) -> String {
        let choices = Self { data: Vec::new(), ..self.clone() };
        let text = serde_json::to_string(&choices).unwrap_or_default();
        sha256(format!("{text}\n{}", more.join("\n")).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_wrong_choices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        let recipe = Recipe {
            data: vec!["a \"b\"".into(), "c".into()],
            without: vec![Group::Noise],
            ..Recipe::default()
        };
        std::fs::write(&path, recipe.to_toml().unwrap()).unwrap();
        assert_eq!(Recipe::read(&path).unwrap(), recipe);
        recipe.check().unwrap();
        std::fs::write(&path, "task = 'lpips'").unwrap();
        assert!(Recipe::read(&path).unwrap_err().to_string().contains("sight"));
        let with = |weight| vec![Teacher { id: "ssim".to_owned(), weight }];
        for wrong in [
            Recipe { data: Vec::new(), ..recipe.clone() },
            Recipe { batch: 0, ..recipe.clone() },
            Recipe { rate: f64::NAN, ..recipe.clone() },
            Recipe { teachers: with(0.0), ..recipe.clone() },
            Recipe { teachers: with(-1.0), ..recipe.clone() },
            Recipe { scenes: 2.0, ..recipe },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
