//! `lookalike discover evaluate`: models scored by labels.

mod gate;
mod input;
mod print;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use lookalike::judge::statistics::{bootstrap::RESAMPLES, permutation::PERMUTATIONS};
use lookalike_discover::candidates::file as candidate_file;
use lookalike_discover::evaluation::record::{Report, Settings};
use lookalike_discover::evaluation::report::Ranked;
use lookalike_discover::evaluation::rounds;
use lookalike_discover::evaluation::task::Task;
use lookalike_discover::evaluation::uncertainty::Sampling;
use lookalike_discover::evaluation::{Benchmark, Level, Rules};

use self::gate::Gate;
use super::stores::ServerArgs;
use super::{printing, progress};
use crate::Status;
use crate::args::GlobalArgs;
use crate::log::Log;
use crate::output::Output;

use self::input::VectorFile;
pub(super) use self::input::labels;

#[derive(Debug, Args)]
#[command(
    after_help = "Labels come from the first results of some models, so what is not labelled is no miss: \
                  read hr beside its bounds and coverage, and prefer ehr, dcs and bpref between models of \
                  which some chose the candidates."
)]
pub(super) struct EvaluateArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,

    /// Fail (exit 1) unless the score of every model meets the rule, such as 'hr@9>=0.3'
    #[arg(long = "gate", value_name = "RULE", value_parser = Gate::parse)]
    gates: Vec<Gate>,
}

/// What is evaluated, and how.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// A folder with metadata.json, labels.json and, where there are any, seeds.json and manifest.json
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,

    /// Labels: a JSON array of {"key":[seed,candidate],"value":0|1}, or votes as CSV
    #[arg(long, value_name = "FILE", required_unless_present = "folder")]
    pub(super) labels: Option<PathBuf>,

    /// The images of the benchmark [default: the rows of the first store]
    #[arg(long, value_name = "FILE")]
    pub(super) metadata: Option<PathBuf>,

    /// The seeds [default: those that labels name]
    #[arg(long, value_name = "FILE")]
    pub(super) seeds: Option<PathBuf>,

    /// The images that belong to the task
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,

    /// The task of the VSD benchmark that this is: seeds and gallery must be of its kind, and labels that models
    /// learned from must not be those that judge them
    #[arg(long, value_name = "NAME", value_parser = Task::ALL.map(Task::name))]
    pub(super) task: Option<String>,

    /// Labels that models learned from, which the task says must be of other pairs, or of other seeds
    #[arg(long, value_name = "FILE", requires = "task")]
    pub(super) learned: Option<PathBuf>,

    /// Only images of this phase are in the gallery; may be repeated
    #[arg(long, value_name = "PHASE")]
    pub(super) gallery_phase: Vec<String>,

    /// Models: stores with vectors of the images, by path: folders, or addresses of servers
    #[arg(
        long,
        value_name = "DIR|ADDRESS,…",
        value_delimiter = ',',
        required_unless_present = "vectors"
    )]
    pub(super) store: Vec<PathBuf>,

    /// A model whose vectors were made elsewhere: a NumPy array with a row for each image of --metadata, in
    /// its order; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = VectorFile::parse)]
    pub(super) vectors: Vec<VectorFile>,

    /// Candidates, for who proposed each pair: what generators gain from it
    #[arg(long, value_name = "FILE")]
    pub(super) candidates: Option<PathBuf>,

    /// Lengths of lists
    #[arg(short, long = "at", value_name = "K,…", value_delimiter = ',', default_values_t = [5, 9])]
    pub(super) k: Vec<usize>,

    /// What counts as an answer [default: product]
    #[arg(long, value_enum)]
    pub(super) level: Option<LevelName>,

    /// The least grade that is similar
    #[arg(long, value_name = "GRADE", default_value_t = 1)]
    pub(super) threshold: u8,

    /// Count as a published evaluator does: vsd2023 takes the labelled image for the answer, and keeps
    /// contradicting labels
    #[arg(long, value_name = "NAME", value_parser = ["vsd2023"], conflicts_with_all = ["level", "threshold"])]
    pub(super) compat: Option<String>,

    /// Resamples of seeds for intervals; 0 makes none
    #[arg(long, value_name = "N", default_value_t = RESAMPLES)]
    pub(super) resamples: usize,

    /// The share of a model's first results that is to have labels; below it another round of labelling is
    /// worth it
    #[arg(long, value_name = "SHARE", default_value_t = rounds::ENOUGH)]
    pub(super) coverage_target: f64,

    /// Exchanges of signs for every comparison of two models; 0 makes none
    #[arg(long, value_name = "N", default_value_t = PERMUTATIONS)]
    pub(super) permutations: usize,

    #[command(flatten)]
    pub(super) server: ServerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelName {
    /// Any image of the product of which an image was labelled
    Product,
    /// The labelled image itself
    Image,
}

