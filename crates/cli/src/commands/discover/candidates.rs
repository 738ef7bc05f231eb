//! `lookalike discover candidates`: pairs that people should be asked about.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lookalike::pairing::{self, Separator};
use lookalike_discover::candidates::file;
use lookalike_discover::candidates::pool::{Generator, PoolOptions, draw_seeds, pool};
use lookalike_discover::candidates::{Candidate, Proposal, Stratum};
use lookalike_discover::evaluation::catalogue::{metadata_of, vectors_of};
use lookalike_discover::evaluation::files::{Files, Tag};
use lookalike_discover::evaluation::report::Ranked;
use lookalike_discover::evaluation::{Benchmark, Level, audit};
use lookalike_discover::store::VectorStore;
use serde_json::json;

use super::evaluate::labels;
use super::printing::{self, Printed, Rows};
use super::progress;
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::inputs::standard_input;
use crate::log::Log;
use crate::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "Without --format the pairs are written one JSON object a line, as `evaluate \
                  --candidates` reads them. Several stores of one catalogue, each with its own model, are \
                  several generators: what only one of them proposes can then be told from what others do."
)]
pub(super) struct CandidatesArgs {
    /// Stores of one catalogue, one per generator: folders, or addresses of servers
    #[arg(long, value_name = "DIR|ADDRESS,…", value_delimiter = ',', required = true)]
    store: Vec<PathBuf>,

    /// Seeds, as paths in the store, one a line; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "seed_count")]
    seeds: Option<PathBuf>,

    /// Draw this many seeds, of different products, from all categories in turn
    #[arg(long, value_name = "N", default_value_t = 100)]
    seed_count: usize,

    /// How many each generator proposes for a seed
    #[arg(long, value_name = "K", default_value_t = 9)]
    depth: usize,

    /// How many more to draw from what no generator proposed, such as random:2
    #[arg(long, value_name = "random:N", value_parser = random, default_value = "random:0")]
    negatives: usize,

    /// Only candidates of the seed's own category
    #[arg(long)]
    same_category: bool,

    /// Draw N unlabelled results among the first K of every labelled seed of one new model, to estimate its
    /// hit ratio without labelling all of them; K is --depth
    #[arg(long, value_name = "N", requires = "labels", conflicts_with_all = ["seeds", "seed_count"])]
    audit: Option<usize>,

    /// The labels that are there: a JSON array of {"key":[seed,candidate],"value":0|1}, or votes. Their seeds
    /// are asked about again, unless others are named, and pairs that have a label are left out: the next round
    #[arg(long, value_name = "FILE", conflicts_with = "seed_count")]
    labels: Option<PathBuf>,

    /// The most candidates of a seed that generators may propose together; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    most: usize,

    #[command(flatten)]
    server: ServerArgs,
}

fn random(text: &str) -> Result<usize, String> {
    let number = text.strip_prefix("random:").and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("expected random:N, found '{text}'"))
}

/// Runs the command.
pub(super) fn run(args: &CandidatesArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "candidates")?;
    if args.depth == 0 {
        bail!("--depth takes a number from 1");
    }
    let named = stores::named(&args.store, &args.server)?;
    let output = Output::open(global)?;
    let Some((model, first)) = named.first() else { bail!("expected a store") };
    if let (Some(size), Some(labels)) = (args.audit, &args.labels) {
        if named.len() > 1 {
            bail!("--audit takes the store of one model, found {}", named.len());
        }
        let (all, seeds) = audited(model, first.as_ref(), labels, args.depth, size, global.seed)?;
        written(&all, seeds, global, output)?;
        return Ok(Status::Passed);
    }
    let known = args.labels.as_deref().map(labels).transpose()?;
    let seeds = match (&args.seeds, &known) {
        (None, Some(tags)) => {
            let mut seen = BTreeSet::new();
            let seeds = tags.iter().map(|tag| &tag.key[0]);
            seeds.filter(|seed| seen.insert(seed.as_str())).cloned().collect()
        }
        (Some(path), _) => {
            let bytes = match path.as_os_str() == "-" {
                true => standard_input()?,
                false => std::fs::read(path)
                    .with_context(|| format!("{}: cannot read", path.display()))?,
            };
            let paths = pairing::parse_paths(&bytes, Separator::Line)?;
            paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
        }
        (None, None) => draw_seeds(first.as_ref(), args.seed_count, global.seed)?,
    };
    let generators: Vec<Generator<'_>> = named
        .iter()
        .map(|(model, store)| Generator { model: model.clone(), store: store.as_ref() })
        .collect();
    let options = PoolOptions {
        depth: args.depth,
        random: args.negatives,
        same_category: args.same_category,
        most: args.most,
        seed: global.seed,
    };
    let bar = progress::bar(seeds.len(), "seeds", global);
    let all = pool(&generators, &seeds, &options, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let all = match &known {
        None => all,
        Some(tags) => {
            let (open, labelled) = unlabelled(all, tags);
            Log::new(0, global).warn(&match open.len() {
                0 => format!(
                    "all {labelled} pairs have a label: another round would ask for nothing"
                ),
                count => {
                    format!("{labelled} pairs have a label, {count} are left for another round")
                }
            });
            open
        }
    };
    written(&all, seeds.len(), global, output)?;
    Ok(Status::Passed)
}

