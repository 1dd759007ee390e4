//! A process that is in a scope because a scope cannot be without one.

use anyhow::{Context, Result};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pause};

use crate::kernel::process::{Side, clone, exit_now};

/// The process that keeps a scope until the container's own is in it. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Holder(Pid);

impl Holder {
    pub(super) fn pid(&self) -> Pid {
        self.0
    }

    pub(super) fn fork() -> Result<Holder> {
        // SAFETY: rrunc has one thread; the child only waits to be killed.
        match unsafe { clone(CloneFlags::empty(), None) }.context("clone the holder of a scope")? {
            Side::Parent(pid) => Ok(Holder(pid)),
            Side::Child => {
                if nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
                    pause();
                }
                exit_now(1)
            }
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It is our child, so the number is its own until it is waited for.
        if kill(self.0, Signal::SIGKILL)
            .and_then(|()| waitpid(self.0, None))
            .is_err()
        {
            eprintln!("rrunc: the holder {} of a scope cannot be killed", self.0);
        }
    }
}
