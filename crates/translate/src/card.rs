//! The model card of a run: what was learned from what, and what it must not be used for.

use crate::model::Plan;
use crate::process::Process;
use crate::recipe::Recipe;
use crate::run::Outcome;

pub(crate) fn write(recipe: &Recipe, plan: &Plan, outcome: &Outcome) -> String {
    let Outcome { steps, of_steps, pairs, parameters, .. } = outcome;
    let (side, patch) = (plan.side(), recipe.patch);
    let process = match recipe.process {
        Process::Flow { mean, deviation } => format!(
            "rectified flow, clean fraction logistic of a normal number of mean {mean} and deviation {deviation}"
        ),
        Process::Discrete { betas, steps } => format!("{steps} steps, {betas} betas"),
        Process::None => "none: regression".to_owned(),
    };
    let space = match &plan.latents {
        None => "pictures".to_owned(),
        Some(latents) => format!("latents of the autoencoder `{}`", latents.sha256),
    };
    let mut text = format!(
        "# A translation of pictures\n\n\
         | what | |\n|---|---|\n\
         | network | diffusion transformer {}, patches of {patch}, {side}x{side} |\n\
         | parameters | {parameters} |\n\
         | draws | {space} |\n\
         | is shown the source by | {} |\n\
         | noise | {process} |\n\
         | says | the {} |\n\
         | learned from | {pairs} pairs |\n\
         | steps | {steps} of {of_steps}, {} pairs each |\n\
         | rate | {} (AdamW), rising over {} steps; derivatives at most {} long |\n\
         | running mean of the parameters | {} |\n\
         | seed | {} |\n",
        recipe.size,
        recipe.condition,
        recipe.prediction,
        recipe.batch * recipe.accumulate,
        recipe.rate,
        recipe.warm_up,
        recipe.clip,
        recipe.average,
        recipe.seed,
    );
    if let Some(embedder) = &plan.embedder {
        text.push_str(&format!("| vector | `{embedder}` |\n"));
    }
    if !recipe.perceptual.is_empty() {
        let (what, which) = (&recipe.perceptual, recipe.weighting);
        text.push_str(&format!("| losses of the picture in mind | `{what}`, {which} |\n"));
    }
    if let Some(similarity) = &recipe.similarity {
        text.push_str(&format!(
            "| similarity | {} of `{similarity}` to the {} |\n",
            recipe.similarity_weight, recipe.similarity_reference
        ));
    }
    if let Some(found) = &outcome.validation {
        text.push_str(&format!(
            "| loss on {} others | {:.6} |\n| mean absolute difference of what it draws, samples in 0..1 | {:.4} |\n",
            found.n, found.loss, found.l1
        ));
    }
    text.push_str(&format!(
        "| pairs (sha256) | `{}` |\n| model (sha256) | `{}` |\n",
        outcome.data_sha256, outcome.model_sha256
    ));
    text.push_str(
        "\n## Limits\n\n\
         - It draws what it was shown; other sources come out worse, and faces or text may come out wrong.\n\
         - What it draws is likely, not true: it must not stand as evidence of what a source shows.\n",
    );
    text.push_str(match recipe.drawn {
        Some(_) => "- The pairs were drawn by the program itself: no photograph and nobody's rights are in them.\n",
        None => "- The licence of the pairs holds for these weights as well.\n",
    });
    text
}
