//! What this host has to have for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::engine::container::record::Container;
use crate::engine::{Context, runtime};

/// A version as criu counts: 3.11 is 31100.
pub(super) const MINIMUM: u32 = 31_100;
/// For containers that come into a pod.
pub(super) const FOR_PODS: u32 = 31_600;

/// Whether criu is there, and new enough.
pub(super) fn check(wanted: u32) -> Result<()> {
    let found = version()?;
    if found < wanted {
        bail!(
            "checkpoint/restore requires at least CRIU {wanted}, and this is {found}: install a newer criu"
        );
    }
    Ok(())
}

/// Whether the kernel tells which pages of memory were written to.
pub(super) fn check_memory_tracking() -> Result<()> {
    let mut command = Command::new(program()?);
    command.args(["check", "--feature", "mem_dirty_track"]);
    if !is_success(command)? {
        bail!(
            "system (architecture/kernel/CRIU) does not support memory tracking: leave out --pre-checkpoint and --with-previous"
        );
    }
    Ok(())
}

pub(super) fn check_runtime(ctx: &Context, container: &Container) -> Result<()> {
    let mut command = Command::new(runtime::of(ctx, container)?);
    command.args(["checkpoint", "--help"]);
    if !is_success(command)? {
        bail!(
            "configured runtime does not support checkpoint/restore: make the container with another --runtime"
        );
    }
    Ok(())
}

/// Whether the runtime can restore into a pod. It is asked as podman asks: one that knows the option misses its argument.
pub(super) fn check_runtime_for_pods(runtime: &Path) -> Result<()> {
    let output = Command::new(runtime)
        .args(["restore", "--lsm-mount-context"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", runtime.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    let knows = [
        "needs an argument",
        "requires an argument",
        "a value is required",
    ];
    if !knows.iter().any(|words| said.contains(words)) {
        bail!("runtime {} does not support pod restore", runtime.display());
    }
    Ok(())
}

/// As criu counts.
pub(super) fn version() -> Result<u32> {
    let program = program()?;
    let output = Command::new(&program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    parse(&said).with_context(|| format!("{} does not tell its version", program.display()))
}

/// `Version: 3.17.1`
fn parse(said: &str) -> Option<u32> {
    let text = said
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))?;
    let mut numbers = text.trim().split(['.', '-']).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok);
    let (major, minor) = (next()?, next().unwrap_or(0));
    Some(major * 10_000 + minor * 100 + next().unwrap_or(0))
}

/// In PATH, or where a user's PATH does not lead.
fn program() -> Result<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&search).chain(["/usr/sbin".into()]);
    let mut programs = directories.map(|directory| directory.join("criu"));
    programs.find(|path| path.is_file()).context(
        "criu is not installed, and nothing else checkpoints or restores containers: install it (3.11 or newer)",
    )
}

fn is_success(mut command: Command) -> Result<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    let status = status.with_context(|| format!("starting {}", command.get_program().display()))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_counted_as_by_criu() {
        assert_eq!(parse("Version: 3.17.1\nGitID: v3.17\n"), Some(31_701));
        assert_eq!(parse("Version: 4.0\n"), Some(40_000));
        assert_eq!(parse("nothing"), None);
    }
}
