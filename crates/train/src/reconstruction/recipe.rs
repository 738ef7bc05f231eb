//! All choices of a run, as a file that can be run again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::model::Plan;
use super::presets::Preset;
use crate::files::sha256;
use crate::{Error, Result, recipe_file};

/// What a network learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// To draw a picture again from a short code.
    Autoencoder,
    /// The same from a distribution of codes.
    Vae,
    /// To draw a larger picture.
    SuperResolution,
}

impl Task {
    /// As the command line has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autoencoder => "autoencoder",
            Self::Vae => "vae",
            Self::SuperResolution => "super-resolution",
        }
    }
}

/// The choices of a run of `train autoencoder`, `train vae` or `train super-resolution`. Fields that are absent from
/// a file have the default values of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The version of this layout.
    pub schema: String,
    /// What is learned.
    pub task: Task,
    /// Folders with pictures, and binary files of CIFAR or STL-10.
    pub data: Vec<PathBuf>,
    /// The seed of everything random.
    pub seed: u64,
    /// The network's name.
    pub network: String,
    /// Height and width of the pictures, or of the crops that super-resolution learns from.
    pub side: usize,
    /// Whether pictures become their luma.
    pub grey: bool,
    /// Numbers of the code.
    pub code: usize,
    /// By how much pictures are enlarged.
    pub factor: usize,
    /// Whether a sharpening network learns what to add to its input.
    pub residual: bool,
    /// What output and target are held against each other by: `ms-ssim@small`, `0.84*ms-ssim@small,0.16*l1`.
    pub loss: String,
    /// C, what the loss counts beside the rate of a stochastic code; by the loss where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Pictures per step.
    pub batch: usize,
    /// Times that all pictures are seen, at most.
    pub epochs: u64,
    /// Steps, in place of epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// The rate of Adam.
    pub rate: f64,
    /// Steps over which the rate rises from nothing: a metric's gradient is steep where nothing is drawn yet, and
    /// units that die in the first steps stay dead.
    pub warm_up: u64,
    /// How much of the first and second moment Adam keeps.
    pub betas: [f64; 2],
    /// Epochs without a better held-out loss after which the rate is halved; 0 for never.
    pub plateau: u64,
    /// Epochs without a better held-out loss after which the run ends; 0 for never.
    pub patience: u64,
    /// How much the running mean of the parameters, which is what ships, keeps at every step; 0 for none.
    pub average: f64,
    /// Whether pictures are mirrored at random.
    pub mirror: bool,
    /// The share of the pictures that is held out, and that of those that validate, where no folder says which.
    pub held_out: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            schema: recipe_file::SCHEMA.to_owned(),
            task: Task::Autoencoder,
            data: Vec::new(),
            seed: 1,
            network: "conv-small".to_owned(),
            side: 64,
            grey: false,
            code: 128,
            factor: 1,
            residual: false,
            loss: "ms-ssim@small".to_owned(),
            weight: None,
            batch: 64,
            epochs: 100,
            steps: None,
            rate: 1e-3,
            warm_up: 50,
            betas: [0.9, 0.999],
            plateau: 5,
            patience: 10,
            average: 0.99,
            mirror: true,
            held_out: 0.125,
        }
    }
}

impl Recipe {
    /// The defaults of a task.
    pub fn of(task: Task) -> Self {
        match task {
            Task::Autoencoder => Self::default(),
            Task::Vae => Self { task, code: 64, ..Self::default() },
            // Crops of 64 leave 52 behind the network, room for two scales of MS-SSIM.
            Task::SuperResolution => Self {
                task,
                network: "srcnn-915".to_owned(),
                grey: true,
                code: 0,
                factor: 3,
                loss: "mse".to_owned(),
                batch: 16,
                ..Self::default()
            },
        }
    }

    /// Reads a file of a task.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Unsuitable`] with what does not belong there.
    pub fn read(path: &Path, task: Task) -> Result<Self> {
        let recipe: Self = recipe_file::read(path)?;
        recipe_file::check(path, task.as_str(), &recipe.schema, recipe.task.as_str())?;
        Ok(recipe)
    }

    /// The recipe as a file.
    ///
    /// # Errors
    /// [`Error::Refused`] for a path that is no text.
    pub fn to_toml(&self) -> Result<String> {
        recipe_file::to_toml(self, self.task.as_str())
    }

