//! How a container is born, told in order.
//!
//! ```text
//!  parent (create, run)                       child (the container's process)
//!  ────────────────────                       ───────────────────────────────
//!  seal: run from a read-only mount
//!  read names, options, filters; open what is joined; make the cgroup
//!  clone3: into the namespaces and cgroup v2
//!  record the pid                             enter the v1 cgroups
//!  write the id maps ───── IdsMapped ───────▶ (with a new user namespace)
//!                                             join, setsid, cgroup namespace, keyring
//!                                             loopback, names, sysctls
//!                                             root, mounts, devices
//!  a helper opens it ◀─ OpenRoot, OpenSource ─ (with what a user namespace cannot reach)
//!        │ ───────────────── Opened ────────▶
//!  devices, prestart, createRuntime ◀ RunHooks ── (with such hooks or devices)
//!        │ ───────────────── HooksRan ──────▶ createContainer hooks
//!        │                                    terminal ──▶ console socket
//!        │                                    read-only and masked paths, pivot_root
//!        │                                    limits, descriptors, user, capabilities
//!  to the agent ◀────────── Listener ──────── (with a seccomp listener)
//!        │ ─────────────── ListenerSent ────▶ find the program
//!  created         ◀──────── Ready ──────────
//!        │ ─────────────────── Go ──────────▶ create: read from exec.fifo
//!        │                                    startContainer hooks, execve
//! ```
//!
//! At any point the child may say `Failed` with its reason, and a side that
//! finds the other's end closed gives up: the child ends, the parent undoes
//! what it made. With a process between (see [`namespaces`]) `MapIds`,
//! `IdsMapped` and `Born` come first; the child waits until `Born` is said.

mod become_program;
mod between;
mod bind_attributes;
mod cgroup_mount;
mod channel;
mod console;
mod copy_up;
mod devices;
mod helper;
mod hooks;
mod ids;
mod init;
mod join;
mod masks;
mod mount_new;
mod mount_source;
mod mount_table;
mod mounts;
mod namespaces;
mod net_devices;
mod options;
mod places;
mod program;
mod rootfs;
mod seal;
mod settings;
mod stdio;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use self::become_program::Confinement;
use self::channel::{Channel, Message};
use self::init::{Prepared, grow};
use self::namespaces::Layout;
use crate::cgroup::{Holder, Manager, View};
use crate::container::{State, Status, start_time};
use crate::kernel::process::Side;
use crate::kernel::procfs;
use crate::log::Log;
use crate::security::seccomp::{Cache, Listener};
use crate::spec::Spec;
use crate::tuning::Affinity;

pub(crate) use channel::receive_descriptor;
pub(crate) use console::resize;
pub(crate) use hooks::{Surroundings, run as run_hooks};
pub(crate) use join::{Guest, join};
pub(crate) use places::make_places;
pub(crate) use program::NotExecuted;
pub(crate) use seal::seal;

/// What is to be born.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) id: &'a str,
    pub(crate) bundle: &'a Path,
    pub(crate) rootfs: &'a Path,
    pub(crate) spec: &'a Spec,
    /// Absent when no cgroup is asked for.
    pub(crate) cgroup: Option<&'a Manager>,
    /// Holds the process back until `start`.
    pub(crate) fifo: Option<File>,
    /// Takes the terminal's master.
    pub(crate) console: Option<OwnedFd>,
    /// Descriptors after stdio that the process inherits.
    pub(crate) preserved_fds: Vec<u32>,
    pub(crate) no_pivot: bool,
    pub(crate) new_keyring: bool,
    /// Filters that were compiled before.
    pub(crate) filters: &'a Cache,
    /// Takes warnings.
    pub(crate) log: &'a Log,
}

/// A process that waits for [`Newborn::go`]. Dropped before that, it is
/// killed.
#[derive(Debug)]
pub(crate) struct Newborn {
    pid: Pid,
    channel: Channel,
    gone: bool,
}

/// Give birth, up to the point where the process may go on. `state` gets its
/// pid, and is recorded while the process grows.
///
/// # Errors
/// A step of either side; the process is dead then.
pub(crate) fn give_birth(
    order: &Order<'_>,
    state: &mut State,
    record: impl FnOnce(&State) -> Result<()>,
) -> Result<Newborn> {
    let (prepared, holder) = prepare(order)?;
    if let (Some(group), Some(wanted)) = (&state.resctrl, &order.spec.linux.intel_rdt) {
        group.make(wanted)?;
    }
    let listener = prepared
        .confinement
        .filter()
        .and_then(|filter| filter.listener.clone());
    let (ours, theirs) = Channel::pair()?;
    match prepared
        .layout
        .fork(&ours, &theirs, prepared.groups.as_ref())?
    {
        Side::Child => {
            drop(ours);
            grow(order, prepared, state, &theirs)
        }
        Side::Parent(pid) => {
            let newborn = Newborn {
                pid,
                channel: ours,
                gone: false,
            };
            drop((theirs, prepared, holder));
            state.pid = pid.as_raw();
            state.start_time = start_time(pid).unwrap_or_default();
            if let Some(score) = order
                .spec
                .process
                .as_ref()
                .and_then(|process| process.oom_score_adj)
            {
                set_oom_score(pid, score)?;
            }
            if let Some(group) = &state.resctrl {
                group.enter(pid)?;
            }
            record(state)?;
            newborn.attend(order.spec, listener.as_ref(), state)?;
            Ok(newborn)
        }
    }
}

