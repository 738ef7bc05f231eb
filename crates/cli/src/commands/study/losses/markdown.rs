//! The comparison as Markdown: what the paper claims, what was seen here, what only people can decide.

use super::record::{Report, ValueRecord};
use crate::print::significant;

/// The page, which names the command that repeats it.
pub(super) fn render(report: &Report, command: &str) -> String {
    let mut text = format!(
        "# One network under {}\n\n\
         Written by `{command}` with lookalike {}.\n\n\
         {} `{}` at {}x{}, {} steps, {} pictures or crops learned from, {} held out, seeds {}.\n\n\
         **What the paper claims** (Snell et al. 2017): people prefer what MS-SSIM-trained networks draw over what networks \
         trained on squared and absolute error draw, nearly 7 to 1 in its first version, and codes learned under it can \
         tell classes apart better.\n\n\
         **What only people can decide:** which pictures look better. Nobody has been asked; the questions are ready in \
         `preference/`.\n\n\
         ## What metrics say\n\n\
         Means over held-out pictures of 8 bits, 95 % intervals of a bootstrap over pictures{}. Best in bold. The last \
         column has the differences that a paired permutation test finds (p < 0.05 after Holm over all rows). That a \
         network does well by the loss it was trained under proves nothing.\n\n",
        report.columns.join(", "),
        env!("CARGO_PKG_VERSION"),
        report.task,
        report.network,
        report.side,
        report.side,
        report.steps,
        report.learned,
        report.held_out,
        report.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        if report.seeds.len() > 1 { ", and the mean of each seed" } else { "" },
    );
    let header: Vec<String> = report.columns.iter().map(|name| format!("`{name}`")).collect();
    text.push_str(&format!("| metric | {} | better than |\n", header.join(" | ")));
    text.push_str(&format!("|---|{}---|\n", "---|".repeat(header.len())));
    for metric in &report.metrics {
        let cell = |(at, value): (usize, &ValueRecord)| {
            let mean = significant(value.mean);
            let mean = if at == metric.best { format!("**{mean}**") } else { mean };
            let ci = value.ci.map_or_else(String::new, |ci| {
                let [low, high] = ci.map(significant);
                format!(" ({low} to {high})")
            });
            let seeds: Vec<String> = value.seeds.iter().map(|&seed| significant(seed)).collect();
            let seeds =
                if seeds.len() > 1 { format!("; {}", seeds.join(", ")) } else { String::new() };
            format!("{mean}{ci}{seeds}")
        };
        let cells: Vec<String> = metric.losses.iter().enumerate().map(cell).collect();
        let arrow = if metric.higher_is_better { "↑" } else { "↓" };
        let sure = report.sure(&metric.id).join("; ");
        text.push_str(&format!("| `{}` {arrow} | {} | {sure} |\n", metric.id, cells.join(" | ")));
    }
    if !report.left_out.is_empty() {
        let names = report.left_out.join(", ");
        text.push_str(&format!("\nLeft out, being infinite for a picture: {names}.\n"));
    }
    text.push_str("\n## How it was learned\n\n| loss | rate | rates tried: loss in validation |");
    let stochastic = report.losses.iter().any(|one| one.weight.is_some());
    text.push_str(if stochastic {
        " C | nats a picture |\n|---|---|---|---|---|\n"
    } else {
        "\n|---|---|---|\n"
    });
    for one in &report.losses {
        let trials: Vec<String> = one
            .trials
            .iter()
            .map(|&(rate, loss)| {
                format!("{rate}: {}", loss.map_or("no number".to_owned(), significant))
            })
            .collect();
        text.push_str(&format!("| `{}` | {} | {} |", one.loss, one.rate, trials.join(", ")));
        if stochastic {
            let kl: Vec<String> = one.kl.iter().map(|&kl| significant(kl)).collect();
            let weight = one.weight.map_or_else(String::new, significant);
            text.push_str(&format!(" {weight} | {} |", kl.join(", ")));
        }
        text.push('\n');
    }
    for found in &report.classification {
        text.push_str(&format!(
            "\n## Classes from codes: {}\n\nShare of held-out pictures whose class ({} of them, {:.4} by chance) a linear \
             machine on standardised codes finds.\n\n| code | accuracy | 95 % interval |\n|---|---|---|\n",
            found.labels, found.classes, found.chance
        ));
        for code in &found.codes {
            let ci =
                code.ci.map_or_else(String::new, |[low, high]| format!("{low:.4} to {high:.4}"));
            text.push_str(&format!("| {} | {:.4} | {ci} |\n", code.code, code.accuracy));
        }
    }
    text
}
