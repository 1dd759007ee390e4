//! The process inside: what it runs, as whom, and with which environment.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::engine::container::record::Container;

#[derive(Args, Debug)]
pub(super) struct ProcessOptions {
    /// Overwrite the default ENTRYPOINT of the image
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Set environment variables in container
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "FILE")]
    env_file: Vec<std::path::PathBuf>,
    /// Add additional groups to the primary container process
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
    /// Make STDIN available to the contained process
    #[arg(short, long)]
    interactive: bool,
    /// Allocate a pseudo-TTY for container
    #[arg(short, long)]
    tty: bool,
    /// Set umask in container
    #[arg(long, value_name = "UMASK")]
    umask: Option<String>,
    /// Username or UID (format: <name|uid>[:<group|gid>])
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
}

impl ProcessOptions {
    pub(super) fn apply(&self, c: &mut Container, command: &[String]) -> Result<()> {
        let process = &mut c.process;
        process.command = command.to_vec();
        process.env.extend(environment(&self.env_file, &self.env)?);
        process.workdir = self.workdir.clone().unwrap_or_default();
        process.workdir_asked = self.workdir.is_some();
        if self
            .workdir
            .as_deref()
            .is_some_and(|dir| !dir.starts_with('/'))
        {
            bail!(
                "the working directory {:?} is invalid, it needs to be an absolute path",
                process.workdir
            );
        }
        process.user = self.user.clone().unwrap_or_default();
        process.groups = self.group_add.clone();
        process.umask = self.umask.clone();
        process.tty = self.tty;
        process.stdin = self.interactive;
        Ok(())
    }

    /// Nothing where the image's is meant.
    pub(super) fn entrypoint(&self) -> Result<Option<Vec<String>>> {
        self.entrypoint.as_deref().map(entrypoint).transpose()
    }
}

/// A JSON list or one word; empty clears the image's.
fn entrypoint(text: &str) -> Result<Vec<String>> {
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .with_context(|| format!("entrypoint {text:?} is no JSON list of strings"));
    }
    Ok(if text.is_empty() {
        Vec::new()
    } else {
        vec![text.to_owned()]
    })
}

/// Variables of the files, then of the options.
pub(in crate::cli) fn environment(
    files: &[std::path::PathBuf],
    options: &[String],
) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for path in files {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        all.extend(lines.filter_map(variable));
    }
    all.extend(options.iter().filter_map(|text| variable(text)));
    Ok(all)
}

/// `NAME=VALUE`; `NAME` alone takes the caller's value, if there is one.
fn variable(text: &str) -> Option<String> {
    if text.contains('=') {
        return Some(text.to_owned());
    }
    std::env::var(text)
        .ok()
        .map(|value| format!("{text}={value}"))
}
