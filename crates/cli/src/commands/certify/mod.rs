//! `lookalike certify`: by how much a picture may change before a metric decides otherwise.
//!
//! Three pictures, or judgements of triplets: which of two is nearer to a reference, and the radius around the
//! reference within which that holds. Two pictures and `--eps`: what their distance stays between. A gallery:
//! the nearest pictures to each query, and the radius around the query within which they stay so.

mod print;
mod record;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use lookalike::decode::{self, DecodeOptions};
use lookalike::deep::lipsim::LipSim;
use lookalike::judge::dataset::{Judgement, Layout, Protocol, questions};
use lookalike::pairing::{self, NameFilter, Separator};
use lookalike::robust::{Certifier, Embedded};
use lookalike::{Limits, Metric, Picture};

use self::record::{Item, QueryRecord, Report, TripletRecord, ValueRecord};
use crate::Status;
use crate::args::{Alpha, Format, GlobalArgs, pixels};
use crate::commands::inputs::standard_input;
use crate::log::{Log, on_interrupt};
use crate::output::Output;
use crate::report::{ErrorRecord, Tally};

#[derive(Debug, Args)]
#[command(
    after_help = "A certificate says that a decision is stable, not that it is right. Radii are \
                  Euclidean, over all samples of a picture in 0..1; docs/certificates.md explains them."
)]
pub(crate) struct CertifyArgs {
    /// REFERENCE LEFT RIGHT, or judgements of triplets (CSV, JSONL, a published set); REFERENCE
    /// CANDIDATE with --eps; queries with --gallery, of which `-` reads a list from standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// The metric, one with certificates, such as lipsim:small@FILE
    #[arg(short, long = "metric", value_name = "ID")]
    metric: String,

    /// Say between which values the distance stays when the candidate changes by at most this much, such
    /// as 0.5 or 36/255: a Euclidean distance over all its samples in 0..1
    #[arg(long, value_name = "E", value_parser = eps, conflicts_with = "gallery")]
    eps: Option<f64>,

    /// By how much the reference may change as well
    #[arg(long, value_name = "E", value_parser = eps, requires = "eps")]
    eps_reference: Option<f64>,

    /// Find the nearest pictures of a folder to every query
    #[arg(long, value_name = "DIR")]
    gallery: Option<PathBuf>,

    /// How many of the nearest
    #[arg(short, long = "nearest", value_name = "K", default_value_t = 1, requires = "gallery")]
    k: usize,

    /// Lists on standard input are separated by NUL bytes
    #[arg(short = '0', long)]
    null: bool,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "error")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,
}

/// A number, or one divided by another.
fn eps(text: &str) -> Result<f64, String> {
    let wrong = || format!("expected a number such as 0.5 or 36/255, 0 or more, found '{text}'");
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let value = match text.split_once('/') {
        None => number(text)?,
        Some((over, under)) => number(over)? / number(under)?,
    };
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(wrong()) }
}

/// What is to be certified.
enum Question {
    Triplet([PathBuf; 3]),
    Value([PathBuf; 2]),
    Query(PathBuf),
}

