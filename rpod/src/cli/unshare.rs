//! `rpod unshare`: podman-unshare(1).

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use super::{ExitStatus, Globals, Verb};
use crate::engine::{Context, network, rootless};

#[derive(Args, Debug)]
pub struct Unshare {
    /// Join the network namespace in which the bridges of the user's networks are
    #[arg(long)]
    rootless_netns: bool,
    /// COMMAND [ARG...]; the shell if there is none
    #[arg(trailing_var_arg = true, value_name = "[COMMAND [ARG...]]")]
    words: Vec<OsString>,
}

impl Verb for Unshare {
    const NAME: &'static str = "unshare";
    const ABOUT: &'static str = "Run a command in a modified user namespace";

    fn call(self, globals: &Globals) -> Result<u8> {
        if !rootless() {
            bail!("please use unshare with rootless");
        }
        let shell = || std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
        let program = self.words.first().cloned().unwrap_or_else(shell);
        if self.rootless_netns {
            network::shared::enter(&Context::new(globals)?)?;
        }
        let error = Command::new(&program)
            .args(self.words.iter().skip(1))
            .exec();
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => 127,
            _ => 126,
        };
        let message = format!("starting {}: {error}", program.display());
        Err(ExitStatus { code, message }.into())
    }
}
