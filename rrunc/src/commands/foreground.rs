//! Wait for a process as its terminal's user expects: signals are passed on,
//! the exit code becomes ours.

use std::process::ExitCode;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::terminal::Relay;

/// Signals are held back from now on, for [`Foreground::wait`] to pass on.
pub(super) struct Foreground {
    held: SigSet,
}

/// These are about ourselves, or cannot be held back.
const OURS: [Signal; 9] = [
    Signal::SIGURG,
    Signal::SIGPIPE,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGTRAP,
    Signal::SIGKILL,
    Signal::SIGSTOP,
];

impl Foreground {
    /// # Errors
    /// The mask cannot be set.
    pub(super) fn prepare() -> Result<Foreground> {
        let mut held = SigSet::all();
        for signal in OURS {
            held.remove(signal);
        }
        held.thread_block().context("hold signals back")?;
        Ok(Foreground { held })
    }

    /// Wait for the process, with its terminal if it has one.
    ///
    /// # Errors
    /// The terminal cannot be set up, or waiting fails.
    pub(super) fn wait(self, pid: Pid, terminal: Option<Relay>) -> Result<ExitCode> {
        match terminal {
            Some(relay) => relay.run(&self.held, pid),
            None => self.wait_plainly(pid),
        }
    }

    fn wait_plainly(&self, pid: Pid) -> Result<ExitCode> {
        loop {
            match self.held.wait().context("wait for a signal")? {
                Signal::SIGCHLD => {
                    if let Some(code) = reap(pid)? {
                        return Ok(code);
                    }
                }
                signal => pass_on(pid, signal)?,
            }
        }
    }
}

/// The exit code, once the process has ended; others that ended are reaped on
/// the way.
pub(super) fn reap(pid: Pid) -> Result<Option<ExitCode>> {
    let mut code = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(code),
            Ok(WaitStatus::Exited(ended, status)) if ended == pid => {
                code = Some(ExitCode::from(status as u8))
            }
            Ok(WaitStatus::Signaled(ended, signal, _)) if ended == pid => {
                code = Some(ExitCode::from(128 + signal as i32 as u8));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("wait for the container's process"),
        }
    }
}

/// That the process has just ended is no error: its end is about to be seen.
pub(super) fn pass_on(pid: Pid, signal: Signal) -> Result<()> {
    match kill(pid, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno).with_context(|| format!("pass {signal} on to the container")),
    }
}
