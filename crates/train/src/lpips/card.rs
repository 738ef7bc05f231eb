//! The model card: what was learned from what, how well it agrees, and what it must not be used for.

use std::fmt::Write as _;

use super::recipe::{Mode, Recipe};
use super::run::Outcome;

pub(super) fn write(recipe: &Recipe, outcome: &Outcome) -> String {
    let Outcome { id, steps, of_steps, triplets, trunk, data_sha256, model_sha256, .. } = outcome;
    let (learned, what, bound) = match recipe.mode {
        Mode::Lin => (
            "channel weights",
            "Non-negative weights of the channels of a frozen network",
            "Weights belong to the network named above and are refused on another.",
        ),
        Mode::Tune => (
            "tuned",
            "A network that started as named below, and non-negative weights of its channels",
            "The file has the network and its weights: both belong together.",
        ),
        Mode::Scratch => (
            "from scratch",
            "A network that started at random, and non-negative weights of its channels",
            "The file has the network and its weights: both belong together.",
        ),
    };
    let mut text = format!(
        "# LPIPS on `{}`, {learned}\n\n\
         {what}, learned from which of two pictures people found closer to a reference (Zhang et al., \
         CVPR 2018).\n\n\
         ```sh\nlookalike compare A B -m '{id}'\n```\n\n\
         | what | |\n|---|---|\n\
         | network | `{trunk}` |\n\
         | judgements | `{}` |\n\
         | their names, lengths and shares (sha256) | `{data_sha256}` |\n\
         | triplets learned from | {triplets} |\n\
         | steps | {steps} of {of_steps}, {} triplets each |\n\
         | seed | {} |\n\
         | model (sha256) | `{model_sha256}` |\n",
        recipe.net,
        recipe.data.display(),
        recipe.batch,
        recipe.seed,
    );
    match &outcome.validation {
        Some(found) => {
            let _ = write!(
                text,
                "| 2AFC score on {} triplets of other references | {:.4} |\n\
                 | one person against another there | {:.4} |\n\
                 | the majority, which nothing surpasses | {:.4} |\n",
                found.n, found.score, found.human, found.majority
            );
        }
        None => text.push_str("| validation | none: no judgements were held out |\n"),
    }
    let limits = "\n## Limits\n\n\
         - The loss fixes the order of distances, not their scale: values of two runs, or of the \
         published weights, are not comparable.\n\
         - BOUND\n\
         - They agree with people as far as pictures and distortions are like those learned from.\n\
         - The licences of the judgements and of the network hold for these weights as well.\n";
    text.push_str(&limits.replace("BOUND", bound));
    text
}
