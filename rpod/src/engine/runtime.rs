//! The OCI runtime: runc(8)'s command line, and what it says when it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use thiserror::Error;

use super::Context;
use super::container::record::Container;
use crate::output::log;

/// Its global flags: those of containers.conf for a runtime of this name, and those of `--runtime-flag`.
pub fn flags(ctx: &Context, runtime: &Path) -> Vec<String> {
    let name = runtime.file_name().unwrap_or_default().to_string_lossy();
    let configured = &ctx.config.containers_conf.engine.runtimes_flags;
    let configured = configured.get(&*name).into_iter().flatten();
    configured
        .chain(&ctx.globals.runtime_flag)
        .map(|flag| format!("--{}", flag.trim_start_matches('-')))
        .collect()
}

pub fn is_crun(runtime: &Path) -> bool {
    runtime.file_name().is_some_and(|name| name == "crun")
}

/// The runtime that a container was created with: no other knows of it.
pub fn of(ctx: &Context, container: &Container) -> Result<PathBuf> {
    match &container.runtime {
        None => ctx.runtime(),
        Some(runtime) if runtime.is_file() => Ok(runtime.clone()),
        Some(runtime) => bail!(
            "container {} was created with the OCI runtime {}, which is gone: install it again",
            container.name,
            runtime.display()
        ),
    }
}

/// A container's runtime, ready for a subcommand.
pub fn command(ctx: &Context, container: &Container) -> Result<Command> {
    let runtime = of(ctx, container)?;
    let mut command = Command::new(&runtime);
    command.args(flags(ctx, &runtime));
    if container.resources.systemd_cgroup() {
        command.arg("--systemd-cgroup");
    }
    Ok(command)
}

/// Runs `RUNTIME ARGS` on a container and waits; what it writes to standard error is the error.
pub fn call(ctx: &Context, container: &Container, args: &[&str]) -> Result<()> {
    let mut command = command(ctx, container)?;
    // What a unit waits for is told by rpod and the monitor; a runtime would wait for it, too.
    command.args(args);
    log::starting(&command);
    let output = command
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(error(&plain(said.trim())));
    }
    Ok(())
}

/// The message alone of a last line that is a log entry: `time=… level=error msg="…"`.
fn plain(said: &str) -> String {
    let line = said.lines().last().unwrap_or_default();
    match line
        .split_once(" msg=\"")
        .and_then(|(_, rest)| rest.strip_suffix('"'))
    {
        Some(message) => message.replace("\\\"", "\""),
        None => said.to_owned(),
    }
}

/// What the runtime wrote to its log in JSON before it failed.
pub fn logged_error(log: &Path) -> Option<anyhow::Error> {
    #[derive(Deserialize)]
    struct Line {
        level: String,
        msg: String,
    }
    let text = std::fs::read_to_string(log).ok()?;
    let mut lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines
        .rfind(|line| line.level == "error" || line.level == "fatal")
        .map(|line| error(&line.msg))
}

/// Why the runtime could not, as podman tells it apart.
#[derive(Debug, Error)]
pub enum RuntimeError {
    #[error("{0}: OCI runtime attempted to invoke a command that was not found")]
    NotFound(String),
    #[error("{0}: OCI permission denied")]
    NotPermitted(String),
    #[error("{0}: OCI runtime error")]
    Other(String),
}

/// The runtime's own words, led by its name, with podman's class of error.
pub fn error(message: &str) -> anyhow::Error {
    let lower = message.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let message = message.to_owned();
    if any(&["executable file not found", "no such file or directory"]) {
        RuntimeError::NotFound(message).into()
    } else if any(&["permission denied", "operation not permitted"]) {
        RuntimeError::NotPermitted(message).into()
    } else {
        RuntimeError::Other(message).into()
    }
}

/// Sends a signal to the container's first process.
pub fn kill(ctx: &Context, container: &Container, signal: i32) -> Result<()> {
    let id = container.id.as_str();
    call(ctx, container, &["kill", id, &signal.to_string()])
        .map_err(|error| anyhow!("sending signal {signal} to container {id}: {error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_entry_is_told_by_its_message() {
        let said = "time=\"2026-11-24T14:37:29Z\" level=error msg=\"no \\\"x\\\" here\"";
        assert_eq!(plain(said), "no \"x\" here");
        assert_eq!(plain("runc: no such thing"), "runc: no such thing");
    }
}
