//! `lookalike attack`: the change of a picture, within a ball, that a metric minds most.
//!
//! Three pictures, or judgements of triplets: a change of the reference that makes the other of two nearer. Pictures or
//! folders with `--target distance`: a change that a metric sees most, beside how far it sees unrelated pictures apart.
//! Queries with a gallery: a change that puts another picture first.

mod files;
mod print;
mod record;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lookalike::decode::{self, DecodeOptions};
use lookalike::pairing::{self, NameFilter};
use lookalike::robust::attack::{
    self, Attack, Attacked, Ball, Method, MetricDecision, MetricDistance, MetricRetrieval, Norm,
    Target,
};
use lookalike::robust::eps_value;
use lookalike::{Direction, Limits, Metric, Picture, Want};
use rayon::prelude::*;

use self::files::Files;
use self::record::{AttackRecord, DecisionRecord, DistanceRecord, Item, Report, RetrievalRecord};
use crate::Status;
use crate::args::{Alpha, Format, GlobalArgs, pixels};
use crate::log::{Log, on_interrupt};
use crate::report::{ErrorRecord, Tally};

#[derive(Debug, Args)]
#[command(
    after_help = "An attack that fails proves nothing: `lookalike certify` proves. Changes are measured over all \
                  samples of the picture in 0..1. --out names a folder for the changed pictures."
)]
pub(crate) struct AttackArgs {
    /// REFERENCE LEFT RIGHT, or judgements of triplets (CSV, JSONL, a published set); pictures or folders with
    /// --target distance; queries with --gallery
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// The metric
    #[arg(short, long = "metric", value_name = "ID")]
    metric: String,

    /// What is attacked [default: 2afc, or retrieval with --gallery]
    #[arg(long, value_enum)]
    target: Option<TargetArg>,

    /// How changes are measured
    #[arg(long, value_name = "l2|linf", default_value = "l2", value_parser = norm)]
    norm: Norm,

    /// How long changes may be, such as 0.5 or 36/255
    #[arg(long, value_name = "E", default_value = "0.5", value_parser = eps_value)]
    eps: f64,

    /// fgsm, pgd, mim, apgd, square, or apgd-square, one after the other
    #[arg(long, value_name = "NAME", default_value = "apgd", value_parser = method)]
    method: Method,

    /// Steps, or values asked for by square
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,

    /// Random starts of pgd and apgd
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    restarts: u32,

    /// Values asked for by square in apgd-square
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    queries: u32,

    /// The pictures of which the nearest is to change
    #[arg(long, value_name = "DIR")]
    gallery: Option<PathBuf>,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "error")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TargetArg {
    /// Which of two pictures is nearer to the reference
    #[value(name = "2afc")]
    TwoAlternative,
    /// The distance of a picture from its own change
    Distance,
    /// Which picture of a gallery is nearest
    Retrieval,
}

impl TargetArg {
    fn as_str(self) -> &'static str {
        match self {
            Self::TwoAlternative => "2afc",
            Self::Distance => "distance",
            Self::Retrieval => "retrieval",
        }
    }
}

fn norm(text: &str) -> Result<Norm, String> {
    text.parse()
}

fn method(text: &str) -> Result<Method, String> {
    text.parse()
}

/// Runs the command.
pub(crate) fn run(args: &AttackArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if matches!(global.format, Format::Junit | Format::Html) {
        bail!(global.format.refusal("lookalike attack"));
    }
    let target = args.target.unwrap_or(match args.gallery {
        Some(_) => TargetArg::Retrieval,
        None => TargetArg::TwoAlternative,
    });
    if args.gallery.is_some() != (target == TargetArg::Retrieval) {
        bail!("--target retrieval takes a --gallery, and nothing else does");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build();
    let pool = pool.context("cannot start threads")?;
    let metric = pool.install(|| lookalike::metric(args.metric.trim()))?;
    if args.method.needs_gradients() && !metric.card().gradient {
        bail!("{} has no derivatives; use --method square, which needs none", metric.id());
    }
    let files = global.out.as_deref().map(Files::open).transpose()?;
    let run = Run {
        args,
        metric: metric.as_ref(),
        attack: Attack {
            method: args.method,
            norm: args.norm,
            eps: args.eps,
            steps: args.steps as usize,
            restarts: args.restarts as usize,
            queries: args.queries as usize,
            seed: global.seed,
        },
        files: files.as_ref(),
    };
    let report = pool.install(|| run.report(target, global))?;
    if report.items.is_empty()
        && let Some(first) = report.errors.first()
    {
        bail!("{first}");
    }
    let whole = report.errors.is_empty();
    print::write(&report, global.format)?;
    Ok(if whole { Status::Passed } else { Status::Incomplete })
}

struct Run<'a> {
    args: &'a AttackArgs,
    metric: &'a dyn Metric,
    attack: Attack,
    files: Option<&'a Files>,
}

