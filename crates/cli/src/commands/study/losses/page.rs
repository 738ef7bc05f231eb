//! The comparison as one HTML page: scores with intervals, what was drawn side by side, what remains open.
//!
//! The page needs nothing besides itself and has no script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lookalike::Picture;
use lookalike::encode::png;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::measured::Drawn;
use super::record::{LossRecord, Report, ValueRecord};
use crate::print::significant;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// Pictures that are shown.
const SHOWN: usize = 24;

/// The page.
pub(super) fn render(report: &Report, drawn: &Drawn) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    // Nothing is undefined in a sound template.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("page.html", PAGE)?;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let metrics: Vec<_> = report
        .metrics
        .iter()
        .map(|metric| {
            let cell = |(at, value): (usize, &ValueRecord)| {
                let ci = value.ci.map(|ci| ci.map(significant).join(" to "));
                let seeds: Vec<String> =
                    value.seeds.iter().map(|&mean| significant(mean)).collect();
                json!({
                    "mean": significant(value.mean), "ci": ci, "seeds": seeds.join(", "),
                    "best": at == metric.best,
                })
            };
            let cells: Vec<_> = metric.losses.iter().enumerate().map(cell).collect();
            let sure = report.sure(&metric.id);
            let arrow = if metric.higher_is_better { "↑" } else { "↓" };
            json!({"id": metric.id, "arrow": arrow, "cells": cells, "sure": sure.join("; ")})
        })
        .collect();
    let shown: Vec<_> = (0..drawn.originals.len().min(SHOWN))
        .map(|at| {
            let mut row = vec![inline(&drawn.originals[at].1)?];
            for of_loss in &drawn.pictures {
                row.push(inline(&of_loss[0][at])?);
            }
            Ok(row)
        })
        .collect::<anyhow::Result<_>>()?;
    let trials = |one: &LossRecord| {
        let trial = |&(rate, loss): &(f64, Option<f64>)| {
            format!("{rate}: {}", loss.map_or("no number".to_owned(), significant))
        };
        one.trials.iter().map(trial).collect::<Vec<_>>().join(", ")
    };
    let losses: Vec<_> = report
        .losses
        .iter()
        .map(|one| {
            let kl: Vec<String> = one.kl.iter().map(|&kl| significant(kl)).collect();
            json!({
                "loss": one.loss, "rate": one.rate, "trials": trials(one), "weight": one.weight,
                "kl": kl.join(", "), "seconds": format!("{:.0}", one.seconds),
            })
        })
        .collect();
    let classification: Vec<_> = report
        .classification
        .iter()
        .map(|found| {
            let codes: Vec<_> = found
                .codes
                .iter()
                .map(|code| {
                    let ci = code.ci.map(|ci| ci.map(|end| format!("{end:.4}")).join(" to "));
                    json!({"code": code.code, "accuracy": format!("{:.4}", code.accuracy), "ci": ci})
                })
                .collect();
            json!({
                "labels": found.labels, "classes": found.classes,
                "chance": format!("{:.4}", found.chance), "codes": codes,
            })
        })
        .collect();
    let names = &report.columns;
    let facts = json!({
        "policy": policy, "style": STYLE, "report": report, "names": names, "losses": losses,
        "metrics": metrics, "shown": shown, "classification": classification,
        "stochastic": report.task == "vae", "version": env!("CARGO_PKG_VERSION"),
        "preference": report.preference.display().to_string(),
    });
    Ok(environment.get_template("page.html")?.render(Serde(&facts))?)
}

/// A picture inside the page.
fn inline(picture: &Picture) -> anyhow::Result<String> {
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png(picture)?)))
}
