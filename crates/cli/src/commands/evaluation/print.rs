//! How an evaluation is written.

use std::io::Write;

use anyhow::bail;
use serde_json::json;

use super::page::{self, Evidence};
use super::record::{EstimateRecord, Report, SubsetHumanRecord};
use crate::args::Format;
use crate::output::Output;
use crate::print::{align_right, plain_table, significant, tidy};

/// Refuses formats that have no place for scores of metrics, before anything is computed.
pub(super) fn check(format: Format) -> anyhow::Result<()> {
    if format == Format::Junit {
        bail!(format.refusal("lookalike judge eval"));
    }
    Ok(())
}

pub(super) fn write(
    report: &Report,
    evidence: &Evidence<'_>,
    format: Format,
    mut output: Output,
) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut output, report)?;
            writeln!(output)?;
        }
        Format::Jsonl => lines(report, &mut output)?,
        Format::Csv => table(report, &mut output)?,
        Format::Html => page::write(report, evidence, &mut output)?,
        Format::Text | Format::Junit => text(report, &mut output)?,
    }
    output.finish()
}

/// One line per metric, then the rest.
fn lines(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    for metric in &report.metrics {
        serde_json::to_writer(&mut *output, metric)?;
        writeln!(output)?;
    }
    let Report { schema, protocol, layout, n, resize, human, comparisons, gates, errors, .. } =
        report;
    let rest = json!({
        "schema": schema, "protocol": protocol, "layout": layout, "n": n, "resize": resize,
        "human": human, "comparisons": comparisons, "gates": gates, "errors": errors,
    });
    serde_json::to_writer(&mut *output, &rest)?;
    writeln!(output)?;
    Ok(())
}

/// One row per metric and subset; an empty subset is all of it.
fn table(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(["id", "subset", "n", "score", "ci_low", "ci_high"])?;
    let mut row = |id: &str, subset: &str, n: usize, score: Option<f64>, ci: Option<[f64; 2]>| {
        let cell = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let [low, high] = [ci.map(|ci| ci[0]), ci.map(|ci| ci[1])].map(cell);
        writer.write_record([id, subset, &n.to_string(), &cell(score), &low, &high])
    };
    if let Some(human) = &report.human {
        row("human", "", report.n, Some(human.estimate.score), human.estimate.ci)?;
        for (name, subset) in &human.subsets {
            row("human", name, subset.n, Some(subset.score), None)?;
        }
    }
    for metric in &report.metrics {
        row(&metric.id, "", report.n, Some(metric.estimate.score), metric.estimate.ci)?;
        for (name, subset) in &metric.subsets {
            row(&metric.id, name, subset.n, subset.score, subset.ci)?;
        }
        let Some(robust) = &metric.robust else { continue };
        let n = robust.majority_n;
        let (natural, ci) = (Some(robust.natural_majority), robust.natural_majority_ci);
        row(&metric.id, "natural, majority", n, natural, ci)?;
        for found in &robust.robust {
            let name = |kind: &str| format!("{kind} {}", found.threat);
            row(&metric.id, &name(found.attack), n, Some(found.empirical), found.empirical_ci)?;
            row(&metric.id, &name("certified"), n, found.certified, found.certified_ci)?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn interval(ci: Option<[f64; 2]>) -> String {
    ci.map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.4} to {high:.4}"))
}

/// Natural, empirical and certified scores, a row for each metric and threat.
fn robust(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let mut table = plain_table();
    let mut count = None;
    for metric in &report.metrics {
        let Some(robust) = &metric.robust else { continue };
        count = Some(robust.majority_n);
        for found in &robust.robust {
            let number = |value: f64| format!("{value:.4}");
            table.add_row([
                metric.id.clone(),
                found.threat.clone(),
                number(robust.natural_majority),
                interval(robust.natural_majority_ci),
                number(found.empirical),
                interval(found.empirical_ci),
                found.certified.map_or_else(|| "-".to_owned(), number),
                interval(found.certified_ci),
                found.attack.to_owned(),
            ]);
        }
    }
    let Some(count) = count else { return Ok(()) };
    table.set_header([
        &format!("under attack, n = {count}"),
        "length",
        "natural",
        "95 % interval",
        "attacked",
        "95 % interval",
        "certified",
        "95 % interval",
        "attack",
    ]);
    for column in 2..8 {
        align_right(&mut table, column);
    }
    writeln!(output, "\n{}", tidy(&table))?;
    Ok(())
}

fn text(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let Some(first) = report.metrics.first() else { return Ok(()) };
    let subsets: Vec<&String> = first.subsets.keys().collect();
    let further: Vec<&str> = first.further.keys().copied().collect();
    let mut table = plain_table();
    let mut header = vec![format!("{}, n = {}", report.protocol, report.n)];
    header.extend(["score".to_owned(), "95 % interval".to_owned()]);
    header.extend(further.iter().map(|name| (*name).to_owned()));
    header.extend(subsets.iter().map(|name| (*name).clone()));
    let columns = header.len();
    table.set_header(header);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    let cells = |name: &str, estimate: EstimateRecord| {
        vec![name.to_owned(), format!("{:.4}", estimate.score), interval(estimate.ci)]
    };
    if let Some(human) = &report.human {
        let majority = EstimateRecord { score: human.majority, ci: None };
        type OfSubset = fn(&SubsetHumanRecord) -> f64;
        let rows: [(&str, EstimateRecord, OfSubset); 2] = [
            ("human", human.estimate, |subset| subset.score),
            ("majority", majority, |subset| subset.majority),
        ];
        for (name, estimate, of) in rows {
            let mut row = cells(name, estimate);
            row.extend(further.iter().map(|_| String::new()));
            let score = |name: &&String| human.subsets.get(*name).map(of);
            row.extend(subsets.iter().map(|name| number(score(name))));
            table.add_row(row);
        }
    }
    for metric in &report.metrics {
        let mut row = cells(&metric.id, metric.estimate);
        row.extend(further.iter().map(|name| number(metric.further.get(name).copied())));
        let score = |name: &&String| metric.subsets.get(*name).and_then(|subset| subset.score);
        row.extend(subsets.iter().map(|name| number(score(name))));
        table.add_row(row);
    }
    for column in 1..columns {
        align_right(&mut table, column);
    }
    writeln!(output, "{}", tidy(&table))?;
    robust(report, output)?;
    if !report.comparisons.is_empty() {
        let mut table = plain_table();
        table.set_header(["comparison", "difference", "p", "p (Holm)"]);
        for one in &report.comparisons {
            let pair = format!("{} - {}", one.a, one.b);
            let difference = format!("{:+.4}", one.difference);
            table.add_row([pair, difference, significant(one.p), significant(one.p_holm)]);
        }
        for column in 1..4 {
            align_right(&mut table, column);
        }
        writeln!(output, "\n{}", tidy(&table))?;
    }
    for gate in &report.gates {
        let verdict = if gate.failed > 0 { "failed" } else { "passed" };
        writeln!(output, "gate {}: {verdict}", gate.rule)?;
    }
    Ok(())
}
