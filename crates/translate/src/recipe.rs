//! All choices of `train translate`, as a file that can be run again.

use std::path::{Path, PathBuf};

use lookalike_train::{recipe_file, sha256};
use serde::{Deserialize, Serialize};

use crate::condition::{Mode, SourcePlace};
use crate::data::{Augmentation, PairOptions};
use crate::diffusion::{Betas, Prediction};
use crate::dit::{Architecture, Convention, Precision, Size};
use crate::losses::{SimilarityReference, Weighting};
use crate::process::Process;
use crate::{Error, Result};

/// The task's name in files.
const TASK: &str = "translate";

/// The choices of a run. Fields that are absent from a file have their default values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The version of this layout.
    pub schema: String,
    /// `translate`.
    pub task: String,
    /// The seed of everything random.
    pub seed: u64,
    /// The size: S, B, L, XL, or such as D96-N4.
    pub size: String,
    /// Samples of a patch, on each side.
    pub patch: usize,
    /// How the source is shown.
    pub condition: Mode,
    /// What makes vectors: `sight`, or `clip@FILE`. Needed where the condition has a vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// A folder or file with an autoencoder, in whose latents is drawn; pictures themselves without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vae: Option<PathBuf>,
    /// A published or earlier network to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<PathBuf>,
    /// What the network says.
    pub prediction: Prediction,
    /// Whether it says variances as well.
    pub learn_variance: bool,
    /// γ of min-SNR weights of a discrete process; 0 for none.
    pub min_snr: f64,
    /// Losses between the picture that the network has in mind and the target, beside that of the process:
    /// `0.1*lpips:vgg`; empty for none. Of regression, the loss itself.
    pub perceptual: String,
    /// A similarity of embeddings as a loss: `clip@FILE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<String>,
    /// What the embedding of what is drawn is held against.
    pub similarity_reference: SimilarityReference,
    /// What it counts.
    pub similarity_weight: f64,
    /// Which examples these losses are taken of.
    pub weighting: Weighting,
    /// Pairs per step.
    pub batch: usize,
    /// Batches per step.
    pub accumulate: usize,
    /// Steps.
    pub steps: u64,
    /// The rate of AdamW.
    pub rate: f64,
    /// Steps over which it rises from nothing.
    pub warm_up: u64,
    /// How much of the first and second moment is kept.
    pub betas: [f64; 2],
    /// The share of the parameters that is taken off at every step, times the rate.
    pub decay: f64,
    /// The greatest length of the derivatives; 0 for any.
    pub clip: f64,
    /// In which numbers a graphics card multiplies matrices.
    #[serde(skip_serializing_if = "Precision::is_single")]
    pub precision: Precision,
    /// How much the running mean of the parameters, which is what ships, keeps at every step; 0 for none.
    pub average: f64,
    /// Shares of the examples that are shown no source, no vector, and neither.
    pub drop: [f64; 3],
    /// How noise comes in.
    pub process: Process,
    /// What is done to pairs at random.
    pub augmentation: Augmentation,
    /// Drawn shoes and their outlines to learn from, in place of pairs of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawn: Option<usize>,
    /// Where the pairs are and how they are read.
    pub data: PairOptions,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            schema: recipe_file::SCHEMA.to_owned(),
            task: TASK.to_owned(),
            seed: 1,
            size: "D128-N6".to_owned(),
            patch: 4,
            condition: Mode::CONCAT_AND_VECTOR,
            embedder: None,
            vae: None,
            start: None,
            prediction: Prediction::Sample,
            learn_variance: false,
            min_snr: 0.0,
            perceptual: String::new(),
            similarity: None,
            similarity_reference: SimilarityReference::Target,
            similarity_weight: 0.01,
            weighting: Weighting::default(),
            batch: 48,
            accumulate: 1,
            steps: 2000,
            rate: 1e-3,
            warm_up: 100,
            betas: [0.9, 0.999],
            decay: 0.0,
            clip: 1.0,
            precision: Precision::F32,
            average: 0.999,
            drop: [0.05; 3],
            process: Process::FLOW,
            augmentation: Augmentation::default(),
            drawn: None,
            data: PairOptions::default(),
        }
    }
}

