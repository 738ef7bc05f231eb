//! `lookalike discover agree`: how far people agree with each other.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lookalike::judge::statistics::bootstrap::RESAMPLES;
use lookalike_discover::agreement::panel::{Panel, panel};
use lookalike_discover::votes::Votes;

use super::printing::{self, Printed, Rows, four};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "Kappas fall where nearly all pairs have one label, however well people agree: read \
                  them beside the share of similar ones, PABAK and AC1."
)]
pub(super) struct AgreeArgs {
    /// Votes: a CSV with the columns seed,candidate,rater,value
    #[arg(value_name = "VOTES")]
    votes: PathBuf,

    /// The least grade that is similar
    #[arg(long, value_name = "GRADE", default_value_t = 1)]
    threshold: u8,

    /// Resamples of seeds for intervals; 0 makes none
    #[arg(long, value_name = "N", default_value_t = RESAMPLES)]
    resamples: usize,
}

/// Runs the command.
pub(super) fn run(args: &AgreeArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "agree")?;
    let votes = Votes::read(&args.votes)?;
    let Some(found) = panel(&votes, args.threshold, args.resamples, global.seed) else {
        bail!("{}: there is no vote in it that counts", args.votes.display());
    };
    let output = Output::open(global)?;
    printing::write(&printed(&found), global, output)?;
    Ok(Status::Passed)
}

fn printed(found: &Panel) -> Printed {
    let mut rows =
        Rows::new(&["coefficient", "raters", "n", "value", "ci_low", "ci_high"], &[2, 3, 4, 5]);
    let mut coefficients = Rows::new(&["", "value", "95 % interval"], &[1, 2]);
    for (name, one) in &found.coefficients {
        let ci = one.interval.map(|interval| [interval.low, interval.high]);
        let cell = |end: usize| ci.map_or_else(String::new, |ci| ci[end].to_string());
        rows.rows.push(vec![
            (*name).to_owned(),
            "all".to_owned(),
            found.shared.to_string(),
            one.value.to_string(),
            cell(0),
            cell(1),
        ]);
        let shown =
            ci.map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.4} to {high:.4}"));
        coefficients.rows.push(vec![(*name).to_owned(), format!("{:.4}", one.value), shown]);
    }
    let mut pairs = Rows::new(
        &["raters", "pairs", "raw", "kappa", "weighted", "pabak", "ac1"],
        &[1, 2, 3, 4, 5, 6],
    );
    for pair in &found.pairs {
        let name = pair.raters.join(", ");
        let values = [
            ("raw", pair.raw),
            ("kappa", pair.kappa),
            ("weighted_kappa", pair.weighted),
            ("pabak", pair.pabak),
            ("ac1", pair.ac1),
        ];
        for (what, value) in values {
            if let Some(value) = value {
                let (n, value) = (pair.units.to_string(), value.to_string());
                rows.rows.push(vec![
                    what.to_owned(),
                    name.clone(),
                    n,
                    value,
                    String::new(),
                    String::new(),
                ]);
            }
        }
        let mut row = vec![name, pair.units.to_string()];
        row.extend(values.map(|(_, value)| four(value)));
        pairs.rows.push(row);
    }
    let mut raters = Rows::new(
        &["rater", "votes", "similar", "repeated", "same again", "accuracy"],
        &[1, 2, 3, 4, 5],
    );
    for rater in &found.raters {
        raters.rows.push(vec![
            rater.name.clone(),
            rater.votes.to_string(),
            format!("{:.4}", rater.similar),
            rater.repeated.to_string(),
            four(rater.intra),
            four(rater.accuracy),
        ]);
    }
    let head = format!(
        "{} votes on {} pairs, {} of them by several raters; {:.1} % say similar",
        found.votes,
        found.units,
        found.shared,
        100.0 * found.prevalence
    );
    let mut texts = vec![head, coefficients.text()];
    if !found.pairs.is_empty() {
        texts.push(pairs.text());
    }
    texts.push(raters.text());
    Printed { json: found.record(), items: "raters", rows, text: texts.join("\n\n") }
}
