//! All choices of a run, as a file that can be run again.

use std::path::{Path, PathBuf};

use lookalike_deep::Net;
use serde::{Deserialize, Serialize};

use crate::files::sha256;
use crate::{Error, Result, recipe_file};

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Channel weights on a frozen network.
    Lin,
    /// Channel weights and the network, which starts as installed.
    Tune,
    /// Channel weights and the network, which starts at random.
    Scratch,
}

/// The choices of a run of `train lpips`. Fields that are absent from a file have the authors' values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The version of this layout.
    pub schema: String,
    /// `lpips`.
    pub task: String,
    /// The judgements.
    pub data: PathBuf,
    /// Judgements to validate on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<PathBuf>,
    /// The share of references that is held out for validation where no other judgements are given.
    pub hold_out: f64,
    /// `alex`, `vgg` or `squeeze`.
    pub net: String,
    /// What is learned.
    pub mode: Mode,
    /// The seed of everything random.
    pub seed: u64,
    /// Pixels to which the shorter side of pictures is brought, 0 for none; 64 for BAPPS where absent, as
    /// its protocol has it, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<usize>,
    /// Times that every triplet is seen; the rate falls over the second half.
    pub epochs: u64,
    /// Steps in place of epochs: as many epochs as they begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Triplets per step; the last of an epoch may have fewer.
    pub batch: usize,
    /// The rate of Adam at the start.
    pub rate: f64,
    /// Whether squared differences are left out at random (half of them).
    pub dropout: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            schema: recipe_file::SCHEMA.to_owned(),
            task: "lpips".to_owned(),
            data: PathBuf::new(),
            validation: None,
            hold_out: 0.1,
            net: Net::Alex.as_str().to_owned(),
            mode: Mode::Lin,
            seed: 1,
            resize: None,
            epochs: 10,
            steps: None,
            batch: 50,
            rate: 1e-4,
            dropout: true,
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
        recipe_file::check(path, "lpips", &recipe.schema, &recipe.task)?;
        Ok(recipe)
    }

    /// The recipe as a file.
    ///
    /// # Errors
    /// [`Error::Refused`] for a path that is no text.
    pub fn to_toml(&self) -> Result<String> {
        recipe_file::to_toml(self, "lpips")
    }

    /// Checks the choices and gives the network.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was expected.
    pub fn check(&self) -> Result<Net> {
        let refused = |reason: String| Err(Error::Refused(reason));
        let Some(net) = Net::ALL.into_iter().find(|net| net.as_str() == self.net) else {
            return refused(format!("net: expected alex, vgg or squeeze, found '{}'", self.net));
        };
        if self.batch == 0 || self.epochs == 0 || self.steps == Some(0) {
            return refused("batch, epochs and steps: expected at least 1, found 0".to_owned());
        }
        if !(0.0..1.0).contains(&self.hold_out) {
            return refused(format!(
                "hold_out: expected a share from 0 on and below 1, found {}",
                self.hold_out
            ));
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return refused(format!("rate: expected a number above 0, found {}", self.rate));
        }
        Ok(net)
    }

    /// The hash of all that changes the result but lies not in the judgements themselves, whose own hashes
    /// and that of the network are `more`.
    pub(crate) fn sha256(&self, more: &[&str]) -> String {
        let validation = self.validation.is_some().then(PathBuf::new);
        let choices = Self { data: PathBuf::new(), validation, ..self.clone() };
        let text = serde_json::to_string(&choices).unwrap_or_default();
        sha256([&[text.as_str()], more].concat().join("\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_strangers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        let recipe = Recipe {
            data: "a \"b\".csv".into(),
            steps: Some(7),
            validation: Some("v".into()),
            ..Recipe::default()
        };
        std::fs::write(&path, recipe.to_toml().unwrap()).unwrap();
        assert_eq!(Recipe::read(&path).unwrap(), recipe);
        for (text, part) in [
            ("nets = 'alex'", "nets"),
            ("schema = 'x'", "lookalike.recipe/1"),
            ("mode = 'linear'", "lin"),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = Recipe::read(&path).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        for wrong in [
            Recipe { net: "resnet".to_owned(), ..Recipe::default() },
            Recipe { batch: 0, ..Recipe::default() },
            Recipe { rate: f64::NAN, ..Recipe::default() },
            Recipe { hold_out: 1.0, ..Recipe::default() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert_eq!(Recipe::default().check().unwrap(), Net::Alex);
    }
}
