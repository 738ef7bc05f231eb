//! `lookalike metrics`: what can be measured, and what should be known before trusting it.

use std::io::Write;

use anyhow::bail;
use lookalike::{MetricCard, MetricId, PictureOptions, definitions, find};

use crate::Status;
use crate::args::{Format, GlobalArgs, MetricsArgs};
use crate::output::Output;
use crate::print::{plain_table, significant, tidy};

/// Runs the command.
pub(crate) fn run(args: &MetricsArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let cards = selected(args.id.as_deref())?;
    let mut output = Output::open(global)?;
    match global.format {
        Format::Text if args.id.is_none() => write_table(&mut output, &cards)?,
        Format::Text => {
            for (index, card) in cards.iter().enumerate() {
                if index > 0 {
                    writeln!(output)?;
                }
                write_card(&mut output, card)?;
            }
        }
        Format::Json => {
            let metrics: Vec<_> = cards.iter().copied().map(CardRecord::from).collect();
            let list = serde_json::json!({ "schema": "lookalike.metrics/1", "metrics": metrics });
            serde_json::to_writer_pretty(&mut output, &list)?;
            writeln!(output)?;
        }
        Format::Jsonl => {
            for card in cards {
                serde_json::to_writer(&mut output, &CardRecord::from(card))?;
                writeln!(output)?;
            }
        }
        Format::Csv => write_csv(&mut output, &cards)?,
        Format::Junit | Format::Html => bail!(global.format.refusal("lookalike metrics")),
    }
    output.finish()?;
    Ok(Status::Passed)
}

/// All cards; of a family all its profiles, default first; of a full id the one card.
fn selected(id: Option<&str>) -> anyhow::Result<Vec<&'static MetricCard>> {
    let all = definitions().map(|definition| definition.card);
    let Some(text) = id else { return Ok(all.collect()) };
    let id: MetricId = text.parse()?;
    if id.variant().is_none() && id.profile().is_none() {
        let family: Vec<_> =
            all.filter(|card| card.id.split([':', '@']).next() == Some(id.family())).collect();
        if !family.is_empty() {
            return Ok(family);
        }
    }
    match find(&id) {
        Some(definition) => Ok(vec![definition.card]),
        // The registry's error knows what was probably meant.
        None => match lookalike::metric(text) {
            Err(error) => Err(error.into()),
            Ok(_) => bail!("no card for '{text}'"),
        },
    }
}

fn write_table(output: &mut Output, cards: &[&MetricCard]) -> anyhow::Result<()> {
    let mut table = plain_table();
    table.set_header([
        "id",
        "better",
        "range",
        "equal",
        "least side",
        "colour",
        "map",
        "gradient",
        "title",
    ]);
    for card in cards {
        let yes = |flag: bool| if flag { "yes" } else { "" }.to_owned();
        table.add_row([
            card.id.to_owned(),
            card.direction.to_string(),
            range(card),
            significant(card.equal),
            card.minimum_side.to_string(),
            card.colour.as_str().to_owned(),
            yes(card.map.is_some()),
            yes(card.gradient),
            card.title.to_owned(),
        ]);
    }
    writeln!(output, "{}", tidy(&table))?;
    Ok(())
}

fn write_csv(output: &mut Output, cards: &[&MetricCard]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record([
        "id",
        "default",
        "title",
        "direction",
        "low",
        "high",
        "equal",
        "symmetric",
        "minimum_side",
        "colour",
        "map",
        "gradient",
        "source",
        "reproduces",
    ])?;
    for card in cards {
        writer.write_record([
            card.id,
            &card.default_profile.to_string(),
            card.title,
            card.direction.as_str(),
            &card.range.low.to_string(),
            &card.range.high.to_string(),
            &card.equal.to_string(),
            &card.symmetric.to_string(),
            &card.minimum_side.to_string(),
            card.colour.as_str(),
            &card.map.is_some().to_string(),
            &card.gradient.to_string(),
            card.source,
            card.reproduces,
        ])?;
    }
    writer.flush()?;
    Ok(())
}

fn range(card: &MetricCard) -> String {
    format!("{}…{}", significant(card.range.low), significant(card.range.high))
}

fn write_card(output: &mut Output, card: &MetricCard) -> anyhow::Result<()> {
    let default = if card.default_profile { " (default profile)" } else { "" };
    writeln!(output, "{}{default}", card.id)?;
    let mut line = |name: &str, text: &str| -> anyhow::Result<()> {
        if !text.is_empty() {
            writeln!(output, "  {name:<12} {text}")?;
        }
        Ok(())
    };
    line("title", card.title)?;
    line("definition", card.definition)?;
    line("source", card.source)?;
    line("reproduces", card.reproduces)?;
    let equal = significant(card.equal);
    line("direction", &format!("{} is better, {equal} for equal pictures", card.direction))?;
    line("range", &range(card))?;
    line(
        "symmetric",
        if card.symmetric { "yes" } else { "no: the order of the pictures matters" },
    )?;
    let smaller = match card.when_smaller {
        "" => String::new(),
        advice => format!("; {advice}"),
    };
    line("least side", &format!("{} pixels{smaller}", card.minimum_side))?;
    line("colour", card.colour.as_str())?;
    line(
        "input",
        if card.scene_linear { "display-coded or scene-linear" } else { "display-coded" },
    )?;
    if let Some(scale) = card.map {
        let (same, different) = (significant(scale.same), significant(scale.different));
        line("map", &format!("drawn from {same} (no difference) to {different}"))?;
    }
    line("gradient", if card.gradient { "with respect to the candidate" } else { "none" })?;
    line("weights", &card.weights.join(", "))?;
    for (name, meaning) in card.options {
        line("option", &format!("+{name}: {meaning}"))?;
    }
    line("options", &format!("of every metric: +{}", PictureOptions::NAMES.join(", +")))?;
    line("blind to", &card.blind_to.join("; "))?;
    for note in card.notes {
        line("note", note)?;
    }
    Ok(())
}

/// A card as JSON.
#[derive(serde::Serialize)]
struct CardRecord {
    id: &'static str,
    default: bool,
    title: &'static str,
    definition: &'static str,
    source: &'static str,
    reproduces: &'static str,
    direction: &'static str,
    /// Lowest and highest value; `null` where there is no bound.
    range: [Option<f64>; 2],
    /// Value of equal pictures; `null` stands for infinity.
    equal: Option<f64>,
    symmetric: bool,
    minimum_side: usize,
    when_smaller: &'static str,
    colour: &'static str,
    scene_linear: bool,
    map: Option<[f64; 2]>,
    gradient: bool,
    /// Names of the weights it needs.
    weights: &'static [&'static str],
    options: std::collections::BTreeMap<&'static str, &'static str>,
    blind_to: &'static [&'static str],
    notes: &'static [&'static str],
}

impl From<&'static MetricCard> for CardRecord {
    fn from(card: &'static MetricCard) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            id: card.id,
            default: card.default_profile,
            title: card.title,
            definition: card.definition,
            source: card.source,
            reproduces: card.reproduces,
            direction: card.direction.as_str(),
            range: [finite(card.range.low), finite(card.range.high)],
            equal: finite(card.equal),
            symmetric: card.symmetric,
            minimum_side: card.minimum_side,
            when_smaller: card.when_smaller,
            colour: card.colour.as_str(),
            scene_linear: card.scene_linear,
            map: card.map.map(|scale| [scale.same, scale.different]),
            gradient: card.gradient,
            weights: card.weights,
            options: card.options.iter().copied().collect(),
            blind_to: card.blind_to,
            notes: card.notes,
        }
    }
}
