//! The model card of a run: what was learned from what, and what it must not be used for.

use std::fmt::Write as _;

use super::recipe::Recipe;
use super::run::Outcome;

pub(super) fn write(recipe: &Recipe, outcome: &Outcome) -> String {
    let Outcome { id, steps, of_steps, examples, pictures, .. } = outcome;
    let mut text = format!(
        "# Our own small network as a metric\n\n\
         Network and non-negative channel weights, learned from what other metrics say of damaged \
         pictures.\n\n\
         ```sh\nlookalike compare A B -m '{id}'\n```\n\n\
         | what | |\n|---|---|\n\
         | pictures | {pictures}, and scenes for {:.0} % of the references |\n\
         | their names, contents and roles (sha256) | `{}` |\n\
         | examples (a reference, four damaged pictures) | {examples} |\n\
         | steps | {steps} of {of_steps}, {} examples each |\n\
         | seed | {} |\n\
         | model (sha256) | `{}` |\n",
        100.0 * recipe.scenes,
        outcome.data_sha256,
        recipe.batch,
        recipe.seed,
        outcome.model_sha256,
    );
    for (teacher, name) in recipe.teachers.iter().zip(&outcome.teachers) {
        let _ = writeln!(text, "| teacher, weight {} | `{name}` |", teacher.weight);
    }
    for group in &recipe.without {
        let _ = writeln!(text, "| without distortions of the group | {} |", group.name());
    }
    match &outcome.validation {
        Some(found) => {
            let _ = write!(
                text,
                "| rank correlation with the teachers on {} pairs of other pictures | {:.4} |\n\
                 | damaged pictures of one reference in the teachers' order | {:.4} |\n",
                found.n, found.spearman, found.agreement
            );
        }
        None => text.push_str("| validation | none: no pictures were held out |\n"),
    }
    text.push_str(
        "\n## Limits\n\n\
         - No person was asked: it agrees with people as far as its teachers do. LPIPS, where it is one of \
         them, had seen ImageNet and the judgements of BAPPS.\n\
         - It knows the distortions that it learned from; how well others are ranked is for a held-out \
         measurement to say (`lookalike train sight --held-out DIR`).\n\
         - Values of two runs are not comparable beyond their common scale, that of the first teacher.\n\
         - The licence of the pictures holds for these weights as well.\n",
    );
    text
}
