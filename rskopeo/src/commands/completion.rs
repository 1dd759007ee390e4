//! `completion SHELL`: a script that makes the shell complete our command line.

use std::io::Write as _;

use anyhow::{Context as _, Error, Result};
use clap::{Command, CommandFactory as _};
use clap_complete::aot::{Shell, generate};

use crate::cli::{Cli, Completion};

pub fn run(args: &Completion) -> Result<()> {
    let shell: Shell = args.shell.parse().map_err(Error::msg)?;
    let mut command = Cli::command();
    command.build();
    if args.no_descriptions {
        command = undescribed(command);
    }
    let mut script = Vec::new();
    generate(shell, &mut command, "rskopeo", &mut script);
    (std::io::stdout().write_all(&script)).context("writing the script")
}

fn undescribed(command: Command) -> Command {
    command
        .about(None)
        .mut_args(|arg| arg.help(None).long_help(None))
        .mut_subcommands(undescribed)
}
