//! The model card of a run: what was learned from what, and what it must not be used for.

use super::recipe::Recipe;
use super::run::Outcome;

pub(super) fn write(recipe: &Recipe, outcome: &Outcome) -> String {
    let Outcome { id, steps, of_steps, pictures, triplets, parameters, .. } = outcome;
    let teacher = outcome.teacher.as_deref().unwrap_or("none");
    let mut text = format!(
        "# A network that cannot stretch, as a metric\n\n\
         Its Lipschitz constant is 1, and `lookalike certify` says by how much a picture may change before it \
         decides otherwise.\n\n\
         ```sh\nlookalike compare A B -m '{id}'\nlookalike certify REFERENCE LEFT RIGHT -m '{id}'\n```\n\n\
         | what | |\n|---|---|\n\
         | network | {}x{} pixels: {} |\n\
         | parameters | {parameters} |\n\
         | distilled from | `{teacher}`, {pictures} pictures, {} steps |\n\
         | tuned on | {triplets} triplets, {} of them of a synthetic observer, {} steps |\n\
         | loss | hinge on the {:?} with a margin of {} |\n\
         | steps | {steps} of {of_steps}, batches of {} |\n\
         | seed | {} |\n\
         | names and contents of pictures and judgements (sha256) | `{}` |\n\
         | model (sha256) | `{}` |\n",
        recipe.image,
        recipe.image,
        recipe.stages,
        recipe.distillation_steps,
        recipe.observer.min(*triplets),
        recipe.triplet_steps,
        recipe.hinge,
        recipe.margin,
        recipe.batch,
        recipe.seed,
        outcome.data_sha256,
        outcome.model_sha256,
    );
    if let Some(found) = &outcome.validation {
        text.push_str(&format!(
            "| decides as the synthetic observer on {} other triplets | {:.4} |\n\
             | the same by more than the margin | {:.4} |\n",
            found.n, found.score, found.beyond_margin
        ));
    }
    text.push_str(
        "\n## Limits\n\n\
         - The synthetic observer is arithmetic, not a person; agreement with it says nothing about people.\n\
         - A certificate says that a decision is stable, never that it is right.\n\
         - Pictures are resized to the side of the network, whatever their size and shape.\n\
         - The licence of the pictures holds for these weights as well.\n",
    );
    text
}
