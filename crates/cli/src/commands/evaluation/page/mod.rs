//! An evaluation as one HTML page: scores with their intervals, bars by subset, points of metrics against
//! people, and the judgements on which they disagree most, with their pictures.
//!
//! The page needs nothing besides itself and has no script; its content security policy allows its own style
//! and the pictures inside. Everything from the run reaches it through the template, which escapes it.

mod bars;
mod disagreements;
mod points;

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lookalike::decode::DecodeOptions;
use lookalike::judge::evaluation::Answers;
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::judged_set::JudgedSet;
use super::record::{EstimateRecord, Report};
use crate::print::significant;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// What a page shows beyond the scores.
pub(super) struct Evidence<'a> {
    pub(super) set: &'a JudgedSet,
    /// As the set was named.
    pub(super) data: &'a Path,
    pub(super) answers: &'a Answers,
    /// Positions of the scored judgements in the set.
    pub(super) positions: &'a [usize],
    /// Whether each metric points upwards, so that its distances are negated scores.
    pub(super) negated: &'a [bool],
    /// By metric, in the report's order.
    pub(super) distances: &'a [Vec<f64>],
    /// How pictures are read.
    pub(super) decode: &'a DecodeOptions,
    /// Disagreements shown per metric.
    pub(super) worst: usize,
    pub(super) seed: u64,
}

/// Writes the page.
pub(super) fn write(
    report: &Report,
    evidence: &Evidence<'_>,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let mut environment = Environment::new();
    // Nothing is undefined in a sound template.
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_template("page.html", PAGE)?;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let comparisons = report.comparisons.iter().map(|one| {
        let difference = format!("{:+.4}", one.difference);
        let [p, p_holm] = [one.p, one.p_holm].map(significant);
        json!({
            "a": one.a, "b": one.b, "difference": difference, "p": p, "p_holm": p_holm,
            "sure": one.p_holm < 0.05,
        })
    });
    let metrics = report.metrics.iter().map(|metric| {
        let further = metric.further.iter().map(|(name, value)| (name, format!("{value:.4}")));
        let (score, ci) = written(metric.estimate);
        let further: Vec<_> = further.collect();
        json!({"id": metric.id, "score": score, "ci": ci, "further": further})
    });
    let human = report.human.as_ref().map(|human| {
        let (score, ci) = written(human.estimate);
        let majority = format!("{:.4}", human.majority);
        json!({"score": score, "ci": ci, "majority": majority})
    });
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{hash}'; base-uri 'none'; form-action \
         'none'"
    );
    let page = environment.get_template("page.html")?.render(Serde(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "policy": policy,
        "style": STYLE,
        "data": evidence.data.display().to_string(),
        "protocol": report.protocol,
        "layout": report.layout,
        "resize": report.resize,
        "seed": evidence.seed,
        "n": report.n,
        "human": human,
        "metrics": metrics.collect::<Vec<_>>(),
        "gates": report.gates,
        "errors": report.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "comparisons": comparisons.collect::<Vec<_>>(),
        "bars": bars::charts(report),
        "points": points::charts(report, evidence)?,
        "disagreements": disagreements::shown(report, evidence)?,
    })))?;
    writeln!(output, "{page}")?;
    Ok(())
}

fn written(estimate: EstimateRecord) -> (String, Option<String>) {
    let interval = estimate.ci.map(|[low, high]| format!("{low:.4} to {high:.4}"));
    (format!("{:.4}", estimate.score), interval)
}
