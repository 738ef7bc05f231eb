//! The `lookalike` command: arguments in, a result on standard output, an exit status.
//!
//! Exit status 0: done, gates passed. 1: a gate failed. 2: an error. A reader that closes the pipe
//! ends the program silently.

mod args;
mod commands;
mod limit_record;
mod log;
mod output;
mod print;
mod report;

use std::process::ExitCode;

use clap::Parser;

#[cfg(feature = "deep")]
use lookalike_train::reconstruction::Task;

use crate::args::{Cli, Command, JudgeCommand};
use crate::output::is_broken_pipe;

/// Planes of large pictures come and go all the time; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ended, short of an error that stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done; gates passed.
    Passed,
    /// Done; a gate failed.
    GateFailed,
    /// Done as far as possible; something could not be scored.
    Incomplete,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Passed => Self::SUCCESS,
            Status::GateFailed => Self::from(1),
            Status::Incomplete => Self::from(2),
        }
    }
}

/// Makes the device that was asked for the choice of the process.
fn choose_device(cli: &Cli) -> anyhow::Result<()> {
    let name = cli.global.device.as_str();
    if name == "cpu" {
        return Ok(());
    }
    #[cfg(feature = "deep")]
    {
        if let Command::Train(args) = &cli.command
            && let Some(what) = args.on_the_processor_alone()
        {
            anyhow::bail!("{what} learns on the processor alone; leave --device out");
        }
        Ok(lookalike::deep::Compute::named(name)?.choose()?)
    }
    #[cfg(not(feature = "deep"))]
    anyhow::bail!(
        "the device '{name}': this program was built without networks; leave --device out"
    )
}

fn run(cli: &Cli) -> anyhow::Result<Status> {
    choose_device(cli)?;
    match &cli.command {
        Command::Compare(args) => commands::compare::run(args, &cli.global),
        Command::Metrics(args) => commands::metrics::run(args, &cli.global),
        Command::Demo(args) => commands::demo::run(args, &cli.global),
        Command::Weights(args) => commands::weights::run(args, &cli.global),
        Command::Judge(args) => match &args.command {
            JudgeCommand::Bapps(args) => commands::bapps::run(args, &cli.global),
            JudgeCommand::Collect(args) => commands::collection::collect(args, &cli.global),
            JudgeCommand::Export(args) => commands::collection::export(args, &cli.global),
            JudgeCommand::Eval(args) => commands::evaluation::run(args, &cli.global),
            JudgeCommand::Generation(args) => commands::generation::run(args, &cli.global),
        },
        Command::Discover(args) => commands::discover::run(args, &cli.global),
        Command::Studio(args) => commands::studio::run(args, &cli.global),
        #[cfg(feature = "deep")]
        Command::Certify(args) => commands::certify::run(args, &cli.global),
        #[cfg(feature = "deep")]
        Command::Attack(args) => commands::attack::run(args, &cli.global),
        #[cfg(feature = "deep")]
        Command::Train(args) => match &args.command {
            args::TrainCommand::Lpips(args) => commands::train::lpips::run(args, &cli.global),
            args::TrainCommand::Sight(args) => commands::train::sight::run(args, &cli.global),
            args::TrainCommand::Lipsim(args) => commands::train::lipsim::run(args, &cli.global),
            args::TrainCommand::Autoencoder(args) => {
                commands::train::reconstruction::run(Task::Autoencoder, args, &cli.global)
            }
            args::TrainCommand::Vae(args) => {
                commands::train::reconstruction::run(Task::Vae, args, &cli.global)
            }
            args::TrainCommand::SuperResolution(args) => {
                commands::train::reconstruction::run(Task::SuperResolution, args, &cli.global)
            }
            args::TrainCommand::Translate(args) => {
                commands::train::translate::run(args, &cli.global)
            }
        },
        #[cfg(feature = "deep")]
        Command::Translate(args) => commands::translate::run(args, &cli.global),
        #[cfg(feature = "deep")]
        Command::Dataset(args) => commands::dataset::run(args, &cli.global),
        #[cfg(feature = "deep")]
        Command::Study(args) => commands::study::run(args, &cli.global),
        #[cfg(feature = "deep")]
        Command::Optimise(args) => commands::optimise::run(args, &cli.global),
        Command::Completions { shell } => commands::manual::completions(*shell, &cli.global),
        Command::Man { out } => commands::manual::pages(out.as_deref(), &cli.global),
    }
}

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(status) => status.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lookalike: {error:#}");
            ExitCode::from(2)
        }
    }
}