    /// The model that is learned.
    ///
    /// # Errors
    /// [`Error::Refused`] for networks that do not fit the task.
    pub fn plan(&self) -> Result<Plan> {
        let preset = Preset::named(&self.network)?;
        if preset.is_super_resolution() != (self.task == Task::SuperResolution) {
            return Err(Error::Refused(format!(
                "network {} is not for {}",
                self.network,
                self.task.as_str()
            )));
        }
        if preset == Preset::Bench && self.task == Task::Vae {
            return Err(Error::Refused(
                "network bench has no code that could be a distribution".to_owned(),
            ));
        }
        let codeless = preset.is_super_resolution() || preset == Preset::Bench;
        Ok(Plan {
            network: self.network.clone(),
            side: self.side,
            channels: if self.grey { 1 } else { 3 },
            code: if codeless { 0 } else { self.code },
            stochastic: self.task == Task::Vae,
            factor: self.factor,
            residual: self.residual,
        })
    }

    /// C of a stochastic code: what was given, or what makes up for the scale of the first term, so that the rates
    /// of different losses are near each other: 50·n for squared errors, 20·n for absolute ones, n/3 for others, with
    /// n samples a picture.
    pub fn weight(&self) -> f64 {
        let samples = (if self.grey { 1 } else { 3 } * self.side * self.side) as f64;
        self.weight.unwrap_or_else(|| match self.loss.split(',').next().unwrap_or_default() {
            "mse" => 50.0 * samples,
            "l1" | "charbonnier" => 20.0 * samples,
            _ => samples / 3.0,
        })
    }

    /// Steps on so many pictures.
    pub(crate) fn steps_of(&self, learned: usize) -> u64 {
        let per_epoch = (learned / self.batch.max(1)).max(1) as u64;
        self.steps.unwrap_or(self.epochs * per_epoch)
    }

    /// Checks the choices.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was expected.
    pub fn check(&self) -> Result<()> {
        let refused = |reason: &str| Err(Error::Refused(reason.to_owned()));
        let plan = self.plan()?;
        if self.batch == 0 || self.epochs == 0 || self.steps == Some(0) {
            return refused("batch, epochs, steps: expected at least 1");
        }
        if !(1..=4096).contains(&self.side) {
            return refused("side: expected 1 to 4096");
        }
        if self.task != Task::SuperResolution && plan.network != "bench" && self.code == 0 {
            return refused("code: expected at least 1");
        }
        if self.code > 1 << 20 {
            return refused("code: expected at most 1048576");
        }
        match self.task {
            Task::SuperResolution if !(2..=8).contains(&self.factor) => {
                return refused("factor: expected 2 to 8");
            }
            Task::Autoencoder | Task::Vae if self.factor != 1 || self.residual => {
                return refused("factor, residual: expected 1 and false but for super-resolution");
            }
            _ => {}
        }
        let share = |number: f64| (0.0..1.0).contains(&number);
        if !self.betas.into_iter().all(share) || !share(self.average) || !share(self.held_out * 2.0)
        {
            return refused(
                "betas, average: expected shares from 0 to below 1; held_out below 0.5",
            );
        }
        let above = |number: f64| number.is_finite() && number > 0.0;
        if !above(self.rate) || self.weight.is_some_and(|weight| !above(weight)) {
            return refused("rate, weight: expected numbers above 0");
        }
        Ok(())
    }

    /// The hash of all that changes the result but lies not in the data themselves.
    pub(crate) fn sha256(&self) -> String {
        let choices = Self { data: Vec::new(), ..self.clone() };
        sha256(serde_json::to_string(&choices).unwrap_or_default().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_wrong_choices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        for task in [Task::Autoencoder, Task::Vae, Task::SuperResolution] {
            let recipe = Recipe { data: vec!["a".into()], ..Recipe::of(task) };
            recipe.check().unwrap();
            std::fs::write(&path, recipe.to_toml().unwrap()).unwrap();
            assert_eq!(Recipe::read(&path, task).unwrap(), recipe);
        }
        assert!(Recipe::read(&path, Task::Vae).is_err());
        let good = Recipe::of(Task::Vae);
        for wrong in [
            Recipe { network: "x".to_owned(), ..good.clone() },
            Recipe { network: "srcnn-915".to_owned(), ..good.clone() },
            Recipe { network: "bench".to_owned(), ..good.clone() },
            Recipe { batch: 0, ..good.clone() },
            Recipe { code: 0, ..good.clone() },
            Recipe { factor: 2, ..good.clone() },
            Recipe { weight: Some(-1.0), ..good.clone() },
            Recipe { rate: f64::NAN, ..good.clone() },
            Recipe { held_out: 0.5, ..good },
            Recipe { factor: 1, ..Recipe::of(Task::SuperResolution) },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_weight_of_a_loss_makes_up_for_its_scale() {
        let of = |loss: &str| Recipe { loss: loss.to_owned(), side: 10, ..Recipe::of(Task::Vae) };
        assert_eq!(of("mse").weight(), 15_000.0);
        assert_eq!(of("l1").weight(), 6_000.0);
        assert_eq!(of("ms-ssim@small").weight(), 100.0);
        assert_eq!(Recipe { weight: Some(7.0), ..of("mse") }.weight(), 7.0);
    }
}
