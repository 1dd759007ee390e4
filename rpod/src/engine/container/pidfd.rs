//! A process as a descriptor: readable when it has ended.

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use anyhow::{Context as _, Result};
use nix::errno::Errno;

/// pidfd_open(2). The number may have become another process's; whoever asks has to look again.
pub fn open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = Errno::result(fd).with_context(|| format!("opening process {pid}"))?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