impl Question {
    /// The file that stands for it in messages.
    fn path(&self) -> &Path {
        match self {
            Self::Triplet([path, ..]) | Self::Value([path, _]) | Self::Query(path) => path,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &CertifyArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if matches!(global.format, Format::Junit | Format::Html) {
        bail!(global.format.refusal("lookalike certify"));
    }
    let questions = asked(args)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build();
    let pool = pool.context("cannot start threads")?;
    let certifier = pool.install(|| LipSim::by_id(args.metric.trim()).map(Certifier::new))?;
    let output = Output::open(global)?;
    let report = pool.install(|| certify(args, global, &certifier, &questions))?;
    if report.items.is_empty()
        && let Some(first) = report.errors.first()
    {
        bail!("{first}");
    }
    let whole = report.errors.is_empty();
    print::write(&report, global.format, output)?;
    Ok(if whole { Status::Passed } else { Status::Incomplete })
}

/// What the paths stand for.
fn asked(args: &CertifyArgs) -> anyhow::Result<Vec<Question>> {
    if args.gallery.is_some() {
        if args.k == 0 {
            bail!("-k takes a number from 1");
        }
        let separator = if args.null { Separator::Nul } else { Separator::Line };
        let mut queries = Vec::new();
        for path in &args.paths {
            match path.as_os_str() == "-" {
                true => queries.extend(pairing::parse_paths(&standard_input()?, separator)?),
                false => queries.push(path.clone()),
            }
        }
        return Ok(queries.into_iter().map(Question::Query).collect());
    }
    match (args.paths.as_slice(), args.eps) {
        ([reference, candidate], Some(_)) => {
            Ok(vec![Question::Value([reference.clone(), candidate.clone()])])
        }
        (paths, Some(_)) => {
            bail!("--eps takes a reference and a candidate, found {} paths", paths.len())
        }
        ([reference, left, right], None) => {
            Ok(vec![Question::Triplet([reference, left, right].map(Clone::clone))])
        }
        ([judgements], None) => {
            Ok(triplets(judgements)?.into_iter().map(Question::Triplet).collect())
        }
        (paths, None) => bail!(
            "expected a reference, a left and a right picture, or a file of such triplets; found {} \
             paths. With two pictures, --eps says how far one may change",
            paths.len()
        ),
    }
}

/// The triplets of judgements, with votes or without.
pub(crate) fn triplets(path: &Path) -> anyhow::Result<Vec<[PathBuf; 3]>> {
    let with_votes = || -> anyhow::Result<Vec<[PathBuf; 3]>> {
        let layout = Layout::detect(path)?;
        if layout.protocol() != Protocol::TwoAlternative {
            bail!("{}: expected triplets, found {}", path.display(), layout.as_str());
        }
        let mut found = Vec::new();
        for item in layout.items(path)? {
            if let Judgement::Triplet { reference, left, right, .. } = item?.judgement {
                found.push([reference, left, right]);
            }
        }
        Ok(found)
    };
    let without_votes = || -> anyhow::Result<Vec<[PathBuf; 3]>> {
        let mut found = Vec::new();
        for question in questions(path, Protocol::TwoAlternative)? {
            let question = question?;
            let [left, right] = <[PathBuf; 2]>::try_from(question.candidates)
                .map_err(|_| anyhow::anyhow!("{}: expected two candidates", path.display()))?;
            found.push([question.reference, left, right]);
        }
        Ok(found)
    };
    let found = with_votes().or_else(|error| without_votes().map_err(|_| error))?;
    if found.is_empty() {
        bail!("{}: there are no triplets in it", path.display());
    }
    Ok(found)
}

fn certify(
    args: &CertifyArgs,
    global: &GlobalArgs,
    certifier: &Certifier,
    questions: &[Question],
) -> anyhow::Result<Report> {
    let mut tally = Tally::new(&Limits::default());
    let cancelled = on_interrupt();
    let mut known = Known { certifier, args, pictures: HashMap::new() };
    let gallery = match &args.gallery {
        None => None,
        Some(folder) => {
            let (paths, unreachable) = pairing::pictures_in(folder, &NameFilter::default())?;
            let log = Log::new(paths.len() + questions.len(), global);
            for lost in unreachable {
                log.note(&mut tally, ErrorRecord::new(&lost.path, &lost.message));
            }
            let (mut names, mut embedded) = (Vec::new(), Vec::new());
            for path in paths.iter().take_while(|_| !cancelled.load(Ordering::Relaxed)) {
                log.bar.inc(1);
                match known.embed(path) {
                    Ok((picture, _)) => {
                        names.push(path.clone());
                        embedded.push(picture);
                    }
                    Err(error) => {
                        log.note(&mut tally, ErrorRecord::new(path, &plain(&error, path)))
                    }
                }
            }
            log.bar.finish_and_clear();
            Some((names, embedded))
        }
    };
    let log = Log::new(questions.len(), global);
    let mut items = Vec::new();
    let mut left_out = 0;
    for question in questions {
        if cancelled.load(Ordering::Relaxed) {
            left_out += 1;
            continue;
        }
        let answer = match question {
            Question::Triplet(paths) => known.triplet(paths),
            Question::Value(paths) => known.value(paths),
            Question::Query(path) => {
                let (names, embedded) = gallery.as_ref().context("expected a gallery")?;
                known.query(path, names, embedded)
            }
        };
        log.bar.inc(1);
        match answer {
            Ok(item) => items.push(item),
            Err(error) => {
                let path = question.path();
                log.note(&mut tally, ErrorRecord::new(path, &plain(&error, path)));
            }
        }
    }
    log.bar.finish_and_clear();
    if left_out > 0 {
        let message = format!("cancelled: {left_out} of {} were left out", questions.len());
        log.note(&mut tally, ErrorRecord::of_the_run(&message));
    }
    let metric = certifier.metric();
    Ok(Report {
        schema: record::SCHEMA,
        metric: metric.id().to_string(),
        weights: metric.weights().map(str::to_owned),
        items,
        errors: tally.conclude(0).errors,
    })
}

/// The message without the path that is named beside it.
pub(crate) fn plain(error: &anyhow::Error, path: &Path) -> String {
    let message = format!("{error:#}");
    let prefix = format!("{}: ", path.display());
    message.strip_prefix(&prefix).map_or_else(|| message.clone(), str::to_owned)
}

/// Pictures that were read already, by path.
struct Known<'a> {
    certifier: &'a Certifier,
    args: &'a CertifyArgs,
    pictures: HashMap<PathBuf, (Embedded, (usize, usize))>,
}

impl Known<'_> {
    fn embed(&mut self, path: &Path) -> anyhow::Result<(Embedded, (usize, usize))> {
        if let Some(known) = self.pictures.get(path) {
            return Ok(known.clone());
        }
        let options = DecodeOptions {
            alpha: self.args.alpha.into(),
            max_pixels: self.args.max_pixels,
            shorter_side: None,
        };
        let picture: Picture = decode::read(path, &options)?;
        let size = (picture.width(), picture.height());
        let known = (self.certifier.embed(&picture)?, size);
        self.pictures.insert(path.to_owned(), known.clone());
        Ok(known)
    }

