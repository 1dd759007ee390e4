//! `ps`: the container's processes, as this side numbers them.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, ensure};

use crate::cgroup::Manager;
use crate::cli::{ListFormat, Ps};
use crate::container::Root;

/// # Errors
/// The container has no cgroup, or ps(1) fails.
pub(super) fn run(root: &Root, options: &Ps) -> Result<ExitCode> {
    let state = root.find(&options.id)?.state()?;
    ensure!(
        !state.cgroup_paths.is_empty(),
        "container has no cgroup, which is what tells its processes: set linux.cgroupsPath"
    );
    let mut pids = Manager::from_paths(state.cgroup_paths).pids()?;
    pids.sort_unstable();
    match options.format {
        ListFormat::Json => super::print(&(serde_json::to_string(&pids)? + "\n")),
        ListFormat::Table => {
            let all = ask_ps(&options.options)?;
            super::print(&of_container(&all, &pids)?)
        }
    }
}

/// The host's ps(1): it alone understands its options.
fn ask_ps(options: &[String]) -> Result<String> {
    let mut command = Command::new("ps");
    match options {
        [] => command.arg("-ef"),
        options => command.args(options),
    };
    let output = command.output().context("run ps")?;
    ensure!(
        output.status.success(),
        "ps: {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    String::from_utf8(output.stdout).context("ps printed no UTF-8")
}

/// The header, and the lines whose PID is one of these.
fn of_container(all: &str, pids: &[i32]) -> Result<String> {
    let mut lines = all.lines();
    let header = lines.next().unwrap_or_default();
    let column = header
        .split_whitespace()
        .position(|title| title == "PID")
        .ok_or_else(|| anyhow!("couldn't find PID field in ps output: let ps print the PID"))?;
    let is_ours = |line: &&str| {
        line.split_whitespace()
            .nth(column)
            .and_then(|pid| pid.parse().ok())
            .is_some_and(|pid| pids.contains(&pid))
    };
    let ours = lines.filter(is_ours);
    Ok(std::iter::once(header)
        .chain(ours)
        .map(|line| format!("{line}\n"))
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::of_container;

    #[test]
    fn the_pid_is_found_by_its_title() {
        let all = "UID PID CMD\nroot 1 init\nroot 12 sh -c 1\n";
        assert_eq!(
            of_container(all, &[12]).unwrap(),
            "UID PID CMD\nroot 12 sh -c 1\n"
        );
        of_container("CMD\nsh\n", &[1]).unwrap_err();
    }
}
