//! `lookalike dataset`: pairs of pictures looked at, checked and made, before anything is learned from them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use lookalike::encode::write_png;
use lookalike_train::write_whole;
use lookalike_translate::data::doctor::{Diagnosis, Severity, diagnose, examine};
use lookalike_translate::data::{
    Augmentation, Direction, Fit, Method, MethodName, PairOptions, Pairs, edge_map, preview, shoe,
    spread,
};
use lookalike_translate::dependence::dependence;
use lookalike_translate::{Error, Model, Result as TranslateResult};
use rayon::prelude::*;
use serde::Serialize;

use super::drawn_pictures::{Drawn, Item, draw, of_folder};
use crate::Status;
use crate::args::{Format, GlobalArgs};
use crate::commands::train::absolute;
use crate::log::Log;
use crate::report::ErrorRecord;

#[derive(Debug, Args)]
pub(crate) struct DatasetArgs {
    #[command(subcommand)]
    command: DatasetCommand,
}

#[derive(Debug, Subcommand)]
enum DatasetCommand {
    /// Draw a sheet of pairs as training sees them, sources above targets
    Preview(PreviewArgs),
    /// Draw the lines of pictures, to make pairs of them
    Edges(EdgesArgs),
    /// Check pairs: partners, sizes, values, duplicates between splits, and whether sources fit their targets
    Doctor(DoctorArgs),
    /// Draw shoes and their outlines into trainA, trainB, valA, valB, testA and testB
    Shoes(ShoesArgs),
}

/// Which pairs.
#[derive(Debug, Args)]
struct PairArgs {
    /// Folders with pairs, and manifests (.csv, .jsonl)
    #[arg(value_name = "DATA")]
    data: Vec<PathBuf>,

    /// Two folders whose pictures are paired by name: of sources and of targets
    #[arg(long, value_names = ["SOURCES", "TARGETS"], num_args = 2)]
    folders: Option<Vec<PathBuf>>,

    /// Drawn shoes and their outlines, so many to learn from, in place of DATA
    #[arg(long, value_name = "N", conflicts_with_all = ["data", "folders"])]
    drawn: Option<usize>,

    /// Which picture is the source
    #[arg(long, value_name = "AtoB|BtoA", default_value = "AtoB", value_parser = direction)]
    direction: Direction,

    /// Height and width
    #[arg(long, value_name = "N", default_value_t = 64)]
    side: usize,

    /// Cut squares of side at random from pairs of this height and width
    #[arg(long, value_name = "N")]
    load: Option<usize>,

    /// Take the middle square of every picture in place of stretching it
    #[arg(long)]
    crop: bool,

    /// The share of the pairs that is held out, and as many validate, where no folder says which
    #[arg(long, value_name = "X", default_value_t = 0.1)]
    held_out: f64,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    #[command(flatten)]
    pairs: PairArgs,

    /// Check as well whether what this model draws depends on what it is shown
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct PreviewArgs {
    #[command(flatten)]
    pairs: PairArgs,

    /// Pairs on the sheet
    #[arg(long, value_name = "N", default_value_t = 16)]
    count: usize,

    /// Mirror half of the pairs, source and target alike
    #[arg(long)]
    mirror: bool,
}

#[derive(Debug, Args)]
struct EdgesArgs {
    /// Pictures and folders
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,

    /// How: canny, lines of a pixel where luma changes fastest, or xdog, as a pen draws them
    #[arg(long, value_name = "NAME", default_value = "canny", value_parser = ["canny", "xdog"])]
    method: String,
}

#[derive(Debug, Args)]
struct ShoesArgs {
    /// Shoes to learn from
    #[arg(long, value_name = "N", default_value_t = 1000)]
    count: usize,

    /// Shoes that validate, and as many that are held out
    #[arg(long, value_name = "N", default_value_t = 100)]
    others: usize,

