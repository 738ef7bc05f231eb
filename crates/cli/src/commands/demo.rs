//! `lookalike demo`: the main job on pictures that the program draws itself.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use lookalike::procedural::{Distortion, scene};
use lookalike::{Picture, encode};

use super::compare;
use crate::Status;
use crate::args::{Cli, Command, DemoArgs, GlobalArgs};

/// Size of the scene: large enough for every metric.
const SIZE: (usize, usize) = (512, 384);

/// Strengths of every distortion, from hardly to plainly visible.
const STRENGTHS: [f64; 3] = [0.1, 0.35, 0.8];

/// Draws a scene and its distortions, then compares them as `lookalike compare` does.
#[allow(clippy::print_stderr)]
pub(crate) fn run(args: &DemoArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    std::fs::create_dir_all(&args.folder)
        .with_context(|| format!("{}: cannot make the folder", args.folder.display()))?;
    let scene = scene(global.seed, SIZE.0, SIZE.1);
    let reference = write(args, "reference", &scene)?;
    let mut command = vec!["lookalike".into(), "compare".into(), reference.into_os_string()];
    for distortion in Distortion::ALL {
        for (grade, strength) in STRENGTHS.into_iter().enumerate() {
            let picture = distortion.apply(&scene, strength, global.seed)?;
            let name = format!("{}-{}", distortion.name(), grade + 1);
            command.push(write(args, &name, &picture)?.into_os_string());
        }
    }
    command.push("--map".into());
    command.push(args.folder.join("maps").into_os_string());
    if !global.quiet {
        let folder = args.folder.display();
        eprintln!(
            "drew a scene and its distortions; the same by hand:\n  lookalike compare \
             {folder}/reference.png {folder}/*-?.png --map {folder}/maps\n"
        );
    }
    let parsed = Cli::try_parse_from(command)?;
    match &parsed.command {
        Command::Compare(compare) => compare::run(compare, global),
        _ => Ok(Status::Passed),
    }
}

fn write(args: &DemoArgs, name: &str, picture: &Picture) -> anyhow::Result<PathBuf> {
    let path = args.folder.join(format!("{name}.png"));
    encode::write_png(picture, &path)?;
    Ok(path)
}
