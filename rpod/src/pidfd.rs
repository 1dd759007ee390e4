//! A process as a descriptor: it stays this process's whatever becomes of the number, and is readable when the process has ended.

use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

/// How long a killed process may take to be gone: longer only where the kernel itself does not get on, as on a dead disk.
const KILLED: Duration = Duration::from_secs(30);

/// pidfd_open(2); nothing if there is no such process. The number may have become another process's: whoever asks has to look
/// once more, after this.
pub fn open(pid: i32) -> Result<Option<OwnedFd>> {
    // SAFETY: the call takes two numbers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match Errno::result(fd) {
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows of it.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })),
        Err(Errno::ESRCH | Errno::EINVAL) => Ok(None),
        Err(errno) => Err(errno).with_context(|| format!("opening process {pid}")),
    }
}

/// Kills a process and waits until it is gone, and with it the sockets that it held. One that has ended is no error.
pub fn end(process: &impl AsFd) -> Result<()> {
    let fd = process.as_fd().as_raw_fd();
    let none: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: without a siginfo_t the kernel reads only the numbers.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            fd,
            Signal::SIGKILL as i32,
            none,
            0,
        )
    };
    match Errno::result(sent) {
        Ok(_) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(errno).context("killing it"),
    }
    if !ends_within(process, KILLED)? {
        bail!("it was killed and is not gone after {} s", KILLED.as_secs());
    }
    Ok(())
}

/// True if the process has ended by then. A time too long to be told as a moment is for ever.
pub fn ends_within(process: &impl AsFd, time: Duration) -> Result<bool> {
    let deadline = Instant::now().checked_add(time);
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // The last millisecond is waited for as a whole.
        let millis = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
        });
        let mut watched = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, millis) {
            Ok(0) if deadline.is_none_or(|at| Instant::now() < at) => {}
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("waiting for a process"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn who_is_ended_is_gone() {
        let mut child = Command::new("sleep")
            .arg("600")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let process = open(child.id().cast_signed()).unwrap().unwrap();
        assert!(!ends_within(&process, Duration::from_millis(2)).unwrap());
        end(&process).unwrap();
        assert!(ends_within(&process, Duration::ZERO).unwrap());
        child.wait().unwrap();
        end(&process).unwrap();
        assert!(ends_within(&process, Duration::MAX).unwrap());
    }
}
