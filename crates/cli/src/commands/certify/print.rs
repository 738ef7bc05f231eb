//! How certificates are written.

use std::io::Write;

use serde_json::json;

use super::record::{Item, RadiusRecord, Report};
use crate::args::Format;
use crate::output::Output;
use crate::print::{align_right, plain_table, significant, tidy};

pub(super) fn write(report: &Report, format: Format, mut output: Output) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut output, report)?;
            writeln!(output)?;
        }
        Format::Jsonl => lines(report, &mut output)?,
        Format::Csv => rows(report, &mut output)?,
        Format::Text | Format::Junit | Format::Html => text(report, &mut output)?,
    }
    output.finish()
}

/// One line per item, then the rest.
fn lines(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    for item in &report.items {
        serde_json::to_writer(&mut *output, item)?;
        writeln!(output)?;
    }
    let Report { schema, metric, weights, errors, .. } = report;
    let rest = json!({ "schema": schema, "metric": metric, "weights": weights, "errors": errors });
    serde_json::to_writer(&mut *output, &rest)?;
    writeln!(output)?;
    Ok(())
}

/// A radius in a cell: infinite ones as `inf`, unknown ones empty.
fn cell(radius: &RadiusRecord, value: Option<f64>) -> String {
    match value {
        Some(value) => value.to_string(),
        None if radius.infinite && radius.reason.is_none() => "inf".to_owned(),
        None => String::new(),
    }
}

/// One row per item, or per result of a query.
fn rows(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    for (index, item) in report.items.iter().enumerate() {
        let first = index == 0;
        match item {
            Item::Triplet(one) => {
                if first {
                    writer.write_record([
                        "reference",
                        "left",
                        "right",
                        "choice",
                        "distance_left",
                        "distance_right",
                        "radius_pixels",
                        "radius_network",
                        "radius_compat",
                        "compat_holds",
                    ])?;
                }
                let radius = &one.radius;
                let text = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
                writer.write_record([
                    one.reference.clone(),
                    one.left.clone(),
                    one.right.clone(),
                    one.choice.to_owned(),
                    one.distances.left.to_string(),
                    one.distances.right.to_string(),
                    cell(radius, radius.pixels),
                    cell(radius, radius.network),
                    text(radius.compat),
                    radius.compat_holds.map(|holds| holds.to_string()).unwrap_or_default(),
                ])?;
            }
            Item::Value(one) => {
                if first {
                    writer.write_record([
                        "reference",
                        "candidate",
                        "distance",
                        "eps",
                        "eps_reference",
                        "low",
                        "high",
                    ])?;
                }
                let end = |at: usize| one.interval.map(|ends| ends[at].to_string());
                writer.write_record([
                    one.reference.clone(),
                    one.candidate.clone(),
                    one.distance.to_string(),
                    one.eps.to_string(),
                    one.eps_reference.to_string(),
                    end(0).unwrap_or_default(),
                    end(1).unwrap_or_default(),
                ])?;
            }
            Item::Query(one) => {
                if first {
                    writer.write_record([
                        "query",
                        "rank",
                        "path",
                        "distance",
                        "radius_pixels",
                        "radius_network",
                        "set_pixels",
                        "set_network",
                    ])?;
                }
                for result in &one.results {
                    writer.write_record([
                        one.query.clone(),
                        result.rank.to_string(),
                        result.path.clone(),
                        result.distance.to_string(),
                        cell(&result.radius, result.radius.pixels),
                        cell(&result.radius, result.radius.network),
                        cell(&one.radius, one.radius.pixels),
                        cell(&one.radius, one.radius.network),
                    ])?;
                }
            }
        }
    }
    writer.flush()?;
    Ok(())
}

/// A radius for people: with its share of 255, the unit of tables in papers.
fn spoken(radius: &RadiusRecord, value: Option<f64>) -> String {
    match value {
        Some(value) => format!("{} ({}/255)", significant(value), significant(value * 255.0)),
        None if radius.infinite && radius.reason.is_none() => "any".to_owned(),
        None => "none".to_owned(),
    }
}

fn text(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let mut table = plain_table();
    let mut notes = Vec::new();
    for (index, item) in report.items.iter().enumerate() {
        let first = index == 0;
        let (radius, evidence) = match item {
            Item::Triplet(one) => {
                if first {
                    table.set_header([
                        "reference",
                        "nearer",
                        "left",
                        "right",
                        "radius",
                        "as the network sees it",
                        "as published",
                    ]);
                }
                let published = match (one.radius.compat, one.radius.compat_holds) {
                    (Some(radius), Some(true)) => significant(radius),
                    (Some(radius), _) => format!("{} (not proved)", significant(radius)),
                    _ => "-".to_owned(),
                };
                table.add_row([
                    one.reference.clone(),
                    one.choice.to_owned(),
                    significant(one.distances.left),
                    significant(one.distances.right),
                    spoken(&one.radius, one.radius.pixels),
                    spoken(&one.radius, one.radius.network),
                    published,
                ]);
                (Some(&one.radius), &one.evidence)
            }
            Item::Value(one) => {
                table.set_header(["reference", "candidate", "distance", "at least", "at most"]);
                let end = |at: usize| one.interval.map(|ends| significant(ends[at]));
                table.add_row([
                    one.reference.clone(),
                    one.candidate.clone(),
                    significant(one.distance),
                    end(0).unwrap_or_else(|| "-".to_owned()),
                    end(1).unwrap_or_else(|| "-".to_owned()),
                ]);
                notes.extend(one.reason.clone());
                (None, &one.evidence)
            }
            Item::Query(one) => {
                if first {
                    table.set_header(["query", "rank", "nearest", "distance", "stays within"]);
                }
                for result in &one.results {
                    table.add_row([
                        one.query.clone(),
                        result.rank.to_string(),
                        result.path.clone(),
                        significant(result.distance),
                        spoken(&result.radius, result.radius.pixels),
                    ]);
                }
                (Some(&one.radius), &one.evidence)
            }
        };
        notes.extend(radius.and_then(|radius| radius.reason.clone()));
        if first {
            notes.push(format!(
                "Lipschitz constant at most {} ({}); radii are shortened by {} for rounding ({})",
                evidence.lipschitz.bound,
                evidence.lipschitz.how,
                significant(evidence.rounding.reduction),
                evidence.rounding.how
            ));
        }
    }
    align_right(
        &mut table,
        if matches!(report.items.first(), Some(Item::Query(_))) { 1 } else { 2 },
    );
    align_right(&mut table, 3);
    writeln!(output, "{}", tidy(&table))?;
    let mut said: Vec<&String> = Vec::new();
    for note in &notes {
        if !said.contains(&note) {
            writeln!(output, " {note}")?;
            said.push(note);
        }
    }
    Ok(())
}
