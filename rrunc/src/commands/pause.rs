//! `pause` and `resume`: by the freezer.

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};

use crate::cgroup::Manager;
use crate::container::{Root, State, Status};

/// # Errors
/// The container does not run, or has no cgroup.
pub(super) fn pause(root: &Root, id: &str) -> Result<ExitCode> {
    let container = root.find_locked(id)?;
    let state = container.state()?;
    match container.status(&state)? {
        Status::Created | Status::Running => {}
        Status::Paused => bail!("container is paused already"),
        other => bail!("container not running: it is {}", other.name()),
    }
    freezer(&state)?.freeze()?;
    Ok(ExitCode::SUCCESS)
}

/// # Errors
/// The container is not paused.
pub(super) fn resume(root: &Root, id: &str) -> Result<ExitCode> {
    let container = root.find_locked(id)?;
    let state = container.state()?;
    let status = container.status(&state)?;
    ensure!(
        status == Status::Paused,
        "container not paused: it is {}",
        status.name()
    );
    freezer(&state)?.thaw()?;
    Ok(ExitCode::SUCCESS)
}

fn freezer(state: &State) -> Result<Manager> {
    ensure!(
        !state.cgroup_paths.is_empty(),
        "container has no cgroup, which is what pauses it: set linux.cgroupsPath"
    );
    Ok(Manager::from_paths(state.cgroup_paths.clone()))
}
