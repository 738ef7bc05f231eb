//! `lookalike judge generation`: how good generated pictures are, pair by pair and as a set.
//!
//! Pair by pair: metrics against the picture that each should have been, and edges against those of the
//! picture that it was made from. As a set: scores of features,
//! which come from files, as the networks that papers use are not part of this program. What cannot be
//! computed is `null` with the reason; nothing is put in its place.

mod arguments;
mod edges;
mod feature_file;
mod paired;
mod record;
mod scores;

pub(crate) use arguments::GenerationArgs;

use std::io::Write;

use anyhow::bail;
use lookalike::Limits;

use self::record::{GenerationRecord, Line};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::log::Log;
use crate::output::Output;
use crate::print::{align_right, plain_table, significant, tidy};
use crate::report::Tally;

/// Runs the command.
pub(crate) fn run(args: &GenerationArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if matches!(global.format, Format::Junit | Format::Html) {
        bail!(global.format.refusal("lookalike judge generation"));
    }
    // What is wrong with a file is said before minutes are spent on pictures.
    let features = scores::Sets::read(args)?;
    let output = Output::open(global)?;
    let mut paired = paired::run(args, global)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build()?;
    let mut tally = Tally::new(&Limits::default());
    let edges = pool.install(|| edges::run(args, global, &mut tally))?;
    paired.add_errors(tally.conclude(0).errors);
    let (scores, nearest) = pool.install(|| scores::all(features.as_ref(), args, global))?;
    let mut warnings = scores::warnings(features.as_ref());
    warnings.extend(scores::unlike_folders(features.as_ref(), &paired));
    let log = Log::new(0, global);
    for warning in &warnings {
        log.warn(warning);
    }
    let record =
        GenerationRecord::new(args, paired, edges, features.as_ref(), scores, nearest, warnings);
    let status = if record.errors.is_empty() { Status::Passed } else { Status::Incomplete };
    write(output, &record, global.format)?;
    Ok(status)
}

fn write(mut output: Output, record: &GenerationRecord, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut output, record)?;
            writeln!(output)?;
        }
        Format::Jsonl => {
            for line in record.lines() {
                serde_json::to_writer(&mut output, &line)?;
                writeln!(output)?;
            }
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut output);
            writer.write_record(["score", "called", "value", "deviation", "n", "note"])?;
            for line in record.lines() {
                writer.write_record([
                    line.score.as_str(),
                    line.called.unwrap_or_default(),
                    &exact(line.value),
                    &exact(line.deviation),
                    &line.n.map_or_else(String::new, |n| n.to_string()),
                    line.note(),
                ])?;
            }
            writer.flush()?;
            drop(writer);
        }
        _ => {
            let mut table = plain_table();
            table.set_header(["score", "value", "n", ""]);
            align_right(&mut table, 1);
            align_right(&mut table, 2);
            for line in record.lines() {
                table.add_row([
                    line.called.map_or_else(|| line.score.clone(), str::to_owned),
                    shown(&line),
                    line.n.map_or_else(String::new, |n| n.to_string()),
                    line.note().to_owned(),
                ]);
            }
            writeln!(output, "{}", tidy(&table))?;
        }
    }
    output.finish()
}

fn exact(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn shown(line: &Line) -> String {
    match (line.value, line.deviation) {
        (None, _) => "-".to_owned(),
        (Some(value), None) => significant(value),
        (Some(value), Some(deviation)) => {
            format!("{} ± {}", significant(value), significant(deviation))
        }
    }
}