/// The candidates that nobody has labelled, in either order of the pair, and how many of the pool have a label.
fn unlabelled(all: Vec<Candidate>, tags: &[Tag]) -> (Vec<Candidate>, usize) {
    let known: BTreeSet<[&str; 2]> = tags
        .iter()
        .flat_map(|tag| {
            let [seed, candidate] = [&tag.key[0], &tag.key[1]].map(String::as_str);
            [[seed, candidate], [candidate, seed]]
        })
        .collect();
    let before = all.len();
    let mut open = all;
    open.retain(|one| !known.contains(&[one.seed.as_str(), one.candidate.as_str()]));
    let labelled = before - open.len();
    (open, labelled)
}

/// Unlabelled results of a model, drawn at random, and of how many seeds.
fn audited(
    model: &str,
    store: &dyn VectorStore,
    labelled: &Path,
    k: usize,
    size: usize,
    seed: u64,
) -> anyhow::Result<(Vec<Candidate>, usize)> {
    let metadata = metadata_of(store)?;
    let files = Files { metadata, tags: labels(labelled)?, ..Files::default() };
    let benchmark = Benchmark::new(&files, &[])?;
    let vectors = vectors_of(model, store, &benchmark)?;
    let ranked = Ranked::new(model, &benchmark, &vectors, k)?;
    let score = |seed: usize, place: usize| {
        let [seed, other] = [benchmark.seeds[seed].image, benchmark.gallery[place]];
        vectors.cosines(seed, &[other]).ok().and_then(|found| found.first().copied()).unwrap_or(0.0)
    };
    let level = Level::Product;
    let drawn = audit::draw(&benchmark, &ranked.rankings, level, k, size, seed);
    let candidate = |&(seed, place): &audit::Drawn| {
        let ranking = &ranked.rankings[seed];
        let open = audit::unlabelled(&benchmark, ranking, level, k).len();
        let rank = ranking.head.iter().position(|&other| other == place).unwrap_or_default();
        Candidate {
            seed: benchmark.seed_path(seed).to_owned(),
            candidate: benchmark.gallery_path(place).to_owned(),
            proposals: vec![Proposal { model: model.to_owned(), rank, score: score(seed, place) }],
            stratum: Stratum::Audit,
            p_incl: size.min(open) as f64 / open.max(1) as f64,
        }
    };
    Ok((drawn.iter().map(candidate).collect(), benchmark.seeds.len()))
}

fn written(
    all: &[Candidate],
    seeds: usize,
    global: &GlobalArgs,
    mut output: Output,
) -> anyhow::Result<()> {
    if matches!(global.format, Format::Text | Format::Jsonl) {
        file::write(all, &mut output)?;
        output.flush()?;
        return output.finish();
    }
    let header = ["seed", "candidate", "stratum", "p_incl", "models", "best_rank"];
    let mut rows = Rows::new(&header, &[3, 5]);
    for one in all {
        let models: Vec<&str> = one.proposals.iter().map(|p| p.model.as_str()).collect();
        let best = one.proposals.iter().map(|p| p.rank).min();
        let stratum = match one.stratum {
            Stratum::Pool => "pool",
            Stratum::Random => "random",
            Stratum::Audit => "audit",
        };
        rows.rows.push(vec![
            one.seed.clone(),
            one.candidate.clone(),
            stratum.to_owned(),
            one.p_incl.to_string(),
            models.join(" "),
            best.map_or_else(String::new, |rank| rank.to_string()),
        ]);
    }
    let json = json!({
        "schema": "lookalike.candidates/1", "seeds": seeds, "pairs": all.len(), "candidates": all,
    });
    printing::write(
        &Printed { json, items: "candidates", rows, text: String::new() },
        global,
        output,
    )
}