    /// Height and width
    #[arg(long, value_name = "N", default_value_t = 64)]
    side: usize,
}

/// Which picture of a pair is the source, as pix2pix has it.
pub(crate) fn direction(text: &str) -> Result<Direction, String> {
    match text {
        "AtoB" => Ok(Direction::AToB),
        "BtoA" => Ok(Direction::BToA),
        _ => Err("expected AtoB or BtoA".to_owned()),
    }
}

/// Runs the command.
pub(crate) fn run(args: &DatasetArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike dataset is written as text or json; use --format text or json");
    }
    rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build_global().ok();
    match &args.command {
        DatasetCommand::Preview(args) => sheet(args, global),
        DatasetCommand::Edges(args) => edges(args, global),
        DatasetCommand::Doctor(args) => doctor(args, global),
        DatasetCommand::Shoes(args) => shoes(args, global),
    }
}

impl PairArgs {
    fn options(&self) -> anyhow::Result<PairOptions> {
        let absolute = |paths: &[PathBuf]| -> anyhow::Result<Vec<PathBuf>> {
            paths.iter().map(|path| absolute(path)).collect()
        };
        let folders = match &self.folders {
            Some(folders) => absolute(folders)?.try_into().ok(),
            None => None,
        };
        if self.data.is_empty() && folders.is_none() && self.drawn.is_none() {
            bail!("expected folders with pairs, --folders SOURCES TARGETS, or --drawn N");
        }
        Ok(PairOptions {
            data: absolute(&self.data)?,
            folders,
            direction: self.direction,
            side: self.side,
            load: self.load,
            fit: if self.crop { Fit::Crop } else { Fit::Resize },
            held_out: self.held_out,
            ..PairOptions::default()
        })
    }

    /// What there is, sound or not.
    fn gather(&self, global: &GlobalArgs) -> anyhow::Result<Pairs> {
        if let Some(count) = self.drawn {
            let others = (count / 16).clamp(16, 256);
            return Ok(Pairs::drawn(self.side, global.seed, [count, others, others])?);
        }
        let log = Log::new(2, global);
        let pairs = Pairs::gather(&self.options()?, &|done, all| {
            log.bar.set_length(all as u64);
            log.bar.set_position(done as u64);
        })?;
        log.bar.finish_and_clear();
        Ok(pairs)
    }
}

fn sheet(args: &PreviewArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    #[derive(Serialize)]
    struct Record<'a> {
        schema: &'static str,
        pairs: usize,
        shown: usize,
        sheet: &'a Path,
    }
    let Some(out) = &global.out else { bail!("expected a file for the sheet: --out FILE.png") };
    let pairs = args.pairs.gather(global)?;
    let places = spread(&pairs, args.count);
    let bytes = preview(&pairs, &places, Augmentation { mirror: args.mirror }, global.seed)?;
    write_whole(out, &bytes)?;
    let log = Log::new(0, global);
    let left_out = pairs.report.unmatched.len() + pairs.report.unreadable.len();
    if left_out > 0 {
        log.warn(&format!(
            "{left_out} files could not be used; `lookalike dataset doctor` lists them"
        ));
    }
    let (schema, shown) = ("lookalike.dataset-preview/1", places.len());
    let record = Record { schema, pairs: pairs.len(), shown, sheet: out };
    print(&record, &format!("{}", out.display()), global)
}

