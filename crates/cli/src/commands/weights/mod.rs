//! `lookalike weights`: which weights there are, and how they get here.
//!
//! What one name needs does not stop the others: all names are attempted, and what failed decides
//! the exit status.

#[cfg(feature = "deep")]
mod dreamsim;
mod progress;
mod record;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use lookalike_weights::{
    Checkpoint, FetchOptions, Kept, Place, Store, Weights, fetch, manifest, read_file,
    read_file_key,
};

use crate::Status;
use crate::args::{Format, GlobalArgs, WeightsArgs, WeightsCommand};
use crate::output::Output;
use crate::print::{plain_table, tidy};
use progress::Progress;
use record::{ErrorRecord, Report, WeightsRecord};

/// Runs the command.
pub(crate) fn run(args: &WeightsArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    if !matches!(global.format, Format::Text | Format::Json) {
        bail!("lookalike weights writes --format text or json");
    }
    if let WeightsCommand::Convert { input, output, key, patches, force } = &args.command {
        free_name(output, *force)?;
        if input.is_dir() {
            if key.is_some() {
                bail!("--key is of a file; {} is a folder", input.display());
            }
            return convert_folder(input, output, *patches, global);
        }
        if *patches {
            bail!("--patches is of a folder; {} is none", input.display());
        }
        return convert(input, output, key.as_deref(), global);
    }
    let store = Store::open_default()?;
    let mut report = Report::new(&store);
    match &args.command {
        WeightsCommand::List => {
            for entry in manifest() {
                report.weights.push(WeightsRecord::listed(
                    entry,
                    store.place(&entry.name)?,
                    &store,
                ));
            }
            report.write(global, list)
        }
        WeightsCommand::Where { name } => {
            if let Some(name) = name {
                let record = WeightsRecord::of(name, &store)?;
                if record.paths.is_empty() {
                    // The error knows the command that brings them.
                    store.load(name)?;
                }
                report.weights.push(record);
            }
            report.write(global, places)
        }
        WeightsCommand::Fetch { names, url, force } => {
            if url.is_some() && names.len() > 1 {
                bail!("--url is the address of one file; expected one name, found {}", names.len());
            }
            let options = FetchOptions {
                offline: global.offline,
                url: url.clone(),
                mirror: mirror(),
                replace: *force,
                ..FetchOptions::default()
            };
            fetch_all(&store, names, &options, &mut report, global);
            report.write(global, accounts)
        }
        WeightsCommand::Import { files, name, key, force } => {
            let read: Result<Vec<_>, _> =
                files.iter().map(|file| open(file, key.as_deref())).collect();
            let (weights, kept) = store.import(read?, name, *force)?;
            report.loaded(&weights, Some(kept), &store)?;
            report.write(global, accounts)
        }
        WeightsCommand::Verify { names } => {
            verify(&store, names, &mut report, global)?;
            report.write(global, accounts)
        }
        WeightsCommand::Convert { .. } => Ok(Status::Passed),
    }
}

fn mirror() -> Option<String> {
    std::env::var("LOOKALIKE_WEIGHTS_URL").ok().filter(|url| !url.is_empty())
}

fn open(file: &Path, key: Option<&str>) -> lookalike_weights::Result<Checkpoint> {
    key.map_or_else(|| read_file(file), |key| read_file_key(file, key))
}

fn fetch_all(
    store: &Store,
    names: &[String],
    options: &FetchOptions,
    report: &mut Report,
    global: &GlobalArgs,
) {
    for name in names {
        let mut progress = Progress::new(global);
        let outcome = fetch(store, name, options, &mut |event| progress.show(&event));
        progress.finish();
        match outcome {
            Ok(fetched) => {
                for one in fetched {
                    if let Err(error) = report.loaded(&one.weights, one.kept, store) {
                        report.failed(name, &error);
                    }
                }
            }
            Err(error) => report.failed(name, &error),
        }
    }
}

fn verify(
    store: &Store,
    names: &[String],
    report: &mut Report,
    global: &GlobalArgs,
) -> anyhow::Result<()> {
    let mut chosen: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        for entry in manifest() {
            if matches!(store.place(&entry.name)?, Some(Place::Own(_))) {
                chosen.push(&entry.name);
            }
        }
        if chosen.is_empty() {
            progress::say(global, &format!("no weights in {}", store.folder().display()));
        }
    }
    for name in chosen {
        match store.load(name) {
            Ok(weights) => report.loaded(&weights, None, store)?,
            Err(error) => report.failed(name, &error),
        }
    }
    Ok(())
}

