//! `lookalike translate`: pictures in, what a model draws of them out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use lookalike::decode::{DecodeOptions, read};
use lookalike::encode::write_png;
use lookalike::pairing::{NameFilter, Separator, parse_paths, pictures_in};
use lookalike::{AlphaPolicy, Picture};
use lookalike_translate::diffusion::sampler::Method;
use lookalike_translate::drawing::{Choices, Translator};
use lookalike_translate::model::Model;
use rayon::prelude::*;
use serde::Serialize;

use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::inputs::standard_input;
use crate::log::{Log, on_interrupt};

#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// Pictures and folders; `-` reads paths from standard input
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,

    /// The model.safetensors of a run of `train translate` [default: the model that ships, outlines of shoes to
    /// shoes]
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,

    /// The autoencoder that a model of latents was trained with
    #[arg(long, value_name = "PATH")]
    vae: Option<PathBuf>,

    /// How noise becomes a picture: ddpm, ddim, euler, heun or dpm++ [default: heun, ddim for models of steps]
    #[arg(long, value_name = "NAME")]
    sampler: Option<Method>,

    /// Steps of it [default: 12, 50 for models of steps]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,

    /// How much the source is exaggerated; 1 for not at all
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    guidance_image: f64,

    /// How much the vector is exaggerated; 1 for not at all
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    guidance_clip: f64,

    /// The noise levels, from 0 to 1, between which anything is exaggerated
    #[arg(long, value_name = "A,B", value_parser = interval)]
    guidance_interval: Option<[f64; 2]>,
}

/// The result.
#[derive(Debug, Serialize)]
struct Record {
    schema: &'static str,
    model_sha256: String,
    side: usize,
    sampler: String,
    steps: usize,
    evaluations: usize,
    seed: u64,
    items: Vec<Item>,
    errors: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Item {
    input: PathBuf,
    output: PathBuf,
}

#[derive(Debug, Serialize)]
struct Failure {
    path: PathBuf,
    message: String,
}

/// Two noise levels.
fn interval(text: &str) -> Result<[f64; 2], String> {
    let ends = text
        .split_once(',')
        .and_then(|(low, high)| Some([low.trim().parse().ok()?, high.trim().parse().ok()?]));
    ends.ok_or_else(|| "expected A,B, two noise levels from 0 to 1".to_owned())
}

/// Runs the command.
pub(crate) fn run(args: &TranslateArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike translate is written as text or json; use --format text or json");
    }
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    let work = work(&args.inputs, global.out.as_deref())?;
    let model = match &args.model {
        Some(path) => Model::read(path)?,
        None => Model::shipped()?,
    };
    let choices = Choices {
        method: args.sampler,
        steps: args.steps,
        guidance_image: args.guidance_image,
        guidance_vector: args.guidance_clip,
        interval: args.guidance_interval,
    };
    let translator = Translator::new(model, args.vae.as_deref(), &choices)?;
    let stop = on_interrupt();
    let log = Log::new(work.len(), global);
    let decode = DecodeOptions { alpha: AlphaPolicy::White, ..DecodeOptions::default() };
    let one = |(input, output): &(PathBuf, PathBuf)| {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let drawn =
            read(input, &decode).map_err(anyhow::Error::from).and_then(|picture: Picture| {
                let drawn = translator.translate(&picture, global.seed)?;
                if let Some(folder) =
                    output.parent().filter(|folder| !folder.as_os_str().is_empty())
                {
                    std::fs::create_dir_all(folder)
                        .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
                }
                Ok(write_png(&drawn, output)?)
            });
        log.bar.inc(1);
        Some(drawn.map_err(|error| format!("{error:#}")))
    };
    let results: Vec<Option<Result<(), String>>> = work.par_iter().map(one).collect();
    log.bar.finish_and_clear();
    let (mut items, mut errors, mut left) = (Vec::new(), Vec::new(), 0);
    for ((input, output), result) in work.into_iter().zip(results) {
        match result {
            Some(Ok(())) => items.push(Item { input, output }),
            Some(Err(message)) => errors.push(Failure { path: input, message }),
            None => left += 1,
        }
    }
    let record = Record {
        schema: "lookalike.translate/1",
        model_sha256: translator.model().sha256.clone(),
        side: translator.model().plan.side(),
        sampler: translator.drawing().method_name(),
        steps: translator.drawing().steps(),
        evaluations: translator.drawing().evaluations(),
        seed: global.seed,
        items,
        errors,
    };
    print(&record, global)?;
    for failure in &record.errors {
        log.warn(&named(&failure.path, &failure.message));
    }
    if left > 0 {
        log.warn(&format!("interrupted: {left} pictures are left"));
    }
    Ok(if left > 0 || !record.errors.is_empty() { Status::Incomplete } else { Status::Passed })
}

fn print(record: &Record, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, record)?;
        writeln!(stdout)?;
        return Ok(());
    }
    for item in &record.items {
        writeln!(stdout, "{}", item.output.display())?;
    }
    Ok(())
}

/// Every picture, and where what is drawn of it goes: beside it as `NAME.out.png`, or at `out`, which is a file for
/// one picture and a folder for more.
fn work(inputs: &[PathBuf], out: Option<&Path>) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let mut work = Vec::new();
    let mut named = Vec::new();
    for input in inputs {
        if input == Path::new("-") {
            named.extend(parse_paths(&standard_input()?, Separator::Line)?);
        } else {
            named.push(input.clone());
        }
    }
    let single = named.len() == 1 && !named[0].is_dir();
    for input in named {
        if input.is_dir() {
            // What was drawn before is left out.
            let filter = NameFilter::new(&[], &["*.out.png".to_owned()])?;
            let (found, unreachable) = pictures_in(&input, &filter)?;
            if let Some(unreachable) = unreachable.first() {
                bail!("{}: {}", unreachable.path.display(), unreachable.message);
            }
            for path in found {
                let name = path.strip_prefix(&input).unwrap_or(&path).to_owned();
                let to =
                    out.map_or_else(|| beside(&path), |out| out.join(name).with_extension("png"));
                work.push((path, to));
            }
            continue;
        }
        let to = match out {
            None => beside(&input),
            Some(out) if single && !out.is_dir() => out.to_owned(),
            Some(out) => {
                let name = input.file_name().unwrap_or_default();
                out.join(name).with_extension("png")
            }
        };
        work.push((input, to));
    }
    let mut outputs: Vec<&PathBuf> = work.iter().map(|(_, output)| output).collect();
    outputs.sort();
    if let Some(twice) = outputs.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("{}: two pictures would be drawn there; translate them apart", twice[0].display());
    }
    if let Some((input, _)) = work.iter().find(|(input, output)| input == output) {
        bail!("{}: would be overwritten; choose another --out", input.display());
    }
    Ok(work)
}

/// A message with the path that it is about, once.
pub(crate) fn named(path: &Path, message: &str) -> String {
    let path = path.display().to_string();
    if message.starts_with(&path) { message.to_owned() } else { format!("{path}: {message}") }
}

/// `IN.out.png`.
fn beside(input: &Path) -> PathBuf {
    let mut name = input.file_stem().unwrap_or_default().to_owned();
    name.push(".out.png");
    input.with_file_name(name)
}