    /// Pictures of one size.
    fn together<const N: usize>(&mut self, paths: &[PathBuf; N]) -> anyhow::Result<Vec<Embedded>> {
        let mut all = Vec::with_capacity(N);
        let mut first = None;
        for path in paths {
            let (embedded, size) = self.embed(path)?;
            let reference = *first.get_or_insert(size);
            if reference != size {
                let found = format!("{}x{}", size.0, size.1);
                bail!(
                    "sizes differ: {}x{} against {found} of {}; bring the files to one size",
                    reference.0,
                    reference.1,
                    path.display()
                );
            }
            all.push(embedded);
        }
        Ok(all)
    }

    fn triplet(&mut self, paths: &[PathBuf; 3]) -> anyhow::Result<Item> {
        let all = self.together(paths)?;
        let decision = self.certifier.decide(&all[0], &all[1], &all[2]);
        Ok(Item::Triplet(TripletRecord::new(paths, &decision)))
    }

    fn value(&mut self, paths: &[PathBuf; 2]) -> anyhow::Result<Item> {
        let all = self.together(paths)?;
        let eps = [self.args.eps_reference, self.args.eps].map(Option::unwrap_or_default);
        let value = self.certifier.value(&all[0], &all[1], eps);
        Ok(Item::Value(ValueRecord::new(paths, eps, &value)))
    }

    fn query(
        &mut self,
        path: &Path,
        names: &[PathBuf],
        gallery: &[Embedded],
    ) -> anyhow::Result<Item> {
        let (query, _) = self.embed(path)?;
        let found = self.certifier.retrieve(&query, gallery, self.args.k)?;
        Ok(Item::Query(QueryRecord::new(path, self.args.k, names, &found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radii_are_numbers_or_fractions() {
        assert_eq!(eps("0.5"), Ok(0.5));
        assert_eq!(eps("36/255"), Ok(36.0 / 255.0));
        for text in ["", "x", "-1", "1/0", "0/0", "1/2/3", "inf"] {
            assert!(eps(text).is_err(), "{text}");
        }
    }
}
