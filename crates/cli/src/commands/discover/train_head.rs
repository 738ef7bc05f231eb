//! `lookalike discover train-head`: a linear map on the vectors of a store, learned from labels.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use lookalike_discover::catalogue::records;
use lookalike_discover::embedder::behind;
use lookalike_discover::evaluation::Benchmark;
use lookalike_discover::evaluation::catalogue::metadata_of;
use lookalike_discover::evaluation::files::Files;
use lookalike_discover::head::FILE as HEAD;
use lookalike_discover::head::split::{Leakage, Split};
use lookalike_discover::head::training::{Example, HeadRecipe, train};
use lookalike_discover::store::{Embedded, EmbeddedOptions, Row, VectorStore};
use serde_json::json;

use super::evaluate::labels;
use super::printing::{self, Printed, Rows, four};
use super::{progress, stores};
use crate::Status;
use crate::args::GlobalArgs;
use crate::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "A part of the pairs is held out, and the map that does best on them is kept; what they share \
                  with the pairs that were learned from is said. The new store is searched like any other: \
                  pictures go through the model and the map."
)]
pub(super) struct TrainHeadArgs {
    /// Labels: a JSON array of {"key":[seed,candidate],"value":0|1}, or votes as CSV
    #[arg(value_name = "LABELS")]
    labels: PathBuf,

    /// The store with the vectors to start from
    #[arg(long, value_name = "DIR")]
    store: PathBuf,

    /// The store for the mapped vectors; it must not be there yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    /// The least grade that is similar
    #[arg(long, value_name = "GRADE", default_value_t = 1)]
    threshold: u8,

    /// Rounds over the labels
    #[arg(long, value_name = "N", default_value_t = HeadRecipe::default().rounds)]
    rounds: usize,

    /// The length of steps
    #[arg(long, value_name = "X", default_value_t = HeadRecipe::default().rate)]
    rate: f32,

    /// How strongly the map is held to the identity
    #[arg(long, value_name = "X", default_value_t = HeadRecipe::default().hold)]
    hold: f32,

    /// What is held out
    #[arg(long, value_enum, default_value = "products")]
    split: SplitName,

