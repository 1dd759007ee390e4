//! Sources of bind mounts: who copies them, and when.
//!
//! Most are copied by the container's process. One whose ids are mapped, or
//! that a container with a user namespace could not reach, is copied before the
//! birth, with the runtime's powers. And one that lies in the root file system
//! may be mounted only on the way: then the process asks its parent, which
//! sends a helper into the mount namespace.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::channel::{Channel, Message};
use super::mounts::Plan;
use crate::kernel::process::{Side, clone, exit_now};
use crate::spec::Spec;

/// Who copies the source of a bind mount.
#[derive(Debug)]
pub(super) enum Source {
    /// The container's process, when it gets there.
    OfChild,
    /// Copied before its birth: its user namespace has not the powers.
    Open(OwnedFd),
    /// As that, but what is below the root file system may be mounted only by then: the parent
    /// copies it when it is asked.
    OfParent,
}

/// The container's process asks for a source that its parent has to copy.
pub(super) fn ask_parent(index: usize, channel: &Channel) -> Result<OwnedFd> {
    channel.send(&Message::OpenSource(index))?;
    match channel.receive_with()? {
        Some((Message::SourceOpened, Some(tree))) => Ok(tree),
        Some((Message::Failed(text), _)) => bail!(text),
        Some((other, _)) => bail!("expected a mount, was told {other:?}"),
        None => bail!("the other side of the birth was killed"),
    }
}

/// The parent's answer, by a process that enters the container's mount
/// namespace with the parent's powers.
///
/// # Errors
/// It cannot be forked; what else goes wrong is told to the container's
/// process.
pub(super) fn answer(
    spec: &Spec,
    bundle: &Path,
    index: usize,
    pid: Pid,
    channel: &Channel,
) -> Result<()> {
    // SAFETY: rrunc has one thread.
    match unsafe { clone(CloneFlags::empty(), None) }.context("clone to open a mount's source")? {
        Side::Parent(helper) => waitpid(helper, None)
            .map(drop)
            .context("wait for a mount's source"),
        Side::Child => {
            let told = match open_inside(spec, bundle, index, pid) {
                Ok(tree) => channel.send_with(&Message::SourceOpened, tree.as_fd()),
                Err(error) => channel.send(&Message::Failed(format!("{error:#}"))),
            };
            exit_now(told.is_err().into())
        }
    }
}

fn open_inside(spec: &Spec, bundle: &Path, index: usize, pid: Pid) -> Result<OwnedFd> {
    let path = format!("/proc/{pid}/ns/mnt");
    let namespace = File::open(&path).with_context(|| format!("open {path}"))?;
    setns(namespace, CloneFlags::CLONE_NEWNS).context("join the container's mount namespace")?;
    let entry = spec
        .mounts
        .get(index)
        .ok_or_else(|| anyhow!("mounts[{index}] is not there"))?;
    Plan::new(index, entry, bundle, bundle, None)?.open_source(spec)
}