/// A change that was found.
struct Found {
    attacked: Attacked,
    planes: Vec<f64>,
    length: f64,
}

impl Run<'_> {
    fn report(&self, target: TargetArg, global: &GlobalArgs) -> anyhow::Result<Report> {
        let questions = self.questions(target)?;
        let gallery = match &self.args.gallery {
            Some(folder) => self.gallery(folder)?,
            None => (Vec::new(), Vec::new()),
        };
        let cancelled = on_interrupt();
        let log = Log::new(questions.len(), global);
        let answer = |(index, paths): (usize, &Vec<PathBuf>)| -> Option<anyhow::Result<Item>> {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            // A single one needs no number.
            let number = (questions.len() > 1).then_some(index);
            let found = match target {
                TargetArg::TwoAlternative => self.decision(paths, number),
                TargetArg::Distance => self.distance(&paths[0], number),
                TargetArg::Retrieval => self.retrieval(&paths[0], &gallery, number),
            };
            log.bar.inc(1);
            Some(found)
        };
        let answers: Vec<Option<anyhow::Result<Item>>> =
            questions.par_iter().enumerate().map(answer).collect();
        log.bar.finish_and_clear();
        let mut tally = Tally::new(&Limits::default());
        let mut items = Vec::new();
        let mut left_out = 0;
        for (paths, answer) in questions.iter().zip(answers) {
            match answer {
                None => left_out += 1,
                Some(Ok(item)) => items.push(item),
                Some(Err(error)) => {
                    let message = super::certify::plain(&error, &paths[0]);
                    log.note(&mut tally, ErrorRecord::new(&paths[0], &message));
                }
            }
        }
        if left_out > 0 {
            let message = format!("cancelled: {left_out} of {} were left out", questions.len());
            log.note(&mut tally, ErrorRecord::of_the_run(&message));
        }
        let unrelated = match target {
            TargetArg::Distance => self.unrelated(&questions, &cancelled),
            _ => Vec::new(),
        };
        Ok(Report::new(
            self.metric,
            target.as_str(),
            AttackRecord::new(&self.attack),
            items,
            &unrelated,
            tally.conclude(0).errors,
        ))
    }

    /// The paths of every attack.
    fn questions(&self, target: TargetArg) -> anyhow::Result<Vec<Vec<PathBuf>>> {
        let paths = self.args.paths.as_slice();
        if target == TargetArg::TwoAlternative {
            return match paths {
                [_, _, _] => Ok(vec![paths.to_vec()]),
                [judgements] => {
                    let found = super::certify::triplets(judgements)?;
                    Ok(found.into_iter().map(Vec::from).collect())
                }
                _ => bail!(
                    "expected a reference, a left and a right picture, or a file of such triplets; found {} \
                     paths",
                    paths.len()
                ),
            };
        }
        let mut found = Vec::new();
        for path in paths {
            if path.is_dir() {
                let (inside, _) = pairing::pictures_in(path, &NameFilter::default())?;
                found.extend(inside.into_iter().map(|path| vec![path]));
            } else {
                found.push(vec![path.clone()]);
            }
        }
        if found.is_empty() {
            bail!("expected pictures, found none");
        }
        Ok(found)
    }

    fn read(&self, path: &Path) -> anyhow::Result<Picture> {
        let (alpha, max_pixels) = (self.args.alpha.into(), self.args.max_pixels);
        Ok(decode::read(path, &DecodeOptions { alpha, max_pixels, shorter_side: None })?)
    }

    fn gallery(&self, folder: &Path) -> anyhow::Result<(Vec<PathBuf>, Vec<Picture>)> {
        let (paths, _) = pairing::pictures_in(folder, &NameFilter::default())?;
        let pictures = paths.iter().map(|path| self.read(path));
        let pictures = pictures.collect::<anyhow::Result<Vec<Picture>>>()?;
        Ok((paths, pictures))
    }

    fn run(&self, target: &dyn Target, picture: &Picture) -> anyhow::Result<Found> {
        let centre = attack::planes(picture);
        let attacked = self.attack.run(target, &centre, attack::shape(picture))?;
        let ball = Ball { centre: &centre, norm: self.attack.norm, eps: self.attack.eps };
        let (planes, length) = (attacked.planes.clone(), ball.distance(&attacked.planes));
        Ok(Found { attacked, planes, length })
    }

    fn decision(&self, paths: &[PathBuf], number: Option<usize>) -> anyhow::Result<Item> {
        let [reference, left, right] = [0, 1, 2].map(|at| self.read(&paths[at]));
        let (reference, left, right) = (reference?, left?, right?);
        let sign = if self.metric.direction() == Direction::HigherIsBetter { -1.0 } else { 1.0 };
        let value = |side: &Picture| -> anyhow::Result<f64> {
            Ok(sign * self.metric.compare(&reference, side, Want::default())?.value)
        };
        let (to_left, to_right) = (value(&left)?, value(&right)?);
        if to_left == to_right {
            bail!("neither picture is nearer, so there is no decision to attack");
        }
        let choice = to_left < to_right;
        let (chosen, other) = if choice { (&left, &right) } else { (&right, &left) };
        let target = MetricDecision::new(self.metric, &reference, chosen, other)?;
        let found = self.run(&target, &reference)?;
        let margin = |picture: &Picture| -> anyhow::Result<f64> {
            let [chosen, other] = target.distances(picture)?;
            Ok(other - chosen)
        };
        let queries = target.queries();
        let written = self.write(&reference, &found, number)?;
        let coded = files::eight_bits(&found.planes, &reference)?;
        Ok(Item::Decision(DecisionRecord {
            reference: paths[0].display().to_string(),
            left: paths[1].display().to_string(),
            right: paths[2].display().to_string(),
            choice: if choice { "left" } else { "right" },
            flipped: found.attacked.succeeded,
            norm: found.length,
            margin_before: margin(&reference)?,
            margin_after: margin(&attack::picture(&found.planes, &reference)?)?,
            margin_picture: margin(&coded)?,
            queries,
            written,
        }))
    }

    fn distance(&self, path: &Path, number: Option<usize>) -> anyhow::Result<Item> {
        let picture = self.read(path)?;
        let target = MetricDistance::new(self.metric, &picture)?;
        let found = self.run(&target, &picture)?;
        let written = self.write(&picture, &found, number)?;
        let changed = attack::picture(&found.planes, &picture)?;
        let coded = files::eight_bits(&found.planes, &picture)?;
        let value = |other: &Picture| -> anyhow::Result<f64> {
            Ok(self.metric.compare(&picture, other, Want::default())?.value)
        };
        Ok(Item::Distance(DistanceRecord {
            path: path.display().to_string(),
            norm: found.length,
            value: value(&changed)?,
            value_picture: value(&coded)?,
            queries: target.queries(),
            written,
        }))
    }

    fn retrieval(
        &self,
        path: &Path,
        (names, gallery): &(Vec<PathBuf>, Vec<Picture>),
        number: Option<usize>,
    ) -> anyhow::Result<Item> {
        let query = self.read(path)?;
        let target = MetricRetrieval::new(self.metric, &query, gallery)?;
        let found = self.run(&target, &query)?;
        let written = self.write(&query, &found, number)?;
        let name = |at: usize| names.get(at).map(|name| name.display().to_string());
        let (then, _) = target.nearest(&attack::picture(&found.planes, &query)?)?;
        let (of_picture, _) = target.nearest(&files::eight_bits(&found.planes, &query)?)?;
        Ok(Item::Retrieval(RetrievalRecord {
            query: path.display().to_string(),
            first: name(target.first()).unwrap_or_default(),
            first_after: name(then).unwrap_or_default(),
            first_picture: name(of_picture).unwrap_or_default(),
            flipped: found.attacked.succeeded,
            norm: found.length,
            queries: target.queries(),
            written,
        }))
    }

    fn write(
        &self,
        original: &Picture,
        found: &Found,
        number: Option<usize>,
    ) -> anyhow::Result<Option<files::Written>> {
        let Some(files) = self.files else { return Ok(None) };
        files.write(original, &found.planes, &found.attacked.losses, number).map(Some)
    }

    /// Values of every picture and the next of its size.
    fn unrelated(&self, questions: &[Vec<PathBuf>], cancelled: &AtomicBool) -> Vec<f64> {
        let value = |at: usize| -> Option<f64> {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            // What cannot be read was reported already.
            let own = self.read(&questions[at][0]).ok()?;
            let size = (own.width(), own.height());
            let others = questions[at + 1..].iter().chain(&questions[..at]);
            let next = others.filter_map(|paths| self.read(&paths[0]).ok());
            let next = next.take(16).find(|other| (other.width(), other.height()) == size)?;
            Some(self.metric.compare(&own, &next, Want::default()).ok()?.value)
        };
        (0..questions.len()).into_par_iter().filter_map(value).collect()
    }
}
