//! `lookalike translate`: pictures in, what a model draws of them out.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use lookalike::pairing::{Separator, parse_paths};
use lookalike_translate::diffusion::sampler::Method;
use lookalike_translate::drawing::{Choices, Translator};
use lookalike_translate::model::Model;
use serde::Serialize;

use super::drawn_pictures::{Item, draw, of_folder};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::inputs::standard_input;
use crate::report::ErrorRecord;

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
    errors: Vec<ErrorRecord>,
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
    let drawn = draw(work, global, |picture| Ok(translator.translate(picture, global.seed)?))?;
    let record = Record {
        schema: "lookalike.translate/1",
        model_sha256: translator.model().sha256.clone(),
        side: translator.model().plan.side(),
        sampler: translator.drawing().method_name(),
        steps: translator.drawing().steps(),
        evaluations: translator.drawing().evaluations(),
        seed: global.seed,
        items: drawn.items,
        errors: drawn.errors,
    };
    print(&record, global)?;
    Ok(drawn.status)
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
fn work(inputs: &[PathBuf], out: Option<&Path>) -> anyhow::Result<Vec<Item>> {
    let mut named = Vec::new();
    for input in inputs {
        if input == Path::new("-") {
            named.extend(parse_paths(&standard_input()?, Separator::Line)?);
        } else {
            named.push(input.clone());
        }
    }
    let single = named.len() == 1 && !named[0].is_dir();
    let mut work = Vec::new();
    for input in named {
        let pictures = if input.is_dir() {
            // What was drawn before is left out.
            of_folder(&input, &["*.out.png".to_owned()])?
        } else {
            let name = PathBuf::from(input.file_name().unwrap_or_default());
            vec![(input, name)]
        };
        work.extend(pictures.into_iter().map(|(input, name)| {
            let output = match out {
                None => beside(&input),
                Some(out) if single && !out.is_dir() => out.to_owned(),
                Some(out) => out.join(name).with_extension("png"),
            };
            Item { input, output }
        }));
    }
    Ok(work)
}

/// `IN.out.png`.
fn beside(input: &Path) -> PathBuf {
    let mut name = input.file_stem().unwrap_or_default().to_owned();
    name.push(".out.png");
    input.with_file_name(name)
}