fn doctor(args: &DoctorArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    let DoctorArgs { pairs: args, model } = args;
    #[derive(Serialize)]
    struct Record<'a> {
        schema: &'static str,
        #[serde(flatten)]
        diagnosis: &'a Diagnosis,
    }
    let mut diagnosis = match args.drawn {
        Some(_) => diagnose(&args.gather(global)?, Fit::Resize),
        None => {
            let log = Log::new(2, global);
            let found = examine(&args.options()?, &|done, all| {
                log.bar.set_length(all as u64);
                log.bar.set_position(done as u64);
            });
            log.bar.finish_and_clear();
            found?
        }
    };
    if let Some(path) = model {
        let found = dependence(&args.gather(global)?, Model::read(path)?, global.seed)?;
        diagnosis.severity = diagnosis.severity.max(found.severity);
        diagnosis.findings.push(found);
    }
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let mark = match finding.severity {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        text.push_str(&format!("{mark:8}{:12}{}\n", finding.check, finding.message));
        for example in finding.examples.iter().filter(|_| finding.severity != Severity::Ok) {
            text.push_str(&format!("{:20}{example}\n", ""));
        }
    }
    print(
        &Record { schema: "lookalike.dataset-doctor/1", diagnosis: &diagnosis },
        text.trim_end(),
        global,
    )?;
    Ok(if diagnosis.severity == Severity::Error { Status::GateFailed } else { Status::Passed })
}

fn edges(args: &EdgesArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    #[derive(Serialize)]
    struct Record<'a> {
        schema: &'static str,
        method: &'a str,
        items: Vec<Item>,
        errors: Vec<ErrorRecord>,
    }
    let Some(out) = &global.out else { bail!("expected a folder for the lines: --out DIR") };
    let method: Method = match args.method.as_str() {
        "xdog" => MethodName::Xdog.into(),
        _ => MethodName::Canny.into(),
    };
    let mut work = Vec::new();
    for input in &args.inputs {
        let pictures = if input.is_dir() {
            of_folder(input, &[])?
        } else {
            vec![(input.clone(), PathBuf::from(input.file_name().unwrap_or_default()))]
        };
        work.extend(pictures.into_iter().map(|(input, name)| {
            let output = out.join(name).with_extension("png");
            Item { input, output }
        }));
    }
    let Drawn { items, errors, status } =
        draw(work, global, |picture| Ok(edge_map(picture, method)?))?;
    let text = format!("{} line drawings in {}", items.len(), out.display());
    let (schema, method) = ("lookalike.dataset-edges/1", args.method.as_str());
    print(&Record { schema, method, items, errors }, &text, global)?;
    Ok(status)
}

fn shoes(args: &ShoesArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    #[derive(Serialize)]
    struct Record<'a> {
        schema: &'static str,
        pairs: [usize; 3],
        side: usize,
        folder: &'a Path,
    }
    let Some(out) = &global.out else { bail!("expected a folder for the pairs: --out DIR") };
    if args.count == 0 || args.count.max(args.others) > 1 << 20 {
        bail!("count, others: expected 1 to 1048576, found {} and {}", args.count, args.others);
    }
    let log = Log::new(args.count + 2 * args.others, global);
    // Seeds of the three splits are far apart.
    let splits = [("train", args.count, 0_u64), ("val", args.others, 1), ("test", args.others, 2)];
    for (name, count, split) in splits {
        let folders = ["A", "B"].map(|side| out.join(format!("{name}{side}")));
        for folder in &folders {
            std::fs::create_dir_all(folder)?;
        }
        let draw = |at: usize| -> TranslateResult<()> {
            let drawn = shoe((global.seed << 24) + (split << 44) + at as u64, args.side)?;
            for (folder, picture) in folders.iter().zip([&drawn.source, &drawn.target]) {
                write_png(picture, &folder.join(format!("{at:06}.png"))).map_err(Error::from)?;
            }
            log.bar.inc(1);
            Ok(())
        };
        (0..count).into_par_iter().try_for_each(draw)?;
    }
    log.bar.finish_and_clear();
    let pairs = [args.count, args.others, args.others];
    let (schema, side) = ("lookalike.dataset-shoes/1", args.side);
    print(&Record { schema, pairs, side, folder: out }, &format!("{}", out.display()), global)
}

fn print(record: &impl Serialize, text: &str, global: &GlobalArgs) -> anyhow::Result<Status> {
    let mut stdout = std::io::stdout().lock();
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, record)?;
        writeln!(stdout)?;
    } else {
        writeln!(stdout, "{text}")?;
    }
    Ok(Status::Passed)
}
