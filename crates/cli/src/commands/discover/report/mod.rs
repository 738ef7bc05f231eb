//! `lookalike discover report`: an evaluation as one HTML page.
//!
//! The page needs nothing besides itself and has no script. Everything from the run reaches it through the template,
//! which escapes it.

mod seeds;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use lookalike_discover::evaluation::record::{CategoryRecord, Report, Scores};
use serde_json::{Value, json};

use super::evaluate::{self, RunArgs};
use super::page;
use super::printing::four;
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::output::Output;
use crate::print::significant;

const PAGE: &str = include_str!("page.html");

#[derive(Debug, Args)]
#[command(after_help = "Write the page to a file by -o report.html.")]
pub(super) struct ReportArgs {
    #[command(flatten)]
    run: RunArgs,

    /// The folder that paths of images are relative to; with it the page shows the worst seeds
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,

    /// How many of the worst seeds of every model are shown
    #[arg(long, value_name = "N", default_value_t = 8)]
    worst: usize,
}

/// Runs the command.
pub(super) fn run(args: &ReportArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Html) {
        anyhow::bail!(
            "lookalike discover report writes a page; 'lookalike discover evaluate' has the other formats"
        );
    }
    let mut output = Output::open(global)?;
    let evaluated = evaluate::evaluated(&args.run, global)?;
    let galleries = match &args.pictures {
        Some(folder) => seeds::galleries(&evaluated, folder, args.worst)?,
        None => Vec::new(),
    };
    let report = &evaluated.report;
    let comparisons = report.comparisons.iter().map(|one| {
        let [p, p_holm] = [one.p, one.p_holm].map(significant);
        json!({
            "a": one.a, "b": one.b, "metric": one.metric, "sure": one.p_holm < 0.05,
            "difference": format!("{:+.4}", one.difference), "p": p, "p_holm": p_holm,
        })
    });
    let generators = report.leave_one_out.iter().map(|one| {
        json!({
            "model": one.model, "pairs": one.pairs, "with": four(one.with),
            "without": four(one.without), "order": four(one.order),
        })
    });
    let page = page::render(
        "Visual similarity discovery",
        PAGE,
        json!({
            "compat": report.compat, "task": report.task,
            "level": report.level,
            "threshold": report.threshold,
            "seed": global.seed,
            "seeds": report.seeds,
            "gallery": report.gallery,
            "products": report.products,
            "labels": report.labels,
            "k": report.k.last(),
            "models": report.models.iter().map(|model| &model.id).collect::<Vec<_>>(),
            "discovery": table(report, |index| &report.models[index].metrics),
            "identification": table(report, |index| &report.models[index].identification),
            "against": report.identification_against_discovery.map(|one| format!("{one:.3}")),
            "generators": generators.collect::<Vec<_>>(),
            "comparisons": comparisons.collect::<Vec<_>>(),
            "categories": categories(report),
            "galleries": galleries,
        }),
    )?;
    writeln!(output, "{page}")?;
    output.finish()?;
    Ok(Status::Passed)
}

/// A row for every score, with a cell for every model.
fn table<'a>(report: &Report, scores: impl Fn(usize) -> &'a Scores) -> Vec<Value> {
    let models = 0..report.models.len();
    let mut names: Vec<&String> = Vec::new();
    for index in models.clone() {
        for (name, _) in &scores(index).0 {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let row = |name: &&String| {
        let cells = models.clone().map(|index| {
            let Some(one) = scores(index).get(name) else { return json!({"value": "–", "ci": null, "bounds": null, "ceiling": null}) };
            let pair = |ends: Option<[f64; 2]>| {
                ends.map(|[low, high]| format!("{low:.3} to {high:.3}"))
            };
            json!({
                "value": format!("{:.4}", one.value), "ci": pair(one.ci), "bounds": pair(one.bounds),
                "ceiling": one.ceiling.map(|ceiling| format!("{ceiling:.3}")), "seeds": one.seeds,
            })
        });
        json!({"name": name, "cells": cells.collect::<Vec<_>>()})
    };
    names.iter().map(row).collect()
}

/// A row for every category, with the hit ratio and coverage of every model.
fn categories(report: &Report) -> Vec<Value> {
    let Some(first) = report.models.first() else { return Vec::new() };
    let row = |(name, category): (&String, &CategoryRecord)| {
        let cells = report.models.iter().map(|model| {
            let found = model.categories.get(name);
            let cell =
                |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
            [cell(found.and_then(|one| one.hr)), cell(found.and_then(|one| one.coverage))]
        });
        json!({"name": name, "seeds": category.seeds, "cells": cells.collect::<Vec<_>>()})
    };
    first.categories.iter().map(row).collect()
}
