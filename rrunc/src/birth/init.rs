//! The child's side of a container's birth, step by step.

use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::ResolveFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, setsid};

use super::become_program::{Confinement, Gate, become_program, give_up};
use super::channel::{Channel, Message};
use super::hooks::Surroundings;
use super::program::environment_of;
use super::rootfs::{Kind, Leave, Rootfs};
use super::{
    Order, console, devices, hooks, masks, mount_new, mounts, namespaces::Layout, settings, stdio,
};
use crate::cgroup::{Entrance, View};
use crate::container::{State, Status};
use crate::kernel::process::{exit_now, hide};
use crate::security::keyring;
use crate::spec::{NamespaceKind, Process};

/// All that the parent made ready.
pub(super) struct Prepared<'a> {
    pub(super) layout: Layout<'a>,
    pub(super) groups: Option<Entrance>,
    pub(super) view: Option<View>,
    pub(super) mounts: Vec<mounts::Plan<'a>>,
    /// The process of the configuration, and what confines it.
    pub(super) process: Process,
    pub(super) confinement: Confinement,
}

/// Be born; never returns.
pub(super) fn grow(
    order: &Order<'_>,
    prepared: Prepared<'_>,
    state: &State,
    channel: &Channel,
) -> ! {
    let Err(error) = steps(order, prepared, state, channel);
    give_up(&error, channel)
}

fn steps(
    order: &Order<'_>,
    prepared: Prepared<'_>,
    state: &State,
    channel: &Channel,
) -> Result<Infallible> {
    let Prepared {
        layout,
        groups,
        view,
        mounts,
        process,
        confinement,
    } = prepared;
    furnish(
        order,
        layout,
        groups,
        view.as_ref(),
        mounts,
        state,
        &process,
        channel,
    )
    .context("error during container init")?;
    let environment = match order.spec.hooks.start_container.is_empty() {
        true => Vec::new(),
        false => environment_of(&process),
    };
    let gate = InitGate {
        environment,
        order,
        state,
    };
    become_program(&process, &confinement, &order.preserved_fds, channel, &gate)
}

/// Everything from the namespaces to the finished root.
#[allow(clippy::too_many_arguments)]
fn furnish(
    order: &Order<'_>,
    layout: Layout<'_>,
    groups: Option<Entrance>,
    view: Option<&View>,
    mounts: Vec<mounts::Plan<'_>>,
    state: &State,
    process: &Process,
    channel: &Channel,
) -> Result<()> {
    layout.enter(channel, groups.as_ref())?;
    drop(groups);
    hide().context("hide the runtime from the container")?;
    setsid().context("setsid")?;
    umask(Mode::empty());
    if layout.makes(NamespaceKind::Cgroup) {
        unshare(CloneFlags::CLONE_NEWCGROUP).context("unshare the cgroup namespace")?;
    }
    if order.new_keyring {
        keyring::join_new(order.id)?;
    }
    if layout.makes(NamespaceKind::Network) {
        settings::raise_loopback()?;
    }
    settings::set_names(order.spec)?;
    settings::write_sysctls(&order.spec.linux.sysctl)?;
    let own_mounts = order.spec.linux.namespace(NamespaceKind::Mount).is_some();
    let terminal = if own_mounts {
        furnish_root(order, view, mounts, state, process, channel)?
    } else {
        enter_foreign_root(order, state, process, channel)?
    };
    if let Some(terminal) = terminal {
        console::make_controlling(terminal)?;
    }
    Ok(())
}

/// The root in a mount namespace of the container's own.
fn furnish_root(
    order: &Order<'_>,
    view: Option<&View>,
    mounts: Vec<mounts::Plan<'_>>,
    state: &State,
    process: &Process,
    channel: &Channel,
) -> Result<Option<OwnedFd>> {
    let (spec, linux) = (order.spec, &order.spec.linux);
    let rootfs = Rootfs::prepare(order.rootfs, linux.rootfs_propagation.as_deref(), channel)?;
    let mut readonly_later = Vec::new();
    for mount in mounts {
        readonly_later.extend(mount.make(&rootfs, view, channel)?);
    }
    if devices::are_wanted(&spec.mounts) {
        devices::make(&rootfs, &linux.devices, linux.has_user_namespace())?;
    }
    run_hooks(order, state, channel)?;
    let terminal = match &order.console {
        Some(socket) => {
            let terminal = console::open(
                rootfs.fd(),
                process.console_size,
                process.user.uid,
                socket.as_fd(),
            )?;
            console::bind(&rootfs, terminal.as_fd())?;
            Some(terminal)
        }
        None => None,
    };
    // The masks need the host's /dev/null, and with it the host's root.
    masks::make_readonly(&rootfs, &linux.readonly_paths)?;
    masks::mask(&rootfs, &linux.masked_paths)?;
    mount_new::make_readonly(readonly_later)?;
    rootfs.enter(if order.no_pivot {
        Leave::Move
    } else {
        Leave::PivotRoot
    })?;
    stdio::reopen_null()?;
    make_directory(&rootfs, &process.cwd)?;
    if spec.root.as_ref().is_some_and(|root| root.readonly) {
        rootfs.make_readonly()?;
    }
    Ok(terminal)
}

