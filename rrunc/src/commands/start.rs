//! `start`: let a created container's process go on.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use nix::unistd::Pid;

use super::notify::Notify;
use crate::birth::{self, Surroundings};
use crate::container::{Root, Status};
use crate::spec;

/// # Errors
/// The container is not in the state `created`.
pub(super) fn run(root: &Root, id: &str) -> Result<ExitCode> {
    let container = root.find_locked(id)?;
    let state = container.state()?;
    match container.status(&state)? {
        Status::Created => {}
        Status::Stopped => bail!("cannot start a container that has stopped"),
        Status::Running => bail!("cannot start an already running container"),
        other => bail!("cannot start a container in the {} state", other.name()),
    }
    let fifo = container.fifo();
    let listening = Notify::of_environment(container.path())
        .map(Notify::listen)
        .transpose()?
        .flatten();
    let mut gate = File::options()
        .write(true)
        // The process holds it open: that it does not means it has just ended.
        .custom_flags(libc::O_NONBLOCK)
        .open(&fifo)
        .context("cannot start a container that has stopped")?;
    gate.write_all(b"0")
        .with_context(|| format!("write {}", fifo.display()))?;
    fs::remove_file(&fifo).with_context(|| format!("remove {}", fifo.display()))?;
    // The bundle may be gone by now; without it there are no hooks.
    if let Ok(spec) = spec::load(&state.bundle) {
        birth::run_hooks(
            "poststart",
            &spec.hooks.poststart,
            &state.for_hooks(Status::Running),
            &Surroundings::at(&state.bundle),
        )?;
    }
    drop(container);
    if let Some(listening) = listening {
        listening.pass_on(Pid::from_raw(state.pid))?;
    }
    Ok(ExitCode::SUCCESS)
}