/// An evaluation, with what pages show besides.
pub(super) struct Evaluated {
    pub(super) report: Report,
    pub(super) benchmark: Benchmark,
    pub(super) ranked: Vec<Ranked>,
    pub(super) rules: Rules,
}

/// Runs the command.
pub(super) fn run(args: &EvaluateArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "evaluate")?;
    let output = Output::open(global)?;
    let mut report = evaluated(&args.run, global)?.report;
    report.gates = args.gates.iter().map(|gate| gate.check(&report)).collect::<Result<_, _>>()?;
    let log = Log::new(0, global);
    for gate in report.gates.iter().filter(|gate| gate.failed > 0) {
        log.warn(&format!("gate {}: failed by {}", gate.rule, gate.failures.join(", ")));
    }
    let failed = report.gates.iter().any(|gate| gate.failed > 0);
    print::write(&report, global, output)?;
    Ok(if failed { Status::GateFailed } else { Status::Passed })
}

/// Evaluates.
pub(super) fn evaluated(args: &RunArgs, global: &GlobalArgs) -> anyhow::Result<Evaluated> {
    if args.k.is_empty() || args.k.contains(&0) {
        bail!("--at takes numbers from 1, such as 5,9");
    }
    if !(0.0..=1.0).contains(&args.coverage_target) {
        bail!("--coverage-target takes a share from 0 to 1, found {}", args.coverage_target);
    }
    let rules = match &args.compat {
        Some(_) => Rules::VSD2023,
        None => Rules {
            level: match args.level {
                Some(LevelName::Image) => Level::Image,
                Some(LevelName::Product) | None => Level::Product,
            },
            threshold: args.threshold,
        },
    };
    let read = input::read(args)?;
    let benchmark = match &args.compat {
        Some(_) => Benchmark::vsd2023(&read.files, &args.gallery_phase)?,
        None => Benchmark::new(&read.files, &args.gallery_phase)?,
    };
    let task = args.task.as_deref().and_then(Task::of);
    if let Some(task) = task {
        let learned = args.learned.as_deref().map(labels).transpose()?;
        task.check(&benchmark, &args.gallery_phase, learned.as_deref())?;
    }
    let log = Log::new(0, global);
    let dropped = &benchmark.dropped;
    for (count, what) in [
        (dropped.unknown_seed, "name a seed that is not among the images"),
        (dropped.unknown_candidate, "name a candidate that is not in the gallery"),
        (dropped.contradictory, "contradict another label of the same pair"),
        (dropped.own_product, "are of the seed's own product"),
    ] {
        if count > 0 {
            log.warn(&format!("{count} labels {what}, and are left out"));
        }
    }
    let mut ks = args.k.clone();
    ks.sort_unstable();
    ks.dedup();
    let sampling =
        Sampling { resamples: args.resamples, permutations: args.permutations, seed: global.seed };
    let coverage = args.coverage_target;
    let settings = Settings { compat: args.compat.clone(), task, rules, ks, sampling, coverage };
    let bar = progress::bar(read.models(), "models", global);
    let mut ranked: Vec<Ranked> = Vec::new();
    read.each_model(&benchmark, |id, embeddings| {
        if ranked.iter().any(|known| known.id == id) {
            bail!("there are two models called {id}; give one of them another name");
        }
        ranked.push(Ranked::new(&id, &benchmark, &embeddings, settings.head())?);
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    let candidates = args.candidates.as_deref().map(candidate_file::read).transpose()?;
    let report = Report::new(&benchmark, &ranked, &settings, candidates.as_deref())?;
    Ok(Evaluated { report, benchmark, ranked, rules })
}
