//! How an evaluation is written.

use lookalike_discover::evaluation::record::{Report, ScoreRecord};
use serde_json::to_value;

use crate::args::GlobalArgs;
use crate::commands::discover::printing::{self, Printed, Rows, four};
use crate::output::Output;
use crate::print::significant;

pub(super) fn write(report: &Report, global: &GlobalArgs, output: Output) -> anyhow::Result<()> {
    let printed = Printed {
        json: to_value(report)?,
        items: "models",
        rows: rows(report),
        text: text(report),
    };
    printing::write(&printed, global, output)
}

/// One row per model and score.
fn rows(report: &Report) -> Rows {
    let header = [
        "model", "task", "metric", "value", "ci_low", "ci_high", "ceiling", "lower", "upper",
        "seeds",
    ];
    let mut rows = Rows::new(&header, &[]);
    for model in &report.models {
        for (task, scores) in
            [("discovery", &model.metrics), ("identification", &model.identification)]
        {
            for (name, one) in &scores.0 {
                let cell = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
                let mut row = vec![model.id.clone(), task.to_owned(), name.clone()];
                row.extend([
                    one.value.to_string(),
                    cell(one.ci.map(|ci| ci[0])),
                    cell(one.ci.map(|ci| ci[1])),
                    cell(one.ceiling),
                    cell(one.bounds.map(|bounds| bounds[0])),
                    cell(one.bounds.map(|bounds| bounds[1])),
                    one.seeds.to_string(),
                ]);
                rows.rows.push(row);
            }
        }
    }
    rows
}

/// A score, its interval, and what else limits it.
pub(in crate::commands::discover) fn shown(one: &ScoreRecord) -> String {
    let ci = one.ci.map_or_else(String::new, |[low, high]| format!(" [{low:.3}, {high:.3}]"));
    format!("{:.4}{ci}", one.value)
}

fn text(report: &Report) -> String {
    let mut texts = vec![format!(
        "{} seeds, {} images of {} products; {} labels, {} of them similar; answers are {}s",
        report.seeds,
        report.gallery,
        report.products,
        report.labels.all,
        report.labels.similar,
        report.level
    )];
    let models: Vec<&str> = report.models.iter().map(|model| model.id.as_str()).collect();
    let header: Vec<&str> = [&[""], models.as_slice()].concat();
    let numbers: Vec<usize> = (1..header.len()).collect();
    for identification in [false, true] {
        let mut table = Rows::new(&header, &numbers);
        let scores = |index: usize| {
            let model = &report.models[index];
            if identification { &model.identification } else { &model.metrics }
        };
        let mut names: Vec<&String> = Vec::new();
        for index in 0..models.len() {
            for (name, _) in &scores(index).0 {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        for name in names {
            let row = |label: String, cell: &dyn Fn(&ScoreRecord) -> String| {
                let cells = (0..models.len())
                    .map(|index| scores(index).get(name).map_or_else(|| "-".to_owned(), cell));
                [vec![label], cells.collect()].concat()
            };
            table.rows.push(row(name.clone(), &shown));
            if name.starts_with("hr@") {
                let bounds = |one: &ScoreRecord| {
                    one.bounds
                        .map_or_else(|| "-".to_owned(), |b| format!("{:.3} to {:.3}", b[0], b[1]))
                };
                table.rows.push(row("  bounds".to_owned(), &bounds));
                table.rows.push(row("  ceiling".to_owned(), &|one| four(one.ceiling)));
            }
        }
        if !table.rows.is_empty() {
            let title = if identification { "identification, for contrast\n" } else { "" };
            texts.push(format!("{title}{}", table.text()));
        }
    }
    if !report.leave_one_out.is_empty() {
        let k = report.k.last().copied().unwrap_or_default();
        let mut table =
            Rows::new(&["generator", "own pairs", "with", "without", "tau"], &[1, 2, 3, 4]);
        for one in &report.leave_one_out {
            let pairs = one.pairs.to_string();
            table.rows.push(vec![
                one.model.clone(),
                pairs,
                four(one.with),
                four(one.without),
                four(one.order),
            ]);
        }
        texts.push(format!(
            "hr@{k} without the pairs that only the model itself proposed\n{}",
            table.text()
        ));
    }
    for one in &report.audits {
        let k = report.k.last().copied().unwrap_or_default();
        texts.push(format!(
            "audited hr@{k} of {}: {:.4}, standard error {:.4}, over {} seeds",
            one.model, one.value, one.error, one.seeds
        ));
    }
    let rounds = report.rounds.iter().map(|one| {
        let verdict = match one.another {
            true => "another round is worth it",
            false => "enough",
        };
        format!(
            "labels cover {:.1} % of the first {} of {}, aimed at are {:.1} %: {verdict} ({} have none)",
            100.0 * one.coverage,
            one.k,
            one.model,
            100.0 * one.target,
            one.unlabelled
        )
    });
    let rounds: Vec<String> = rounds.collect();
    if !rounds.is_empty() {
        texts.push(rounds.join("\n"));
    }
    if !report.comparisons.is_empty() {
        let mut table =
            Rows::new(&["comparison", "metric", "difference", "p", "p (Holm)"], &[2, 3, 4]);
        for one in &report.comparisons {
            table.rows.push(vec![
                format!("{} - {}", one.a, one.b),
                one.metric.clone(),
                format!("{:+.4}", one.difference),
                significant(one.p),
                significant(one.p_holm),
            ]);
        }
        texts.push(table.text());
    }
    if let Some(correlation) = report.identification_against_discovery {
        texts.push(format!("Spearman of p@1 and hr@{} over models: {correlation:.3}", report.k[0]));
    }
    for gate in &report.gates {
        let verdict = if gate.failed > 0 { "failed" } else { "passed" };
        texts.push(format!("gate {}: {verdict}", gate.rule));
    }
    texts.join("\n\n")
}