/// Those in the runtime's namespaces, by the parent, then those in ours.
fn run_hooks(order: &Order<'_>, state: &State, channel: &Channel) -> Result<()> {
    let hooks = &order.spec.hooks;
    let awaits_devices = !order.spec.linux.net_devices.is_empty();
    if awaits_devices || !hooks.prestart.is_empty() || !hooks.create_runtime.is_empty() {
        channel.send(&Message::RunHooks)?;
        channel.expect(&Message::HooksRan)?;
    }
    hooks::run(
        "createContainer",
        &hooks.create_container,
        &own_view(state).for_hooks(Status::Creating),
        &Surroundings::at(order.rootfs),
    )
}

/// Without a mount namespace the root is only entered: nothing is mounted.
fn enter_foreign_root(
    order: &Order<'_>,
    state: &State,
    process: &Process,
    channel: &Channel,
) -> Result<Option<OwnedFd>> {
    run_hooks(order, state, channel)?;
    let open_terminal = |socket: &OwnedFd| {
        // Of the host: the container has no devpts of its own.
        let root = File::open("/").context("open /")?;
        let (size, owner) = (process.console_size, process.user.uid);
        console::open(root.as_fd(), size, owner, socket.as_fd())
    };
    let terminal = order.console.as_ref().map(open_terminal).transpose()?;
    nix::unistd::chroot(order.rootfs)
        .with_context(|| format!("chroot to {}", order.rootfs.display()))?;
    nix::unistd::chdir("/").context("chdir to /")?;
    make_directory(&Rootfs::at(Path::new("/"))?, &process.cwd)?;
    Ok(terminal)
}

/// The working directory is made when it is missing, as runc does. Not through
/// /proc: what the caller left open there may be a directory of the host's.
fn make_directory(rootfs: &Rootfs, path: &Path) -> Result<()> {
    rootfs
        .open_or_make(path, Kind::Directory, ResolveFlag::empty())
        .map(drop)
        .context("process.cwd")
}

/// The first process of a pid namespace ignores what it has no handler for;
/// one that waits for `start` has nothing to lose. The program begins with the
/// default actions, execve(2) sees to that.
fn end_by_signals() -> nix::Result<()> {
    extern "C" fn end(signal: i32) {
        exit_now(128 + signal)
    }
    for number in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler only calls _exit(2).
        unsafe { signal(number, SigHandler::Handler(end)) }?;
    }
    Ok(())
}

/// The state with the process's number as the process sees it.
fn own_view(state: &State) -> State {
    State {
        pid: Pid::this().as_raw(),
        ..state.clone()
    }
}

/// Ready, recorded, started: then the container's own hooks.
struct InitGate<'a> {
    /// The process's own, for hooks that have none.
    environment: Vec<String>,
    order: &'a Order<'a>,
    state: &'a State,
}

impl Gate for InitGate<'_> {
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.order.fifo.as_ref().map(AsFd::as_fd)
    }

    fn pass(&self, channel: &Channel) -> Result<()> {
        channel.send(&Message::Ready)?;
        channel.expect(&Message::Go)?;
        if let Some(mut fifo) = self.order.fifo.as_ref() {
            end_by_signals().context("wait for start")?;
            fifo.read_exact(&mut [0]).context("wait for start")?;
        }
        let hooks = &self.order.spec.hooks.start_container;
        hooks::run(
            "startContainer",
            hooks,
            &own_view(self.state).for_hooks(Status::Created),
            &Surroundings {
                directory: None,
                environment: &self.environment,
            },
        )
    }
}
