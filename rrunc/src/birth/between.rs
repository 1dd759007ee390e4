//! A process between the runtime and the container's: it goes where only it can
//! go, bears the container's process as one of the runtime's, and ends.

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2, read, write};

use super::channel::{Channel, Message};
use super::namespaces::clone_into;
use crate::cgroup::Entrance;
use crate::kernel::process::{Side, clone, exit_now};

/// Fork a process into its groups that does `work`, which ends with [`bear`];
/// `map_ids` is called for it when it asks for its id maps.
///
/// # Errors
/// Of either side. What the process between could not do is said by it.
pub(super) fn fork(
    (ours, theirs): (&Channel, &Channel),
    groups: Option<&Entrance>,
    work: impl FnOnce() -> Result<()>,
    map_ids: impl Fn(Pid) -> Result<()>,
) -> Result<Side> {
    // SAFETY: rrunc has one thread.
    let side = unsafe { clone_into(groups, CloneFlags::empty()) };
    match side.context("clone the process between")? {
        Side::Child => {
            let entered = groups.map_or(Ok(()), Entrance::enter);
            match entered.and_then(|()| work()) {
                Ok(()) => Ok(Side::Child),
                Err(error) => {
                    // Were the parent gone too, there is nobody to tell.
                    let told = theirs.send(&Message::Failed(format!("{error:#}")));
                    exit_now(1 + i32::from(told.is_err()))
                }
            }
        }
        Side::Parent(between) => {
            let born = attend(between, ours, map_ids);
            waitpid(between, None).context("wait for the process between")?;
            born.map(Side::Parent)
        }
    }
}

/// The parent's part while the process between is at work.
fn attend(between: Pid, channel: &Channel, map_ids: impl Fn(Pid) -> Result<()>) -> Result<Pid> {
    loop {
        match channel.receive()? {
            Some(Message::MapIds) => {
                map_ids(between)?;
                channel.send(&Message::IdsMapped)?;
            }
            Some(Message::Born(pid)) => return Ok(Pid::from_raw(pid)),
            Some(Message::Failed(text)) => bail!(text),
            Some(other) => bail!("expected a birth, was told {other:?}"),
            None => bail!("the process between was killed"),
        }
    }
}

/// The last that a process between does: it makes the child, as one of its parent's, and says so. Returns in the child, and not before
/// that is said, so that nothing of the child's is heard earlier.
///
/// # Safety
/// As for [`clone`].
pub(super) unsafe fn bear(flags: CloneFlags, channel: &Channel) -> Result<()> {
    let (said, say) = pipe2(OFlag::O_CLOEXEC).context("make a pipe")?;
    // SAFETY: the caller's promise.
    match unsafe { clone(flags | CloneFlags::CLONE_PARENT, None) }? {
        Side::Parent(pid) => {
            let told = channel.send(&Message::Born(pid.as_raw()));
            let told = told.and_then(|()| Ok(write(&say, b"b")?));
            exit_now(told.is_err().into())
        }
        Side::Child => {
            drop(say);
            match read(&said, &mut [0]) {
                Ok(1) => Ok(()),
                // Nobody knows of us.
                _ => exit_now(1),
            }
        }
    }
}
