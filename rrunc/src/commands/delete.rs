//! `delete`: take away all that a container holds.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::birth::{self, Surroundings};
use crate::cgroup::Manager;
use crate::cli::Delete;
use crate::container::{Container, Root, State, Status};
use crate::log::Log;
use crate::spec;

/// Delete containers, all that can be; the last failure is the command's.
///
/// # Errors
/// There is no such container, or it runs and `--force` was not given.
pub(super) fn run(root: &Root, options: &Delete, log: &Log) -> Result<ExitCode> {
    let mut failed: Option<Error> = None;
    for id in &options.ids {
        if let Err(error) = delete(root, id, options.force, log)
            && let Some(earlier) = failed.replace(error)
        {
            log.fail(&earlier);
        }
    }
    failed.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn delete(root: &Root, id: &str, force: bool, log: &Log) -> Result<()> {
    let container = match root.find_locked(id) {
        Err(_) if force => return Ok(()),
        found => found?,
    };
    let Some(state) = container.load()? else {
        // Killed before it recorded anything, and so before it made anything.
        return container.remove();
    };
    match container.status(&state)? {
        Status::Stopped => {}
        Status::Creating | Status::Created => stop(&container, &state)?,
        _ if force => stop(&container, &state)?,
        other => bail!(
            "cannot delete container {id} that is not stopped: {}",
            other.name()
        ),
    }
    destroy(container, &state, log)
}

/// Kill the process and wait until it has ended.
///
/// # Errors
/// It does not end.
pub(super) fn stop(container: &Container, state: &State) -> Result<()> {
    let pid = Pid::from_raw(state.pid);
    match kill(pid, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(errno).with_context(|| format!("kill {pid}")),
    }
    if container.status(state)? == Status::Paused {
        Manager::from_paths(state.cgroup_paths.clone()).thaw()?;
    }
    for _ in 0..1000 {
        if !state.is_alive() {
            return Ok(());
        }
        sleep(Duration::from_millis(10));
    }
    bail!("container init still running: process {pid} did not end within 10 s of SIGKILL")
}

/// Take away what a container leaves whose process has ended.
///
/// # Errors
/// Something cannot be taken away; a failing hook is only a warning.
pub(super) fn destroy(container: Container, state: &State, log: &Log) -> Result<()> {
    if !state.cgroup_paths.is_empty() {
        let manager = Manager::from_paths(state.cgroup_paths.clone());
        // Without a pid namespace of its own its other processes live on.
        manager.kill_all()?;
        manager.destroy()?;
    }
    if let Some(group) = &state.resctrl {
        group.remove()?;
    }
    container.remove()?;
    if let Ok(spec) = spec::load(&state.bundle)
        && let Err(error) = birth::run_hooks(
            "poststop",
            &spec.hooks.poststop,
            &state.for_hooks(Status::Stopped),
            &Surroundings::at(&state.bundle),
        )
    {
        log.warn(&format!("{error:#}"));
    }
    Ok(())
}
