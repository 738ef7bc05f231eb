//! `lookalike discover pairs`: labelled pairs of pictures, scored by models.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike::judge::statistics::bootstrap::RESAMPLES;
use lookalike_discover::embedder::{BUILT_IN, embedder};
use lookalike_discover::evaluation::report::Estimate;
use lookalike_discover::evaluation::uncertainty::Sampling;
use lookalike_discover::expert_pairs::{ExpertPair, PairScores, read};
use serde_json::{Value, json};

use super::pictures::Pictures;
use super::printing::{self, Printed, Rows};
use super::{page, progress};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::output::Output;

const PAGE: &str = include_str!("page.html");

#[derive(Debug, Args)]
#[command(
    after_help = "Labelled pairs are pairs that some model ranked high, so all are hard: compare models by these \
                  figures, and not with those of whole rankings. --format html writes a page with the pairs."
)]
pub(super) struct PairsArgs {
    /// Labelled pairs: a JSON array of {"key":[seed,candidate],"value":0|1} or of {"query","gallery","label"}
    /// with published cosines under "sims"; or votes as CSV
    #[arg(value_name = "PAIRS")]
    pairs: PathBuf,

    /// The folder that their paths are relative to
    #[arg(long, value_name = "DIR")]
    pictures: PathBuf,

    /// Models, as `discover index` knows them
    #[arg(long, value_name = "ID,…", value_delimiter = ',', default_values_t = BUILT_IN.map(str::to_owned))]
    model: Vec<String>,

    /// The least grade that is similar
    #[arg(long, value_name = "GRADE", default_value_t = 1)]
    threshold: u8,

    /// Resamples of seeds for intervals; 0 makes none
    #[arg(long, value_name = "N", default_value_t = RESAMPLES)]
    resamples: usize,
}

/// A model's scores and what they come to.
struct Scored {
    scores: PairScores,
    estimates: Vec<(String, Estimate)>,
}

