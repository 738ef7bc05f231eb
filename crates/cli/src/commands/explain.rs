//! `lookalike compare --explain-diff`: every profile of a family on one pair, side by side.
//!
//! "Why does my other library give another number?" is answered by the row that gives it.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::bail;
use lookalike::pairing::WorkList;
use lookalike::{CoreError, MetricCard, MetricId, Want, decode, definitions, fit, preprocessing};

use super::selection::{decode_options, fit_policy, with_options};
use crate::Status;
use crate::args::{CompareArgs, Format, GlobalArgs};
use crate::output::Output;
use crate::print::{align_right, plain_table, significant, tidy};
use crate::report::Value;

/// One profile on the pair.
#[derive(serde::Serialize)]
struct Row {
    id: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// Value less that of the family's default profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<f64>,
    direction: &'static str,
    definition: &'static str,
    reproduces: &'static str,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Runs the command on its one pair.
pub(crate) fn run(
    args: &CompareArgs,
    global: &GlobalArgs,
    work: &WorkList,
) -> anyhow::Result<Status> {
    if matches!(global.format, Format::Junit | Format::Html) {
        bail!(global.format.refusal("--explain-diff"));
    }
    let ([group], true) = (work.groups.as_slice(), work.pairs() == 1) else {
        bail!("--explain-diff takes one reference and one candidate, found {} pairs", work.pairs());
    };
    let options = decode_options(args, None);
    let reference = decode::read(&group.reference, &options)?;
    let candidate = decode::read(&group.candidates[0].path, &options)?;
    let (reference, candidate) = fit(reference, candidate, fit_policy(args, None))?;
    let preprocessing = preprocessing(&reference, &candidate);
    let mut rows = Vec::new();
    for family in families(args)? {
        let mut default = None;
        for card in definitions().map(|d| d.card).filter(|card| family_of(card) == family) {
            let id = with_options(&card.id.parse()?, &args.value)?;
            let compared = match lookalike::metric(&id.to_string()) {
                Ok(metric) => metric.compare(&reference, &candidate, Want::default()),
                // A profile whose weights are not there does not hide the others.
                Err(error @ CoreError::Weights { .. }) => Err(error),
                Err(error) => return Err(error.into()),
            };
            let (value, refused) = match compared {
                Ok(score) => (Some(score.value), None),
                Err(error) => (None, Some(error.to_string())),
            };
            // The first definition of a family is its default profile.
            default = default.or(value.filter(|_| card.default_profile));
            let difference = value.zip(default).map(|(value, default)| value - default);
            rows.push(Row {
                id: id.to_string(),
                value: value.map(Value),
                difference: difference.filter(|d| d.is_finite()),
                direction: card.direction.as_str(),
                definition: card.definition,
                reproduces: card.reproduces,
                refused,
            });
        }
    }
    let mut output = Output::open(global)?;
    match global.format {
        Format::Text => {
            write_text(&mut output, &rows)?;
            for step in &preprocessing {
                writeln!(output, "{step}")?;
            }
        }
        Format::Json => {
            #[derive(serde::Serialize)]
            struct Explanation<'a> {
                schema: &'static str,
                reference: String,
                candidate: String,
                width: usize,
                height: usize,
                #[serde(skip_serializing_if = "Vec::is_empty")]
                preprocessing: Vec<String>,
                explain: &'a [Row],
            }
            let explanation = Explanation {
                schema: "lookalike.explain/1",
                reference: group.reference.display().to_string(),
                candidate: group.candidates[0].path.display().to_string(),
                width: reference.width(),
                height: reference.height(),
                preprocessing,
                explain: &rows,
            };
            serde_json::to_writer_pretty(&mut output, &explanation)?;
            writeln!(output)?;
        }
        Format::Jsonl => {
            for row in &rows {
                serde_json::to_writer(&mut output, row)?;
                writeln!(output)?;
            }
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut output);
            writer.write_record([
                "id",
                "value",
                "difference",
                "definition",
                "reproduces",
                "refused",
            ])?;
            for row in &rows {
                writer.write_record([
                    row.id.as_str(),
                    &row.value.map(|v| v.0.to_string()).unwrap_or_default(),
                    &row.difference.map(|d| d.to_string()).unwrap_or_default(),
                    row.definition,
                    row.reproduces,
                    row.refused.as_deref().unwrap_or_default(),
                ])?;
            }
            writer.flush()?;
        }
        Format::Junit | Format::Html => bail!(global.format.refusal("--explain-diff")),
    }
    output.finish()?;
    Ok(Status::Passed)
}

/// The families asked for: those of `--metric`, or the two that libraries disagree on most.
fn families(args: &CompareArgs) -> anyhow::Result<Vec<String>> {
    if args.metrics.is_empty() {
        return Ok(vec!["ssim".to_owned(), "ms-ssim".to_owned()]);
    }
    let mut families = Vec::new();
    let mut seen = BTreeSet::new();
    for text in &args.metrics {
        let id: MetricId = text.trim().parse()?;
        let family = lookalike::look_up(&id.to_string())?.0.family().to_owned();
        if seen.insert(family.clone()) {
            families.push(family);
        }
    }
    Ok(families)
}

fn family_of(card: &MetricCard) -> &'static str {
    card.id.split([':', '@']).next().unwrap_or_default()
}

fn write_text(output: &mut Output, rows: &[Row]) -> anyhow::Result<()> {
    let mut table = plain_table();
    table.set_header(["profile", "value", "difference", "reproduces"]);
    for row in rows {
        let value = match (&row.value, &row.refused) {
            (Some(value), _) => significant(value.0),
            (None, _) => "-".to_owned(),
        };
        let difference = row.difference.map(|d| format!("{d:+.2e}")).unwrap_or_default();
        let note = row.refused.clone().unwrap_or_else(|| row.reproduces.to_owned());
        table.add_row([row.id.clone(), value, difference, note]);
    }
    align_right(&mut table, 1);
    align_right(&mut table, 2);
    writeln!(output, "{}", tidy(&table))?;
    writeln!(output, "\ndifference: value less that of the family's default profile")?;
    Ok(())
}
