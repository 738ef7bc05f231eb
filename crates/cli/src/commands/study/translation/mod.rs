//! `lookalike study translation`: what each part of a translation buys, at equal data, steps, batch and seeds.
//!
//! The question of "Image-to-Image Translation with Diffusion Transformers and CLIP-Based Image Conditioning" (Zhu et
//! al. 2025), whose source is one vector, asked of a small transformer: how the source is shown, what a metric adds as
//! a loss, and what is had without diffusion, without a transformer, and without a network.
//!
//! Choices: what is measured is what anybody would see, pictures of 8 bits, which are written for the first seed, so
//! that `compare` and `judge generation` can repeat the numbers.

mod markdown;
mod measured;
mod page;
mod pictures;
mod record;

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{anyhow, bail};
use clap::{Args, value_parser};
use indicatif::ProgressStyle;
use lookalike::deep::StoredWeights;
use lookalike_train::session::Progress;
use lookalike_train::write_whole;
use lookalike_translate::Recipe;
use lookalike_translate::study::{Found, Study};

use self::record::Report;
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::train::{absolute, seed};
use crate::log::{Log, on_interrupt};

#[derive(Debug, Args)]
pub(crate) struct TranslationArgs {
    /// Folders with pairs (pictures side by side, or trainA and trainB, and so on) and manifests (.csv, .jsonl)
    /// [default: drawn shoes]
    #[arg(value_name = "DATA")]
    data: Vec<PathBuf>,

    /// Learn from so many drawn shoes and their outlines [default: 4096, with --quick 512]
    #[arg(long, value_name = "N", conflicts_with = "data", value_parser = value_parser!(u32).range(1..))]
    drawn: Option<u32>,

    /// Height and width of what is drawn, a multiple of 4 from 16 on
    #[arg(long, value_name = "N", default_value_t = 32)]
    side: usize,

    /// Steps of every run, of 48 pairs each [default: 2000, with --quick 100]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    steps: Option<u64>,

    /// How often every row but those of losses is learned, with seeds from --seed on [default: 3, with --quick 1]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,

    /// Held-out pairs that are drawn and measured [default: 64, with --quick 16, or all where there are fewer]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    evaluated: Option<u32>,

    /// Few pairs and steps, to see that all goes well; such figures say little
    #[arg(long)]
    quick: bool,
}

impl TranslationArgs {
    fn study(&self, out: PathBuf, seed: Option<u64>) -> anyhow::Result<Study> {
        let mut recipe = Recipe::preset("tiny")?;
        recipe.data.data = self.data.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
        recipe.data.side = self.side;
        if self.data.is_empty() {
            recipe.drawn = Some(self.drawn.unwrap_or(if self.quick { 512 } else { 4096 }) as usize);
        }
        recipe.steps = self.steps.unwrap_or(if self.quick { 100 } else { recipe.steps });
        let first = seed.unwrap_or(recipe.seed);
        let seeds = self.seeds.unwrap_or(if self.quick { 1 } else { 3 });
        let Some(end) = first.checked_add(seeds) else {
            bail!("--seed {first}: expected one that others can follow");
        };
        // Where nothing is asked for, as many are drawn as there are.
        let evaluated = self.evaluated.or((self.quick && recipe.drawn.is_some()).then_some(16));
        let evaluated = evaluated.map(|count| count as usize);
        Ok(Study { recipe, seeds: (first..end).collect(), evaluated, out })
    }
}

/// Runs the command.
pub(crate) fn run(args: &TranslationArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike study translation is written as text or json; use --format text or json");
    }
    let Some(out) = &global.out else { bail!("expected a folder for the study: --out DIR") };
    let study = args.study(out.clone(), seed(global))?;
    let found = learn(&study, global)?;
    pictures::write(out, &found)?;
    let measured = measured::measure(&found, args.side)?;
    let report = Report::new(&study, &found, measured, command());
    write_whole(&out.join("result.json"), &serde_json::to_vec_pretty(&report)?)?;
    write_whole(&out.join("report.html"), page::render(&report, &found)?.as_bytes())?;
    write_whole(&out.join("report.md"), markdown::render(&report).as_bytes())?;
    record::write(&report, out, global)?;
    Ok(Status::Passed)
}

/// What was asked for, as it can be asked for again. Paths are of the caller's folder.
fn command() -> String {
    let words = std::env::args().skip(1).map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@*+=".contains(c);
        if word.chars().all(plain) { word } else { format!("'{word}'") }
    });
    std::iter::once("lookalike".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn learn(study: &Study, global: &GlobalArgs) -> anyhow::Result<Found> {
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    let stop = on_interrupt();
    // A bar for two counts or more.
    let log = Log::new(2, global);
    let mut phase = None;
    let found = study.run(&StoredWeights, &mut |what, progress| {
        let (unit, done, count) = match progress {
            Progress::Features(done, count) => ("pairs or pictures", done as u64, count as u64),
            Progress::Steps(done, count, _) => ("steps", done, count),
        };
        let now = Some((what.to_owned(), unit, count));
        if phase != now {
            let template =
                format!("{{bar:30}} {{pos}}/{{len}} {unit}, {{msg}}, {{per_sec}}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                log.bar.set_style(style);
            }
            log.bar.reset();
            log.bar.set_length(count);
            log.bar.set_message(what.to_owned());
            phase = now;
        }
        log.bar.set_position(done);
        !stop.load(Ordering::Relaxed)
    });
    log.bar.finish_and_clear();
    // Errors of that crate say what they come from themselves.
    found.map_err(|error| anyhow!("{error}"))
}
