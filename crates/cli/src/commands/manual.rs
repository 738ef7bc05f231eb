//! `lookalike completions` and `lookalike man`: what shells and `man` need.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::Status;
use crate::args::{Cli, GlobalArgs};
use crate::output::Output;

/// Prints the completion script of a shell.
pub(crate) fn completions(
    shell: clap_complete::Shell,
    global: &GlobalArgs,
) -> anyhow::Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lookalike", &mut script);
    let mut output = Output::open(global)?;
    output.write_all(&script)?;
    output.finish()?;
    Ok(Status::Passed)
}

/// Prints the manual page of `lookalike`, or writes one page per command into a folder.
pub(crate) fn pages(folder: Option<&Path>, global: &GlobalArgs) -> anyhow::Result<Status> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        let mut output = Output::open(global)?;
        output.write_all(&page)?;
        output.finish()?;
        return Ok(Status::Passed);
    };
    let place = || format!("{}: cannot write the manual pages", folder.display());
    std::fs::create_dir_all(folder).with_context(place)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(place)?;
    Ok(Status::Passed)
}
