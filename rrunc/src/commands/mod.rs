//! One file a command.

mod checkpoint;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod foreground;
mod kill;
mod list;
mod notify;
mod pause;
mod pidfd;
mod ps;
mod request;
mod restore;
mod run;
mod spec;
mod start;
mod state;
mod terminal;
mod update;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::container::Root;
use crate::log::Log;

/// Do what was asked.
///
/// # Errors
/// What ended the command; to be printed once.
pub(crate) fn run(cli: Cli, log: &Log) -> Result<ExitCode> {
    let root = || Root::choose(cli.global.root.as_deref());
    let global = &cli.global;
    match cli.command {
        Command::Checkpoint(options) => checkpoint::run(&root()?, &options, log),
        Command::Create(options) => create::run(&root()?, &options, global, log),
        Command::Delete(options) => delete::run(&root()?, &options, log),
        Command::Events(options) => events::run(&root()?, &options, log),
        Command::Exec(options) => Ok(exec::run(&root()?, &options, log)),
        Command::Features => features::run(),
        Command::Kill(options) => kill::run(&root()?, &options),
        Command::List(options) => list::run(&root()?, &options),
        Command::Pause(options) => pause::pause(&root()?, &options.id),
        Command::Ps(options) => ps::run(&root()?, &options),
        Command::Restore(options) => restore::run(&root()?, &options, global, log),
        Command::Resume(options) => pause::resume(&root()?, &options.id),
        Command::Run(options) => run::run(&root()?, &options, global, log),
        Command::Spec(options) => spec::run(&options),
        Command::Start(options) => start::run(&root()?, &options.id),
        Command::State(options) => state::run(&root()?, &options.id),
        Command::Update(options) => update::run(&root()?, &options, log),
    }
}

/// Print to stdout; that the reader has gone is no error.
pub(super) fn print(text: &str) -> Result<ExitCode> {
    use std::io::{ErrorKind, Write};
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
