//! `rpod completion`: podman-completion(1).

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Command};
use clap_complete::aot::{Shell, generate};

use super::{Globals, Verb};

#[derive(Args, Debug)]
pub struct Completion {
    /// Write to the file rather than to standard output
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Do not tell what commands and options are for
    #[arg(long)]
    no_desc: bool,
    /// Shell to complete in
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell"])]
    shell: String,
}

impl Verb for Completion {
    const NAME: &'static str = "completion";
    const ABOUT: &'static str = "Generate a shell completion script";

    fn call(self, _: &Globals) -> Result<u8> {
        let mut script = Vec::new();
        let shell: Shell = (self.shell.parse()).map_err(anyhow::Error::msg)?;
        let mut command = super::root();
        // The verbs' options are there only then.
        command.build();
        if self.no_desc {
            command = undescribed(command);
        }
        generate(shell, &mut command, "rpod", &mut script);
        match &self.file {
            Some(file) => std::fs::write(file, script)
                .with_context(|| format!("writing {}", file.display()))?,
            None => std::io::stdout()
                .write_all(&script)
                .context("writing the script")?,
        }
        Ok(0)
    }
}

fn undescribed(command: Command) -> Command {
    command
        .about(None)
        .mut_args(|arg| arg.help(None).long_help(None))
        .mut_subcommands(undescribed)
}
