//! Lookalike's side of the comparison with peers.
//!
//! * `lookalike-peers-worker pictures FOLDER SEED`: draws the pictures that all sides compare
//! * `lookalike-peers-worker huge FOLDER SIDE`: a pair of PNG files of SIDE×SIDE pixels
//! * `lookalike-peers-worker serve FOLDER`: answers requests about them (see `line_protocol.rs`)
//!
//! Names of work: `value/ID` compares by a metric, `gradient/ID` gives value and gradient of a pair
//! nothing is known of, `floor/copy` and `floor/fma` measure what the machine can do, and
//! `decode/FORMAT` reads all pictures of the folder of that format.

#[path = "../../decoded_pair.rs"]
mod decoded_pair;
mod floor;
#[path = "../../line_protocol.rs"]
mod line_protocol;
#[path = "../../multiply_adds.rs"]
mod multiply_adds;
#[path = "../../../../crates/cli/tests/command_line/pages.rs"]
mod pages;
mod pictures;

use std::path::Path;
use std::process::ExitCode;

use decoded_pair::Pair;
use line_protocol::Work;
use lookalike::decode::{DecodeOptions, read};
use lookalike::{Channels, Picture, Want};
use rayon::prelude::*;
use serde_json::json;

/// The allocator of the command line program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["pictures", folder, seed] => pictures::draw(Path::new(folder), seed),
        ["huge", folder, side] => pictures::draw_huge(Path::new(folder), side),
        ["serve", folder] => {
            let versions = json!({ "lookalike": env!("CARGO_PKG_VERSION") });
            line_protocol::serve(folder.into(), versions, bind).map_err(|error| error.to_string())
        }
        _ => Err("usage: pictures FOLDER SEED | huge FOLDER SIDE | serve FOLDER".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn bind(folder: &Path, name: &str, pair: &str) -> Result<Work, String> {
    let text = |error: lookalike::CoreError| error.to_string();
    match name.split_once('/') {
        Some(("value", id)) => {
            let metric = lookalike::metric(id).map_err(text)?;
            let (reference, candidate) = pictures(Pair::read(folder, pair)?)?;
            Ok(Box::new(move || {
                let score = metric.compare(&reference, &candidate, Want::default());
                Ok(score.map_err(text)?.value)
            }))
        }
        Some(("gradient", id)) => {
            let metric = lookalike::metric(id).map_err(text)?;
            let (reference, candidate) = pictures(Pair::read(folder, pair)?)?;
            Ok(Box::new(move || {
                let prepared = metric.prepare(&reference).map_err(text)?;
                Ok(prepared.gradient(&candidate).map_err(text)?.value)
            }))
        }
        Some(("floor", "copy")) => Ok(floor::copy(Pair::read(folder, pair)?)),
        Some(("floor", "fma")) => Ok(Box::new(|| Ok(multiply_adds::multiply_adds()))),
        Some(("decode", format)) => decode_all(&folder.join("folders").join(format)),
        _ => Err(format!("{name}: unknown work")),
    }
}

fn pictures(pair: Pair) -> Result<(Picture, Picture), String> {
    let picture = |samples| {
        Picture::from_u8(pair.width, pair.height, Channels::Rgb, samples)
            .map_err(|error| error.to_string())
    };
    Ok((picture(pair.reference)?, picture(pair.candidate)?))
}

/// Decodes every file below a folder and drops it; gives the number of files.
fn decode_all(folder: &Path) -> Result<Work, String> {
    let mut files = Vec::new();
    for side in ["before", "after"] {
        let entries = std::fs::read_dir(folder.join(side)).map_err(|error| error.to_string())?;
        for entry in entries {
            files.push(entry.map_err(|error| error.to_string())?.path());
        }
    }
    Ok(Box::new(move || {
        let options = DecodeOptions::default();
        let read = files.par_iter().map(|path| read(path, &options).map(|_| 1.0));
        read.sum::<Result<f64, _>>().map_err(|error| error.to_string())
    }))
}
