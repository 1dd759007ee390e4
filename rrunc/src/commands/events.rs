//! `events`: what happens to a container's memory, and its statistics.

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use serde::Serialize;

use crate::cgroup::{Manager, OomWatch, Statistics};
use crate::cli::Events;
use crate::container::{Root, State, Status};
use crate::kernel::process;
use crate::log::Log;

/// Print until the container has ended; with `--stats` once.
///
/// # Errors
/// The container does not run, or has no cgroup.
pub(super) fn run(root: &Root, options: &Events, log: &Log) -> Result<ExitCode> {
    let container = root.find(&options.id)?;
    let state = container.state()?;
    ensure!(
        container.status(&state)? != Status::Stopped,
        "container with id {} is not running",
        options.id
    );
    ensure!(
        !state.cgroup_paths.is_empty(),
        "container has no cgroup, which is what counts for it: set linux.cgroupsPath"
    );
    let manager = Manager::from_paths(state.cgroup_paths.clone());
    if options.stats {
        return print_statistics(&state, &manager);
    }
    watch(&state, &manager, options.interval, log)
}

fn print_statistics(state: &State, manager: &Manager) -> Result<ExitCode> {
    let mut statistics = manager.statistics()?;
    if let Some(group) = &state.resctrl {
        statistics.intel_rdt = group.usage()?;
    }
    print_event("stats", state, Some(statistics))
}

/// One line of output; readers go by the order of the fields.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Statistics>,
}

fn print_event(kind: &str, state: &State, data: Option<Statistics>) -> Result<ExitCode> {
    let event = Event {
        kind,
        id: &state.id,
        data,
    };
    super::print(&(serde_json::to_string(&event)? + "\n"))
}

fn watch(state: &State, manager: &Manager, interval: Duration, log: &Log) -> Result<ExitCode> {
    let ooms = manager.watch_oom()?;
    let init = open_process(state)?;
    let mut next = Instant::now() + interval;
    while state.is_alive() {
        let ready = wait(&ooms, init.as_ref(), next)?;
        if ready {
            for _ in 0..ooms.take()? {
                print_event("oom", state, None)?;
            }
        } else {
            next += interval;
            if let Err(error) = print_statistics(state, manager) {
                log.warn(&format!("{error:#}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether something happened before the time was up.
fn wait(ooms: &OomWatch, init: Option<&OwnedFd>, until: Instant) -> Result<bool> {
    let mut watched = vec![PollFd::new(ooms.as_fd(), PollFlags::POLLIN)];
    watched.extend(init.map(|init| PollFd::new(init.as_fd(), PollFlags::POLLIN)));
    let left = until.saturating_duration_since(Instant::now());
    let milliseconds = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
    let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
    match poll(&mut watched, timeout) {
        Err(Errno::EINTR) => Ok(true),
        other => Ok(other.context("poll")? > 0),
    }
}

/// `None` when the process has just ended.
fn open_process(state: &State) -> Result<Option<OwnedFd>> {
    match process::open(Pid::from_raw(state.pid)) {
        Err(Errno::ESRCH) => Ok(None),
        other => other.map(Some).context("open the container's process"),
    }
}