/// The holder keeps a scope of systemd's until the process is in it; it is the parent's to end.
fn prepare<'a>(order: &Order<'a>) -> Result<(Prepared<'a>, Option<Holder>)> {
    let spec = order.spec;
    let process = spec
        .process
        .clone()
        .ok_or_else(|| anyhow!("process: not given"))?;
    let mut holder = None;
    let groups = match order.cgroup {
        Some(manager) => {
            holder = manager.make(order.id, spec)?;
            Some(manager.entrance()?)
        }
        None => None,
    };
    let shows_groups = spec
        .mounts
        .iter()
        .any(|mount| matches!(mount.kind.as_deref(), Some("cgroup" | "cgroup2")));
    let prepared = Prepared {
        layout: Layout::open(&spec.linux)?,
        groups,
        view: match order.cgroup {
            _ if !shows_groups => None,
            Some(manager) => Some(manager.view()?),
            None => Some(View::of_the_callers()?),
        },
        mounts: mounts::plan(spec, order.bundle, order.rootfs)?,
        confinement: Confinement::prepare(
            &process,
            spec,
            Affinity::OfGroup,
            order.filters,
            order.log,
        )?,
        process,
    };
    Ok((prepared, holder))
}

/// From outside, where the right to lower it is.
fn set_oom_score(pid: Pid, score: i32) -> Result<()> {
    procfs::write(&format!("{pid}/oom_score_adj"), &score.to_string())
        .context("process.oomScoreAdj")
}

impl Newborn {
    /// The process, as this side numbers it.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Answer the child until it is ready.
    fn attend(&self, spec: &Spec, listener: Option<&Listener>, state: &State) -> Result<()> {
        let hooks = &spec.hooks;
        loop {
            match self.channel.receive_with()? {
                Some((Message::RunHooks, _)) => {
                    net_devices::move_all(&spec.linux.net_devices, self.pid)?;
                    let bundle = &state.bundle;
                    let state = state.for_hooks(Status::Creating);
                    let at = Surroundings::at(bundle);
                    hooks::run("prestart", &hooks.prestart, &state, &at)?;
                    hooks::run("createRuntime", &hooks.create_runtime, &state, &at)?;
                    self.channel.send(&Message::HooksRan)?;
                }
                Some((Message::OpenSource(index), _)) => {
                    helper::answer(self.pid, &self.channel, || {
                        mount_source::open_inside(spec, &state.bundle, index)
                    })?;
                }
                Some((Message::OpenRoot, _)) => {
                    helper::answer(self.pid, &self.channel, || {
                        rootfs::bind_onto_itself(&state.rootfs)
                    })?;
                }
                Some((Message::Listener, Some(fd))) => {
                    let agent = listener
                        .ok_or_else(|| anyhow!("a seccomp listener that nobody asked for"))?;
                    let state = serde_json::to_value(state.for_hooks(Status::Creating))?;
                    agent.send(std::os::fd::AsFd::as_fd(&fd), self.pid.as_raw(), state)?;
                    self.channel.send(&Message::ListenerSent)?;
                }
                Some((Message::Ready, _)) => return Ok(()),
                Some((Message::Failed(text), _)) => bail!(text),
                Some((other, _)) => bail!("the container's process said {other:?} out of turn"),
                None => bail!("the container's process was killed while it was made"),
            }
        }
    }

    /// Let the process go on to wait for `start`.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn go(mut self) -> Result<Pid> {
        self.channel.send(&Message::Go)?;
        self.gone = true;
        Ok(self.pid)
    }

    /// Let the process go on, and wait until it is its program.
    ///
    /// # Errors
    /// The program could not be started.
    pub(crate) fn go_to_program(mut self) -> Result<Pid> {
        self.channel.send(&Message::Go)?;
        match self.channel.receive()? {
            None => {
                self.gone = true;
                Ok(self.pid)
            }
            Some(Message::Failed(text)) => bail!(text),
            Some(Message::NotExecuted(text)) => Err(NotExecuted(text).into()),
            Some(other) => bail!("the container's process said {other:?} out of turn"),
        }
    }
}

impl Drop for Newborn {
    /// What was not let go must not be left behind, nor as a zombie.
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        match kill(self.pid, Signal::SIGKILL).and_then(|()| waitpid(self.pid, None)) {
            Ok(_) | Err(Errno::ESRCH | Errno::ECHILD) => {}
            Err(errno) => eprintln!(
                "rrunc: kill the half-made process {}: {}",
                self.pid,
                errno.desc()
            ),
        }
    }
}
