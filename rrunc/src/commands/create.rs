//! `create`, and what `run` shares with it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use nix::unistd::Pid;

use super::delete;
use super::pidfd;
use super::request::Request;
use crate::annotations;
use crate::birth::{self, Newborn, Order, Surroundings, give_birth};
use crate::cgroup::{InUse, Manager};
use crate::cli::{Create, Global};
use crate::container::{Container, Root, State, Status};
use crate::log::Log;
use crate::spec::{NamespaceKind, Spec};

/// Create a container whose process waits for `start`.
///
/// # Errors
/// Any step; nothing is left of the container then.
pub(super) fn run(root: &Root, options: &Create, global: &Global, log: &Log) -> Result<ExitCode> {
    birth::seal()?;
    let request = Request::read(root, options, global)?;
    let console = request.console(options)?;
    let failed = "rrunc create failed";
    let Made {
        mut container,
        state,
        newborn,
    } = make(root, options, &request, console, Hold::ForStart, log).context(failed)?;
    if let Err(error) = container.unlock().and_then(|()| newborn.go()) {
        delete::destroy(container, &state, log)?;
        return Err(error.context(failed));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the process waits for `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    ForStart,
    No,
}

/// A container that is recorded, its process ready.
pub(super) struct Made {
    pub(super) container: Container,
    pub(super) state: State,
    pub(super) newborn: Newborn,
}

/// Make the container up to its process being ready and recorded.
///
/// # Errors
/// Any step; nothing is left of the container then.
pub(super) fn make(
    root: &Root,
    options: &Create,
    request: &Request,
    console: Option<OwnedFd>,
    hold: Hold,
    log: &Log,
) -> Result<Made> {
    if request.spec.linux.namespace(NamespaceKind::Mount).is_none() {
        log.warn("no mount namespace in linux.namespaces: nothing is mounted or masked");
    }
    let cgroup = request.cgroup(&options.id, log)?;
    let mut state = request.state(&options.id, cgroup.as_ref())?;
    let container = root.create(&options.id)?;
    match fill(
        &container,
        &mut state,
        options,
        request,
        cgroup.as_ref(),
        console,
        hold,
        log,
    ) {
        Ok(newborn) => Ok(Made {
            container,
            state,
            newborn,
        }),
        Err(error) => {
            let cgroup = cgroup.filter(|_| error.downcast_ref::<InUse>().is_none());
            if let Err(left) = undo(container, &state, cgroup.as_ref(), &request.spec) {
                log.warn(&format!("clean up after the failed container: {left:#}"));
            }
            Err(error.context("unable to start container process"))
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn fill(
    container: &Container,
    state: &mut State,
    options: &Create,
    request: &Request,
    cgroup: Option<&Manager>,
    console: Option<OwnedFd>,
    hold: Hold,
    log: &Log,
) -> Result<Newborn> {
    // What a killed create leaves can be deleted: the record tells the cgroups.
    container.save(state)?;
    let fifo = match hold {
        Hold::ForStart => Some(container.make_fifo()?),
        Hold::No => None,
    };
    if let Some(notify) = &request.notify {
        notify.prepare()?;
    }
    let order = Order {
        id: &options.id,
        bundle: &request.bundle,
        rootfs: &state.rootfs.clone(),
        spec: &request.spec,
        cgroup,
        fifo,
        console,
        preserved_fds: inherited(request.descriptors),
        no_pivot: options.no_pivot,
        new_keyring: !options.no_new_keyring,
        filters: &request.filters,
        log,
    };
    let newborn = give_birth(&order, state, |state| container.save(state))?;
    if hold == Hold::ForStart {
        container.show_fifo()?;
    }
    let receiver = annotations::pidfd_receiver(&request.spec.annotations);
    if let Some(socket) = options.pidfd_socket.as_deref().or(receiver) {
        pidfd::send(socket, newborn.pid())?;
    }
    if let Some(path) = &options.pid_file {
        write_pid_file(path, newborn.pid())?;
    }
    Ok(newborn)
}

/// The caller's descriptors among the first `count` after stdio. There may be
/// holes, as crun allows: podman's `--preserve-fd 9` leaves them. Whatever is
/// in one is ours, and marked to be closed by execve(2).
pub(super) fn inherited(count: u32) -> Vec<u32> {
    if count == 0 {
        return Vec::new();
    }
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten();
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let passed_on = |fd: &u32| {
        // SAFETY: takes numbers only.
        let flags = unsafe { libc::fcntl(*fd as i32, libc::F_GETFD) };
        flags == 0 && (3..count.saturating_add(3)).contains(fd)
    };
    numbers.filter(passed_on).collect()
}

/// The process is dead already; take away what was made for it.
fn undo(container: Container, state: &State, cgroup: Option<&Manager>, spec: &Spec) -> Result<()> {
    if let Some(manager) = cgroup {
        manager.destroy()?;
    }
    if let Some(group) = &state.resctrl {
        group.remove()?;
    }
    container.remove()?;
    birth::run_hooks(
        "poststop",
        &spec.hooks.poststop,
        &state.for_hooks(Status::Stopped),
        &Surroundings::at(&state.bundle),
    )
}

/// Write the number whole, by a rename: whoever waits for the file must not
/// read half of it. Nor may it be led elsewhere by a link that was laid in
/// wait under the temporary name.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write_pid_file(path: &Path, pid: Pid) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| anyhow!("--pid-file {}: not a file name", path.display()))?;
    let fresh = path.with_file_name(format!(".{}", name.to_string_lossy()));
    let write = || -> std::io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => fs::File::create_new(&fresh)?.write_all(pid.to_string().as_bytes())?,
        }
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("--pid-file {}", path.display()))
}
