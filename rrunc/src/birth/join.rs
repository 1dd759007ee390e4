//! How `exec` brings another process into a container.
//!
//! ```text
//!  parent                                  child
//!  seal, hide; open the init's pidfd
//!  pid namespace of the children
//!  clone3 into cgroup v2                   enter the v1 cgroups
//!        │                                 all other namespaces at once, by the pidfd
//!        │                                 setsid, terminal ──▶ console socket
//!        │                                 confinement, user, program
//!  pid file  ◀────────── Ready ────────────
//!        │ ───────────── Go ──────────────▶ execve
//! ```
//! With a user namespace a process between enters it and then the pid
//! namespace, since the right to the second is in the first.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Pid, setsid};

use super::become_program::{Confinement, Gate, become_program, give_up};
use super::channel::{Channel, Message};
use super::ids::become_root;
use super::namespaces::clone_into;
use super::{Newborn, between, console, set_oom_score};
use crate::cgroup::{Entrance, Manager};
use crate::container::State;
use crate::kernel::process::{self, Side, hide};
use crate::log::Log;
use crate::security::seccomp::Cache;
use crate::spec::{NamespaceKind, Process, Spec};
use crate::tuning::{Affinity, Cpus};

/// What is to join.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    /// The container's configuration, whose namespaces are joined.
    pub(crate) spec: &'a Spec,
    pub(crate) process: &'a Process,
    pub(crate) state: &'a State,
    /// The groups it enters, if there are any.
    pub(crate) cgroup: Manager,
    /// Takes the terminal's master.
    pub(crate) console: Option<OwnedFd>,
    /// Descriptors after stdio that it inherits.
    pub(crate) preserved_fds: Vec<u32>,
    /// Filters that were compiled before.
    pub(crate) filters: &'a Cache,
    /// Takes warnings.
    pub(crate) log: &'a Log,
}

/// Bring the process in, up to the point where it starts its program.
///
/// # Errors
/// A step of either side; the process is dead then.
pub(crate) fn join(guest: &Guest<'_>) -> Result<Newborn> {
    let confinement = Confinement::prepare(
        guest.process,
        guest.spec,
        affinity(guest.process)?,
        guest.filters,
        guest.log,
    )?;
    let listener = confinement
        .filter()
        .and_then(|filter| filter.listener.clone());
    let groups = match guest.cgroup.paths().is_empty() {
        true => None,
        false => Some(guest.cgroup.entrance()?),
    };
    // Before the container can see the child.
    hide().context("hide the runtime from the container")?;
    let init = open_init(guest.state)?;
    let (ours, theirs) = Channel::pair()?;
    match fork(guest, init.as_fd(), &ours, &theirs, groups.as_ref())? {
        Side::Child => {
            drop(ours);
            grow(guest, &confinement, init, groups.as_ref(), &theirs)
        }
        Side::Parent(pid) => {
            let newborn = Newborn {
                pid,
                channel: ours,
                gone: false,
            };
            drop(theirs);
            if let Some(score) = guest.process.oom_score_adj {
                set_oom_score(pid, score)?;
            }
            if let Some(group) = &guest.state.resctrl {
                group.enter(pid)?;
            }
            newborn.attend(guest.spec, listener.as_ref(), guest.state)?;
            Ok(newborn)
        }
    }
}

/// Where the process runs, before and after it is in the container's cgroup;
/// the first is where this process runs from now on.
fn affinity(process: &Process) -> Result<Affinity> {
    let Some(asked) = &process.exec_cpu_affinity else {
        return Ok(Affinity::OfGroup);
    };
    let parse = |list: &Option<String>| {
        list.as_deref()
            .filter(|list| !list.is_empty())
            .map(Cpus::parse)
            .transpose()
            .context("process.execCPUAffinity")
    };
    let initial = parse(&asked.initial)?;
    if let Some(initial) = &initial {
        initial.apply().context("process.execCPUAffinity.initial")?;
    }
    Ok(match (parse(&asked.last)?, initial) {
        (Some(last), _) => Affinity::Only(last),
        (None, Some(_)) => Affinity::Inherited,
        (None, None) => Affinity::OfGroup,
    })
}

/// A descriptor of the init process, which no later process can take over.
fn open_init(state: &State) -> Result<OwnedFd> {
    let fd =
        process::open(Pid::from_raw(state.pid)).context("open the container's init process")?;
    ensure!(state.is_alive(), "cannot exec in a stopped container");
    Ok(fd)
}

fn fork(
    guest: &Guest<'_>,
    init: BorrowedFd<'_>,
    ours: &Channel,
    theirs: &Channel,
    groups: Option<&Entrance>,
) -> Result<Side> {
    let linux = &guest.spec.linux;
    if linux.has_user_namespace() {
        // The container has its maps already: nobody asks for them.
        let no_maps = |_| bail!("expected a birth, was asked for id maps");
        let work = || enter_users_and_fork(guest, init, theirs);
        return between::fork((ours, theirs), groups, work, no_maps);
    }
    if linux.namespace(NamespaceKind::Pid).is_some() {
        setns(init, CloneFlags::CLONE_NEWPID).context("join the pid namespace")?;
    }
    // SAFETY: rrunc has one thread.
    let side = unsafe { clone_into(groups, CloneFlags::empty()) };
    side.context("clone the process")
}

fn enter_users_and_fork(guest: &Guest<'_>, init: BorrowedFd<'_>, channel: &Channel) -> Result<()> {
    setns(init, flags_of(guest.spec)).context("join the container's namespaces")?;
    become_root()?;
    // SAFETY: this process has one thread, as the one it was forked from.
    unsafe { between::bear(CloneFlags::empty(), channel) }.context("clone the process")
}

fn grow(
    guest: &Guest<'_>,
    confinement: &Confinement,
    init: OwnedFd,
    groups: Option<&Entrance>,
    channel: &Channel,
) -> ! {
    let joined = enter(guest, init, groups).and_then(|()| {
        become_program(
            guest.process,
            confinement,
            &guest.preserved_fds,
            channel,
            &GuestGate,
        )
    });
    let Err(error) = joined;
    give_up(&error, channel)
}

fn enter(guest: &Guest<'_>, init: OwnedFd, groups: Option<&Entrance>) -> Result<()> {
    if !guest.spec.linux.has_user_namespace() {
        groups.map_or(Ok(()), Entrance::enter)?;
        let flags = flags_of(guest.spec) - CloneFlags::CLONE_NEWPID;
        if !flags.is_empty() {
            setns(init, flags).context("join the container's namespaces")?;
        }
    }
    // The change of user made the process visible again.
    hide().context("hide the runtime from the container")?;
    setsid().context("setsid")?;
    if let Some(socket) = &guest.console {
        let root = File::open("/").context("open / of the container")?;
        let (size, owner) = (guest.process.console_size, guest.process.user.uid);
        let terminal = console::open(root.as_fd(), size, owner, socket.as_fd())?;
        console::make_controlling(terminal)?;
    }
    Ok(())
}

fn flags_of(spec: &Spec) -> CloneFlags {
    spec.linux
        .namespaces
        .iter()
        .map(|namespace| namespace.kind.flag())
        .collect()
}

struct GuestGate;

impl Gate for GuestGate {
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn pass(&self, channel: &Channel) -> Result<()> {
        channel.send(&Message::Ready)?;
        channel.expect(&Message::Go)
    }
}