    /// The share that is held out, of seeds or of pairs
    #[arg(long, value_name = "X", default_value_t = HeadRecipe::default().held_out)]
    held_out: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// Pairs: seeds are in both parts (the open catalogue of the VSD benchmark)
    Open,
    /// Seeds: none is in both parts (its closed catalogue)
    Closed,
    /// Seeds with every product that they meet: both parts share nothing
    Products,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Open => Self::Open,
            SplitName::Closed => Self::Closed,
            SplitName::Products => Self::Products,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &TrainHeadArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "train-head")?;
    stores::only_folders(&args.store, "train-head")?;
    stores::only_folders(&args.to, "train-head")?;
    if args.to.exists() {
        bail!("{}: it is there already; name a store that is not", args.to.display());
    }
    let sound =
        args.rate > 0.0 && args.rate.is_finite() && args.hold >= 0.0 && args.hold.is_finite();
    if !sound || !(0.0..1.0).contains(&args.held_out) || args.held_out == 0.0 {
        bail!("expected --rate above 0, --hold from 0 and --held-out between 0 and 1");
    }
    let source = Embedded::read_only(&args.store, EmbeddedOptions::default())?;
    if args.store.join(HEAD).exists() {
        bail!(
            "{}: the store has a head already; learn from the one it was made of",
            args.store.display()
        );
    }
    let output = Output::open(global)?;
    let files =
        Files { metadata: metadata_of(&source)?, tags: labels(&args.labels)?, ..Files::default() };
    let benchmark = Benchmark::new(&files, &[])?;
    let ids: HashMap<String, u64> =
        records(&source)?.into_iter().map(|record| (record.path, record.id)).collect();
    let vector = |path: &str| -> anyhow::Result<Vec<f32>> {
        let row = ids.get(path).map(|&id| source.get(&[id])).transpose()?;
        match row.and_then(|mut rows| rows.pop().flatten()) {
            Some(row) => Ok(row.vector),
            None => bail!("{path} is not in the store"),
        }
    };
    let mut vectors: HashMap<usize, Vec<f32>> = HashMap::new();
    for seed in &benchmark.seeds {
        let candidates = seed.labels.iter().map(|label| benchmark.gallery[label.candidate]);
        for image in candidates.chain([seed.image]) {
            if let std::collections::hash_map::Entry::Vacant(entry) = vectors.entry(image) {
                entry.insert(vector(&benchmark.images[image].path)?);
            }
        }
    }
    let mut examples = Vec::new();
    for seed in &benchmark.seeds {
        for label in &seed.labels {
            let candidate = benchmark.gallery[label.candidate];
            if let (Some(query), Some(found)) = (vectors.get(&seed.image), vectors.get(&candidate))
            {
                examples.push(Example {
                    query,
                    candidate: found,
                    similar: label.grade >= args.threshold,
                    query_image: seed.image,
                    candidate_image: candidate,
                    query_product: benchmark.images[seed.image].product,
                    candidate_product: benchmark.images[candidate].product,
                });
            }
        }
    }
    let recipe = HeadRecipe {
        rounds: args.rounds,
        rate: args.rate,
        hold: args.hold,
        split: args.split.into(),
        held_out: args.held_out,
        seed: global.seed,
        ..HeadRecipe::default()
    };
    let bar = progress::bar(args.rounds, "rounds", global);
    let trained = train(&examples, recipe, &|round| bar.set_position(round as u64))?;
    bar.finish_and_clear();
    let gained = trained.round > 0;
    if gained {
        let fingerprint = behind(&source.describe()?.fingerprint, &trained.head)?;
        let target = Embedded::create(&args.to, &fingerprint, EmbeddedOptions::default())?;
        trained.head.write(&args.to.join(HEAD))?;
        let mut after = 0;
        loop {
            let rows = source.scan(after, 1000)?;
            let Some(last) = rows.last() else { break };
            after = last.record.id;
            let mapped = rows.into_iter().map(|row| {
                Ok(Row { vector: trained.head.apply(&row.vector)?, record: row.record })
            });
            let mapped = mapped.collect::<anyhow::Result<Vec<_>>>()?;
            if let Some((id, error)) = target.upsert(&mapped)?.failed.first() {
                bail!("row {id} cannot be stored: {error}");
            }
        }
        if let Some(pictures) = source.pictures()? {
            target.set_pictures(&pictures)?;
        }
        target.flush()?;
    }
    let [own, held, left] = trained.pairs;
    let Leakage { pairs, seeds, candidates, products } = trained.leakage;
    let mut rows = Rows::new(&["held-out pairs", "before", "after"], &[1, 2]);
    let [before, after] = trained.loss.map(|loss| four(Some(loss)));
    rows.rows.push(vec!["loss".to_owned(), before, after]);
    let [before, after] = trained.area.map(four);
    rows.rows.push(vec!["roc_auc".to_owned(), before, after]);
    let end = match gained {
        true => format!(
            "round {} was kept; {} holds the mapped vectors",
            trained.round,
            args.to.display()
        ),
        false => "no map did better than none; no store was written".to_owned(),
    };
    let text = format!(
        "{own} pairs to learn from, {held} held out, {left} left out for a product of those\nof those held out, \
         {pairs} are learned from, {seeds} share the seed, {candidates} the candidate, {products} a product\n{}\n{end}",
        rows.text()
    );
    let json = json!({
        "schema": "lookalike.train-head/1",
        "split": recipe.split.name(),
        "leakage": {"pairs": pairs, "seeds": seeds, "candidates": candidates, "products": products},
        "pairs": {"learned": own, "held_out": held, "left_out": left},
        "round": trained.round,
        "loss": {"before": trained.loss[0], "after": trained.loss[1]},
        "roc_auc": {"before": trained.area[0], "after": trained.area[1]},
        "store": gained.then(|| args.to.display().to_string()),
        "head": gained.then(|| trained.head.hash()),
    });
    printing::write(&Printed { json, items: "", rows, text }, global, output)?;
    Ok(Status::Passed)
}