/// Refuses names of other files than safetensors, and of those that are there unless they may go.
fn free_name(output: &Path, force: bool) -> anyhow::Result<()> {
    if output.extension().is_none_or(|extension| extension != "safetensors") {
        bail!(
            "{}: weights are converted to safetensors; give a name that ends in .safetensors",
            output.display()
        );
    }
    if output.exists() && !force {
        bail!("{}: there is a file already; replace it with --force", output.display());
    }
    Ok(())
}

/// A build without learned metrics has no use for it.
#[cfg(not(feature = "deep"))]
fn convert_folder(
    input: &Path,
    _output: &Path,
    _patches: bool,
    _global: &GlobalArgs,
) -> anyhow::Result<Status> {
    bail!("{}: this build has no learned metrics, so it converts no folders", input.display());
}

/// DreamSim's published files as one.
#[cfg(feature = "deep")]
fn convert_folder(
    input: &Path,
    output: &Path,
    patches: bool,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let (bytes, networks) = dreamsim::converted(input, patches)?;
    let mut file = lookalike_weights::read_bytes(bytes, &input.display().to_string())?;
    file.write_safetensors(output)?;
    let from = format!("{networks} networks of DreamSim");
    converted(input, output, &from, &file, global)
}

fn convert(
    input: &Path,
    output: &Path,
    key: Option<&str>,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let mut file = open(input, key)?;
    file.write_safetensors(output)?;
    converted(input, output, file.format().as_str(), &file, global)
}

/// Says what a file was made of.
fn converted(
    input: &Path,
    output: &Path,
    from: &str,
    file: &Checkpoint,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let tensors = file.tensors().count();
    let mut out = Output::open(global)?;
    if global.format == Format::Json {
        let record = serde_json::json!({
            "schema": record::SCHEMA,
            "converted": {
                "input": input.display().to_string(),
                "format": from,
                "sha256": file.sha256(),
                "output": output.display().to_string(),
                "tensors": tensors,
            },
        });
        serde_json::to_writer_pretty(&mut out, &record)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}: {tensors} tensors, from {from}", output.display())?;
    }
    out.finish()?;
    Ok(Status::Passed)
}

fn list(output: &mut Output, report: &Report) -> anyhow::Result<()> {
    let mut table = plain_table();
    table.set_header(["name", "here", "licence", "commercial use", "what"]);
    for record in &report.weights {
        table.add_row([
            record.name.as_str(),
            record.here(),
            record.licence.as_str(),
            record.commercial,
            record.title,
        ]);
    }
    writeln!(output, "{}", tidy(&table))?;
    Ok(())
}

fn places(output: &mut Output, report: &Report) -> anyhow::Result<()> {
    let paths: Vec<&PathBuf> = report.weights.iter().flat_map(|record| &record.paths).collect();
    if report.weights.is_empty() {
        writeln!(output, "{}", report.folder.display())?;
    }
    for path in paths {
        writeln!(output, "{}", path.display())?;
    }
    Ok(())
}

fn accounts(output: &mut Output, report: &Report) -> anyhow::Result<()> {
    for record in &report.weights {
        record.write(output)?;
    }
    Ok(())
}

impl Report {
    fn loaded(
        &mut self,
        weights: &Weights,
        kept: Option<Kept>,
        store: &Store,
    ) -> anyhow::Result<()> {
        let mut record = WeightsRecord::of(&weights.name, store)?;
        record.add_content(weights, kept);
        self.weights.push(record);
        Ok(())
    }

    fn failed(&mut self, name: &str, error: &dyn std::fmt::Display) {
        self.errors.push(ErrorRecord { name: name.to_owned(), message: error.to_string() });
    }

    /// Writes the result; errors go to standard error as well, and decide the status.
    #[allow(clippy::print_stderr)]
    fn write(
        &self,
        global: &GlobalArgs,
        text: fn(&mut Output, &Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<Status> {
        let mut output = Output::open(global)?;
        if global.format == Format::Json {
            serde_json::to_writer_pretty(&mut output, self)?;
            writeln!(output)?;
        } else {
            text(&mut output, self)?;
        }
        output.finish()?;
        for error in &self.errors {
            eprintln!("lookalike: {}", error.message);
        }
        Ok(if self.errors.is_empty() { Status::Passed } else { Status::Incomplete })
    }
}
