//! How attacks are written: a table, JSON, lines of JSON, or CSV.

use std::io::{BufWriter, Write};

use serde_json::json;

use super::record::{Distribution, Item, Report};
use crate::args::Format;
use crate::print::{align_right, plain_table, significant, tidy};

/// Writes to standard output: `--out` is the folder of the pictures.
pub(super) fn write(report: &Report, format: Format) -> anyhow::Result<()> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut output, report)?;
            writeln!(output)?;
        }
        Format::Jsonl => {
            for item in &report.items {
                serde_json::to_writer(&mut output, item)?;
                writeln!(output)?;
            }
            let Report { schema, metric, weights, target, attack, summary, errors, .. } = report;
            let rest = json!({ "schema": schema, "metric": metric, "weights": weights, "target": target,
                               "attack": attack, "summary": summary, "errors": errors });
            serde_json::to_writer(&mut output, &rest)?;
            writeln!(output)?;
        }
        Format::Csv => rows(report, &mut output)?,
        Format::Text | Format::Junit | Format::Html => text(report, &mut output)?,
    }
    output.flush()?;
    Ok(())
}

/// The header and the cells of an item.
fn cells(item: &Item) -> (&'static [&'static str], Vec<String>) {
    match item {
        Item::Decision(one) => (
            &[
                "reference",
                "left",
                "right",
                "choice",
                "flipped",
                "norm",
                "margin_before",
                "margin_after",
                "margin_picture",
                "queries",
            ],
            vec![
                one.reference.clone(),
                one.left.clone(),
                one.right.clone(),
                one.choice.to_owned(),
                one.flipped.to_string(),
                one.norm.to_string(),
                one.margin_before.to_string(),
                one.margin_after.to_string(),
                one.margin_picture.to_string(),
                one.queries.to_string(),
            ],
        ),
        Item::Distance(one) => (
            &["path", "norm", "value", "value_picture", "queries"],
            vec![
                one.path.clone(),
                one.norm.to_string(),
                one.value.to_string(),
                one.value_picture.to_string(),
                one.queries.to_string(),
            ],
        ),
        Item::Retrieval(one) => (
            &["query", "first", "first_after", "first_picture", "flipped", "norm", "queries"],
            vec![
                one.query.clone(),
                one.first.clone(),
                one.first_after.clone(),
                one.first_picture.clone(),
                one.flipped.to_string(),
                one.norm.to_string(),
                one.queries.to_string(),
            ],
        ),
    }
}

fn rows(report: &Report, output: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    for (index, item) in report.items.iter().enumerate() {
        let (header, row) = cells(item);
        if index == 0 {
            writer.write_record(header)?;
        }
        writer.write_record(row)?;
    }
    writer.flush()?;
    Ok(())
}

fn text(report: &Report, output: &mut impl Write) -> anyhow::Result<()> {
    let mut table = plain_table();
    let mut names = 0;
    for (index, item) in report.items.iter().enumerate() {
        let (header, row) = cells(item);
        if index == 0 {
            table.set_header(header.iter().map(|name| name.replace('_', " ")));
        }
        let short = row.iter().map(|cell| match cell.parse::<f64>() {
            Ok(number) if cell.contains(['.', 'e']) => significant(number),
            _ => cell.clone(),
        });
        table.add_row(short);
        names = row.iter().take_while(|cell| cell.parse::<f64>().is_err()).count();
        for column in names..row.len() {
            align_right(&mut table, column);
        }
    }
    debug_assert!(names > 0 || report.items.is_empty());
    writeln!(output, "{}", tidy(&table))?;
    let attack = &report.attack;
    writeln!(
        output,
        " {}, {} of {}, {} steps, {} start{}",
        attack.method,
        attack.norm,
        significant(attack.eps),
        attack.steps,
        attack.restarts,
        if attack.restarts == 1 { "" } else { "s" }
    )?;
    let summary = &report.summary;
    if let Some(flipped) = summary.flipped {
        writeln!(output, " {flipped} of {} gave way", summary.n)?;
    }
    let all = [("attacked", &summary.attacked), ("unrelated", &summary.unrelated)];
    for (name, found) in all.into_iter().filter_map(|(name, found)| Some((name, found.as_ref()?))) {
        let Distribution { n, mean, p10, median, p90 } = found;
        let [mean, p10, median, p90] = [mean, p10, median, p90]
            .map(|value| value.map_or_else(|| "inf".to_owned(), significant));
        writeln!(output, " {name}: mean {mean}, 10 % {p10}, median {median}, 90 % {p90}, n = {n}")?;
    }
    Ok(())
}
