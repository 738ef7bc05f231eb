//! The model card of a run: what was learned from what, and what it must not be used for.

use super::recipe::{Recipe, Task};
use super::run::Outcome;

pub(super) fn write(recipe: &Recipe, outcome: &Outcome) -> String {
    let Outcome { steps, of_steps, pictures, parameters, .. } = outcome;
    let what = match recipe.task {
        Task::Autoencoder => "An autoencoder",
        Task::Vae => "A stochastic autoencoder",
        Task::SuperResolution => "A network that sharpens enlarged pictures",
    };
    let (grey, side) = (if recipe.grey { ", greyscale" } else { "" }, recipe.side);
    let mut text = format!(
        "# {what}\n\n\
         | what | |\n|---|---|\n\
         | network | `{}`, {side}x{side}{grey} |\n\
         | parameters | {parameters} |\n\
         | loss | `{}` ({}) |\n\
         | learned from | {pictures} pictures or crops |\n\
         | steps | {steps} of {of_steps}, batches of {}{} |\n\
         | rate | {} (Adam), after {} steps in which it rises; halved after {} epochs without a better held-out loss |\n\
         | running mean of the parameters | {} |\n\
         | seed | {} |\n",
        recipe.network,
        outcome.loss_name,
        outcome.scale.join("; "),
        recipe.batch,
        if outcome.early { ", ended as held-out losses no longer fell" } else { "" },
        recipe.rate,
        recipe.warm_up,
        recipe.plateau,
        recipe.average,
        recipe.seed,
    );
    if recipe.code > 0 {
        text.push_str(&format!("| numbers of the code | {} |\n", recipe.code));
    }
    if recipe.task == Task::SuperResolution {
        text.push_str(&format!("| enlarged by | {} |\n", recipe.factor));
    }
    if let Some(weight) = outcome.weight {
        text.push_str(&format!(
            "| C, what the loss (a mean over samples, or 1 - value) counts beside the rate | {weight} |\n"
        ));
    }
    if let Some(found) = &outcome.validation {
        text.push_str(&format!("| loss on {} held-out ones | {:.6} |\n", found.n, found.loss));
        text.push_str(&format!("| mean squared error there | {:.6} |\n", found.mse));
        if let Some(kl) = found.kl {
            text.push_str(&format!("| rate there, nats a picture | {kl:.3} |\n"));
        }
    }
    text.push_str(&format!(
        "| pictures (sha256) | `{}` |\n| model (sha256) | `{}` |\n",
        outcome.data_sha256, outcome.model_sha256
    ));
    text.push_str(
        "\n## Limits\n\n\
         - It draws what it was shown; other pictures come out worse, and faces or text may come out wrong.\n\
         - Which loss looks better is for people to say; a metric that was trained on proves nothing.\n\
         - The licence of the pictures holds for these weights as well.\n",
    );
    text
}
