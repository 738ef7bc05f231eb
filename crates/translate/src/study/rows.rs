//! The rows of the study and what each of them changes in the common recipe.

use crate::condition::{Mode, SourcePlace};
use crate::process::Process;
use crate::recipe::Recipe;
use crate::{Result, dit::Dit};

/// What makes vectors.
const EMBEDDER: &str = "sight";

/// What draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// The diffusion transformer.
    Transformer {
        /// How it is shown the source.
        condition: Mode,
        /// Losses of the picture in mind.
        perceptual: &'static str,
        /// The metric among them whose weights may not be there.
        metric: Option<&'static str>,
        /// Whether it draws at once, from the source.
        regression: bool,
    },
    /// pix2pix.
    Adversarial,
    /// Mean colours of parts.
    PartColours,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) slug: &'static str,
    pub(super) what: &'static str,
    pub(super) kind: Kind,
    pub(super) every_seed: bool,
}

const fn shown(condition: Mode) -> Kind {
    Kind::Transformer { condition, perceptual: "", metric: None, regression: false }
}

const fn with_loss(perceptual: &'static str, metric: &'static str) -> Kind {
    let condition = Mode::CONCAT;
    Kind::Transformer { condition, perceptual, metric: Some(metric), regression: false }
}

const ROWS: [Row; 9] = [
    Row {
        name: "vector",
        slug: "vector",
        what: "one CLIP-like vector of the source (of the embedder sight), added to the embedding of time",
        kind: shown(Mode { source: None, vector: true }),
        every_seed: true,
    },
    Row {
        name: "concat",
        slug: "concat",
        what: "the source's channels beside those of what is drawn",
        kind: shown(Mode::CONCAT),
        every_seed: true,
    },
    Row {
        name: "concat+vector",
        slug: "concat-vector",
        what: "both of these",
        kind: shown(Mode::CONCAT_AND_VECTOR),
        every_seed: true,
    },
    Row {
        name: "tokens",
        slug: "tokens",
        what: "the source's patches behind those of what is drawn",
        kind: shown(Mode { source: Some(SourcePlace::Sequence), vector: false }),
        every_seed: true,
    },
    Row {
        name: "concat + LPIPS",
        slug: "concat-lpips",
        what: "concat, with 0.1 of LPIPS of the picture in mind as a further loss where there is little noise",
        kind: with_loss("0.1*lpips:alex", "lpips:alex"),
        every_seed: false,
    },
    Row {
        name: "concat + sight",
        slug: "concat-sight",
        what: "the same with 0.1 of sight, the metric that ships",
        kind: with_loss("0.1*sight", "sight"),
        every_seed: false,
    },
    Row {
        name: "regression",
        slug: "regression",
        what: "the same transformer without noise: the picture at once from the source, absolute error",
        kind: Kind::Transformer {
            condition: Mode::CONCAT,
            perceptual: "l1",
            metric: None,
            regression: true,
        },
        every_seed: true,
    },
    Row {
        name: "pix2pix",
        slug: "pix2pix",
        what: "a U-Net of about as many parameters as concat, with a discriminator of patches and absolute error",
        kind: Kind::Adversarial,
        every_seed: true,
    },
    Row {
        name: "copied colours",
        slug: "copied-colours",
        what: "no network: the mean colour of each part in the targets learned from, on the parts of the held-out shoe, which no other row is told",
        kind: Kind::PartColours,
        every_seed: false,
    },
];

impl Row {
    /// The row that others are compared with in size.
    pub(super) const CONCAT: &'static Self = &ROWS[1];

    /// All of them, in the order of the table.
    pub(super) fn all() -> &'static [Self] {
        &ROWS
    }

    /// The recipe of a transformer.
    pub(super) fn recipe(&self, common: &Recipe, seed: u64) -> Option<Recipe> {
        let Kind::Transformer { condition, perceptual, regression, .. } = self.kind else {
            return None;
        };
        let common = Recipe { seed, condition, ..common.clone() };
        Some(Recipe {
            embedder: condition.vector.then(|| EMBEDDER.to_owned()),
            perceptual: perceptual.to_owned(),
            similarity: None,
            process: if regression { Process::None } else { common.process },
            ..common
        })
    }
}

/// Parameters of the transformer of a row without a vector.
///
/// # Errors
/// [`Error::Refused`](crate::Error::Refused) for sizes that there cannot be.
pub(super) fn parameters(common: &Recipe, row: &Row) -> Result<usize> {
    let recipe = row.recipe(common, common.seed).unwrap_or(common.clone());
    Ok(Dit::new(recipe.architecture(0, None)?)?.count())
}