/// Runs the command.
pub(super) fn run(args: &PairsArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if global.format != Format::Html {
        printing::check(global, "pairs")?;
    }
    let pairs = read(&args.pairs)?;
    let similar = pairs.iter().filter(|pair| pair.value >= args.threshold).count();
    if similar == 0 || similar == pairs.len() {
        bail!(
            "{}: expected similar pairs and others, found {similar} similar of {}",
            args.pairs.display(),
            pairs.len()
        );
    }
    let mut output = Output::open(global)?;
    let bar = progress::bar(args.model.len(), "models", global);
    let mut all = Vec::new();
    for id in &args.model {
        all.push(PairScores::of(embedder(id)?.as_ref(), &pairs, &args.pictures)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    all.extend(PairScores::published(&pairs));
    let sampling = Sampling { resamples: args.resamples, seed: global.seed, ..Sampling::default() };
    let scored = all.into_iter().map(|scores| {
        let estimates = scores.estimates(&pairs, args.threshold, sampling);
        Scored { scores, estimates }
    });
    let scored: Vec<Scored> = scored.collect();
    if global.format == Format::Html {
        let page = html(args, &pairs, &scored)?;
        writeln!(output, "{page}")?;
        output.finish()?;
    } else {
        printing::write(&printed(&pairs, similar, &scored), global, output)?;
    }
    Ok(Status::Passed)
}

fn printed(pairs: &[ExpertPair], similar: usize, scored: &[Scored]) -> Printed {
    let header = ["model", "cosines", "metric", "value", "ci_low", "ci_high"];
    let mut rows = Rows::new(&header, &[3, 4, 5]);
    let mut table = Rows::new(&["model", "cosines", "roc_auc", "pr_auc"], &[]);
    let mut models = Vec::new();
    for one in scored {
        let origin = origin(&one.scores);
        let mut metrics = serde_json::Map::new();
        for (name, estimate) in &one.estimates {
            let ci = estimate.interval.map(|interval| [interval.low, interval.high]);
            let end = |end: usize| ci.map_or_else(String::new, |ci| ci[end].to_string());
            rows.rows.push(vec![
                one.scores.model.clone(),
                origin.to_owned(),
                name.clone(),
                estimate.value.to_string(),
                end(0),
                end(1),
            ]);
            let record = json!({"value": estimate.value, "ci": ci, "seeds": estimate.seeds});
            metrics.insert(name.clone(), record);
        }
        let [roc, pr] = shown(one);
        table.rows.push(vec![one.scores.model.clone(), origin.to_owned(), roc, pr]);
        models.push(json!({
            "id": one.scores.model, "cosines": origin, "metrics": metrics,
            "scores": one.scores.scores,
        }));
    }
    let records = pairs.iter().map(|pair| {
        json!({"seed": pair.seed, "candidate": pair.candidate, "value": pair.value, "group": pair.group})
    });
    let json = json!({
        "schema": "lookalike.pairs/1", "count": pairs.len(), "similar": similar,
        "pairs": records.collect::<Vec<_>>(), "models": models,
    });
    let text = format!("{} pairs, {similar} of them similar\n\n{}", pairs.len(), table.text());
    Printed { json, items: "models", rows, text }
}

fn origin(scores: &PairScores) -> &'static str {
    if scores.published { "published" } else { "computed" }
}

/// Both areas with their intervals.
fn shown(one: &Scored) -> [String; 2] {
    ["roc_auc", "pr_auc"].map(|wanted| {
        let found = one.estimates.iter().find(|(name, _)| name == wanted);
        found.map_or_else(
            || "-".to_owned(),
            |(_, estimate)| {
                let ci = estimate.interval.map_or_else(String::new, |interval| {
                    format!(" [{:.3}, {:.3}]", interval.low, interval.high)
                });
                format!("{:.4}{ci}", estimate.value)
            },
        )
    })
}

fn html(args: &PairsArgs, pairs: &[ExpertPair], scored: &[Scored]) -> anyhow::Result<String> {
    let models: Vec<Value> = scored
        .iter()
        .map(|one| {
            let [roc, pr] = shown(one);
            json!({"id": one.scores.model, "origin": origin(&one.scores), "roc": roc, "pr": pr})
        })
        .collect();
    // Where a pair stands among all of a model, from 1 for the nearest: cosines of models cannot be compared.
    let places: Vec<Vec<Option<usize>>> = scored.iter().map(|one| places(&one.scores)).collect();
    let mut pictures = Pictures::of(&args.pictures);
    let rows = pairs.iter().enumerate().map(|(number, pair)| {
        let similar = pair.value >= args.threshold;
        let label = if similar { "similar" } else { "other" };
        let cells = scored.iter().zip(&places).map(|(one, places)| {
            let score = one.scores.scores[number];
            let cosine = score.map_or_else(|| "–".to_owned(), |score| format!("{score:.3}"));
            let place = places[number].map_or_else(|| "–".to_owned(), |place| place.to_string());
            json!({"cosine": cosine, "place": place})
        });
        json!({
            "seed": pictures.cell(&pair.seed, "seed"),
            "candidate": pictures.cell(&pair.candidate, label),
            "similar": similar, "value": pair.value, "group": pair.group,
            "cells": cells.collect::<Vec<_>>(),
        })
    });
    let rows: Vec<Value> = rows.collect();
    let similar = pairs.iter().filter(|pair| pair.value >= args.threshold).count();
    page::render(
        "Labelled pairs",
        PAGE,
        json!({"models": models, "rows": rows, "count": pairs.len(), "similar": similar}),
    )
}

fn places(scores: &PairScores) -> Vec<Option<usize>> {
    let place =
        |score: f64| 1 + scores.scores.iter().flatten().filter(|other| **other > score).count();
    scores.scores.iter().map(|score| score.map(place)).collect()
}