impl Recipe {
    /// A recipe of a name: `tiny` (32×32, minutes on two cores), `paper` (Zhu et al. 2025: latents, ε, a vector of
    /// CLIP, LPIPS and a similarity), `S-64` (a graphics card's work, or a night's).
    ///
    /// # Errors
    /// [`Error::Refused`] with the names there are.
    pub fn preset(name: &str) -> Result<Self> {
        let plain = Self::default();
        Ok(match name {
            "tiny" => Self {
                size: "D96-N4".to_owned(),
                condition: Mode::CONCAT,
                data: PairOptions { side: 32, ..PairOptions::default() },
                ..plain
            },
            "paper" => Self {
                size: "B".to_owned(),
                patch: 2,
                condition: Mode { source: None, vector: true },
                prediction: Prediction::Epsilon,
                perceptual: "0.1*lpips:vgg".to_owned(),
                similarity_weight: 0.1,
                weighting: Weighting::AlphaBar,
                batch: 256,
                rate: 1e-4,
                warm_up: 1000,
                average: 0.9999,
                drop: [0.0, 0.1, 0.0],
                process: Process::Discrete { betas: Betas::Linear, steps: 1000 },
                data: PairOptions { side: 256, ..PairOptions::default() },
                ..plain
            },
            "S-64" => Self {
                size: "S".to_owned(),
                perceptual: "0.1*lpips:vgg".to_owned(),
                batch: 256,
                rate: 2e-4,
                warm_up: 1000,
                average: 0.9999,
                data: PairOptions { side: 64, ..PairOptions::default() },
                ..plain
            },
            _ => {
                return Err(Error::Refused(format!(
                    "a recipe: expected a file, tiny, paper or S-64, found '{name}'"
                )));
            }
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Train`] with what does not belong there.
    pub fn read(path: &Path) -> Result<Self> {
        let recipe: Self = recipe_file::read(path)?;
        recipe_file::check(path, TASK, &recipe.schema, &recipe.task)?;
        Ok(recipe)
    }

    /// The recipe as a file.
    ///
    /// # Errors
    /// [`Error::Train`] for a path that is no text.
    pub fn to_toml(&self) -> Result<String> {
        Ok(recipe_file::to_toml(self, TASK)?)
    }

    /// The network, for vectors of so many numbers, and latents of so many channels and a side where there are.
    ///
    /// # Errors
    /// [`Error::Refused`] for sizes that there cannot be.
    pub fn architecture(&self, vector: usize, latents: Option<[usize; 2]>) -> Result<Architecture> {
        let Size { depth, width, heads } = self.size.parse()?;
        let [channels, side] = latents.unwrap_or([3, self.data.side]);
        let at =
            |place: SourcePlace| if self.condition.source == Some(place) { channels } else { 0 };
        let regression = self.process == Process::None;
        let architecture = Architecture {
            side,
            patch: self.patch,
            channels,
            outputs: if self.learn_variance { 2 * channels } else { channels },
            beside: if regression { 0 } else { at(SourcePlace::Beside) },
            sequence: if regression { 0 } else { at(SourcePlace::Sequence) },
            vector,
            classes: 0,
            width,
            depth,
            heads,
            convention: Convention::Original,
        };
        architecture.check()?;
        Ok(architecture)
    }

    /// Checks the choices.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was expected.
    pub fn check(&self) -> Result<()> {
        let refused = |reason: &str| Err(Error::Refused(reason.to_owned()));
        self.process.check()?;
        if self.batch == 0 || self.accumulate == 0 || self.steps == 0 {
            return refused("batch, accumulate, steps: expected at least 1");
        }
        if self.condition.vector != self.embedder.is_some() {
            return refused(
                "a condition with a vector needs an embedder, and one without has none: give --embedder clip@FILE (the image tower of CLIP) or sight, or --condition concat",
            );
        }
        let discrete = matches!(self.process, Process::Discrete { .. });
        if self.learn_variance && (!discrete || self.prediction != Prediction::Epsilon) {
            return refused(
                "variances are learned of a discrete process by a network that says the noise",
            );
        }
        if self.min_snr != 0.0 && !(discrete && self.min_snr > 0.0) {
            return refused("min_snr: expected a number above 0 with a discrete process, or 0");
        }
        if self.process == Process::None && (self.perceptual.is_empty() || self.vae.is_some()) {
            return refused("regression: expected losses in perceptual, such as l1, and no vae");
        }
        if self.process == Process::None && self.condition.source.is_none() {
            return refused("regression draws from the source: expected a condition that shows it");
        }
        let share = |number: f64| (0.0..1.0).contains(&number);
        let dropped = self.drop.iter().sum::<f64>();
        if !self.betas.into_iter().all(share)
            || !share(self.average)
            || !self.drop.into_iter().all(share)
            || !share(dropped)
        {
            return refused("betas, average, drop: expected shares from 0 to below 1");
        }
        let above = |number: f64| number.is_finite() && number > 0.0;
        let least = |number: f64| number.is_finite() && number >= 0.0;
        if !above(self.rate)
            || !least(self.decay)
            || !least(self.clip)
            || !least(self.similarity_weight)
        {
            return refused(
                "rate: expected a number above 0; decay, clip, similarity_weight: 0 or above",
            );
        }
        self.size.parse::<Size>().map(|_| ())
    }

    /// The hash of all that changes the result but lies not in the data themselves.
    pub(crate) fn sha256(&self) -> String {
        let data = PairOptions { data: Vec::new(), folders: None, ..self.data.clone() };
        let choices = Self { data, ..self.clone() };
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
        for name in ["tiny", "paper", "S-64"] {
            let mut recipe = Recipe::preset(name).unwrap();
            if recipe.condition.vector {
                assert!(recipe.check().is_err(), "{name} without an embedder");
                recipe.embedder = Some("sight".to_owned());
            }
            recipe.check().unwrap();
            std::fs::write(&path, recipe.to_toml().unwrap()).unwrap();
            assert_eq!(Recipe::read(&path).unwrap(), recipe);
        }
        assert!(Recipe::preset("large").is_err());
        let good = Recipe::preset("tiny").unwrap();
        for wrong in [
            Recipe { batch: 0, ..good.clone() },
            Recipe { size: "M".to_owned(), ..good.clone() },
            Recipe { learn_variance: true, ..good.clone() },
            Recipe { min_snr: 5.0, ..good.clone() },
            Recipe { process: Process::None, ..good.clone() },
            Recipe { drop: [0.5, 0.5, 0.1], ..good.clone() },
            Recipe { rate: f64::NAN, ..good.clone() },
            Recipe { process: Process::Flow { mean: 0.0, deviation: 0.0 }, ..good.clone() },
            Recipe { embedder: Some("sight".to_owned()), ..good },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
