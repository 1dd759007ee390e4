//! The last part of every process that is born, of `create` and of `exec`:
//! give up powers in the order that keeps each step possible, then exec.

use std::convert::Infallible;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use anyhow::{Context, Error, Result};
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::channel::{Channel, Message};
use super::program::{self, NotExecuted, Program};
use super::stdio;
use crate::annotations;
use crate::kernel::process::{close_all_but, exit_now};
use crate::log::Log;
use crate::security::capabilities::Sets;
use crate::security::lsm::Label;
use crate::security::no_new_privs;
use crate::security::rlimits::Limits;
use crate::security::seccomp::{Cache, Filter};
use crate::spec::{Process, Spec};
use crate::tuning::{Affinity, Tuning};

/// What confines the process, made ready by the parent.
pub(super) struct Confinement {
    capabilities: Option<Sets>,
    limits: Limits,
    label: Label,
    filter: Option<Filter>,
    tuning: Tuning,
    keeps_groups: bool,
}

impl Confinement {
    /// Resolve all names and compile the filter.
    ///
    /// # Errors
    /// A name that means nothing, or a module that the kernel does not have.
    pub(super) fn prepare(
        process: &Process,
        spec: &Spec,
        affinity: Affinity,
        filters: &Cache,
        log: &Log,
    ) -> Result<Confinement> {
        let receiver = annotations::seccomp_receiver(&spec.annotations);
        let prepare = |profile| Filter::prepare(profile, receiver, filters);
        let filter = spec.linux.seccomp.as_ref().map(prepare).transpose()?;
        if let Some(filter) = &filter {
            log.debug(|| format!("seccomp filter flags: {}", filter.flags()));
        }
        let limits = Limits::prepare(&process.rlimits)?;
        limits.make_room();
        Ok(Confinement {
            keeps_groups: annotations::keeps_groups(&spec.annotations),
            tuning: Tuning::prepare(process, &spec.linux, affinity)?,
            capabilities: process
                .capabilities
                .as_ref()
                .map(|wanted| Sets::prepare(wanted, log))
                .transpose()?,
            limits,
            label: Label::prepare(
                process.apparmor_profile.as_deref(),
                process.selinux_label.as_deref(),
            )?,
            filter,
        })
    }

    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }
}

/// What holds the process back between being ready and going on.
pub(super) trait Gate {
    /// Tell the parent, and wait until the process may start.
    fn pass(&self, channel: &Channel) -> Result<()>;

    /// What it needs for that, besides the channel.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// Become the process's program.
///
/// # Errors
/// Returns only when a step failed.
pub(super) fn become_program(
    process: &Process,
    confinement: &Confinement,
    preserved_fds: &[u32],
    channel: &Channel,
    gate: &dyn Gate,
) -> Result<Infallible> {
    confinement.tuning.apply()?;
    confinement.label.apply()?;
    // Whatever is open here would be held until `start`, perhaps for days.
    let needed = [Some(channel.as_fd()), gate.descriptor()];
    let needed = needed.into_iter().flatten().map(|fd| fd.as_raw_fd() as u32);
    close_all_but(needed.chain(preserved_fds.iter().copied()))
        .context("keep the runtime's descriptors from the program")?;
    // A directory that only root may enter, and one that only the user may
    // (on NFS, or by groups): the first that works is it. A profile may deny
    // what the look at it takes.
    let entered = program::enter_directory(&process.cwd).is_ok();
    if process.no_new_privileges {
        no_new_privs::set()?;
    } else {
        // Loading needs CAP_SYS_ADMIN, which the next steps take away.
        load_filter(confinement, channel)?;
    }
    confinement.limits.apply()?;
    change_user(process, confinement, entered)?;
    let program = Program::find(process)?;
    set_umask(process);
    restore_signals()?;
    if process.no_new_privileges {
        // As late as the parent is there to take the listener.
        load_filter(confinement, channel)?;
    }
    gate.pass(channel)?;
    Err(program.start().into())
}

/// The end of a process of which nothing came: the reason is told to the
/// parent, and when there is none any more, to stderr.
pub(super) fn give_up(error: &Error, channel: &Channel) -> ! {
    let text = format!("{error:#}");
    let (reason, code) = match error.downcast_ref::<NotExecuted>() {
        Some(_) => (Message::NotExecuted(text.clone()), NotExecuted::CODE),
        None => (Message::Failed(text.clone()), 1),
    };
    if channel.send(&reason).is_err() {
        eprintln!("{text}");
    }
    exit_now(code.into())
}

fn load_filter(confinement: &Confinement, channel: &Channel) -> Result<()> {
    let Some(filter) = &confinement.filter else {
        return Ok(());
    };
    if let Some(listener) = filter.load()? {
        channel.send_with(&Message::Listener, listener.as_fd())?;
        channel.expect(&Message::ListenerSent)?;
    }
    Ok(())
}

/// `entered`: the process is in its directory.
fn change_user(process: &Process, confinement: &Confinement, entered: bool) -> Result<()> {
    if let Some(sets) = &confinement.capabilities {
        sets.limit_bounding()?;
        nix::sys::prctl::set_keepcaps(true).context("keep capabilities over the change of user")?;
    }
    stdio::give(process.user.uid)?;
    if !confinement.keeps_groups {
        set_groups(process)?;
    }
    let (uid, gid) = (
        Uid::from_raw(process.user.uid),
        Gid::from_raw(process.user.gid),
    );
    setresgid(gid, gid, gid).with_context(|| format!("process.user.gid: setgid {gid}"))?;
    setresuid(uid, uid, uid).with_context(|| format!("process.user.uid: setuid {uid}"))?;
    if confinement.capabilities.is_some() {
        nix::sys::prctl::set_keepcaps(false).context("no longer keep capabilities")?;
    }
    if !entered {
        program::enter_directory(&process.cwd)?;
    }
    match &confinement.capabilities {
        Some(sets) => sets.apply(),
        None => Ok(()),
    }
}

/// In a user namespace without the right to it the groups stay as they are.
fn set_groups(process: &Process) -> Result<()> {
    let groups: Vec<Gid> = process
        .user
        .additional_gids
        .iter()
        .copied()
        .map(Gid::from_raw)
        .collect();
    match setgroups(&groups) {
        Err(Errno::EPERM) if groups.is_empty() => Ok(()),
        other => {
            other.with_context(|| format!("process.user.additionalGids: setgroups {groups:?}"))
        }
    }
}

fn set_umask(process: &Process) {
    umask(Mode::from_bits_truncate(
        process.user.umask.unwrap_or(0o022),
    ));
}

/// Rust ignores SIGPIPE, a shell what it starts in the background SIGINT and
/// SIGQUIT, and `run` blocks what it passes on: none of it is the program's.
fn restore_signals() -> Result<()> {
    for number in Signal::iterator() {
        if matches!(number, Signal::SIGKILL | Signal::SIGSTOP) {
            continue;
        }
        // SAFETY: the default action runs no code of ours.
        unsafe { signal(number, SigHandler::SigDfl) }
            .with_context(|| format!("restore {number}"))?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).context("unblock signals")
}
