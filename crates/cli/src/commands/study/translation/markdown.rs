//! The study as Markdown: figures that any machine gives, then those of this one.

use super::record::{Report, RowRecord, ValueRecord, short};

/// The page.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!(
        "# What each part of a translation buys\n\n\
         Written by `{}` with lookalike {}.\n\n{}\n\n{}\n\n",
        report.command,
        report.version,
        setting(report),
        reading(report),
    );
    text.push_str(&format!("| row | rests on | {} |\n", report.headings().join(" | ")));
    text.push_str(&format!("|---|---|{}\n", "---:|".repeat(report.columns.len())));
    for row in &report.rows {
        let cells: Vec<String> = row.values.iter().map(ValueRecord::text).collect();
        text.push_str(&format!("| {} | {} | {} |\n", row.name, row.rests_on(), cells.join(" | ")));
    }
    text.push('\n');
    for column in &report.columns {
        if let Some(what) = &column.what {
            text.push_str(&format!("- {}: {what}.\n", column.id));
        }
    }
    if !report.left_out.is_empty() {
        text.push_str("\n## Left out\n\n");
        for one in &report.left_out {
            text.push_str(&format!("- {}: {}.\n", one.name, one.reason));
        }
    }
    text.push_str(
        "\n## What was drawn\n\nSome held-out pairs from left to right. From top to bottom the sources, the targets, and \
         what the first seed's run of every row draws, in the order of the table.\n\n![what was drawn](drawn.png)\n\n\
         ## Rows\n\n| row | what it is | parameters | multiply-accumulates of an example, forwards | evaluations for a picture |\n\
         |---|---|---:|---:|---:|\n",
    );
    for row in &report.rows {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            row.name,
            row.what,
            parameters(row),
            multiplications(row),
            row.evaluations
        ));
    }
    text.push_str(&format!(
        "\nData: sha256 `{}`.\n\n## Wall times\n\n{}\n\n",
        report.data.sha256, TIMES
    ));
    text.push_str(
        "| row | training s | drawing s for a picture | threads |\n|---|---:|---:|---:|\n",
    );
    for row in &report.rows {
        let [training, drawing] =
            [&row.training_seconds, &row.drawing_seconds].map(ValueRecord::text);
        text.push_str(&format!("| {} | {training} | {drawing} | {} |\n", row.name, row.threads));
    }
    text
}

/// What wall times are.
pub(super) const TIMES: &str = "Of the machine that ran it, with whatever else it did: of one run, with its sample grids, and of a \
                                picture among those that all threads drew.";

/// What was learned from and measured on.
pub(super) fn setting(report: &Report) -> String {
    let seeds: Vec<String> = report.seeds.iter().map(u64::to_string).collect();
    format!(
        "{} at {side}x{side}: {} learned from, {} of {} that were held out measured on. Transformer {}, patches of {}; {} \
         steps of {} pairs for every network; seeds {}.",
        capitalised(&report.data.what),
        report.data.learned,
        report.evaluated,
        report.data.held_out,
        report.size,
        report.patch,
        report.steps,
        report.batch,
        seeds.join(", "),
        side = report.side,
    )
}

/// How the table is to be read.
pub(super) fn reading(report: &Report) -> String {
    let one = |row: &&RowRecord| row.seeds.len() == 1;
    let single: Vec<&str> = report.rows.iter().filter(one).map(|row| row.name).collect();
    let mut text = "All networks learn from the same pairs, those of a seed in the same order, and rows that \
                    draw from noise draw a pair from the same. Figures are means over the held-out pairs in 8 bits, then over seeds, with the standard \
                    deviation over seeds after ±. Metrics are to the paired target, which is one of many pictures that a \
                    source may stand for. That a row does well by a metric that it learned under proves nothing."
        .to_owned();
    if !single.is_empty() {
        text.push_str(&format!(
            " One seed says nothing of how much another would change: {}.",
            single.join(", ")
        ));
    }
    text
}

/// With those of a discriminator.
pub(super) fn parameters(row: &RowRecord) -> String {
    match row.discriminator {
        Some(discriminator) => format!("{} and {discriminator} that judge", row.parameters),
        None => row.parameters.to_string(),
    }
}

/// In millions.
pub(super) fn multiplications(row: &RowRecord) -> String {
    if row.evaluations == 0 {
        return "none".to_owned();
    }
    let millions = |count: u64| format!("{} million", short(count as f64 / 1e6));
    row.multiply_accumulates.map_or("not counted".to_owned(), millions)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
