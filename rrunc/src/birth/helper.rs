//! What the container's process lacks the powers for in its own mount
//! namespace: its parent sends a helper there, which has them.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::channel::{Channel, Message};
use crate::kernel::process::{Side, clone, exit_now};

/// The container's process asks for something to be opened.
///
/// # Errors
/// It could not be.
pub(super) fn ask(wanted: &Message, channel: &Channel) -> Result<OwnedFd> {
    channel.send(wanted)?;
    match channel.receive_with()? {
        Some((Message::Opened, Some(fd))) => Ok(fd),
        Some((Message::Failed(text), _)) => bail!(text),
        Some((other, _)) => bail!("expected a descriptor, was told {other:?}"),
        None => bail!("the other side of the birth was killed"),
    }
}

/// The parent's answer: what `open` returns in the mount namespace of `pid`.
///
/// # Errors
/// The helper cannot be forked; what else goes wrong is told to the
/// container's process.
pub(super) fn answer(
    pid: Pid,
    channel: &Channel,
    open: impl FnOnce() -> Result<OwnedFd>,
) -> Result<()> {
    // SAFETY: rrunc has one thread.
    match unsafe { clone(CloneFlags::empty(), None) }.context("clone a helper")? {
        Side::Parent(helper) => waitpid(helper, None)
            .map(drop)
            .context("wait for the helper in the container's mount namespace"),
        Side::Child => {
            let told = match enter(pid).and_then(|()| open()) {
                Ok(fd) => channel.send_with(&Message::Opened, fd.as_fd()),
                Err(error) => channel.send(&Message::Failed(format!("{error:#}"))),
            };
            exit_now(told.is_err().into())
        }
    }
}

fn enter(pid: Pid) -> Result<()> {
    let path = format!("/proc/{pid}/ns/mnt");
    let namespace = File::open(&path).with_context(|| format!("open {path}"))?;
    setns(namespace, CloneFlags::CLONE_NEWNS).context("join the container's mount namespace")
}
